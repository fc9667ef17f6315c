/* message.h - what a load generator publishes: {"bench":"<mark>","pad":"xxx"}
 *
 * It is made once; only its mark changes. */
#ifndef RT_BENCH_MESSAGE_H
#define RT_BENCH_MESSAGE_H

#include "bench/mark.h"

struct message {
	struct buf text;
	size_t mark_at;
};

/* Of `size` bytes, or of as many as the mark needs. */
void message_init(struct message *m, size_t size);
/* The mark as it stands in the text. */
struct str message_stamp(struct message *m, const struct mark *mark);
void message_fini(struct message *m);

#endif
