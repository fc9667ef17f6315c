/* dots.h - which dot was seen where, over all documents of a run
 *
 * One dot at two places, in one document or in two, is proof that a replica was restored or cloned: joining would delete
 * both. Dots of documents with different ids have nothing to do with each other. */
#ifndef RT_CRDT_DOTS_H
#define RT_CRDT_DOTS_H

#include "crdt/crdt.h"

struct crdt_dots;

struct crdt_dots *dots_new(void);
void dots_free(struct crdt_dots *d);
size_t dots_count(const struct crdt_dots *d);
/* Adds the dots of a state; 0, or reported: E_DOT_REUSE. */
int dots_add(struct crdt_dots *d, struct crdt_report *r, const struct crdt_state *s);

#endif
