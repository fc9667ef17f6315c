/* head.c - a strict reader of HTTP/1.1 request heads
 *
 * Two passes. The first looks for the empty line that ends the head, remembers how far it got, and
 * lets only text and CRLF through; it fails at the first byte that can be in no head, so that a
 * peer which ends its lines in bare LF is told at once. The second runs when the head is complete
 * and takes it apart: request line, target, fields, and then what the fields say together (Host,
 * framing, connection), for request smuggling lives in what two readers combine differently.
 *
 * Not here: limits on the body, routes, what an Upgrade or an Origin is good for. */
#include "net/head.h"

#include "net/chars.h"

static const char *const methods[] = {
	[HTTP_GET] = "GET",   [HTTP_HEAD] = "HEAD",	[HTTP_POST] = "POST",
	[HTTP_PUT] = "PUT",   [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS",
};

static const char *const never_allowed[] = { "CONNECT", "TRACE", "PATCH" };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What an absolute target says about the server; text.p == NULL for the other forms. */
struct authority {
	struct str text;
	struct str default_port;
};

static int refuse(struct err *e, int status, const char *why)
{
	int code = status == 414 || status == 431 ? ERR_TOO_LARGE :
		status == 400 || status == 411    ? ERR_INVALID :
						    ERR_UNSUPPORTED;

	err_set(e, code, "%s", why);
	return -status;
}

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!char_is_token((unsigned char)s.p[i]))
			return false;
	return s.n > 0;
}

/* The byte that the escape at the front of `s`, which begins with '%', stands for; or -1. */
static int unescape(struct str s)
{
	int hi, lo;

	if (s.n < 3)
		return -1;
	hi = char_hex((unsigned char)s.p[1]);
	lo = char_hex((unsigned char)s.p[2]);
	return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

/* --- the end of the head ------------------------------------------------------------------- */

/* RFC 9112 2.2: empty lines before a request are a relic that a server should forgive. */
static size_t skip_empty_lines(const char *p, size_t n)
{
	size_t at = 0;

	while (at < 4 && n - at >= 2 && p[at] == '\r' && p[at + 1] == '\n')
		at += 2;
	return at;
}

/* Returns where the head that begins at `start` ends, 0 when not within n bytes, or -400. */
static long find_end(const char *p, size_t start, size_t n, size_t *scanned, struct err *e)
{
	size_t i = *scanned > start ? *scanned : start;

	for (;;) {
		while (i < n && char_is_text((unsigned char)p[i]))
			i++;
		*scanned = i;
		if (i == n)
			return 0;
		if (p[i] == '\n')
			return refuse(e, 400, "a line of the head ends in a bare LF");
		if (p[i] != '\r')
			return refuse(e, 400, "the head has a control character");
		if (i + 1 == n)
			return 0;
		if (p[i + 1] != '\n')
			return refuse(e, 400, "the head has a bare CR");
		if (i == start)
			return refuse(e, 400, "too many empty lines before the request");
		if (p[i - 1] == '\n')
			return (long)i + 2;
		i += 2;
	}
}

/* --- the request line ---------------------------------------------------------------------- */

static int read_method(struct head *h, struct str s, struct err *e)
{
	for (size_t i = 0; i < COUNT(methods); i++) {
		if (str_eq(s, str_of(methods[i]))) {
			h->method = (enum head_method)i;
			return 0;
		}
	}
	for (size_t i = 0; i < COUNT(never_allowed); i++)
		if (str_eq(s, str_of(never_allowed[i])))
			return refuse(e, 405, "this method is allowed nowhere here");
	return refuse(e, 501, "this method is not known");
}

/* HTTP-version, RFC 9112 2.3 */
static int check_version(struct str s, struct err *e)
{
	if (str_eq(s, STR("HTTP/1.1")))
		return 0;
	if (s.n == 8 && str_starts(s, STR("HTTP/")) && char_is_digit((unsigned char)s.p[5]) &&
		s.p[6] == '.' && char_is_digit((unsigned char)s.p[7]))
		return refuse(e, 505, "only HTTP/1.1 is spoken here");
	return refuse(e, 400, "the request line does not end in an HTTP version");
}

/* Segment by segment: nothing empty (but the last), no "." and no "..". On the decoded path, in
 * which every '/' was one in the raw path, so that "%2e%2e" is found as well. */
static bool is_normal(struct str path)
{
	struct str rest = str_skip(path, 1), segment;

	do {
		segment = str_cut(rest, '/', &rest);
		if (segment.n == 0 && rest.p)
			return false;
		if (str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
			return false;
	} while (rest.p);
	return true;
}

static int read_path(struct head *h, struct str raw, struct err *e)
{
	h->path_n = 0;
	while (raw.n > 0) {
		bool escaped = raw.p[0] == '%';
		int c = escaped ? unescape(raw) : (unsigned char)raw.p[0];

		if (c < 0)
			return refuse(e, 400, "the path has a broken escape");
		if (escaped && (char_is_control((unsigned char)c) || c == '/'))
			return refuse(e, 400, "the path has an escaped control character or '/'");
		if (!escaped && !char_is_path((unsigned char)c))
			return refuse(e, 400, "the path has a character that must be escaped");
		if (h->path_n + 1 == HEAD_PATH_MAX)
			return refuse(e, 414, "the path is too long");
		h->path[h->path_n++] = (char)c;
		raw = str_skip(raw, escaped ? 3 : 1);
	}
	h->path[h->path_n] = '\0';
	if (!is_normal(str_make(h->path, h->path_n)))
		return refuse(e, 400, "the path is not normal");
	if (!str_utf8(str_make(h->path, h->path_n)))
		return refuse(e, 400, "the path is not UTF-8");
	return 0;
}

/* Whole escapes, no NUL, no '#'; otherwise wider than RFC 3986 3.4, for browsers send "|{}[]^`\"
 * as they are, and nothing depends on them. */
static int check_query(struct str s, struct err *e)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '%' && unescape(str_skip(s, i)) <= 0)
			return refuse(e, 400, "the query has a broken escape or an escaped NUL");
		if (c <= ' ' || c >= 0x7f || c == '#')
			return refuse(e, 400, "the query has a character that must be escaped");
	}
	return 0;
}

static bool cut_scheme(struct str *s, struct str scheme)
{
	if (s->n < scheme.n || !str_case_eq(str_make(s->p, scheme.n), scheme))
		return false;
	*s = str_skip(*s, scheme.n);
	return true;
}

/* Cuts "http://authority" off the front of an absolute target (RFC 9112 3.2.2). */
static bool cut_authority(struct str *target, struct authority *a)
{
	size_t n = 0;

	if (cut_scheme(target, STR("http://")))
		a->default_port = STR("80");
	else if (cut_scheme(target, STR("https://")))
		a->default_port = STR("443");
	else
		return false;
	while (n < target->n && target->p[n] != '/' && target->p[n] != '?')
		n++;
	a->text = str_make(target->p, n);
	*target = str_skip(*target, n);
	return true;
}

/* The forms of RFC 9112 3.2, without the one of CONNECT. */
static int read_target(struct head *h, struct str s, struct authority *a, struct err *e)
{
	struct str path;
	bool absolute;

	h->target = s;
	h->query = str_make(NULL, 0);
	if (s.n > HEAD_TARGET_MAX)
		return refuse(e, 414, "the request target is too long");
	if (str_eq(s, STR("*")) && h->method == HTTP_OPTIONS) {
		h->path_n = 1;
		memcpy(h->path, "*", 2);
		return 0;
	}
	absolute = cut_authority(&s, a);
	path = str_cut(s, '?', &h->query);
	if (absolute && path.n == 0)
		path = STR("/");
	if (path.n == 0 || path.p[0] != '/')
		return refuse(e, 400, "the request target is neither a path nor a http address");
	if (h->query.p && check_query(h->query, e))
		return -400;
	return read_path(h, path, e);
}

/* Grammar, then version, then meaning: the preface of HTTP/2 is a matter of version. */
static int read_request_line(struct head *h, struct str line, struct authority *a, struct err *e)
{
	struct str target, version, method = str_cut(line, ' ', &target);
	int rc;

	if (!is_token(method))
		return refuse(e, 400, "the request does not begin with a method");
	if (!target.p)
		return refuse(e, 400, "the request line has no target");
	target = str_cut(target, ' ', &version);
	if (target.n == 0 || !version.p)
		return refuse(e, 400, "the request line has not three parts");
	rc = check_version(version, e);
	if (rc == 0)
		rc = read_method(h, method, e);
	if (rc == 0)
		rc = read_target(h, target, a, e);
	return rc;
}

/* --- fields -------------------------------------------------------------------------------- */

/* RFC 9112 5. A line that begins with a blank is a fold (5.2), a blank before ':' invites
 * smuggling (5.1): neither is a name. */
static int read_field(struct head_field *f, struct str line, struct err *e)
{
	struct str value, name = str_cut(line, ':', &value);

	if (line.p[0] == ' ' || line.p[0] == '\t')
		return refuse(e, 400, "a header is folded");
	if (!value.p)
		return refuse(e, 400, "a header has no ':'");
	if (!is_token(name))
		return refuse(e, 400, "a header's name is no token");
	f->name = name;
	f->value = str_trim(value);
	return 0;
}

/* The next line of a head in which every CR is known to be of a CRLF. */
static struct str next_line(struct str *rest)
{
	struct str line = str_cut(*rest, '\r', NULL);

	*rest = str_skip(*rest, line.n + 2);
	return line;
}

static int read_fields(struct head *h, struct str rest, struct err *e)
{
	int rc = 0;

	h->n_fields = 0;
	while (rc == 0 && rest.n > 0) {
		if (h->n_fields == HEAD_HEADERS_MAX)
			return refuse(e, 431, "too many headers");
		rc = read_field(&h->fields[h->n_fields++], next_line(&rest), e);
	}
	return rc;
}

static int next_field(const struct head *h, struct str name, int from)
{
	for (int i = from; i < h->n_fields; i++)
		if (h->fields[i].name.n == name.n && str_case_eq(h->fields[i].name, name))
			return i;
	return -1;
}

struct str head_get(const struct head *h, struct str name)
{
	int i = next_field(h, name, 0);

	return i < 0 ? str_make(NULL, 0) : h->fields[i].value;
}

int head_count(const struct head *h, struct str name)
{
	int count = 0;

	for (int i = next_field(h, name, 0); i >= 0; i = next_field(h, name, i + 1))
		count++;
	return count;
}

static bool list_has(struct str list, struct str token)
{
	do {
		if (str_case_eq(str_trim(str_cut(list, ',', &list)), token))
			return true;
	} while (list.p);
	return false;
}

bool head_has_token(const struct head *h, struct str name, struct str token)
{
	for (int i = next_field(h, name, 0); i >= 0; i = next_field(h, name, i + 1))
		if (list_has(h->fields[i].value, token))
			return true;
	return false;
}

/* --- what the fields say together ---------------------------------------------------------- */

/* Splits host [":" port] (RFC 9110 7.2). Names of unreserved characters only: RFC 3986 would have
 * escapes and ',' as well, which no name has and two Hosts joined by a careless proxy do. */
static bool split_host(struct str s, struct str *name, struct str *port)
{
	uint64_t number = 0;
	size_t n = 0;

	if (s.n > 0 && s.p[0] == '[') {
		n = 1;
		while (n < s.n && (char_hex((unsigned char)s.p[n]) >= 0 || char_in(s.p[n], ":.")))
			n++;
		if (n < 3 || n == s.n || s.p[n++] != ']')
			return false;
	} else {
		while (n < s.n && char_is_unreserved((unsigned char)s.p[n]))
			n++;
	}
	*name = str_make(s.p, n);
	*port = str_skip(s, n + 1);
	if (n == 0 || (n < s.n && s.p[n] != ':'))
		return false;
	return port->n == 0 || (str_u64(*port, &number) == 0 && number <= 65535);
}

static bool same_authority(const struct authority *a, struct str host)
{
	struct str name[2], port[2];

	if (!split_host(a->text, &name[0], &port[0]) || !split_host(host, &name[1], &port[1]))
		return false;
	for (int i = 0; i < 2; i++)
		if (port[i].n == 0)
			port[i] = a->default_port;
	return str_case_eq(name[0], name[1]) && str_eq(port[0], port[1]);
}

static int read_host(struct head *h, const struct authority *a, struct err *e)
{
	struct str name, port;
	int count = head_count(h, STR("host"));

	if (count != 1)
		return refuse(e, 400, count ? "two Host headers" : "no Host header");
	h->host = head_get(h, STR("host"));
	if (!split_host(h->host, &name, &port))
		return refuse(e, 400, "the Host header names no host");
	if (a->text.p && !same_authority(a, h->host))
		return refuse(e, 400, "the request target and the Host header differ");
	return 0;
}

static int read_length(struct head *h, struct str value, struct err *e)
{
	if (value.n > 15 || str_u64(value, &h->length))
		return refuse(e, 400, "Content-Length is no number of at most 15 digits");
	h->body = BODY_SIZED;
	return 0;
}

/* RFC 9112 6.1 and 6.3: where "chunked" is not the last coding, and once, nobody can tell where the
 * body ends; where it is, other codings before it are merely not supported. */
static int read_coding(struct head *h, struct str list, struct err *e)
{
	int codings = 0, chunked = 0;
	bool last;

	do {
		last = str_case_eq(str_trim(str_cut(list, ',', &list)), STR("chunked"));
		chunked += last;
		codings++;
	} while (list.p);
	if (!last || chunked > 1)
		return refuse(e, 400, "Transfer-Encoding does not end in one 'chunked'");
	if (codings > 1)
		return refuse(e, 501, "Transfer-Encoding has a coding that is not supported");
	h->body = BODY_CHUNKED;
	return 0;
}

/* Which bytes are the body, RFC 9112 6.3. The one place where two readers must never differ. */
static int read_framing(struct head *h, struct err *e)
{
	int lengths = head_count(h, STR("content-length"));
	int codings = head_count(h, STR("transfer-encoding"));

	h->body = BODY_NONE;
	h->length = 0;
	if (lengths && codings)
		return refuse(e, 400, "both Content-Length and Transfer-Encoding");
	if (lengths > 1 || codings > 1)
		return refuse(e, 400, "two headers tell the length of the body");
	if (codings)
		return read_coding(h, head_get(h, STR("transfer-encoding")), e);
	if (lengths)
		return read_length(h, head_get(h, STR("content-length")), e);
	if (h->method == HTTP_POST || h->method == HTTP_PUT)
		return refuse(e, 411, "no Content-Length and not chunked");
	return 0;
}

/* RFC 9110 10.1.1 */
static int read_expect(struct head *h, struct err *e)
{
	h->expect_continue = false;
	for (int i = next_field(h, STR("expect"), 0); i >= 0;
		i = next_field(h, STR("expect"), i + 1)) {
		if (!str_case_eq(h->fields[i].value, STR("100-continue")))
			return refuse(
				e, 417, "Expect asks for something other than '100-continue'");
		h->expect_continue = h->body == BODY_CHUNKED || h->length > 0;
	}
	return 0;
}

/* RFC 9110 7.6.1 and 7.8 */
static void read_connection(struct head *h)
{
	bool upgrade = head_has_token(h, STR("connection"), STR("upgrade")) &&
		head_count(h, STR("upgrade")) > 0;

	h->keep_alive = !head_has_token(h, STR("connection"), STR("close"));
	h->upgrade_websocket = upgrade && head_has_token(h, STR("upgrade"), STR("websocket"));
	h->upgrade_other = upgrade && !h->upgrade_websocket;
}

static int parse(struct head *h, struct str text, struct err *e)
{
	struct authority authority = { .text = { NULL, 0 } };
	int rc = read_request_line(h, next_line(&text), &authority, e);

	if (rc == 0)
		rc = read_fields(h, text, e);
	if (rc == 0)
		rc = read_host(h, &authority, e);
	if (rc == 0)
		rc = read_framing(h, e);
	if (rc == 0)
		rc = read_expect(h, e);
	if (rc == 0)
		read_connection(h);
	return rc;
}

long head_read(struct head *h, const char *p, size_t n, size_t *scanned, struct err *e)
{
	size_t seen = n < HEAD_BYTES_MAX ? n : HEAD_BYTES_MAX;
	size_t start = skip_empty_lines(p, seen);
	long end = find_end(p, start, seen, scanned, e);
	int rc;

	if (end == 0 && seen == HEAD_BYTES_MAX)
		return memchr(p + start, '\n', seen - start) ?
			refuse(e, 431, "the head is too large") :
			refuse(e, 414, "the request line is too long");
	if (end <= 0)
		return end;
	/* Without the empty line at the end, but with the CRLF of the last header. */
	rc = parse(h, str_make(p + start, (size_t)end - 2 - start), e);
	return rc < 0 ? rc : end;
}
