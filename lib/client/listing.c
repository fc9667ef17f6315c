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
};

static void on_rooms(void *arg, int status, struct str body)
{
	struct listing *l = arg;

	if (status == 0)
		err_set(l->e, ERR_CLOSED, STR_FMT, STR_ARG(str_head(body, ERR_TEXT_MAX - 1)));
	else if (status == 401 || status == 403)
		err_set(l->e, ERR_DENIED, "cannot list rooms: not allowed (status %d)", status);
	else if (status != 200)
		err_set(l->e, ERR_INVALID, "cannot list rooms: the server answers with status %d",
			status);
	else
		print_rooms(l->print, body, l->table, l->out, l->e);
	uv_stop(l->loop);
}

int listing_rooms(uv_loop_t *loop, const struct client_conf *conf, const char *pattern,
	struct print *p, bool table, struct buf *out, struct err *e)
{
	static const struct client_events none;
	struct listing l = { loop, p, table, out, e };
	struct buf path = { 0 };
	struct client *c;

	if (pattern && pattern_check(str_of(pattern), e) != 0)
		return ERR_USAGE;
	c = client_new(loop, conf, &none, NULL, e);
	if (!c)
		return e->code;
	buf_add_text(&path, pattern ? "/rooms?match=" : "/rooms");
	if (pattern)
		url_encode(&path, str_of(pattern));
	client_get(c, buf_cstr(&path), on_rooms, &l);
	uv_run(loop, UV_RUN_DEFAULT);
	client_free(c);
	buf_fini(&path);
	return e->code;
}
