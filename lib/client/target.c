/* target.c - what a client asks of a server: request targets, who it is, and what an HTTP status
 * means */
#include "client/carrier.h"

#include "base/mem.h"

void client_target(const struct client *c, const char *path, struct buf *out)
{
	struct str base = strcmp(c->url.scheme, "unix") == 0 ? STR("") : str_of(c->url.path);

	while (base.n && base.p[base.n - 1] == '/')
		base.n--;
	buf_add_str(out, base);
	buf_add_text(out, path);
	if (c->url.query && *c->url.query)
		buf_addf(out, "%c%s", strchr(path, '?') ? '&' : '?', c->url.query);
}

void client_add_query(struct buf *target, const char *name, struct str value)
{
	buf_addf(target, "%c%s=", memchr(target->p, '?', target->n) ? '&' : '?', name);
	url_encode(target, value);
}

void client_authorization(const struct client *c, struct buf *out)
{
	struct buf pair = { 0 };

	if (c->conf.token) {
		buf_addf(out, "Bearer %s", c->conf.token);
	} else if (c->url.user) {
		buf_addf(&pair, "%s:%s", c->url.user, c->url.password ? c->url.password : "");
		buf_add_text(out, "Basic ");
		buf_add_base64(out, buf_str(&pair));
	}
	buf_fini(&pair);
}

int client_status_code(unsigned status)
{
	switch (status) {
	case 401:
	case 403: return ERR_DENIED;
	case 408:
	case 425:
	case 429: return ERR_CLOSED;
	case 404:
	case 405:
	case 426:
	case 501:
	case 505: return ERR_INVALID;
	default: return status >= 500 ? ERR_CLOSED : status >= 400 ? ERR_USAGE : ERR_INVALID;
	}
}

void client_status_text(unsigned status, struct str detail, struct buf *out)
{
	static const struct {
		unsigned status;
		const char *text;
	} words[] = {
		{ 200, "OK" },
		{ 301, "moved" },
		{ 302, "moved" },
		{ 400, "bad request" },
		{ 401, "unauthorized" },
		{ 403, "forbidden" },
		{ 404, "not found" },
		{ 413, "too large" },
		{ 426, "upgrade required" },
		{ 429, "too many requests" },
		{ 500, "internal error" },
		{ 501, "not implemented" },
		{ 502, "bad gateway" },
		{ 503, "unavailable" },
		{ 504, "gateway timeout" },
	};

	buf_addf(out, "the server answered %u", status);
	if (detail.n) {
		buf_addf(out, ": " STR_FMT, (int)(detail.n < 160 ? detail.n : 160), detail.p);
		return;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i].status == status)
			buf_addf(out, " (%s)", words[i].text);
	}
}
