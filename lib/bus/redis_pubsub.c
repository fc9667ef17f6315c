/* redis_pubsub.c - Redis Pub/Sub as a bus: everybody connected hears it, nothing is kept
 *
 *      publish -> PUBLISH room:NAME {"_origin":"id.n",...payload} -> PSUBSCRIBE room:* -> deliver
 *
 * Positions are the worker's, and so is deduplication. A publication is proved by hearing it. Each
 * connection numbers what it publishes (origins.h), so that what Redis drops on the way is a hole;
 * what was published while our own connection was gone is one as well. */
#include "bus/bus.h"

#include "base/clock.h"
#include "base/mem.h"
#include "bus/envelope.h"
#include "bus/origins.h"
#include "bus/redis_conn.h"
#include "bus/redis_outbox.h"

#define TOKENS "rt:token:" /* with an empty prefix they are heard as well */

extern const struct bus_ops bus_redis;

struct bus_redis {
	struct bus bus;
	struct redis_url url;
	struct redis_conn conn;
	struct redis_outbox out;
	struct origin last;      /* what was published last on this connection */
	struct origins origins;
	struct envelope envelope;
	struct buf channel, origin, message;
	bool begun, up, was_up;
};

/* --- publishing ------------------------------------------------------------------------------- */

static void pubsub_publish(
	struct bus *bus, struct str room, struct str bytes, const struct bus_meta *m, uint64_t tag)
{
	struct bus_redis *b = (struct bus_redis *)bus;
	struct origin next = b->last;
	struct str argv[3] = { STR("PUBLISH") };

	if (m->live) {
		next.live++;
	} else {
		next.n++;
		next.live = 0;
	}
	b->channel.n = b->origin.n = b->message.n = 0;
	buf_add_text(&b->channel, b->url.prefix);
	buf_add_str(&b->channel, room);
	origin_format(&b->origin, &next);
	envelope_write(&b->message, bytes, m, buf_str(&b->origin));
	argv[1] = buf_str(&b->channel);
	argv[2] = buf_str(&b->message);
	b->last = next;
	if (!redis_outbox_add(&b->out, 3, argv, tag, &next))
		redis_conn_break(&b->conn, "it does not keep up with what is published");
}

/* The server said no. What holds for this message alone is for good; anything else is the server's
 * state, and then nothing later may overtake this one. */
static void refused(struct bus_redis *b, struct redis_out *r, const redisReply *reply)
{
	struct str why = str_make(reply->str, reply->len);
	bool for_good = redis_refuses_for_good(reply);

	list_del(&r->match);
	if (r->tag)
		b->bus.events->published(b->bus.arg, r->tag,
			for_good ? BUS_REFUSED : BUS_UNAVAILABLE, (struct pos){ 0 }, why);
	r->tag = 0;
	if (!for_good)
		redis_conn_fine(&b->conn, reply);
}

static void on_reply(redisAsyncContext *ac, void *data, void *arg)
{
	struct bus_redis *b = arg;
	const redisReply *reply = data;
	struct redis_out *r;

	(void)ac;
	if (!reply)
		return; /* what is under way is lost all at once */
	r = redis_outbox_replied(&b->out);
	if (reply->type == REDIS_REPLY_ERROR)
		refused(b, r, reply);
	redis_outbox_done(r);
}

/* --- hearing ---------------------------------------------------------------------------------- */

static void on_heard(void *arg, struct str channel, struct str bytes)
{
	struct bus_redis *b = arg;
	struct envelope *v = &b->envelope;
	struct origin from;

	if (!b->up || str_starts(channel, STR(TOKENS)))
		return;
	envelope_read(v, bytes, clock_wall_ms());
	if (origin_parse(v->origin, &from) == 0) {
		if (from.id == b->last.id)
			v->meta.tag = redis_outbox_heard(&b->out, &from);
		if (origins_heard(&b->origins, &from))
			b->bus.events->hole(b->bus.arg, (struct pos){ 0 });
	}
	b->bus.events->deliver(b->bus.arg, str_skip(channel, strlen(b->url.prefix)),
		(struct pos){ 0 }, v->payload, &v->meta);
}

/* --- up and down ------------------------------------------------------------------------------ */

static void on_listening(void *arg)
{
	struct bus_redis *b = arg;

	b->last = (struct origin){ 0 };
	rand_bytes(&b->last.id, sizeof b->last.id);
	origins_clear(&b->origins);
	redis_conn_up(&b->conn);
	b->up = true;
	b->bus.events->state(b->bus.arg, true, (struct pos){ 0 }, STR(""));
	if (b->was_up) /* nobody knows what was published meanwhile */
		b->bus.events->hole(b->bus.arg, (struct pos){ 0 });
	b->was_up = true;
}

static void tell_lost(void *arg, uint64_t tag, bool was_sent)
{
	struct bus_redis *b = arg;

	b->bus.events->published(b->bus.arg, tag, was_sent ? BUS_UNKNOWN : BUS_UNAVAILABLE,
		(struct pos){ 0 }, STR("the connection to Redis broke"));
}

static void on_down(void *arg, struct str why)
{
	struct bus_redis *b = arg;
	struct buf text = { 0 };

	redis_outbox_lose(&b->out, tell_lost, b);
	b->up = false;
	buf_addf(&text, "redis '%s': " STR_FMT, b->url.name, STR_ARG(why));
	b->bus.events->state(b->bus.arg, false, (struct pos){ 0 }, buf_str(&text));
	buf_fini(&text);
}

static void on_closed(void *arg)
{
	struct bus_redis *b = arg;

	redis_outbox_fini(&b->out);
	origins_fini(&b->origins);
	envelope_fini(&b->envelope);
	buf_fini(&b->channel);
	buf_fini(&b->origin);
	buf_fini(&b->message);
	redis_url_fini(&b->url);
	mem_free(b);
}

static const struct redis_conn_events events = {
	.listening = on_listening,
	.heard = on_heard,
	.down = on_down,
	.closed = on_closed,
};

/* --- opening and closing ---------------------------------------------------------------------- */

static int pubsub_open(struct bus **out, const struct url *url, struct err *e)
{
	struct bus_redis *b = mem_new(struct bus_redis);
	int rc = redis_url_read(&b->url, url, "room:", e);

	if (rc) {
		mem_free(b);
		return rc;
	}
	redis_outbox_init(&b->out);
	origins_init(&b->origins);
	*out = &b->bus;
	return 0;
}

static void pubsub_close(struct bus *bus)
{
	struct bus_redis *b = (struct bus_redis *)bus;

	if (b->begun)
		redis_conn_close(&b->conn);
	else
		on_closed(b);
}

static void pubsub_turn(struct bus *bus)
{
	struct bus_redis *b = (struct bus_redis *)bus;

	if (!b->begun) {
		b->begun = true;
		redis_conn_open(&b->conn, bus->loop, &b->url, false, &events, b);
	}
	if (b->up)
		redis_outbox_send(&b->out, b->conn.command, on_reply, b);
	redis_conn_turn(&b->conn);
	if (!b->up)
		redis_outbox_lose(&b->out, tell_lost, b);
}

const struct bus_ops bus_redis = {
	.scheme = "redis",
	.also = (const char *const[]){ "redis+unix", "rediss", NULL },
	.what = "Redis Pub/Sub: all instances hear everything, each keeps its own history",
	.caps = 0,
	.open = pubsub_open,
	.close = pubsub_close,
	.publish = pubsub_publish,
	.turn = pubsub_turn,
};
