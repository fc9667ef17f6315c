/* html.c - the page: verdict, figures, tables, settings; html_curves.c draws */
#include "bench/html.h"

#include "base/clock.h"
#include "bench/chart.h"
#include "bench/figure.h"
#include "bench/html_part.h"
#include "bench/html_style.h"
#include "bench/report.h"

#include <inttypes.h>

/* --- tables ----------------------------------------------------------------------------------- */

void html_text(struct buf *out, const char *text)
{
	chart_escape(out, str_of(text));
}

void html_value(struct buf *out, double v, const char *unit)
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
	html_value(out, value, unit);
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
	html_value(out, hist_mean(h), "ns");
	buf_add_text(out, "</td>");
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		buf_add_text(out, "<td>");
		html_value(out, (double)hist_percentile(h, points[i]), "ns");
		buf_add_text(out, "</td>");
	}
	buf_add_text(out, "</tr>\n");
}

static void add_times(struct buf *out, const struct result *r)
{
	if (!r->latency.n && !r->connect.n && !r->ack.n && !r->spacing.n && !r->lag.n)
		return;
	buf_add_text(out,
		"<section><h2>Times</h2><div class=\"scroll\"><table><thead><tr><th></th>"
		"<th>count</th><th>mean</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th>"
		"<th>p99.99</th><th>p99.999</th><th>max</th></tr></thead><tbody>\n");
	add_hist_row(out, "latency", &r->latency);
	add_hist_row(out, "uncorrected", &r->uncorrected);
	add_hist_row(out, "acknowledged", &r->ack);
	add_hist_row(out, "spacing", &r->spacing);
	add_hist_row(out, "answered", &r->upgrade);
	add_hist_row(out, "subscribed", &r->connect);
	add_hist_row(out, "back", &r->back);
	add_hist_row(out, "tool&#39;s lag", &r->lag);
	buf_add_text(out, "</tbody></table></div></section>\n");
}

static void add_counts(struct buf *out, const struct result *r)
{
	const struct verdict *v = &r->verdict;
	bool messages = r->publishers > 0 || v->expected > 0;
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
		{ "received", v->received, messages, false, "" },
		{ "lost", v->lost, messages, true, "" },
		{ "lost, no gap told", v->undeclared, false, true, "" },
		{ "duplicated", v->dup, messages, true, "" },
		{ "reordered", v->reordered, messages, true, "" },
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
		{ "messages", r->heard, false, false,
			"that reached subscribers, whoever sent them" },
		{ "bytes received", r->bytes, false, false, "" },
		{ "connections", r->opened, true, false, "" },
		{ "tried again", r->retried, false, false, "to connect" },
		{ "came back", r->back.n, false, false, "after their connection was lost" },
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
		html_text(out, rows[i].note);
		buf_add_text(out, "</td></tr>\n");
	}
	buf_add_text(out, "</tbody></table></section>\n");
}

static void add_memory_row(
	struct buf *out, const struct result *r, const char *name, const uint64_t v[MEMORY_MOMENTS])
{
	double each;

	if (!v[MEMORY_CONNECTED])
		return;
	buf_addf(out, "<tr><th scope=\"row\">%s</th>", name);
	for (int i = 0; i < MEMORY_MOMENTS; i++) {
		buf_add_text(out, "<td>");
		html_value(out, (double)v[i], "bytes");
		buf_add_text(out, "</td>");
	}
	buf_add_text(out, "<td>");
	if (result_per_connection(r, v[MEMORY_BEFORE], v[MEMORY_CONNECTED], &each))
		html_value(out, each, "bytes");
	buf_add_text(out, "</td></tr>\n");
}

/* What connections cost. */
static void add_memory(struct buf *out, const struct result *r)
{
	uint64_t server[MEMORY_MOMENTS], tool[MEMORY_MOMENTS], kernel[MEMORY_MOMENTS];

	if (!r->memory[MEMORY_CONNECTED].known)
		return;
	for (int i = 0; i < MEMORY_MOMENTS; i++) {
		server[i] = r->memory[i].server_rss;
		tool[i] = r->memory[i].tool_rss;
		kernel[i] = r->memory[i].slab;
	}
	buf_add_text(out,
		"<section><h2>Memory</h2><div class=\"scroll\"><table><thead><tr><th></th>"
		"<th>before</th><th>connected</th><th>at the end</th>"
		"<th>a connection</th></tr></thead><tbody>\n");
	add_memory_row(out, r, "server", server);
	add_memory_row(out, r, "tool", tool);
	add_memory_row(out, r, "kernel of this machine", kernel);
	buf_add_text(out, "</tbody></table></div></section>\n");
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
		html_text(out, r->errors[i].text);
		buf_add_text(out, "</td></tr>\n");
	}
	buf_add_text(out, r->n_errors ? "</tbody></table></section>\n</div>\n" : "</div>\n");
}

static void add_setting(struct buf *out, const char *name, const char *text)
{
	if (!text)
		return;
	buf_addf(out, "<tr><th scope=\"row\">%s</th><td class=\"text\">", name);
	html_text(out, text);
	buf_add_text(out, "</td></tr>\n");
}

static void add_setting_value(struct buf *out, const char *name, double v, const char *unit)
{
	buf_addf(out, "<tr><th scope=\"row\">%s</th><td class=\"text\">", name);
	html_value(out, v, unit);
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
		html_text(out, r->command);
		buf_add_text(out, "</pre>\n");
	}
	buf_add_text(out, "</section>\n");
	buf_fini(&started);
	buf_fini(&duration);
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
	html_text(out, r->scenario ? r->scenario : "");
	if (r->transport) {
		buf_add_text(out, " over ");
		html_text(out, r->transport);
	}
	if (r->profile) {
		buf_add_text(out, ", profile ");
		html_text(out, r->profile);
	}
	if (r->url) {
		buf_add_text(out, ", ");
		html_text(out, r->url);
	}
	buf_add_text(out, "</p></header>\n");
	buf_fini(&verdict);
}

void html_report(const struct result *r, struct buf *out)
{
	add_head(out, r);
	add_tiles(out, r);
	add_complaints(out, r);
	html_curves(out, r);
	buf_add_text(out, "<div class=\"grid2\">\n");
	add_counts(out, r);
	add_settings(out, r);
	buf_add_text(out, "</div>\n");
	add_times(out, r);
	add_memory(out, r);
	html_samples(out, r);
	buf_addf(out, "</main>\n<script>\n%s</script>\n</body>\n</html>\n", html_script);
}
