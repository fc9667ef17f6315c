/* crowd.c - who connects when */
#include "bench/crowd.h"

#include "base/mem.h"

#define UNANSWERED 256 /* connections under way at a time, without a ramp */

static void connect_more(struct crowd *c);

static void on_ready(void *arg, struct listener *l)
{
	struct crowd *c = arg;

	(void)l;
	c->ready++;
	c->settled++;
	connect_more(c);
}

static void on_ended(void *arg, struct listener *l)
{
	struct crowd *c = arg;

	c->ended++;
	if (!listener_was_ready(l))
		c->settled++;
	connect_more(c);
}

void crowd_init(struct crowd *c, const struct listener_conf *conf, const struct client_conf *client,
	const struct addresses *addresses, const struct sources *sources, unsigned n,
	int64_t ramp_ms)
{
	*c = (struct crowd){
		.conf = *conf,
		.client = *client,
		.addresses = addresses,
		.sources = sources,
		.n = n,
		.has_ramp = ramp_ms > 0,
		.listeners = mem_array(n + 1, sizeof(*c->listeners)),
	};
	c->conf.ready = on_ready;
	c->conf.ended = on_ended;
	c->conf.arg = c;
	if (c->has_ramp)
		schedule_init(&c->ramp, (uint64_t)ramp_ms * 1000000, n * 1000.0 / (double)ramp_ms);
}

void crowd_fini(struct crowd *c)
{
	for (unsigned i = 0; i < c->begun; i++)
		listener_free(c->listeners[i]);
	mem_free(c->listeners);
}

/* --- coming ----------------------------------------------------------------------------------- */

static bool connect_one(struct crowd *c, uint64_t due_ns)
{
	unsigned room = c->begun % c->addresses->n;
	struct client_conf client = c->client;
	struct listener *l;

	client.url = c->addresses->listen[room];
	client.source = sources_of(c->sources, c->begun);
	l = listener_new(&c->conf, &client, room, c->addresses->rooms[room], due_ns, &c->err);
	if (!l) {
		c->closed = true;
		return false;
	}
	c->listeners[c->begun++] = l;
	return true;
}

static void connect_more(struct crowd *c)
{
	while (!c->has_ramp && !c->closed && c->begun < c->n &&
		c->begun < c->settled + UNANSWERED) {
		if (!connect_one(c, tally_now_ns()))
			return;
	}
}

uint64_t crowd_due(struct crowd *c)
{
	uint64_t now_ns = tally_now_ns(), due_ns;

	while (c->has_ramp && !c->closed && c->begun < c->n &&
		(due_ns = schedule_due(&c->ramp)) != SCHEDULE_END) {
		due_ns += c->start_ns;
		if (due_ns > now_ns)
			return due_ns;
		if (c->measured)
			hist_add(&c->conf.tally->result->lag, now_ns - due_ns);
		if (!connect_one(c, due_ns))
			break;
		schedule_pass(&c->ramp);
	}
	return SCHEDULE_END;
}

uint64_t crowd_start(struct crowd *c, uint64_t now_ns)
{
	c->start_ns = now_ns;
	connect_more(c);
	return crowd_due(c);
}

void crowd_close(struct crowd *c)
{
	c->closed = true;
}

bool crowd_is_settled(const struct crowd *c)
{
	return c->settled >= c->n;
}

unsigned crowd_alive(const struct crowd *c)
{
	return c->begun - c->ended;
}

/* --- being there ------------------------------------------------------------------------------ */

void crowd_drop(struct crowd *c)
{
	for (unsigned i = 0; i < c->begun; i++)
		listener_drop(c->listeners[i]);
}

bool crowd_is_complete(const struct crowd *c)
{
	for (unsigned i = 0; i < c->begun; i++) {
		if (!listener_is_complete(c->listeners[i]))
			return false;
	}
	return true;
}

void crowd_settle(struct crowd *c)
{
	for (unsigned i = 0; i < c->begun; i++)
		listener_settle(c->listeners[i]);
}

void crowd_leave(struct crowd *c)
{
	for (unsigned i = 0; i < c->begun; i++)
		listener_leave(c->listeners[i]);
}
