/* pretty.c - canonical text, laid out for people
 *
 * Canonical text has no whitespace outside of strings but the line feeds between documents, so this
 * looks at single bytes and validates nothing. */
#include "crdt/pretty.h"

static void new_line(const struct pretty *p, struct buf *out)
{
	buf_add_char(out, '\n');
	for (unsigned i = 0; i < p->depth; i++)
		buf_add_text(out, "  ");
}

/* The bytes of s that are in a string, with its quote. */
static size_t string_rest(struct pretty *p, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (p->escaped) {
			p->escaped = false;
		} else if (s.p[i] == '\\') {
			p->escaped = true;
		} else if (s.p[i] == '"') {
			p->in_string = false;
			return i + 1;
		}
	}
	return s.n;
}

static void add_byte(struct pretty *p, struct buf *out, char c)
{
	bool closes = c == '}' || c == ']';

	if (closes)
		p->depth--;
	if (p->opened != closes) /* what comes first inside, and a bracket that closes something */
		new_line(p, out);
	p->opened = c == '{' || c == '[';
	if (p->opened)
		p->depth++;
	buf_add_char(out, c);
	p->in_string = c == '"';
}

void pretty_add(struct pretty *p, struct buf *out, struct str text)
{
	while (text.n > 0) {
		size_t n = 1;
		char c = *text.p;

		if (p->in_string) {
			n = string_rest(p, text);
			buf_add(out, text.p, n);
		} else if (c == ',') {
			buf_add_char(out, c);
			new_line(p, out);
		} else if (c == ':') {
			buf_add_text(out, ": ");
		} else if (c == '\n') {
			buf_add_char(out, c);
		} else if (p->opened || c == '{' || c == '[' || c == '}' || c == ']' || c == '"') {
			add_byte(p, out, c);
		} else {
			buf_add_char(out, c);
		}
		text = str_skip(text, n);
	}
}
