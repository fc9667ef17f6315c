/* reconnect.c - the one rule of reconnecting to a bus */
#include "bus/reconnect.h"

#include "base/str.h"

#define FIRST_MS 100
#define MOST_MS  2000

uint64_t reconnect_next_ms(struct reconnect *r)
{
	uint64_t ms = FIRST_MS;

	if (r->n++ == 0)
		return 0;
	for (unsigned i = 2; i < r->n && ms < MOST_MS; i++)
		ms *= 2;
	if (ms > MOST_MS)
		ms = MOST_MS;
	return ms - rand_below(ms / 2 + 1);
}

void reconnect_worked(struct reconnect *r)
{
	r->n = 0;
}
