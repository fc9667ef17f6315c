/* poll_pace.c - how soon the next poll may begin */
#include "client/poll_pace.h"

#include "base/clock.h"

#define STEP_MS 100
#define CAP_MS  5000

void poll_pace_asked(struct poll_pace *p)
{
	p->asked_ms = clock_ms();
}

int64_t poll_pace_wait(struct poll_pace *p, bool brought)
{
	int64_t took = clock_ms() - p->asked_ms, apart;

	if (brought || took >= CAP_MS) {
		p->n_idle = 0;
		return 0;
	}
	/* The first one that comes back at once does not count: it may have asked where the head
	 * is. */
	if (p->n_idle++ == 0)
		return 0;
	apart = p->n_idle < 8 ? (int64_t)STEP_MS << (p->n_idle - 2) : CAP_MS;
	return took < apart ? apart - took : 0;
}
