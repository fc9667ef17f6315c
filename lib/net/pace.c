/* pace.c - how fast a connection may publish
 *
 * Nothing is refused: who is ahead of his rate, or of that of his address, is not read for a
 * while. */
#include "base/mem.h"
#include "net/conn.h"

bool conn_is_throttled(const struct conn *c)
{
	return c->pace && deadline_is_set(&c->pace->resume);
}

static struct pace *pace(struct conn *c)
{
	if (!c->pace) {
		c->pace = mem_new(struct pace);
		c->pace->conn = c;
		deadline_init(&c->pace->resume);
	}
	return c->pace;
}

void conn_on_resume(struct deadline *d, void *net)
{
	(void)net;
	conn_dirty(list_entry(d, struct pace, resume)->conn); /* reads on */
}

static void throttle(struct conn *c, int64_t wait_ms)
{
	struct net *n = c->net;

	if (wait_ms <= 0 || conn_is_throttled(c))
		return;
	n->stats.throttled++;
	wheel_set(&n->throttled, &pace(c)->resume, n->now_ms + wait_ms);
}

static int64_t address_wait(const struct conn *c)
{
	const struct net *n = c->net;

	return c->addr && n->conf.address_publish_rate > 0
		? rate_wait(&c->addr->publications, n->conf.address_publish_rate, n->now_ms)
		: 0;
}

void conn_check_address(struct conn *c)
{
	throttle(c, address_wait(c));
}

void conn_pay(struct conn *c)
{
	const struct net_conf *conf = &c->net->conf;
	int64_t now_ms = c->net->now_ms, wait_ms = 0, address_ms;

	if (conf->publish_rate > 0) {
		rate_take(&pace(c)->published, conf->publish_rate, now_ms);
		wait_ms = rate_wait(&c->pace->published, conf->publish_rate, now_ms);
	}
	if (c->addr && conf->address_publish_rate > 0)
		rate_take(&c->addr->publications, conf->address_publish_rate, now_ms);
	address_ms = address_wait(c);
	throttle(c, address_ms > wait_ms ? address_ms : wait_ms);
}
