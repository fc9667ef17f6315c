/* schedule.c - stages, and where in them the next message lies */
#include "bench/schedule.h"

#include "base/clock.h"

#define NS_PER_MS 1000000

/* How many messages a stage has: those whose time lies before its end. */
static uint64_t count_of(const struct schedule_stage *g)
{
	double n = (double)g->for_ns * g->rate / 1e9;
	uint64_t whole;

	if (n > 0x1p62)
		return UINT64_C(1) << 62;
	whole = (uint64_t)n;
	return whole + ((double)whole < n ? 1 : 0);
}

/* To the next stage that has a message left. */
static void settle(struct schedule *s)
{
	while (s->stage < s->n && s->in_stage >= count_of(&s->stages[s->stage])) {
		s->stage_at_ns += s->stages[s->stage++].for_ns;
		s->in_stage = 0;
	}
}

void schedule_init(struct schedule *s, uint64_t for_ns, double rate)
{
	if (for_ns > SCHEDULE_MAX_NS)
		for_ns = SCHEDULE_MAX_NS;
	*s = (struct schedule){ .stages = { { for_ns, rate } }, .n = 1 };
	settle(s);
}

static int parse_stage(struct schedule *s, struct str text, struct err *e)
{
	struct str rate, duration = str_cut(text, ':', &rate);
	struct schedule_stage g;
	int64_t ms;

	if (!rate.p)
		return err_set(e, ERR_USAGE, "stage '" STR_FMT "' is not of the form 10s:1k/s",
			STR_ARG(text));
	if (duration_parse(str_trim(duration), &ms, e) < 0 ||
		rate_parse(str_trim(rate), &g.rate, e) < 0)
		return ERR_USAGE;
	if (ms <= 0)
		return err_set(e, ERR_USAGE, "stage '" STR_FMT "' has no length", STR_ARG(text));
	if (ms == INT64_MAX)
		return err_set(e, ERR_USAGE, "stage '" STR_FMT "' never ends", STR_ARG(text));
	g.for_ns = (uint64_t)ms * NS_PER_MS;
	if (g.for_ns > SCHEDULE_MAX_NS - schedule_length_ns(s))
		return err_set(e, ERR_USAGE, "the stages are longer than a hundred years");
	s->stages[s->n++] = g;
	return 0;
}

int schedule_parse(struct schedule *s, struct str text, struct err *e)
{
	*s = (struct schedule){ 0 };
	while (text.p) {
		struct str one = str_cut(text, ',', &text);
		if (s->n == SCHEDULE_STAGES_MAX)
			return err_set(
				e, ERR_USAGE, "more than %d stages", SCHEDULE_STAGES_MAX);
		if (parse_stage(s, one, e) < 0)
			return ERR_USAGE;
	}
	settle(s);
	return 0;
}

uint64_t schedule_due(const struct schedule *s)
{
	return s->stage == s->n ? SCHEDULE_END
	                        : s->stage_at_ns + (uint64_t)((double)s->in_stage * 1e9 /
							   s->stages[s->stage].rate);
}

void schedule_pass(struct schedule *s)
{
	s->in_stage++;
	settle(s);
}

uint64_t schedule_length_ns(const struct schedule *s)
{
	uint64_t sum = 0;

	for (int i = 0; i < s->n; i++)
		sum += s->stages[i].for_ns;
	return sum;
}

double schedule_mean_rate(const struct schedule *s)
{
	uint64_t length_ns = schedule_length_ns(s);
	double sum = 0;

	for (int i = 0; i < s->n; i++)
		sum += s->stages[i].rate * (double)s->stages[i].for_ns;
	return length_ns ? sum / (double)length_ns : 0;
}
