/* sampler.h - the line of time of a run: what happened since the last look, and what it cost */
#ifndef RT_BENCH_SAMPLER_H
#define RT_BENCH_SAMPLER_H

#include "bench/tally.h"

#include <sys/types.h>

struct sampler {
	struct tally *tally;
	pid_t pid;         /* of the server; 0: not watched */
	uint64_t begin_ns; /* of the line */
	uint64_t at_ns;    /* of the last sample */
	uint64_t arrived, opened; /* up to then */
	uint64_t tool_cpu_ns, server_cpu_ns;
	uint64_t tool_begin_ns, server_begin_ns; /* CPU when it began */
};

/* `tally` is kept. */
void sampler_begin(struct sampler *s, struct tally *tally, pid_t pid, uint64_t now_ns);
/* Adds a sample to the tally's result. */
const struct result_sample *sampler_take(struct sampler *s, uint64_t now_ns);
/* Writes what the whole line cost into the tally's result. */
void sampler_end(struct sampler *s);
/* Memory now. */
void sampler_memory(struct result *r, enum result_moment when, pid_t pid);

#endif
