/* addr.h - the addresses that peers come from: how many connections each has, and what it took
 *
 *   connected -> no connection, but ahead of its rates or within a period of records -> forgotten
 *
 * An address is 4 bytes of IPv4 or a /64 of IPv6, which one host may have to itself; a unix socket
 * has none. Entries without a connection are few by being forgotten in time, and at most
 * ADDR_IDLE_MAX: beyond that the one that is idle longest is forgotten, which only forgives it.
 *
 * What is refused to an address is reported through `say`: the first at once, the others as a count
 * when ADDR_PERIOD_MS are over. */
#ifndef RT_NET_ADDR_H
#define RT_NET_ADDR_H

#include "base/buf.h"
#include "base/map.h"
#include "base/rate.h"
#include "base/wheel.h"

#define ADDR_IDLE_MAX  65536u
#define ADDR_PERIOD_MS 10000

enum addr_limit { ADDR_CONNECTIONS, ADDR_REQUESTS, ADDR_LIMITS };

struct addr {
	struct map_node node;     /* its key is `bytes` */
	struct list idle;         /* addrs.idle, while it has no connection */
	struct deadline deadline; /* when to look at it again */
	int64_t period_end_ms;    /* of records; 0: nothing was refused lately */
	uint64_t unsaid[ADDR_LIMITS];
	struct rate requests, publications;
	unsigned n_conns;
	unsigned char bytes[8];
};

typedef void addr_say(void *arg, const struct addr *a, enum addr_limit limit, uint64_t n);

struct addrs {
	struct map map;
	struct list idle;         /* the longest first */
	struct wheel wheel;
	size_t n_idle;
	addr_say *say;
	void *arg;
};

void addrs_init(struct addrs *as, addr_say *say, void *arg, int64_t now_ms);
/* Forgets all, without a word; connections must have left. */
void addrs_fini(struct addrs *as);
/* The entry of these 4 or 8 bytes. It stays until addr_settle, addr_leave or addrs_run. */
struct addr *addr_get(struct addrs *as, struct str bytes);
/* A connection of it begins, or ends (which may forget it). */
void addr_join(struct addrs *as, struct addr *a);
void addr_leave(struct addrs *as, struct addr *a, int64_t now_ms);
void addr_refused(struct addrs *as, struct addr *a, enum addr_limit limit, int64_t now_ms);
/* After addr_get without addr_join: forgets it where nothing is to be remembered. */
void addr_settle(struct addrs *as, struct addr *a, int64_t now_ms);
/* Says what is unsaid, forgets what is over. */
void addrs_run(struct addrs *as, int64_t now_ms);
/* "192.0.2.1" or "2001:db8:1:2::/64"; appended. */
void buf_add_addr(struct buf *b, const struct addr *a);

#endif
