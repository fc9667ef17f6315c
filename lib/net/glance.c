/* glance.c - HEAD of what GET would stream: the head of that answer, and no more
 *
 * The rooms are opened as for GET, so that every refusal and every position is the same; when the
 * start is known they are left again. Nobody has joined: the server does not count who only looks
 * (conn.head_only). */
#include "net/glance.h"

#include "base/mem.h"
#include "net/http.h"

#define LOCATE_MS 30000 /* for the bus to say where that is */

struct glance {
	glance_fn *write_head;
};

static void drain(struct conn *c)
{
	struct glance *g = c->state;
	struct pos next;
	struct peek p;

	switch (feed_peek(&c->sub->feed, &p)) {
	case PEEK_WAIT:
		return;
	case PEEK_GAP:
		next = p.gap.after; /* a gap yet to be told: what the client came with */
		break;
	default:
		next = c->sub->feed.pos;
	}
	g->write_head(c, conn_lane(c), next);
	conn_next_request(c);
}

static void tick(struct conn *c)
{
	http_problem(c, 503, STR("the bus did not say in time where that is"));
}

static void bye(struct conn *c, unsigned code, struct str reason)
{
	(void)code;
	http_refuse(c, 503, reason);
}

static void glance_free(struct conn *c)
{
	mem_free(c->state);
}

static const struct transport transport_glance = {
	.name = "head",
	.drain = drain,
	.tick = tick,
	.bye = bye,
	.free = glance_free,
};

void glance_open(struct conn *c, glance_fn *write_head)
{
	struct glance *g = mem_new(struct glance);

	g->write_head = write_head;
	c->state = g;
	c->transport = &transport_glance;
	c->busy = true; /* a pipelined request waits */
	conn_deadline(c, c->net->now_ms + LOCATE_MS);
}
