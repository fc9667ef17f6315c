/* tally.h - where all connections of a run count
 *
 * The streams of a run are publisher x room; `sent` says how far each has got. */
#ifndef RT_BENCH_TALLY_H
#define RT_BENCH_TALLY_H

#include "bench/message.h"
#include "bench/result.h"
#include "bench/verdict.h"

struct tally {
	struct result *result;
	const char *peer;        /* stands for all rooms of it in errors; NULL: there is one */
	uint64_t run;            /* drawn, but for the bits that name this machine */
	unsigned n_publishers, n_rooms;
	uint64_t *sent;          /* of each stream: publisher * n_rooms + room */
	struct tally_excused *excused; /* numbers that nobody need get */
	size_t n_excused, excused_cap;
	const struct message *message; /* what is sent; NULL: only the marks are known */
	uint64_t begin_ns;       /* no message is due before */
	uint64_t arrived;        /* messages at subscribers, for knowing that nothing comes any more */
	struct hist interval;    /* corrected latency since the last sample */
	uint64_t interval_sent;  /* ... and messages */
	uint64_t n_ready;        /* connections whose readiness is waited for */
	uint64_t opened;         /* how often one became ready, and when last */
	uint64_t last_ready_ns;
	bool denied;             /* one gave up for want of a permission */
	uint64_t limit;          /* of messages heard; 0: none. More are not counted */
	/* A thousand sockets to be read must not delay what is to be sent: whoever reads calls
	 * `due` when this time has come. */
	uint64_t due_ns;
	void (*due)(void *arg);
	void *arg;
};

struct tally_excused {
	uint32_t stream;
	uint64_t number;
};

void tally_init(struct tally *t, struct result *r, unsigned n_publishers, unsigned n_rooms);
void tally_fini(struct tally *t);
static inline uint32_t tally_stream(const struct tally *t, unsigned publisher, unsigned room)
{
	return publisher * t->n_rooms + room;
}
/* A message of this run has come, to whom `f` follows its stream; `rest` stands behind its mark. */
void tally_count(struct tally *t, struct follow *f, const struct mark *m, struct str rest,
	uint64_t now_ns);
/* ... without a judgement about its number: how late it is. */
void tally_late(struct tally *t, const struct mark *m, uint64_t now_ns);
/* The server did not take that message, or nobody knows whether it did. */
void tally_excuse(struct tally *t, uint32_t stream, uint64_t number);
/* A connection that is waited for has become ready, `again` after it was lost at `since_ns`. */
void tally_ready(struct tally *t, bool again, uint64_t since_ns);
/* A connection broke or was not made. Where this machine is at fault (no port, no file is left), the
 * run is void. */
void tally_trouble(struct tally *t, struct str why);
/* ... and has been given up. */
void tally_failed(struct tally *t, const struct err *e);
/* Was the mark written on this machine, since it was booted? Its times mean nothing elsewhere. One
 * in 65,536 machines is mistaken for this one. */
bool tally_is_local(const struct mark *m);
/* Monotonic, nanoseconds: what marks are written in. */
uint64_t tally_now_ns(void);

#endif
