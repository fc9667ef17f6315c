/* retry.h - the one rule for coming again, rt-wire(7)
 *
 * Before the first connection ever made: at once, then every 100 ms doubling to 1 s, so that a
 * server may start beside its client. After it: full jitter over a window of 5 s doubling to 30 s,
 * so that not everybody comes back at the same moment. An outage lasts from the end of a connection
 * that was of use to the next such, and has a limit.
 *
 * Where the server asks for a time (Retry-After) the rule begins after that: who asks many at once
 * is not to have them all back in one moment either. */
#ifndef RT_CLIENT_RETRY_H
#define RT_CLIENT_RETRY_H

#include "client/client.h"

struct retry {
	bool ever_up;
	unsigned attempt;  /* failures in a row */
	int64_t outage_at; /* when the current outage began */
	int64_t asked_ms;  /* the server asked not to come sooner; 0: it did not */
};

/* An outage begins now. */
void retry_outage(struct retry *r);
/* How long it may still last; 0 or less: no longer, INT64_MAX: for ever. */
int64_t retry_left(const struct retry *r, const struct client_conf *conf);
/* Until the next attempt, after at least one failure. */
int64_t retry_delay(const struct retry *r, const struct client_conf *conf);

#endif
