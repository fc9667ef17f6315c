/* verify_pipe.h - stdin, line by line, into a verify */
#ifndef RT_BENCH_VERIFY_PIPE_H
#define RT_BENCH_VERIFY_PIPE_H

#include "base/line.h"
#include "bench/verify.h"

#include <uv.h>

struct verify_pipe {
	uv_loop_t *loop;
	struct verify *verify;
	bool strict;                 /* a bad line ends it */
	void (*ended)(void *arg);    /* from the loop, once, unless it is closed before */
	void *arg;

	uint64_t n_bad;
	struct err err; /* why it ended: code 0: the end of the pipe; ERR_IO, ERR_INVALID */
	struct line line;
	struct watch *watch; /* NULL: a file, `idle` reads it */
	uv_idle_t idle;
};

/* The first five are set by the caller, the rest is zero. Bad lines are said on stderr. */
void verify_pipe_open(struct verify_pipe *p);
/* Its handles close on the loop: run it before `p` goes. */
void verify_pipe_close(struct verify_pipe *p);

#endif
