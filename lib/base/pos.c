/* pos.c - positions as text and back
 *
 * One position has one text: leading zeros, capitals and a written-out hi of 0 are refused, so that
 * texts may be compared for equality. What a position means is the bus's business. */
#include "base/pos.h"
#include "base/err.h"

#define EPOCH_DIGITS 16

static size_t put_u64(char *out, uint64_t v)
{
	char digits[20], *at = digits + sizeof(digits);
	size_t n;

	do
		*--at = (char)('0' + v % 10);
	while (v /= 10);
	n = (size_t)(digits + sizeof(digits) - at);
	memcpy(out, at, n);
	return n;
}

size_t pos_format(char out[POS_TEXT_MAX], struct pos p)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (int shift = 60; shift >= 0; shift -= 4)
		out[n++] = hex[p.epoch >> shift & 15];
	out[n++] = '-';
	if (p.hi != 0) {
		n += put_u64(out + n, p.hi);
		out[n++] = '-';
	}
	n += put_u64(out + n, p.lo);
	out[n] = '\0';
	return n;
}

void buf_add_pos(struct buf *b, struct pos p)
{
	b->n += pos_format(buf_reserve(b, POS_TEXT_MAX), p);
}

static int parse_epoch(struct str s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n != EPOCH_DIGITS)
		return ERR_INVALID;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c >= '0' && c <= '9')
			v = v << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint64_t)(c - 'a' + 10);
		else
			return ERR_INVALID;
	}
	*out = v;
	return 0;
}

static int parse_number(struct str s, uint64_t *out)
{
	if (s.n > 1 && s.p[0] == '0')
		return ERR_INVALID;
	return str_u64(s, out);
}

int pos_parse(struct str s, struct pos *out)
{
	struct pos p = { 0 };
	struct str rest, last;
	struct str epoch = str_cut(s, '-', &rest);
	struct str first = str_cut(rest, '-', &last);

	if (parse_epoch(epoch, &p.epoch) < 0)
		return ERR_INVALID;
	if (last.p) {
		if (parse_number(first, &p.hi) < 0 || p.hi == 0)
			return ERR_INVALID;
		first = last;
	}
	if (parse_number(first, &p.lo) < 0)
		return ERR_INVALID;
	*out = p;
	return 0;
}
