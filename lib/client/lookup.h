/* lookup.h - the addresses of a host
 *
 * A name is asked for once, by libuv's threads, for all who want it at the time and for a second
 * after: thousands of clients of one host cost one question. A numeric address needs none. */
#ifndef RT_CLIENT_LOOKUP_H
#define RT_CLIENT_LOOKUP_H

#include "client/hub.h"

#include <netdb.h>

struct lookup {
	struct list node; /* in hub->lookups */
	unsigned refs;
	bool pending;
	int status;             /* then: 0, or a negative error of libuv's */
	struct addrinfo *addrs; /* at least one where status is 0; their ports are 0 */
	int64_t at_ms;          /* when it was answered */
	struct list waits;
	uv_getaddrinfo_t req;
	char *host;
};

struct lookup_wait {
	struct list node;
	void (*done)(struct lookup_wait *w);
};

/* One reference more. Where it is `pending`, lookup_await. */
struct lookup *lookup_ref(struct hub *h, const char *host);
/* w->done is called from the loop when it is pending no more, unless `w` is taken off before. */
void lookup_await(struct lookup *l, struct lookup_wait *w);
/* NULL is fine. What nobody waits for is given up. */
void lookup_unref(struct lookup *l);

/* Of a hub that goes. */
void lookups_forget(struct hub *h);

#endif
