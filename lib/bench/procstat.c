/* procstat.c - /proc read */
#include "bench/procstat.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
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

/* The number after `word` in the first line that begins with `line`; 0 when there is none. */
static uint64_t read_number(const char *path, const char *line, const char *word)
{
	unsigned long long value = 0;
	char text[256];
	FILE *f = fopen(path, "r");

	while (f && fgets(text, sizeof(text), f)) {
		const char *at = strncmp(text, line, strlen(line)) == 0 ? strstr(text, word) : NULL;
		if (at && sscanf(at + strlen(word), "%llu", &value) == 1)
			break;
	}
	if (f)
		fclose(f);
	return value;
}

void kernstat_read(struct kernstat *s)
{
	s->sockets_bytes = read_number("/proc/net/sockstat", "TCP:", " mem ") *
	                   (uint64_t)sysconf(_SC_PAGESIZE);
	s->slab_bytes = read_number("/proc/meminfo", "SUnreclaim:", "SUnreclaim:") * 1024;
}
