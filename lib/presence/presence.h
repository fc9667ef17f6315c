/* presence.h - who is in a room, and who is typing
 *
 * One interface, homes by URL: in memory here; Redis where several instances share the truth.
 * A member is a user; several connections of one user are one member. join and leave report
 * the transitions 0 -> 1 and 1 -> 0 through events, after the grace: only who got the
 * transition announces it. */
#ifndef RT_PRESENCE_PRESENCE_H
#define RT_PRESENCE_PRESENCE_H

#include "base/err.h"
#include "base/list.h"
#include "base/str.h"

struct presence;

struct presence_events {
	void (*joined)(void *arg, struct str room, struct str user, struct str client);
	void (*left)(void *arg, struct str room, struct str user);
};

struct presence_member {
	struct str user;
	int64_t last_seen_ms; /* wall clock */
	bool typing;
};

struct presence_ops {
	const char *scope; /* "instance" or "all", as GET /presence says */
	/* One more connection of the user; `client` is whose join it is. */
	void (*join)(struct presence *p, struct str room, struct str user, struct str client,
		int64_t now_ms);
	/* One connection less; the user is gone `grace` later unless somebody joins. */
	void (*leave)(struct presence *p, struct str room, struct str user, int64_t now_ms);
	/* Present without a connection: until ttl after now (pollers, POST /presence). `client`:
	 * whose join it may be. */
	void (*beat)(struct presence *p, struct str room, struct str user, struct str client,
		int64_t ttl_ms, int64_t now_ms);
	void (*typing)(struct presence *p, struct str room, struct str user, int64_t now_ms);
	/* Ends graces and leases that are over, and sets p->next_ms. */
	void (*sweep)(struct presence *p, int64_t now_ms);
	/* Calls fn for every member of the room. */
	void (*members)(struct presence *p, struct str room, int64_t now_ms,
		void (*fn)(void *arg, const struct presence_member *m), void *arg);
	void (*close)(struct presence *p);
};

struct presence {
	const struct presence_ops *ops;
	const struct presence_events *events;
	void *arg;
	int64_t grace_ms, ttl_ms, typing_ms;
	int64_t next_ms; /* when to sweep: whatever is called may bring it forward; INT64_MAX:
	                  * nothing waits */
};

/* In memory. Times: grace 2 s, typing 3 s unless set otherwise in the struct afterwards. */
struct presence *presence_mem_open(const struct presence_events *events, void *arg, int64_t ttl_ms);

#endif
