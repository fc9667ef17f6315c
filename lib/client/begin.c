/* begin.c - where a subscription begins */
#include "client/begin.h"

#include "base/clock.h"
#include "codec/since.h"

/* The text to subscribe with. `from`: the file of -s @FILE, or NULL. */
static const char *since_of(const struct begin *b, const struct cursor *from, struct str room)
{
	const char *id = NULL;

	/* One position for all must begin at one: else it could pass what is yet to come. */
	if (b->bookmark)
		id = cursor_find(bookmark_cursor(b->bookmark), b->any_pattern ? STR("*") : room);
	if (!id && from)
		id = cursor_find(from, room);
	if (id)
		return id;
	if (b->since && !from)
		return b->since;
	return b->bookmark || from || b->until_end ? "earliest" : "latest";
}

int begin(const struct begin *b, struct client *client, const char *const *rooms, int n_rooms,
	struct err *e)
{
	struct cursor *from = NULL;
	struct since since;
	int rc = 0;

	if (b->since && b->since[0] == '@') {
		from = cursor_open(b->since + 1, e);
		if (!from)
			return e->code;
	} else if (b->since && since_parse(&since, str_of(b->since), clock_wall_ms(), e) != 0) {
		return ERR_USAGE;
	}
	for (int i = 0; i < n_rooms && rc == 0; i++) {
		struct str room = str_of(rooms[i]);

		rc = client_subscribe(client, room, str_of(since_of(b, from, room)), e);
	}
	cursor_free(from);
	return rc;
}
