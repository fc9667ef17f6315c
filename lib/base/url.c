/* url.c - addresses as the programs take them
 *
 * Splits and checks; never resolves, never connects, knows no scheme but `unix` and no default
 * ports. Sentences never quote what may be a secret: everything up to the last '@' and the whole
 * query are hidden in them. RFC 3986, section 3; RFC 6874 for zones. */
#include "base/url.h"
#include "base/mem.h"

#include <arpa/inet.h>

#define URL_MAX_BYTES  4096
#define HOST_MAX_BYTES 253
#define UNIX_MAX_BYTES 107 /* sun_path less its NUL */

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* strchr finds the NUL as well. */
static bool one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

/* --- percent escapes ------------------------------------------------------------------------- */

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int decode(struct str s, bool plus, struct buf *out)
{
	size_t before = out->n;

	for (size_t i = 0; i < s.n; i++) {
		int c = (unsigned char)s.p[i];

		if (plus && c == '+') {
			c = ' ';
		} else if (c == '%') {
			int hi = i + 2 < s.n ? hex_value(s.p[i + 1]) : -1;
			int lo = i + 2 < s.n ? hex_value(s.p[i + 2]) : -1;
			if (hi < 0 || lo < 0)
				goto bad;
			c = hi << 4 | lo;
			i += 2;
		}
		if (c == 0)
			goto bad;
		buf_add_char(out, (char)c);
	}
	return 0;
bad:
	out->n = before;
	return ERR_INVALID;
}

void url_encode(struct buf *out, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (is_alpha(c) || is_digit(c) || one_of(c, "-._~")) {
			buf_add_char(out, c);
			continue;
		}
		buf_add_char(out, '%');
		buf_add_char(out, hex[(unsigned char)c >> 4]);
		buf_add_char(out, hex[c & 15]);
	}
}

int query_take(struct str *query, struct str name, struct buf *out)
{
	struct buf key = { 0 };
	int r = 0;

	while (query->p && r == 0) {
		struct str value, member = str_cut(*query, '&', query);

		member = str_cut(member, '=', &value);
		key.n = 0;
		if (decode(member, true, &key) < 0 || !str_eq(buf_str(&key), name))
			continue;
		r = decode(value, true, out) < 0 ? ERR_INVALID : 1;
	}
	buf_fini(&key);
	return r;
}

int query_get(struct str query, struct str name, int nth, struct buf *out)
{
	size_t at = out->n;
	int r;

	do {
		out->n = at;
		r = query_take(&query, name, out);
	} while (r && nth-- > 0);
	return r;
}

/* --- secrets --------------------------------------------------------------------------------- */

static long find_last(struct str s, char c)
{
	const char *at = s.n > 0 ? memrchr(s.p, c, s.n) : NULL;

	return at ? (long)(at - s.p) : -1;
}

/* Where the authority begins: behind "://", else at the front. */
static size_t authority_of(struct str s)
{
	long at = str_find(s, STR("://"));

	return at < 0 ? 0 : (size_t)at + 3;
}

/* Bytes of the authority that s begins with. */
static size_t authority_len(struct str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] != '/' && s.p[n] != '?')
		n++;
	return n;
}

/* What a sentence may quote of a URL that could not be read. */
static struct str shown(struct str s, struct buf *b)
{
	size_t from = authority_of(s);
	long at = find_last(s, '@');
	struct str rest = s, hidden;

	if (at >= 0 && (size_t)at >= from) {
		buf_add(b, s.p, from);
		buf_add_text(b, "***");
		rest = str_skip(s, (size_t)at);
	}
	buf_add_str(b, str_cut(rest, '?', &hidden));
	if (hidden.p)
		buf_add_text(b, "?***");
	return buf_str(b);
}

static bool secret_member(struct str name)
{
	static const char *const words[] = { "token", "password", "secret" };
	struct buf plain = { 0 };
	bool found = false;

	/* What cannot be decoded is compared as it stands. */
	if (decode(name, true, &plain) < 0)
		buf_add_str(&plain, name);
	for (size_t i = 0; i < plain.n; i++)
		if (plain.p[i] >= 'A' && plain.p[i] <= 'Z')
			plain.p[i] |= 0x20;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		found |= str_find(buf_str(&plain), str_of(words[i])) >= 0;
	buf_fini(&plain);
	return found;
}

static void format_query(struct buf *b, struct str query)
{
	char sep = '?';

	while (query.p) {
		struct str value, member = str_cut(query, '&', &query);
		struct str name = str_cut(member, '=', &value);

		buf_add_char(b, sep);
		sep = '&';
		if (!value.p || !secret_member(name)) {
			buf_add_str(b, member);
			continue;
		}
		buf_add_str(b, name);
		buf_add_text(b, "=***");
	}
}

bool url_is_tls(const struct url *u)
{
	size_t n = strlen(u->scheme);

	return strcmp(u->scheme, "wss") == 0 || (n >= 5 && strcmp(u->scheme + n - 5, "https") == 0);
}

void url_format_safe(struct buf *b, const struct url *u)
{
	if (strcmp(u->scheme, "unix") == 0) {
		buf_addf(b, "unix:%s", u->path);
		return;
	}
	buf_addf(b, "%s:", u->scheme);
	if (*u->host || *u->path || u->user)
		buf_add_text(b, "//");
	if (u->user && u->password) {
		url_encode(b, str_of(u->user));
		buf_add_text(b, ":***@");
	} else if (u->user) {
		buf_add_text(b, "***@");
	}
	buf_addf(b, strchr(u->host, ':') ? "[%s]" : "%s", u->host);
	if (u->port > 0)
		buf_addf(b, ":%d", u->port);
	buf_add_text(b, u->path);
	if (u->query)
		format_query(b, str_of(u->query));
}

static void blot(char *from, char *to)
{
	while (from < to)
		*from++ = '*';
}

void url_hide_secret(char *arg)
{
	char *user = arg + authority_of(str_of(arg)), *colon;
	size_t n = authority_len(str_of(user));
	long at = find_last(str_make(user, n), '@');
	struct str rest;

	if (at >= 0) {
		colon = memchr(user, ':', (size_t)at);
		blot(colon ? colon + 1 : user, user + at);
	}
	str_cut(str_of(user + n), '?', &rest);
	while (rest.p) {
		struct str value, member = str_cut(rest, '&', &rest);
		struct str name = str_cut(member, '=', &value);

		if (value.p && secret_member(name))
			blot(arg + (value.p - arg), arg + (value.p - arg) + value.n);
	}
}

/* --- parsing --------------------------------------------------------------------------------- */

static char *copy(struct str s)
{
	return mem_strndup(s.p, s.n);
}

/* Characters that no URL may hold raw, whatever the part. */
static bool printable(struct str s, bool ascii)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c < 0x20 || c == 0x7f || (ascii && (c == ' ' || c >= 0x80)))
			return false;
	}
	return true;
}

/* Length of a scheme in front of a ':' that `s` begins with, or 0. */
static size_t scheme_of(struct str s)
{
	size_t n = 0;

	while (n < s.n &&
		(is_alpha(s.p[n]) || (n > 0 && (is_digit(s.p[n]) || one_of(s.p[n], "+-.")))))
		n++;
	return n < s.n && s.p[n] == ':' ? n : 0;
}

static char *lower_copy(struct str s)
{
	char *text = copy(s);

	for (char *p = text; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p |= 0x20;
	return text;
}

static int decode_part(struct str s, char **out)
{
	struct buf b = { 0 };
	int r = decode(s, false, &b);

	if (r == 0)
		*out = mem_strndup(b.p, b.n);
	buf_fini(&b);
	return r;
}

static bool host_ok(struct str host)
{
	if (host.n == 0 || host.n > HOST_MAX_BYTES)
		return false;
	for (size_t i = 0; i < host.n; i++)
		if (!is_alpha(host.p[i]) && !is_digit(host.p[i]) && !one_of(host.p[i], "-._"))
			return false;
	return true;
}

static bool all_digits(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]))
			return false;
	return s.n > 0;
}

/* "::1", "fe80::1%eth0" */
static bool host6_ok(struct str host)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;
	struct str zone, number = str_cut(host, '%', &zone);

	if (number.n >= sizeof(text) || (zone.p && !host_ok(zone)))
		return false;
	memcpy(text, number.p, number.n);
	text[number.n] = '\0';
	return inet_pton(AF_INET6, text, &addr) == 1;
}

/* Splits host and port; returns what is wrong with them, or NULL. */
static const char *parse_host(struct url *u, struct str s)
{
	struct str host, port;
	uint64_t number;

	if (s.n > 0 && s.p[0] == '[') {
		host = str_cut(str_skip(s, 1), ']', &port);
		if (!port.p || !host6_ok(host))
			return "the address in [] is not IPv6";
		if (port.n > 0 && port.p[0] != ':')
			return "only a port may follow ']'";
		port = port.n > 0 ? str_skip(port, 1) : (struct str){ NULL, 0 };
	} else {
		host = str_cut(s, ':', &port);
		if (port.p && port.n > 0 && memchr(port.p, ':', port.n))
			return "IPv6 goes into []: [::1]:80";
		if (host.n == 0)
			return "there is no host";
		if (!host_ok(host))
			return "the host has a character that no host has";
	}
	if (all_digits(host))
		return "a number alone is no host";
	if (port.n > 0 && is_alpha(port.p[0]))
		return "the port is not a number from 1 to 65535, and after a scheme comes '://'";
	if (port.p && (port.n > 5 || str_u64(port, &number) < 0 || number < 1 || number > 65535))
		return "the port is not a number from 1 to 65535";
	u->host = copy(host);
	u->port = port.p ? (int)number : 0;
	return NULL;
}

static const char *parse_authority(struct url *u, struct str s)
{
	long at = find_last(s, '@');
	struct str user, password;

	if (at >= 0) {
		user = str_cut(str_make(s.p, (size_t)at), ':', &password);
		if (decode_part(user, &u->user) < 0 ||
			(password.p && decode_part(password, &u->password) < 0))
			return "user or password has a broken % escape";
		s = str_skip(s, (size_t)at + 1);
	}
	/* redis+unix:///run/redis.sock has nothing but a path. */
	if (s.n == 0 && str_find(str_of(u->scheme), STR("+unix")) > 0) {
		u->host = mem_strdup("");
		return NULL;
	}
	return parse_host(u, s);
}

static const char *parse_unix(struct url *u, struct str path)
{
	if (path.n == 0)
		return "there is no path";
	if (path.n > UNIX_MAX_BYTES)
		return "the path of a socket is at most 107 bytes";
	if (!printable(path, false))
		return "there is a control character in it";
	u->host = mem_strdup("");
	u->path = copy(path);
	return NULL;
}

/* Everything behind "scheme://". */
static const char *parse_rest(struct url *u, struct str s)
{
	struct str query;
	size_t n = authority_len(s);
	const char *why;

	if (!printable(s, true))
		return "spaces, control and non-ASCII characters are written as % escapes";
	if (s.n > 0 && memchr(s.p, '#', s.n))
		return "'#' has no meaning here (a part of the path or password is written as %23)";
	why = parse_authority(u, str_make(s.p, n));
	if (why)
		return why;
	u->path = copy(str_cut(str_skip(s, n), '?', &query));
	if (query.p)
		u->query = copy(query);
	if (!*u->host && !*u->path)
		return "there is no path";
	return NULL;
}

/* Line ends too: they come from files and variables. */
static struct str trim(struct str s)
{
	while (s.n > 0 && one_of(s.p[0], " \t\r\n"))
		s = str_skip(s, 1);
	while (s.n > 0 && one_of(s.p[s.n - 1], " \t\r\n"))
		s.n--;
	return s;
}

/* "ws:/host" */
static bool lacks_slash(struct str s)
{
	size_t n = scheme_of(s);

	return n > 0 && !memchr(s.p, '.', n) && n + 1 < s.n && s.p[n + 1] == '/' &&
	       !str_starts(str_skip(s, n), STR("://"));
}

/* "ws//host" */
static bool lacks_colon(struct str s)
{
	size_t n = authority_len(s);

	for (size_t i = 0; i < n; i++)
		if (!is_alpha(s.p[i]) && !(i > 0 && s.p[i] == '+'))
			return false;
	return n > 0 && str_starts(str_skip(s, n), STR("//"));
}

static const char *parse(struct url *u, struct str s)
{
	size_t n = scheme_of(s);
	struct str scheme = { s.p, n };

	if (s.n == 0)
		return "it is empty";
	if (s.n > URL_MAX_BYTES)
		return "it is longer than 4096 bytes";
	if (trim(s).n != s.n)
		return "there is white space around it";
	if (str_case_eq(scheme, STR("unix"))) {
		u->scheme = mem_strdup("unix");
		return parse_unix(u, str_skip(s, n + 1));
	}
	if (s.p[0] == '/' || s.p[0] == '.')
		return "a socket is written unix:PATH";
	if (n > 0 && n + 1 == s.n) { /* "mem:" */
		u->scheme = lower_copy(scheme);
		u->host = mem_strdup("");
		u->path = mem_strdup("");
		return NULL;
	}
	if (n > 0 && str_starts(str_skip(s, n), STR("://"))) {
		u->scheme = lower_copy(scheme);
		return parse_rest(u, str_skip(s, n + 3));
	}
	if (lacks_slash(s))
		return "after a scheme comes '://'";
	n = authority_len(s);
	if (n > 0 && s.p[n - 1] == ':' && str_starts(str_skip(s, n), STR("//")))
		return "the scheme has a character that no scheme has";
	if (lacks_colon(s))
		return "after a scheme comes '://'";
	u->scheme = mem_strdup("ws");
	return parse_rest(u, s);
}

/* Appends what is probably meant, where that is plain. */
static void guess(struct str s, struct buf *b)
{
	struct str plain = trim(s), port = plain;
	size_t n = authority_len(plain);

	if (str_starts(port, STR(":")))
		port = str_skip(port, 1);
	if (all_digits(port) && port.n <= 5) {
		buf_addf(b, "127.0.0.1:" STR_FMT, STR_ARG(port));
	} else if (lacks_slash(plain) || lacks_colon(plain)) {
		struct str scheme = { plain.p, lacks_slash(plain) ? n - 1 : n };

		buf_addf(b, STR_FMT ":/", STR_ARG(scheme));
		buf_add_str(b, str_skip(plain, lacks_slash(plain) ? n : n + 1));
	} else if (plain.n != s.n) {
		buf_add_str(b, plain);
	}
}

int url_parse(struct url *u, struct str s, struct err *e)
{
	struct buf b = { 0 }, meant = { 0 }, safe = { 0 };
	struct str quote, better;
	const char *why;

	*u = (struct url){ 0 };
	why = parse(u, s);
	if (!why)
		return 0;
	url_fini(u);
	quote = str_head(shown(s, &b), 120);
	guess(s, &meant);
	better = str_head(shown(buf_str(&meant), &safe), 120);
	if (better.n > 0)
		err_set(e, ERR_INVALID, "'" STR_FMT "' is not an address: %s (try '" STR_FMT "')",
			STR_ARG(quote), why, STR_ARG(better));
	else
		err_set(e, ERR_INVALID, "'" STR_FMT "' is not an address: %s", STR_ARG(quote), why);
	buf_fini(&b);
	buf_fini(&meant);
	buf_fini(&safe);
	return ERR_INVALID;
}

void url_fini(struct url *u)
{
	mem_free(u->scheme);
	mem_free(u->user);
	mem_free(u->password);
	mem_free(u->host);
	mem_free(u->path);
	mem_free(u->query);
	*u = (struct url){ 0 };
}
