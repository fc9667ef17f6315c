/* fast.h - documents that are what this program writes, without building a tree
 *
 * Every answer of these readers is one that crdt.c would give too; what they do not know they leave to it: escapes, big numbers,
 * nested values, whitespace in odd places, faults. */
#ifndef RT_CRDT_FAST_H
#define RT_CRDT_FAST_H

#include "crdt/crdt.h"

enum fast_kind { FAST_COUNTS, FAST_ENTRIES };

struct fast_head {
	enum fast_kind kind;
	bool v1, delta, has_id;
	struct str id;      /* raw, without escapes */
	const char *body;   /* at the first key, or at the closing brace */
};

/* What stands before the first slot. false: not known here, or cut off. */
bool fast_head(struct fast_head *h, const char *p, const char *end, const struct crdt_options *o);
/* One member at its quote; its leaf borrows. Returns its end, which is before `end`, or NULL: not known, or cut off. */
const char *fast_member(const char *p, const char *end, enum fast_kind kind, struct crdt_leaf *leaf);
/* Reads a whole document at the front of text. Returns its end, or NULL: not known here; out may hold leaves then. */
const char *fast_read(struct crdt_reader *r, struct str text, struct crdt_state *out);

#endif
