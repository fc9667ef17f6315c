/* result_json.c - a result as one line of JSON, and back without loss
 *
 * Units stand in the names. Summaries that follow from others (percentiles) are written for readers
 * and not read back. */
#include "bench/result.h"

#include "base/mem.h"

#include <inttypes.h>
#include <jansson.h>

#define VERSION 1

/* Plain counts, by their place. */
static const struct {
	const char *name;
	size_t offset;
} counts[] = {
#define COUNT(name, member) { name, offsetof(struct result, member) }
	COUNT("subscribers", subscribers),
	COUNT("publishers", publishers),
	COUNT("rooms", rooms),
	COUNT("size_bytes", size),
	COUNT("window", window),
	COUNT("due", due),
	COUNT("sent", sent),
	COUNT("acked", acked),
	COUNT("refused", refused),
	COUNT("blocked", blocked),
	COUNT("expected", verdict.expected),
	COUNT("received", verdict.received),
	COUNT("lost", verdict.lost),
	COUNT("undeclared", verdict.undeclared),
	COUNT("dup", verdict.dup),
	COUNT("reordered", verdict.reordered),
	COUNT("phantom", verdict.phantom),
	COUNT("away", verdict.away),
	COUNT("early", verdict.early),
	COUNT("received_bytes", bytes),
	COUNT("foreign", foreign),
	COUNT("unrecognised", unrecognised),
	COUNT("gaps", gaps),
	COUNT("opened", opened),
	COUNT("failed", failed),
	COUNT("broken", broken),
	COUNT("retried", retried),
	COUNT("heard", heard),
#undef COUNT
};

static const struct {
	const char *name;
	size_t offset;
} hists[] = {
	{ "latency_ns", offsetof(struct result, latency) },
	{ "uncorrected_ns", offsetof(struct result, uncorrected) },
	{ "upgrade_ns", offsetof(struct result, upgrade) },
	{ "connect_ns", offsetof(struct result, connect) },
	{ "back_ns", offsetof(struct result, back) },
	{ "spacing_ns", offsetof(struct result, spacing) },
	{ "message_bytes", offsetof(struct result, sizes) },
	{ "ack_ns", offsetof(struct result, ack) },
	{ "lag_ns", offsetof(struct result, lag) },
};

static const struct {
	const char *name;
	size_t offset;
} texts[] = {
	{ "scenario", offsetof(struct result, scenario) },
	{ "url", offsetof(struct result, url) },
	{ "profile", offsetof(struct result, profile) },
	{ "transport", offsetof(struct result, transport) },
	{ "why", offsetof(struct result, why) },
	{ "example", offsetof(struct result, example) },
};

static const struct {
	const char *name;
	size_t offset;
} reals[] = {
	{ "seconds", offsetof(struct result, seconds) },
	{ "rate_per_s", offsetof(struct result, rate) },
	{ "tool_cpu_s", offsetof(struct result, tool_cpu_s) },
	{ "server_cpu_s", offsetof(struct result, server_cpu_s) },
	{ "connect_s", offsetof(struct result, connect_s) },
	{ "storm_s", offsetof(struct result, storm_s) },
};

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define FIELD(r, type, offset) ((type *)(void *)((char *)(uintptr_t)(r) + (offset)))

/* --- writing ---------------------------------------------------------------------------------- */

static void add_hist(struct buf *out, const struct hist *h)
{
	static const struct {
		const char *name;
		double percent;
	} points[] = {
		{ "p50", 50 }, { "p90", 90 }, { "p99", 99 }, { "p99.9", 99.9 },
		{ "p99.99", 99.99 }, { "p99.999", 99.999 },
	};

	hist_format(h, out);
	out->n--; /* its brace */
	buf_addf(out, ",\"mean\":%.0f", hist_mean(h));
	for (size_t i = 0; i < N(points); i++)
		buf_addf(out, ",\"%s\":%" PRIu64, points[i].name,
			hist_percentile(h, points[i].percent));
	buf_add_char(out, '}');
}

static void add_samples(const struct result *r, struct buf *out)
{
	buf_add_text(out, ",\"samples\":[");
	for (size_t i = 0; i < r->n_samples; i++) {
		const struct result_sample *s = &r->samples[i];
		buf_addf(out,
			"%s{\"at_s\":%.3f,\"for_s\":%.3f,\"sent\":%" PRIu64 ",\"received\":%" PRIu64
			",\"connected\":%" PRIu64 ",\"opened\":%" PRIu64 ",\"p50_ns\":%" PRIu64
			",\"p99_ns\":%" PRIu64
			",\"max_ns\":%" PRIu64 ",\"tool_cpu\":%.3f",
			i ? "," : "", s->at_s, s->for_s, s->sent, s->received, s->connected,
			s->opened, s->p50, s->p99, s->max, s->tool_cpu);
		if (s->server_cpu >= 0)
			buf_addf(out,
				",\"server_cpu\":%.3f,\"server_rss_bytes\":%" PRIu64
				",\"server_fds\":%" PRIu64,
				s->server_cpu, s->server_rss, s->server_fds);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static const char *const moments[MEMORY_MOMENTS] = {
	[MEMORY_BEFORE] = "before",
	[MEMORY_CONNECTED] = "connected",
	[MEMORY_AFTER] = "after",
};

static const struct {
	const char *name;
	size_t offset;
} memory_parts[] = {
	{ "server_rss_bytes", offsetof(struct result_memory, server_rss) },
	{ "tool_rss_bytes", offsetof(struct result_memory, tool_rss) },
	{ "kernel_sockets_bytes", offsetof(struct result_memory, sockets) },
	{ "kernel_slab_bytes", offsetof(struct result_memory, slab) },
};

static void add_memory(const struct result *r, struct buf *out)
{
	bool first = true;

	buf_add_text(out, ",\"memory\":{");
	for (int i = 0; i < MEMORY_MOMENTS; i++) {
		const struct result_memory *m = &r->memory[i];
		if (!m->known)
			continue;
		buf_addf(out, "%s\"%s\":{", first ? "" : ",", moments[i]);
		for (size_t k = 0; k < N(memory_parts); k++)
			buf_addf(out, "%s\"%s\":%" PRIu64, k ? "," : "", memory_parts[k].name,
				*FIELD(m, uint64_t, memory_parts[k].offset));
		buf_add_char(out, '}');
		first = false;
	}
	buf_add_char(out, '}');
}

static void add_errors(const struct result *r, struct buf *out)
{
	buf_add_text(out, ",\"errors\":[");
	for (size_t i = 0; i < r->n_errors; i++) {
		buf_add_text(out, i ? ",{\"text\":" : "{\"text\":");
		buf_add_json(out, str_of(r->errors[i].text));
		buf_addf(out, ",\"n\":%" PRIu64 "}", r->errors[i].n);
	}
	buf_add_char(out, ']');
}

void result_format(const struct result *r, struct buf *out)
{
	buf_addf(out, "{\"rt_bench\":%d,\"end\":\"%s\",\"started_ms\":%" PRId64, VERSION,
		result_ends[r->end], r->started_ms);
	for (size_t i = 0; i < N(texts); i++) {
		const char *text = *FIELD(r, char *, texts[i].offset);
		if (!text)
			continue;
		buf_addf(out, ",\"%s\":", texts[i].name);
		buf_add_json(out, str_of(text));
	}
	for (size_t i = 0; i < N(reals); i++) {
		double v = *FIELD(r, double, reals[i].offset);
		if (v >= 0)
			buf_addf(out, ",\"%s\":%.6g", reals[i].name, v);
	}
	for (size_t i = 0; i < N(counts); i++)
		buf_addf(out, ",\"%s\":%" PRIu64, counts[i].name,
			*FIELD(r, uint64_t, counts[i].offset));
	for (size_t i = 0; i < N(hists); i++) {
		buf_addf(out, ",\"%s\":", hists[i].name);
		add_hist(out, FIELD(r, struct hist, hists[i].offset));
	}
	add_memory(r, out);
	add_errors(r, out);
	add_samples(r, out);
	buf_add_text(out, "}\n");
}

/* --- reading ---------------------------------------------------------------------------------- */

static uint64_t count_of(json_t *from, const char *name)
{
	json_int_t v = json_integer_value(json_object_get(from, name));

	return v > 0 ? (uint64_t)v : 0;
}

static int read_hist(struct hist *h, json_t *from, const char *name, struct err *e)
{
	json_t *v = json_object_get(from, name), *buckets = json_object_get(v, "buckets"), *pair;
	uint64_t n = 0;
	size_t i;

	if (!v)
		return 0;
	json_array_foreach(buckets, i, pair) {
		json_int_t low = json_integer_value(json_array_get(pair, 0));
		json_int_t count = json_integer_value(json_array_get(pair, 1));
		if (json_array_size(pair) != 2 || low < 0 || count <= 0)
			return err_set(e, ERR_INVALID, "'%s' holds a bucket that is none", name);
		hist_add_n(h, (uint64_t)low, (uint64_t)count);
		n += (uint64_t)count;
	}
	if (!json_is_object(v) || !json_is_array(buckets) || n != count_of(v, "n"))
		return err_set(e, ERR_INVALID, "'%s' is no histogram", name);
	if (n) {
		h->min = count_of(v, "min");
		h->max = count_of(v, "max");
		h->sum = (long double)json_number_value(json_object_get(v, "sum"));
	}
	return 0;
}

static void read_samples(struct result *r, json_t *from)
{
	json_t *v, *cpu;
	size_t i;

	json_array_foreach(json_object_get(from, "samples"), i, v) {
		cpu = json_object_get(v, "server_cpu");
		result_add_sample(r,
			&(struct result_sample){
				.at_s = json_number_value(json_object_get(v, "at_s")),
				.for_s = json_number_value(json_object_get(v, "for_s")),
				.sent = count_of(v, "sent"),
				.received = count_of(v, "received"),
				.connected = count_of(v, "connected"),
				.opened = count_of(v, "opened"),
				.p50 = count_of(v, "p50_ns"),
				.p99 = count_of(v, "p99_ns"),
				.max = count_of(v, "max_ns"),
				.tool_cpu = json_number_value(json_object_get(v, "tool_cpu")),
				.server_cpu = cpu ? json_number_value(cpu) : -1,
				.server_rss = count_of(v, "server_rss_bytes"),
				.server_fds = count_of(v, "server_fds"),
			});
	}
}

static void read_memory(struct result *r, json_t *from)
{
	for (int i = 0; i < MEMORY_MOMENTS; i++) {
		json_t *v = json_object_get(json_object_get(from, "memory"), moments[i]);
		struct result_memory *m = &r->memory[i];
		m->known = json_is_object(v);
		for (size_t k = 0; k < N(memory_parts); k++)
			*FIELD(m, uint64_t, memory_parts[k].offset) =
				count_of(v, memory_parts[k].name);
	}
}

static void read_errors(struct result *r, json_t *from)
{
	json_t *v;
	size_t i;

	json_array_foreach(json_object_get(from, "errors"), i, v) {
		const char *text = json_string_value(json_object_get(v, "text"));
		if (text)
			result_errors(r, text, count_of(v, "n"));
	}
}

static int read_end(struct result *r, json_t *from, struct err *e)
{
	const char *end = json_string_value(json_object_get(from, "end"));

	for (int i = END_DONE; end && i < ENDS; i++) {
		if (strcmp(end, result_ends[i]) == 0) {
			r->end = (enum result_end)i;
			return 0;
		}
	}
	return err_set(e, ERR_INVALID, "'end' is not one of done, stopped, generator, refused, denied");
}

static int read_all(struct result *r, json_t *from, struct err *e)
{
	if (json_integer_value(json_object_get(from, "rt_bench")) != VERSION)
		return err_set(e, ERR_INVALID, "not a result of rt-bench (no \"rt_bench\":%d)", VERSION);
	for (size_t i = 0; i < N(texts); i++) {
		const char *text = json_string_value(json_object_get(from, texts[i].name));
		if (text)
			*FIELD(r, char *, texts[i].offset) = mem_strdup(text);
	}
	for (size_t i = 0; i < N(reals); i++) {
		json_t *v = json_object_get(from, reals[i].name);
		*FIELD(r, double, reals[i].offset) = v ? json_number_value(v) : -1;
	}
	for (size_t i = 0; i < N(counts); i++)
		*FIELD(r, uint64_t, counts[i].offset) = count_of(from, counts[i].name);
	for (size_t i = 0; i < N(hists); i++) {
		if (read_hist(FIELD(r, struct hist, hists[i].offset), from, hists[i].name, e) < 0)
			return ERR_INVALID;
	}
	r->started_ms = json_integer_value(json_object_get(from, "started_ms"));
	read_memory(r, from);
	read_samples(r, from);
	read_errors(r, from);
	return read_end(r, from, e);
}

int result_parse(struct result *r, struct str text, struct err *e)
{
	json_error_t why;
	json_t *v = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &why);
	int rc = v ? read_all(r, v, e) : err_set(e, ERR_INVALID, "not JSON: %s", why.text);

	json_decref(v);
	return rc;
}
