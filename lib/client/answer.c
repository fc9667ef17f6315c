/* answer.c - an HTTP answer that is not the one hoped for */
#include "client/answer.h"

#include "base/clock.h"
#include "client/carrier.h"
#include "client/control.h"

#include <stdio.h>
#include <time.h>

#define DETAIL_MAX 160 /* bytes shown of each */
#define PLACE_MAX  80
#define BY_MAX     40

/* --- its fields ------------------------------------------------------------------------------- */

/* Seconds, or a date; 0 when it is neither, or over. */
static int64_t read_wait(struct str value)
{
	char date[64];
	uint64_t s;
	time_t at;

	if (str_u64(value, &s) == 0)
		return s < ANSWER_WAIT_MAX_MS / 1000 ? (int64_t)s * 1000 : ANSWER_WAIT_MAX_MS;
	if (value.n >= sizeof(date))
		return 0;
	snprintf(date, sizeof(date), STR_FMT, STR_ARG(value));
	at = curl_getdate(date, NULL);
	if (at < 0 || at <= clock_wall_ms() / 1000)
		return 0;
	return at - clock_wall_ms() / 1000 < ANSWER_WAIT_MAX_MS / 1000
	               ? (int64_t)at * 1000 - clock_wall_ms()
	               : ANSWER_WAIT_MAX_MS;
}

void answer_field(struct answer *a, struct str name, struct str value)
{
	if (str_case_eq(name, STR("Location")))
		a->location = value;
	else if (str_case_eq(name, STR("Server")))
		a->by = value;
	else if (str_case_eq(name, STR("Retry-After")))
		a->wait_ms = read_wait(value);
}

void answer_of(struct answer *a, CURL *easy)
{
	static const char *const names[] = { "Location", "Server", "Retry-After" };
	struct curl_header *h;
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	a->status = (unsigned)status;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (curl_easy_header(easy, names[i], 0, CURLH_HEADER, -1, &h) == CURLHE_OK)
			answer_field(a, str_of(names[i]), str_of(h->value));
	}
}

int answer_code(const struct answer *a)
{
	switch (a->status) {
	case 401:
	case 403:
	case 407: return ERR_DENIED;
	case 408:
	case 425:
	case 429: return ERR_CLOSED;
	case 404:
	case 405:
	case 426:
	case 501:
	case 505: return ERR_INVALID;
	default:
		return a->status >= 500   ? ERR_CLOSED
		       : a->status >= 400 ? ERR_USAGE
		                          : ERR_INVALID;
	}
}

/* --- what may be wrong with the address ------------------------------------------------------- */

/* Without control characters, and only ASCII where it is no UTF-8. */
static void add_clean(struct buf *out, struct str text, size_t max)
{
	bool utf8;

	text = str_head(text, max);
	utf8 = str_utf8(text);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char byte = (unsigned char)text.p[i];
		bool shown = byte >= ' ' && byte != 0x7f && (byte < 0x80 || utf8);
		buf_add_char(out, shown ? text.p[i] : '?');
	}
}

/* A scheme of the same transport as ours, "sse+https" of "sse+http". */
static void add_scheme(const struct client *c, bool tls, struct buf *out)
{
	size_t n = strlen(c->url.scheme) - url_is_tls(&c->url);

	buf_addf(out, "%.*s%s", (int)n, c->url.scheme, tls ? "s" : "");
}

void answer_add_other_url(const struct client *c, struct buf *out)
{
	struct url other = c->url;
	struct buf scheme = { 0 };

	add_scheme(c, !url_is_tls(&c->url), &scheme);
	other.scheme = (char *)(uintptr_t)buf_cstr(&scheme);
	other.query = NULL;
	url_format_safe(out, &other);
	buf_fini(&scheme);
}

static bool is_plain(const struct client *c)
{
	return !url_is_tls(&c->url) && strcmp(c->url.scheme, "unix") != 0;
}

/* A server with TLS says nothing that can be read to who begins without. */
void answer_add_doubt(const struct client *c, struct buf *why)
{
	if (!is_plain(c))
		return;
	buf_add_text(why, " (if it speaks TLS: ");
	answer_add_other_url(c, why);
	buf_add_char(why, ')');
}

void answer_add_closed(const struct client *c, struct buf *why)
{
	buf_add_text(why, "the server closed the connection");
	if (c->ever_heard)
		return;
	buf_add_text(why, " without an answer");
	answer_add_doubt(c, why);
}

static bool is_route(struct str segment)
{
	static const char *const routes[] = { "ws", "events", "stream", "poll", "pub", "rooms" };

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (str_eq(segment, str_of(routes[i])))
			return true;
	}
	return false;
}

/* A URL out of a browser or of rt-wire(7): "ws://host/ws/lobby". */
static bool has_route(const char *path)
{
	struct str rest = str_of(path);

	while (rest.p) {
		if (is_route(str_cut(rest, '/', &rest)))
			return true;
	}
	return false;
}

/* Is the path in the URL to blame? */
static bool add_path_advice(const struct client *c, unsigned status, struct buf *out)
{
	struct url server = c->url;

	if (c->conf.raw || c->url.path[strspn(c->url.path, "/")] == '\0' ||
		strcmp(c->url.scheme, "unix") == 0)
		return false;
	if (status != 404 && !((status == 400 || status == 405) && has_route(c->url.path)))
		return false;
	server.path = (char[]){ "" };
	server.query = NULL;
	buf_addf(out, " below '%.40s' (rooms are operands, the URL is the server alone: ",
		c->url.path);
	url_format_safe(out, &server);
	buf_add_char(out, ')');
	return true;
}

/* --- where it sends us ------------------------------------------------------------------------ */

/* Cuts the path of our request off: what is left is the address of a server. */
static bool cut_route(struct url *to)
{
	char *last = strrchr(to->path, '/');

	if (!last || !is_route(str_of(last + 1)))
		return false;
	*last = '\0';
	return true;
}

/* The Location, as an absolute address where it is one of the same server. Our query is in it,
 * which may hold a secret: what follows the path is left out. */
static void add_location(const struct answer *a, const struct client *c, struct buf *out)
{
	struct str place = str_cut(str_cut(a->location, '#', NULL), '?', NULL);
	long slash = str_find(place, STR("/"));
	char scheme[] = "https", empty[] = "";
	struct url server = c->url;

	scheme[4] = url_is_tls(&c->url) ? 's' : '\0';
	server.scheme = scheme;
	server.path = empty;
	server.query = NULL;
	if (str_starts(place, STR("//"))) {
		buf_addf(out, "%s:", scheme);
	} else if ((slash < 1 || place.p[slash - 1] != ':') && strcmp(c->url.scheme, "unix") != 0) {
		url_format_safe(out, &server);
		if (slash != 0)
			buf_add_char(out, '/');
	}
	add_clean(out, place, PLACE_MAX);
}

/* " to 'https://other/live/ws' (redirects are not followed: try -u wss://other/live)" */
static void add_redirect(const struct answer *a, const struct client *c, struct buf *out)
{
	struct buf text = { 0 }, scheme = { 0 };
	struct url to = { 0 };
	bool known;
	char *own;

	add_location(a, c, &text);
	known = url_parse(&to, buf_str(&text), NULL) == 0;
	if (known) { /* without a password in it */
		text.n = 0;
		url_format_safe(&text, &to);
	}
	buf_addf(out, " to '%s' (redirects are not followed", buf_cstr(&text));
	if (known && !c->conf.raw && strcmp(c->url.scheme, "unix") != 0 && cut_route(&to)) {
		add_scheme(c, url_is_tls(&to), &scheme);
		own = to.scheme;
		to.scheme = (char *)(uintptr_t)buf_cstr(&scheme);
		buf_add_text(out, ": try -u ");
		url_format_safe(out, &to);
		to.scheme = own;
	}
	buf_add_char(out, ')');
	url_fini(&to);
	buf_fini(&scheme);
	buf_fini(&text);
}

/* --- the clause ------------------------------------------------------------------------------- */

void answer_detail(struct str body, struct buf *out)
{
	struct str text = STR("");
	struct control k;

	if (control_read(&k, body) == 0)
		text = k.detail;
	else if (body.n && !strchr("{<", body.p[0]) && str_utf8(body))
		text = str_trim(str_cut(str_cut(body, '\n', NULL), '\r', NULL));
	add_clean(out, text, DETAIL_MAX);
	control_fini(&k);
}

/* What nginx, Apache and Go's server say to who begins without. */
static bool wants_tls(struct str body)
{
	return str_find(body, STR("sent to HTTPS port")) >= 0 ||
	       str_find(body, STR("to an SSL-enabled server port")) >= 0 ||
	       str_find(body, STR("HTTP request to an HTTPS server")) >= 0;
}

static void add_tls(const struct client *c, struct buf *out)
{
	buf_add_text(out, ": it speaks TLS (try -u ");
	answer_add_other_url(c, out);
	buf_add_char(out, ')');
}

static void add_word(const struct answer *a, struct buf *out)
{
	static const struct {
		unsigned status;
		const char *text;
	} words[] = {
		{ 200, "OK" },
		{ 301, "moved" },
		{ 302, "moved" },
		{ 303, "see other" },
		{ 307, "moved" },
		{ 308, "moved" },
		{ 400, "bad request" },
		{ 401, "unauthorized" },
		{ 403, "forbidden" },
		{ 404, "not found" },
		{ 407, "proxy authentication required" },
		{ 413, "too large" },
		{ 426, "upgrade required" },
		{ 429, "too many requests" },
		{ 500, "internal error" },
		{ 501, "not implemented" },
		{ 502, "bad gateway" },
		{ 503, "unavailable" },
		{ 504, "gateway timeout" },
		{ 505, "another version of HTTP" },
	};
	const char *word = NULL;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i].status == a->status)
			word = words[i].text;
	}
	if (!word && !a->by.n)
		return;
	buf_addf(out, " (%s%s", word ? word : "", a->by.n ? word ? ", by " : "by " : "");
	add_clean(out, a->by, BY_MAX);
	buf_add_char(out, ')');
}

/* What can be done, by whom. */
static void add_advice(const struct answer *a, const struct client *c, struct buf *out)
{
	switch (a->status) {
	case 407:
		buf_addf(out, ": name and password go into $%s_proxy",
			url_is_tls(&c->url) ? "https" : "http");
		break;
	case 413:
		buf_add_text(out, " (where nginx is before the server: client_max_body_size 0)");
		break;
	case 502:
	case 504: buf_add_text(out, ": a proxy does not get through to the server"); break;
	case 505:
		buf_add_text(out, " (where nginx is before the server: proxy_http_version 1.1)");
		break;
	}
}

void answer_say(const struct answer *a, const struct client *c, struct buf *out)
{
	struct buf detail = { 0 };

	buf_addf(out, "the %s answered %u", a->from_proxy || a->status == 407 ? "proxy" : "server",
		a->status);
	if (!a->from_proxy && add_path_advice(c, a->status, out))
		return;
	answer_detail(a->body, &detail);
	if (detail.n)
		buf_addf(out, ": %s", buf_cstr(&detail));
	else
		add_word(a, out);
	if (a->status >= 300 && a->status < 400 && a->location.n)
		add_redirect(a, c, out);
	else if (a->status == 400 && is_plain(c) && wants_tls(a->body))
		add_tls(c, out);
	else if (a->status == 400 && !detail.n)
		answer_add_doubt(c, out);
	else
		add_advice(a, c, out);
	buf_fini(&detail);
}
