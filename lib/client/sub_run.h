/* sub_run.h - a whole run of rt-sub: client, printing or commands, cursor, until the end of it
 *
 * Sentences about outages, gaps and what was given up go to the log. */
#ifndef RT_CLIENT_SUB_RUN_H
#define RT_CLIENT_SUB_RUN_H

#include "client/client.h"
#include "client/exec.h"
#include "client/output.h"
#include "client/print.h"

struct sub_run;

struct sub_run_conf {
	struct client_conf client;
	struct print print;
	struct output_conf output;
	struct exec_conf exec;    /* command NULL: messages are printed; its client is filled in */
	const char *const *rooms; /* or patterns */
	int n_rooms;
	const char *since;        /* as -s, "@FILE" too; NULL: by the other settings */
	const char *cursor_file;  /* NULL: none */
	uint64_t count;           /* ends after that many; 0: never */
	bool until_end;           /* ends with what there is now */
	bool no_gap;              /* a gap ends it */
	int64_t timeout_ms;       /* for count or until_end, else for the first
	                           * connection; -1: none */
	int64_t for_ms;           /* ends after that time; -1: none */
};

struct sub_run_end {
	int code;     /* 0 or what ended it, said in the log already; ERR_CLOSED: the reader
	               * of stdout is gone */
	bool partial; /* a gap, messages given up, fewer than asked for */
	bool gap;     /* ended by no_gap */
};

/* `ended` is called once, from the loop; then sub_run_free. `conf` is kept. NULL and a sentence on
 * a bad setting or file. */
struct sub_run *sub_run_new(uv_loop_t *loop, struct sub_run_conf *conf,
	void (*ended)(void *arg, const struct sub_run_end *end), void *arg, struct err *e);
void sub_run_start(struct sub_run *s);
/* Ends it: what was received is written within 2 s, commands that run may finish. */
void sub_run_stop(struct sub_run *s);
/* Passes the end on to running commands. */
void sub_run_terminate(struct sub_run *s);
/* SIGHUP. */
void sub_run_reopen(struct sub_run *s);
/* Not from a callback. Writes the cursor file: 0 or ERR_IO. NULL is fine. */
int sub_run_free(struct sub_run *s, struct err *e);

#endif
