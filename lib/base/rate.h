/* rate.h - a rate, kept in one number
 *
 * The generic cell rate algorithm (ITU-T I.371, "virtual scheduling"): `due_ms` is when everything
 * taken so far is paid for. Who is at most a burst ahead of the clock may take; a rate whose time
 * has come is as good as new, so it may be forgotten then. */
#ifndef RT_BASE_RATE_H
#define RT_BASE_RATE_H

#include <stdint.h>

#define RATE_BURST_MS 1000 /* of its rate may come at once; one always may */

struct rate {
	double due_ms; /* monotonic; 0: nothing was ever taken */
};

/* Takes one. `per_second` above 0. */
void rate_take(struct rate *r, double per_second, int64_t now_ms);
/* Milliseconds until one may be taken; 0: now. */
int64_t rate_wait(const struct rate *r, double per_second, int64_t now_ms);

#endif
