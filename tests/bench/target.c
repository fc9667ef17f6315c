/* target.c - starting a server, looking at it, stopping it */
#include "target.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t pid;
static int port;

void target_void(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "load: void: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	if (pid > 0)
		kill(pid, SIGKILL);
	exit(1);
}

static void pin(int core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	if (sched_setaffinity(0, sizeof set, &set) != 0)
		perror("load: sched_setaffinity");
}

/* The pipe stays open: the server may go on writing. */
static void read_port(int fd, const char *name)
{
	char line[1024] = "", *at;
	size_t n = 0;

	while (n < sizeof line - 1 && !strchr(line, '\n')) {
		ssize_t got = read(fd, line + n, sizeof line - 1 - n);
		if (got <= 0)
			target_void("'%s' is not ready", name);
		n += (size_t)got;
		line[n] = '\0';
	}
	at = strstr(line, "\"127.0.0.1:");
	if (!at)
		target_void("no address in: %s", line);
	port = atoi(at + 11);
}

void target_start(char **command, bool pins)
{
	int out[2];

	if (pipe(out) != 0)
		target_void("pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* it is nobody's when we are gone */
		if (pins)
			pin(0);
		dup2(out[1], 1);
		close(out[0]);
		close(out[1]);
		execvp(command[0], command);
		_exit(127);
	}
	close(out[1]);
	if (pins)
		pin(1);
	read_port(out[0], command[0]);
}

void target_stop(void)
{
	kill(pid, SIGTERM);
	for (int i = 0; i < 1000; i++) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return;
		usleep(10000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int target_port(void)
{
	return port;
}

struct procstat target_stat(void)
{
	struct procstat s;

	if (!procstat_read(pid, &s))
		target_void("the server is gone");
	return s;
}
