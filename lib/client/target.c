/* target.c - what a client asks of a server: request targets, and who it is */
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
