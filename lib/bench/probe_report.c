/* probe_report.c - what a probe found, as a table and as JSON */
#include "base/mem.h"
#include "bench/figure.h"
#include "bench/probe.h"

#include <inttypes.h>

void probe_found_fini(struct probe_found *f)
{
	mem_free(f->url);
	mem_free(f->unreachable);
	for (int i = 0; i < TRANSPORTS; i++)
		mem_free(f->ways[i].problem);
	*f = (struct probe_found){ 0 };
}

static void add_time(struct buf *out, uint64_t ns, int width)
{
	struct buf cell = { 0 };

	if (ns)
		figure_value(&cell, (double)ns, "ns");
	else
		buf_add_char(&cell, '-');
	buf_addf(out, " %*s", width, buf_cstr(&cell));
	buf_fini(&cell);
}

void probe_table(const struct probe_found *f, struct buf *out)
{
	buf_addf(out, "probe of %s\n  name", f->url);
	add_time(out, f->dns_ns, 0);
	buf_add_text(out, ", tcp");
	add_time(out, f->tcp_ns, 0);
	buf_add_text(out, ", tls");
	add_time(out, f->tls_ns, 0);
	buf_add_text(out, ", publishing");
	add_time(out, f->publish_ns, 0);
	buf_add_char(out, '\n');
	if (f->unreachable) {
		buf_addf(out, "\n  %s\n", f->unreachable);
		return;
	}
	buf_addf(out, "\n  %-10s %12s %12s %12s\n", "", "answered", "subscribed", "message");
	for (int i = 0; i < TRANSPORTS; i++) {
		const struct probe_way *w = &f->ways[i];
		if (!w->tried)
			continue;
		buf_addf(out, "  %-10s", transport_names[i]);
		add_time(out, w->head_ns, 12);
		add_time(out, w->subscribed_ns, 12);
		add_time(out, w->message_ns, 12);
		buf_addf(out, "  %s\n", w->ok ? "ok" : "not ok");
	}
	for (int i = 0; i < TRANSPORTS; i++) {
		if (f->ways[i].problem)
			buf_addf(out, "\n  %s: %s\n", transport_names[i], f->ways[i].problem);
	}
}

static void add_ns(struct buf *out, const char *name, uint64_t ns)
{
	if (ns)
		buf_addf(out, ",\"%s\":%" PRIu64, name, ns);
}

static void add_text(struct buf *out, const char *name, const char *text)
{
	if (!text)
		return;
	buf_addf(out, ",\"%s\":", name);
	buf_add_json(out, str_of(text));
}

void probe_format(const struct probe_found *f, struct buf *out)
{
	bool first = true;

	buf_add_text(out, "{\"scenario\":\"probe\"");
	add_text(out, "url", f->url);
	add_text(out, "unreachable", f->unreachable);
	add_ns(out, "dns_ns", f->dns_ns);
	add_ns(out, "tcp_ns", f->tcp_ns);
	add_ns(out, "tls_ns", f->tls_ns);
	add_ns(out, "publish_ns", f->publish_ns);
	buf_add_text(out, ",\"transports\":[");
	for (int i = 0; i < TRANSPORTS; i++) {
		const struct probe_way *w = &f->ways[i];
		if (!w->tried)
			continue;
		buf_addf(out, "%s{\"transport\":\"%s\",\"ok\":%s", first ? "" : ",",
			transport_names[i], w->ok ? "true" : "false");
		add_ns(out, "answered_ns", w->head_ns);
		add_ns(out, "subscribed_ns", w->subscribed_ns);
		add_ns(out, "message_ns", w->message_ns);
		if (w->held_bytes)
			buf_addf(out, ",\"held_bytes\":%" PRIu64, w->held_bytes);
		add_text(out, "problem", w->problem);
		buf_add_char(out, '}');
		first = false;
	}
	buf_add_text(out, "]}\n");
}
