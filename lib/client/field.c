/* field.c - a walk over JSON text that trusts its grammar but never its length
 *
 * A proven text needs no parser to be walked: a string ends at the first unescaped quote, a
 * container where its brackets balance outside strings, anything else before a comma, a bracket or
 * a space. Nothing is allocated. */
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

/* The length of the escape at `p` when it stands for a control character other than tab, else 0. */
static size_t control_escape(const char *p, const char *end)
{
	if (end - p < 2)
		return 0;
	if (p[1] != 'u')
		return strchr("bfnr", p[1]) ? 2 : 0;
	if (end - p < 6 || p[2] != '0' || p[3] != '0')
		return 0;
	return p[4] == '0' || p[4] == '1' || (p[4] == '7' && (p[5] | 32) == 'f') ? 6 : 0;
}

static void unescape_one_line(struct buf *out, struct str s)
{
	const char *p = s.p, *from = s.p, *end = s.p + s.n;

	while (p < end && (p = memchr(p, '\\', (size_t)(end - p)))) {
		size_t n = control_escape(p, end);

		if (n > 0) {
			scan_unescape(out, str_make(from, (size_t)(p - from)));
			buf_add(out, p, n);
			from = p + n;
		}
		p += n ? n : 2;
	}
	scan_unescape(out, str_make(from, (size_t)(end - from)));
}

void field_text(struct buf *out, struct str raw, bool one_line)
{
	struct str inner;

	if (!field_is_string(raw)) {
		buf_add_str(out, raw);
		return;
	}
	inner = str_make(raw.p + 1, raw.n - 2);
	if (one_line)
		unescape_one_line(out, inner);
	else
		scan_unescape(out, inner);
}
