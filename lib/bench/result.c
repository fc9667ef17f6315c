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
	mem_free(r->why);
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

/* --- merging ---------------------------------------------------------------------------------- */

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Samples of the same second stand side by side: counts add up, a percentile of the two is not
 * known, so the worse one stands. */
static void merge_sample(struct result_sample *s, const struct result_sample *from)
{
	s->sent += from->sent;
	s->received += from->received;
	s->connected += from->connected;
	s->opened += from->opened;
	s->p50 = later(s->p50, from->p50);
	s->p99 = later(s->p99, from->p99);
	s->max = later(s->max, from->max);
	s->tool_cpu += from->tool_cpu;
	if (from->server_cpu < 0)
		return;
	s->server_cpu = s->server_cpu < 0 ? from->server_cpu : s->server_cpu + from->server_cpu;
	s->server_rss += from->server_rss;
	s->server_fds += from->server_fds;
}

/* Several tools may load one server from one machine: what is of the server and of the kernel would
 * be counted twice, so the greater stands; the tools add up. */
static void merge_memory(struct result_memory *m, const struct result_memory *from)
{
	m->known = m->known || from->known;
	m->server_rss = later(m->server_rss, from->server_rss);
	m->sockets = later(m->sockets, from->sockets);
	m->slab = later(m->slab, from->slab);
	m->tool_rss += from->tool_rss;
}

void result_merge(struct result *r, const struct result *from)
{
	r->subscribers += from->subscribers;
	r->publishers += from->publishers;
	r->rooms = later(r->rooms, from->rooms);
	r->seconds = r->seconds > from->seconds ? r->seconds : from->seconds;
	r->rate += from->rate;
	r->window = later(r->window, from->window);
	r->due += from->due;
	r->sent += from->sent;
	r->acked += from->acked;
	r->refused += from->refused;
	r->blocked += from->blocked;
	verdict_merge(&r->verdict, &from->verdict);
	r->bytes += from->bytes;
	r->foreign += from->foreign;
	r->unrecognised += from->unrecognised;
	r->gaps += from->gaps;
	r->opened += from->opened;
	r->failed += from->failed;
	r->broken += from->broken;
	r->retried += from->retried;
	r->heard += from->heard;
	r->connect_s = r->connect_s > from->connect_s ? r->connect_s : from->connect_s;
	r->storm_s = r->storm_s > from->storm_s ? r->storm_s : from->storm_s;
	r->tool_cpu_s += from->tool_cpu_s;
	if (from->server_cpu_s >= 0)
		r->server_cpu_s = (r->server_cpu_s < 0 ? 0 : r->server_cpu_s) + from->server_cpu_s;
	for (int i = 0; i < MEMORY_MOMENTS; i++)
		merge_memory(&r->memory[i], &from->memory[i]);
	hist_merge(&r->latency, &from->latency);
	hist_merge(&r->uncorrected, &from->uncorrected);
	hist_merge(&r->upgrade, &from->upgrade);
	hist_merge(&r->connect, &from->connect);
	hist_merge(&r->back, &from->back);
	hist_merge(&r->spacing, &from->spacing);
	hist_merge(&r->sizes, &from->sizes);
	hist_merge(&r->ack, &from->ack);
	hist_merge(&r->lag, &from->lag);
	if (!r->example && from->example)
		r->example = mem_strdup(from->example);
	if (from->end > r->end)
		result_end(r, from->end, "%s", from->why ? from->why : "");
	for (size_t i = 0; i < from->n_errors; i++)
		result_errors(r, from->errors[i].text, from->errors[i].n);
	for (size_t i = 0; i < from->n_samples; i++) {
		if (i < r->n_samples)
			merge_sample(&r->samples[i], &from->samples[i]);
		else
			result_add_sample(r, &from->samples[i]);
	}
}

/* --- metrics ---------------------------------------------------------------------------------- */

struct count_metric {
	struct str name;
	uint64_t (*get)(const struct result *r);
};

static uint64_t get_sent(const struct result *r) { return r->sent; }
static uint64_t get_lost(const struct result *r) { return r->verdict.lost; }
static uint64_t get_undeclared(const struct result *r) { return r->verdict.undeclared; }
static uint64_t get_dup(const struct result *r) { return r->verdict.dup; }
static uint64_t get_reordered(const struct result *r) { return r->verdict.reordered; }
static uint64_t get_phantom(const struct result *r) { return r->verdict.phantom; }
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
	{ STR("sent"), get_sent },
	{ STR("lost"), get_lost },
	{ STR("undeclared"), get_undeclared },
	{ STR("dup"), get_dup },
	{ STR("reordered"), get_reordered },
	{ STR("phantom"), get_phantom },
	{ STR("unrecognised"), get_unrecognised },
	{ STR("gaps"), get_gaps },
	{ STR("acked"), get_acked },
	{ STR("refused"), get_refused },
	{ STR("blocked"), get_blocked },
	{ STR("opened"), get_opened },
	{ STR("failed"), get_failed },
	{ STR("broken"), get_broken },
	{ STR("retried"), get_retried },
	{ STR("heard"), get_heard },
	{ STR("errors"), get_errors },
	{ { 0 }, NULL },
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

bool result_per_connection(
	const struct result *r, uint64_t before, uint64_t connected, double *bytes)
{
	*bytes = r->opened ? ((double)connected - (double)before) / (double)r->opened : 0;
	return r->opened && before && connected;
}

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

bool result_metric(
	const struct result *r, struct str name, double *value, bool *known, const char **unit)
{
	*known = true;
	*unit = "";
	for (const struct count_metric *m = counts; m->get; m++) {
		if (str_eq(name, m->name)) {
			*value = (double)m->get(r);
			return true;
		}
	}
	if (str_eq(name, STR("rate"))) {
		*value = r->seconds > 0 ? (double)r->sent / r->seconds : 0;
		*known = r->seconds > 0;
		*unit = "/s";
		return true;
	}
	if (str_eq(name, STR("conn_bytes"))) {
		*known = result_per_connection(r, r->memory[MEMORY_BEFORE].server_rss,
			r->memory[MEMORY_CONNECTED].server_rss, value);
		return true;
	}
	if (str_eq(name, STR("cpu_ppm"))) {
		*known = r->server_cpu_s >= 0 && r->seconds > 0;
		*value = *known ? r->server_cpu_s / r->seconds * 1e6 : 0;
		return true;
	}
	if (str_eq(name, STR("received"))) {
		const struct verdict *v = &r->verdict;
		*value = v->expected ? 100.0 * (double)v->received / (double)v->expected : 0;
		*known = v->expected > 0;
		*unit = "%";
		return true;
	}
	*unit = "ns";
	return duration_metric(r, name, value, known);
}

const char *result_metric_names(void)
{
	return "sent received lost undeclared dup reordered phantom unrecognised gaps errors rate "
	       "acked refused blocked opened failed broken retried heard conn_bytes cpu_ppm "
	       "p50 p90 p99 p999 p9999 p99999 max, and these with u_ lag_ upgrade_ connect_ back_ "
	       "spacing_ ack_ in front";
}
