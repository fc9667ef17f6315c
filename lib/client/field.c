/* field.c - a walk over JSON text that trusts its grammar but never its length
 *
 * A proven text needs no parser to be walked: a string ends at the first unescaped quote, a container where its brackets
 * balance outside strings, anything else before a comma, a bracket or a space. Nothing is allocated. */
#include "client/field.h"

#include "codec/scan.h"

static const char *skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* `p` is at the opening quote; returns what follows the closing one. */
static const char *skip_string(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '\\')
			p++;
		else if (*p == '"')
			return p + 1;
	}
	return end;
}

static const char *skip_container(const char *p, const char *end)
{
	int depth = 0;

	while (p < end) {
		if (*p == '"') {
			p = skip_string(p, end);
			continue;
		}
		if (*p == '{' || *p == '[')
			depth++;
		else if ((*p == '}' || *p == ']') && --depth == 0)
			return p + 1;
		p++;
	}
	return end;
}

static const char *skip_value(const char *p, const char *end)
{
	if (p < end && *p == '"')
		return skip_string(p, end);
	if (p < end && (*p == '{' || *p == '['))
		return skip_container(p, end);
	while (p < end && !strchr(",]} \t\r\n", *p))
		p++;
	return p;
}

/* Cuts the next value off `*rest`, with the comma that follows it. */
static bool next_value(struct str *rest, struct str *value)
{
	const char *end = rest->p + rest->n;
	const char *p = skip_space(rest->p, end), *q;

	if (p == end || *p == ']' || *p == '}')
		return false;
	q = skip_value(p, end);
	if (q == p)
		return false;
	*value = str_make(p, (size_t)(q - p));
	q = skip_space(q, end);
	if (q < end && (*q == ',' || *q == ':'))
		q++;
	*rest = str_make(q, (size_t)(end - q));
	return true;
}

bool field_each(struct str *rest, struct str *element)
{
	const char *end = rest->p + rest->n;
	const char *p = skip_space(rest->p, end);

	if (p < end && *p == '[' && rest->n > 0 && end[-1] == ']')
		*rest = str_make(p + 1, (size_t)(end - p - 2));
	return next_value(rest, element);
}

static struct str member(struct str object, struct str name)
{
	struct str rest = str_skip(object, 1), key, value;

	while (next_value(&rest, &key) && next_value(&rest, &value)) {
		if (key.n >= 2 && key.p[0] == '"' &&
				scan_name_is(str_make(key.p + 1, key.n - 2), name))
			return value;
	}
	return (struct str){ 0 };
}

static struct str item(struct str array, struct str index)
{
	struct str rest = str_skip(array, 1), value;
	uint64_t want;

	if (str_u64(index, &want) != 0)
		return (struct str){ 0 };
	while (next_value(&rest, &value)) {
		if (want-- == 0)
			return value;
	}
	return (struct str){ 0 };
}

struct str field_find(struct str json, struct str path)
{
	struct str at = json, name;

	if (path.n > 0 && path.p[0] == '.')
		path = str_skip(path, 1);
	while (path.p && at.p) {
		const char *p = skip_space(at.p, at.p + at.n);

		at = str_make(p, at.n - (size_t)(p - at.p));
		name = str_cut(path, '.', &path);
		if (at.n > 0 && at.p[0] == '{')
			at = member(at, name);
		else if (at.n > 0 && at.p[0] == '[')
			at = item(at, name);
		else
			return (struct str){ 0 };
	}
	return at;
}

bool field_is_string(struct str raw)
{
	return raw.n >= 2 && raw.p[0] == '"';
}

static unsigned hex4(const char *p)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];

		v = v << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
	}
	return v & 0xffff;
}

static void add_utf8(struct buf *out, unsigned c)
{
	if (c < 0x80) {
		buf_add_char(out, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_add_char(out, (char)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		buf_add_char(out, (char)(0xe0 | c >> 12));
		buf_add_char(out, (char)(0x80 | (c >> 6 & 63)));
	} else {
		buf_add_char(out, (char)(0xf0 | c >> 18));
		buf_add_char(out, (char)(0x80 | (c >> 12 & 63)));
		buf_add_char(out, (char)(0x80 | (c >> 6 & 63)));
	}
	buf_add_char(out, (char)(0x80 | (c & 63)));
}

/* One `\u` escape, or two for a pair; returns how many bytes it took. */
static size_t add_unicode(struct buf *out, const char *p, const char *end, bool one_line)
{
	unsigned c, low;

	if (end - p < 6) {
		buf_add(out, p, (size_t)(end - p));
		return (size_t)(end - p);
	}
	c = hex4(p + 2);
	if (one_line && (c < 0x20 || c == 0x7f)) {
		buf_add(out, p, 6);
		return 6;
	}
	if (c >= 0xd800 && c < 0xdc00 && end - p >= 12) {
		low = hex4(p + 8);
		add_utf8(out, 0x10000 + ((c - 0xd800) << 10) + ((low - 0xdc00) & 0x3ff));
		return 12;
	}
	add_utf8(out, c);
	return 6;
}

void field_text(struct buf *out, struct str raw, bool one_line)
{
	static const char from[] = "bfnrt\"\\/", to[] = "\b\f\n\r\t\"\\/";
	const char *p, *end;

	if (!field_is_string(raw)) {
		buf_add_str(out, raw);
		return;
	}
	p = raw.p + 1;
	end = raw.p + raw.n - 1;
	while (p < end) {
		const char *q = memchr(p, '\\', (size_t)(end - p)), *f;

		if (!q)
			q = end;
		buf_add(out, p, (size_t)(q - p));
		p = q;
		if (end - p < 2)
			break;
		if (p[1] == 'u') {
			p += add_unicode(out, p, end, one_line);
			continue;
		}
		f = strchr(from, p[1]);
		if (!f || (one_line && f - from < 5 && p[1] != 't'))
			buf_add(out, p, 2);
		else
			buf_add_char(out, to[f - from]);
		p += 2;
	}
}
