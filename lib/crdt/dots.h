/* dots.h - which dot was seen where, over all documents of a run
 *
 * One dot at two places, in one document or in two, is proof that a replica was restored or cloned:
 * joining would delete both. Dots of documents with different ids have nothing to do with each
 * other. */
#ifndef RT_CRDT_DOTS_H
#define RT_CRDT_DOTS_H

#include "crdt/crdt.h"

struct crdt_dots;

struct crdt_dots *dots_new(void);
void dots_free(struct crdt_dots *d);
size_t dots_count(const struct crdt_dots *d);
/* What stands for a node, given any name of it that no other has. */
void dots_hash(const struct crdt_dots *d, struct str name, uint64_t hash[2]);
/* Notes that a dot stands at a place of a document (from 1). 0, or the document which has it
 * elsewhere. */
uint32_t dots_note(struct crdt_dots *d, const uint64_t node[2], uint64_t seq, uint32_t place,
	uint32_t document);
/* Adds the dots of a state; 0, or reported: E_DOT_REUSE. */
int dots_add(struct crdt_dots *d, struct crdt_report *r, const struct crdt_state *s);

#endif
