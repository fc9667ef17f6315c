/* control.c - the members of a control message, of an answer to POST, or of a line of a cursor file
 *
 * The only file of the client that knows jansson. */
#include "client/control.h"

#include "base/err.h"

#include <jansson.h>

#define BYTES_MAX 65536

static struct str text_of(struct control *k, const char *name)
{
	const json_t *v = json_object_get(k->json, name);

	if (v && !json_is_string(v) && !k->wrong)
		k->wrong = name;
	return json_is_string(v) ? str_make(json_string_value(v), json_string_length(v)) : STR("");
}

int control_read(struct control *k, struct str text)
{
	json_t *o;

	*k = (struct control){ 0 };
	if (text.n > BYTES_MAX)
		return ERR_TOO_LARGE;
	k->json = o = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(o))
		return ERR_INVALID;
	k->room = text_of(k, "_room");
	k->id = text_of(k, "_id");
	k->head = text_of(k, "head");
	k->after = text_of(k, "after");
	k->at = text_of(k, "at");
	k->next = text_of(k, "next");
	k->reason = text_of(k, "reason");
	k->code = text_of(k, "code");
	k->error = text_of(k, "error");
	k->detail = text_of(k, "detail");
	k->cursor_room = text_of(k, "room");
	k->cursor_id = text_of(k, "id");
	k->dup = json_is_true(json_object_get(o, "dup"));
	k->summary = json_object_get(o, "accepted") != NULL;
	return 0;
}

void control_fini(struct control *k)
{
	json_decref(k->json);
	k->json = NULL;
}
