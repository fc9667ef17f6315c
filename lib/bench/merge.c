/* merge.c - adding results up, on one line of time */
#include "bench/merge.h"

#include "base/mem.h"

#include <stdlib.h>

static uint64_t greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* --- names ------------------------------------------------------------------------------------ */

static bool names(struct str list, struct str one)
{
	while (list.p) {
		if (str_eq(str_trim(str_cut(list, ',', &list)), one))
			return true;
	}
	return false;
}

/* "ws", or "ws, sse" where they differ. */
static void merge_text(char **to, const char *from)
{
	struct buf both = { 0 };

	if (!from || (*to && names(str_of(*to), str_of(from))))
		return;
	if (*to)
		buf_addf(&both, "%s, ", *to);
	buf_add_text(&both, from);
	mem_free(*to);
	*to = mem_strdup(buf_cstr(&both));
	buf_fini(&both);
}

static bool same_server(const struct result *a, const struct result *b)
{
	return a->url && b->url && strcmp(a->url, b->url) == 0;
}

/* --- time ------------------------------------------------------------------------------------- */

static void merge_sample(struct result_sample *s, const struct result_sample *from, bool same)
{
	s->for_s = s->for_s > from->for_s ? s->for_s : from->for_s;
	s->sent += from->sent;
	s->received += from->received;
	s->connected += from->connected;
	s->opened += from->opened;
	s->p50 = greater(s->p50, from->p50);
	s->p99 = greater(s->p99, from->p99);
	s->max = greater(s->max, from->max);
	s->tool_cpu += from->tool_cpu;
	s->tool_rss += from->tool_rss;
	if (from->server_cpu < 0)
		return;
	if (s->server_cpu < 0 || !same) {
		s->server_cpu = from->server_cpu + (s->server_cpu < 0 ? 0 : s->server_cpu);
		s->server_rss += from->server_rss;
		s->server_fds += from->server_fds;
	} else {
		/* two who looked at one process */
		s->server_cpu = s->server_cpu > from->server_cpu ? s->server_cpu : from->server_cpu;
		s->server_rss = greater(s->server_rss, from->server_rss);
		s->server_fds = greater(s->server_fds, from->server_fds);
	}
}

/* Both are in order of time, and stay so. */
static void merge_samples(struct result *r, const struct result *from, double shift_s, bool same)
{
	struct result_sample *old = r->samples;
	size_t n_old = r->n_samples, i = 0, k = 0;

	r->samples = NULL;
	r->n_samples = r->samples_cap = 0;
	while (i < n_old || k < from->n_samples) {
		struct result_sample s = { 0 };
		double apart = 0;

		if (k < from->n_samples) {
			s = from->samples[k];
			s.at_s += shift_s;
			apart = i < n_old ? s.at_s - old[i].at_s : 0;
		}
		if (i == n_old || apart < -0.5) {
			k++;
		} else if (k == from->n_samples || apart >= 0.5) {
			s = old[i++];
		} else {
			s = old[i++];
			merge_sample(&s, &from->samples[k++], same);
		}
		result_add_sample(r, &s);
	}
	mem_free(old);
}

/* --- all of it -------------------------------------------------------------------------------- */

/* All came back only if all did of each part. */
static void merge_storm(struct result *r, const struct result *from)
{
	bool some_did_not = (r->back.n && r->storm_s < 0) || (from->back.n && from->storm_s < 0);

	if (some_did_not)
		r->storm_s = -1;
	else if (from->storm_s > r->storm_s)
		r->storm_s = from->storm_s;
}

static void add(struct result *r, const struct result *from)
{
	merge_text(&r->scenario, from->scenario);
	merge_text(&r->url, from->url);
	merge_text(&r->profile, from->profile);
	merge_text(&r->transport, from->transport);
	merge_text(&r->version, from->version);
	r->subscribers += from->subscribers;
	r->publishers += from->publishers;
	r->rooms = greater(r->rooms, from->rooms);
	r->size = greater(r->size, from->size);
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
	r->window = greater(r->window, from->window);
	if (from->connect_s > r->connect_s)
		r->connect_s = from->connect_s;
	merge_storm(r, from);
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
	result_end(r, from->end, "%s", from->why ? from->why : "");
	for (size_t i = 0; i < from->n_errors; i++)
		result_errors(r, from->errors[i].text, from->errors[i].n);
}

/* Tools add up; of the server and the kernel, which all of them may have looked at, the greatest. */
static void add_memory(struct result *r, const struct result *from)
{
	for (int i = 0; i < MEMORY_MOMENTS; i++) {
		struct result_memory *m = &r->memory[i];
		const struct result_memory *other = &from->memory[i];
		m->known = m->known || other->known;
		m->server_rss = greater(m->server_rss, other->server_rss);
		m->sockets = greater(m->sockets, other->sockets);
		m->slab = greater(m->slab, other->slab);
		m->tool_rss += other->tool_rss;
	}
}

static void add_cpu(struct result *r, const struct result *from, bool same, bool parallel)
{
	r->tool_cpu_s += from->tool_cpu_s;
	if (from->server_cpu_s < 0)
		return;
	if (r->server_cpu_s < 0 || !same || !parallel)
		r->server_cpu_s = from->server_cpu_s + (r->server_cpu_s < 0 ? 0 : r->server_cpu_s);
	else if (from->server_cpu_s > r->server_cpu_s)
		r->server_cpu_s = from->server_cpu_s;
}

static int by_start(const void *a, const void *b)
{
	const struct result *x = *(struct result *const *)a, *y = *(struct result *const *)b;

	return x->started_ms < y->started_ms ? -1 : x->started_ms > y->started_ms;
}

/* A second that several spent counts once, a pause between two not at all. */
void results_merge(struct result *out, struct result **v, size_t n)
{
	double busy_until_s = 0, asked = 0;

	qsort(v, n, sizeof(*v), by_start);
	out->started_ms = v[0]->started_ms;
	for (size_t i = 0; i < n; i++) {
		const struct result *from = v[i];
		double at_s = ((double)from->started_ms - (double)out->started_ms) / 1e3;
		double end_s = at_s + from->seconds;
		bool parallel = i && at_s < busy_until_s;
		bool same = same_server(out, from);

		if (end_s > busy_until_s) {
			out->seconds += parallel ? end_s - busy_until_s : from->seconds;
			busy_until_s = end_s;
		}
		asked += from->rate * from->seconds;
		merge_samples(out, from, at_s, same);
		add_cpu(out, from, same, parallel);
		add_memory(out, from);
		add(out, from);
	}
	out->rate = out->seconds > 0 ? asked / out->seconds : 0;
}
