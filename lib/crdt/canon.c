/* canon.c - the one text of a value
 *
 * json.c has sorted the members already, so this only writes. */
#include "crdt/canon.h"
#include "crdt/leaf.h"
#include "crdt/number.h"
#include "base/err.h"

int canon_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return c < 0 ? -1 : c > 0 ? 1 : (a.n > b.n) - (a.n < b.n);
}

void canon_string(struct buf *out, struct str s)
{
	static const char hex[] = "0123456789abcdef", from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	size_t done = 0;

	buf_reserve(out, s.n + 2);
	buf_add_char(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		const char *hit;

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_add(out, s.p + done, i - done);
		done = i + 1;
		hit = c ? strchr(from, c) : NULL;
		buf_add_char(out, '\\');
		if (hit) {
			buf_add_char(out, to[hit - from]);
		} else {
			buf_add_text(out, "u00");
			buf_add_char(out, hex[c >> 4]);
			buf_add_char(out, hex[c & 15]);
		}
	}
	if (s.n > done)
		buf_add(out, s.p + done, s.n - done);
	buf_add_char(out, '"');
}

void canon_component(struct buf *out, struct str component)
{
	struct str text = str_make(component.p, component.n - 2);
	struct buf decoded = { 0 };

	if (memchr(text.p, '\0', text.n)) {
		key_decode(&decoded, component);
		text = buf_str(&decoded);
	}
	canon_string(out, text);
	buf_fini(&decoded);
}

static int number(struct json_reader *r, struct buf *out, const struct json *v)
{
	struct number n;
	char brief[STR_BRIEF];

	if (number_add(out, v->text) != 0)
		return json_find(r, v, E_RANGE, "the number is too large for a double");
	if (v->type == JSON_INT && (number_parse(&n, v->text) != 0 || n.u > NUMBER_SAFE_MAX))
		json_find(r, v, W_UNSAFE_INT, "the integer %s is above 2^53-1",
			str_brief(v->text, brief, sizeof(brief)));
	return 0;
}

int canon_value(struct json_reader *r, struct buf *out, const struct json *v)
{
	int rc = 0;

	switch ((enum json_type)v->type) {
	case JSON_NULL: buf_add_text(out, "null"); break;
	case JSON_FALSE: buf_add_text(out, "false"); break;
	case JSON_TRUE: buf_add_text(out, "true"); break;
	case JSON_INT:
	case JSON_REAL: return number(r, out, v);
	case JSON_STRING: canon_string(out, v->text); break;
	case JSON_ARRAY:
		buf_add_char(out, '[');
		for (const struct json *e = v->first; e && rc == 0; e = e->next) {
			rc = canon_value(r, out, e);
			if (e->next)
				buf_add_char(out, ',');
		}
		buf_add_char(out, ']');
		break;
	case JSON_OBJECT:
		buf_add_char(out, '{');
		for (const struct json *m = v->first; m && rc == 0; m = m->next) {
			canon_string(out, m->name);
			buf_add_char(out, ':');
			rc = canon_value(r, out, m);
			if (m->next)
				buf_add_char(out, ',');
		}
		buf_add_char(out, '}');
		break;
	}
	return rc;
}
