/* test_body.c - the reader of request bodies, at every split */
#include "unit/tap.h"

#include "base/buf.h"
#include "net/body.h"

#include <stdlib.h>

/* Feeds the n bytes in pieces: `at`, then `step` each, every piece in a block of just its size.
 * Returns the last result; `content` is what came out, `*used` how many bytes the body was. */
static int read_body(struct body *b, const char *p, size_t n, size_t at, size_t step,
	struct buf *content, size_t *used)
{
	struct err e = { 0 };
	size_t done = 0, piece = at;
	int rc = 0;

	content->n = 0;
	do {
		size_t give = n - done < piece ? n - done : piece;
		char *block = malloc(give ? give : 1);
		struct str in = str_make(block, give), data;

		if (!block)
			abort();
		memcpy(block, p + done, give);
		do {
			rc = body_next(b, &in, &data, &e);
			buf_add_str(content, data);
		} while (rc == 0 && in.n > 0);
		done += give - in.n;
		free(block);
		piece = step;
	} while (rc == 0 && done < n);
	*used = done;
	if (rc < 0 && (e.code == 0 || e.text[0] == '\0'))
		rc = -1;
	return rc;
}

static struct body begin(enum head_body kind, uint64_t length)
{
	struct head h = { .body = kind, .length = length };
	struct body b;

	body_init(&b, &h);
	return b;
}

static bool comes_out(struct body b, const char *p, size_t n, size_t at, size_t step, int want,
	struct str content, size_t used)
{
	struct buf got = { 0 };
	size_t took;
	int rc = read_body(&b, p, n, at, step, &got, &took);
	bool fine = rc == want && b.done == (rc == 1) &&
		(rc < 0 || (str_eq(buf_str(&got), content) && took == used));

	if (!fine)
		printf("# split %zu step %zu: %d, %zu bytes, '%.*s'\n", at, step, rc, took,
			(int)got.n, got.p);
	buf_fini(&got);
	return fine;
}

static bool at_every_split(struct body b, struct str in, int want, struct str content, size_t used)
{
	bool fine = true;

	for (size_t at = 0; fine && at <= in.n; at++)
		fine = comes_out(b, in.p, in.n, at, in.n, want, content, used);
	for (size_t step = 1; fine && step < 6; step++)
		fine = comes_out(b, in.p, in.n, step, step, want, content, used);
	return fine;
}

static void test_sized(void)
{
	struct str two = STR("helloGET / HTTP/1.1");
	struct str none = STR("");

	ok(at_every_split(begin(BODY_SIZED, 5), two, 1, STR("hello"), 5), "five bytes of many");
	ok(at_every_split(begin(BODY_SIZED, 5), STR("hello"), 1, STR("hello"), 5), "just five");
	ok(at_every_split(begin(BODY_SIZED, 6), STR("hello"), 0, STR("hello"), 5), "five of six");
	ok(at_every_split(begin(BODY_SIZED, 0), two, 1, none, 0), "no byte");
	ok(at_every_split(begin(BODY_NONE, 0), two, 1, none, 0), "no body");
	ok(at_every_split(begin(BODY_SIZED, 0), none, 1, none, 0), "no byte, and no input for it");
}

/* `more` is how many bytes at the end belong to the next request. */
static const struct chunked {
	const char *what, *text, *content;
	size_t more;
} good[] = {
	{ "one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello", 0 },
	{ "and the next request", "5\r\nhello\r\n0\r\n\r\nGET /", "hello", 5 },
	{ "two chunks", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc", 0 },
	{ "nothing", "0\r\n\r\n", "", 0 },
	{ "zeros", "000\r\n\r\n", "", 0 },
	{ "leading zeros", "0000000a\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0 },
	{ "upper case", "A\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0 },
	{ "CRLF in the content", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", 0 },
	{ "framing in the content", "5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n", 0 },
	{ "extensions", "1;a\r\nx\r\n1;a=b;c=\"d;e\"\r\ny\r\n0;z\r\n\r\n", "xy", 0 },
	{ "blanks before extensions", "1 \t; a = b\r\nx\r\n0\r\n\r\n", "x", 0 },
	{ "empty extension", "1;\r\nx\r\n0;\r\n\r\n", "x", 0 },
	{ "trailers", "1\r\nx\r\n0\r\nA: b\r\nContent-Length:\r\nc:\t d\xff\r\n\r\n", "x", 0 },
	{ "trailers and the next", "0\r\nA: b\r\n\r\nPOST", "", 4 },
};

static const struct broken {
	const char *what, *text;
	size_t n;
} broken[] = {
#define RAW(s) s, sizeof(s) - 1
	{ "no size", RAW("\r\nx\r\n") },
	{ "an extension for a size", RAW(";a\r\n") },
	{ "bare LF behind a size", RAW("1\nx\r\n0\r\n\r\n") },
	{ "bare CR behind a size", RAW("1\rx\r\n0\r\n\r\n") },
	{ "CR CR LF behind a size", RAW("1\r\r\nx\r\n0\r\n\r\n") },
	{ "bare LF in an extension", RAW("1;a\nx\r\n0\r\n\r\n") },
	{ "bare CR in an extension", RAW("1;a\rb\r\nx\r\n0\r\n\r\n") },
	{ "NUL in an extension", RAW("1;a\0\r\nx\r\n0\r\n\r\n") },
	{ "a sign", RAW("+1\r\nx\r\n0\r\n\r\n") },
	{ "a minus", RAW("-1\r\nx\r\n0\r\n\r\n") },
	{ "0x", RAW("0x1\r\nx\r\n0\r\n\r\n") },
	{ "a blank before a size", RAW(" 1\r\nx\r\n0\r\n\r\n") },
	{ "a blank behind a size", RAW("1 \r\nx\r\n0\r\n\r\n") },
	{ "two sizes", RAW("1 1\r\nx\r\n0\r\n\r\n") },
	{ "a comma", RAW("1,1\r\nx\r\n0\r\n\r\n") },
	{ "no digit", RAW("g\r\nx\r\n0\r\n\r\n") },
	{ "16 digits", RAW("0000000000000001\r\nx\r\n0\r\n\r\n") },
	{ "2^64", RAW("10000000000000000\r\nx\r\n0\r\n\r\n") },
	{ "2^64 - 1", RAW("ffffffffffffffff\r\nx\r\n0\r\n\r\n") },
	{ "2^64 + 1", RAW("10000000000000001\r\nx\r\n0\r\n\r\n") },
	{ "content too long", RAW("1\r\nxy\r\n0\r\n\r\n") },
	{ "bare LF behind content", RAW("1\r\nx\n0\r\n\r\n") },
	{ "bare CR behind content", RAW("1\r\nx\r0\r\n\r\n") },
	{ "nothing behind content", RAW("1\r\nx0\r\n\r\n") },
	{ "bare LF at the end", RAW("0\r\n\n") },
	{ "bare CR at the end", RAW("0\r\n\rx") },
	{ "bare LF in a trailer", RAW("0\r\nA: b\n\r\n") },
	{ "bare CR in a trailer", RAW("0\r\nA: b\rc\r\n\r\n") },
	{ "NUL in a trailer", RAW("0\r\nA: \0\r\n\r\n") },
	{ "a folded trailer", RAW("0\r\nA: b\r\n c\r\n\r\n") },
	{ "a trailer without ':'", RAW("0\r\nabc\r\n\r\n") },
	{ "a trailer without a name", RAW("0\r\n: b\r\n\r\n") },
	{ "space before ':' in a trailer", RAW("0\r\nA : b\r\n\r\n") },
	{ "a request as a trailer", RAW("0\r\nGET / HTTP/1.1\r\n\r\n") },
};

static void test_chunked(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct str in = str_of(good[i].text);

		ok(at_every_split(begin(BODY_CHUNKED, 0), in, 1, str_of(good[i].content),
			in.n - good[i].more), "chunked: %s", good[i].what);
		in.n -= good[i].more + 1;
		ok(at_every_split(begin(BODY_CHUNKED, 0), in, 0, str_of(good[i].content), in.n),
			"and without its last byte it is not done");
	}
}

static void test_broken(void)
{
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		ok(at_every_split(begin(BODY_CHUNKED, 0), str_make(broken[i].text, broken[i].n),
			-400, STR(""), 0), "refused: %s", broken[i].what);
}

static void test_broken_stays(void)
{
	struct body b = begin(BODY_CHUNKED, 0);
	struct str in = STR("x"), data;

	is_int(body_next(&b, &in, &data, NULL), -400, "broken");
	in = STR("1\r\nx\r\n0\r\n\r\n");
	is_int(body_next(&b, &in, &data, NULL), -400, "for good");
}

static void test_done_stays(void)
{
	struct body b = begin(BODY_CHUNKED, 0);
	struct str in = STR("0\r\n\r\nabc"), data;

	is_int(body_next(&b, &in, &data, NULL), 1, "done");
	is_int(body_next(&b, &in, &data, NULL), 1, "for good");
	is_text(in.p, in.n, "abc", "and takes nothing more");
	is_int(data.n, 0, "and gives nothing more");
}

static void test_views(void)
{
	struct body b = begin(BODY_CHUNKED, 0);
	const char *text = "5\r\nhello\r\n0\r\n\r\n";
	struct str in = str_of(text), data;

	is_int(body_next(&b, &in, &data, NULL), 0, "content before the end");
	ok(data.p == text + 3 && data.n == 5, "is a view of the input");
}

/* --- limits -------------------------------------------------------------------------------- */

static int feed(struct body *b, struct str in)
{
	struct str data;
	int rc;

	do {
		rc = body_next(b, &in, &data, NULL);
	} while (rc == 0 && in.n > 0);
	return rc;
}

static int feed_many(struct body *b, char c, size_t n)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = feed(b, str_make(&c, 1));
	return rc;
}

static void test_huge_chunk(void)
{
	struct body b = begin(BODY_CHUNKED, 0);

	is_int(feed(&b, STR("fffffffffffffff\r\nabc")), 0, "a chunk of 2^60 - 1 bytes begins");
	ok(b.left == (UINT64_C(1) << 60) - 4, "and is counted right");
}

static void test_long_lines(void)
{
	struct body b = begin(BODY_CHUNKED, 0);

	feed(&b, STR("1;"));
	is_int(feed_many(&b, 'x', BODY_LINE_MAX - 2), 0, "an extension of 4 KiB");
	is_int(feed(&b, STR("x")), -400, "and no longer");
	b = begin(BODY_CHUNKED, 0);
	feed(&b, STR("0\r\nA:"));
	is_int(feed_many(&b, 'x', BODY_LINE_MAX - 2), 0, "a trailer of 4 KiB");
	is_int(feed(&b, STR("x")), -400, "and no longer");
}

static void test_overhead(void)
{
	struct body b = begin(BODY_CHUNKED, 0);
	int rc = 0, n = 0;

	for (int i = 0; rc == 0 && i < 100000; i++)
		rc = feed(&b, STR("1\r\nx\r\n"));
	is_int(rc, 0, "a hundred thousand chunks of one byte");
	feed(&b, STR("0\r\n"));
	for (n = 0; rc == 0 && n < 10000; n++)
		rc = feed(&b, STR("A: b\r\n"));
	is_int(rc, -400, "trailers without end");
	ok(n > 1000, "but a good many");
	b = begin(BODY_CHUNKED, 0);
	rc = 0;
	for (n = 0; rc == 0 && n < 10000; n++) {
		rc = feed(&b, STR("1;"));
		if (rc == 0)
			rc = feed_many(&b, 'x', 1000);
		if (rc == 0)
			rc = feed(&b, STR("\r\nx\r\n"));
	}
	is_int(rc, -400, "long extensions of tiny chunks");
}

int main(void)
{
	test_sized();
	test_chunked();
	test_broken();
	test_broken_stays();
	test_done_stays();
	test_views();
	test_huge_chunk();
	test_long_lines();
	test_overhead();
	return tap_done();
}
