/* ctx.h - a causal context: the set of dots a state has seen
 *
 * Normal form: for each node all dots up to a count, and a sorted cloud of single dots that lie
 * above it with a gap before them. Node ids are encoded as in leaf.h and borrowed: they live in the
 * arena of the state. */
#ifndef RT_CRDT_CTX_H
#define RT_CRDT_CTX_H

#include "crdt/leaf.h"

struct ctx_list {
	struct crdt_dot *v;
	size_t n, cap;
};

struct crdt_ctx {
	struct ctx_list vv;    /* sorted by node, seq > 0 */
	struct ctx_list cloud; /* sorted by node and seq */
};

void ctx_fini(struct crdt_ctx *c);
void ctx_list_add(struct ctx_list *l, struct crdt_dot d);
/* From unsorted lists to the normal form. Returns whether the cloud held a dot twice (*twice, may
 * be NULL). */
bool ctx_normalise(struct crdt_ctx *c, struct crdt_dot *twice);
bool ctx_covers(const struct crdt_ctx *c, struct crdt_dot d);
/* The highest count known to be seen without gap. */
uint64_t ctx_count(const struct crdt_ctx *c, struct str node);
void ctx_join(struct crdt_ctx *a, const struct crdt_ctx *b);
bool ctx_is_empty(const struct crdt_ctx *c);
/* Appends {"cloud":[...],"vv":{...}}. */
void ctx_emit(struct buf *out, const struct crdt_ctx *c);

#endif
