/* fast.h - documents that are what this program writes, without building a tree
 *
 * Every answer of these readers is one that crdt.c would give too; what they do not know they leave
 * to it: escapes, big numbers, nested values, whitespace in odd places, faults. They know gcounter
 * and lwwmap, plain ones too, and orset. */
#ifndef RT_CRDT_FAST_H
#define RT_CRDT_FAST_H

#include "crdt/crdt.h"

/* What stands before the first member, into a state without leaves; its id borrows. Returns where
 * the first member begins, or NULL: not known here, or cut off; the state may hold memory even so.
 */
const char *fast_head(
	struct crdt_state *s, const char *p, const char *end, const struct crdt_options *o);
/* One member at p, into a leaf that borrows: the key is a name or the text of an element, the value
 * a count, an entry or the text of dots. Returns its end, which is before `end` and at ',' or a
 * bracket, or NULL: not known, or cut off. *untidy is set where it is not as we write it: spaces
 * behind ':' or ',', members of an entry in another order. */
const char *fast_member(const char *p, const char *end, const struct crdt_type *type,
	struct crdt_leaf *leaf, bool *untidy);
/* The dot behind the bracket or comma at p, of a text that fast_member has passed; its node is not
 * encoded. Returns its end, again at a comma or bracket. */
const char *fast_dot(const char *p, const char *end, struct crdt_dot *dot, bool *untidy);
/* What stands behind the last member. */
static inline struct str fast_tail(const struct crdt_state *s)
{
	return s->shape != SHAPE_V1 ? STR("}") : s->type->causal ? STR("]}") : STR("}}");
}

/* Reads the document at r->json.p, which then stands behind it. false: not known here; out may hold
 * memory then. */
bool fast_read(struct crdt_reader *r, struct crdt_state *out);

#endif
