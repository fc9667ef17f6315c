/* escape.c - from escapes to the characters they stand for
 *
 * Apart from escape_check everything here reads strings that were proved, so it checks nothing. */
#include "codec/escape.h"

#include <stddef.h>
#include <string.h>

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four hex digits at p, or a fault. */
static int hex4(const uint8_t *p, const uint8_t *end)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		int d = p + i < end ? hex_digit(p[i]) : -1;
		if (d < 0)
			return ESCAPE_WRONG;
		v = v << 4 | d;
	}
	return v;
}

static bool is_high(int u)
{
	return (u & 0xfc00) == 0xd800;
}

static bool is_low(int u)
{
	return u >= 0 && (u & 0xfc00) == 0xdc00;
}

int escape_check(const uint8_t *p, const uint8_t *end)
{
	int u;

	if (end - p < 2)
		return ESCAPE_CUT;
	switch (p[1]) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't': return 2;
	case 'u': break;
	default: return ESCAPE_WRONG;
	}
	u = hex4(p + 2, end);
	if (u < 0)
		return ESCAPE_WRONG;
	if (is_low(u))
		return ESCAPE_LONE;
	if (!is_high(u))
		return 6;
	if (end - p < 12 || p[6] != '\\' || p[7] != 'u' || !is_low(hex4(p + 8, end)))
		return ESCAPE_LONE;
	return 12;
}

/* The character of the \u escape at *p, which moves past it. */
static uint32_t take_code_point(const uint8_t **p)
{
	const uint8_t *q = *p;
	uint32_t u = (uint32_t)hex4(q + 2, q + 6);

	*p = q + 6;
	if (!is_high((int)u))
		return u;
	*p = q + 12;
	return 0x10000 + ((u & 0x3ff) << 10) + ((uint32_t)hex4(q + 8, q + 12) & 0x3ff);
}

static unsigned utf8_put(uint32_t u, uint8_t out[4])
{
	if (u < 0x80) {
		out[0] = (uint8_t)u;
		return 1;
	}
	if (u < 0x800) {
		out[0] = (uint8_t)(0xc0 | u >> 6);
		out[1] = (uint8_t)(0x80 | (u & 0x3f));
		return 2;
	}
	if (u < 0x10000) {
		out[0] = (uint8_t)(0xe0 | u >> 12);
		out[1] = (uint8_t)(0x80 | (u >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (u & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | u >> 18);
	out[1] = (uint8_t)(0x80 | (u >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (u >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (u & 0x3f));
	return 4;
}

/* The character of an escape of two bytes. */
static uint8_t short_escape(uint8_t c)
{
	switch (c) {
	case 'b': return '\b';
	case 'f': return '\f';
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	default: return c;
	}
}

unsigned escape_take(const uint8_t **p, uint8_t out[4])
{
	const uint8_t *q = *p;

	if (*q != '\\') {
		out[0] = *q;
		*p = q + 1;
		return 1;
	}
	if (q[1] == 'u')
		return utf8_put(take_code_point(p), out);
	out[0] = short_escape(q[1]);
	*p = q + 2;
	return 1;
}

bool escape_equal(const uint8_t *a, const uint8_t *b)
{
	uint8_t spelt_a[4], spelt_b[4];
	unsigned n_a = 0, n_b = 0, i_a = 0, i_b = 0;

	for (;;) {
		bool end_a = i_a == n_a && *a == '"', end_b = i_b == n_b && *b == '"';
		if (end_a || end_b)
			return end_a && end_b;
		if (i_a == n_a) {
			n_a = escape_take(&a, spelt_a);
			i_a = 0;
		}
		if (i_b == n_b) {
			n_b = escape_take(&b, spelt_b);
			i_b = 0;
		}
		if (spelt_a[i_a++] != spelt_b[i_b++])
			return false;
	}
}
