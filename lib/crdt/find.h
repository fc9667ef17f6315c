/* find.h - what is wrong with a state: a code, a place, a sentence
 *
 * An E_ finding means that the document cannot be trusted and is refused. A W_ finding means that
 * it was joined by a rule everybody follows, and that somebody should look at the cause. */
#ifndef RT_CRDT_FIND_H
#define RT_CRDT_FIND_H

#include "base/buf.h"

enum crdt_code {
	E_SYNTAX, E_UTF8, E_DEPTH, E_SIZE, E_LIMIT, E_DUPKEY,
	E_TYPE, E_VERSION, E_KEY, E_AMBIGUOUS, E_SHAPE, E_EPOCH,
	E_NEG, E_NOT_INT, E_RANGE, E_SUM_RANGE, E_RIGHTS,
	E_TS, E_TS_MIXED, E_HLC, E_DRIFT,
	E_DOT_REUSE, E_DOT_UNCOVERED, E_CTX, E_NODE, E_OP, E_ROLLBACK,
	W_UNSAFE_INT, W_LWW_TIE, W_TS_UNIT, W_DOT_VALUE, W_NONMONOTONE, W_NONCANON, W_DRIFT,
	CRDT_CODES
};

struct crdt_finding {
	enum crdt_code code;
	const char *file;  /* NULL: not known */
	uint64_t line;     /* from 1; 0: not known */
	const char *path;  /* a JSON pointer into the document; "" is the whole */
	const char *text;
};

/* Where findings go. Zero-initialised it only counts. */
struct crdt_report {
	void (*fn)(void *arg, const struct crdt_finding *f);
	void *arg;
	uint64_t errors, warnings;
	enum crdt_code error; /* the last one */
	bool drift_warns;   /* a stamp of the future is a warning */
	const char *file;   /* of the document being read */
	uint64_t line;
};

const char *crdt_code_name(enum crdt_code c);
/* What to do about it: an imperative. */
const char *crdt_code_advice(enum crdt_code c);
static inline bool crdt_code_is_error(enum crdt_code c)
{
	return c < W_UNSAFE_INT;
}

/* Reports; returns ERR_INVALID for an error and 0 for a warning, so that `return crdt_find(...)`
 * reads well. */
int crdt_find(struct crdt_report *r, enum crdt_code c, uint64_t line, const char *path,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* One JSON object without a line end. */
void crdt_finding_json(struct buf *out, const struct crdt_finding *f);

#endif
