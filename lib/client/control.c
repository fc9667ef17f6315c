/* control.c - the members of a control message, of an answer to POST, or of a line of a cursor file
 *
 * The only file of the client that knows jansson. */
#include "client/control.h"

#include "base/err.h"

#include <jansson.h>

#define BYTES_MAX 65536

static struct str text_of(const json_t *object, const char *name)
{
	const json_t *v = json_object_get(object, name);

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
	k->room = text_of(o, "_room");
	k->id = text_of(o, "_id");
	k->head = text_of(o, "head");
	k->after = text_of(o, "after");
	k->at = text_of(o, "at");
	k->next = text_of(o, "next");
	k->reason = text_of(o, "reason");
	k->code = text_of(o, "code");
	k->error = text_of(o, "error");
	k->detail = text_of(o, "detail");
	k->cursor_room = text_of(o, "room");
	k->cursor_id = text_of(o, "id");
	k->dup = json_is_true(json_object_get(o, "dup"));
	k->summary = json_object_get(o, "accepted") != NULL;
	return 0;
}

void control_fini(struct control *k)
{
	json_decref(k->json);
	k->json = NULL;
}
