/* causal.h - what the causal types share: dots in documents, and the types that only live in an
 * ormap */
#ifndef RT_CRDT_CAUSAL_H
#define RT_CRDT_CAUSAL_H

#include "crdt/crdt.h"

/* mvreg of {"node_id","timestamp","value"} read as a last writer; a child of ormap only. */
extern const struct crdt_type crdt_lwwr;

/* Reads [node, seq]; the node is encoded in the arena of the state. 0, or reported. */
int causal_dot(struct crdt_reader *r, const struct json *v, struct crdt_dot *dot);
/* The same from two values. */
int causal_dot_of(struct crdt_reader *r, const struct json *node, const struct json *seq,
	struct crdt_dot *dot);
/* Reads a context. */
int causal_context(struct crdt_reader *r, const struct json *v);
/* Appends "node",seq of the DOT at the end of a key. */
void causal_emit_dot(struct buf *out, struct str key);

#endif
