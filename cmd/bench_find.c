/* bench_find.c - `rt-bench find`: the highest rate at which the limits hold
 *
 *      100 held, 200 held, 400 held, 800 missed | 600 held, 700 missed, 650 held ...
 *      doubling                                 | halving what lies between, to a tenth of it
 *
 * All steps are runs over the same connections. A step that the tool could not keep up with says
 * nothing about the server: it is tried again, and when that does not help, nothing above it can be
 * found out. */
#include "bench.h"

#include "base/log.h"
#include "bench/figure.h"

#include <inttypes.h>
#include <stdio.h>

#define LOWEST  1.0   /* a second */
#define CLOSE   1.1   /* between what holds and what does not: near enough */
#define STEPS   64
#define VOID_STEPS 3  /* of one rate, before it is believed that the tool cannot do it */

enum found { FOUND_NOTHING, FOUND_SERVER, FOUND_TOOL, FOUND_END };

static const char *const found_names[] = {
	[FOUND_NOTHING] = "none",
	[FOUND_SERVER] = "server",
	[FOUND_TOOL] = "tool",
	[FOUND_END] = "stopped",
};

struct find {
	struct bench *bench;
	struct load_conf conf;
	struct load *load;
	double rate, low, high; /* of this step; highest that held; lowest that did not; 0: none */
	enum found why;         /* it is no higher */
	int n_steps, n_void;
	struct result last;     /* of a step */
	struct buf json;
};

/* --- a step ----------------------------------------------------------------------------------- */

static void describe_step(struct find *f, bool held)
{
	const struct result *r = &f->last;
	struct buf line = { 0 };
	struct str first = str_cut(str_of(r->missed), '\n', NULL);

	buf_addf(&f->json,
		"%s{\"rate_per_s\":%.6g,\"held\":%s,\"end\":\"%s\",\"sent\":%" PRIu64
		",\"received\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"dup\":%" PRIu64
		",\"p50_ns\":%" PRIu64 ",\"p99_ns\":%" PRIu64 ",\"lag_p99_ns\":%" PRIu64 "}",
		f->n_steps > 1 ? "," : "", f->rate, held ? "true" : "false", result_ends[r->end],
		r->sent, r->verdict.received, r->verdict.lost, r->verdict.dup,
		hist_percentile(&r->latency, 50), hist_percentile(&r->latency, 99),
		hist_percentile(&r->lag, 99));
	if (f->bench->out.format != BENCH_TABLE || f->bench->cmd.quiet)
		return;
	buf_addf(&line, "%10.0f/s  p50 ", f->rate);
	figure_value(&line, (double)hist_percentile(&r->latency, 50), "ns");
	buf_add_text(&line, ", p99 ");
	figure_value(&line, (double)hist_percentile(&r->latency, 99), "ns");
	buf_addf(&line, ", lost %" PRIu64 ": ", r->verdict.lost);
	if (r->why)
		buf_addf(&line, "%s: %s", r->end == END_GENERATOR ? "void" : result_ends[r->end],
			r->why);
	else if (first.n)
		buf_addf(&line, "missed: " STR_FMT, STR_ARG(first));
	else
		buf_add_text(&line, "held");
	fprintf(stderr, "%s\n", buf_cstr(&line));
	buf_fini(&line);
}

static void finish(struct find *f, enum found why)
{
	f->why = why;
	uv_stop(&f->bench->cmd.loop);
}

static void next_step(struct find *f, double rate)
{
	struct schedule schedule;

	f->rate = rate;
	f->n_steps++;
	schedule_init(&schedule, f->conf.schedule.stages[0].for_ns, rate);
	result_fini(&f->last);
	load_again(f->load, &schedule, &f->last);
}

/* Where to go on. */
static void choose(struct find *f, bool held)
{
	f->n_void = 0;
	if (held)
		f->low = f->rate;
	else
		f->high = f->rate;
	if (f->n_steps == STEPS)
		finish(f, f->high > 0 ? FOUND_SERVER : FOUND_TOOL);
	else if (f->high <= 0)
		next_step(f, f->low * 2);
	else if (f->low <= 0 && f->high / 2 < LOWEST)
		finish(f, FOUND_NOTHING);
	else if (f->low <= 0)
		next_step(f, f->high / 2);
	else if (f->high / f->low <= CLOSE)
		finish(f, FOUND_SERVER);
	else
		next_step(f, (f->low + f->high) / 2);
}

static void on_ended(void *arg)
{
	struct find *f = arg;
	bool held;

	held = limits_check(&f->bench->out.limits, &f->last) == 0 && f->last.end == END_DONE;
	describe_step(f, held);
	if (f->last.end == END_STOPPED || f->last.end >= END_REFUSED)
		finish(f, FOUND_END);
	else if (f->last.end != END_GENERATOR)
		choose(f, held);
	else if (++f->n_void < VOID_STEPS)
		next_step(f, f->rate);
	else
		finish(f, FOUND_TOOL);
}

static void on_stop(void *arg, int nth)
{
	(void)nth;
	load_stop(((struct find *)arg)->load);
}

/* --- all of it -------------------------------------------------------------------------------- */

static const struct load_events events = { .ended = on_ended };

static int report(struct find *f)
{
	struct bench *b = f->bench;
	struct buf text = { 0 };
	int status;

	if (b->out.format == BENCH_JSON)
		buf_addf(&text, "{\"scenario\":\"find\",\"steps\":[%s],\"highest_per_s\":%.6g,"
				"\"limited_by\":\"%s\"}\n",
			buf_cstr(&f->json), f->low, found_names[f->why]);
	else if (f->low > 0)
		buf_addf(&text, "%.0f/s%s\n", f->low,
			f->why == FOUND_TOOL ? " at least: more is too much for this tool or machine"
			: f->why == FOUND_END ? " at least: it was stopped" : "");
	status = bench_write(b->out.output, &text);
	buf_fini(&text);
	return status;
}

static int status_of(const struct find *f)
{
	const struct result *r = &f->last;

	switch (r->end) {
	case END_DENIED:
	case END_REFUSED:
		log_error("%s", r->why);
		return r->end == END_DENIED ? EXIT_DENIED : EXIT_OFFLINE;
	case END_GENERATOR:
		if (f->low > 0)
			return EXIT_DONE;
		log_error("void: %s", r->why);
		return EXIT_SYSTEM;
	default: break;
	}
	if (f->low > 0)
		return EXIT_DONE;
	log_error("the limits hold at no rate, not even at %.3g/s", f->high);
	return EXIT_NEGATIVE;
}

int bench_find(struct bench *b)
{
	struct find f = { .bench = b };
	struct err e = { 0 };
	int written, status;

	if (!b->out.limits.n)
		cmd_usage(&b->cmd, "'find' needs to know what must hold: --max p99=50ms,lost=0");
	f.conf = bench_load_conf(b);
	f.conf.keep = true;
	f.rate = f.conf.schedule.stages[0].rate;
	f.n_steps = 1;
	result_init(&f.last);
	if (f.rate < LOWEST || !f.conf.publishers)
		cmd_usage(&b->cmd, "'find' begins at a rate of 1/s or more, and needs a publisher");
	f.load = load_new(&b->cmd.loop, &f.conf, &events, &f, &f.last, &e);
	if (!f.load)
		cmd_bad_setting(&b->cmd, &e);
	cmd_signals(&b->cmd, on_stop, NULL, &f);
	load_start(f.load);
	uv_run(&b->cmd.loop, UV_RUN_DEFAULT);
	load_free(f.load);
	written = report(&f);
	status = status_of(&f);
	result_fini(&f.last);
	buf_fini(&f.json);
	return written ? written : status;
}
