/* run.h - one run of a command: input from memory, output by pipe, a limit in time
 *
 * The command is a process group of its own, so that a timeout reaches all of a pipeline. Its
 * stdin is a file in memory: a command that does not read it is no special case. Its stdout is
 * read until the process ends, not until the last child closes the pipe: it may leave a daemon
 * behind. stderr is ours. */
#ifndef RT_CLIENT_RUN_H
#define RT_CLIENT_RUN_H

#include "base/str.h"

#include <uv.h>

struct run;

struct run_conf {
	const char *command;  /* for /bin/sh -c */
	struct str input;
	struct str variables; /* "NAME=value" each with its NUL, in place of any of the same name */
	int64_t timeout_ms;   /* then TERM, 5 s later KILL; INT64_MAX: none */
	size_t output_max;    /* bytes of output, then KILL; 0: any */
};

struct run_end {
	int status, signal; /* signal 0: it exited with status */
	bool timed_out, too_much;
};

struct run_events {
	void (*output)(void *arg, struct str bytes);
	void (*ended)(void *arg, const struct run_end *end); /* the run is freed after that */
};

/* Copies what it needs; `events` is kept. NULL when the system has no process, memory or
 * descriptor left. */
struct run *run_start(uv_loop_t *loop, const struct run_conf *conf, const struct run_events *events,
	void *arg);
/* Reads no output while paused: the command waits at its pipe. */
void run_pause(struct run *r, bool paused);
void run_terminate(struct run *r);
/* Forgets the process, which goes on; no callback follows, the run is freed. */
void run_abandon(struct run *r);

#endif
