/* wheel.c - deadlines hashed by their tick; a slot holds deadlines of several turns of the wheel */
#include "base/wheel.h"

void wheel_init(struct wheel *w, int64_t now_ms)
{
	for (unsigned i = 0; i < WHEEL_SLOTS; i++)
		list_init(&w->slots[i]);
	w->tick = now_ms / WHEEL_TICK_MS;
	w->next = INT64_MAX;
	w->n = 0;
}

void deadline_init(struct deadline *d)
{
	list_init(&d->link);
	d->at_ms = 0;
}

static int64_t tick_of(int64_t at_ms)
{
	return (at_ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;
}

void wheel_set(struct wheel *w, struct deadline *d, int64_t at_ms)
{
	int64_t tick = tick_of(at_ms);

	wheel_del(w, d);
	if (tick <= w->tick)
		tick = w->tick + 1;
	if (tick < w->next)
		w->next = tick;
	d->at_ms = at_ms;
	list_add(&w->slots[(uint64_t)tick % WHEEL_SLOTS], &d->link);
	w->n++;
}

void wheel_del(struct wheel *w, struct deadline *d)
{
	if (deadline_is_set(d)) {
		list_del(&d->link);
		w->n--;
	}
}

int64_t wheel_next_ms(const struct wheel *w)
{
	return w->n ? w->next * WHEEL_TICK_MS : INT64_MAX;
}

/* The first slot with something in it; that may be due a turn of the wheel later, so this errs to
 * the early side. */
static void find_next(struct wheel *w)
{
	w->next = INT64_MAX;
	for (int64_t i = 1; w->n && i <= (int64_t)WHEEL_SLOTS; i++)
		if (!list_empty(&w->slots[(uint64_t)(w->tick + i) % WHEEL_SLOTS])) {
			w->next = w->tick + i;
			return;
		}
}

void wheel_run(
	struct wheel *w, int64_t now_ms, void (*fn)(struct deadline *d, void *arg), void *arg)
{
	int64_t now = now_ms / WHEEL_TICK_MS;
	struct list due = LIST_INIT(due), *it;

	if (now < w->next) {
		w->tick = now;
		return;
	}
	/* After a long stop one turn of the wheel sees every slot. */
	if (now - w->tick > (int64_t)WHEEL_SLOTS)
		w->tick = now - WHEEL_SLOTS;
	while (w->tick < now) {
		struct list *slot = &w->slots[(uint64_t)++w->tick % WHEEL_SLOTS];
		list_for_each_safe(d, slot)
			if (tick_of(list_entry(d, struct deadline, link)->at_ms) <= now) {
				list_del(d);
				list_add(&due, d);
			}
	}
	find_next(w);
	while ((it = list_pop(&due))) {
		w->n--;
		fn(list_entry(it, struct deadline, link), arg);
	}
}
