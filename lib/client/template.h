/* template.h - text with members of a message in it: '{_ts} {user_id}: {text}'
 *
 * `{name}` is a member, `{a.b}` and `{tags.0}` reach inside, `{}` is the whole payload,
 * `{_ts:time}` writes milliseconds as RFC 3339. `{room}` falls back to `_room`. `{{` and `}}` are
 * braces; `\n`, `\t`, `\0` and `\\` are what they are in C. A member that is absent is empty;
 * strings come without quotes, everything else as JSON. */
#ifndef RT_CLIENT_TEMPLATE_H
#define RT_CLIENT_TEMPLATE_H

#include "base/buf.h"
#include "base/err.h"

struct template;

/* `text` is copied. NULL and a sentence for a brace without its partner. */
struct template *template_new(const char *text, struct err *e);
/* Appends; `json` is looked into, `payload` is what `{}` stands for. `one_line`: see field_text. */
void template_expand(const struct template *t, struct str json, struct str payload, bool one_line,
	struct buf *out);
/* For file names: {room} alone is a member, and `room` its value. ERR_USAGE from
 * template_check_room else. */
int template_check_room(const struct template *t, struct err *e);
void template_expand_room(const struct template *t, struct str room, struct buf *out);
void template_free(struct template *t);

#endif
