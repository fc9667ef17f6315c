/* fast.h - documents that are what this program writes, without building a tree
 *
 * Every answer of these readers is one that crdt.c would give too; what they do not know, they leave to it. */
#ifndef RT_CRDT_FAST_H
#define RT_CRDT_FAST_H

#include "crdt/crdt.h"

/* Reads a counter or register map in compact form from the front of text. Returns its end, or NULL: not known here; out may hold some
 * leaves then. */
const char *fast_read(struct crdt_reader *r, struct str text, struct crdt_state *out);

#endif
