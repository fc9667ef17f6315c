/* pub_run.h - a whole run of rt-pub: input, client and acknowledgements until the end of it
 *
 * Sentences about lines, outages and the sum at the end go to the log. */
#ifndef RT_CLIENT_PUB_RUN_H
#define RT_CLIENT_PUB_RUN_H

#include "client/client.h"
#include "client/compose.h"
#include "client/intake.h"

struct pub_run;

struct pub_run_conf {
	struct client_conf client;
	struct compose_conf compose;
	struct intake_conf intake; /* client and compose are filled in */
	bool acks;             /* acknowledgements on stdout, a JSON line each */
	int64_t timeout_ms;    /* for `intake.count`, else for the first connection; -1: none */
	int64_t for_ms;        /* stops after that time; -1: none */
};

/* `ended` is called once, from the loop: `code` is 0 or what ended it (ERR_CLOSED: the reader of
 * stdout is gone), said in the log already; `partial` when not every line was published. Then
 * pub_run_free. `conf` is kept. NULL and a sentence on a bad setting: ERR_USAGE, ERR_UNSUPPORTED,
 * or ERR_INVALID, ERR_IO for the cursor file. */
struct pub_run *pub_run_new(uv_loop_t *loop, struct pub_run_conf *conf,
	void (*ended)(void *arg, int code, bool partial), void *arg, struct err *e);
void pub_run_start(struct pub_run *p);
/* Reads no further, waits 2 s for acknowledgements, ends. */
void pub_run_stop(struct pub_run *p);
/* Not from a callback. Writes the cursor file: 0 or ERR_IO. NULL is fine. */
int pub_run_free(struct pub_run *p, struct err *e);

#endif
