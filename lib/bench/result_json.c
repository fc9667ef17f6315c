/* result_json.c - a result as one line of JSON, and back without loss
 *
 * Units stand in the names. What follows from the rest (percentiles, the verdict) is written for
 * readers and not read back. */
#include "bench/result.h"

#include "base/mem.h"
#include "bench/report.h"

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
	COUNT("corrupt", verdict.corrupt),
	COUNT("resumed", verdict.resumed),
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
	{ "command", offsetof(struct result, command) },
	{ "version", offsetof(struct result, version) },
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
			",\"connected\":%" PRIu64 ",\"opened\":%" PRIu64 ",\"p50_ns\":%" PRIu64 ",\"p99_ns\":%" PRIu64
			",\"max_ns\":%" PRIu64 ",\"tool_cpu\":%.3f,\"tool_rss_bytes\":%" PRIu64,
			i ? "," : "", s->at_s, s->for_s, s->sent, s->received, s->connected, s->opened,
			s->p50, s->p99, s->max, s->tool_cpu, s->tool_rss);
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
	const char *comma = "";

	buf_add_text(out, ",\"memory\":{");
	for (int i = 0; i < MEMORY_MOMENTS; i++) {
		const struct result_memory *m = &r->memory[i];
		if (!m->known)
			continue;
		buf_addf(out, "%s\"%s\":{", comma, moments[i]);
		for (size_t k = 0; k < N(memory_parts); k++)
			buf_addf(out, "%s\"%s\":%" PRIu64, k ? "," : "", memory_parts[k].name,
				*FIELD(m, uint64_t, memory_parts[k].offset));
		buf_add_char(out, '}');
		comma = ",";
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

static void add_missed(const struct result *r, struct buf *out)
{
	struct str rest = str_of(r->missed), line;

	buf_add_text(out, ",\"missed\":[");
	for (const char *comma = ""; rest.p; comma = ",") {
		line = str_cut(rest, '\n', &rest);
		buf_add_text(out, comma);
		buf_add_json(out, line);
	}
	buf_add_char(out, ']');
}

void result_format(const struct result *r, struct buf *out)
{
	struct buf verdict = { 0 };

	report_verdict(r, &verdict);
	buf_addf(out, "{\"rt_bench\":%d,\"end\":\"%s\",\"started_ms\":%" PRId64, VERSION,
		result_ends[r->end], r->started_ms);
	buf_add_text(out, ",\"verdict\":");
	buf_add_json(out, buf_str(&verdict));
	buf_fini(&verdict);
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
			buf_addf(out, ",\"%s\":%.15g", reals[i].name, v);
	}
	for (size_t i = 0; i < N(counts); i++)
		buf_addf(out, ",\"%s\":%" PRIu64, counts[i].name,
			*FIELD(r, uint64_t, counts[i].offset));
	for (size_t i = 0; i < N(hists); i++) {
		buf_addf(out, ",\"%s\":", hists[i].name);
		add_hist(out, FIELD(r, struct hist, hists[i].offset));
	}
	add_memory(r, out);
	add_missed(r, out);
	add_errors(r, out);
	add_samples(r, out);
	buf_add_text(out, "}\n");
}

/* --- reading ---------------------------------------------------------------------------------- */

static int wrong(struct err *e, const char *name, const char *want)
{
	return err_set(e, ERR_INVALID, "'%s' is not %s", name, want);
}

/* What is not there is 0: a later version may have more. */
static int read_count(json_t *from, const char *name, uint64_t *to, struct err *e)
{
	json_t *v = json_object_get(from, name);

	if (v && (!json_is_integer(v) || json_integer_value(v) < 0))
		return wrong(e, name, "a count");
	*to = (uint64_t)json_integer_value(v);
	return 0;
}

static int read_real(json_t *from, const char *name, double *to, struct err *e)
{
	json_t *v = json_object_get(from, name);

	if (v && (!json_is_number(v) || json_number_value(v) < 0))
		return wrong(e, name, "a number");
	if (v)
		*to = json_number_value(v);
	return 0;
}

static int read_text(json_t *from, const char *name, char **to, struct err *e)
{
	json_t *v = json_object_get(from, name);

	if (v && !json_is_string(v))
		return wrong(e, name, "a string");
	if (v)
		*to = mem_strdup(json_string_value(v));
	return 0;
}

static int read_buckets(struct hist *h, json_t *buckets)
{
	json_t *pair;
	size_t i;

	json_array_foreach(buckets, i, pair) {
		json_int_t low = json_integer_value(json_array_get(pair, 0));
		json_int_t n = json_integer_value(json_array_get(pair, 1));
		if (json_array_size(pair) != 2 || low < 0 || n <= 0)
			return ERR_INVALID;
		hist_add_n(h, (uint64_t)low, (uint64_t)n);
	}
	return 0;
}

/* Do the least and the greatest lie in the first and the last bucket? */
static bool is_within(const struct hist *h, uint64_t least, uint64_t most)
{
	uint64_t low = 0, high = 0, n;
	bool first = true, good = least <= most && most <= HIST_MAX;

	for (size_t b = 0; hist_next(h, &b, &low, &high, &n); first = false)
		good &= !first || (least >= low && least <= high);
	return good && most >= low && most <= high;
}

/* Buckets say where values lie to 1/128; least, greatest and sum are exact, and must agree. */
static int read_hist(struct hist *h, json_t *from, const char *name, struct err *e)
{
	json_t *v = json_object_get(from, name), *buckets = json_object_get(v, "buckets");
	json_t *sum = json_object_get(v, "sum");
	uint64_t n, least, most;

	if (!v)
		return 0;
	if (!json_is_array(buckets) || read_buckets(h, buckets) < 0 ||
		read_count(v, "n", &n, e) < 0 || read_count(v, "min", &least, e) < 0 ||
		read_count(v, "max", &most, e) < 0 || n != h->n || !json_is_number(sum))
		return wrong(e, name, "a histogram");
	if (!n)
		return 0;
	if (!is_within(h, least, most))
		return wrong(e, name, "a histogram: its min or max lies elsewhere");
	h->min = least;
	h->max = most;
	h->sum = json_is_integer(sum) ? (long double)json_integer_value(sum)
	                              : (long double)json_real_value(sum);
	return 0;
}

static int read_sample(struct result *r, json_t *v, struct err *e)
{
	struct result_sample s = { .server_cpu = -1 };

	if (!json_is_object(v))
		return wrong(e, "samples", "an array of objects");
	if (read_real(v, "at_s", &s.at_s, e) < 0 || read_real(v, "for_s", &s.for_s, e) < 0 ||
		read_count(v, "sent", &s.sent, e) < 0 ||
		read_count(v, "received", &s.received, e) < 0 ||
		read_count(v, "connected", &s.connected, e) < 0 ||
		read_count(v, "opened", &s.opened, e) < 0 ||
		read_count(v, "p50_ns", &s.p50, e) < 0 || read_count(v, "p99_ns", &s.p99, e) < 0 ||
		read_count(v, "max_ns", &s.max, e) < 0 ||
		read_real(v, "tool_cpu", &s.tool_cpu, e) < 0 ||
		read_count(v, "tool_rss_bytes", &s.tool_rss, e) < 0 ||
		read_real(v, "server_cpu", &s.server_cpu, e) < 0 ||
		read_count(v, "server_rss_bytes", &s.server_rss, e) < 0 ||
		read_count(v, "server_fds", &s.server_fds, e) < 0)
		return ERR_INVALID;
	result_add_sample(r, &s);
	return 0;
}

static int read_samples(struct result *r, json_t *from, struct err *e)
{
	json_t *all = json_object_get(from, "samples"), *v;
	size_t i;

	if (all && !json_is_array(all))
		return wrong(e, "samples", "an array");
	json_array_foreach(all, i, v) {
		if (read_sample(r, v, e) < 0)
			return ERR_INVALID;
	}
	return 0;
}

static int read_memory(struct result *r, json_t *from, struct err *e)
{
	json_t *all = json_object_get(from, "memory");

	if (all && !json_is_object(all))
		return wrong(e, "memory", "an object");
	for (int i = 0; i < MEMORY_MOMENTS; i++) {
		json_t *v = json_object_get(all, moments[i]);
		struct result_memory *m = &r->memory[i];
		if (v && !json_is_object(v))
			return wrong(e, moments[i], "an object");
		m->known = v != NULL;
		for (size_t k = 0; k < N(memory_parts); k++) {
			if (read_count(v, memory_parts[k].name,
				    FIELD(m, uint64_t, memory_parts[k].offset), e) < 0)
				return ERR_INVALID;
		}
	}
	return 0;
}

static int read_errors(struct result *r, json_t *from, struct err *e)
{
	json_t *all = json_object_get(from, "errors"), *v;
	uint64_t n;
	size_t i;

	if (all && !json_is_array(all))
		return wrong(e, "errors", "an array");
	json_array_foreach(all, i, v) {
		const char *text = json_string_value(json_object_get(v, "text"));
		if (!text || read_count(v, "n", &n, e) < 0)
			return wrong(e, "errors", "an array of texts with their count");
		result_errors(r, text, n);
	}
	return 0;
}

static int read_missed(struct result *r, json_t *from, struct err *e)
{
	json_t *all = json_object_get(from, "missed"), *v;
	struct buf lines = { 0 };
	size_t i;

	if (all && !json_is_array(all))
		return wrong(e, "missed", "an array");
	json_array_foreach(all, i, v) {
		if (i)
			buf_add_char(&lines, '\n');
		buf_add_text(&lines, json_is_string(v) ? json_string_value(v) : "?");
	}
	if (lines.n)
		r->missed = mem_strdup(buf_cstr(&lines));
	buf_fini(&lines);
	return 0;
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
	return wrong(e, "end", "one of done, stopped, generator, refused, denied");
}

static int read_all(struct result *r, json_t *from, struct err *e)
{
	uint64_t started_ms;

	if (json_integer_value(json_object_get(from, "rt_bench")) != VERSION)
		return err_set(
			e, ERR_INVALID, "not a result of rt-bench (no \"rt_bench\":%d)", VERSION);
	for (size_t i = 0; i < N(texts); i++) {
		if (read_text(from, texts[i].name, FIELD(r, char *, texts[i].offset), e) < 0)
			return ERR_INVALID;
	}
	for (size_t i = 0; i < N(reals); i++) {
		if (read_real(from, reals[i].name, FIELD(r, double, reals[i].offset), e) < 0)
			return ERR_INVALID;
	}
	for (size_t i = 0; i < N(counts); i++) {
		if (read_count(from, counts[i].name, FIELD(r, uint64_t, counts[i].offset), e) < 0)
			return ERR_INVALID;
	}
	for (size_t i = 0; i < N(hists); i++) {
		if (read_hist(FIELD(r, struct hist, hists[i].offset), from, hists[i].name, e) < 0)
			return ERR_INVALID;
	}
	if (read_count(from, "started_ms", &started_ms, e) < 0)
		return ERR_INVALID;
	r->started_ms = (int64_t)started_ms;
	if (read_memory(r, from, e) < 0 || read_samples(r, from, e) < 0 || read_errors(r, from, e) < 0 ||
		read_missed(r, from, e) < 0)
		return ERR_INVALID;
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
