/* html_curves.c - what a page draws: samples gathered into points, and percentiles */
#include "bench/html_part.h"

#include "base/mem.h"
#include "bench/chart.h"

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

void html_curves(struct buf *out, const struct result *r)
{
	struct points p;

	if (!r->n_samples && !r->latency.n)
		return;
	points_init(&p, r);
	buf_add_text(out, "<div class=\"grid2\">\n");
	if (has_any(&p, MAX))
		draw_latency(out, &p);
	if (r->latency.n)
		draw_percentiles(out, r);
	if (p.n) {
		draw_throughput(out, &p);
		draw_connections(out, &p);
		draw_processes(out, &p);
	}
	buf_add_text(out, "</div>\n");
	points_fini(&p);
}

/* --- in numbers ------------------------------------------------------------------------------- */

static void add_cell(struct buf *out, double v, const char *unit)
{
	buf_add_text(out, "<td>");
	if (isnan(v))
		buf_add_text(out, "&ndash;");
	else
		html_value(out, v, unit);
	buf_add_text(out, "</td>");
}

/* The curves over time in numbers. */
void html_samples(struct buf *out, const struct result *r)
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

	struct points p;

	if (!r->n_samples)
		return;
	points_init(&p, r);
	buf_add_text(out, "<details><summary>Over time, in numbers</summary><div class=\"scroll\">"
			  "<table><thead><tr><th>at</th>");
	for (size_t k = 0; k < sizeof(columns) / sizeof(columns[0]); k++) {
		if (has_any(&p, columns[k].which))
			buf_addf(out, "<th>%s</th>", columns[k].name);
	}
	buf_add_text(out, "</tr></thead><tbody>\n");
	for (size_t i = 0; i < p.n; i++) {
		buf_addf(out, "<tr><th scope=\"row\">%.1f s</th>", p.x[i]);
		for (size_t k = 0; k < sizeof(columns) / sizeof(columns[0]); k++) {
			if (has_any(&p, columns[k].which))
				add_cell(out, p.v[columns[k].which][i], columns[k].unit);
		}
		buf_add_text(out, "</tr>\n");
	}
	buf_add_text(out, "</tbody></table></div></details>\n");
	points_fini(&p);
}
