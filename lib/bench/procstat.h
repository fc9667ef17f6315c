/* procstat.h - what the kernel says about a process: CPU, memory, files (proc(5)) */
#ifndef RT_BENCH_PROCSTAT_H
#define RT_BENCH_PROCSTAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct procstat {
	uint64_t cpu_ns; /* of all its threads, since it began */
	uint64_t rss_bytes;
	uint64_t n_fds; /* 0 where it cannot be seen: another user's process */
};

/* False when there is no such process (any more). */
bool procstat_read(pid_t pid, struct procstat *s);

uint64_t procstat_rss(pid_t pid); /* its memory alone; 0: no such process */

#endif
