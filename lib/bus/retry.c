/* retry.c - the one rule of reconnecting to a bus */
#include "bus/retry.h"

#include "base/str.h"

#define FIRST_MS 100
#define MOST_MS  2000

uint64_t retry_next_ms(struct retry *r)
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

void retry_worked(struct retry *r)
{
	r->n = 0;
}
