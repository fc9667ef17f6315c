/* hub.h - what all clients of a loop share
 *
 * A load generator has thousands of clients, so what one of them needs only now and then is kept
 * here once: the idle handle for work to be done before the loop sleeps, a timer for all deadlines
 * (by a wheel: at most 50 ms late), the buffer that sockets are read into, the one that frames are
 * gathered in, masks, and the answers of the resolver. Made for the first client, gone after the
 * last. */
#ifndef RT_CLIENT_HUB_H
#define RT_CLIENT_HUB_H

#include "base/buf.h"
#include "base/list.h"
#include "base/wheel.h"

#include <uv.h>

#define HUB_READ_BYTES 65536
#define HUB_MASKS      256

struct task {
	struct list node;
	void (*run)(struct task *t);
};

struct alarm {
	struct deadline deadline;
	void (*ring)(struct alarm *a);
};

struct hub {
	struct list node;
	uv_loop_t *loop;
	unsigned refs;
	uv_idle_t *idle;
	uv_timer_t *timer;
	int64_t armed_ms;    /* when the timer rings; INT64_MAX: never */
	struct list soon;    /* of tasks */
	struct wheel wheel;  /* of alarms */
	struct list lookups; /* lookup.c */
	struct buf span;     /* to be written: of whoever writes, while he does */
	uint32_t masks[HUB_MASKS];
	unsigned n_masks;
	char in[HUB_READ_BYTES]; /* was read: of whoever reads, until he returns */
};

/* The hub of this loop, one reference more. */
struct hub *hub_ref(uv_loop_t *loop);
/* Its handles close on the loop. NULL is fine. */
void hub_unref(struct hub *h);

void task_init(struct task *t, void (*run)(struct task *t));
/* Runs it once, from the loop, before that sleeps again; added while tasks run: in the next pass.
 */
void hub_soon(struct hub *h, struct task *t);
/* Not any more. Idempotent. */
void task_cancel(struct task *t);

void alarm_init(struct alarm *a, void (*ring)(struct alarm *a));
/* Rings once, after `ms` from now; replaces what was set. */
void hub_alarm(struct hub *h, struct alarm *a, int64_t ms);
void hub_no_alarm(struct hub *h, struct alarm *a);

/* Four bytes that nobody can foresee. */
uint32_t hub_mask(struct hub *h);

#endif
