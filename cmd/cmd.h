/* cmd.h - how each of the programs starts and ends
 *
 * Start: the options all of them share, -h, -V, completion files, the URL and where it comes from,
 * secrets out of sight. End: what was written to stdout really is, one of the eight exit statuses,
 * or death by the signal that asked for it. */
#ifndef RT_CMD_CMD_H
#define RT_CMD_CMD_H

#include "program.h"

#include "base/buf.h"

#include <sys/types.h>
#include <uv.h>

struct cmd {
	const struct opt_program *program;
	const char *(*about)(void); /* one more line of -V; NULL: none */
	const char *url, *token_file, *ca_file, *cert_file, *key_file, *completion;
	struct opt_list headers;
	int64_t retry_ms;   /* -1: not given */
	int64_t timeout_ms; /* -w; -1: not given */
	int64_t for_ms;     /* -d; -1: not given */
	int profile;        /* enum cmd_profile */
	int verbose, color; /* color: enum tty_color */
	bool insecure, quiet, help, version, dump;

	char *token;
	uv_loop_t loop;
	uv_signal_t signals[3];
	void (*stop)(void *arg, int nth);
	void (*hang_up)(void *arg);
	void *arg;
	int signo;          /* the first that asked to stop; 0: none */
	bool loop_open, quiet_end;
};

enum cmd_profile { PROFILE_RT, PROFILE_RAW };

#define CMD_INIT .retry_ms = -1, .timeout_ms = -1, .for_ms = -1

/* Reads the command line; returns the count of operands, which stand in argv + 1. Ends the program
 * for -h, -V and the like, and on a usage error. Opens c->loop. */
int cmd_start(struct cmd *c, const struct opt_program *p, int argc, char **argv);
/* One line, then "try 'rt-sub -h'"; exit 2. */
void cmd_usage(struct cmd *c, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));
/* Appends a file of at most 64 KiB; its mode goes to `mode` (may be NULL). 0 or ERR_USAGE
 * with a sentence. */
int cmd_read_file(const char *path, struct buf *out, mode_t *mode, struct err *e);
/* SIGINT and SIGTERM call `stop` with 1; a second one calls it with 2, and the program dies of it
 * when it returns. SIGHUP calls `hang_up`; NULL: it ends the program. */
void cmd_signals(
	struct cmd *c, void (*stop)(void *arg, int nth), void (*hang_up)(void *arg), void *arg);
/* The exit status that belongs to an error; cmd_fail also says it on stderr. A reader that went
 * away (ERR_CLOSED from our stdout) is no error to talk about. */
int cmd_status(int code);
int cmd_fail(const struct err *e);
/* A setting that cannot be: a usage error, unless the code says that a file or the
 * system is to blame. */
void cmd_bad_setting(struct cmd *c, const struct err *e) __attribute__((noreturn));
/* Dies of SIGPIPE at the end, as a filter does whose reader went away. */
void cmd_end_quietly(struct cmd *c);
/* Closes the loop (everything in it was closed), checks that stdout took all, and ends. */
void cmd_exit(struct cmd *c, int status) __attribute__((noreturn));

#endif
