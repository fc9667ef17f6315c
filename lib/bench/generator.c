/* generator.c - limits of the machine that makes the load */
#include "bench/generator.h"

#include "base/clock.h"

#include <sys/resource.h>

#define LAG_MAX_MS   10  /* p99 of the tool's own lag; more: the run is void */
#define LAG_WORST_MS 500 /* ... and so is one in which it once stood still */
#define FILES_BESIDE 64  /* that are no connections */

int generator_files(unsigned connections, struct err *e)
{
	struct rlimit files;
	rlim_t want = connections + FILES_BESIDE;

	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur >= want)
		return 0;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_max >= want)
		return 0;
	return err_set(e, ERR_BUSY,
		"%u connections need %llu open files, and only %llu are allowed: ask for fewer, or "
		"raise that (ulimit -Hn %llu, as root)",
		connections, (unsigned long long)want, (unsigned long long)files.rlim_max,
		(unsigned long long)want);
}

void generator_judge(struct result *r)
{
	uint64_t lag_ns = hist_percentile(&r->lag, 99);
	uint64_t max_ms = (uint64_t)clock_test_ms("RT_LAG_MAX_MS", LAG_MAX_MS);
	uint64_t worst_ms = max_ms > LAG_WORST_MS ? max_ms : LAG_WORST_MS;

	if (lag_ns > max_ms * 1000000)
		result_end(r, END_GENERATOR,
			"it came late to what was due: %.1f ms for the worst 1 %%, where %d ms "
			"are tolerable (a busy machine, or too much for one process)",
			(double)lag_ns / 1e6, (int)max_ms);
	else if (r->lag.n && r->lag.max > worst_ms * 1000000)
		result_end(r, END_GENERATOR,
			"it stood still for %.1f s (a busy machine, or it was stopped)",
			(double)r->lag.max / 1e9);
}
