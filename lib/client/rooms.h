/* rooms.h - what a client subscribes to, and the positions it holds
 *
 *      room a --+
 *      room b --+-- lane: one request, one order, one position that covers its rooms
 *      room c --/        (WebSocket: always one lane; HTTP: one for each different `since`)
 *
 * A room is `own` while its position is not the lane's: it began elsewhere and has not met the lane
 * yet. A message of an own room behind the lane's position moves that room alone; whatever moves
 * the lane past it makes it the lane's (the server merges the rooms of a connection by position, so
 * by then the room has caught up). Positions are opaque text; they are parsed only to be compared,
 * and where that fails the newer text wins. */
#ifndef RT_CLIENT_ROOMS_H
#define RT_CLIENT_ROOMS_H

#include "base/buf.h"

#define ROOMS_ID_MAX 1024 /* bytes of a position, printable ASCII */

struct lane {
	struct buf pos;   /* "" until it has one */
	struct buf head;  /* the end of what was there when it began; "" when unknown */
	struct buf since; /* what its request asks for */
	size_t n_rooms, n_unstarted, n_own;
	bool at_head; /* head was reached */
};

struct room {
	char *name; /* or pattern */
	bool pattern;
	bool started; /* on this connection: it has its start */
	bool own;
	bool leads;       /* the lane's own request asks for it, so that its start is the lane's */
	bool held;        /* since is a position that was held, not what was given */
	struct buf since; /* as given, or the position held: what the next connection asks for */
	size_t lane;      /* index */
};

struct rooms {
	struct room *v;
	size_t n, cap;
	struct lane *lanes;
	size_t n_lanes;
};

void rooms_fini(struct rooms *r);
void rooms_add(struct rooms *r, struct str name, struct str since);
/* Keeps the positions of the connection that ended and cuts the rooms into lanes for the next. With
 * `one` there is one lane whose `since` is that of the first room. Rooms with their lane's `since`
 * lead (a carrier whose request cannot hold them all takes it back). */
void rooms_plan(struct rooms *r, bool one);
/* `name` ("" : every room of the lane) begins at `start`. Returns true when by this every room of
 * every lane has its start. */
bool rooms_start(struct rooms *r, size_t lane, struct str name, struct str start, struct str head);
/* The lane stands at `id` now, by something in room `name` ("": by a heartbeat). Returns true when
 * the lane moved, false when only rooms that are behind it did. */
bool rooms_move(struct rooms *r, size_t lane, struct str name, struct str id);
/* Nothing that is to come before `id` is missing in any room of the lane: those that were behind
 * stand there too. Returns true when there were such. */
bool rooms_quiet(struct rooms *r, size_t lane, struct str id);
/* Every room of every lane has its start. */
bool rooms_started(const struct rooms *r);
/* One position covers everything; the text of it. n == 0 when there is none. */
struct str rooms_position(const struct rooms *r);
/* Every lane reached its head. A `heartbeat` says so where positions cannot be compared. */
bool rooms_at_end(struct rooms *r, size_t lane, bool heartbeat);
/* The room of a lane that has only one, else "". */
struct str rooms_only(const struct rooms *r, size_t lane);

/* Is this text fit to be a position? */
bool rooms_id_ok(struct str id);

#endif
