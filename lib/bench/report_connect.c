/* report_connect.c - the summary of how connections came, what they cost, and what they heard */
#include "bench/report.h"

#include <inttypes.h>

#define CURVE_MAX 40 /* points; a longer curve is in the JSON only */
#define CURVE_ROW 10

static void add_bytes(struct buf *out, double n)
{
	if (n < 0)
		buf_add_char(out, '-');
	n = n < 0 ? -n : n;
	if (n < 1000)
		buf_addf(out, "%.0f B", n);
	else if (n < 1e6)
		buf_addf(out, "%.1f kB", n / 1e3);
	else
		buf_addf(out, "%.1f MB", n / 1e6);
}

/* Connections that became ready, of each sample. */
static void add_curve(const struct result *r, struct buf *out)
{
	size_t n = r->n_samples;

	while (n && !r->samples[n - 1].opened)
		n--;
	if (n < 2 || n > CURVE_MAX)
		return;
	buf_addf(out, "  ready/s      each %.1f s:", r->samples[0].for_s);
	for (size_t i = 0; i < n; i++) {
		const struct result_sample *s = &r->samples[i];
		buf_addf(out, "%s %.0f", i && i % CURVE_ROW == 0 ? "\n              " : "",
			(double)s->opened / s->for_s);
	}
	buf_add_char(out, '\n');
}

void report_connecting(const struct result *r, struct buf *out)
{
	if (r->connect_s > 0)
		buf_addf(out, "  connecting   %.3g s (%.0f/s), %" PRIu64 " attempts had to be made again\n",
			r->connect_s, (double)r->opened / r->connect_s, r->retried);
	if (r->back.n)
		buf_addf(out, "  storm        %" PRIu64 " came back", r->back.n);
	if (r->back.n && r->storm_s >= 0)
		buf_addf(out, ", the last after %.3g s", r->storm_s);
	else if (r->back.n)
		buf_add_text(out, ", not all");
	if (r->back.n)
		buf_add_char(out, '\n');
	add_curve(r, out);
}

static void add_each(const struct result *r, const char *what, uint64_t before, uint64_t connected,
	struct buf *out)
{
	double each;

	if (!result_per_connection(r, before, connected, &each))
		return;
	buf_addf(out, ", %s ", what);
	add_bytes(out, each);
}

void report_memory(const struct result *r, struct buf *out)
{
	const struct result_memory *m = r->memory;

	if (!m[MEMORY_CONNECTED].known || !r->opened)
		return;
	if (m[MEMORY_BEFORE].server_rss) {
		buf_add_text(out, "  server       resident ");
		add_bytes(out, (double)m[MEMORY_BEFORE].server_rss);
		buf_add_text(out, " before, ");
		add_bytes(out, (double)m[MEMORY_CONNECTED].server_rss);
		buf_add_text(out, " connected, ");
		add_bytes(out, (double)m[MEMORY_AFTER].server_rss);
		buf_add_text(out, " after\n");
	}
	buf_addf(out, "  each of %" PRIu64, r->opened);
	add_each(r, "server", m[MEMORY_BEFORE].server_rss, m[MEMORY_CONNECTED].server_rss, out);
	add_each(r, "this tool", m[MEMORY_BEFORE].tool_rss, m[MEMORY_CONNECTED].tool_rss, out);
	add_each(r, "kernel (machine's slab)", m[MEMORY_BEFORE].slab, m[MEMORY_CONNECTED].slab, out);
	buf_add_char(out, '\n');
	if (r->server_cpu_s >= 0 && r->seconds > 0 && !r->sent)
		buf_addf(out, "  server's cpu %.0f ppm of a core, %.2f ppm a connection\n",
			r->server_cpu_s / r->seconds * 1e6,
			r->server_cpu_s / r->seconds * 1e6 / (double)r->opened);
}

void report_heard(const struct result *r, struct buf *out)
{
	double seconds = r->seconds > 0 ? r->seconds : 1;

	if (r->publishers || !r->heard)
		return;
	buf_addf(out, "  heard        %" PRIu64 " messages, %.4g/s, ", r->heard,
		(double)r->heard / seconds);
	add_bytes(out, (double)r->bytes / seconds);
	buf_addf(out, "/s\n  sizes        %" PRIu64 " to %" PRIu64 " bytes, %.0f on average\n",
		r->sizes.min, r->sizes.max, hist_mean(&r->sizes));
	if (r->latency.n)
		buf_addf(out, "  marks        %" PRIu64 " of rt-bench, %" PRIu64
			      " written on this machine\n",
			r->verdict.received, r->latency.n);
	else if (r->verdict.received)
		buf_addf(out, "  marks        %" PRIu64 " of rt-bench, of other machines: how late "
			      "they are is not known\n",
			r->verdict.received);
}
