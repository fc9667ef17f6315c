/* intake.h - rt-pub's engine: lines in, publishes out, acknowledgements counted
 *
 * Reads a descriptor in blocks without blocking the loop and without touching its flags, composes
 * a message of each line and publishes until the client's window is full; then reading stops, so
 * the pipe in front is what waits. Bad lines are logged with their number and counted. The cursor
 * file gets the source position of the last line acknowledged in unbroken order (order.h says
 * when that counts). */
#ifndef RT_CLIENT_INTAKE_H
#define RT_CLIENT_INTAKE_H

#include "client/client.h"
#include "client/compose.h"

struct intake;

struct intake_conf {
	struct client *client;
	struct compose *compose;
	int fd;                  /* -1: operands only */
	const char *const *operands;
	int n_operands;
	bool one;                /* everything read is one message */
	bool drop;               /* full window: the line is dropped and counted, not waited with */
	bool strict;             /* the first bad line ends it */
	size_t max_line;
	double rate;             /* messages a second; 0: as they come */
	double pace;             /* speed of a capture by its _ts, 1 is as
	                          * recorded; 0: as they come */
	uint64_t count;          /* ends after that many messages; 0: at the end of input */
	const char *cursor_file; /* NULL: none */
};

struct intake_stats {
	uint64_t published, acked, duplicates, refused, bad, control, gaps, dropped, repaired;
};

struct intake_events {
	/* One per published line, `line` is its number. */
	void (*outcome)(void *arg, uint64_t line, enum client_outcome what, struct str id,
		struct str reason);
	/* All was read and has its outcome (e NULL); or it ends early: ERR_INVALID under
	 * `strict`, ERR_IO. Once. */
	void (*done)(void *arg, const struct err *e);
};

/* Both structs are copied, what they point to is kept. Takes nothing. NULL and a sentence when the
 * cursor file is no good. */
struct intake *intake_new(uv_loop_t *loop, const struct intake_conf *conf,
	const struct intake_events *events, void *arg, struct err *e);
void intake_start(struct intake *f);
/* Reads no further; `done` follows when what was published has its outcome. */
void intake_stop(struct intake *f);
/* From the client's callbacks. */
void intake_on_outcome(
	struct intake *f, uint64_t tag, enum client_outcome what, struct str id, struct str reason);
void intake_on_window(struct intake *f);
const struct intake_stats *intake_stats(const struct intake *f);
/* Published, without an outcome. */
uint64_t intake_unacked(const struct intake *f);
/* Writes the cursor file and frees. 0 or ERR_IO. NULL is fine. */
int intake_close(struct intake *f, struct err *e);

#endif
