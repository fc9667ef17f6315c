/* test_head.c - the reader of request heads: the hostile first, then the plain, at every split */
#include "unit/tap.h"

#include "base/buf.h"
#include "net/head.h"

#include <stdlib.h>

#define R   "GET / HTTP/1.1\r\n"
#define P   "POST / HTTP/1.1\r\n"
#define H   "Host: h\r\n"
#define END "\r\n"

struct bad {
	const char *what;
	const char *text;
	size_t n; /* 0: strlen */
	int status;
};

#define RAW(s) s, sizeof(s) - 1

static const struct bad bad[] = {
	/* the request line */
	{ "bare LF everywhere", "GET / HTTP/1.1\nHost: h\n\n", 0, 400 },
	{ "bare LF in one header", R "Host: h\nA: b\r\n" END, 0, 400 },
	{ "bare LF as the empty line", R "Host: h\r\n\n", 0, 400 },
	{ "bare LF first", "\n" R H END, 0, 400 },
	{ "bare CR in the request line", "GET /\r HTTP/1.1\r\n" H END, 0, 400 },
	{ "bare CR as line end", "GET / HTTP/1.1\rHost: h\r\r", 0, 400 },
	{ "bare CR in a value", R H "A: b\rc\r\n" END, 0, 400 },
	{ "CR CR LF", R H "A: b\r\r\n" END, 0, 400 },
	{ "bare CR first", "\r" R H END, 0, 400 },
	{ "three empty lines first", "\r\n\r\n\r\n" R H END, 0, 400 },
	{ "blank line with a blank", " \r\n" R H END, 0, 400 },
	{ "no method", " / HTTP/1.1\r\n" H END, 0, 400 },
	{ "no target", "GET HTTP/1.1\r\n" H END, 0, 400 },
	{ "nothing but a method", "GET\r\n" H END, 0, 400 },
	{ "two spaces before the target", "GET  / HTTP/1.1\r\n" H END, 0, 400 },
	{ "two spaces before the version", "GET /  HTTP/1.1\r\n" H END, 0, 400 },
	{ "a space at the end", "GET / HTTP/1.1 \r\n" H END, 0, 400 },
	{ "a space in the target", "GET /a b HTTP/1.1\r\n" H END, 0, 400 },
	{ "tabs for spaces", "GET\t/\tHTTP/1.1\r\n" H END, 0, 400 },
	{ "tab in the target", "GET /\t HTTP/1.1\r\n" H END, 0, 400 },
	{ "vertical tab", "GET /\v HTTP/1.1\r\n" H END, 0, 400 },
	{ "HTTP/0.9", "GET /\r\n" END, 0, 400 },
	{ "version JUNK", "GET / JUNK\r\n" H END, 0, 400 },
	{ "lower-case version", "GET / http/1.1\r\n" H END, 0, 400 },
	{ "version without minor", "GET / HTTP/1\r\n" H END, 0, 400 },
	{ "version HTTP/1.10", "GET / HTTP/1.10\r\n" H END, 0, 400 },
	{ "version HTTP/1,1", "GET / HTTP/1,1\r\n" H END, 0, 400 },
	{ "version HTTP/+1.1", "GET / HTTP/+1.1\r\n" H END, 0, 400 },
	{ "version 1.0", "GET / HTTP/1.0\r\n" H END, 0, 505 },
	{ "version 1.2", "GET / HTTP/1.2\r\n" H END, 0, 505 },
	{ "version 2.0", "GET / HTTP/2.0\r\n" H END, 0, 505 },
	{ "version 0.9 spelled out", "GET / HTTP/0.9\r\n" H END, 0, 505 },
	{ "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, 505 },
	{ "a TLS hello", RAW("\x16\x03\x01\x02\x00\x01\x00"), 400 },
	{ "method with a '('", "GE(T / HTTP/1.1\r\n" H END, 0, 400 },
	{ "method with a high byte", "GE\xc3\xa4T / HTTP/1.1\r\n" H END, 0, 400 },
	{ "method in quotes", "\"GET\" / HTTP/1.1\r\n" H END, 0, 400 },
	{ "NUL in the method", RAW("GE\0T / HTTP/1.1\r\n" H END), 400 },
	{ "method get", "get / HTTP/1.1\r\n" H END, 0, 501 },
	{ "method Get", "Get / HTTP/1.1\r\n" H END, 0, 501 },
	{ "method GETT", "GETT / HTTP/1.1\r\n" H END, 0, 501 },
	{ "method M-SEARCH", "M-SEARCH / HTTP/1.1\r\n" H END, 0, 501 },
	{ "method CONNECT", "CONNECT h:80 HTTP/1.1\r\n" H END, 0, 405 },
	{ "method TRACE", "TRACE / HTTP/1.1\r\n" H END, 0, 405 },
	{ "method PATCH", "PATCH / HTTP/1.1\r\n" H END, 0, 405 },

	/* the target */
	{ "'*' with GET", "GET * HTTP/1.1\r\n" H END, 0, 400 },
	{ "'**' with OPTIONS", "OPTIONS ** HTTP/1.1\r\n" H END, 0, 400 },
	{ "'*' and a query", "OPTIONS *?a HTTP/1.1\r\n" H END, 0, 400 },
	{ "authority form with GET", "GET h:80 HTTP/1.1\r\n" H END, 0, 400 },
	{ "a relative path", "GET a/b HTTP/1.1\r\n" H END, 0, 400 },
	{ "a query alone", "GET ?a=b HTTP/1.1\r\n" H END, 0, 400 },
	{ "another scheme", "GET ftp://h/ HTTP/1.1\r\n" H END, 0, 400 },
	{ "scheme with one slash", "GET http:/h/ HTTP/1.1\r\n" H END, 0, 400 },
	{ "absolute, another host", "GET http://i/ HTTP/1.1\r\n" H END, 0, 400 },
	{ "absolute, another port", "GET http://h:81/ HTTP/1.1\r\n" H END, 0, 400 },
	{ "absolute, https against 80", "GET https://h/ HTTP/1.1\r\nHost: h:80\r\n" END, 0, 400 },
	{ "absolute, user in it", "GET http://u@h/ HTTP/1.1\r\n" H END, 0, 400 },
	{ "absolute, no host", "GET http:/// HTTP/1.1\r\n" H END, 0, 400 },
	{ "absolute, no Host header", "GET http://h/ HTTP/1.1\r\n" END, 0, 400 },
	{ "absolute, bad path", "GET http://h/.. HTTP/1.1\r\n" H END, 0, 400 },
	{ "absolute, fragment", "GET http://h#a HTTP/1.1\r\n" H END, 0, 400 },
	{ "fragment", "GET /#a HTTP/1.1\r\n" H END, 0, 400 },
	{ "fragment behind a query", "GET /?a#b HTTP/1.1\r\n" H END, 0, 400 },
	{ "raw NUL in the path", RAW("GET /\0 HTTP/1.1\r\n" H END), 400 },
	{ "encoded NUL alone", "GET /%00 HTTP/1.1\r\n" H END, 0, 400 },
	{ "encoded NUL inside", "GET /a%00b HTTP/1.1\r\n" H END, 0, 400 },
	{ "encoded NUL in the query", "GET /?a=%00 HTTP/1.1\r\n" H END, 0, 400 },
	{ "encoded LF", "GET /a%0ab HTTP/1.1\r\n" H END, 0, 400 },
	{ "encoded CR", "GET /a%0D HTTP/1.1\r\n" H END, 0, 400 },
	{ "encoded DEL", "GET /%7f HTTP/1.1\r\n" H END, 0, 400 },
	{ "..", "GET /.. HTTP/1.1\r\n" H END, 0, 400 },
	{ "/../", "GET /a/../b HTTP/1.1\r\n" H END, 0, 400 },
	{ "/..?", "GET /a/..?q HTTP/1.1\r\n" H END, 0, 400 },
	{ "/%2e%2e", "GET /%2e%2e HTTP/1.1\r\n" H END, 0, 400 },
	{ "/.%2E/", "GET /a/.%2E/b HTTP/1.1\r\n" H END, 0, 400 },
	{ "/.", "GET /. HTTP/1.1\r\n" H END, 0, 400 },
	{ "/./", "GET /./a HTTP/1.1\r\n" H END, 0, 400 },
	{ "/%2e/", "GET /%2e/a HTTP/1.1\r\n" H END, 0, 400 },
	{ "//", "GET // HTTP/1.1\r\n" H END, 0, 400 },
	{ "//host", "GET //evil/a HTTP/1.1\r\n" H END, 0, 400 },
	{ "/a//b", "GET /a//b HTTP/1.1\r\n" H END, 0, 400 },
	{ "/a//", "GET /a// HTTP/1.1\r\n" H END, 0, 400 },
	{ "encoded slash", "GET /a%2fb HTTP/1.1\r\n" H END, 0, 400 },
	{ "encoded slash, upper case", "GET /a%2Fb HTTP/1.1\r\n" H END, 0, 400 },
	{ "encoded slash and dots", "GET /..%2f.. HTTP/1.1\r\n" H END, 0, 400 },
	{ "overlong slash", "GET /..%c0%af HTTP/1.1\r\n" H END, 0, 400 },
	{ "half a character", "GET /%c3 HTTP/1.1\r\n" H END, 0, 400 },
	{ "%zz", "GET /%zz HTTP/1.1\r\n" H END, 0, 400 },
	{ "%", "GET /% HTTP/1.1\r\n" H END, 0, 400 },
	{ "%4", "GET /%4 HTTP/1.1\r\n" H END, 0, 400 },
	{ "%4 before a query", "GET /%4?1 HTTP/1.1\r\n" H END, 0, 400 },
	{ "%u0041", "GET /%u0041 HTTP/1.1\r\n" H END, 0, 400 },
	{ "% in the query", "GET /?% HTTP/1.1\r\n" H END, 0, 400 },
	{ "%zz in the query", "GET /?a=%zz HTTP/1.1\r\n" H END, 0, 400 },
	{ "backslash", "GET /a\\b HTTP/1.1\r\n" H END, 0, 400 },
	{ "raw UTF-8 in the path", "GET /\xc3\xa4 HTTP/1.1\r\n" H END, 0, 400 },
	{ "raw UTF-8 in the query", "GET /?\xc3\xa4 HTTP/1.1\r\n" H END, 0, 400 },
	{ "'<' in the path", "GET /<a> HTTP/1.1\r\n" H END, 0, 400 },

	/* headers */
	{ "folded with a space", R H "A: b\r\n c\r\n" END, 0, 400 },
	{ "folded with a tab", R H "A: b\r\n\tc\r\n" END, 0, 400 },
	{ "folded length", P H "Content-Length:\r\n 5\r\n" END, 0, 400 },
	{ "folded first header", R " " H END, 0, 400 },
	{ "a line of one space", R H " \r\n" END, 0, 400 },
	{ "space before ':'", P H "Content-Length : 5\r\n" END, 0, 400 },
	{ "tab before ':'", P H "Transfer-Encoding\t: chunked\r\n" END, 0, 400 },
	{ "no ':'", R H "Abc\r\n" END, 0, 400 },
	{ "no name", R H ": b\r\n" END, 0, 400 },
	{ "space in a name", R H "A B: c\r\n" END, 0, 400 },
	{ "a name in brackets", R H "A[]: c\r\n" END, 0, 400 },
	{ "a high byte in a name", R H "A\xa0: c\r\n" END, 0, 400 },
	{ "NUL in a name", RAW(R H "A\0: c\r\n" END), 400 },
	{ "NUL in a value", RAW(R H "A: b\0c\r\n" END), 400 },
	{ "control character in a value", R H "A: b\x01\r\n" END, 0, 400 },
	{ "escape in a value", R H "A: \x1b[2J\r\n" END, 0, 400 },
	{ "DEL in a value", R H "A: b\x7f\r\n" END, 0, 400 },

	/* Host */
	{ "no Host", R END, 0, 400 },
	{ "two Hosts", R H "Host: i\r\n" END, 0, 400 },
	{ "two equal Hosts", R H H END, 0, 400 },
	{ "two Hosts, other case", R H "hOST: h\r\n" END, 0, 400 },
	{ "empty Host", R "Host:\r\n" END, 0, 400 },
	{ "blank Host", R "Host:  \t\r\n" END, 0, 400 },
	{ "Host of two", R "Host: a, b\r\n" END, 0, 400 },
	{ "Host of two without a space", R "Host: a,b\r\n" END, 0, 400 },
	{ "Host with a path", R "Host: a/b\r\n" END, 0, 400 },
	{ "Host with a user", R "Host: u@a\r\n" END, 0, 400 },
	{ "Host with a scheme", R "Host: http://a\r\n" END, 0, 400 },
	{ "Host that is a port", R "Host: :80\r\n" END, 0, 400 },
	{ "Host with port 65536", R "Host: a:65536\r\n" END, 0, 400 },
	{ "Host with a signed port", R "Host: a:+80\r\n" END, 0, 400 },
	{ "Host with a named port", R "Host: a:http\r\n" END, 0, 400 },
	{ "Host with two ports", R "Host: a:1:2\r\n" END, 0, 400 },
	{ "Host in open brackets", R "Host: [::1\r\n" END, 0, 400 },
	{ "Host in empty brackets", R "Host: []\r\n" END, 0, 400 },
	{ "Host behind brackets", R "Host: [::1]a\r\n" END, 0, 400 },
	{ "Host with a name in brackets", R "Host: [xyz]\r\n" END, 0, 400 },

	/* framing */
	{ "POST without length", P H END, 0, 411 },
	{ "PUT without length", "PUT / HTTP/1.1\r\n" H END, 0, 411 },
	{ "two lengths", P H "Content-Length: 5\r\nContent-Length: 6\r\n" END, 0, 400 },
	{ "two equal lengths", P H "Content-Length: 5\r\ncontent-length: 5\r\n" END, 0, 400 },
	{ "length '5, 5'", P H "Content-Length: 5, 5\r\n" END, 0, 400 },
	{ "length '5,6'", P H "Content-Length: 5,6\r\n" END, 0, 400 },
	{ "length '+5'", P H "Content-Length: +5\r\n" END, 0, 400 },
	{ "length '-1'", P H "Content-Length: -1\r\n" END, 0, 400 },
	{ "length 'abc'", P H "Content-Length: abc\r\n" END, 0, 400 },
	{ "length '5abc'", P H "Content-Length: 5abc\r\n" END, 0, 400 },
	{ "length '0x5'", P H "Content-Length: 0x5\r\n" END, 0, 400 },
	{ "length '5.0'", P H "Content-Length: 5.0\r\n" END, 0, 400 },
	{ "length '5 5'", P H "Content-Length: 5 5\r\n" END, 0, 400 },
	{ "length '\"5\"'", P H "Content-Length: \"5\"\r\n" END, 0, 400 },
	{ "empty length", P H "Content-Length:\r\n" END, 0, 400 },
	{ "empty length of a GET", R H "Content-Length: \r\n" END, 0, 400 },
	{ "length of 16 digits", P H "Content-Length: 1000000000000000\r\n" END, 0, 400 },
	{ "length of 16 digits with zeros", P H "Content-Length: 0000000000000005\r\n" END, 0, 400 },
	{ "length 2^63", P H "Content-Length: 9223372036854775808\r\n" END, 0, 400 },
	{ "length 2^64", P H "Content-Length: 18446744073709551616\r\n" END, 0, 400 },
	{ "length 2^64 + 5", P H "Content-Length: 18446744073709551621\r\n" END, 0, 400 },
	{ "length of 40 digits", P H "Content-Length: 1111111111222222222233333333334444444444\r\n"
		END, 0, 400 },
	{ "length and chunked", P H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END, 0, 400 },
	{ "chunked and length", P H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" END, 0, 400 },
	{ "chunked and length 0", R H "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n" END, 0,
		400 },
	{ "unknown coding and length", P H "Transfer-Encoding: x\r\nContent-Length: 5\r\n" END, 0, 400 },
	{ "chunked in two headers", P H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"
		END, 0, 400 },
	{ "codings in two headers", P H "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n" END,
		0, 400 },
	{ "chunked, gzip", P H "Transfer-Encoding: chunked, gzip\r\n" END, 0, 400 },
	{ "chunked, chunked", P H "Transfer-Encoding: chunked, chunked\r\n" END, 0, 400 },
	{ "chunked, identity", P H "Transfer-Encoding: chunked, identity\r\n" END, 0, 400 },
	{ "chunked and a comma", P H "Transfer-Encoding: chunked,\r\n" END, 0, 400 },
	{ "gzip", P H "Transfer-Encoding: gzip\r\n" END, 0, 400 },
	{ "identity", P H "Transfer-Encoding: identity\r\n" END, 0, 400 },
	{ "xchunked", P H "Transfer-Encoding: xchunked\r\n" END, 0, 400 },
	{ "chunked in quotes", P H "Transfer-Encoding: \"chunked\"\r\n" END, 0, 400 },
	{ "chunked with a parameter", P H "Transfer-Encoding: chunked;q=1\r\n" END, 0, 400 },
	{ "chunked and a vertical tab", P H "Transfer-Encoding: chunked\v\r\n" END, 0, 400 },
	{ "chunked and a no-break space", P H "Transfer-Encoding: chunked\xa0\r\n" END, 0, 400 },
	{ "empty coding", P H "Transfer-Encoding:\r\n" END, 0, 400 },
	{ "gzip, chunked", P H "Transfer-Encoding: gzip, chunked\r\n" END, 0, 501 },
	{ "a comma and chunked", P H "Transfer-Encoding: ,chunked\r\n" END, 0, 501 },
	{ "Expect something else", P H "Content-Length: 1\r\nExpect: 200-ok\r\n" END, 0, 417 },
	{ "empty Expect", P H "Content-Length: 1\r\nExpect:\r\n" END, 0, 417 },
	{ "Expect twice, once badly", P H
		"Content-Length: 1\r\nExpect: 100-continue\r\nExpect: x\r\n" END, 0, 417 },
};

/* What is in `h`, in words. */
static void describe(struct buf *out, const struct head *h)
{
	static const char *const method[] = { "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS" };

	out->n = 0;
	buf_addf(out, "%s %s", method[h->method], h->path);
	if (h->query.p)
		buf_addf(out, " ?" STR_FMT, STR_ARG(h->query));
	buf_addf(out, " @" STR_FMT, STR_ARG(h->host));
	if (h->body == BODY_SIZED)
		buf_addf(out, " %llu bytes", (unsigned long long)h->length);
	buf_addf(out, "%s%s%s%s%s %d", h->body == BODY_CHUNKED ? " chunked" : "",
		h->keep_alive ? "" : " close", h->upgrade_websocket ? " websocket" : "",
		h->upgrade_other ? " other" : "", h->expect_continue ? " continue" : "",
		h->n_fields);
}

/* Everything, for comparing two readings of the same bytes. */
static void describe_all(struct buf *out, const struct head *h)
{
	describe(out, h);
	buf_addf(out, "\n" STR_FMT " %zu\n", STR_ARG(h->target), h->path_n);
	for (int i = 0; i < h->n_fields; i++)
		buf_addf(out, "[" STR_FMT "] [" STR_FMT "]\n", STR_ARG(h->fields[i].name),
			STR_ARG(h->fields[i].value));
}

/* The bytes at the end of a block of just that size, for the sanitizer to watch. */
static char *exactly(const char *p, size_t n)
{
	char *block = malloc(n ? n : 1);

	if (!block)
		abort();
	memcpy(block, p, n);
	return block;
}

/* Reads n bytes given as prefixes: cut first at `at`, then every `step` bytes. Returns the result,
 * and what was read in `all`. */
static long read_in_steps(const char *p, size_t n, size_t at, size_t step, struct buf *all)
{
	struct head h;
	struct err e = { 0 };
	size_t scanned = 0;
	long rc = 0;

	all->n = 0;
	for (size_t have = at; rc == 0; have = have + step < n ? have + step : n) {
		char *block = exactly(p, have);

		memset(&h, 0x55, sizeof(h));
		rc = head_read(&h, block, have, &scanned, &e);
		if (rc > 0)
			describe_all(all, &h);
		if (rc < 0 && (e.code == 0 || e.text[0] == '\0'))
			rc = -1;
		free(block);
		if (have == n)
			break;
	}
	return rc;
}

/* Is the result the same at every split and byte by byte? */
static bool same_at_every_split(const char *p, size_t n, long want)
{
	struct buf whole = { 0 }, parts = { 0 };
	bool same = read_in_steps(p, n, n, n, &whole) == want;

	for (size_t at = 0; same && at <= n; at++)
		same = read_in_steps(p, n, at, n, &parts) == want &&
			str_eq(buf_str(&whole), buf_str(&parts));
	same = same && read_in_steps(p, n, 0, 1, &parts) == want &&
		str_eq(buf_str(&whole), buf_str(&parts));
	buf_fini(&whole);
	buf_fini(&parts);
	return same;
}

static void test_bad(void)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t n = bad[i].n ? bad[i].n : strlen(bad[i].text);

		ok(same_at_every_split(bad[i].text, n, -bad[i].status), "refused with %d: %s",
			bad[i].status, bad[i].what);
	}
}

static void test_early(void)
{
	static const char *const early[] = { "GET / HTTP/1.1\n", "\n", "GET /\x01", "GET /\rx",
		R "Host: h\n", R "A\x7f", "\r\n\r\n\r\n" };

	for (size_t i = 0; i < sizeof(early) / sizeof(early[0]); i++)
		ok(same_at_every_split(early[i], strlen(early[i]), -400),
			"refused before the head is complete (%zu)", i);
}

/* --- limits -------------------------------------------------------------------------------- */

static void add_many(struct buf *b, char c, size_t n)
{
	memset(buf_reserve(b, n), c, n);
	b->n += n;
}

static long read_buf(const struct buf *b)
{
	struct buf all = { 0 };
	long rc = read_in_steps(b->p, b->n, b->n, b->n, &all);

	buf_fini(&all);
	return rc;
}

static void test_size(void)
{
	struct buf b = { 0 };
	struct buf all = { 0 };

	for (int over = 0; over < 2; over++) {
		b.n = 0;
		buf_add_text(&b, R H "A: ");
		add_many(&b, 'x', HEAD_BYTES_MAX - b.n - 4 + (size_t)over);
		buf_add_text(&b, "\r\n\r\n");
		is_int(read_buf(&b), over ? -431 : HEAD_BYTES_MAX, "a head of %zu bytes", b.n);
		is_int(read_in_steps(b.p, b.n, 100, 97, &all), over ? -431 : HEAD_BYTES_MAX,
			"the same in pieces");
	}
	b.n = 0;
	buf_add_text(&b, R H "A: ");
	add_many(&b, 'x', HEAD_BYTES_MAX - 1 - b.n);
	is_int(read_buf(&b), 0, "16383 bytes may yet be a head");
	add_many(&b, 'x', 1);
	is_int(read_buf(&b), -431, "16384 bytes without an end are refused");
	b.n = 0;
	buf_add_text(&b, "GET /");
	add_many(&b, 'x', HEAD_BYTES_MAX);
	is_int(read_buf(&b), -414, "a request line of 16 KiB is refused as such");
	buf_fini(&b);
	buf_fini(&all);
}

static long read_target_of(size_t n, const char *front)
{
	struct buf b = { 0 };
	size_t begin;
	long rc;

	buf_add_text(&b, "GET ");
	begin = b.n;
	buf_add_text(&b, front);
	add_many(&b, 'x', n - (b.n - begin));
	buf_add_text(&b, " HTTP/1.1\r\n" H END);
	rc = read_buf(&b);
	buf_fini(&b);
	return rc;
}

static void test_targets(void)
{
	ok(read_target_of(HEAD_TARGET_MAX, "/?") > 0, "a target of 8192 bytes");
	is_int(read_target_of(HEAD_TARGET_MAX + 1, "/?"), -414, "a target of 8193 bytes");
	ok(read_target_of(HEAD_PATH_MAX - 1, "/") > 0, "a path of 1023 bytes");
	is_int(read_target_of(HEAD_PATH_MAX, "/"), -414, "a path of 1024 bytes");
}

static long read_headers_of(int n)
{
	struct buf b = { 0 };
	long rc;

	buf_add_text(&b, R H);
	for (int i = 1; i < n; i++)
		buf_addf(&b, "X-%d: %d\r\n", i, i);
	buf_add_text(&b, END);
	rc = read_buf(&b);
	buf_fini(&b);
	return rc;
}

static void test_counts(void)
{
	ok(read_headers_of(100) > 0, "100 headers");
	is_int(read_headers_of(101), -431, "101 headers");
	is_int(read_headers_of(1000), -431, "1000 headers");
}

/* --- what is taken ------------------------------------------------------------------------- */

static const struct good {
	const char *text, *want;
} good[] = {
	{ R H END, "GET / @h 1" },
	{ "\r\n" R H END, "GET / @h 1" },
	{ "\r\n\r\n" R H END, "GET / @h 1" },
	{ "HEAD /a/b/ HTTP/1.1\r\n" H END, "HEAD /a/b/ @h 1" },
	{ "DELETE /a HTTP/1.1\r\nHOST:h\r\n" END, "DELETE /a @h 1" },
	{ "OPTIONS * HTTP/1.1\r\n" H END, "OPTIONS * @h 1" },
	{ "OPTIONS / HTTP/1.1\r\n" H END, "OPTIONS / @h 1" },
	{ "GET /? HTTP/1.1\r\n" H END, "GET / ? @h 1" },
	{ "GET /?a=1&b=%20?/{|} HTTP/1.1\r\n" H END, "GET / ?a=1&b=%20?/{|} @h 1" },
	{ "GET /a+b;c&d=e,f@g:h HTTP/1.1\r\n" H END, "GET /a+b;c&d=e,f@g:h @h 1" },
	{ "GET /%61%2B%3f%25%2e%2e%2e HTTP/1.1\r\n" H END, "GET /a+?%... @h 1" },
	{ "GET /%252e%252e HTTP/1.1\r\n" H END, "GET /%2e%2e @h 1" },
	{ "GET /.well-known/..a/a.. HTTP/1.1\r\n" H END, "GET /.well-known/..a/a.. @h 1" },
	{ "GET /%c3%A4%f0%9f%98%80 HTTP/1.1\r\n" H END, "GET /\xc3\xa4\xf0\x9f\x98\x80 @h 1" },
	{ "GET http://h/a?b HTTP/1.1\r\n" H END, "GET /a ?b @h 1" },
	{ "GET HTTP://H:80/a HTTP/1.1\r\n" H END, "GET /a @h 1" },
	{ "GET http://h HTTP/1.1\r\nHost: H:80\r\n" END, "GET / @H:80 1" },
	{ "GET http://h?q HTTP/1.1\r\n" H END, "GET / ?q @h 1" },
	{ "GET https://h:443/a HTTP/1.1\r\n" H END, "GET /a @h 1" },
	{ "GET http://[::1]:8080/ HTTP/1.1\r\nHost: [::1]:8080\r\n" END, "GET / @[::1]:8080 1" },
	{ R "Host: \t 127.0.0.1:8080 \t \r\n" END, "GET / @127.0.0.1:8080 1" },
	{ R "Host: my_host.example:\r\n" END, "GET / @my_host.example: 1" },
	{ R H "A:\r\nB: \r\nC:  x y\t\r\nD: \xc3\xa4\xff:\r\n" END, "GET / @h 5" },
	{ P H "Content-Length: 5\r\n" END, "POST / @h 5 bytes 2" },
	{ P H "Content-Length: 0\r\n" END, "POST / @h 0 bytes 2" },
	{ P H "Content-Length: 005\r\n" END, "POST / @h 5 bytes 2" },
	{ P H "content-LENGTH:999999999999999\r\n" END, "POST / @h 999999999999999 bytes 2" },
	{ "PUT /a HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n" END, "PUT /a @h chunked 2" },
	{ R H "Content-Length: 3\r\n" END, "GET / @h 3 bytes 2" },
	{ R H "Transfer-Encoding: chunked\r\n" END, "GET / @h chunked 2" },
	{ R H "Connection: close\r\n" END, "GET / @h close 2" },
	{ R H "Connection: keep-alive, x\r\nConnection: a ,\tCLOSE\r\n" END, "GET / @h close 3" },
	{ R H "Connection: closed, not-close\r\n" END, "GET / @h 2" },
	{ R H "Connection: Upgrade\r\nUpgrade: websocket\r\n" END, "GET / @h websocket 3" },
	{ R H "Connection: keep-alive, upgrade\r\nUpgrade: h2c, WebSocket\r\n" END,
		"GET / @h websocket 3" },
	{ R H "Upgrade: websocket\r\n" END, "GET / @h 2" },
	{ R H "Connection: upgrade\r\n" END, "GET / @h 2" },
	{ R H "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n" END,
		"GET / @h other 4" },
	{ R H "Connection: upgrade\r\nUpgrade: websockets\r\n" END, "GET / @h other 3" },
	{ P H "Content-Length: 1\r\nExpect: 100-Continue\r\n" END, "POST / @h 1 bytes continue 3" },
	{ P H "Content-Length: 0\r\nExpect: 100-continue\r\n" END, "POST / @h 0 bytes 3" },
	{ P H "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n" END,
		"POST / @h chunked continue 3" },
	{ R H "Expect: 100-continue\r\n" END, "GET / @h 2" },
};

static void test_good(void)
{
	struct buf got = { 0 };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct head h;
		struct err e = { 0 };
		size_t n = strlen(good[i].text), scanned = 0;
		long rc = head_read(&h, good[i].text, n, &scanned, &e);

		got.n = 0;
		if (rc > 0)
			describe(&got, &h);
		else
			buf_add_text(&got, e.text);
		is_text(got.p, got.n, good[i].want, "taken: %s", good[i].want);
		ok(same_at_every_split(good[i].text, n, (long)n), "the same at every split");
	}
	buf_fini(&got);
}

static void test_pipelined(void)
{
	static const char text[] = R H END "\r\n" P H "Content-Length: 2\r\n" END "\r\n"
		"GET /third HTTP/1.1\r\n" H END;
	static const char *const want[] = { "GET / @h 1", "POST / @h 2 bytes 2", "GET /third @h 1" };
	struct buf got = { 0 };
	const char *p = text;
	size_t n = sizeof(text) - 1;

	for (int i = 0; i < 3; i++) {
		struct head h;
		size_t scanned = 0;
		long rc = head_read(&h, p, n, &scanned, NULL);

		if (!ok(rc > 0, "pipelined request %d", i))
			break;
		describe(&got, &h);
		is_text(got.p, got.n, want[i], "it is %s", want[i]);
		p += rc + (long)h.length;
		n -= (size_t)rc + h.length;
	}
	is_int(n, 0, "nothing is left");
	buf_fini(&got);
}

static void test_fields(void)
{
	static const char text[] = R H "A: 1\r\na: 2, Three\r\nEmpty:\r\nAB: x\r\n" END;
	struct head h;
	size_t scanned = 0;
	struct str s;

	is_int(head_read(&h, text, sizeof(text) - 1, &scanned, NULL), sizeof(text) - 1, "read");
	s = head_get(&h, STR("A"));
	is_text(s.p, s.n, "1", "the first of two");
	is_int(head_count(&h, STR("A")), 2, "two of them");
	is_int(head_count(&h, STR("x")), 0, "none of them");
	s = head_get(&h, STR("empty"));
	ok(s.p && s.n == 0, "an empty value is there");
	ok(!head_get(&h, STR("x")).p, "an absent one is not");
	ok(head_has_token(&h, STR("A"), STR("three")), "a token of the second");
	ok(head_has_token(&h, STR("A"), STR("1")), "a token of the first");
	ok(!head_has_token(&h, STR("A"), STR("thre")), "no part of a token");
	ok(!head_has_token(&h, STR("x"), STR("1")), "no token of nothing");
}

int main(void)
{
	test_bad();
	test_early();
	test_size();
	test_targets();
	test_counts();
	test_good();
	test_pipelined();
	test_fields();
	return tap_done();
}
