/* field.h - finds values inside a JSON text without building a tree
 *
 * For templates, `--key .FIELD` and listings, where one or two values of a message are wanted. The
 * text has been proven by codec/scan. */
#ifndef RT_CLIENT_FIELD_H
#define RT_CLIENT_FIELD_H

#include "base/buf.h"

/* The raw JSON of the value at `path` ("a", ".a.b", "tags.0"); p == NULL when absent. */
struct str field_find(struct str json, struct str path);
/* True when the raw value is a JSON string. */
bool field_is_string(struct str raw);
/* Appends the value for people: a string without its quotes and escapes, anything else as it
 * stands. With `one_line` a control character stays in its escaped form, so a value can never begin
 * a line of its own. */
void field_text(struct buf *out, struct str raw, bool one_line);
/* Walks an array: `*rest` is its raw JSON at first; each call cuts off one element.
 * False at the end. */
bool field_each(struct str *rest, struct str *element);

#endif
