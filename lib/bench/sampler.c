/* sampler.c - differences between two looks at counters that only grow */
#include "bench/sampler.h"

#include "bench/procstat.h"

#include <time.h>
#include <unistd.h>

static uint64_t tool_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void sampler_begin(struct sampler *s, struct tally *tally, pid_t pid, uint64_t now_ns)
{
	struct procstat server;

	*s = (struct sampler){
		.tally = tally,
		.pid = pid,
		.begin_ns = now_ns,
		.at_ns = now_ns,
		.arrived = tally->arrived,
		.opened = tally->opened,
	};
	s->tool_cpu_ns = s->tool_begin_ns = tool_cpu_ns();
	if (pid && procstat_read(pid, &server))
		s->server_cpu_ns = s->server_begin_ns = server.cpu_ns;
	tally->interval_sent = 0;
	hist_clear(&tally->interval);
}

const struct result_sample *sampler_take(struct sampler *s, uint64_t now_ns)
{
	struct tally *t = s->tally;
	struct result *r = t->result;
	uint64_t cpu_ns = tool_cpu_ns();
	double for_s = (double)(now_ns - s->at_ns) / 1e9;
	struct procstat server;
	struct result_sample one = {
		.at_s = (double)(s->at_ns - s->begin_ns) / 1e9,
		.for_s = for_s,
		.sent = t->interval_sent,
		.received = t->arrived - s->arrived,
		.connected = t->n_ready,
		.opened = t->opened - s->opened,
		.p50 = hist_percentile(&t->interval, 50),
		.p99 = hist_percentile(&t->interval, 99),
		.max = t->interval.n ? t->interval.max : 0,
		.tool_cpu = (double)(cpu_ns - s->tool_cpu_ns) / 1e9 / for_s,
		.tool_rss = procstat_rss(getpid()),
		.server_cpu = -1,
	};

	if (s->pid && procstat_read(s->pid, &server)) {
		one.server_cpu = (double)(server.cpu_ns - s->server_cpu_ns) / 1e9 / for_s;
		one.server_rss = server.rss_bytes;
		one.server_fds = server.n_fds;
		s->server_cpu_ns = server.cpu_ns;
	}
	s->tool_cpu_ns = cpu_ns;
	s->at_ns = now_ns;
	s->arrived = t->arrived;
	s->opened = t->opened;
	t->interval_sent = 0;
	hist_clear(&t->interval);
	result_add_sample(r, &one);
	return &r->samples[r->n_samples - 1];
}

void sampler_end(struct sampler *s)
{
	struct result *r = s->tally->result;
	struct procstat server;

	r->tool_cpu_s = (double)(tool_cpu_ns() - s->tool_begin_ns) / 1e9;
	if (s->pid && procstat_read(s->pid, &server))
		r->server_cpu_s = (double)(server.cpu_ns - s->server_begin_ns) / 1e9;
}

void sampler_memory(struct result *r, enum result_moment when, pid_t pid)
{
	struct result_memory *m = &r->memory[when];
	struct procstat p;
	struct kernstat k;

	kernstat_read(&k);
	*m = (struct result_memory){
		.known = true, .sockets = k.sockets_bytes, .slab = k.slab_bytes
	};
	if (procstat_read(getpid(), &p))
		m->tool_rss = p.rss_bytes;
	if (pid && procstat_read(pid, &p))
		m->server_rss = p.rss_bytes;
}
