/* scan.c - the pass that every message goes through once
 *
 * A validating scanner, not a parser: it builds no tree and converts no number. It walks the text
 * once, a token at a time, with the open arrays and objects on a small stack of its own, so that no
 * text can exhaust the C stack. Ordinary bytes of strings are skipped a block at a time (block.h),
 * and the block that ends a short name is also what its hash comes from (unique.h).
 *
 * The functions that move through the text take where they are and return where they end, or NULL
 * after fail(). */
#include "codec/scan.h"

#include "codec/block.h"
#include "codec/escape.h"
#include "codec/unique.h"

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Out of the way of the code that runs all the time. */
#define RARE __attribute__((noinline))
#define COLD __attribute__((noinline, cold))

enum fail {
	FAIL_NONE,
	FAIL_BYTE,
	FAIL_END,
	FAIL_EMPTY,
	FAIL_BOM,
	FAIL_NUMBER,
	FAIL_CONTROL,
	FAIL_ESCAPE,
	FAIL_SURROGATE,
	FAIL_UTF8,
	FAIL_NUL,
	FAIL_DUPLICATE,
	FAIL_DEPTH,
	FAIL_MARKS,
};

/* An open array or object; `object` is used for objects only. */
struct level {
	struct unique_object object;
	uint8_t close; /* the bracket that ends it */
};

struct parser {
	const uint8_t *base, *end;
	struct scan *s;
	struct scan_mark *open;       /* the reported member whose value is being read */
	struct scan_mark *want_comma; /* ... whose value has just ended */
	uint32_t comma;               /* the last one of the top-level object */
	bool newline;
	enum fail fail;
	const uint8_t *fail_at;
	struct level level[SCAN_DEPTH_MAX + 1]; /* [0] is outside of everything */
	struct unique unique;
};

_Static_assert(SCAN_DEPTH_MAX <= UNIQUE_DEPTH, "unique has room for the names of all levels");

static COLD const uint8_t *fail(struct parser *x, enum fail why, const uint8_t *at)
{
	x->fail = why;
	x->fail_at = at;
	return NULL;
}

/* The byte at `p` is not what the grammar allows there. */
static COLD const uint8_t *fail_byte(struct parser *x, const uint8_t *p)
{
	return fail(x, p == x->end ? FAIL_END : FAIL_BYTE, p);
}

/* --- strings --------------------------------------------------------------------------------- */

/* The sequence at p (a byte of 0x80 or above): its end, or NULL where it is not UTF-8. */
static inline const uint8_t *utf8_sequence(const uint8_t *p, const uint8_t *end)
{
	uint8_t low = 0x80, high = 0xbf; /* what the second byte may be: RFC 3629, section 4 */
	long n = *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;

	switch (*p) {
	case 0xe0: low = 0xa0; break;
	case 0xed: high = 0x9f; break;
	case 0xf0: low = 0x90; break;
	case 0xf4: high = 0x8f; break;
	}
	if (*p < 0xc2 || *p > 0xf4 || end - p < n || p[1] < low || p[1] > high)
		return NULL;
	for (int i = 2; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return NULL;
	}
	return p + n;
}

/* Past the escape at p. */
static const uint8_t *escape(struct parser *x, const uint8_t *p)
{
	int n = escape_check(p, x->end);

	switch (n) {
	case ESCAPE_CUT: return fail(x, FAIL_END, x->end);
	case ESCAPE_WRONG: return fail(x, FAIL_ESCAPE, p);
	case ESCAPE_LONE: return fail(x, FAIL_SURROGATE, p);
	default: return p + n;
	}
}

/* Past the characters at p that are not ASCII: where there is one there are many. */
static inline const uint8_t *utf8(struct parser *x, const uint8_t *p)
{
	do {
		const uint8_t *next = utf8_sequence(p, x->end);
		if (!next)
			return fail(x, FAIL_UTF8, p);
		p = next;
	} while (p < x->end && *p >= 0x80);
	return p;
}

/* The closing quote of the string whose content goes on at p. */
static RARE const uint8_t *string_rest(struct parser *x, const uint8_t *p)
{
	const uint8_t *end = x->end;

	while (p) {
		if (LIKELY(end - p >= BLOCK)) {
			unsigned n = block_plain(p);
			p += n;
			if (n == BLOCK)
				continue;
		} else {
			p += block_plain_tail(p, end);
			if (p == end)
				return fail(x, FAIL_END, p);
		}
		if (*p == '"')
			return p;
		if (*p == '\\')
			p = escape(x, p);
		else if (*p >= 0x80)
			p = utf8(x, p);
		else
			return fail(x, FAIL_CONTROL, p);
	}
	return NULL;
}

/* Past the closing quote of the string whose content begins at p. */
static inline const uint8_t *string(struct parser *x, const uint8_t *p)
{
	if (LIKELY(x->end - p >= BLOCK)) {
		unsigned n = block_plain(p);
		p += n;
		if (LIKELY(n < BLOCK && *p == '"'))
			return p + 1;
	}
	p = string_rest(x, p);
	return p ? p + 1 : NULL;
}

/* The closing quote and the hash of a name that is long, escaped, not ASCII, or broken. */
static RARE const uint8_t *name_rest(struct parser *x, const uint8_t *p, uint64_t *hash)
{
	const uint8_t *end = string_rest(x, p);

	if (end && !unique_hash(&x->unique, p, end, hash))
		return fail(x, FAIL_NUL, p);
	return end;
}

/* The closing quote of the name whose content begins at p, and which is new to the object. */
static inline const uint8_t *name(struct parser *x, struct unique_object *object, const uint8_t *p)
{
	const uint8_t *end;
	unsigned n = BLOCK;
	uint64_t hash;

	if (LIKELY(x->end - p >= UNIQUE_BLOCK))
		n = block_plain(p);
	if (LIKELY(n < BLOCK && p[n] == '"')) {
		end = p + n;
		hash = unique_hash_block(&x->unique, 0, p, n);
	} else {
		end = name_rest(x, p, &hash);
		if (!end)
			return NULL;
	}
	if (UNLIKELY(!unique_add(&x->unique, object, hash, (uint32_t)(p - x->base))))
		return fail(x, FAIL_DUPLICATE, p);
	return end;
}

/* --- the members that are reported ----------------------------------------------------------- */

static bool is_reported(const uint8_t *p, size_t n)
{
	switch (n) {
	case 4:
		if (memcmp(p, "type", 4) == 0 || memcmp(p, "data", 4) == 0)
			return true;
		break;
	case 5:
		if (memcmp(p, "event", 5) == 0 || memcmp(p, "since", 5) == 0)
			return true;
		break;
	case 7:
		if (memcmp(p, "user_id", 7) == 0)
			return true;
		break;
	}
	return n >= 2 && p[0] == '_' && p[1] >= 'a' && p[1] <= 'z';
}

/* As above for a name with escapes: its first bytes decide. */
static bool is_reported_escaped(const uint8_t *p, const uint8_t *end)
{
	uint8_t spelt[12];
	unsigned n = 0;

	while (p < end && n < 8)
		n += escape_take(&p, spelt + n);
	return is_reported(spelt, n);
}

/* A name of the top-level object; false when there are too many to report. */
static bool mark_name(struct parser *x, const uint8_t *p, const uint8_t *end)
{
	struct scan *s = x->s;
	size_t n = (size_t)(end - p);
	uint32_t index = s->n_members++;
	bool escaped;

	x->open = x->want_comma = NULL;
	if (n == 0 || !strchr("_tuesd\\", *p))
		return true;
	escaped = memchr(p, '\\', n);
	if (!(escaped ? is_reported_escaped(p, end) : is_reported(p, n)))
		return true;
	if (s->n_marks == SCAN_MARKS_MAX) {
		fail(x, FAIL_MARKS, p);
		return false;
	}
	x->open = &s->marks[s->n_marks++];
	*x->open = (struct scan_mark){
		.name = (uint32_t)(p - x->base),
		.name_n = (uint32_t)n,
		.name_escaped = escaped,
		.index = index,
		.comma_before = index ? x->comma : 0,
	};
	return true;
}

static enum scan_type type_at(uint8_t c)
{
	switch (c) {
	case '{': return SCAN_OBJECT;
	case '[': return SCAN_ARRAY;
	case '"': return SCAN_STRING;
	case 't': return SCAN_TRUE;
	case 'f': return SCAN_FALSE;
	case 'n': return SCAN_NULL;
	default: return SCAN_NUMBER;
	}
}

static void mark_value(struct parser *x, const uint8_t *p)
{
	x->open->value = (uint32_t)(p - x->base);
	x->open->type = (uint8_t)type_at(*p);
}

static void mark_value_end(struct parser *x, const uint8_t *p)
{
	x->open->value_n = (uint32_t)(p - x->base) - x->open->value;
	x->want_comma = x->open;
	x->open = NULL;
}

static void mark_comma(struct parser *x, const uint8_t *p)
{
	x->comma = (uint32_t)(p - x->base);
	if (x->want_comma)
		x->want_comma->comma_after = x->comma;
}

/* --- values ---------------------------------------------------------------------------------- */

/* Past the digits at p; NULL where there is none. */
static const uint8_t *digits(struct parser *x, const uint8_t *p)
{
	const uint8_t *begin = p;

	while (p < x->end && (unsigned)(*p - '0') < 10)
		p++;
	return p == begin ? fail(x, FAIL_NUMBER, p) : p;
}

/* Past the number at p, byte by byte. What may follow it is not decided here. */
static RARE const uint8_t *number_rest(struct parser *x, const uint8_t *p)
{
	const uint8_t *end = x->end;

	if (*p == '-')
		p++;
	if (p < end && *p == '0')
		p++;
	else if (!(p = digits(x, p)))
		return NULL;
	if (p < end && *p == '.' && !(p = digits(x, p + 1)))
		return NULL;
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		p = digits(x, p);
	}
	return p;
}

/* Past the number at p. One of up to 15 bytes without an exponent ends here, found from the places
 * of its digits; all others, and whatever is wrong with one, are left to number_rest. */
static inline const uint8_t *number(struct parser *x, const uint8_t *p)
{
	unsigned bits, i, n;

	if (x->end - p < 16)
		return number_rest(x, p);
	bits = ~block_digits(p); /* ones from bit 16 on */
	i = *p == '-';
	n = (unsigned)__builtin_ctz(bits >> i);
	if (n == 0 || (p[i] == '0' && n > 1))
		return number_rest(x, p);
	i += n;
	if (i < 15 && p[i] == '.') {
		n = (unsigned)__builtin_ctz(bits >> (i + 1));
		if (n == 0)
			return number_rest(x, p);
		i += 1 + n;
	}
	if (i > 15 || (p[i] | 0x20) == 'e' || p[i] == '.')
		return number_rest(x, p);
	return p + i;
}

static inline const uint8_t *literal(struct parser *x, const uint8_t *p, const char *word, size_t n)
{
	if (LIKELY((size_t)(x->end - p) >= n && memcmp(p, word, n) == 0))
		return p + n;
	while (p < x->end && *p == (uint8_t)*word) {
		p++;
		word++;
	}
	return fail_byte(x, p);
}

/* The first byte at or after p that is no whitespace; the end where there is none. */
static RARE const uint8_t *skip_space(struct parser *x, const uint8_t *p)
{
	for (; p < x->end; p++) {
		if (*p == '\n' || *p == '\r')
			x->newline = true;
		else if (*p != ' ' && *p != '\t')
			break;
	}
	return p;
}

static inline const uint8_t *token(struct parser *x, const uint8_t *p)
{
	if (UNLIKELY(p == x->end || *p <= ' '))
		return skip_space(x, p);
	return p;
}

static inline void level_open(struct parser *x, struct level *l, uint8_t close)
{
	l->close = close;
	if (close == '}')
		unique_open(&x->unique, &l->object);
}

static inline void level_close(struct parser *x, const struct level *l)
{
	if (l->close == '}')
		unique_close(&x->unique, &l->object);
}

/* Past a member's name and colon, to where its value begins. */
static inline const uint8_t *member(struct parser *x, struct level *l, const uint8_t *p)
{
	bool at_top = l == x->level + 1;
	const uint8_t *end;

	if (UNLIKELY(p == x->end || *p != '"'))
		return fail_byte(x, p);
	end = name(x, &l->object, p + 1);
	if (UNLIKELY(!end) || (at_top && !mark_name(x, p + 1, end)))
		return NULL;
	p = token(x, end + 1);
	if (UNLIKELY(p == x->end || *p != ':'))
		return fail_byte(x, p);
	p = token(x, p + 1);
	if (at_top && x->open && p < x->end)
		mark_value(x, p);
	return p;
}

/* Past the value at p, which is no whitespace. */
static const uint8_t *value(struct parser *x, const uint8_t *p, unsigned max_depth)
{
	const uint8_t *end = x->end;
	struct level *bottom = x->level, *top = bottom + max_depth, *l = bottom;

begin:
	if (UNLIKELY(p == end))
		return fail(x, FAIL_END, p);
	switch (*p) {
	case '"': p = string(x, p + 1); break;
	case 't': p = literal(x, p, "true", 4); break;
	case 'f': p = literal(x, p, "false", 5); break;
	case 'n': p = literal(x, p, "null", 4); break;
	case '{':
	case '[':
		if (l == top)
			return fail(x, FAIL_DEPTH, p);
		level_open(x, ++l, *p + 2); /* '}' and ']' come two after their openers */
		p = token(x, p + 1);
		if (p < end && *p == l->close)
			goto close;
		if (l->close == '}')
			goto member;
		goto begin;
	default:
		if (UNLIKELY(*p != '-' && (*p < '0' || *p > '9')))
			return fail(x, FAIL_BYTE, p);
		p = number(x, p);
	}
	if (UNLIKELY(!p))
		return NULL;
ended:
	if (l <= bottom + 1) {
		if (l == bottom)
			return p;
		if (x->open)
			mark_value_end(x, p);
	}
	p = token(x, p);
	if (UNLIKELY(p == end))
		return fail(x, FAIL_END, p);
	if (*p == ',') {
		if (l == bottom + 1)
			mark_comma(x, p);
		p = token(x, p + 1);
		if (l->close == '}')
			goto member;
		goto begin;
	}
	if (*p != l->close)
		return fail(x, FAIL_BYTE, p);
close:
	level_close(x, l--);
	p++;
	goto ended;
member:
	p = member(x, l, p);
	if (UNLIKELY(!p))
		return NULL;
	goto begin;
}

/* --- the whole text -------------------------------------------------------------------------- */

/* The name at p of a proved or unfinished string, cut to what a sentence can hold. */
static struct str excerpt(const struct parser *x, const uint8_t *p)
{
	const uint8_t *end = p;

	while (end < x->end && *end != '"' && end - p < 64)
		end += *end == '\\' && x->end - end >= 2 ? 2 : 1;
	while (end > p && end < x->end && (*end & 0xc0) == 0x80)
		end--;
	return str_make((const char *)p, (size_t)(end - p));
}

static int fail_unexpected(const struct parser *x, struct err *e, uint32_t at)
{
	uint8_t c = *x->fail_at;

	if (c > ' ' && c < 0x7f)
		return err_set(e, ERR_INVALID, "not JSON: unexpected '%c' at byte %u", c, at);
	return err_set(e, ERR_INVALID, "not JSON: unexpected byte 0x%02x at byte %u", c, at);
}

static COLD int explain(const struct parser *x, unsigned max_depth, struct err *e)
{
	uint32_t at = x->s->error_at = (uint32_t)(x->fail_at - x->base);

	switch (x->fail) {
	case FAIL_BYTE: return fail_unexpected(x, e, at);
	case FAIL_EMPTY: return err_set(e, ERR_INVALID, "not JSON: empty");
	case FAIL_BOM: return err_set(e, ERR_INVALID, "not JSON: begins with a byte order mark");
	case FAIL_NUMBER:
		return err_set(e, ERR_INVALID, "not JSON: a digit is missing at byte %u", at);
	case FAIL_CONTROL:
		return err_set(e, ERR_INVALID,
			"not JSON: control character 0x%02x in a string at byte %u", *x->fail_at,
			at);
	case FAIL_ESCAPE: return err_set(e, ERR_INVALID, "not JSON: no such escape at byte %u", at);
	case FAIL_SURROGATE:
		return err_set(e, ERR_INVALID, "not JSON: lone surrogate at byte %u", at);
	case FAIL_UTF8: return err_set(e, ERR_INVALID, "invalid UTF-8 at byte %u", at);
	case FAIL_NUL: return err_set(e, ERR_INVALID, "NUL in the name at byte %u", at);
	case FAIL_DUPLICATE:
		return err_set(e, ERR_INVALID, "duplicate name '" STR_FMT "' at byte %u",
			STR_ARG(excerpt(x, x->fail_at)), at);
	case FAIL_DEPTH:
		return err_set(
			e, ERR_TOO_LARGE, "nested deeper than %u levels at byte %u", max_depth, at);
	case FAIL_MARKS:
		return err_set(e, ERR_INVALID, "more than %d reserved members", SCAN_MARKS_MAX);
	case FAIL_NONE:
	case FAIL_END: break;
	}
	return err_set(e, ERR_INVALID, "not JSON: ends too early, at byte %u", at);
}

/* Fills x->s; false on failure. */
static bool scan_text(struct parser *x, unsigned max_depth)
{
	const uint8_t *p = skip_space(x, x->base);

	x->newline = false;
	if (p == x->end)
		return fail(x, FAIL_EMPTY, p);
	if (x->end - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		return fail(x, FAIL_BOM, p);
	x->s->begin = (uint32_t)(p - x->base);
	x->s->type = (uint8_t)type_at(*p);
	x->s->first_after = x->s->begin + 1;
	p = value(x, p, max_depth);
	if (!p)
		return false;
	x->s->end = (uint32_t)(p - x->base);
	x->s->has_newline = x->newline;
	p = skip_space(x, p);
	return p == x->end || fail(x, FAIL_BYTE, p);
}

int scan_json(struct scan *s, struct str text, unsigned max_depth, struct err *e)
{
	struct parser x; /* not cleared: its arrays are written before they are read */
	bool proved;

	s->n_members = 0;
	s->n_marks = 0;
	s->error_at = 0;
	if (text.n > SCAN_BYTES_MAX)
		return err_set(e, ERR_TOO_LARGE, "a text of %zu bytes is too large", text.n);
	if (max_depth > SCAN_DEPTH_MAX)
		max_depth = SCAN_DEPTH_MAX;
	x.base = (const uint8_t *)(text.n ? text.p : "");
	x.end = x.base + text.n;
	x.s = s;
	x.open = x.want_comma = NULL;
	x.comma = 0;
	x.newline = false;
	x.fail = FAIL_NONE;
	unique_begin(&x.unique, x.base);
	proved = scan_text(&x, max_depth);
	unique_end(&x.unique);
	return proved ? 0 : explain(&x, max_depth, e);
}

bool scan_name_is(struct str raw, struct str name)
{
	const uint8_t *p = (const uint8_t *)raw.p, *end = p + raw.n;
	uint8_t spelt[4];
	size_t at = 0;

	while (p < end) {
		unsigned n = escape_take(&p, spelt);
		if (name.n - at < n || memcmp(name.p + at, spelt, n) != 0)
			return false;
		at += n;
	}
	return at == name.n;
}

void scan_unescape(struct buf *out, struct str raw)
{
	const uint8_t *p = (const uint8_t *)raw.p, *end = p + raw.n;
	uint8_t spelt[4];

	while (p < end) {
		const uint8_t *slash = memchr(p, '\\', (size_t)(end - p));
		buf_add(out, p, (size_t)((slash ? slash : end) - p));
		p = slash ? slash : end;
		if (slash)
			buf_add(out, spelt, escape_take(&p, spelt));
	}
}
