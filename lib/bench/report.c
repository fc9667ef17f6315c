/* report.c - the summary table
 *
 *      rt-bench: fanout over ws, profile rt, ws://127.0.0.1:8080
 *        1000 subscribers, 1 publisher, 1 room, 128 bytes, 100/s asked for, 10.0 s
 *
 *        messages   sent 1000 (100/s), acknowledged 1000
 *        deliveries expected 1000000, received 1000000 (100 %), 100000/s
 *        verdict    lost 0, duplicated 0, reordered 0, phantom 0, gaps told 0
 *
 *                        p50      p90      p99    p99.9      max
 *        latency     1.23 ms ...
 *        uncorrected
 *        tool's lag
 */
#include "bench/report.h"

#include "bench/figure.h"

#include <inttypes.h>

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void add_head(const struct result *r, struct buf *out)
{
	buf_addf(out, "%s over %s, profile %s, %s\n", r->scenario, r->transport, r->profile, r->url);
	buf_addf(out, "  %" PRIu64 " subscriber%s, %" PRIu64 " publisher%s, %" PRIu64 " room%s",
		r->subscribers, plural(r->subscribers), r->publishers, plural(r->publishers),
		r->rooms, plural(r->rooms));
	if (r->publishers)
		buf_addf(out, ", %" PRIu64 " bytes, %.4g/s asked for", r->size, r->rate);
	buf_addf(out, ", %.1f s\n\n", r->seconds);
}

static void add_messages(const struct result *r, struct buf *out)
{
	const struct verdict *v = &r->verdict;
	double seconds = r->seconds > 0 ? r->seconds : 1;

	if (r->publishers) {
		buf_addf(out, "  messages     sent %" PRIu64 " (%.4g/s)", r->sent,
			(double)r->sent / seconds);
		if (r->acked)
			buf_addf(out, ", acknowledged %" PRIu64, r->acked);
		if (r->refused)
			buf_addf(out, ", refused %" PRIu64, r->refused);
		if (r->due > r->sent)
			buf_addf(out, ", never sent %" PRIu64, r->due - r->sent);
		if (r->blocked)
			buf_addf(out, ", had to wait %" PRIu64, r->blocked);
		buf_add_char(out, '\n');
	}
	if (r->subscribers) {
		buf_addf(out, "  deliveries   expected %" PRIu64 ", received %" PRIu64, v->expected,
			v->received);
		if (v->expected) {
			buf_add_text(out, " (");
			figure_value(out, 100.0 * (double)v->received / (double)v->expected, "%");
			buf_add_char(out, ')');
		}
		buf_addf(out, ", %.4g/s\n", (double)v->received / seconds);
		buf_addf(out,
			"  verdict      lost %" PRIu64 " (%" PRIu64 " without a gap told), duplicated %" PRIu64
			",\n               reordered %" PRIu64 ", phantom %" PRIu64
			", gaps told %" PRIu64 "\n",
			v->lost, v->undeclared, v->dup, v->reordered, v->phantom, r->gaps);
	}
	if (v->away || v->early || r->foreign)
		buf_addf(out,
			"  left out     %" PRIu64 " sent while a subscriber was away, %" PRIu64
			" from before\n               it listened, %" PRIu64 " of other runs\n",
			v->away, v->early, r->foreign);
	if (r->unrecognised)
		buf_addf(out, "  unrecognised %" PRIu64 ", e.g. '%.50s'\n", r->unrecognised,
			r->example ? r->example : "");
	buf_addf(out, "  connections  ready %" PRIu64 ", given up %" PRIu64 ", broken %" PRIu64 "\n",
		r->opened, r->failed, r->broken);
	if (r->seconds > 0) {
		buf_addf(out, "  cpu          tool %.1f %%", 100 * r->tool_cpu_s / r->seconds);
		if (r->server_cpu_s >= 0)
			buf_addf(out, ", server %.1f %% of a core",
				100 * r->server_cpu_s / r->seconds);
		if (r->server_cpu_s >= 0 && v->received)
			buf_addf(out, ", %.0f ns a delivery",
				r->server_cpu_s * 1e9 / (double)v->received);
		buf_add_char(out, '\n');
	}
}

static void add_hist(const char *name, const struct hist *h, struct buf *out)
{
	static const double points[] = { 50, 90, 99, 99.9, 99.99, 100 };

	if (!h->n)
		return;
	buf_addf(out, "  %-12s", name);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		struct buf cell = { 0 };
		figure_value(&cell, (double)hist_percentile(h, points[i]), "ns");
		buf_addf(out, " %10s", buf_cstr(&cell));
		buf_fini(&cell);
	}
	buf_add_char(out, '\n');
}

void report_table(const struct result *r, struct buf *out)
{
	add_head(r, out);
	if (r->end != END_REFUSED)
		add_messages(r, out);
	if (r->latency.n || r->connect.n || r->ack.n)
		buf_addf(out, "\n  %-12s %10s %10s %10s %10s %10s %10s\n", "", "p50", "p90", "p99",
			"p99.9", "p99.99", "max");
	add_hist("latency", &r->latency, out);
	add_hist("uncorrected", &r->uncorrected, out);
	add_hist("acks", &r->ack, out);
	add_hist("connecting", &r->connect, out);
	add_hist("tool's lag", &r->lag, out);
	if (r->n_errors)
		buf_add_char(out, '\n');
	for (size_t i = 0; i < r->n_errors; i++)
		buf_addf(out, "  error: %s (%" PRIu64 "x)\n", r->errors[i].text, r->errors[i].n);
	if (r->why)
		buf_addf(out, "\n  %s: %s\n", r->end == END_GENERATOR ? "void" : result_ends[r->end],
			r->why);
}

void report_line(const struct result_sample *s, struct buf *out)
{
	buf_addf(out, "%5.0f s  %" PRIu64 " connected  sent %.0f/s  received %.0f/s  p99 ",
		s->at_s + s->for_s, s->connected, (double)s->sent / s->for_s,
		(double)s->received / s->for_s);
	if (s->received)
		figure_value(out, (double)s->p99, "ns");
	else
		buf_add_char(out, '-');
	buf_addf(out, "  tool %.0f %%", 100 * s->tool_cpu);
	if (s->server_cpu >= 0)
		buf_addf(out, "  server %.0f %%", 100 * s->server_cpu);
}
