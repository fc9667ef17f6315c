/* result_make.h - results made up for tests: everything in them, drawn from a seed */
#ifndef RT_TESTS_RESULT_MAKE_H
#define RT_TESTS_RESULT_MAKE_H

#include "base/mem.h"
#include "bench/result.h"
#include "unit/model.h"

static inline void result_make_hist(struct hist *h, uint64_t *seed, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hist_add(h, draw(seed) >> (16 + draw_below(seed, 40)));
}

/* An initialised result; `seconds` samples. */
static inline void result_make(struct result *r, uint64_t seed, unsigned seconds)
{
	struct verdict *v = &r->verdict;
	struct hist *hists[] = { &r->latency, &r->uncorrected, &r->connect, &r->ack, &r->lag };
	uint64_t *counts[] = { &r->subscribers, &r->publishers, &r->rooms, &r->size, &r->due, &r->sent,
		&r->acked, &r->refused, &r->blocked, &v->expected, &v->received, &v->lost,
		&v->undeclared, &v->dup, &v->reordered, &v->phantom, &v->away, &v->early, &r->bytes,
		&r->foreign, &r->unrecognised, &r->gaps, &r->opened, &r->failed, &r->broken };

	r->scenario = mem_strdup("fanout");
	r->url = mem_strdup("ws://127.0.0.1:8080");
	r->profile = mem_strdup("rt");
	r->transport = mem_strdup("ws");
	r->command = mem_strdup("rt-bench fanout -H 'X: \"\\'");
	r->version = mem_strdup("0.1");
	r->example = mem_strdup("caf\xc3\xa9 \x01 <b>");
	r->started_ms = 1795514035526 + (int64_t)draw_below(&seed, 1000);
	r->seconds = seconds;
	r->rate = 1234567.25;
	r->tool_cpu_s = 1.5;
	r->server_cpu_s = draw_below(&seed, 2) ? 2.25 : -1;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		*counts[i] = draw(&seed) >> (2 + draw_below(&seed, 60));
	for (size_t i = 0; i < sizeof(hists) / sizeof(hists[0]); i++)
		result_make_hist(hists[i], &seed, draw_below(&seed, 4) ? draw_below(&seed, 3000) : 0);
	for (unsigned i = draw_below(&seed, 4); i > 0; i--)
		result_error(r, "cannot do thing %u: '\x1b[31m\"\n", i);
	for (unsigned i = 0; i < seconds; i++)
		result_add_sample(r, &(struct result_sample){
			.at_s = i, .for_s = 1, .sent = draw_below(&seed, 1000),
			.received = draw_below(&seed, 100000), .connected = 100,
			.p50 = 1000000 + draw_below(&seed, 1000), .p99 = 3000000 + draw_below(&seed, 1000000),
			.max = 5000000 + draw_below(&seed, 100000000), .tool_cpu = 0.25, .tool_rss = 10 << 20,
			.server_cpu = r->server_cpu_s < 0 ? -1 : 0.5,
			.server_rss = r->server_cpu_s < 0 ? 0 : 20 << 20,
			.server_fds = r->server_cpu_s < 0 ? 0 : 112 });
}

#endif
