/* output.h - where rt-sub's lines go: stdout, a file, or a file for each room
 *
 * Lines are appended to a buffer and written once per turn of the loop, in one write where the
 * other side takes it. A pipe that does not is waited for without blocking the loop and without
 * changing the flags of the shared descriptor; what waits is bounded by the caller, who hears
 * `full` and pauses its source. Files are written at once, at most 256 are open.
 *
 * A mark says "up to here": it is reported once everything appended before it was taken by
 * the kernel, which is when a position may move. A write that a full disk cut short is cut
 * back to whole lines. */
#ifndef RT_CLIENT_OUTPUT_H
#define RT_CLIENT_OUTPUT_H

#include "base/buf.h"
#include "base/err.h"

#include <uv.h>

#define OUTPUT_OPEN_MAX 256

struct output;

struct output_conf {
	const char *path; /* NULL or "-": stdout; with {room} in it: a file for each */
	bool append;      /* keep what a file holds already */
	size_t buffer;    /* bytes that may wait */
};

struct output_events {
	void (*written)(void *arg, struct str room, struct str id); /* a mark was passed */
	void (*full)(void *arg, bool full); /* more than `buffer` waits; later: less
	                                     * than half of it does */
	/* No call follows: ERR_CLOSED (the reader is gone: end quietly) or ERR_IO. */
	void (*failed)(void *arg, const struct err *e);
	void (*drained)(void *arg); /* after output_finish: everything was written */
};

/* `conf->path` is kept. NULL and a sentence on a bad template or a file that cannot be opened. */
struct output *output_new(uv_loop_t *loop, const struct output_conf *conf,
	const struct output_events *events, void *arg, struct err *e);
bool output_is_stdout(const struct output *o);
/* The buffer for that room's lines; append whole lines, until the next call of anything here. */
struct buf *output_to(struct output *o, struct str room);
void output_mark(struct output *o, struct str room, struct str id);
/* SIGHUP: closes the files; the next line opens them anew. */
void output_reopen(struct output *o);
/* Writes what waits, calls `drained` (from the loop) once that is done. */
void output_finish(struct output *o);
/* Drops what waits. Not from a callback. NULL is fine. */
void output_free(struct output *o);

#endif
