/* bench_out.h - what comes out of a run, and the verbs on results that were kept */
#ifndef RT_CMD_BENCH_OUT_H
#define RT_CMD_BENCH_OUT_H

#include "cmd.h"

#include "bench/limits.h"

enum { BENCH_TABLE, BENCH_JSON };

struct bench_out {
	const char *output, *html, *tolerance;
	struct opt_list max, min;
	struct limits limits;
	int format; /* BENCH_TABLE, BENCH_JSON */
};

#define BENCH_OUT_OPTIONS(o) \
	OPTION(0, "max", OPT_LIST, &(o).max, "p99=50ms,..", "exit 1 when over"), \
	OPTION(0, "min", OPT_LIST, &(o).min, "rate=1k/s,..", "exit 1 when under"), \
	OPTION('f', "format", OPT_CHOICE, &(o).format, "table|json", NULL), \
	OPTION_FILE('o', "output", &(o).output, "the report, instead of stdout"), \
	OPTION_FILE(0, "html", &(o).html, "a page with curves as well"), \
	OPTION(0, "tolerance", OPT_STRING, &(o).tolerance, "10%", "of compare")

/* Reads the limits; a bad one is a usage error. */
void bench_limits(struct cmd *c, struct bench_out *o);
/* The command line for people to repeat; secrets are out of it, since cmd_start overwrote them. To
 * be freed. */
char *bench_command(int argc, char **argv);
/* To a file; NULL: stdout, whose errors cmd_exit sees. An exit status. */
int bench_write(const char *path, const struct buf *text);
/* Says on stderr why it came to nothing, unless a person reads that in the report. */
void bench_complain(const struct bench_out *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Judges, writes all that is asked for, and returns the exit status. */
int bench_finish(struct cmd *c, const struct bench_out *o, struct result *r);
/* `rt-bench merge FILE...` and `rt-bench compare OLD NEW`: exit statuses. */
int bench_merge(struct cmd *c, const struct bench_out *o, int n, char **files);
int bench_compare(struct cmd *c, const struct bench_out *o, int n, char **files);

#endif
