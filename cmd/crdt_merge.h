/* crdt_merge.h - what the parts of rt-crdt-merge share
 *
 * Not cmd.h: that one brings the client library and its start-up cost, and this program talks to nobody. */
#ifndef RT_CMD_CRDT_MERGE_H
#define RT_CMD_CRDT_MERGE_H

#include "program.h"

#include "crdt/crdt.h"

/* What was read of a pipe already, to be read again. */
struct merge_held {
	struct buf text;
	int fd;
	bool used, lost;
};

struct merge {
	struct crdt_options options;
	struct crdt_report report;
	struct crdt_reader reader;
	const char *output, *snapshot;
	int shape;             /* enum merge_shape */
	int format;            /* 0: text, 1: NDJSON */
	int emit;              /* --follow: 0 state, 1 delta, 2 value */
	int64_t every_ms;      /* --follow: how often the snapshot is written */
	bool value, strict, quiet, findings_on_stdout;
	struct arena texts;    /* of the inputs: what states point into */
	struct crdt_state *docs; /* by id */
	size_t n_docs, cap_docs;
	const char *const *files;
	int n_files;
	struct merge_held held[16]; /* by input; see crdt_stream.c */
};

enum merge_shape { MERGE_KEEP, MERGE_V1, MERGE_PLAIN };

/* --- input ------------------------------------------------------------------------------------ */

/* Calls fn for every document of a file ("-": stdin). The state's text is in m->texts; fn takes the state. Findings are reported and reading goes
 * on. 0, or EXIT_SYSTEM: reported. */
int merge_each(struct merge *m, const char *path, void (*fn)(struct merge *m, struct crdt_state *s, struct str text, void *arg), void *arg);
/* Merges all files as sorted streams. -1: the general way is to be taken; else a status. */
int merge_stream(struct merge *m);
/* All files into m->docs, joined by id. */
int merge_all(struct merge *m);
/* Joins a state into the document of its id. `changed` may be NULL. Frees s. */
int merge_add(struct merge *m, struct crdt_state *s, bool *changed);
/* The one state of a file: its documents joined, which must have one id. */
int merge_one(struct merge *m, const char *path, struct crdt_state *out);
void merge_fini(struct merge *m);

/* --- output ----------------------------------------------------------------------------------- */

/* Where a result goes: stdout, or a temporary file that takes the place of another when all is well. */
struct merge_out {
	int fd;
	struct buf buf;
	char *path, *temp; /* temp: NULL when written directly */
	bool failed, spool; /* spool: fd is a nameless file, copied to stdout at the end */
};

/* path NULL: stdout. `careful`: nothing must reach stdout before merge_out_commit. EXIT_SYSTEM: reported. */
int merge_out_open(struct merge_out *o, const char *path, bool careful);
void merge_out_flush(void *out, struct buf *b);
int merge_out_commit(struct merge_out *o); /* 0 or EXIT_SYSTEM: reported */
void merge_out_abandon(struct merge_out *o);
/* Prints findings; the fn of a report. */
void merge_print_finding(void *merge, const struct crdt_finding *f);
/* A state, or its value, as a line. 0 or EXIT_DATA: reported. */
int merge_write(struct merge *m, struct crdt_out *to, const struct crdt_state *s);
/* What the findings so far make of a status. */
int merge_status(const struct merge *m, int status);

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
