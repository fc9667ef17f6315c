/* buf.c - a growing run of bytes
 *
 * Only appending, dropping from the front and JSON's one string rule live here; every other format
 * is written by the module that knows it. What is appended must not lie inside the buffer itself:
 * growing moves it. */
#include "base/buf.h"
#include "base/mem.h"

#include <stdio.h>

#define FIRST_CAP 64

void buf_fini(struct buf *b)
{
	mem_free(b->p);
	*b = (struct buf){ 0 };
}

char *buf_reserve(struct buf *b, size_t more)
{
	size_t need, cap;

	if (more <= b->cap - b->n && b->p)
		return b->p + b->n;
	if (__builtin_add_overflow(b->n, more, &need))
		need = SIZE_MAX; /* mem_resize says it */
	cap = b->cap <= SIZE_MAX / 2 ? b->cap * 2 : SIZE_MAX;
	if (cap < need)
		cap = need;
	if (cap < FIRST_CAP)
		cap = FIRST_CAP;
	b->p = mem_resize(b->p, cap, 1);
	b->cap = cap;
	return b->p + b->n;
}

void buf_add_u64(struct buf *b, uint64_t v)
{
	char digits[20], *at = digits + sizeof(digits);

	do
		*--at = (char)('0' + v % 10);
	while (v /= 10);
	buf_add(b, at, (size_t)(digits + sizeof(digits) - at));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_addv(b, fmt, ap);
	va_end(ap);
}

void buf_addv(struct buf *b, const char *fmt, va_list ap)
{
	char *at = buf_reserve(b, 1);
	size_t room = b->cap - b->n;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(at, room, fmt, ap);
	if (n > 0 && (size_t)n >= room)
		n = vsnprintf(buf_reserve(b, (size_t)n + 1), (size_t)n + 1, fmt, again);
	va_end(again);
	if (n > 0)
		b->n += (size_t)n;
}

static void add_json_control(struct buf *b, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";

	switch (c) {
	case '\b': buf_add(b, "\\b", 2); break;
	case '\f': buf_add(b, "\\f", 2); break;
	case '\n': buf_add(b, "\\n", 2); break;
	case '\r': buf_add(b, "\\r", 2); break;
	case '\t': buf_add(b, "\\t", 2); break;
	default:
		buf_add(b, "\\u00", 4);
		buf_add_char(b, hex[c >> 4]);
		buf_add_char(b, hex[c & 15]);
	}
}

static bool json_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

void buf_add_json(struct buf *b, struct str s)
{
	uint32_t rune;
	size_t n;

	buf_add_char(b, '"');
	while (s.n > 0) {
		for (n = 0; n < s.n && json_plain((unsigned char)s.p[n]); n++)
			;
		buf_add(b, s.p, n);
		s = str_skip(s, n);
		if (s.n == 0)
			break;
		n = str_rune(s, &rune);
		if (rune == STR_BROKEN) {
			buf_add_text(b, "\xef\xbf\xbd");
		} else if (rune < 0x20) {
			add_json_control(b, (unsigned char)rune);
		} else {
			if (rune < 0x80)
				buf_add_char(b, '\\');
			buf_add(b, s.p, n);
		}
		s = str_skip(s, n);
	}
	buf_add_char(b, '"');
}

void buf_add_base64(struct buf *b, struct str s)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < s.n; i += 3) {
		size_t left = s.n - i;
		uint32_t v = (uint32_t)(unsigned char)s.p[i] << 16;

		if (left > 1)
			v |= (uint32_t)(unsigned char)s.p[i + 1] << 8;
		if (left > 2)
			v |= (unsigned char)s.p[i + 2];
		buf_add_char(b, digits[v >> 18]);
		buf_add_char(b, digits[v >> 12 & 63]);
		buf_add_char(b, left > 1 ? digits[v >> 6 & 63] : '=');
		buf_add_char(b, left > 2 ? digits[v & 63] : '=');
	}
}

void buf_drop(struct buf *b, size_t n)
{
	if (n == 0)
		return;
	b->n -= n;
	memmove(b->p, b->p + n, b->n);
}

const char *buf_cstr(struct buf *b)
{
	*buf_reserve(b, 1) = '\0';
	return b->p;
}

void buf_shrink(struct buf *b, size_t keep)
{
	if (b->n > 0 || b->cap <= keep)
		return;
	if (keep == 0) {
		buf_fini(b);
		return;
	}
	b->p = mem_resize(b->p, keep, 1);
	b->cap = keep;
}
