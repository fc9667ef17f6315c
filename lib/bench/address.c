/* address.c - one server, by another transport */
#include "bench/address.h"

#include "base/mem.h"
#include "base/url.h"
#include "codec/name.h"

static const char *const schemes[TRANSPORTS] = {
	[TRANSPORT_WS] = "ws",
	[TRANSPORT_SSE] = "sse+http",
	[TRANSPORT_STREAM] = "http",
	[TRANSPORT_POLL] = "poll+http",
};

/* rt's own paths are below that of the URL, where a proxy puts the server. Those of other profiles
 * are whole. */
static struct str url_prefix(const struct profile *p, const struct url *u)
{
	struct str prefix = p->publish == PUBLISH_RT ? str_of(u->path) : STR("");

	while (prefix.n && prefix.p[prefix.n - 1] == '/')
		prefix.n--;
	return prefix;
}

/* `path` "": what stands in the URL. */
static char *make_url(const struct url *u, struct str prefix, const char *scheme,
	const char *path, const char *room)
{
	const struct profile_fill fill = { .room = str_of(room) };
	struct buf b = { 0 };
	char *text;

	buf_addf(&b, "%s%s://", scheme, url_is_tls(u) ? "s" : "");
	if (u->user) {
		url_encode(&b, str_of(u->user));
		buf_add_char(&b, ':');
		url_encode(&b, str_of(u->password ? u->password : ""));
		buf_add_char(&b, '@');
	}
	buf_addf(&b, strchr(u->host, ':') ? "[%s]" : "%s", u->host);
	if (u->port)
		buf_addf(&b, ":%d", u->port);
	if (*path) {
		buf_add_str(&b, prefix);
		profile_fill(&b, path, &fill);
	} else {
		buf_addf(&b, "%s%s%s", u->path, u->query ? "?" : "", u->query ? u->query : "");
	}
	text = mem_strdup(buf_cstr(&b));
	buf_fini(&b);
	return text;
}

char *address_room(const struct load_conf *conf, uint64_t run, unsigned i)
{
	struct buf b = { 0 };
	char *text;

	if (conf->room)
		buf_add_text(&b, conf->room);
	else
		buf_addf(&b, "bench.%09llx", (unsigned long long)run);
	if (conf->rooms > 1)
		buf_addf(&b, ".%u", i);
	text = mem_strdup(buf_cstr(&b));
	buf_fini(&b);
	return text;
}

/* A scheme only says what transport there is: of another one it would be another server's. */
static int check_scheme(const struct url *u, struct err *e)
{
	for (int i = 0; i < TRANSPORTS; i++) {
		size_t n = strlen(schemes[i]);
		if (strncmp(u->scheme, schemes[i], n) == 0 &&
			(!u->scheme[n] || strcmp(u->scheme + n, "s") == 0))
			return 0;
	}
	return err_set(e, ERR_UNSUPPORTED, "'%s:' is not built in (%s)", u->scheme,
		client_schemes());
}

static int check(const struct load_conf *conf, const struct url *u, struct err *e)
{
	const struct profile *p = conf->profile;

	if (strcmp(u->scheme, "unix") == 0)
		return err_set(e, ERR_UNSUPPORTED, "a load goes over TCP: give ws://HOST:PORT");
	if (check_scheme(u, e) < 0)
		return e->code;
	if (conf->subscribers && !p->ways[conf->transport].path)
		return err_set(e, ERR_UNSUPPORTED, "profile '%s' does not subscribe by %s", p->name,
			transport_names[conf->transport]);
	if (conf->publishers && p->publish == PUBLISH_NONE)
		return err_set(e, ERR_UNSUPPORTED, "profile '%s' does not publish", p->name);
	if (conf->room && p->publish == PUBLISH_RT)
		return room_name_check(str_of(conf->room), e);
	return 0;
}

static char *publish_url(const struct load_conf *conf, const struct url *u, const char *room)
{
	const struct profile *p = conf->profile;
	const char *path = p->publish_way.path ? p->publish_way.path : "";
	struct str prefix = url_prefix(p, u);

	if (p->publish == PUBLISH_RT)
		return make_url(
			u, prefix, conf->transport == TRANSPORT_WS ? "ws" : "http", "/", room);
	return make_url(u, prefix, p->publish == PUBLISH_WS ? "ws" : "http", path, room);
}

int addresses_make(struct addresses *a, const struct load_conf *conf, uint64_t run, struct err *e)
{
	const char *path = conf->profile->ways[conf->transport].path;
	struct buf safe = { 0 };
	struct url u;
	int r = url_parse(&u, str_of(conf->client.url ? conf->client.url : CLIENT_DEFAULT_URL), e);

	if (r < 0 || (r = check(conf, &u, e)) < 0)
		goto out;
	a->n = conf->rooms;
	a->rooms = mem_array(a->n, sizeof(*a->rooms));
	a->listen = mem_array(a->n, sizeof(*a->listen));
	for (unsigned i = 0; i < a->n; i++) {
		a->rooms[i] = address_room(conf, run, i);
		/* rt's client makes its own targets of a poll */
		a->listen[i] = make_url(&u, url_prefix(conf->profile, &u), schemes[conf->transport],
			!path || conf->transport == TRANSPORT_POLL ? "/" : path, a->rooms[i]);
	}
	a->publish = publish_url(conf, &u, a->rooms[0]);
	url_format_safe(&safe, &u);
	a->safe = mem_strdup(buf_cstr(&safe));
out:
	buf_fini(&safe);
	url_fini(&u);
	return r;
}

void addresses_fini(struct addresses *a)
{
	for (unsigned i = 0; i < a->n; i++) {
		mem_free(a->rooms[i]);
		mem_free(a->listen[i]);
	}
	mem_free(a->rooms);
	mem_free(a->listen);
	mem_free(a->publish);
	mem_free(a->safe);
	*a = (struct addresses){ 0 };
}
