/* opt.h - options as data
 *
 * One table per program yields parsing, -h, the completion files and the check that its manual
 * names every option. Long options take `--name value` and `--name=value`; short ones `-n 5` and
 * `-n5`; flags combine (`-me`); `--` ends options; operands and options mix. A long option may be
 * cut to a unique prefix. */
#ifndef RT_BASE_OPT_H
#define RT_BASE_OPT_H

#include "base/err.h"
#include "base/str.h"

enum opt_type {
	OPT_FLAG,     /* bool * */
	OPT_COUNT,    /* int *, one more each time (-vv) */
	OPT_STRING,   /* const char ** */
	OPT_LIST,     /* struct opt_list *: every value given, in order */
	OPT_INT,      /* int64_t *, within [min, max] */
	OPT_DURATION, /* int64_t *, milliseconds */
	OPT_SIZE,     /* uint64_t *, bytes */
	OPT_RATE,     /* double *, per second */
	OPT_CHOICE,   /* int *: index into the words of `arg`, "auto|always|never" */
	OPT_OPTIONAL, /* struct opt_optional *: the value only by `--name=value` or the
	               * glued short form */
	OPT_END = -1,
};

struct opt_list {
	const char **v;
	int n;
};

struct opt_optional {
	bool given;
	const char *value;
};

struct opt {
	char letter;          /* 0: long form only */
	const char *name;     /* without dashes */
	enum opt_type type;
	void *target;
	const char *arg;      /* the word for the value in -h, e.g. "FILE";
	                       * choices for OPT_CHOICE */
	const char *help;     /* one line; NULL: accepted, not shown in -h (but in the manual) */
	int64_t min, max;     /* OPT_INT; both 0: any */
	const char *complete; /* completion: "file", "room", "dir" or NULL */
	const char *words;    /* completion: values among others, "json|table"; or NULL */
};

struct opt_program {
	const char *name;           /* "rt-sub" */
	const char *purpose;        /* one line */
	const char *const *usage;   /* lines after the name, NULL-terminated */
	const char *const *examples; /* three, NULL-terminated; shown first in -h */
	const struct opt *opts;     /* ends with OPT_END */
	const char *complete;       /* how operands complete: "room", "file", NULL */
	const char *words;          /* what the first may be as well: "merge|check"; NULL */
	const char *const *hints;   /* letters or long names of other tools: "t", "rooms are
	                             * operands: rt-sub lobby", ...; NULL-terminated pairs */
};

/* Parses argv; operands are moved to the front of argv + 1 in order, and their count returned, or
 * ERR_USAGE with a sentence. Strings point into argv. */
int opt_parse(const struct opt_program *p, int argc, char **argv, struct err *e);
/* One setting by its long name, for configuration files: "name" and its value ("" for flags). */
int opt_set(const struct opt_program *p, struct str name, const char *value, struct err *e);
/* A file of long options, one a line: `name value`, `name=value` or `name`; '#' begins a comment
 * line. Values live for ever. */
int opt_read_file(const struct opt_program *p, const char *path, struct err *e);
/* A line of such a file, trimmed, in its two parts: "name value", "name=value", "name = value" or
 * "name" (value.n == 0), with or without leading dashes. */
void opt_split_setting(struct str line, struct str *name, struct str *value);
/* At most 40 lines on stdout. */
void opt_help(const struct opt_program *p);
/* Writes the completion file of a shell ("bash", "zsh", "fish") to stdout; ERR_USAGE
 * for another name. */
int opt_completion(const struct opt_program *p, const char *shell);
/* For tests: prints every long option and letter, a line each. */
void opt_dump(const struct opt_program *p);
/* The one of `words` that is most likely meant, at most two edits away; "" when none is. */
struct str opt_nearest(const char *words, struct str name);
void opt_list_free(struct opt_list *l);
/* The word for an option's value: its `arg`, else one that fits the type. */
const char *opt_arg_word(const struct opt *o);

#endif
