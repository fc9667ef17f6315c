/* test_schedule.c - when messages are due, against the definition: message k of a stage at k / rate, while that is before its end */
#include "bench/schedule.h"
#include "tap.h"

#define S UINT64_C(1000000000)

/* Walks a schedule: how many there are; whether each is where it belongs. */
static uint64_t walk(struct schedule s, bool *good)
{
	uint64_t n = 0, due, last = 0, at = 0;

	*good = true;
	for (int i = 0; i < s.n; i++) {
		double rate = s.stages[i].rate;
		uint64_t k = 0, end = at + s.stages[i].for_ns;
		for (; (due = schedule_due(&s)) < end && due != SCHEDULE_END; k++, n++) {
			long double want = (long double)at + (long double)k * 1e9L / (long double)rate;
			*good &= due >= last && (long double)due <= want + 1 && (long double)due >= want - 1 - want * 1e-12L;
			last = due;
			schedule_pass(&s);
		}
		/* one more would lie after the end */
		*good &= rate <= 0 ? k == 0 : (long double)k / (long double)rate * 1e9L >= (long double)s.stages[i].for_ns * (1 - 1e-12L);
		at = end;
	}
	*good &= schedule_due(&s) == SCHEDULE_END;
	schedule_pass(&s);
	*good &= schedule_due(&s) == SCHEDULE_END;
	return n;
}

static void one(uint64_t for_ns, double rate, uint64_t want)
{
	struct schedule s;
	bool good;
	uint64_t n;

	schedule_init(&s, for_ns, rate);
	n = walk(s, &good);
	ok(good && n == want, "%.3f s of %g/s are %llu messages, evenly (%llu)", (double)for_ns / 1e9, rate, (unsigned long long)want,
		(unsigned long long)n);
}

static void test_one_stage(void)
{
	one(10 * S, 100, 1000);
	one(S, 1, 1);
	one(S + 1, 1, 2);
	one(S - 1, 1, 1);
	one(10 * S, 0.35, 4);
	one(10 * S, 0.3, 3);
	one(3 * S, 1.0 / 3, 1);
	one(7 * S, 3.7, 26);
	one(S, 1e6, 1000000);
	one(1000, 1e9, 1000);
	one(S, 333333, 333333);
	one(5 * S, 0, 0);
	one(10000 * S, 1e-9, 1);
	one(10000 * S, 99.9, 999000);
}

static void test_stages(void)
{
	struct schedule s;
	struct err e = { 0 };
	bool good;

	is_int(schedule_parse(&s, STR("1s:10/s, 2s:0/s,500ms:1k/s ,1s:0.5"), &e), 0, "stages");
	is_int(walk(s, &good), 10 + 0 + 500 + 1, "each has its messages");
	ok(good, "where they belong");
	is_int(schedule_length_ns(&s) / 1000000, 4500, "their length");
	ok(schedule_mean_rate(&s) == 510.5 / 4.5, "their rate over all");
	schedule_parse(&s, STR("1s:0,1s:0"), &e);
	ok(schedule_due(&s) == SCHEDULE_END && schedule_length_ns(&s) == 2 * S, "nothing but silence has its length");
	is_int(schedule_parse(&s, STR("1s:0/s,1s:5/s"), &e), 0, "silence first");
	is_int(schedule_due(&s) / 1000000, 1000, "the first message comes after it");
}

static void test_bad(void)
{
	static const char *const bad[][2] = {
		{ "", "stage '' is not of the form 10s:1k/s" },
		{ "10s", "stage '10s' is not of the form 10s:1k/s" },
		{ "10s:1k/s,", "stage '' is not of the form 10s:1k/s" },
		{ "10:1k/s", "'10' has no unit (give a unit: 10s)" },
		{ "0s:1k/s", "stage '0s:1k/s' has no length" },
		{ "1s:x", "'x' is not a rate (500/s, 10k/s, 600/m)" },
		{ "forever:1", "stage 'forever:1' never ends" },
		{ "1s:1:2", "'1:2' is not a rate (500/s, 10k/s, 600/m)" },
	};
	struct schedule s;
	struct err e = { 0 };
	char many[SCHEDULE_STAGES_MAX * 5 + 5];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		is_int(schedule_parse(&s, str_of(bad[i][0]), &e), ERR_USAGE, "'%s' is none", bad[i][0]);
		is_text(e.text, strlen(e.text), bad[i][1], "and why");
	}
	for (int i = 0; i <= SCHEDULE_STAGES_MAX; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n, "1s:1,");
	is_int(schedule_parse(&s, str_make(many, n - 6), &e), 0, "as many stages as there may be");
	is_int(schedule_parse(&s, str_make(many, n - 1), &e), ERR_USAGE, "one more");
}

/* So great that only its beginning is ever seen. */
static void test_huge(void)
{
	struct schedule s;
	struct err e = { 0 };

	schedule_init(&s, UINT64_MAX, 1e15);
	ok(schedule_length_ns(&s) == SCHEDULE_MAX_NS, "for ever is a hundred years");
	for (int i = 0; i < 1000; i++)
		schedule_pass(&s);
	is_int(schedule_due(&s), 0, "a thousand messages in the first nanosecond");
	is_int(schedule_parse(&s, STR("36524d:1m/s,1d:1m/s"), &e), 0, "a hundred years");
	is_int(schedule_due(&s), 0, "begin at 0");
	is_int(schedule_parse(&s, STR("36524d:1m/s,1d:1m/s,1s:1"), &e), ERR_USAGE, "and a second");
	schedule_init(&s, S * 100 * 365 * 86400, 0.001);
	for (uint64_t i = 0; i < 3153600 - 1; i++)
		schedule_pass(&s);
	is_int((schedule_due(&s) + 500) / 1000, 3153599 * 1000000000LL, "after a hundred years it is still to the microsecond");
	schedule_pass(&s);
	ok(schedule_due(&s) == SCHEDULE_END, "and over");
}

int main(void)
{
	test_one_stage();
	test_stages();
	test_bad();
	test_huge();
	return tap_done();
}
