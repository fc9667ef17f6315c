/* procstat.c - /proc/PID read */
#include "bench/procstat.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

/* schedstat counts nanoseconds where stat counts ticks, but only a thread at a time. */
static bool read_cpu(pid_t pid, uint64_t *sum_ns)
{
	char path[300];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	*sum_ns = 0;
	while (dir && (d = readdir(dir))) {
		unsigned long long ns = 0;
		FILE *f;

		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)pid, d->d_name);
		f = fopen(path, "r");
		if (f && fscanf(f, "%llu", &ns) == 1)
			*sum_ns += ns;
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return dir != NULL;
}

static uint64_t count_fds(pid_t pid)
{
	char path[64];
	uint64_t n = 0;
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && (d = readdir(dir)))
		n += d->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

uint64_t procstat_rss(pid_t pid)
{
	unsigned long long size, resident = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%llu %llu", &size, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

bool procstat_read(pid_t pid, struct procstat *s)
{
	s->rss_bytes = procstat_rss(pid);
	s->n_fds = count_fds(pid);
	return s->rss_bytes && read_cpu(pid, &s->cpu_ns);
}
