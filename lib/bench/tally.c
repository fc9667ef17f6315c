/* tally.c - the table of streams, and the clock */
#include "bench/tally.h"

#include "base/mem.h"

#include <time.h>

#define RUN_BITS 36

void tally_init(struct tally *t, struct result *r, unsigned n_publishers, unsigned n_rooms)
{
	*t = (struct tally){ .result = r, .n_publishers = n_publishers, .n_rooms = n_rooms,
		.due_ns = UINT64_MAX };
	rand_bytes(&t->run, sizeof(t->run));
	t->run &= (UINT64_C(1) << RUN_BITS) - 1;
	t->sent = mem_array((size_t)n_publishers * n_rooms + 1, sizeof(*t->sent));
	memset(t->sent, 0, ((size_t)n_publishers * n_rooms + 1) * sizeof(*t->sent));
}

void tally_fini(struct tally *t)
{
	mem_free(t->sent);
	hist_fini(&t->interval);
}

uint64_t tally_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}
