/* listener.h - one subscriber of a load: a connection, and what arrives on it
 *
 * It connects, sends what the profile says, is ready when the server says so, and from then on
 * every message is told from its mark and counted in the tally. It reconnects by the client's rule;
 * what was sent while it was away is not expected of the server. */
#ifndef RT_BENCH_LISTENER_H
#define RT_BENCH_LISTENER_H

#include "bench/profile.h"
#include "bench/streams.h"
#include "bench/tally.h"
#include "client/client.h"

struct listener;

/* Shared by all listeners of a run; kept by reference. */
struct listener_conf {
	uv_loop_t *loop;
	struct tally *tally;
	const struct profile *profile;
	const struct profile_way *way;
	bool any; /* follows whatever is numbered, of any run, and takes the rest as messages too */
	/* ready: for the first time. ended: it has given up, the error is counted. */
	void (*ready)(void *arg, struct listener *l);
	void (*ended)(void *arg, struct listener *l);
	void *arg;
};

/* `client` is copied; its URL and what else it points to are kept by reference. `room_name` is kept
 * as well. NULL and a sentence on a bad setting. Connects at once; it was to at `due_ns`. */
struct listener *listener_new(const struct listener_conf *conf, const struct client_conf *client,
	unsigned room, const char *room_name, uint64_t due_ns, struct err *e);
/* Its connection breaks, by the tool itself, and comes back by the client's rule. */
void listener_drop(struct listener *l);
bool listener_was_ready(const struct listener *l);
/* What it needs to be ready; NULL when it is, or has given up. */
const char *listener_waits_for(const struct listener *l);
/* Everything sent until now has come (or it is not connected, and nothing will). */
bool listener_is_complete(const struct listener *l);
/* What was sent until now was for it, and what has not come is lost: counts. It stays. */
void listener_settle(struct listener *l);
/* The same, and it leaves: closes the connection. */
void listener_leave(struct listener *l);
/* Not from a callback. NULL is fine. */
void listener_free(struct listener *l);

#endif
