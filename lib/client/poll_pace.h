/* poll_pace.h - how soon the next poll may begin
 *
 * A poll that brings something is followed by the next at once, and so is one that a server held
 * for its time. One that comes back early and empty, from a server or a proxy that does not wait, is
 * paced: such polls begin further and further apart, 100 ms doubling to 5 s. */
#ifndef RT_CLIENT_POLL_PACE_H
#define RT_CLIENT_POLL_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct poll_pace {
	int64_t asked_ms; /* when the last one began, by clock_ms */
	unsigned n_idle;  /* in a row that came early and empty */
};

void poll_pace_asked(struct poll_pace *p);
/* It was answered, with something or nothing: how long the next has to wait, in ms. */
int64_t poll_pace_wait(struct poll_pace *p, bool brought);

#endif
