/* pace.h - how soon the next poll may begin
 *
 * A poll that brings something is followed by the next at once, and so is one that a server held
 * for its time. One that comes back early and empty, from a server or a proxy that does not wait, is
 * paced: such polls begin further and further apart, 100 ms doubling to 5 s. */
#ifndef RT_CLIENT_PACE_H
#define RT_CLIENT_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
	int64_t asked_ms; /* when the last one began, by clock_ms */
	unsigned n_idle;  /* in a row that came early and empty */
};

void pace_asked(struct pace *p);
/* It was answered, with something or nothing: how long the next has to wait, in ms. */
int64_t pace_wait(struct pace *p, bool brought);

#endif
