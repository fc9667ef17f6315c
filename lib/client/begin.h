/* begin.h - where a subscription begins: by the cursor file, -s @FILE, -s, or what is usual
 *
 * A room that a file does not know begins at its earliest. */
#ifndef RT_CLIENT_BEGIN_H
#define RT_CLIENT_BEGIN_H

#include "client/bookmark.h"
#include "client/client.h"

struct begin {
	const struct bookmark *bookmark; /* NULL: no cursor file */
	const char *since;               /* as -s, "@FILE" too; NULL: not given */
	bool any_pattern;                /* among the rooms: one position is kept for all */
	bool until_end;
};

/* Subscribes `client`. 0, or an error with its sentence. */
int begin(const struct begin *b, struct client *client, const char *const *rooms, int n_rooms,
	struct err *e);

#endif
