/* json.c - a document as a tree whose members are sorted
 *
 * Recursive descent with a bounded depth. It serves small documents and everything the fast paths
 * (fast.c) do not take; that is why it may build a tree. No value is interpreted here. */
#include "crdt/json.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

struct parse {
	struct json_reader *r;
	unsigned depth;
	struct json *up; /* the container being read, for paths */
	struct str name; /* of the member being read */
	bool named;
};

static struct json *value(struct parse *s);

uint64_t json_line(const struct json_reader *r, const char *at)
{
	uint64_t line = r->line;

	for (const char *p = r->begin; p < at && (p = memchr(p, '\n', (size_t)(at - p))); p++)
		line++;
	return line;
}

static void add_token(struct buf *out, struct str s)
{
	char brief[STR_BRIEF];

	buf_add_char(out, '/');
	if (s.n >= sizeof(brief))
		s = str_of(str_brief(s, brief, sizeof(brief)));
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '~')
			buf_add_text(out, "~0");
		else if (s.p[i] == '/')
			buf_add_text(out, "~1");
		else if (s.p[i] == '\0')
			buf_add_text(out, "\\0");
		else
			buf_add_char(out, s.p[i]);
	}
}

void json_path(struct buf *out, const struct json *v)
{
	size_t i = 0;

	if (!v || !v->up)
		return;
	json_path(out, v->up);
	if (v->up->type == JSON_OBJECT) {
		add_token(out, v->name);
		return;
	}
	for (const struct json *e = v->up->first; e && e != v; e = e->next)
		i++;
	buf_addf(out, "/%zu", i);
}

int json_find(
	struct json_reader *r, const struct json *v, enum crdt_code code, const char *fmt, ...)
{
	struct buf path = { 0 }, text = { 0 };
	va_list ap;
	int rc;

	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	json_path(&path, v);
	rc = crdt_find(r->report, code, json_line(r, v && v->at ? v->at : r->p), buf_cstr(&path),
		"%s", buf_cstr(&text));
	buf_fini(&path);
	buf_fini(&text);
	return rc;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static struct json *fail(struct parse *s, const char *at, enum crdt_code code, const char *what)
{
	struct json here = { .type = JSON_NULL, .name = s->name, .at = at, .up = s->up };
	size_t offset;

	if (s->up && s->up->type == JSON_OBJECT && !s->named)
		here = *s->up;
	else if (s->up && s->up->type == JSON_ARRAY)
		here.up = s->up;
	here.at = at < s->r->end ? at : s->r->end;
	offset = (size_t)(here.at - s->r->begin);
	/* What is missing is missing behind the last token, not in the line where that shows. */
	while (here.at > s->r->begin && is_space(here.at[-1]))
		here.at--;
	json_find(s->r, &here, code, "%s at byte %zu", what, offset);
	return NULL;
}

void json_skip_space(struct json_reader *r)
{
	while (r->p < r->end && is_space(*r->p))
		r->p++;
}

static struct json *node(struct parse *s, enum json_type type, const char *at)
{
	struct json *v = arena_alloc(s->r->arena, sizeof(*v));

	*v = (struct json){ .type = (uint8_t)type, .at = at, .up = s->up };
	return v;
}

/* --- strings ---------------------------------------------------------------------------------- */

static int hex4(const char *p, const char *end, uint32_t *out)
{
	uint32_t v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];
		int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
			c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

		if (d < 0)
			return -1;
		v = v << 4 | (uint32_t)d;
	}
	*out = v;
	return 0;
}

static char *put_rune(char *o, uint32_t c)
{
	if (c < 0x80) {
		*o++ = (char)c;
	} else if (c < 0x800) {
		*o++ = (char)(0xc0 | c >> 6);
		*o++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*o++ = (char)(0xe0 | c >> 12);
		*o++ = (char)(0x80 | (c >> 6 & 0x3f));
		*o++ = (char)(0x80 | (c & 0x3f));
	} else {
		*o++ = (char)(0xf0 | c >> 18);
		*o++ = (char)(0x80 | (c >> 12 & 0x3f));
		*o++ = (char)(0x80 | (c >> 6 & 0x3f));
		*o++ = (char)(0x80 | (c & 0x3f));
	}
	return o;
}

/* One escape behind its backslash; NULL when it is none. An escape is never shorter than what it
 * stands for. */
static const char *escape(const char *p, const char *end, char **o)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *hit;
	uint32_t c, low;

	if (p >= end)
		return NULL;
	if (*p == 'u') {
		if (hex4(p + 1, end, &c) != 0)
			return NULL;
		p += 5;
		if (c >= 0xd800 && c < 0xe000) {
			if (c >= 0xdc00 || end - p < 6 || p[0] != '\\' || p[1] != 'u' ||
				hex4(p + 2, end, &low) != 0 || low < 0xdc00 || low >= 0xe000)
				return NULL;
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			p += 6;
		}
		*o = put_rune(*o, c);
		return p;
	}
	hit = *p ? strchr(from, *p) : NULL;
	if (!hit)
		return NULL;
	*(*o)++ = to[hit - from];
	return p + 1;
}

/* At the quote; false: reported. */
static bool string(struct parse *s, struct str *out)
{
	struct json_reader *r = s->r;
	const char *begin = r->p + 1, *p = begin;
	bool escaped = false, high = false;
	char *o, *copy;

	for (; p < r->end && *p != '"'; p++) {
		if (*p == '\\') {
			escaped = true;
			p++;
		} else if ((unsigned char)*p < 0x20) {
			return fail(s, p, E_SYNTAX, "control character in a string");
		} else if ((unsigned char)*p >= 0x80) {
			high = true;
		}
	}
	if (p >= r->end)
		return fail(s, r->end, E_SYNTAX, "a string that does not end");
	r->p = p + 1;
	*out = str_make(begin, (size_t)(p - begin));
	if (high && !str_utf8(*out))
		return fail(s, begin, E_UTF8, "bytes that are not UTF-8 in a string");
	if (out->n > UINT32_MAX / 8)
		return fail(s, begin, E_LIMIT, "a string of more than 512 MiB");
	if (!escaped)
		return true;
	copy = o = arena_alloc(r->arena, out->n);
	for (p = begin; *p != '"';) {
		if (*p != '\\') {
			*o++ = *p++;
			continue;
		}
		const char *next = escape(p + 1, r->end, &o);
		if (!next)
			return fail(s, p, p[1] == 'u' ? E_UTF8 : E_SYNTAX, p[1] == 'u' ?
				"a broken or lone surrogate in an escape" : "an unknown escape");
		p = next;
	}
	*out = str_make(copy, (size_t)(o - copy));
	return true;
}

/* --- numbers and words ------------------------------------------------------------------------ */

static bool digit(const struct json_reader *r, const char *p)
{
	return p < r->end && *p >= '0' && *p <= '9';
}

#define NUMBER_MAX 4096

static struct json *long_number(struct parse *s, const char *begin, ptrdiff_t n)
{
	char what[96];

	snprintf(what, sizeof(what), "a number of %td characters, where %d are the most,", n,
		NUMBER_MAX);
	return fail(s, begin, E_LIMIT, what);
}

static struct json *number(struct parse *s)
{
	struct json_reader *r = s->r;
	const char *begin = r->p, *p = begin;
	enum json_type type = JSON_INT;
	struct json *v;

	p += *p == '-';
	if (!digit(r, p))
		return fail(s, begin, E_SYNTAX, "not a JSON value");
	if (*p == '0' && digit(r, p + 1))
		return fail(s, begin, E_SYNTAX, "a number with a leading zero");
	while (digit(r, p))
		p++;
	if (p < r->end && *p == '.') {
		type = JSON_REAL;
		if (!digit(r, ++p))
			return fail(s, begin, E_SYNTAX, "a number without digits behind its point");
		while (digit(r, p))
			p++;
	}
	if (p < r->end && (*p == 'e' || *p == 'E')) {
		type = JSON_REAL;
		p++;
		p += p < r->end && (*p == '+' || *p == '-');
		if (!digit(r, p))
			return fail(s, begin, E_SYNTAX, "a number without digits in its exponent");
		while (digit(r, p))
			p++;
	}
	if (p - begin > NUMBER_MAX)
		return long_number(s, begin, p - begin);
	v = node(s, type, begin);
	v->text = str_make(begin, (size_t)(p - begin));
	r->p = p;
	return v;
}

static struct json *word(struct parse *s, const char *text, enum json_type type)
{
	struct json_reader *r = s->r;
	size_t n = strlen(text);

	if ((size_t)(r->end - r->p) < n || memcmp(r->p, text, n) != 0)
		return fail(s, r->p, E_SYNTAX, "not a JSON value");
	r->p += n;
	return node(s, type, r->p - n);
}

/* --- containers ------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	const struct json *x = *(struct json *const *)a, *y = *(struct json *const *)b;
	size_t n = x->name.n < y->name.n ? x->name.n : y->name.n;
	int c = n > 0 ? memcmp(x->name.p, y->name.p, n) : 0;

	return c ? c : (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

/* Puts the members in order and looks for a name that comes twice. */
static bool sort_members(struct parse *s, struct json *object)
{
	struct json **all = mem_array(object->n, sizeof(*all)), **to = &object->first;
	struct json *twice = NULL;
	char brief[STR_BRIEF];
	size_t i = 0;

	for (struct json *m = object->first; m; m = m->next)
		all[i++] = m;
	qsort(all, object->n, sizeof(*all), by_name);
	for (i = 0; i < object->n; i++) {
		if (i > 0 && !twice && by_name(&all[i - 1], &all[i]) == 0)
			twice = all[i]->at > all[i - 1]->at ? all[i] : all[i - 1];
		*to = all[i];
		to = &all[i]->next;
	}
	*to = NULL;
	mem_free(all);
	if (twice)
		json_find(s->r, twice, E_DUPKEY, "the key '%s' comes twice",
			str_brief(twice->name, brief, sizeof(brief)));
	return !twice;
}

static struct json *container(struct parse *s, bool object)
{
	struct json_reader *r = s->r;
	struct json *v = node(s, object ? JSON_OBJECT : JSON_ARRAY, r->p), **to = &v->first,
		    *last = NULL;
	struct parse in = { .r = r, .depth = s->depth + 1, .up = v };
	char close = object ? '}' : ']';
	bool sorted = true;

	if (in.depth > r->max_depth)
		return fail(s, r->p, E_DEPTH, "nested too deeply");
	v->name = s->name;
	r->p++;
	json_skip_space(r);
	if (r->p < r->end && *r->p == close) {
		r->p++;
		return v;
	}
	for (;;) {
		struct json *e;

		in.named = false;
		if (object) {
			json_skip_space(r);
			if (r->p >= r->end || *r->p != '"')
				return fail(&in, r->p, E_SYNTAX, "a key was expected");
			if (!string(&in, &in.name))
				return NULL;
			in.named = true;
			json_skip_space(r);
			if (r->p >= r->end || *r->p != ':')
				return fail(&in, r->p, E_SYNTAX, "':' was expected");
			r->p++;
		}
		e = value(&in);
		if (!e)
			return NULL;
		e->name = in.name;
		*to = e;
		to = &e->next;
		v->n++;
		if (object && last && by_name(&last, &e) >= 0)
			sorted = false;
		last = e;
		json_skip_space(r);
		if (r->p < r->end && *r->p == ',') {
			r->p++;
			continue;
		}
		if (r->p < r->end && *r->p == close)
			break;
		in.named = false;
		return fail(&in, r->p, E_SYNTAX,
			object ? "',' or '}' was expected" : "',' or ']' was expected");
	}
	r->p++;
	return sorted || sort_members(s, v) ? v : NULL;
}

static struct json *value(struct parse *s)
{
	struct json_reader *r = s->r;
	struct json *v;
	const char *at;

	json_skip_space(r);
	if (r->p >= r->end)
		return fail(s, r->p, E_SYNTAX, "the document ends too early");
	switch (*r->p) {
	case '{': return container(s, true);
	case '[': return container(s, false);
	case 't': return word(s, "true", JSON_TRUE);
	case 'f': return word(s, "false", JSON_FALSE);
	case 'n': return word(s, "null", JSON_NULL);
	case '"':
		at = r->p;
		v = node(s, JSON_STRING, at);
		return string(s, &v->text) ? v : NULL;
	default: return number(s);
	}
}

struct json *json_read(struct json_reader *r)
{
	struct parse s = { .r = r };

	return value(&s);
}

struct json *json_get(const struct json *object, const char *name)
{
	if (object->type != JSON_OBJECT)
		return NULL;
	for (struct json *m = object->first; m; m = m->next)
		if (str_eq(m->name, str_of(name)))
			return m;
	return NULL;
}
