/* crdt.h - states of replicated data types: reading, joining, writing
 *
 * A state is its type and a sorted list of leaves (leaf.h); causal types have a context too.
 * Documents are described in rt-crdt(5). A state borrows from the text it was read from: hand that
 * to its arena, or keep it alive. No function here reads a file, looks at a clock or prints. */
#ifndef RT_CRDT_CRDT_H
#define RT_CRDT_CRDT_H

#include "crdt/canon.h"
#include "crdt/ctx.h"

enum crdt_shape { SHAPE_PLAIN_UPPER, SHAPE_PLAIN, SHAPE_V1 }; /* the higher one wins in a join */

struct crdt_state {
	const struct crdt_type *type; /* NULL: bottom, which is of every type */
	enum crdt_shape shape;
	bool delta, has_id, has_epoch;
	uint64_t epoch;
	struct str id;         /* in the arena */
	struct crdt_leaves leaves;
	struct crdt_ctx ctx;
	struct arena arena;    /* what leaves and context point to, unless it is the text */
	const char *file;      /* where it was read; NULL: not known */
	uint64_t line;
};

struct crdt_options {
	const struct crdt_type *type; /* of documents that do not say; NULL: recognise */
	const char *at; /* ".data.state": where a document holds the state; NULL: it is the state */
	const char *replica;   /* ".user_id": where it tells who sent it; NULL: nobody asks */
	unsigned max_depth;
	size_t max_line;       /* bytes of a document */
	bool negative_ts;      /* timestamps below 0 are fine */
	bool node_id_any;      /* a node_id that is a number becomes its text */
	int64_t now_us, max_drift_us; /* a negative drift: not looked at */
};

/* Carries what reading needs from document to document. */
struct crdt_reader {
	const struct crdt_options *options;
	struct crdt_report *report;
	struct crdt_state *state; /* being read */
	struct json_reader json;
	bool whole;               /* the document was read to its end */
	struct str replica;       /* who sent the document read last; until the next one is read */
	struct crdt_dots *dots;   /* of all documents read: finds a dot used twice; made on need */
	struct arena tree;
	struct buf key, val;
};

/* Where a state is written. With `flush`, it is called whenever much has gathered and empties the
 * buffer. */
struct crdt_out {
	struct buf *b;
	void (*flush)(void *arg, struct buf *b);
	void *arg;
};

#define CRDT_OUT_TURN 65536

static inline void crdt_out_turn(struct crdt_out *o)
{
	if (o->flush && o->b->n >= CRDT_OUT_TURN)
		o->flush(o->arg, o->b);
}

/* A row of the type table. Lists given to emit and value are sorted; `skip` is how many bytes of
 * their keys were consumed. */
struct crdt_type {
	const char *name;
	bool causal;
	/* Adds the leaves of a state member, with r->key before their keys; 0, or reported. */
	int (*read)(struct crdt_reader *r, const struct json *v);
	void (*emit)(struct crdt_out *o, const struct crdt_leaf *v, size_t n, size_t skip);
	void (*value)(struct buf *out, const struct crdt_leaf *v, size_t n, size_t skip);
	/* Joins b into a, two leaves of one key; what it makes goes to the arena. Returns JOIN_
	 * flags. NULL: there is nothing to join. */
	int (*join)(struct crdt_leaf *a, const struct crdt_leaf *b, struct arena *arena);
	/* Appends JSON strings, a comma before each but the first: where a leaf is. */
	void (*path)(struct buf *out, struct str key);
	/* Of a whole, not a delta: 0, or reported. NULL: nothing to look at. */
	int (*check)(struct crdt_report *r, const struct crdt_state *s);
};

enum crdt_join_flags {
	JOIN_RIGHT = 1,   /* a changed to b, or to something of both */
	JOIN_BOTH = 2,    /* the result is neither */
	JOIN_TIE = 4,     /* W_LWW_TIE */
	JOIN_VALUES = 8,  /* W_DOT_VALUE */
	JOIN_UNITS = 16,  /* W_TS_UNIT */
	JOIN_MIXED = 32,  /* E_TS_MIXED */
};

extern const struct crdt_type crdt_gcounter, crdt_pncounter, crdt_bcounter, crdt_max, crdt_min,
	crdt_gset, crdt_2pset, crdt_lww, crdt_lwwmap, crdt_orset, crdt_rwset, crdt_ewflag,
	crdt_dwflag, crdt_mvreg, crdt_ccounter, crdt_ormap;

/* By its name without version; NULL when there is none. */
const struct crdt_type *crdt_type_find(struct str name);
/* "a" or "an", before its name. */
const char *crdt_article(const struct crdt_type *t);
/* The name that is meant most likely by a wrong one; "" when none is. */
struct str crdt_type_nearest(struct str name);
/* Every type, NULL-terminated. */
const struct crdt_type *const *crdt_types(void);

void crdt_state_fini(struct crdt_state *s);
void crdt_reader_fini(struct crdt_reader *r);

/* Reads the next document of *text, which moves behind it (and its line end); report->line counts
 * on. Returns 1, 0 when only whitespace was left, or ERR_INVALID: reported, and *text stands where
 * the next document may begin. */
int crdt_read(struct crdt_reader *r, struct str *text, struct crdt_state *out);

/* Reads a causal context alone, {"vv":...}, or that of a document, into out->ctx. 0, or
 * ERR_INVALID: reported. */
int crdt_read_ctx(struct crdt_reader *r, struct str text, struct crdt_state *out);

/* Would crdt_join report an error and leave a half joined? 0, or ERR_INVALID: reported, a is as it
 * was. */
int crdt_can_join(struct crdt_report *r, const struct crdt_state *a, const struct crdt_state *b);
/* Joins b into a. Blocks of b's arena move to a; b is to be freed as usual. 0, or reported: the two
 * cannot be joined. `changed` (may be NULL): whether a did. */
int crdt_join(struct crdt_report *r, struct crdt_state *a, struct crdt_state *b, bool *changed);
/* A copy with memory of its own. */
void crdt_clone(struct crdt_state *to, const struct crdt_state *from);
/* Copies what a holds out of memory it no longer needs the rest of. */
void crdt_compact(struct crdt_state *a);

/* Appends the canonical document, without a line end. ERR_UNSUPPORTED: the shape cannot say all. */
int crdt_emit(struct crdt_out *o, const struct crdt_state *s, enum crdt_shape shape);
/* Appends the value as canonical JSON. */
void crdt_value(struct buf *out, const struct crdt_state *s);
/* What must hold of a whole beyond what each part says, as where a delta was joined: 0, or
 * reported. */
int crdt_check(struct crdt_report *r, const struct crdt_state *s);
/* Same type, leaves and context. */
bool crdt_equal(const struct crdt_state *a, const struct crdt_state *b);

/* Is the document, as it stands in `text`, canonical? */
bool crdt_is_canonical(const struct crdt_state *s, struct str text);
/* Appends a JSON array: where a leaf is. */
void crdt_path(struct buf *out, const struct crdt_type *t, struct str key);

/* --- for the types ---------------------------------------------------------------------------- */

/* Of types whose leaves all stand at one place: the registers, and dots, which are no place. */
void crdt_path_none(struct buf *out, struct str key);
/* Adds a leaf whose key is r->key, copied; val is copied too (NULL: none). */
void crdt_add_val(struct crdt_reader *r, const struct str *val);
void crdt_add_count(struct crdt_reader *r, uint64_t count);
/* Reads a count; 0, or reported. */
int crdt_count(struct crdt_reader *r, const struct json *v, uint64_t *out);
#define NODE_MAX 1024 /* bytes of a node id */
/* Reports E_NODE when it is none. */
int crdt_node(struct crdt_reader *r, const struct json *at, struct str node);
/* v must be an object (array); of an object, no other members than those listed ("a b c"). 0, or
 * reported. */
int crdt_want_object(struct crdt_reader *r, const struct json *v, const char *members);
int crdt_want_array(struct crdt_reader *r, const struct json *v);

#endif
