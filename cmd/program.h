/* program.h - what all programs show their user alike: exit statuses, common options, usage errors
 *
 * Without a library behind it, so that a program that talks to nobody can use it too; cmd.h builds
 * on it for those that do. */
#ifndef RT_CMD_PROGRAM_H
#define RT_CMD_PROGRAM_H

#include "base/opt.h"

#include <stdarg.h>

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

/* Rows of every program; c has a member for each. */
#define CMD_OPTIONS(c) \
	OPTION('q', "quiet", OPT_FLAG, &(c).quiet, NULL, "errors only"), \
	OPTION('v', "verbose", OPT_COUNT, &(c).verbose, NULL, "say more, on stderr"), \
	OPTION(0, "color", OPT_CHOICE, &(c).color, "auto|always|never", NULL), \
	OPTION('h', "help", OPT_FLAG, &(c).help, NULL, "this"), \
	OPTION('V', "version", OPT_FLAG, &(c).version, NULL, NULL), \
	OPTION_WORDS(0, "completion", &(c).completion, "SHELL", "bash|zsh|fish", NULL), \
	OPTION(0, "dump-options", OPT_FLAG, &(c).dump, NULL, NULL), \
	{ .type = OPT_END }

/* Makes sure that descriptors 0 to 2 are taken, before the first file is opened. */
void program_open_standard_files(void);
/* What -h, -V, --completion and --dump-options ask for; NULL and false: not asked. `about` (may be
 * NULL) is what -V says in its second line. Writes to stdout. 0, or ERR_USAGE with a sentence. */
int program_show(const struct opt_program *p, bool help, bool version, bool dump,
	const char *completion, const char *(*about)(void), struct err *e);
/* A usage error on stderr: the sentence, then "try 'rt-sub -h'". The caller exits. */
void program_usage(const char *fmt, va_list ap);

#endif
