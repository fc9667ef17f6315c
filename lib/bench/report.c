/* report.c - the summary table
 *
 *      held: nothing lost, p99 5.70 ms
 *
 *      fanout over ws, profile rt, ws://127.0.0.1:8080
 *      200 subscribers, 1 publisher, 1 room, 128 bytes, 500/s for 3.0 s
 *
 *                          count         rate
 *        sent              1,500        500/s
 *        expected        300,000    100,000/s
 *        received        300,000    100,000/s   100 %
 *        lost                  0
 *
 *                       p50       p90       p99     p99.9    p99.99       max
 *        latency    3.59 ms   4.75 ms   5.70 ms   7.21 ms   8.32 ms   8.61 ms
 *
 * Rows of what did not happen are left out, but for the three that everybody looks for. */
#include "bench/report.h"

#include "base/tty.h"
#include "bench/figure.h"

#include <inttypes.h>
#include <math.h>

#define RED   "\x1b[1;31m"
#define GREEN "\x1b[1;32m"
#define AMBER "\x1b[1;33m"
#define DIM   "\x1b[2m"
#define PLAIN "\x1b[m"

/* --- the verdict ------------------------------------------------------------------------------ */

static void add_plural(struct buf *out, uint64_t n, const char *thing)
{
	figure_count(out, n);
	buf_addf(out, " %s%s", thing, n == 1 ? "" : "s");
}

/* Faults, the gravest first; its word is written large. */
static int add_faults(const struct result *r, struct buf *out)
{
	const struct verdict *v = &r->verdict;
	const struct {
		const char *large, *word;
		uint64_t n, of; /* of: 0: say nothing of a whole */
	} faults[] = {
		{ "LOST", "lost", v->lost, v->expected },
		{ "PHANTOM", "phantom", v->phantom, 0 },
		{ "CORRUPT", "corrupt", v->corrupt, 0 },
		{ "DUPLICATED", "duplicated", v->dup, 0 },
		{ "REORDERED", "reordered", v->reordered, 0 },
		{ "REFUSED", "refused", r->refused, r->due },
		{ "NOT SENT", "not sent", r->due > r->sent ? r->due - r->sent : 0, r->due },
		{ "NOT CONNECTED", "not connected", r->failed, r->subscribers + r->publishers },
		{ "NOT BACK", "not back", r->storm_s < 0 && r->back.n < r->opened && r->back.n
						  ? r->opened - r->back.n
						  : 0,
			r->opened },
	};
	int n = 0;

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (!faults[i].n)
			continue;
		buf_addf(out, "%s%s ", n ? ", " : "", n ? faults[i].word : faults[i].large);
		figure_count(out, faults[i].n);
		if (!n && faults[i].of) {
			buf_add_text(out, " of ");
			figure_count(out, faults[i].of);
		}
		n++;
	}
	return n;
}

static void add_missed(const struct result *r, struct buf *out)
{
	struct str rest, first = str_cut(str_of(r->missed), '\n', &rest);
	int more = 0;

	buf_add_text(out, "MISSED: ");
	buf_add_str(out, first);
	for (; rest.p; more++)
		str_cut(rest, '\n', &rest);
	if (more)
		buf_addf(out, " (and %d more)", more);
}

static void add_p99(const char *what, const struct hist *h, struct buf *out)
{
	if (!h->n)
		return;
	buf_addf(out, "%s", what);
	figure_value(out, (double)hist_percentile(h, 99), "ns");
}

/* What was good, by what the run was about. */
static void add_held(const struct result *r, struct buf *out)
{
	if (r->verdict.expected) {
		buf_add_text(out, "nothing lost");
		add_p99(", p99 ", &r->latency, out);
	} else if (r->sent) {
		figure_count(out, r->acked ? r->acked : r->sent);
		buf_add_text(out, r->acked ? " acknowledged" : " sent");
		add_p99(", p99 ", r->ack.n ? &r->ack : &r->latency, out);
	} else if (r->latency.n) {
		add_plural(out, r->latency.n, "message");
		add_p99(", p99 ", &r->latency, out);
	} else if (r->heard) {
		add_plural(out, r->heard, "message");
	} else if (r->storm_s >= 0) {
		add_plural(out, r->back.n, "connection");
		buf_add_text(out, " came back, the last after ");
		figure_value(out, r->storm_s * 1e9, "ns");
	} else {
		add_plural(out, r->opened, "connection");
		add_p99(", p99 ", &r->connect, out);
	}
	if (r->broken) {
		buf_add_text(out, ", but ");
		add_plural(out, r->broken, "connection");
		buf_add_text(out, " broke");
	}
}

enum report_judgement report_verdict(const struct result *r, struct buf *out)
{
	static const char *const words[ENDS] = {
		[END_GENERATOR] = "VOID", [END_REFUSED] = "REFUSED", [END_DENIED] = "DENIED"
	};
	size_t before;

	if (words[r->end]) {
		buf_addf(out, "%s: %s", words[r->end], r->why ? r->why : result_ends[r->end]);
		return REPORT_VOID;
	}
	if (r->end == END_DONE && !r->due && !r->opened && !r->latency.n && !r->heard && !r->n_errors) {
		buf_add_text(out, "VOID: nothing was measured");
		return REPORT_VOID;
	}
	if (r->end == END_STOPPED)
		buf_addf(out, "stopped after %.1f s: ", r->seconds);
	before = out->n;
	if (!add_faults(r, out) && r->missed)
		add_missed(r, out);
	if (out->n > before)
		return REPORT_FAILED;
	if (r->end == END_DONE)
		buf_add_text(out, "held: ");
	add_held(r, out);
	return REPORT_HELD;
}

/* --- rows ------------------------------------------------------------------------------------- */

struct table {
	struct buf *out;
	const struct result *r;
	const struct report_style *style;
};

static void paint(const struct table *t, const char *color)
{
	if (t->style->color)
		buf_add_text(t->out, color);
}

/* What came from elsewhere is cut to fit, and cannot move the cursor. */
static void add_foreign(const struct table *t, const char *text, size_t max)
{
	struct buf safe = { 0 };

	tty_escape(&safe, str_of(text));
	buf_add_str(t->out, str_head(buf_str(&safe), max));
	buf_fini(&safe);
}

static void add_row(const struct table *t, const char *name, uint64_t n, bool with_rate)
{
	struct buf cell = { 0 };

	figure_count(&cell, n);
	buf_addf(t->out, "  %-13s %14s", name, buf_cstr(&cell));
	cell.n = 0;
	if (with_rate && t->r->seconds > 0) {
		figure_value(&cell, (double)n / t->r->seconds, "/s");
		buf_addf(t->out, " %14s", buf_cstr(&cell));
	}
	buf_fini(&cell);
}

static void row(const struct table *t, const char *name, uint64_t n, bool with_rate)
{
	add_row(t, name, n, with_rate);
	buf_add_char(t->out, '\n');
}

/* Of something that should not be. */
static void fault(
	const struct table *t, const char *name, uint64_t n, bool always, const char *note)
{
	if (!n && !always)
		return;
	if (n)
		paint(t, RED);
	add_row(t, name, n, false);
	if (n)
		paint(t, PLAIN);
	buf_addf(t->out, n && *note ? "   %s\n" : "\n", note);
}

static void note(const struct table *t, const char *name, uint64_t n, const char *what)
{
	if (!n)
		return;
	add_row(t, name, n, false);
	buf_addf(t->out, "   %s\n", what);
}

static void add_head(const struct table *t)
{
	const struct result *r = t->r;

	buf_addf(t->out, "%s", r->scenario);
	if (r->transport)
		buf_addf(t->out, " over %s", r->transport);
	if (r->profile) {
		buf_add_text(t->out, ", profile ");
		add_foreign(t, r->profile, 40);
	}
	if (r->url) {
		buf_add_text(t->out, ", ");
		add_foreign(t, r->url, 200);
	}
	buf_add_char(t->out, '\n');
	if (!r->url) { /* read from a pipe */
		add_plural(t->out, r->publishers, "producer");
		buf_addf(t->out, ", %.1f s\n", r->seconds);
		return;
	}
	add_plural(t->out, r->subscribers, "subscriber");
	buf_add_text(t->out, ", ");
	add_plural(t->out, r->publishers, "publisher");
	buf_add_text(t->out, ", ");
	add_plural(t->out, r->rooms, "room");
	if (r->publishers) {
		buf_addf(t->out, ", %" PRIu64 " bytes, ", r->size);
		if (r->window)
			buf_addf(t->out, "%" PRIu64 " unanswered at each", r->window);
		else
			figure_value(t->out, r->rate, "/s");
	}
	buf_addf(t->out, r->publishers ? " for %.1f s\n" : ", %.1f s\n", r->seconds);
}

static void add_sent(const struct table *t)
{
	const struct result *r = t->r;

	row(t, "sent", r->sent, true);
	if (r->acked || r->ack.n)
		row(t, "acknowledged", r->acked, true);
	fault(t, "refused", r->refused, false, "by the server");
	fault(t, "not sent", r->due > r->sent ? r->due - r->sent : 0, false,
		"their publisher could not until the end");
	note(t, "had to wait", r->blocked, "until their publisher could take them");
}

static void add_received(const struct table *t)
{
	const struct verdict *v = &t->r->verdict;
	struct buf undeclared = { 0 };

	row(t, "expected", v->expected, true);
	add_row(t, "received", v->received, true);
	if (v->expected) {
		buf_add_text(t->out, "   ");
		figure_value(t->out, 100.0 * (double)v->received / (double)v->expected, "%");
	}
	buf_add_char(t->out, '\n');
	figure_count(&undeclared, v->undeclared);
	buf_add_text(&undeclared, " of them without a gap told");
	fault(t, "lost", v->lost, true, buf_cstr(&undeclared));
	fault(t, "duplicated", v->dup, true, "");
	fault(t, "reordered", v->reordered, true, "");
	fault(t, "phantom", v->phantom, false, "never sent");
	fault(t, "corrupt", v->corrupt, false, "not as they had been sent");
	buf_fini(&undeclared);
}

static void add_rest(const struct table *t)
{
	const struct result *r = t->r;

	note(t, "gaps told", r->gaps, "by the server");
	note(t, "not expected", r->verdict.away, "sent while the connection was down, or refused");
	note(t, "resumed", r->verdict.resumed, "received after the connection had been down");
	note(t, "early", r->verdict.early, "sent before the subscriber listened");
	note(t, "foreign", r->foreign, "of other runs");
	if (r->unrecognised) {
		add_row(t, "unrecognised", r->unrecognised, false);
		buf_add_text(t->out, "   e.g. ");
		add_foreign(t, r->example ? r->example : "", 38);
		buf_add_char(t->out, '\n');
	}
	if (r->url)
		row(t, "connections", r->opened, false);
	fault(t, "given up", r->failed, false, "could not be made or kept");
	fault(t, "broken", r->broken, false, "while in use; they were made again");
	note(t, "tried again", r->retried, "to connect, after an attempt that failed");
	note(t, "came back", r->back.n, "after their connection was lost");
}

static void add_heard(const struct table *t)
{
	const struct result *r = t->r;

	row(t, "messages", r->heard, true);
	if (r->url && r->sizes.n)
		buf_addf(t->out, "  %-13s %14.0f   bytes, from %" PRIu64 " to %" PRIu64 "\n",
			"mean size", hist_mean(&r->sizes), r->sizes.min, r->sizes.max);
	if (r->url && r->verdict.received && !r->latency.n)
		note(t, "with a mark", r->verdict.received,
			"of other machines: how late they are is not known");
}

/* --- times and machines ----------------------------------------------------------------------- */

static void add_hist(
	const struct table *t, const char *name, const struct hist *h, const char *color)
{
	static const double points[] = { 50, 90, 99, 99.9, 99.99, 100 };
	struct buf cell = { 0 };

	if (!h->n)
		return;
	paint(t, color);
	buf_addf(t->out, "  %-11s", name);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		cell.n = 0;
		figure_value(&cell, (double)hist_percentile(h, points[i]), "ns");
		buf_addf(t->out, " %10s", buf_cstr(&cell));
	}
	paint(t, PLAIN);
	buf_add_char(t->out, '\n');
	buf_fini(&cell);
}

static void add_times(const struct table *t)
{
	const struct result *r = t->r;

	if (!r->latency.n && !r->connect.n && !r->ack.n && !r->spacing.n)
		return;
	buf_addf(t->out, "\n  %-11s %10s %10s %10s %10s %10s %10s\n", "", "p50", "p90", "p99",
		"p99.9", "p99.99", "max");
	add_hist(t, "latency", &r->latency, "");
	add_hist(t, "uncorrected", &r->uncorrected, DIM);
	add_hist(t, "acks", &r->ack, "");
	add_hist(t, "spacing", &r->spacing, "");
	add_hist(t, "answered", &r->upgrade, "");
	add_hist(t, "subscribed", &r->connect, "");
	add_hist(t, "back", &r->back, "");
	add_hist(t, "tool's lag", &r->lag, DIM);
}

/* p99 over time in as many blocks as fit, each the worst of its stretch. */
static void add_blocks(const struct table *t)
{
	enum { WIDTH = 62 };
	const struct result *r = t->r;
	size_t n = r->n_samples < WIDTH ? r->n_samples : WIDTH, at = 0;
	uint64_t v[WIDTH] = { 0 }, most = 0;

	if (!t->style->blocks || n < 2 || !r->latency.n)
		return;
	for (size_t i = 0; i < r->n_samples; i++) {
		size_t k = i * n / r->n_samples;
		v[k] = r->samples[i].p99 > v[k] ? r->samples[i].p99 : v[k];
		if (r->samples[i].p99 > most) {
			most = r->samples[i].p99;
			at = i;
		}
	}
	buf_add_text(t->out, "\n  p99 by time ");
	for (size_t i = 0; i < n && most; i++) {
		uint64_t level = v[i] * 7 / most;
		buf_addf(t->out, "\xe2\x96%c", (char)(0x81 + level));
	}
	buf_add_text(t->out, "\n              at most ");
	figure_value(t->out, (double)most, "ns");
	buf_addf(t->out, ", at %.0f s\n", r->samples[at].at_s);
}

static void add_process(
	const struct table *t, const char *name, double cpu_s, const char *rss_metric)
{
	const struct result *r = t->r;
	const char *unit;
	double rss;
	bool known;

	buf_addf(t->out, "  %-13s %.1f %% of a core", name, 100 * cpu_s / r->seconds);
	if (result_metric(r, str_of(rss_metric), &rss, &known, &unit) && known) {
		buf_add_text(t->out, ", ");
		figure_value(t->out, rss, unit);
	}
}

static void add_processes(const struct table *t)
{
	const struct result *r = t->r;

	if (r->seconds <= 0)
		return;
	buf_add_char(t->out, '\n');
	add_process(t, "tool", r->tool_cpu_s, "tool_rss");
	if (r->server_cpu_s >= 0) {
		buf_add_char(t->out, '\n');
		add_process(t, "server", r->server_cpu_s, "server_rss");
	}
	if (r->server_cpu_s >= 0 && r->verdict.received) {
		buf_add_text(t->out, ", ");
		figure_value(t->out, r->server_cpu_s * 1e9 / (double)r->verdict.received, "ns");
		buf_add_text(t->out, " of CPU a delivery");
	}
	buf_add_char(t->out, '\n');
}

static void add_each(const struct table *t, const char *what, uint64_t before, uint64_t connected)
{
	double each;

	if (!result_per_connection(t->r, before, connected, &each))
		return;
	buf_addf(t->out, "%s ", what);
	figure_value(t->out, each, "bytes");
}

/* How many became ready, of each stretch: where connecting is what it was about. */
static void add_curve(const struct table *t)
{
	enum { POINTS = 60, ROW = 10 };
	const struct result *r = t->r;
	size_t n = r->n_samples;

	while (n && !r->samples[n - 1].opened)
		n--;
	if (n < 2 || n > POINTS)
		return;
	buf_addf(t->out, "  %-13s each %.1f s:", "ready/s", r->samples[0].for_s);
	for (size_t i = 0; i < n; i++) {
		const struct result_sample *s = &r->samples[i];
		buf_addf(t->out, "%s %.0f", i && i % ROW == 0 ? "\n               " : "",
			(double)s->opened / s->for_s);
	}
	buf_add_char(t->out, '\n');
}

static void add_connecting(const struct table *t)
{
	const struct result *r = t->r;
	const struct result_memory *before = &r->memory[MEMORY_BEFORE];
	const struct result_memory *connected = &r->memory[MEMORY_CONNECTED];
	const struct result_memory *after = &r->memory[MEMORY_AFTER];

	if (r->due || r->heard || !connected->known)
		return;
	buf_add_char(t->out, '\n');
	if (r->connect_s > 0) {
		buf_addf(t->out, "  %-13s ", "connecting");
		figure_value(t->out, r->connect_s * 1e9, "ns");
		buf_add_text(t->out, ", ");
		figure_value(t->out, (double)r->opened / r->connect_s, "/s");
		buf_add_char(t->out, '\n');
	}
	add_curve(t);
	buf_addf(t->out, "  %-13s ", "a connection");
	add_each(t, "server", before->server_rss, connected->server_rss);
	add_each(t, before->server_rss ? ", tool" : "tool", before->tool_rss, connected->tool_rss);
	add_each(t, ", kernel of this machine", before->slab, connected->slab);
	buf_add_char(t->out, '\n');
	if (!before->server_rss)
		return;
	buf_addf(t->out, "  %-13s before ", "server has");
	figure_value(t->out, (double)before->server_rss, "bytes");
	buf_add_text(t->out, ", connected ");
	figure_value(t->out, (double)connected->server_rss, "bytes");
	buf_add_text(t->out, ", at the end ");
	figure_value(t->out, (double)after->server_rss, "bytes");
	if (r->server_cpu_s >= 0 && r->seconds > 0)
		buf_addf(t->out, "\n  %-13s %.0f ppm of a core, %.2f ppm a connection", "server takes",
			r->server_cpu_s / r->seconds * 1e6,
			r->server_cpu_s / r->seconds * 1e6 / (double)r->opened);
	buf_add_char(t->out, '\n');
}

static void add_complaints(const struct table *t)
{
	const struct result *r = t->r;
	struct str rest = str_of(r->missed);

	if (r->missed || r->n_errors)
		buf_add_char(t->out, '\n');
	while (rest.p) {
		struct str line = str_cut(rest, '\n', &rest);
		paint(t, RED);
		buf_addf(t->out, "  missed        " STR_FMT, STR_ARG(line));
		paint(t, PLAIN);
		buf_add_char(t->out, '\n');
	}
	for (size_t i = 0; i < r->n_errors; i++) {
		struct buf cell = { 0 };
		figure_count(&cell, r->errors[i].n);
		buf_addf(t->out, "  error %8s", buf_cstr(&cell));
		buf_add_text(t->out, "x ");
		add_foreign(t, r->errors[i].text, 200);
		buf_add_char(t->out, '\n');
		buf_fini(&cell);
	}
}

/* --- all of it -------------------------------------------------------------------------------- */

void report_table(const struct result *r, const struct report_style *style, struct buf *out)
{
	const struct table t = { .out = out, .r = r, .style = style };
	struct buf verdict = { 0 };
	enum report_judgement judged = report_verdict(r, &verdict);

	paint(&t, judged == REPORT_HELD ? GREEN : judged == REPORT_VOID ? AMBER : RED);
	tty_escape(out, buf_str(&verdict));
	paint(&t, PLAIN);
	buf_add_text(out, "\n\n");
	buf_fini(&verdict);
	add_head(&t);
	if (r->end < END_REFUSED || r->opened) {
		buf_addf(out, "\n  %-13s %14s %14s\n", "", "count", "rate");
		if (r->publishers && r->url)
			add_sent(&t);
		if (r->heard)
			add_heard(&t);
		if (r->verdict.expected || r->verdict.phantom || (r->subscribers && r->publishers))
			add_received(&t);
		add_rest(&t);
		add_times(&t);
		add_blocks(&t);
		add_connecting(&t);
		add_processes(&t);
	}
	add_complaints(&t);
}

/* A line that is broken in two cannot be written over. What does not fit is left out. */
static void add_part(struct buf *out, size_t from, int columns, struct buf *part)
{
	if (out->n - from + part->n < (size_t)(columns > 1 ? columns : 1))
		buf_add_str(out, buf_str(part));
	part->n = 0;
}

void report_line(const struct result_sample *s, int columns, struct buf *out)
{
	struct buf part = { 0 };
	size_t from = out->n;

	buf_addf(&part, "%5.0f s", s->at_s + s->for_s);
	add_part(out, from, columns, &part);
	buf_add_text(&part, "  p99 ");
	if (s->p99)
		figure_value(&part, (double)s->p99, "ns");
	else
		buf_add_char(&part, '-');
	add_part(out, from, columns, &part);
	buf_add_text(&part, "  received ");
	figure_value(&part, floor((double)s->received / s->for_s + 0.5), "/s");
	add_part(out, from, columns, &part);
	buf_add_text(&part, "  sent ");
	figure_value(&part, floor((double)s->sent / s->for_s + 0.5), "/s");
	add_part(out, from, columns, &part);
	buf_addf(&part, "  tool %.0f %%", 100 * s->tool_cpu);
	add_part(out, from, columns, &part);
	if (s->server_cpu >= 0)
		buf_addf(&part, "  server %.0f %%", 100 * s->server_cpu);
	add_part(out, from, columns, &part);
	buf_add_text(&part, "  connected ");
	figure_count(&part, s->connected);
	add_part(out, from, columns, &part);
	buf_fini(&part);
}
