/* listing.c - one GET and its table */
#include "client/listing.h"

#include "base/url.h"
#include "codec/name.h"

struct listing {
	uv_loop_t *loop;
	struct print *print;
	bool table;
	struct buf *out;
	struct err *e;
	struct client *client;
};

static void on_rooms(void *arg, int code, struct str body)
{
	struct listing *l = arg;

	if (code < 0)
		err_set(l->e, code, STR_FMT, STR_ARG(str_head(body, ERR_TEXT_MAX - 1)));
	else
		print_rooms(l->print, body, l->table, l->out, l->e);
	uv_stop(l->loop);
}

int listing_rooms(uv_loop_t *loop, const struct client_conf *conf, const char *pattern,
	struct print *p, bool table, struct buf *out, struct err *e)
{
	static const struct client_events none;
	struct listing l = { loop, p, table, out, e, NULL };
	struct buf path = { 0 };
	struct client *c;

	if (pattern && pattern_check(str_of(pattern), e) != 0)
		return ERR_USAGE;
	c = client_new(loop, conf, &none, NULL, e);
	if (!c)
		return e->code;
	l.client = c;
	buf_add_text(&path, pattern ? "/rooms?match=" : "/rooms");
	if (pattern)
		url_encode(&path, str_of(pattern));
	client_get(c, buf_cstr(&path), on_rooms, &l);
	uv_run(loop, UV_RUN_DEFAULT);
	client_free(c);
	buf_fini(&path);
	return e->code;
}
