/* redis_stream.c - Redis Streams as a bus: one order over all rooms, kept and read again
 *
 *      publish -> script: XADD stream:NAME, PUBLISH stream:NAME "epoch p id {...}" -> reply: the id
 *                                                |
 *      heard, in the order of ids <--------------'       p: the entry before it in its stream
 *        p <= cur   deliver
 *        p >  cur   others added something: everything heard is held while (cur, p] is read
 *
 * A stream's `cur` is how far it was delivered. What other programs XADD is also looked for once a
 * second (sweep). After an outage everything behind `head` is read before what was heard meanwhile
 * is delivered. Another epoch is another log: the worker is told so by `state`. */
#include "bus/redis_stream.h"

#include "base/mem.h"
#include "bus/redis_script.h"
#include "codec/name.h"

#include <stdio.h>

#define SWEEP_MS 1000

extern const struct bus_ops bus_redis_stream;

/* --- streams ------------------------------------------------------------------------------------- */

struct stream *redis_stream_get(struct bus_stream *b, struct str name)
{
	struct map_node *node = map_find(&b->streams, name);
	struct stream *s;

	if (node)
		return map_entry(node, struct stream, node);
	s = mem_zalloc(sizeof *s + name.n + 1);
	memcpy(s->name, name.n ? name.p : "", name.n);
	s->cur = b->start;
	map_add(&b->streams, &s->node, str_make(s->name, name.n));
	return s;
}

static void stream_free(struct map_node *node, void *arg)
{
	map_del(arg, node);
	mem_free(map_entry(node, struct stream, node));
}

void redis_stream_add(struct bus_stream *b, const redisReply *names, size_t step)
{
	for (size_t i = 0; i < names->elements; i += step) {
		const redisReply *name = names->element[i];
		struct str key = str_make(name->str, name->len);

		if (name->type == REDIS_REPLY_STRING && str_starts(key, redis_stream_prefix(b)) &&
			room_name_check(redis_stream_room(b, key), NULL) == 0)
			redis_stream_get(b, redis_stream_room(b, key));
	}
}

void redis_stream_other_data(struct bus_stream *b)
{
	redis_conn_break(&b->conn, "its data is another");
}

/* --- publishing ---------------------------------------------------------------------------------- */

static void publish_live(struct bus_stream *b, struct str bytes, const struct bus_meta *m, uint64_t tag)
{
	struct str argv[3] = { STR("PUBLISH"), buf_str(&b->key) };

	b->front.n = 0;
	buf_add_text(&b->front, "- - - ");
	envelope_write(&b->front, bytes, m, STR(""));
	argv[2] = buf_str(&b->front);
	redis_outbox_add(&b->out, 3, argv, tag, NULL);
}

static void stream_publish(
	struct bus *bus, struct str room, struct str bytes, const struct bus_meta *m, uint64_t tag)
{
	struct bus_stream *b = (struct bus_stream *)bus;
	struct str argv[REDIS_OUT_ARGS] = { STR("EVALSHA"), redis_script_sha(SCRIPT_PUBLISH) };
	char most[24], dedup_ms[24], epoch[17];
	uint64_t fresh;
	int n = 3;

	b->key.n = b->front.n = b->scratch.n = b->dedup.n = 0;
	buf_add_str(&b->key, redis_stream_prefix(b));
	buf_add_str(&b->key, room);
	if (m->live) {
		publish_live(b, bytes, m, tag);
		return;
	}
	/* In front of the payload's members, or of its '}'. */
	buf_add_char(&b->front, '{');
	envelope_members(&b->front, m, STR(""));
	if (b->front.n > 1 && str_starts(str_skip(bytes, 1), STR("}")))
		b->front.n--;
	buf_add_text(&b->dedup, "rt:dedup:");
	buf_add_str(&b->dedup, buf_str(&b->key));
	buf_add_char(&b->dedup, ':');
	buf_add_str(&b->dedup, m->dedup);
	rand_bytes(&fresh, sizeof fresh);
	snprintf(epoch, sizeof epoch, "%016llx", (unsigned long long)fresh);
	snprintf(most, sizeof most, "%llu", (unsigned long long)b->bus.limits.history);
	snprintf(dedup_ms, sizeof dedup_ms, "%lld", (long long)b->bus.limits.dedup_ms);
	argv[n++] = buf_str(&b->key);
	argv[n++] = STR("rt:epoch");
	argv[n++] = STR("rt:last");
	argv[n++] = STR("rt:rooms");
	argv[n++] = STR("rt:begin");
	argv[2] = STR("5");
	if (m->dedup.n && b->bus.limits.dedup_ms > 0) {
		argv[n++] = buf_str(&b->dedup);
		argv[2] = STR("6");
	}
	argv[n++] = bytes;
	argv[n++] = buf_str(&b->front);
	argv[n++] = str_of(most);
	argv[n++] = str_of(epoch);
	argv[n++] = str_of(dedup_ms);
	redis_entry_fields(m, argv, &n, &b->scratch);
	if (!redis_outbox_add(&b->out, n, argv, tag, NULL))
		redis_conn_break(&b->conn, "it does not keep up with what is published");
}

static void tell(struct bus_stream *b, uint64_t tag, enum bus_outcome what, struct pos pos,
	struct str why)
{
	if (tag)
		b->bus.events->published(b->bus.arg, tag, what, pos, why);
}

/* What holds for this message alone is for good; anything else is the server's state, and then
 * nothing later may overtake this one. */
static void on_error(struct bus_stream *b, struct redis_out *r, const redisReply *reply)
{
	bool for_good = redis_refuses_for_good(reply);

	if (strncmp(reply->str, "NOSCRIPT", 8) == 0) {
		b->reads.wants_scripts = true;
		redis_outbox_again(&b->out, r);
		return;
	}
	tell(b, r->tag, for_good ? BUS_REFUSED : BUS_UNAVAILABLE, (struct pos){ 0 },
		str_make(reply->str, reply->len));
	if (!for_good)
		redis_conn_fine(&b->conn, reply);
	redis_outbox_done(r);
}

static void on_published(redisAsyncContext *ac, void *data, void *arg)
{
	struct bus_stream *b = arg;
	const redisReply *reply = data;
	struct redis_out *r;
	struct pos pos = { 0 };

	(void)ac;
	if (!reply)
		return;
	r = redis_outbox_replied(&b->out);
	if (reply->type == REDIS_REPLY_ERROR) {
		on_error(b, r, reply);
		return;
	}
	if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
		redis_id_parse(str_make(reply->element[1]->str, reply->element[1]->len), &pos) == 0) {
		pos.epoch = redis_epoch_parse(reply->element[0]);
		tell(b, r->tag, reply->element[2]->integer ? BUS_DUP : BUS_OK, pos, STR(""));
		if (pos.epoch != b->epoch)
			redis_stream_other_data(b);
	} else {
		tell(b, r->tag, BUS_OK, pos, STR("")); /* it is not kept */
	}
	redis_outbox_done(r);
}

/* --- up and down --------------------------------------------------------------------------------- */

static void on_loaded(redisAsyncContext *ac, void *data, void *arg)
{
	struct bus_stream *b = arg;

	(void)ac;
	redis_conn_fine(&b->conn, data);
}

static void load_scripts(struct bus_stream *b)
{
	for (int i = 0; i < SCRIPTS; i++) {
		const struct str argv[] = { STR("SCRIPT"), STR("LOAD"),
			redis_script_text((enum redis_script)i) };

		redis_link_send(b->conn.command, on_loaded, b, 3, argv);
	}
	b->reads.wants_scripts = false;
}

/* All names are known: from here on it is served. */
static void go_up(struct bus_stream *b)
{
	redis_conn_up(&b->conn);
	if (b->conn.broken[0])
		return;
	b->up = true;
	b->spilled = false;
	b->bus.events->state(b->bus.arg, true, b->start, STR(""));
	redis_heard_catch_up(b);
}

static void on_rooms(redisAsyncContext *ac, void *data, void *arg)
{
	struct bus_stream *b = arg;
	const redisReply *r = data;

	(void)ac;
	if (!redis_conn_fine(&b->conn, r))
		return;
	if (r->type == REDIS_REPLY_ARRAY)
		redis_stream_add(b, r, 2);
	go_up(b);
}

static void begin_epoch(struct bus_stream *b, struct pos start)
{
	b->epoch = start.epoch;
	b->start = b->head = b->newest = start;
	b->ours = (struct pos){ .epoch = start.epoch };
	map_for_each(node, &b->streams)
		map_entry(node, struct stream, node)->cur = start;
}

static void on_hello(redisAsyncContext *ac, void *data, void *arg)
{
	static const struct str rooms[] = { STR("HGETALL"), STR("rt:rooms") };
	struct bus_stream *b = arg;
	const redisReply *r = data;
	struct pos begin, last;

	(void)ac;
	if (!redis_conn_fine(&b->conn, r))
		return;
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 3 || !r->element[1]->str ||
		!r->element[2]->str || redis_id_parse(str_of(r->element[1]->str), &begin) != 0 ||
		redis_id_parse(str_of(r->element[2]->str), &last) != 0 ||
		(last.epoch = redis_epoch_parse(r->element[0])) == 0) {
		redis_conn_break(&b->conn, "the keys 'rt:epoch' and 'rt:last' are not rt's");
		return;
	}
	begin.epoch = last.epoch;
	if (b->epoch == 0)
		begin_epoch(b, last);
	else if (b->epoch != last.epoch)
		begin_epoch(b, begin); /* nothing of the other log was seen */
	redis_link_send(b->conn.command, on_rooms, b, 2, rooms);
}

static void on_listening(void *arg)
{
	struct bus_stream *b = arg;
	struct str argv[] = { STR("EVALSHA"), redis_script_sha(SCRIPT_HELLO), STR("3"),
		STR("rt:epoch"), STR("rt:begin"), STR("rt:last"), STR(""), STR(""), STR("") };
	struct buf head = { 0 };
	char fresh_text[17], epoch[17];
	uint64_t fresh;

	b->holding = true;
	b->spilled = false;
	buf_fini(&b->held);
	load_scripts(b);
	rand_bytes(&fresh, sizeof fresh);
	snprintf(fresh_text, sizeof fresh_text, "%016llx", (unsigned long long)(fresh ? fresh : 1));
	snprintf(epoch, sizeof epoch, "%016llx", (unsigned long long)b->epoch);
	redis_id_format(&head, b->ours);
	argv[6] = str_of(fresh_text);
	argv[7] = str_of(epoch);
	argv[8] = buf_str(&head);
	redis_link_send(b->conn.command, on_hello, b, 9, argv);
	buf_fini(&head);
}

static void tell_lost(void *arg, uint64_t tag, bool was_sent)
{
	tell(arg, tag, was_sent ? BUS_UNKNOWN : BUS_UNAVAILABLE, (struct pos){ 0 },
		STR("the connection to Redis broke"));
}

static void on_down(void *arg, struct str why)
{
	struct bus_stream *b = arg;
	struct buf text = { 0 };

	b->up = b->sweeping = false;
	redis_outbox_lose(&b->out, tell_lost, b);
	redis_reads_down(&b->reads);
	buf_addf(&text, "redis '%s': " STR_FMT, b->url.name, STR_ARG(why));
	b->bus.events->state(b->bus.arg, false, b->head, buf_str(&text));
	buf_fini(&text);
}

/* --- opening and closing ------------------------------------------------------------------------- */

static void free_all(struct bus_stream *b)
{
	struct buf *const bufs[] = { &b->held, &b->key, &b->scratch, &b->front, &b->dedup, &b->sweep };

	redis_outbox_fini(&b->out);
	redis_reads_fini(&b->reads);
	envelope_fini(&b->envelope);
	map_each(&b->streams, stream_free, &b->streams);
	map_fini(&b->streams);
	for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
		buf_fini(bufs[i]);
	redis_url_fini(&b->url);
	mem_free(b);
}

static void on_closed(void *arg)
{
	struct bus_stream *b = arg;

	if (--b->n_open == 0)
		free_all(b);
}

static void on_timer_closed(uv_handle_t *handle)
{
	on_closed(handle->data);
}

static const struct redis_conn_events events = {
	.listening = on_listening,
	.heard = redis_heard,
	.down = on_down,
	.closed = on_closed,
};

static int stream_open(struct bus **out, const struct url *url, struct err *e)
{
	struct bus_stream *b = mem_new(struct bus_stream);
	int rc = redis_url_read(&b->url, url, "stream:", e);

	if (rc) {
		mem_free(b);
		return rc;
	}
	if (b->url.prefix[0] == '\0') {
		rc = err_set(e, ERR_USAGE, "bus 'redis+stream:' needs a prefix: its keys are others' too");
		redis_url_fini(&b->url);
		mem_free(b);
		return rc;
	}
	redis_outbox_init(&b->out);
	redis_reads_init(&b->reads, &b->conn);
	*out = &b->bus;
	return 0;
}

static void stream_close(struct bus *bus)
{
	struct bus_stream *b = (struct bus_stream *)bus;

	b->up = false;
	if (!b->begun) {
		free_all(b);
		return;
	}
	uv_close((uv_handle_t *)&b->sweep_timer, on_timer_closed);
	redis_conn_close(&b->conn);
}

static void begin(struct bus_stream *b)
{
	b->begun = true;
	b->n_open = 2;
	redis_conn_open(&b->conn, b->bus.loop, &b->url, true, &events, b);
	uv_timer_init(b->bus.loop, &b->sweep_timer);
	b->sweep_timer.data = b;
	uv_timer_start(&b->sweep_timer, redis_sweep, SWEEP_MS, SWEEP_MS);
}

static void stream_turn(struct bus *bus)
{
	struct bus_stream *b = (struct bus_stream *)bus;

	if (!b->begun)
		begin(b);
	if (b->up && !b->conn.broken[0]) {
		if (b->reads.wants_scripts)
			load_scripts(b);
		redis_reads_turn(&b->reads);
		redis_outbox_send(&b->out, b->conn.command, on_published, b);
	}
	redis_conn_turn(&b->conn);
	if (!b->up)
		redis_outbox_lose(&b->out, tell_lost, b);
}

const struct bus_ops bus_redis_stream = {
	.scheme = "redis+stream",
	.also = (const char *const[]){ "redis+stream+unix", "rediss+stream", NULL },
	.what = "Redis Streams: one order and history on all instances",
	.caps = BUS_ORDERED | BUS_REPLAY | BUS_DURABLE | BUS_DEDUP,
	.open = stream_open,
	.close = stream_close,
	.publish = stream_publish,
	.replay = redis_history_replay,
	.locate = redis_history_locate,
	.turn = stream_turn,
};
