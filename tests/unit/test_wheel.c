#include "base/wheel.h"
#include "model.h"
#include "tap.h"

enum { DEADLINES = 40 };

struct item {
	struct deadline deadline;
	int64_t at_ms; /* the model: -1, not set */
	int n_fired;
};

static struct item items[DEADLINES];
static struct wheel wheel;
static int64_t now_ms;
static int early, late, unset, runs;

static void on_fire(struct deadline *d, void *arg)
{
	struct item *it = list_entry(d, struct item, deadline);

	(void)arg;
	early += it->at_ms > now_ms;
	/* A tick, and the millisecond of each end. */
	late += it->at_ms >= 0 && now_ms - it->at_ms > WHEEL_TICK_MS + 1;
	unset += it->at_ms < 0;
	it->at_ms = -1;
	it->n_fired++;
}

static int64_t first(void)
{
	int64_t at = INT64_MAX;

	for (int i = 0; i < DEADLINES; i++)
		if (items[i].at_ms >= 0 && items[i].at_ms < at)
			at = items[i].at_ms;
	return at;
}

/* Sleeps as a loop would: until the wheel wants to be run, or something happens before. */
static void advance(int64_t until_ms)
{
	while (now_ms < until_ms) {
		int64_t next = wheel_next_ms(&wheel);

		now_ms = next < until_ms ? (next > now_ms ? next : now_ms + 1) : until_ms;
		if (now_ms >= next) {
			wheel_run(&wheel, now_ms, on_fire, NULL);
			runs++;
		}
	}
}

static void test_model(void)
{
	uint64_t seed = 11;
	int slept_past = 0;

	now_ms = 123456789;
	wheel_init(&wheel, now_ms);
	for (int i = 0; i < DEADLINES; i++) {
		deadline_init(&items[i].deadline);
		items[i].at_ms = -1;
	}
	for (int step = 0; step < 20000; step++) {
		struct item *it = &items[draw_below(&seed, DEADLINES)];

		switch (draw_below(&seed, 4)) {
		case 0:
			wheel_del(&wheel, &it->deadline);
			it->at_ms = -1;
			break;
		case 1:
			it->at_ms = now_ms + (int64_t)draw_below(&seed, 200000);
			wheel_set(&wheel, &it->deadline, it->at_ms);
			break;
		case 2:
			it->at_ms = now_ms + (int64_t)draw_below(&seed, 300);
			wheel_set(&wheel, &it->deadline, it->at_ms);
			break;
		default:
			advance(now_ms + (int64_t)draw_below(&seed, draw_below(&seed, 50) ? 400 : 200000));
		}
		slept_past += first() != INT64_MAX && wheel_next_ms(&wheel) > first() + WHEEL_TICK_MS;
	}
	is_int(early, 0, "none fires before its time");
	is_int(late, 0, "nor more than a tick after it");
	is_int(unset, 0, "nor when it is not set");
	is_int(slept_past, 0, "the next run is not later than the first is due");
}

static void test_sleep(void)
{
	struct item *it = &items[0];

	for (int i = 0; i < DEADLINES; i++) {
		wheel_del(&wheel, &items[i].deadline);
		items[i].at_ms = -1;
	}
	ok(wheel_next_ms(&wheel) == INT64_MAX, "an empty wheel need not be run");
	it->at_ms = now_ms + 75000;
	wheel_set(&wheel, &it->deadline, it->at_ms);
	runs = it->n_fired = 0;
	advance(now_ms + 75100);
	is_int(it->n_fired, 1, "one deadline fires");
	ok(runs <= 3, "and wakes few times on the way: %d", runs);
	ok(wheel_next_ms(&wheel) == INT64_MAX, "and then it is empty");
}

int main(void)
{
	test_model();
	test_sleep();
	return tap_done();
}
