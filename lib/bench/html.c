/* html.c - the page: verdict, figures, curves, tables, settings */
#include "bench/html.h"

#include "base/clock.h"
#include "base/mem.h"
#include "bench/chart.h"
#include "bench/figure.h"
#include "bench/html_style.h"
#include "bench/report.h"

#include <inttypes.h>
#include <math.h>

#define POINTS_MAX 300 /* of a curve over time; more samples are gathered */
#define DECADES    5   /* of the percentile curve: to 99.999 */
#define PER_DECADE 40
#define SPREAD_MAX 5 /* of two curves that share a scale */

/* --- samples, gathered into as many points as a screen shows ---------------------------------- */

struct points {
	size_t n, per; /* samples in a point */
	double length_s;
	double *x, *v[11];
};

enum {
	SENT,
	RECEIVED,
	CONNECTED,
	P50,
	P99,
	MAX,
	TOOL_CPU,
	TOOL_RSS,
	SERVER_CPU,
	SERVER_RSS,
	SERVER_FDS
};

static double worse(double a, double b)
{
	return isnan(a) ? b : isnan(b) ? a : fmax(a, b);
}

static double or_none(double v, bool there)
{
	return there ? v : NAN;
}

/* Times, memory and files are the worst of their stretch, rates and CPU the mean. */
static void gather(struct points *p, size_t to, const struct result_sample *s, size_t n)
{
	double sent = 0, received = 0, for_s = 0, tool = 0, server = 0;
	bool served = false;

	for (int k = CONNECTED; k <= SERVER_FDS; k++)
		p->v[k][to] = NAN;
	for (size_t i = 0; i < n; i++) {
		bool arrived = s[i].max > 0;
		sent += (double)s[i].sent;
		received += (double)s[i].received;
		for_s += s[i].for_s;
		tool += s[i].tool_cpu * s[i].for_s;
		p->v[CONNECTED][to] = (double)s[i].connected;
		p->v[P50][to] = worse(p->v[P50][to], or_none((double)s[i].p50, arrived));
		p->v[P99][to] = worse(p->v[P99][to], or_none((double)s[i].p99, arrived));
		p->v[MAX][to] = worse(p->v[MAX][to], or_none((double)s[i].max, arrived));
		p->v[TOOL_RSS][to] = worse(
			p->v[TOOL_RSS][to], or_none((double)s[i].tool_rss, s[i].tool_rss > 0));
		if (s[i].server_cpu < 0)
			continue;
		served = true;
		server += s[i].server_cpu * s[i].for_s;
		p->v[SERVER_RSS][to] = worse(p->v[SERVER_RSS][to], (double)s[i].server_rss);
		p->v[SERVER_FDS][to] = worse(p->v[SERVER_FDS][to], (double)s[i].server_fds);
	}
	for_s = for_s > 0 ? for_s : 1;
	p->x[to] = (s[0].at_s + s[n - 1].at_s + s[n - 1].for_s) / 2;
	p->v[SENT][to] = sent / for_s;
	p->v[RECEIVED][to] = received / for_s;
	p->v[TOOL_CPU][to] = 100 * tool / for_s;
	p->v[SERVER_CPU][to] = or_none(100 * server / for_s, served);
}

static void points_init(struct points *p, const struct result *r)
{
	size_t n = r->n_samples;

	*p = (struct points){ .length_s = r->seconds };
	p->per = n > POINTS_MAX ? (n + POINTS_MAX - 1) / POINTS_MAX : 1;
	p->n = (n + p->per - 1) / p->per;
	p->x = mem_array(p->n + 1, sizeof(double));
	for (int k = SENT; k <= SERVER_FDS; k++)
		p->v[k] = mem_array(p->n + 1, sizeof(double));
	for (size_t i = 0; i < p->n; i++) {
		size_t from = i * p->per;
		gather(p, i, r->samples + from, n - from < p->per ? n - from : p->per);
	}
	if (n) {
		const struct result_sample *last = &r->samples[n - 1];
		p->length_s = fmax(p->length_s, last->at_s + last->for_s);
	}
}

static void points_fini(struct points *p)
{
	mem_free(p->x);
	for (int k = SENT; k <= SERVER_FDS; k++)
		mem_free(p->v[k]);
}

static bool has_any(const struct points *p, int which)
{
	for (size_t i = 0; i < p->n; i++) {
		if (!isnan(p->v[which][i]))
			return true;
	}
	return false;
}

/* --- curves ----------------------------------------------------------------------------------- */

static void over_time(struct buf *out, const struct points *p, struct chart c)
{
	struct buf caption = { 0 };

	c.axis = CHART_TIME;
	c.x = p->x;
	c.n = p->n;
	c.x_max = p->length_s;
	if (p->per > 1) {
		buf_addf(&caption, "Each point stands for %zu samples%s%s", p->per,
			c.caption ? ": " : ".", c.caption ? c.caption : "");
		c.caption = buf_cstr(&caption);
	}
	chart_draw(out, &c);
	buf_fini(&caption);
}

static void draw_latency(struct buf *out, const struct points *p)
{
	over_time(out, p,
		(struct chart){ .title = "Latency over time",
			.unit = "ns",
			.log_y = true,
			.caption = p->per > 1 ? "the worst of them." : NULL,
			.series = { { "p50", p->v[P50] }, { "p99", p->v[P99] },
				{ "max", p->v[MAX] } },
			.n_series = 3 });
}

static double most(const struct points *p, int which)
{
	double v = 0;

	for (size_t i = 0; i < p->n; i++)
		v = worse(v, p->v[which][i]);
	return v;
}

/* Side by side where one would press the other to the ground. */
static void draw_throughput(struct buf *out, const struct points *p)
{
	const char *caption = p->per > 1 ? "their mean." : NULL;

	if (most(p, RECEIVED) < SPREAD_MAX * most(p, SENT) || most(p, SENT) <= 0) {
		over_time(out, p,
			(struct chart){ .title = "Messages",
				.unit = "/s",
				.caption = caption,
				.series = { { "sent", p->v[SENT] },
					{ "received", p->v[RECEIVED] } },
				.n_series = 2 });
		return;
	}
	over_time(out, p,
		(struct chart){ .title = "Messages sent",
			.unit = "/s",
			.caption = caption,
			.series = { { "sent", p->v[SENT] } },
			.n_series = 1 });
	over_time(out, p,
		(struct chart){ .title = "Messages received, by all subscribers",
			.unit = "/s",
			.caption = caption,
			.series = { { "received", p->v[RECEIVED] } },
			.n_series = 1 });
}

static void draw_connections(struct buf *out, const struct points *p)
{
	over_time(out, p,
		(struct chart){ .title = "Connections",
			.unit = "",
			.series = { { "subscribers connected", p->v[CONNECTED] } },
			.n_series = 1 });
}

static void draw_processes(struct buf *out, const struct points *p)
{
	int n = has_any(p, SERVER_CPU) ? 2 : 1;

	over_time(out, p,
		(struct chart){ .title = "CPU, of one core",
			.unit = "%",
			.series = { { "tool", p->v[TOOL_CPU] }, { "server", p->v[SERVER_CPU] } },
			.n_series = n });
	if (has_any(p, TOOL_RSS) || n > 1)
		over_time(out, p,
			(struct chart){ .title = "Memory",
				.unit = "bytes",
				.series = { { "tool", p->v[TOOL_RSS] },
					{ "server", p->v[SERVER_RSS] } },
				.n_series = n });
}

/* To where a single value decides. */
static void draw_percentiles(struct buf *out, const struct result *r)
{
	enum { MOST = DECADES * PER_DECADE + 1 };
	double x[MOST], corrected[MOST], uncorrected[MOST];
	double decades = fmin(fmax(ceil(log10((double)r->latency.n + 1)), 1), DECADES);
	size_t n = (size_t)decades * PER_DECADE + 1;

	for (size_t i = 0; i < n; i++) {
		double percent;
		x[i] = (double)i / PER_DECADE;
		percent = 100 - 100 * pow(10, -x[i]);
		corrected[i] = (double)hist_percentile(&r->latency, percent);
		uncorrected[i] = or_none(
			(double)hist_percentile(&r->uncorrected, percent), r->uncorrected.n > 0);
	}
	chart_draw(out,
		&(struct chart){ .title = "Latency by percentile",
			.unit = "ns",
			.log_y = true,
			.axis = CHART_PERCENTILE,
			.caption =
				"Corrected: since the message was due. Uncorrected: since it was really sent.",
			.x = x,
			.n = n,
			.x_max = decades,
			.series = { { "corrected", corrected }, { "uncorrected", uncorrected } },
			.n_series = 2 });
}

static void draw_all(struct buf *out, const struct result *r, const struct points *p)
{
	if (!p->n && !r->latency.n)
		return;
	buf_add_text(out, "<div class=\"grid2\">\n");
	if (has_any(p, MAX))
		draw_latency(out, p);
	if (r->latency.n)
		draw_percentiles(out, r);
	if (p->n) {
		draw_throughput(out, p);
		draw_connections(out, p);
		draw_processes(out, p);
	}
	buf_add_text(out, "</div>\n");
}

/* --- tables ----------------------------------------------------------------------------------- */

static void add_text(struct buf *out, const char *text)
{
	chart_escape(out, str_of(text));
}

/* The figure with its unit as HTML has it. */
static void add_value(struct buf *out, double v, const char *unit)
{
	struct buf text = { 0 };
	struct str s;

	figure_value(&text, v, unit);
	s = buf_str(&text);
	if (s.n > 3 && memcmp(s.p + s.n - 3, " us", 3) == 0) {
		buf_add(out, s.p, s.n - 2);
		buf_add_text(out, "\xc2\xb5s");
	} else {
		buf_add_str(out, s);
	}
	buf_fini(&text);
}

static void add_tile(struct buf *out, const struct result *r, const char *name, const char *metric)
{
	const char *unit;
	double value;
	bool known;

	result_metric(r, str_of(metric), &value, &known, &unit);
	if (!known)
		return;
	buf_addf(out, "<div><dt>%s</dt><dd%s>", name,
		strcmp(metric, "lost") == 0 && value > 0 ? " class=\"bad\"" : "");
	add_value(out, value, unit);
	buf_add_text(out, "</dd></div>\n");
}

static void add_tiles(struct buf *out, const struct result *r)
{
	size_t before;

	buf_add_text(out, "<dl class=\"tiles\">\n");
	before = out->n;
	add_tile(out, r, "lost", "lost");
	add_tile(out, r, "received", "received");
	if (r->sent)
		add_tile(out, r, "sent", "rate");
	add_tile(out, r, "deliveries", "delivered");
	add_tile(out, r, "latency p50", "p50");
	add_tile(out, r, "latency p99", "p99");
	add_tile(out, r, "latency max", "max");
	if (r->opened)
		add_tile(out, r, "connections", "opened");
	add_tile(out, r, "server CPU", "server_cpu");
	add_tile(out, r, "server memory", "server_rss");
	if (out->n == before)
		buf_add_text(out, "<div><dt>measured</dt><dd>nothing</dd></div>\n");
	buf_add_text(out, "</dl>\n");
}

static void add_hist_row(struct buf *out, const char *name, const struct hist *h)
{
	static const double points[] = { 50, 90, 99, 99.9, 99.99, 99.999, 100 };

	if (!h->n)
		return;
	buf_addf(out, "<tr><th scope=\"row\">%s</th><td>", name);
	figure_count(out, h->n);
	buf_add_text(out, "</td><td>");
	add_value(out, hist_mean(h), "ns");
	buf_add_text(out, "</td>");
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		buf_add_text(out, "<td>");
		add_value(out, (double)hist_percentile(h, points[i]), "ns");
		buf_add_text(out, "</td>");
	}
	buf_add_text(out, "</tr>\n");
}

static void add_times(struct buf *out, const struct result *r)
{
	if (!r->latency.n && !r->connect.n && !r->ack.n && !r->lag.n)
		return;
	buf_add_text(out,
		"<section><h2>Times</h2><div class=\"scroll\"><table><thead><tr><th></th>"
		"<th>count</th><th>mean</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th>"
		"<th>p99.99</th><th>p99.999</th><th>max</th></tr></thead><tbody>\n");
	add_hist_row(out, "latency", &r->latency);
	add_hist_row(out, "uncorrected", &r->uncorrected);
	add_hist_row(out, "acknowledged", &r->ack);
	add_hist_row(out, "connecting", &r->connect);
	add_hist_row(out, "tool&#39;s lag", &r->lag);
	buf_add_text(out, "</tbody></table></div></section>\n");
}

static void add_counts(struct buf *out, const struct result *r)
{
	const struct verdict *v = &r->verdict;
	const struct {
		const char *name;
		uint64_t n;
		bool always, fault;
		const char *note;
	} rows[] = {
		{ "sent", r->sent, r->publishers > 0, false, "" },
		{ "acknowledged", r->acked, false, false, "" },
		{ "refused", r->refused, false, true, "by the server" },
		{ "not sent", r->due > r->sent ? r->due - r->sent : 0, false, true,
			"their publisher could not until the end" },
		{ "had to wait", r->blocked, false, false,
			"until their publisher could take them" },
		{ "expected", v->expected, r->subscribers > 0, false,
			"at all subscribers together" },
		{ "received", v->received, r->subscribers > 0, false, "" },
		{ "lost", v->lost, r->subscribers > 0, true, "" },
		{ "lost, no gap told", v->undeclared, false, true, "" },
		{ "duplicated", v->dup, r->subscribers > 0, true, "" },
		{ "reordered", v->reordered, r->subscribers > 0, true, "" },
		{ "phantom", v->phantom, false, true, "never sent" },
		{ "corrupt", v->corrupt, false, true, "not as they had been sent" },
		{ "gaps told", r->gaps, false, false, "by the server" },
		{ "not expected", v->away, false, false,
			"sent while the connection was down, or refused" },
		{ "resumed", v->resumed, false, false,
			"received after the connection had been down" },
		{ "early", v->early, false, false, "sent before the subscriber listened" },
		{ "foreign", r->foreign, false, false, "of other runs" },
		{ "unrecognised", r->unrecognised, false, false, r->example ? r->example : "" },
		{ "bytes received", r->bytes, false, false, "" },
		{ "connections", r->opened, true, false, "" },
		{ "given up", r->failed, false, true,
			"connections that could not be made or kept" },
		{ "broken", r->broken, false, true, "connections lost while in use" },
	};

	buf_add_text(out, "<section><h2>Counts</h2><table><tbody>\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!rows[i].n && !rows[i].always)
			continue;
		buf_addf(out, "<tr><th scope=\"row\">%s</th><td%s>", rows[i].name,
			rows[i].fault && rows[i].n ? " class=\"bad\"" : "");
		figure_count(out, rows[i].n);
		buf_add_text(out, "</td><td class=\"text note\">");
		add_text(out, rows[i].note);
		buf_add_text(out, "</td></tr>\n");
	}
	buf_add_text(out, "</tbody></table></section>\n");
}

static void add_complaints(struct buf *out, const struct result *r)
{
	struct str rest = str_of(r->missed);

	if (!r->missed && !r->n_errors)
		return;
	buf_add_text(out, "<div class=\"grid2\">\n");
	if (r->missed) {
		buf_add_text(out, "<section><h2>Limits missed</h2><ul>\n");
		while (rest.p) {
			struct str line = str_cut(rest, '\n', &rest);
			buf_add_text(out, "<li>");
			chart_escape(out, line);
			buf_add_text(out, "</li>\n");
		}
		buf_add_text(out, "</ul></section>\n");
	}
	if (r->n_errors)
		buf_add_text(out, "<section><h2>Errors</h2><table><tbody>\n");
	for (size_t i = 0; i < r->n_errors; i++) {
		buf_add_text(out, "<tr><td>");
		figure_count(out, r->errors[i].n);
		buf_add_text(out, "&times;</td><td class=\"text\">");
		add_text(out, r->errors[i].text);
		buf_add_text(out, "</td></tr>\n");
	}
	buf_add_text(out, r->n_errors ? "</tbody></table></section>\n</div>\n" : "</div>\n");
}

static void add_setting(struct buf *out, const char *name, const char *text)
{
	if (!text)
		return;
	buf_addf(out, "<tr><th scope=\"row\">%s</th><td class=\"text\">", name);
	add_text(out, text);
	buf_add_text(out, "</td></tr>\n");
}

static void add_setting_value(struct buf *out, const char *name, double v, const char *unit)
{
	buf_addf(out, "<tr><th scope=\"row\">%s</th><td class=\"text\">", name);
	add_value(out, v, unit);
	buf_add_text(out, "</td></tr>\n");
}

static void add_settings(struct buf *out, const struct result *r)
{
	struct buf started = { 0 }, duration = { 0 };

	buf_addf(&duration, "%.1f s", r->seconds);
	if (r->started_ms)
		time_format(&started, r->started_ms);
	buf_add_text(out, "<section><h2>Settings</h2><table><tbody>\n");
	add_setting(out, "scenario", r->scenario);
	add_setting(out, "transport", r->transport);
	add_setting(out, "profile", r->profile);
	add_setting(out, "server", r->url);
	add_setting_value(out, "subscribers", (double)r->subscribers, "");
	add_setting_value(out, "publishers", (double)r->publishers, "");
	add_setting_value(out, "rooms", (double)r->rooms, "");
	if (r->publishers) {
		add_setting_value(out, "message size", (double)r->size, "bytes");
		add_setting_value(out, "rate asked for", r->rate, "/s");
	}
	add_setting(out, "duration", buf_cstr(&duration));
	add_setting(out, "started", r->started_ms ? buf_cstr(&started) : NULL);
	add_setting(out, "rt-bench", r->version);
	buf_add_text(out, "</tbody></table>\n");
	if (r->command) {
		buf_add_text(out, "<pre>");
		add_text(out, r->command);
		buf_add_text(out, "</pre>\n");
	}
	buf_add_text(out, "</section>\n");
	buf_fini(&started);
	buf_fini(&duration);
}

static void add_cell(struct buf *out, double v, const char *unit)
{
	buf_add_text(out, "<td>");
	if (isnan(v))
		buf_add_text(out, "&ndash;");
	else
		add_value(out, v, unit);
	buf_add_text(out, "</td>");
}

/* The curves over time in numbers. */
static void add_samples(struct buf *out, const struct points *p)
{
	static const struct {
		const char *name, *unit;
		int which;
	} columns[] = {
		{ "sent", "/s", SENT },
		{ "received", "/s", RECEIVED },
		{ "connected", "", CONNECTED },
		{ "p50", "ns", P50 },
		{ "p99", "ns", P99 },
		{ "max", "ns", MAX },
		{ "tool CPU", "%", TOOL_CPU },
		{ "server CPU", "%", SERVER_CPU },
		{ "server memory", "bytes", SERVER_RSS },
		{ "server files", "", SERVER_FDS },
	};

	if (!p->n)
		return;
	buf_add_text(out, "<details><summary>Over time, in numbers</summary><div class=\"scroll\">"
			  "<table><thead><tr><th>at</th>");
	for (size_t k = 0; k < sizeof(columns) / sizeof(columns[0]); k++) {
		if (has_any(p, columns[k].which))
			buf_addf(out, "<th>%s</th>", columns[k].name);
	}
	buf_add_text(out, "</tr></thead><tbody>\n");
	for (size_t i = 0; i < p->n; i++) {
		buf_addf(out, "<tr><th scope=\"row\">%.1f s</th>", p->x[i]);
		for (size_t k = 0; k < sizeof(columns) / sizeof(columns[0]); k++) {
			if (has_any(p, columns[k].which))
				add_cell(out, p->v[columns[k].which][i], columns[k].unit);
		}
		buf_add_text(out, "</tr>\n");
	}
	buf_add_text(out, "</tbody></table></div></details>\n");
}

/* --- the page --------------------------------------------------------------------------------- */

static void add_head(struct buf *out, const struct result *r)
{
	static const char *const classes[] = {
		[REPORT_HELD] = "held", [REPORT_FAILED] = "failed", [REPORT_VOID] = "void"
	};
	struct buf verdict = { 0 };
	enum report_judgement judged = report_verdict(r, &verdict);

	buf_add_text(out,
		"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
		"<title>rt-bench: ");
	chart_escape(out, buf_str(&verdict));
	buf_addf(out,
		"</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n<header class=\"%s\"><h1>",
		html_style, classes[judged]);
	chart_escape(out, buf_str(&verdict));
	buf_add_text(out, "</h1><p>");
	add_text(out, r->scenario ? r->scenario : "");
	if (r->transport) {
		buf_add_text(out, " over ");
		add_text(out, r->transport);
	}
	if (r->profile) {
		buf_add_text(out, ", profile ");
		add_text(out, r->profile);
	}
	if (r->url) {
		buf_add_text(out, ", ");
		add_text(out, r->url);
	}
	buf_add_text(out, "</p></header>\n");
	buf_fini(&verdict);
}

void html_report(const struct result *r, struct buf *out)
{
	struct points p;

	points_init(&p, r);
	add_head(out, r);
	add_tiles(out, r);
	add_complaints(out, r);
	draw_all(out, r, &p);
	buf_add_text(out, "<div class=\"grid2\">\n");
	add_counts(out, r);
	add_settings(out, r);
	buf_add_text(out, "</div>\n");
	add_times(out, r);
	add_samples(out, &p);
	buf_addf(out, "</main>\n<script>\n%s</script>\n</body>\n</html>\n", html_script);
	points_fini(&p);
}
