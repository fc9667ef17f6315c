/* compare.c - medians side by side, and whether their difference means something */
#include "bench/compare.h"

#include "base/mem.h"
#include "bench/figure.h"
#include "bench/ranks.h"

#include <inttypes.h>
#include <stdlib.h>

const char *const change_names[] = {
	[CHANGE_NONE] = "",
	[CHANGE_NOISE] = "noise",
	[CHANGE_BETTER] = "better",
	[CHANGE_WORSE] = "WORSE",
	[CHANGE_UNJUDGED] = "not judged",
};

enum kind { LESS, MORE, FAULT, SHOWN }; /* is better, is better, any is too much, not judged */

static const struct metric {
	const char *name;
	enum kind kind;
	double percent;     /* of a percentile; else 0 */
	size_t hist_offset; /* its histogram */
} metrics[] = {
#define POINT(name, kind, percent, hist)                           \
	{                                                          \
		name, kind, percent, offsetof(struct result, hist) \
	}
	{ "lost", FAULT, 0, 0 },
	{ "undeclared", FAULT, 0, 0 },
	{ "dup", FAULT, 0, 0 },
	{ "reordered", FAULT, 0, 0 },
	{ "phantom", FAULT, 0, 0 },
	{ "corrupt", FAULT, 0, 0 },
	{ "refused", FAULT, 0, 0 },
	{ "failed", FAULT, 0, 0 },
	{ "broken", FAULT, 0, 0 },
	{ "rate", MORE, 0, 0 },
	{ "delivered", MORE, 0, 0 },
	POINT("p50", LESS, 50, latency),
	POINT("p90", LESS, 90, latency),
	POINT("p99", LESS, 99, latency),
	POINT("p999", LESS, 99.9, latency),
	POINT("max", SHOWN, 0, latency),
	POINT("u_p99", LESS, 99, uncorrected),
	POINT("ack_p50", LESS, 50, ack),
	POINT("ack_p99", LESS, 99, ack),
	POINT("upgrade_p99", LESS, 99, upgrade),
	POINT("connect_p50", LESS, 50, connect),
	POINT("connect_p99", LESS, 99, connect),
	POINT("back_p50", LESS, 50, back),
	POINT("back_p99", LESS, 99, back),
	{ "conn_bytes", LESS, 0, 0 },
	{ "server_cpu", LESS, 0, 0 },
	{ "server_rss", LESS, 0, 0 },
	{ "tool_cpu", SHOWN, 0, 0 },
	POINT("lag_p99", SHOWN, 99, lag),
#undef POINT
};

_Static_assert(sizeof(metrics) / sizeof(metrics[0]) <= COMPARE_ROWS, "a row for each");

int compare_tolerance(const char *text, double *tolerance, struct err *e)
{
	char *end;
	double v = strtod(text, &end);

	if (end == text || (*end && strcmp(end, "%") != 0) || !(v >= 0 && v <= 1000))
		return err_set(e, ERR_USAGE, "'%.40s' is not a tolerance (10%%)", text);
	*tolerance = v / 100;
	return 0;
}

/* --- runs ------------------------------------------------------------------------------------- */

static bool is_void(const struct result *r)
{
	return r->end >= END_GENERATOR;
}

static void take_side(struct comparison *c, struct compare_side *side, const char *name,
	const struct results *runs)
{
	*side = (struct compare_side){ .name = name };
	for (size_t i = 0; i < runs->n; i++) {
		const struct result *r = runs->v[i];
		if (!is_void(r)) {
			side->n++;
			side->first = side->first ? side->first : r;
			continue;
		}
		side->n_void++;
		buf_addf(&c->notes, "'%s': run %zu is void and left out: %s\n", name, i + 1,
			r->why ? r->why : result_ends[r->end]);
	}
}

static void note_text(struct comparison *c, const char *what, const char *old, const char *new)
{
	if (strcmp(old ? old : "", new ? new : "") != 0)
		buf_addf(&c->notes, "the %s differs: %s, and now %s\n", what, old ? old : "none",
			new ? new : "none");
}

static void note_count(struct comparison *c, const char *what, uint64_t old, uint64_t new)
{
	if (old != new)
		buf_addf(
			&c->notes, "%s differ: %" PRIu64 ", and now %" PRIu64 "\n", what, old, new);
}

/* Those who compare what is not alike should know. */
static void note_settings(struct comparison *c, const struct result *old, const struct result *new)
{
	note_text(c, "scenario", old->scenario, new->scenario);
	note_text(c, "transport", old->transport, new->transport);
	note_text(c, "profile", old->profile, new->profile);
	note_count(c, "subscribers", old->subscribers, new->subscribers);
	note_count(c, "publishers", old->publishers, new->publishers);
	note_count(c, "rooms", old->rooms, new->rooms);
	note_count(c, "sizes", old->size, new->size);
	note_count(c, "rates asked for", figure_round(old->rate), figure_round(new->rate));
}

/* --- metrics ---------------------------------------------------------------------------------- */

struct values {
	double *v;
	size_t n;
	double most;
	bool thin; /* a percentile of few values */
};

static struct values take_values(
	const struct metric *m, const struct results *runs, const char **unit)
{
	struct values t = { .v = mem_array(runs->n + 1, sizeof(double)) };

	for (size_t i = 0; i < runs->n; i++) {
		const struct result *r = runs->v[i];
		const struct hist *h = (const void *)((const char *)r + m->hist_offset);
		double value;
		bool known;

		if (is_void(r))
			continue;
		result_metric(r, str_of(m->name), &value, &known, unit);
		if (!known)
			continue;
		if (m->percent > 0 &&
			(double)h->n * (100 - m->percent) / 100 < COMPARE_BEYOND - 1e-6)
			t.thin = true;
		t.most = value > t.most ? value : t.most;
		t.v[t.n++] = value;
	}
	return t;
}

static double worse_by(const struct metric *m, double old, double new)
{
	double from = m->kind == MORE ? new : old, to = m->kind == MORE ? old : new;

	if (to <= from)
		return 0;
	return from > 0 ? to / from - 1 : 1e9;
}

static enum change judge(const struct comparison *c, const struct metric *m,
	const struct compare_row *row, const struct values *old, const struct values *new)
{
	bool beyond_noise = row->p < 0 || row->p < COMPARE_NOISE;

	if (m->kind == FAULT && old->most <= 0 && new->most > 0)
		return CHANGE_WORSE;
	if (m->kind == SHOWN || old->thin || new->thin)
		return CHANGE_UNJUDGED;
	if (worse_by(m, row->old, row->new) > c->tolerance)
		return beyond_noise ? CHANGE_WORSE : CHANGE_NOISE;
	if (worse_by(m, row->new, row->old) > c->tolerance)
		return beyond_noise ? CHANGE_BETTER : CHANGE_NOISE;
	return CHANGE_NONE;
}

static void compare_metric(struct comparison *c, const struct metric *m, const struct results *a,
	const struct results *b)
{
	struct compare_row row = { .name = m->name, .p = -1 };
	struct values old = take_values(m, a, &row.unit), new = take_values(m, b, &row.unit);

	/* faults that nobody has are no news */
	if (old.n && new.n && !(m->kind == FAULT && old.most <= 0 && new.most <= 0)) {
		if (old.n >= COMPARE_RUNS && new.n >= COMPARE_RUNS)
			row.p = ranks_test(old.v, old.n, new.v, new.n);
		row.old = ranks_median(old.v, old.n);
		row.new = ranks_median(new.v, new.n);
		if (m->kind == FAULT && old.most <= 0)
			row.new = new.most; /* the median may hide it */
		row.ratio = row.old > 0 ? row.new / row.old : row.new > 0 ? -1 : 1;
		row.change = judge(c, m, &row, &old, &new);
		c->n_worse += row.change == CHANGE_WORSE;
		c->n_better += row.change == CHANGE_BETTER;
		c->rows[c->n++] = row;
	}
	mem_free(old.v);
	mem_free(new.v);
}

int compare_make(struct comparison *c, const char *old_name, const struct results *old,
	const char *new_name, const struct results *new, double tolerance, struct err *e)
{
	*c = (struct comparison){ .tolerance = tolerance };
	take_side(c, &c->old, old_name, old);
	take_side(c, &c->new, new_name, new);
	if (!c->old.n || !c->new.n)
		return err_set(e, ERR_INVALID, "nothing to compare: every run of '%s' is void",
			c->old.n ? new_name : old_name);
	c->few = c->old.n < COMPARE_RUNS || c->new.n < COMPARE_RUNS;
	note_settings(c, c->old.first, c->new.first);
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		compare_metric(c, &metrics[i], old, new);
	return 0;
}

void compare_fini(struct comparison *c)
{
	buf_fini(&c->notes);
}

/* --- showing ---------------------------------------------------------------------------------- */

static void add_names(const struct comparison *c, enum change change, struct buf *out)
{
	const char *comma = "";

	for (int i = 0; i < c->n; i++) {
		if (c->rows[i].change != change)
			continue;
		buf_addf(out, "%s%s", comma, c->rows[i].name);
		comma = ", ";
	}
}

static void add_verdict(const struct comparison *c, struct buf *out)
{
	if (c->n_worse) {
		buf_add_text(out, "WORSE: ");
		add_names(c, CHANGE_WORSE, out);
	} else {
		buf_addf(out, "held: nothing is worse by more than %g %%", 100 * c->tolerance);
		buf_add_text(out, c->n_better ? "; better: " : "");
		add_names(c, CHANGE_BETTER, out);
	}
}

static void add_cell(struct buf *out, double value, const char *unit)
{
	struct buf cell = { 0 };

	figure_value(&cell, value, unit);
	buf_addf(out, " %12s", buf_cstr(&cell));
	buf_fini(&cell);
}

static void add_row(
	const struct comparison *c, const struct compare_row *row, bool color, struct buf *out)
{
	const char *paint = row->change == CHANGE_WORSE    ? "\x1b[31m"
	                    : row->change == CHANGE_BETTER ? "\x1b[32m"
	                                                   : "";

	buf_addf(out, "  %-12s", row->name);
	add_cell(out, row->old, row->unit);
	add_cell(out, row->new, row->unit);
	if (row->ratio < 0)
		buf_addf(out, " %8s", "from 0");
	else
		buf_addf(out, " %7.2fx", row->ratio);
	if (row->p >= 0)
		buf_addf(out, " %8.1f %%", 100 * row->p);
	else if (!c->few)
		buf_addf(out, " %10s", "");
	if (*change_names[row->change])
		buf_addf(out, "  %s%s%s", color ? paint : "", change_names[row->change],
			color && *paint ? "\x1b[m" : "");
	buf_add_char(out, '\n');
}

static void add_side(struct buf *out, const char *which, const struct compare_side *s)
{
	buf_addf(out, "  %-12s %zu run%s of '%s'", which, s->n, s->n == 1 ? "" : "s", s->name);
	if (s->n_void)
		buf_addf(out, ", %zu left out", s->n_void);
	buf_add_char(out, '\n');
}

void compare_table(const struct comparison *c, bool color, struct buf *out)
{
	struct str rest, line;

	if (color)
		buf_add_text(out, c->n_worse ? "\x1b[1;31m" : "\x1b[1;32m");
	add_verdict(c, out);
	buf_add_text(out, color ? "\x1b[m\n\n" : "\n\n");
	add_side(out, "old", &c->old);
	add_side(out, "new", &c->new);
	for (rest = buf_str(&c->notes); rest.n;) {
		line = str_cut(rest, '\n', &rest);
		buf_addf(out, "  note         " STR_FMT "\n", STR_ARG(line));
	}
	if (c->few)
		buf_addf(out,
			"  note         fewer than %d runs on a side: noise cannot be told from\n"
			"               change, and the tolerance of %g %% alone decides\n",
			COMPARE_RUNS, 100 * c->tolerance);
	buf_addf(out, "\n  %-12s %12s %12s %8s%s\n", c->old.n + c->new.n > 2 ? "median" : "", "old",
		"new", "ratio", c->few ? "" : "  by chance");
	for (int i = 0; i < c->n; i++)
		add_row(c, &c->rows[i], color, out);
}

static void add_json_row(const struct compare_row *row, struct buf *out)
{
	static const char *const words[] = { "same", "noise", "better", "worse", "not judged" };

	buf_addf(out, "\"%s\":{\"unit\":\"%s\",\"old\":%.15g,\"new\":%.15g", row->name, row->unit,
		row->old, row->new);
	if (row->ratio >= 0)
		buf_addf(out, ",\"ratio\":%.6g", row->ratio);
	if (row->p >= 0)
		buf_addf(out, ",\"by_chance\":%.6g", row->p);
	buf_addf(out, ",\"change\":\"%s\"}", words[row->change]);
}

void compare_json(const struct comparison *c, struct buf *out)
{
	struct buf verdict = { 0 };
	struct str rest;

	add_verdict(c, &verdict);
	buf_add_text(out, "{\"rt_bench_compare\":1,\"verdict\":");
	buf_add_json(out, buf_str(&verdict));
	buf_addf(out,
		",\"worse\":%d,\"better\":%d,\"tolerance\":%g,\"old_runs\":%zu,\"new_runs\":%zu,"
		"\"old_void\":%zu,\"new_void\":%zu,\"few\":%s,\"notes\":[",
		c->n_worse, c->n_better, c->tolerance, c->old.n, c->new.n, c->old.n_void,
		c->new.n_void, c->few ? "true" : "false");
	for (rest = buf_str(&c->notes); rest.n;) {
		struct str line = str_cut(rest, '\n', &rest);
		buf_add_json(out, line);
		buf_add_text(out, rest.n ? "," : "");
	}
	buf_add_text(out, "],\"metrics\":{");
	for (int i = 0; i < c->n; i++) {
		buf_add_text(out, i ? "," : "");
		add_json_row(&c->rows[i], out);
	}
	buf_add_text(out, "}}\n");
	buf_fini(&verdict);
}
