#include "base/line.h"
#include "model.h"
#include "tap.h"

#include <stdlib.h>

static void feed(struct line *l, const char *p, size_t n)
{
	size_t room;

	if (n > 0)
		memcpy(line_space(l, n, &room), p, n);
	line_filled(l, n);
}

/* All lines of a text fed in pieces of `piece` bytes, joined: "[a][b]!" with '!' for too long. */
static void join(struct buf *out, struct str text, size_t piece, size_t max, bool keep_empty)
{
	struct line l;
	struct str s;
	enum line_result r;

	line_init(&l, max);
	l.keep_empty = keep_empty;
	for (size_t at = 0;; at += piece) {
		size_t n = at < text.n ? text.n - at : 0;
		bool eof = n == 0;

		feed(&l, text.p + (eof ? 0 : at), n < piece ? n : piece);
		while ((r = line_next(&l, eof, &s)) != LINE_NONE) {
			if (r == LINE_TOO_LONG) {
				buf_addf(out, "!%d", (int)l.number);
				continue;
			}
			buf_addf(out, "[%d:", (int)l.number);
			buf_add_str(out, s);
			buf_add_char(out, ']');
		}
		if (eof)
			break;
	}
	line_fini(&l);
}

static void lines_are_str(
	struct str text, size_t max, bool keep_empty, struct str want, const char *what)
{
	bool held = true;
	struct buf b = { 0 };

	for (size_t piece = 1; piece <= text.n + 1 && held; piece++) {
		b.n = 0;
		join(&b, text, piece, max, keep_empty);
		held = str_eq(buf_str(&b), want);
		if (!held)
			printf("# pieces of %zu: %s\n", piece, buf_cstr(&b));
	}
	ok(held, "%s", what);
	buf_fini(&b);
}

static void lines_are(struct str text, size_t max, bool keep, const char *want, const char *what)
{
	lines_are_str(text, max, keep, str_of(want), what);
}

static void test_cases(void)
{
	lines_are(STR(""), 10, false, "", "nothing");
	lines_are(STR("\n"), 10, false, "", "one empty line is skipped");
	lines_are(STR("\n"), 10, true, "[1:]", "or kept");
	lines_are(STR("a"), 10, false, "[1:a]", "a last line without its end");
	lines_are(STR("a\nb\n"), 10, true, "[1:a][2:b]", "no line behind the last LF");
	lines_are(STR("a\r\nb\rc\r\n"), 10, false, "[1:a][2:b\rc]", "CRLF; a CR inside stays");
	lines_are(STR("a\r\r\n"), 10, false, "[1:a\r]", "one CR belongs to the end");
	lines_are(STR("a\r"), 10, false, "[1:a]", "also at the end of input");
	lines_are(STR("\r\n\n\nx"), 10, false, "[4:x]", "empty lines are counted");
	lines_are(STR("\r"), 10, false, "", "a lone CR at the end is an empty line");
	lines_are(STR("12345\n"), 5, false, "[1:12345]", "exactly max");
	lines_are(STR("12345\r\n"), 5, false, "[1:12345]", "the end does not count");
	lines_are(STR("123456\nb\n"), 5, false, "!1[2:b]", "one more is too long");
	lines_are(STR("12345\rx\nb"), 5, false, "!1[2:b]", "a CR that was not the end counts");
	lines_are(STR("12345\r\r\nb"), 5, false, "!1[2:b]", "nor does it twice");
	lines_are(STR("123456789012345\n\nb\n"), 5, false, "!1[3:b]", "the rest is skipped");
	lines_are(STR("a\n123456789012345"), 5, false, "[1:a]!2", "too long at the end of input");
	lines_are(STR("123456\r"), 5, false, "!1", "and with a CR there");
	lines_are(STR("x\n\n"), 0, false, "!1", "a max of 0");
	lines_are_str(str_make("a\0b\n\0\n", 6), 10, false, STR("[1:a\0b][2:\0]"), "NUL");
}

/* What line_next promises, over the whole text at once. */
static void naive(struct buf *out, struct str text, size_t max, bool keep_empty)
{
	int number = 0;

	while (text.n > 0) {
		struct str rest, s = str_cut(text, '\n', &rest);

		text = rest;
		number++;
		if (s.n > 0 && s.p[s.n - 1] == '\r')
			s.n--;
		if (s.n > max) {
			buf_addf(out, "!%d", number);
		} else if (s.n > 0 || keep_empty) {
			buf_addf(out, "[%d:", number);
			buf_add_str(out, s);
			buf_add_char(out, ']');
		}
	}
}

static void test_model(void)
{
	static const char alphabet[] = "aab\n\n\r\0";
	uint64_t seed = 5;
	char text[400];
	struct buf got = { 0 }, want = { 0 };
	int i, bytes = 0;

	for (i = 0; i < 20000; i++) {
		size_t n = draw_below(&seed, sizeof(text)), max = draw_below(&seed, 12);
		unsigned few = 1 + draw_below(&seed, sizeof(alphabet) - 1);
		bool keep = draw_below(&seed, 2);

		for (size_t k = 0; k < n; k++)
			text[k] = draw_below(&seed, 4) ? 'x' : alphabet[draw_below(&seed, few)];
		got.n = want.n = 0;
		naive(&want, str_make(text, n), max, keep);
		join(&got, str_make(text, n), 1 + draw_below(&seed, 40), max, keep);
		if (!str_eq(buf_str(&got), buf_str(&want)))
			break;
		bytes += (int)n;
	}
	is_int(i, 20000, "random texts in random pieces agree with the whole (seed 5, %d bytes)",
		bytes);
	buf_fini(&got);
	buf_fini(&want);
}

static void test_bounds(void)
{
	struct line l;
	struct str s;
	char block[4096];
	int too_long = 0;

	memset(block, 'x', sizeof(block));
	line_init(&l, 1000);
	for (int i = 0; i < 2000; i++) {
		feed(&l, block, sizeof(block));
		too_long += line_next(&l, false, &s) == LINE_TOO_LONG;
	}
	is_int(too_long, 1, "8 MB without an end are one line too long");
	ok(l.buf.cap < 20000, "and are not kept (%zu bytes)", l.buf.cap);
	line_fini(&l);
	line_init(&l, SIZE_MAX);
	feed(&l, "a", 1);
	is_int(line_next(&l, false, &s), LINE_NONE, "no maximum at all");
	line_fini(&l);
}

int main(void)
{
	test_cases();
	test_model();
	test_bounds();
	return tap_done();
}
