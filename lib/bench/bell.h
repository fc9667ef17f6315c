/* bell.h - rings at a nanosecond: libuv's own timers know only milliseconds */
#ifndef RT_BENCH_BELL_H
#define RT_BENCH_BELL_H

#include "base/err.h"

#include <uv.h>

struct bell;

/* `ring` is called from the loop. NULL and a sentence: ERR_IO. */
struct bell *bell_new(uv_loop_t *loop, void (*ring)(void *arg), void *arg, struct err *e);
/* Rings once, at that time of tally_now_ns (at once where it has passed); SCHEDULE_END: not. The loop
 * stays alive for it until bell_stop. */
void bell_set(struct bell *a, uint64_t at_ns);
void bell_stop(struct bell *a);
/* NULL is fine. Run the loop until it is empty afterwards. */
void bell_free(struct bell *a);

#endif
