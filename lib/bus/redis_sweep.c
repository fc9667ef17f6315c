/* redis_sweep.c - what other programs add to streams, looked for once a second
 *
 * Their entries are on no channel. A sweep reads all streams from where they were delivered to, in
 * parts; what leads there and is not rt's is delivered, and what is rt's will be heard. Streams that
 * nobody told of are found by a SCAN every tenth time. */
#include "bus/redis_stream.h"

#define PART        250 /* streams of an XREAD */
#define SCAN_SWEEPS 10

static void sweep_next(struct bus_stream *b);

static void take_foreign(struct bus_stream *b, const redisReply *stream)
{
	struct stream *s;
	const redisReply *list;

	if (stream->type != REDIS_REPLY_ARRAY || stream->elements != 2 ||
		stream->element[0]->type != REDIS_REPLY_STRING)
		return;
	s = redis_stream_get(b, redis_stream_room(b, str_make(stream->element[0]->str, stream->element[0]->len)));
	list = stream->element[1];
	for (size_t i = 0; i < list->elements; i++) {
		struct redis_entry e;

		b->scratch.n = 0;
		if (!redis_entry_read(list->element[i], &e, &b->scratch))
			continue;
		e.pos.epoch = b->epoch;
		if (pos_cmp(e.pos, s->cur) <= 0)
			continue;
		if (e.ours)
			return; /* it will be heard, and all behind it */
		redis_heard_deliver(b, s, e.pos, false, buf_str(&b->scratch));
	}
}

static void on_swept(redisAsyncContext *ac, void *data, void *arg)
{
	struct bus_stream *b = arg;
	const redisReply *r = data;

	(void)ac;
	if (!r || !b->up)
		return;
	if (r->type == REDIS_REPLY_ARRAY && !b->holding)
		for (size_t i = 0; i < r->elements; i++)
			take_foreign(b, r->element[i]);
	/* A key that is no stream spoils its part of the sweep, nothing else. */
	if (r->type == REDIS_REPLY_ERROR && !redis_refuses_for_good(r))
		redis_conn_fine(&b->conn, r);
	sweep_next(b);
}

static void on_epoch(redisAsyncContext *ac, void *data, void *arg)
{
	struct bus_stream *b = arg;
	const redisReply *r = data;

	(void)ac;
	if (r && b->up && redis_conn_fine(&b->conn, r) && redis_epoch_parse(r) != b->epoch)
		redis_stream_other_data(b);
}

static void scan(struct bus_stream *b, struct str cursor);

static void on_scanned(redisAsyncContext *ac, void *data, void *arg)
{
	struct bus_stream *b = arg;
	const redisReply *r = data;

	(void)ac;
	if (!r || !redis_conn_fine(&b->conn, r) || r->type != REDIS_REPLY_ARRAY ||
		r->elements != 2 || r->element[1]->type != REDIS_REPLY_ARRAY)
		return;
	redis_stream_add(b, r->element[1], 1);
	if (strcmp(r->element[0]->str, "0") != 0)
		scan(b, str_make(r->element[0]->str, r->element[0]->len));
}

static void scan(struct bus_stream *b, struct str cursor)
{
	struct buf glob = { 0 };
	struct str argv[] = { STR("SCAN"), cursor, STR("MATCH"), STR(""), STR("COUNT"), STR("1000"),
		STR("TYPE"), STR("stream") };

	redis_url_glob(&glob, b->url.prefix);
	argv[3] = buf_str(&glob);
	redis_link_send(b->conn.command, on_scanned, b, 8, argv);
	buf_fini(&glob);
}

static void sweep_next(struct bus_stream *b)
{
	struct str argv[2 * PART + 8] = { STR("XREAD"), STR("COUNT"), STR("100"), STR("STREAMS") };
	struct buf keys = { 0 }, ids = { 0 };
	size_t key_at[PART + 1], id_at[PART + 1], n = 0;
	const char *name = b->sweep.p + b->sweep_at, *end = b->sweep.p + b->sweep.n;

	if (b->sweep_at >= b->sweep.n) {
		b->sweeping = false;
		return;
	}
	for (; name < end && n < PART; n++, name += strlen(name) + 1) {
		key_at[n] = keys.n;
		id_at[n] = ids.n;
		buf_add_str(&keys, redis_stream_prefix(b));
		buf_add_text(&keys, name);
		redis_id_format(&ids, redis_stream_get(b, str_of(name))->cur);
	}
	key_at[n] = keys.n;
	id_at[n] = ids.n;
	for (size_t i = 0; i < n; i++) {
		argv[4 + i] = str_make(keys.p + key_at[i], key_at[i + 1] - key_at[i]);
		argv[4 + n + i] = str_make(ids.p + id_at[i], id_at[i + 1] - id_at[i]);
	}
	b->sweep_at = (size_t)(name - b->sweep.p);
	redis_link_send(b->conn.command, on_swept, b, (int)(4 + 2 * n), argv);
	buf_fini(&keys);
	buf_fini(&ids);
}

void redis_sweep(uv_timer_t *timer)
{
	struct bus_stream *b = timer->data;
	const struct str get_epoch[] = { STR("GET"), STR("rt:epoch") };

	if (!b->up || b->sweeping || b->conn.broken[0])
		return;
	redis_link_send(b->conn.command, on_epoch, b, 2, get_epoch);
	if (b->n_sweeps++ % SCAN_SWEEPS == 0)
		scan(b, STR("0"));
	b->sweep.n = b->sweep_at = 0;
	map_for_each(node, &b->streams) {
		buf_add_str(&b->sweep, node->key);
		buf_add_char(&b->sweep, '\0');
	}
	b->sweeping = true;
	sweep_next(b);
}
