/* exec.h - runs a command for each message: rt-sub -x
 *
 * `/bin/sh -c CMD` gets the line on stdin and RT_ROOM RT_ID RT_TYPE RT_TS RT_ATTEMPT in its
 * environment. Its exit status says what becomes of the message: 0 done, 65 dead letter, 75 again
 * after a delay, 126 127 255 the command itself is broken (a typo must not bury a queue), anything
 * else or a signal: again. While a message is in work its room is held, so a room keeps its order;
 * `unordered` lifts that. Messages are reported finished in unbroken order.
 *
 * Every command is a process group of its own: a timeout reaches all of a pipeline. */
#ifndef RT_CLIENT_EXEC_H
#define RT_CLIENT_EXEC_H

#include "client/client.h"

struct exec;

enum exec_verdict { EXEC_ACK, EXEC_DEAD, EXEC_LATER, EXEC_AGAIN, EXEC_BROKEN };

/* What the end of a process means; `signal` is 0 for an exit. */
enum exec_verdict exec_verdict(int64_t status, int signal);

struct exec_conf {
	const char *command;
	struct client *client;     /* publishes lines and dead letters */
	unsigned jobs;             /* commands at a time */
	unsigned max_deliver;      /* tries of a message */
	int64_t timeout_ms;        /* of a command: then TERM, 5 s later KILL */
	int64_t nak_delay_ms;      /* after exit status 75 */
	size_t buffer;             /* bytes of waiting messages above which `full` is told */
	bool unordered;
	const char *publish;       /* room for the lines of a command that succeeded; NULL:
	                            * they go to `output` */
	const char *dead_letter;   /* room for messages used up; NULL: they are logged */
};

struct exec_events {
	void (*output)(void *arg, struct str bytes); /* of one command at a time, if
	                                              * jobs > 1 at its end */
	void (*finished)(void *arg, struct str room, struct str id); /* in unbroken order */
	void (*full)(void *arg, bool full);
	void (*idle)(void *arg);   /* nothing waits or runs; after exec_stop: nothing runs */
	void (*broken)(void *arg, const struct err *e); /* nothing new is started; `idle` follows */
};

/* Both structs are copied, what they point to is kept. NULL and a sentence on a bad room. */
struct exec *exec_new(uv_loop_t *loop, const struct exec_conf *conf,
	const struct exec_events *events, void *arg, struct err *e);
/* Takes a copy of the message; `line` is what the command reads. Runs it from the loop. */
void exec_add(struct exec *x, const struct client_msg *m, struct str line);
/* From the client's callbacks. */
void exec_on_outcome(struct exec *x, uint64_t tag, enum client_outcome what, struct str reason);
void exec_on_window(struct exec *x);
/* The other side of `output` is slow: no command is started or read from meanwhile. */
void exec_pause(struct exec *x, bool paused);
/* Starts nothing more; what runs may end. */
void exec_stop(struct exec *x);
/* Sends TERM to whatever runs. */
void exec_terminate(struct exec *x);
bool exec_is_idle(const struct exec *x);
/* Messages used up without a dead-letter room, and lines that could not be published. */
uint64_t exec_lost(const struct exec *x);
/* Not from a callback; commands that run are left to themselves. NULL is fine. */
void exec_free(struct exec *x);

#endif
