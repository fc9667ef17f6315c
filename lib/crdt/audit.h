/* audit.h - what `check` looks for in states that are valid as such */
#ifndef RT_CRDT_AUDIT_H
#define RT_CRDT_AUDIT_H

#include "crdt/crdt.h"

/* Reports E_SUM_RANGE for every counter, in maps too, whose value is no signed 64-bit integer. */
void audit_sums(struct crdt_report *r, const struct crdt_state *s);

#endif
