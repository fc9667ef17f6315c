/* crdt_merge.h - what the parts of rt-crdt-merge share
 *
 * Not cmd.h: that one brings the client library and its start-up cost, and this program talks to
 * nobody. */
#ifndef RT_CMD_CRDT_MERGE_H
#define RT_CMD_CRDT_MERGE_H

#include "program.h"

#include "crdt/crdt.h"
#include "crdt/pretty.h"

/* What was read of a pipe already, to be read again. */
struct merge_held {
	struct buf text;
	int fd;
	bool used, lost;
};

enum merge_shape { MERGE_KEEP, MERGE_V1, MERGE_PLAIN };
enum merge_on_bad { BAD_STOP, BAD_SKIP, BAD_QUARANTINE };
enum merge_on_drift { DRIFT_REJECT, DRIFT_WARN, DRIFT_QUARANTINE };

/* Documents by id, sorted. */
struct merge_docs {
	struct crdt_state *v;
	size_t n, cap;
};

struct merge_stats {
	uint64_t files, documents_in, documents_out, bytes_in, bytes_out;
	bool streamed;
};

struct merge {
	struct crdt_options options;
	struct crdt_report report;
	struct crdt_reader reader;
	const char *output, *snapshot;
	const char *since;     /* delta: a file with a context */
	const char *quarantine; /* where what cannot be used is appended */
	int quarantine_fd;     /* 0: not opened yet */
	const char *shown;     /* what findings call the file being read; NULL: its path */
	int shape;             /* enum merge_shape */
	int format;            /* 0: text, 1: NDJSON */
	int emit;              /* --follow: 0 state, 1 delta, 2 value */
	int on_bad, on_drift;  /* enums above */
	int64_t every_ms;      /* --follow: how often the snapshot is written */
	bool value, strict, quiet, pretty, findings_on_stdout;
	bool lost_findings;    /* stdout did not take one */
	bool int64;            /* check: sums must fit */
	bool compacts;         /* all states are in docs, so memory may be moved under them */
	size_t compact_at;     /* bytes held, from which on it may pay to do so */
	uint64_t skipped;      /* bad documents that were passed over */
	struct merge_stats stats;
	struct arena texts;    /* of the inputs: what states point into */
	struct merge_docs docs;
	const char *const *files;
	int n_files;
	struct merge_held held[16]; /* by input; see crdt_stream.c */
};

/* --- input ------------------------------------------------------------------------------------ */

/* Is given a document; `text` is how it stood there. Takes s. 0, or an error: reported. */
typedef int merge_fn(struct merge *m, struct crdt_state *s, struct str text, void *arg);

/* Calls fn for every document of a file ("-": stdin). The state's text is in m->texts. Findings are
 * reported and reading goes on. 0, or EXIT_SYSTEM: reported. */
int merge_each(struct merge *m, const char *path, merge_fn *fn, void *arg);
/* What becomes of a document that has just been refused (m->report.error says why): with --on-bad
 * and --on-drift it is passed over, `text` (NULL: gone) is kept, and `errors`, the count before it,
 * is restored. 0, or EXIT_SYSTEM: reported. */
int merge_refused(struct merge *m, const struct str *text, uint64_t errors);
/* Merges all files as sorted streams. -1: the general way is to be taken; else a status. */
int merge_stream(struct merge *m);
/* All files into m->docs, joined by id. */
int merge_all(struct merge *m);
/* One file into d. */
int merge_load(struct merge *m, const char *path, struct merge_docs *d);
/* Joins a state into the document of its id. `changed` may be NULL. Takes s. 0, or reported. */
int merge_add(struct merge *m, struct merge_docs *d, struct crdt_state *s, bool *changed);
/* The document with the id of s, or NULL. */
struct crdt_state *merge_find(const struct merge_docs *d, const struct crdt_state *s);
void merge_docs_fini(struct merge_docs *d);
/* The one state of a file: its documents joined, which must have one id. */
int merge_one(struct merge *m, const char *path, struct crdt_state *out);
/* The context in a file. 0 or a status: reported. */
int merge_ctx(struct merge *m, const char *path, struct crdt_state *out);
void merge_fini(struct merge *m);

/* --- output ----------------------------------------------------------------------------------- */

/* Says "cannot WHAT 'PATH': ", and why, out of errno. EXIT_SYSTEM. */
int merge_cannot(const char *what, const char *path);

/* Where a result goes: stdout, or a temporary file that takes the place of another when all is
 * well. */
struct merge_out {
	int fd;
	struct merge *m;
	struct buf buf, shown; /* shown: of --pretty */
	struct pretty pretty;
	char *path, *temp; /* temp: NULL when written directly */
	bool failed, spool; /* spool: fd is a nameless file, copied to stdout at the end */
};

/* path NULL: stdout. `careful`: nothing must reach stdout before merge_out_commit. EXIT_SYSTEM:
 * reported, and nothing is left to abandon. */
int merge_out_open(struct merge *m, struct merge_out *o, const char *path, bool careful);
void merge_out_flush(void *out, struct buf *b);
/* A nameless temporary file, or -1 with errno. */
int merge_spool_open(void);
/* All n bytes; 0, or -1 with errno. */
int merge_write_all(int fd, const char *p, size_t n);
int merge_out_commit(struct merge_out *o); /* 0 or EXIT_SYSTEM: reported */
void merge_out_abandon(struct merge_out *o);
/* Prints findings; the fn of a report. */
void merge_print_finding(void *merge, const struct crdt_finding *f);
/* The enum crdt_shape of the output, or -1: keep what there is. */
int merge_shape(const struct merge *m);
/* A state, or its value, as a line. 0 or EXIT_DATA: reported. */
int merge_write(struct merge *m, struct crdt_out *to, const struct crdt_state *s);
/* May results be written? Not after an error, nor after a warning with --strict. */
bool merge_clean(const struct merge *m);
/* What the findings so far make of a status. */
int merge_status(const struct merge *m, int status);

/* Says what is wrong with the command line, and ends the program. */
void merge_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* --- verbs ------------------------------------------------------------------------------------ */

int verb_merge(struct merge *m);
int verb_value(struct merge *m);
int verb_fmt(struct merge *m);
int verb_check(struct merge *m);
int verb_diff(struct merge *m);
int verb_delta(struct merge *m);
int verb_explain(struct merge *m);
int verb_laws(struct merge *m);
int verb_git_merge(struct merge *m);
int verb_git_install(struct merge *m, bool global);
int verb_follow(struct merge *m);
int verb_apply(struct merge *m, const char *node, const char *id, const char *witness);
int verb_hlc(struct merge *m, const char *state_file);

#endif
