/* hub.c - what all clients of a loop share */
#include "client/hub.h"

#include "base/clock.h"
#include "base/mem.h"
#include "client/handle.h"
#include "client/lookup.h"

static struct list hubs = LIST_INIT(hubs);

/* --- tasks ------------------------------------------------------------------------------------ */

static void on_idle(uv_idle_t *idle)
{
	struct hub *h = idle->data;
	struct list now = LIST_INIT(now), *it;

	list_splice(&now, &h->soon);
	uv_idle_stop(idle);
	while ((it = list_pop(&now))) {
		struct task *t = list_entry(it, struct task, node);
		t->run(t);
	}
}

void task_init(struct task *t, void (*run)(struct task *t))
{
	list_init(&t->node);
	t->run = run;
}

void hub_soon(struct hub *h, struct task *t)
{
	if (!list_empty(&t->node))
		return;
	list_add(&h->soon, &t->node);
	uv_idle_start(h->idle, on_idle);
}

void task_cancel(struct task *t)
{
	list_del(&t->node);
}

/* --- alarms ----------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static void arm(struct hub *h, int64_t at_ms)
{
	int64_t now = clock_ms();

	h->armed_ms = at_ms;
	if (at_ms == INT64_MAX)
		uv_timer_stop(h->timer);
	else
		uv_timer_start(h->timer, on_timer, at_ms > now ? (uint64_t)(at_ms - now) : 0, 0);
}

static void ring_one(struct deadline *d, void *arg)
{
	struct alarm *a = list_entry(d, struct alarm, deadline);

	(void)arg;
	a->ring(a);
}

static void on_timer(uv_timer_t *timer)
{
	struct hub *h = timer->data;

	h->armed_ms = INT64_MIN; /* nobody need arm it now */
	wheel_run(&h->wheel, clock_ms(), ring_one, NULL);
	arm(h, wheel_next_ms(&h->wheel));
}

void alarm_init(struct alarm *a, void (*ring)(struct alarm *a))
{
	deadline_init(&a->deadline);
	a->ring = ring;
}

void hub_alarm(struct hub *h, struct alarm *a, int64_t ms)
{
	int64_t at_ms = clock_ms() + ms;

	wheel_set(&h->wheel, &a->deadline, at_ms);
	if (at_ms < h->armed_ms)
		arm(h, wheel_next_ms(&h->wheel));
}

void hub_no_alarm(struct hub *h, struct alarm *a)
{
	wheel_del(&h->wheel, &a->deadline);
	if (!h->wheel.n && h->armed_ms != INT64_MIN)
		arm(h, INT64_MAX);
}

/* --- the rest --------------------------------------------------------------------------------- */

uint32_t hub_mask(struct hub *h)
{
	if (!h->n_masks) {
		rand_bytes(h->masks, sizeof(h->masks));
		h->n_masks = HUB_MASKS;
	}
	return h->masks[--h->n_masks];
}

struct hub *hub_ref(uv_loop_t *loop)
{
	struct hub *h;

	list_for_each(it, &hubs) {
		h = list_entry(it, struct hub, node);
		if (h->loop == loop) {
			h->refs++;
			return h;
		}
	}
	h = mem_new(struct hub);
	h->loop = loop;
	h->refs = 1;
	h->idle = mem_new(uv_idle_t);
	h->timer = mem_new(uv_timer_t);
	h->armed_ms = INT64_MAX;
	uv_idle_init(loop, h->idle);
	uv_timer_init(loop, h->timer);
	h->idle->data = h->timer->data = h;
	list_init(&h->soon);
	list_init(&h->lookups);
	wheel_init(&h->wheel, clock_ms());
	list_add(&hubs, &h->node);
	return h;
}

void hub_unref(struct hub *h)
{
	if (!h || --h->refs)
		return;
	list_del(&h->node);
	lookups_forget(h);
	handle_free(h->idle);
	handle_free(h->timer);
	buf_fini(&h->span);
	mem_free(h);
}
