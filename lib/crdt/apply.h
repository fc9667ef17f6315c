/* apply.h - operations on a state
 *
 * An operation is a JSON object with an "op"; rt-crdt-merge(1) lists them. What it does is a delta,
 * joined like any other. */
#ifndef RT_CRDT_APPLY_H
#define RT_CRDT_APPLY_H

#include "crdt/crdt.h"

/* Applies one operation of `node` to s, whose type must be known. 0, or reported. r->json is where
 * `op` was read. */
int crdt_apply(struct crdt_reader *r, struct crdt_state *s, struct str node, const struct json *op);

#endif
