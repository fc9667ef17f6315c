/* tally.h - where all connections of a run count
 *
 * The streams of a run are publisher x room; `sent` says how far each has got. */
#ifndef RT_BENCH_TALLY_H
#define RT_BENCH_TALLY_H

#include "bench/mark.h"
#include "bench/result.h"

struct tally {
	struct result *result;
	uint64_t run;
	unsigned n_publishers, n_rooms;
	uint64_t *sent;          /* of each stream: publisher * n_rooms + room */
	uint64_t arrived;        /* messages at subscribers, for knowing that nothing comes any more */
	struct hist interval;    /* corrected latency since the last sample */
	uint64_t interval_sent;  /* ... and messages */
	uint64_t n_ready;        /* subscribers */
	/* A thousand sockets to be read must not delay what is to be sent: whoever reads calls
	 * `due` when this time has come. */
	uint64_t due_ns;
	void (*due)(void *arg);
	void *arg;
};

void tally_init(struct tally *t, struct result *r, unsigned n_publishers, unsigned n_rooms);
void tally_fini(struct tally *t);
static inline uint32_t tally_stream(const struct tally *t, unsigned publisher, unsigned room)
{
	return publisher * t->n_rooms + room;
}
/* Monotonic, nanoseconds: what marks are written in. */
uint64_t tally_now_ns(void);

#endif
