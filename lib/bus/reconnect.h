/* reconnect.h - when an instance tries its bus again
 *
 * At once, then after 100 ms, doubling to 2 s, each up to half less at random, so that instances do
 * not come back in step. One attempt at a time. Pure. */
#ifndef RT_BUS_RECONNECT_H
#define RT_BUS_RECONNECT_H

#include <stdint.h>

struct reconnect {
	unsigned n; /* attempts since it last worked */
};

/* Milliseconds until the next attempt. */
uint64_t reconnect_next_ms(struct reconnect *r);
/* It works. */
void reconnect_worked(struct reconnect *r);

#endif
