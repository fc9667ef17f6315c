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

void client_rooms_target(
	const struct client *c, const char *path, size_t lane, struct str since, struct buf *out)
{
	client_target(c, path, out);
	for (size_t i = 0; i < c->rooms.n; i++) {
		if (c->rooms.v[i].lane == lane || lane == CLIENT_ALL_LANES)
			client_add_query(out, "room", str_of(c->rooms.v[i].name));
	}
	client_add_query(out, "since", since);
	client_add_query(out, "client", str_of(c->client_id));
	if (c->conf.user)
		client_add_query(out, "user_id", str_of(c->conf.user));
	if (c->conf.no_echo)
		client_add_query(out, "echo", STR("0"));
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

/* A URL out of a browser or of rt-wire(7): "ws://host/ws/lobby". */
static bool has_route(const char *path)
{
	static const char *const routes[] = { "ws", "events", "stream", "poll", "pub" };
	struct str rest = str_of(path);

	while (rest.p) {
		struct str segment = str_cut(rest, '/', &rest);

		for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
			if (str_eq(segment, str_of(routes[i])))
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

void client_status_text(
	const struct client *c, unsigned status, struct str detail, struct buf *out)
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
	if (add_path_advice(c, status, out))
		return;
	if (detail.n) {
		buf_addf(out, ": " STR_FMT, (int)(detail.n < 160 ? detail.n : 160), detail.p);
		return;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i].status == status)
			buf_addf(out, " (%s)", words[i].text);
	}
}
