/* origin.c - what an allowed origin may look like, and whether one is allowed */
#include "net/origin.h"

#include "base/url.h"

/* The same host: the origin without its scheme is the Host of the request. */
static bool same_host(struct str origin, struct str host)
{
	long at = str_find(origin, STR("://"));

	return at >= 0 && str_case_eq(str_skip(origin, (size_t)at + 3), host);
}

bool origin_is_allowed(struct str origin, struct str host, const char *const *allowed, int n)
{
	if (same_host(origin, host))
		return true;
	for (int i = 0; i < n; i++) {
		struct str one = str_of(allowed[i]);
		if (str_eq(one, STR("*")) || str_case_eq(one, origin))
			return true;
	}
	return false;
}

static bool has_scheme(struct str text)
{
	return str_find(text, STR("://")) >= 0;
}

/* A browser leaves out the port that the scheme has anyway. */
static bool is_default_port(const struct url *u)
{
	return u->port == (url_is_tls(u) ? 443 : 80) &&
	       (strcmp(u->scheme, "http") == 0 || strcmp(u->scheme, "https") == 0);
}

/* Appends the origin of the page that has this address. False: it is no address. */
static bool add_origin(struct buf *out, struct str text)
{
	struct url u;

	if (url_parse(&u, text, NULL) != 0)
		return false;
	buf_addf(out, strchr(u.host, ':') ? "%s://[%s]" : "%s://%s", u.scheme, u.host);
	if (u.port && !is_default_port(&u))
		buf_addf(out, ":%d", u.port);
	url_fini(&u);
	return true;
}

static int refuse(struct str text, struct str meant, struct err *e)
{
	struct str quote = str_head(text, 100), better = str_head(meant, 120);
	const char *rule = has_scheme(text) ? "is scheme://host[:port]" : "begins with its scheme";

	if (meant.n)
		return err_set(e, ERR_USAGE,
			"--origin '" STR_FMT "': an origin %s, as a browser sends it: " STR_FMT,
			STR_ARG(quote), rule, STR_ARG(better));
	return err_set(e, ERR_USAGE,
		"--origin '" STR_FMT "': an origin %s, as a browser sends it, such as "
		"https://example.org ('*' lets in all)",
		STR_ARG(quote), rule);
}

int origin_check(struct str text, struct err *e)
{
	struct buf address = { 0 }, meant = { 0 };
	int rc = 0;

	if (str_eq(text, STR("*")) || str_eq(text, STR("null")))
		return 0;
	if (str_eq(text, STR("self")) || str_eq(text, STR("'self'")))
		return err_set(e, ERR_USAGE,
			"--origin '" STR_FMT
			"': pages of the server's own host are let in always",
			STR_ARG(text));
	buf_add_text(&address, has_scheme(text) ? "" : "https://");
	buf_add_str(&address, text);
	if (!add_origin(&meant, buf_str(&address)) || !str_case_eq(buf_str(&meant), text))
		rc = refuse(text, buf_str(&meant), e);
	buf_fini(&address);
	buf_fini(&meant);
	return rc;
}
