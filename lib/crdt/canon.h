/* canon.h - the one text of a value
 *
 * No whitespace, members sorted by the bytes of their names, strings as raw UTF-8 with the fewest
 * escapes (lower-case \u00xx for other control characters), numbers as in number.h. */
#ifndef RT_CRDT_CANON_H
#define RT_CRDT_CANON_H

#include "crdt/json.h"

/* Appends a string with its quotes. */
void canon_string(struct buf *out, struct str s);
/* The same of what a component of a key (leaf.h) stands for. */
void canon_component(struct buf *out, struct str component);
/* Appends a value; 0, or reported: a real that is not finite. */
int canon_value(struct json_reader *r, struct buf *out, const struct json *v);

/* -1, 0, 1 by bytes. */
int canon_cmp(struct str a, struct str b);

#endif
