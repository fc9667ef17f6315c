/* The SSE reader: every case whole, split at every byte, and byte by byte. */
#include "client/sse.h"
#include "base/err.h"
#include "base/mem.h"
#include "tap.h"

static int note(void *arg, const struct sse_event *ev)
{
	struct buf *log = arg;

	buf_addf(log, "[" STR_FMT "|%s" STR_FMT "|%s" STR_FMT "]", STR_ARG(ev->event),
		ev->has_id ? "=" : "", STR_ARG(ev->id), ev->has_data ? "=" : "", STR_ARG(ev->data));
	return 0;
}

static int stop(void *arg, const struct sse_event *ev)
{
	(void)ev;
	++*(int *)arg;
	return -77;
}

#define CASE(name, text, want)                         \
	{                                              \
		name, { text, sizeof(text) - 1 }, want \
	}

static const struct {
	const char *name;
	struct str text;
	const char *want;
} cases[] = {
	CASE("one event", "data: a\n\n", "[||=a]"),
	CASE("CRLF", "data: a\r\n\r\n", "[||=a]"),
	CASE("CR", "data: a\r\rdata: b\r\r", "[||=a][||=b]"),
	CASE("mixed ends", "data: a\r\ndata: b\rdata: c\n\r\n", "[||=a\nb\nc]"),
	CASE("no space after the colon", "data:a\n\n", "[||=a]"),
	CASE("only one space goes", "data:  a\n\n", "[||= a]"),
	CASE("a field without colon", "data\n\n", "[||=]"),
	CASE("empty data lines", "data\ndata\n\n", "[||=\n]"),
	CASE("comments", ": hi\n:\n\n: x\ndata: a\n\n", "[||=a]"),
	CASE("a bare id", "id: 7\n\n", "[|=7|]"),
	CASE("an id is of its block alone", "id: 7\ndata: a\n\ndata: b\n\n", "[|=7|=a][||=b]"),
	CASE("an id that is reset", "id\n\n", "[|=|]"),
	CASE("an id with NUL is ignored", "id: a\0b\ndata: x\n\n", "[||=x]"),
	CASE("named", "event: gap\nid: 9\ndata: {}\n\n", "[gap|=9|={}]"),
	CASE("a name without data is nothing", "event: x\n\ndata: a\n\n", "[||=a]"),
	CASE("retry and the unknown", "retry: 10\nfoo: bar\ndata: a\n\n", "[||=a]"),
	CASE("names are exact", "Data: a\n data: b\ndata : c\n\n", ""),
	CASE("BOM",
		"\xef\xbb\xbf"
		"data: a\n\n",
		"[||=a]"),
	CASE("only one BOM",
		"\xef\xbb\xbf\xef\xbb\xbf"
		"data: a\n\n",
		""),
	CASE("not a BOM",
		"\xef\xbb"
		"data: a\ndata: b\n\n",
		"[||=b]"),
	CASE("unfinished", "data: a\n\ndata: b\n", "[||=a]"),
	CASE("colons in the value", "data: a:b: c\n\n", "[||=a:b: c]"),
	CASE("many empty lines", "\n\n\r\r\n\ndata: a\n\n\n\n", "[||=a]"),
};

static void check(size_t i, const size_t *cuts, size_t n_cuts, const char *how)
{
	struct buf log = { 0 };
	struct sse s;
	size_t from = 0;

	sse_init(&s, 1024);
	for (size_t k = 0; k <= n_cuts; k++) {
		size_t to = k < n_cuts ? cuts[k] : cases[i].text.n;
		/* A copy of its own, so that sanitizers see a read past its end. */
		char *piece = mem_strndup(cases[i].text.p + from, to - from);
		sse_feed(&s, str_make(piece, to - from), note, &log);
		mem_free(piece);
		from = to;
	}
	if (!str_eq(buf_str(&log), str_of(cases[i].want)))
		is_text(log.p, log.n, cases[i].want, "%s, %s", cases[i].name, how);
	sse_fini(&s);
	buf_fini(&log);
}

int main(void)
{
	struct sse s;
	int n = 0, r = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t every[256];
		int failed = tap_failed;

		check(i, NULL, 0, "whole");
		for (size_t cut = 0; cut <= cases[i].text.n; cut++) {
			check(i, &cut, 1, "in two");
			every[cut] = cut;
		}
		check(i, every, cases[i].text.n, "byte by byte");
		ok(tap_failed == failed, "%s", cases[i].name);
	}
	sse_init(&s, 16);
	is_int(sse_feed(&s, STR("data: 0123456789\n"), note, NULL), 0, "a line of the maximum");
	is_int(sse_feed(&s, STR("data: 01234567\n"), note, NULL), ERR_TOO_LARGE,
		"data over the maximum");
	sse_fini(&s);
	sse_init(&s, 16);
	while (r == 0 && n++ < 100)
		r = sse_feed(&s, STR(":abc"), note, NULL);
	is_int(r, ERR_TOO_LARGE, "a comment without end is bounded");
	sse_fini(&s);
	sse_init(&s, 16);
	n = 0;
	is_int(sse_feed(&s, STR("data: a\n\ndata: b\n\n"), stop, &n), -77,
		"what the callback returns ends the call");
	is_int(n, 1, "at once");
	sse_fini(&s);
	return tap_done();
}
