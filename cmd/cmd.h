/* cmd.h - how each of the programs starts and ends
 *
 * Start: the options all of them share, -h, -V, completion files, the URL and where it comes from,
 * secrets out of sight. End: what was written to stdout really is, one of the eight exit statuses,
 * or death by the signal that asked for it. */
#ifndef RT_CMD_CMD_H
#define RT_CMD_CMD_H

#include "base/buf.h"
#include "base/err.h"
#include "base/opt.h"

#include <sys/types.h>
#include <uv.h>

enum cmd_exit {
	EXIT_DONE = 0,
	EXIT_NEGATIVE = 1,  /* it ran, and the answer is negative or partial */
	EXIT_USAGE = 2,
	EXIT_DATA = 3,      /* data not understood */
	EXIT_DENIED = 4,
	EXIT_OFFLINE = 5,   /* not connected, or not acknowledged in time */
	EXIT_SYSTEM = 6,
	EXIT_GAP = 7,       /* history is gone and --no-gap was given */
};

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

#define OPTION(l, n, t, v, a, h) \
	{ .letter = l, .name = n, .type = t, .target = v, .arg = a, .help = h }
#define OPTION_FILE(l, n, v, h) \
	{ .letter = l, .name = n, .type = OPT_STRING, .target = v, .arg = "FILE", .help = h, \
	  .complete = "file" }
#define OPTION_INT(l, n, v, a, h, lo, hi) \
	{ .letter = l, .name = n, .type = OPT_INT, .target = v, .arg = a, .help = h, .min = lo, \
	  .max = hi }
#define OPTION_WORDS(l, n, v, a, w, h) \
	{ .letter = l, .name = n, .type = OPT_STRING, .target = v, .arg = a, .help = h, \
	  .words = w }
#define OPTION_ROOM(n, v, h) \
	{ .name = n, .type = OPT_STRING, .target = v, .arg = "ROOM", .help = h, .complete = "room" }

/* Rows of every program. */
#define CMD_OPTIONS(c) \
	OPTION('q', "quiet", OPT_FLAG, &(c).quiet, NULL, "errors only"), \
	OPTION('v', "verbose", OPT_COUNT, &(c).verbose, NULL, "say more, on stderr"), \
	OPTION(0, "color", OPT_CHOICE, &(c).color, "auto|always|never", NULL), \
	OPTION('h', "help", OPT_FLAG, &(c).help, NULL, "this"), \
	OPTION('V', "version", OPT_FLAG, &(c).version, NULL, NULL), \
	OPTION_WORDS(0, "completion", &(c).completion, "SHELL", "bash|zsh|fish", NULL), \
	OPTION(0, "dump-options", OPT_FLAG, &(c).dump, NULL, NULL), \
	{ .type = OPT_END }

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
