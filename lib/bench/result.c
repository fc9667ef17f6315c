/* result.c - gathering, adding up, and the metrics that limits and comparisons speak of
 *
 * result_json.c is its form on disk. */
#include "bench/result.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

#define ERRORS_MAX 64 /* different ones; more are counted as "other errors" */
#define TEXT_MAX   240

const char *const result_ends[ENDS] = {
	[END_DONE] = "done",
	[END_STOPPED] = "stopped",
	[END_GENERATOR] = "generator",
	[END_REFUSED] = "refused",
	[END_DENIED] = "denied",
};

void result_init(struct result *r)
{
	*r = (struct result){ .server_cpu_s = -1, .storm_s = -1 };
}

void result_fini(struct result *r)
{
	mem_free(r->scenario);
	mem_free(r->url);
	mem_free(r->profile);
	mem_free(r->transport);
	mem_free(r->command);
	mem_free(r->version);
	mem_free(r->why);
	mem_free(r->missed);
	mem_free(r->example);
	hist_fini(&r->latency);
	hist_fini(&r->uncorrected);
	hist_fini(&r->upgrade);
	hist_fini(&r->connect);
	hist_fini(&r->back);
	hist_fini(&r->spacing);
	hist_fini(&r->sizes);
	hist_fini(&r->ack);
	hist_fini(&r->lag);
	for (size_t i = 0; i < r->n_errors; i++)
		mem_free(r->errors[i].text);
	mem_free(r->errors);
	mem_free(r->samples);
	result_init(r);
}

/* --- errors and samples ----------------------------------------------------------------------- */

void result_errors(struct result *r, const char *text, uint64_t n)
{
	size_t i = 0;

	while (i < r->n_errors && strcmp(r->errors[i].text, text) != 0)
		i++;
	if (i == ERRORS_MAX) {
		i--;
		mem_free(r->errors[i].text);
		r->errors[i].text = mem_strdup("other errors");
	} else if (i == r->n_errors) {
		if (i == r->errors_cap) {
			r->errors_cap = i ? 2 * i : 4;
			r->errors = mem_resize(r->errors, r->errors_cap, sizeof(*r->errors));
		}
		r->errors[i] = (struct result_error){ .text = mem_strdup(text) };
		r->n_errors++;
	}
	r->errors[i].n += n;
}

void result_error(struct result *r, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	result_errors(r, text, 1);
}

void result_add_sample(struct result *r, const struct result_sample *s)
{
	if (r->n_samples == r->samples_cap) {
		r->samples_cap = r->samples_cap ? 2 * r->samples_cap : 64;
		r->samples = mem_resize(r->samples, r->samples_cap, sizeof(*r->samples));
	}
	r->samples[r->n_samples++] = *s;
}

void result_end(struct result *r, enum result_end end, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	if (end <= r->end)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->end = end;
	mem_free(r->why);
	r->why = mem_strdup(text);
}

/* --- metrics ---------------------------------------------------------------------------------- */

struct count_metric {
	struct str name;
	uint64_t (*get)(const struct result *r);
	bool judged; /* known only of a run that is_judged */
};

/* What is said of messages at subscribers means nothing where none was expected. */
static bool is_judged(const struct result *r)
{
	return r->verdict.expected > 0 || r->verdict.phantom > 0;
}

static uint64_t get_sent(const struct result *r) { return r->sent; }
static uint64_t get_lost(const struct result *r) { return r->verdict.lost; }
static uint64_t get_undeclared(const struct result *r) { return r->verdict.undeclared; }
static uint64_t get_dup(const struct result *r) { return r->verdict.dup; }
static uint64_t get_reordered(const struct result *r) { return r->verdict.reordered; }
static uint64_t get_phantom(const struct result *r) { return r->verdict.phantom; }
static uint64_t get_corrupt(const struct result *r) { return r->verdict.corrupt; }
static uint64_t get_unrecognised(const struct result *r) { return r->unrecognised; }
static uint64_t get_gaps(const struct result *r) { return r->gaps; }
static uint64_t get_acked(const struct result *r) { return r->acked; }
static uint64_t get_refused(const struct result *r) { return r->refused; }
static uint64_t get_blocked(const struct result *r) { return r->blocked; }
static uint64_t get_opened(const struct result *r) { return r->opened; }
static uint64_t get_failed(const struct result *r) { return r->failed; }
static uint64_t get_broken(const struct result *r) { return r->broken; }

static uint64_t get_retried(const struct result *r) { return r->retried; }
static uint64_t get_heard(const struct result *r) { return r->heard; }

static uint64_t get_errors(const struct result *r)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->n_errors; i++)
		n += r->errors[i].n;
	return n;
}

static const struct count_metric counts[] = {
	{ STR("sent"), get_sent, false },
	{ STR("lost"), get_lost, true },
	{ STR("undeclared"), get_undeclared, true },
	{ STR("dup"), get_dup, true },
	{ STR("reordered"), get_reordered, true },
	{ STR("phantom"), get_phantom, true },
	{ STR("corrupt"), get_corrupt, true },
	{ STR("unrecognised"), get_unrecognised, false },
	{ STR("gaps"), get_gaps, true },
	{ STR("acked"), get_acked, false },
	{ STR("refused"), get_refused, false },
	{ STR("blocked"), get_blocked, false },
	{ STR("opened"), get_opened, false },
	{ STR("failed"), get_failed, false },
	{ STR("broken"), get_broken, false },
	{ STR("retried"), get_retried, false },
	{ STR("heard"), get_heard, false },
	{ STR("errors"), get_errors, false },
	{ { 0 }, NULL, false },
};

static const struct {
	struct str prefix;
	size_t offset; /* of the histogram */
} families[] = {
	{ STR("u_"), offsetof(struct result, uncorrected) },
	{ STR("lag_"), offsetof(struct result, lag) },
	{ STR("upgrade_"), offsetof(struct result, upgrade) },
	{ STR("connect_"), offsetof(struct result, connect) },
	{ STR("back_"), offsetof(struct result, back) },
	{ STR("spacing_"), offsetof(struct result, spacing) },
	{ STR("ack_"), offsetof(struct result, ack) },
	{ STR(""), offsetof(struct result, latency) },
};

static const struct {
	struct str name;
	double percent;
} points[] = {
	{ STR("p50"), 50 },
	{ STR("p90"), 90 },
	{ STR("p99"), 99 },
	{ STR("p999"), 99.9 },
	{ STR("p9999"), 99.99 },
	{ STR("p99999"), 99.999 },
	{ STR("max"), 100 },
};

static bool duration_metric(const struct result *r, struct str name, double *value, bool *known)
{
	size_t f = 0;

	while (!str_starts(name, families[f].prefix))
		f++;
	name = str_skip(name, families[f].prefix.n);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		const struct hist *h = (const void *)((const char *)r + families[f].offset);
		if (!str_eq(name, points[i].name))
			continue;
		*value = (double)hist_percentile(h, points[i].percent);
		*known = h->n > 0;
		return true;
	}
	return false;
}

struct real_metric {
	struct str name;
	const char *unit;
	bool (*get)(const struct result *r, double *value);
};

static bool get_rate(const struct result *r, double *value)
{
	*value = r->seconds > 0 ? (double)r->sent / r->seconds : 0;
	return r->seconds > 0;
}

static bool get_delivered(const struct result *r, double *value)
{
	*value = r->seconds > 0 ? (double)r->verdict.received / r->seconds : 0;
	return r->seconds > 0 && is_judged(r);
}

static bool get_received(const struct result *r, double *value)
{
	const struct verdict *v = &r->verdict;

	*value = v->expected ? 100.0 * (double)v->received / (double)v->expected : 0;
	return v->expected > 0;
}

static bool get_tool_cpu(const struct result *r, double *value)
{
	*value = r->seconds > 0 ? 100 * r->tool_cpu_s / r->seconds : 0;
	return r->seconds > 0;
}

static bool get_server_cpu(const struct result *r, double *value)
{
	*value = r->seconds > 0 ? 100 * r->server_cpu_s / r->seconds : 0;
	return r->seconds > 0 && r->server_cpu_s >= 0;
}

static bool get_tool_rss(const struct result *r, double *value)
{
	uint64_t most = 0;

	for (size_t i = 0; i < r->n_samples; i++)
		most = r->samples[i].tool_rss > most ? r->samples[i].tool_rss : most;
	*value = (double)most;
	return most > 0;
}

static bool get_server_rss(const struct result *r, double *value)
{
	uint64_t most = 0;

	for (size_t i = 0; i < r->n_samples; i++)
		most = r->samples[i].server_rss > most ? r->samples[i].server_rss : most;
	*value = (double)most;
	return most > 0;
}

bool result_per_connection(
	const struct result *r, uint64_t before, uint64_t connected, double *bytes)
{
	*bytes = r->opened && connected > before
	                 ? (double)(connected - before) / (double)r->opened
	                 : 0;
	return r->opened && before && connected;
}

static bool get_conn_bytes(const struct result *r, double *value)
{
	return result_per_connection(r, r->memory[MEMORY_BEFORE].server_rss,
		r->memory[MEMORY_CONNECTED].server_rss, value);
}

static const struct real_metric reals[] = {
	{ STR("rate"), "/s", get_rate },
	{ STR("delivered"), "/s", get_delivered },
	{ STR("received"), "%", get_received },
	{ STR("tool_cpu"), "%", get_tool_cpu },
	{ STR("tool_rss"), "bytes", get_tool_rss },
	{ STR("server_cpu"), "%", get_server_cpu },
	{ STR("server_rss"), "bytes", get_server_rss },
	{ STR("conn_bytes"), "bytes", get_conn_bytes },
	{ { 0 }, NULL, NULL },
};

bool result_metric(
	const struct result *r, struct str name, double *value, bool *known, const char **unit)
{
	for (const struct count_metric *m = counts; m->get; m++) {
		if (str_eq(name, m->name)) {
			*unit = "";
			*value = (double)m->get(r);
			*known = !m->judged || is_judged(r);
			return true;
		}
	}
	for (const struct real_metric *m = reals; m->get; m++) {
		if (str_eq(name, m->name)) {
			*unit = m->unit;
			*known = m->get(r, value);
			return true;
		}
	}
	*unit = "ns";
	return duration_metric(r, name, value, known);
}

const char *result_metric_names(void)
{
	return "sent received lost undeclared dup reordered phantom corrupt unrecognised gaps "
	       "errors rate delivered acked refused blocked opened failed broken retried heard "
	       "tool_cpu tool_rss server_cpu server_rss conn_bytes p50 p90 p99 p999 p9999 p99999 "
	       "max, u_p50 .. ack_max";
}
