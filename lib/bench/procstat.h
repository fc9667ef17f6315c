/* procstat.h - what the kernel says about a process and about itself (proc(5)) */
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

/* Of the whole machine (or network namespace). 0 where it cannot be read. */
struct kernstat {
	uint64_t sockets_bytes; /* waits in TCP sockets: "mem" of /proc/net/sockstat */
	uint64_t slab_bytes;    /* objects of the kernel: SUnreclaim of /proc/meminfo */
};

void kernstat_read(struct kernstat *s);

#endif
