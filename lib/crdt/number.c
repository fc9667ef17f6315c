/* number.c - JSON numbers: exact comparison, one text for one value
 *
 * The shortest digits that read back as the same double, in the layout of Python's repr: always
 * with a point or an exponent, so that 1.0 stays apart from 1. */
#include "crdt/number.h"
#include "base/err.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_real(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '.' || s.p[i] == 'e' || s.p[i] == 'E')
			return true;
	return false;
}

static double to_double(struct str s)
{
	char store[128], *text = store;
	struct buf b = { 0 };
	double d;

	if (s.n < sizeof(store)) {
		memcpy(store, s.p, s.n);
		store[s.n] = '\0';
	} else {
		buf_add_str(&b, s);
		buf_cstr(&b);
		text = b.p;
	}
	d = strtod(text, NULL);
	buf_fini(&b);
	return d;
}

int number_parse(struct number *n, struct str text)
{
	*n = (struct number){ .real = is_real(text) };
	if (n->real) {
		n->d = to_double(text);
		return isfinite(n->d) ? 0 : ERR_TOO_LARGE;
	}
	n->negative = text.n > 0 && text.p[0] == '-';
	if (str_u64(str_skip(text, n->negative), &n->u) != 0)
		return ERR_TOO_LARGE;
	n->negative = n->negative && n->u > 0;
	return 0;
}

/* An integer against a double: the double is split, the integer never rounded. */
static int cmp_int_real(struct number i, double d)
{
	double whole = trunc(d);
	uint64_t u;

	if (i.negative != (d < 0) && (i.u > 0 || d != 0))
		return i.negative || d > 0 ? (i.negative ? -1 : i.u == 0 ? -1 : 1) : 1;
	if (fabs(whole) >= 18446744073709551616.0)
		return d < 0 ? 1 : -1;
	u = (uint64_t)fabs(whole);
	if (i.u != u)
		return (i.u < u) != i.negative ? -1 : 1;
	return d > whole ? -1 : d < whole ? 1 : 0;
}

int number_cmp(struct number a, struct number b)
{
	if (a.real && b.real)
		return (a.d > b.d) - (a.d < b.d);
	if (a.real)
		return -cmp_int_real(b, a.d);
	if (b.real)
		return cmp_int_real(a, b.d);
	if (a.negative != b.negative)
		return a.negative ? -1 : 1;
	return a.u == b.u ? 0 : (a.u < b.u) != a.negative ? -1 : 1;
}

/* Lays digits out: value = 0.DIGITS * 10^point. */
static void lay_out(struct buf *out, const char *digits, int n, int point)
{
	if (point > 16 || point < -3) {
		buf_add(out, digits, 1);
		if (n > 1) {
			buf_add_char(out, '.');
			buf_add(out, digits + 1, (size_t)n - 1);
		}
		buf_addf(out, "e%c%02d", point > 0 ? '+' : '-', point > 0 ? point - 1 : 1 - point);
		return;
	}
	if (point <= 0) {
		buf_add_text(out, "0.");
		for (int i = point; i < 0; i++)
			buf_add_char(out, '0');
		buf_add(out, digits, (size_t)n);
		return;
	}
	for (int i = 0; i < point || i < n; i++) {
		if (i == point)
			buf_add_char(out, '.');
		buf_add_char(out, i < n ? digits[i] : '0');
	}
	if (n <= point)
		buf_add_text(out, ".0");
}

/* The digits of d at a precision, or the next ones up, if they read back as d: near a power of two
 * the gap below is narrower than the one above, so the nearest digits may fail where the next do
 * not. */
static bool shortest_at(int precision, double d, char digits[24], int *exponent)
{
	char text[40], *e;
	uint64_t m = 0;

	snprintf(text, sizeof(text), "%.*e", precision, d);
	e = strchr(text, 'e');
	for (const char *p = text; p < e; p++)
		m = *p == '.' ? m : m * 10 + (uint64_t)(*p - '0');
	*exponent = atoi(e + 1);
	for (int up = 0; up < 2; up++) {
		snprintf(digits, 24, "%llu", (unsigned long long)m + (unsigned)up);
		snprintf(text, sizeof(text), "%se%d", digits, *exponent - precision);
		if (strtod(text, NULL) == d) {
			*exponent += (int)strlen(digits) - 1 - precision;
			return true;
		}
	}
	return false;
}

void number_add_double(struct buf *out, double d)
{
	char digits[24];
	int n, exponent;

	if (signbit(d))
		buf_add_char(out, '-');
	d = fabs(d);
	if (d == 0) {
		buf_add_text(out, "0.0");
		return;
	}
	/* All decimals of 15 digits differ as doubles, so the shortest is at most that with its
	 * zeros cut; subnormal ones have fewer. */
	for (int precision = d < DBL_MIN ? 0 : 14; precision <= 16; precision++)
		if (shortest_at(precision, d, digits, &exponent))
			break;
	n = (int)strlen(digits);
	while (n > 1 && digits[n - 1] == '0')
		n--;
	lay_out(out, digits, n, exponent + 1);
}

/* At most 15 significant digits, no exponent, in the range repr prints without one: such a text is
 * its own repr. */
static bool is_plain(struct str s)
{
	size_t i = s.n > 0 && s.p[0] == '-', point = s.n, digits = 0;

	if (s.n - i > 17 || s.n - i < 3 ||
		(s.p[i] == '0' && (s.p[i + 1] != '.' || s.p[i + 2] == '0')))
		return false;
	for (; i < s.n; i++) {
		if (s.p[i] == '.')
			point = i;
		else if (s.p[i] >= '0' && s.p[i] <= '9')
			digits++;
		else
			return false;
	}
	return digits <= 15 && point + 1 < s.n && (s.p[s.n - 1] != '0' || point + 2 == s.n);
}

int number_add(struct buf *out, struct str text)
{
	double d;

	if (!is_real(text)) {
		if (str_eq(text, STR("-0")))
			text = STR("0");
		buf_add_str(out, text);
		return 0;
	}
	if (is_plain(text)) {
		buf_add_str(out, text);
		return 0;
	}
	d = to_double(text);
	if (!isfinite(d))
		return ERR_TOO_LARGE;
	number_add_double(out, d);
	return 0;
}

void number_add_i128(struct buf *out, __int128 v)
{
	char text[48], *p = text + sizeof(text);
	unsigned __int128 u = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;

	do {
		*--p = (char)('0' + (int)(u % 10));
		u /= 10;
	} while (u > 0);
	if (v < 0)
		*--p = '-';
	buf_add(out, p, (size_t)(text + sizeof(text) - p));
}
