/* message.h - what a load generator publishes, and whether it came as it was sent
 *
 *      {"bench":"rtb.....","pad":"xxxxxxxxxxx"}
 *                 mark           to the size asked for
 *
 * It is made once; only its mark changes. What follows the mark is the same in every message, so
 * that it can be compared: all of it where it is short, else both ends and a part that moves with
 * the number. A server may put it into a string (then quotes are escaped) or space the JSON out:
 * that is not damage. */
#ifndef RT_BENCH_MESSAGE_H
#define RT_BENCH_MESSAGE_H

#include "bench/mark.h"

struct message {
	struct buf text;
	size_t mark_at;
	size_t n_pad; /* bytes of padding; 0: there is none */
};

/* Of `size` bytes, or of as many as the mark needs. */
void message_init(struct message *m, size_t size);
/* The mark as it stands in the text. */
struct str message_stamp(struct message *m, const struct mark *mark);
/* `rest` is what stands behind the mark of message `number`. */
bool message_is_intact(const struct message *m, struct str rest, uint64_t number);
void message_fini(struct message *m);

#endif
