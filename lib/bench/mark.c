/* mark.c - writing and finding marks */
#include "bench/mark.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The value of each digit and one more; 0: no digit. */
/* clang-format off */
static const uint8_t values[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6,
	['G'] = 7, ['H'] = 8, ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12,
	['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
	['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
	['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,
	['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
	['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
	['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
	['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54,
	['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,
	['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};
/* clang-format on */

enum { RUN = 6, STREAM = 4, NUMBER = 7, DUE = 10, AFTER = 8 };

static const char prefix[] = "rtb.";

#define PREFIX (sizeof(prefix) - 1)

_Static_assert(PREFIX + RUN + STREAM + NUMBER + DUE + AFTER == MARK_BYTES, "parts of a mark");

static char *put(char *p, uint64_t v, unsigned n)
{
	for (unsigned i = n; i-- > 0; v >>= 6)
		p[i] = digits[v & 63];
	return p + n;
}

void mark_write(char out[MARK_BYTES], const struct mark *m)
{
	const uint64_t most = (UINT64_C(1) << 6 * AFTER) - 1;

	memcpy(out, prefix, PREFIX);
	out = put(out + PREFIX, m->run, RUN);
	out = put(out, m->stream, STREAM);
	out = put(out, m->number, NUMBER);
	out = put(out, m->due_ns, DUE);
	put(out, m->after_ns < most ? m->after_ns : most, AFTER);
}

/* Values are or'ed into `bad` where a byte is no digit. */
static const char *get(const char *p, uint64_t *v, unsigned n, unsigned *bad)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned digit = values[(unsigned char)p[i]] - 1u;
		*bad |= digit & ~63u;
		sum = sum << 6 | (digit & 63);
	}
	*v = sum;
	return p + n;
}

static bool read_mark(const char *p, struct mark *m)
{
	unsigned bad = 0;
	uint64_t stream;

	p = get(p + PREFIX, &m->run, RUN, &bad);
	p = get(p, &stream, STREAM, &bad);
	p = get(p, &m->number, NUMBER, &bad);
	p = get(p, &m->due_ns, DUE, &bad);
	get(p, &m->after_ns, AFTER, &bad);
	m->stream = (uint32_t)stream;
	return !bad;
}

bool mark_find(struct str *text, struct mark *m)
{
	const char *p, *end = text->p + text->n;

	if (!text->n)
		return false; /* its p may be NULL */
	while ((p = memmem(text->p, (size_t)(end - text->p), prefix, PREFIX))) {
		*text = str_make(p, (size_t)(end - p));
		if (text->n < MARK_BYTES)
			return false;
		if (read_mark(p, m)) {
			*text = str_skip(*text, MARK_BYTES);
			return true;
		}
		*text = str_skip(*text, PREFIX);
	}
	if (text->n >= PREFIX)
		*text = str_skip(*text, text->n - (PREFIX - 1));
	return false;
}
