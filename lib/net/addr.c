/* addr.c - a map of addresses, a list of those without connections, and a wheel on which all wait
 *
 * What a limit is and what is answered is decided in net.c and http.c. */
#include "net/addr.h"

#include "base/mem.h"

#include <arpa/inet.h>

struct run {
	struct addrs *as;
	int64_t now_ms;
};

void addrs_init(struct addrs *as, addr_say *say, void *arg, int64_t now_ms)
{
	*as = (struct addrs){ .say = say, .arg = arg };
	list_init(&as->idle);
	wheel_init(&as->wheel, now_ms);
}

static void forget(struct addrs *as, struct addr *a)
{
	if (!list_empty(&a->idle))
		as->n_idle--;
	list_del(&a->idle);
	wheel_del(&as->wheel, &a->deadline);
	map_del(&as->map, &a->node);
	mem_free(a);
}

static void free_one(struct map_node *node, void *arg)
{
	forget(arg, map_entry(node, struct addr, node));
}

void addrs_fini(struct addrs *as)
{
	map_each(&as->map, free_one, as);
	map_fini(&as->map);
}

struct addr *addr_get(struct addrs *as, struct str bytes)
{
	struct map_node *node = map_find(&as->map, bytes);
	struct addr *a;

	if (node)
		return map_entry(node, struct addr, node);
	a = mem_new(struct addr);
	memcpy(a->bytes, bytes.p, bytes.n);
	list_init(&a->idle);
	deadline_init(&a->deadline);
	map_add(&as->map, &a->node, str_make((char *)a->bytes, bytes.n));
	return a;
}

static void say_unsaid(struct addrs *as, struct addr *a)
{
	for (int i = 0; i < ADDR_LIMITS; i++) {
		uint64_t n = a->unsaid[i];

		a->unsaid[i] = 0;
		if (n)
			as->say(as->arg, a, (enum addr_limit)i, n);
	}
}

void addr_join(struct addrs *as, struct addr *a)
{
	a->n_conns++;
	if (!list_empty(&a->idle))
		as->n_idle--;
	list_del(&a->idle);
}

static void become_idle(struct addrs *as, struct addr *a)
{
	struct addr *oldest;

	if (!list_empty(&a->idle))
		return;
	list_add(&as->idle, &a->idle);
	if (++as->n_idle <= ADDR_IDLE_MAX)
		return;
	oldest = list_entry(as->idle.next, struct addr, idle);
	say_unsaid(as, oldest);
	forget(as, oldest);
}

void addr_settle(struct addrs *as, struct addr *a, int64_t now_ms)
{
	double due = a->requests.due_ms > a->publications.due_ms ? a->requests.due_ms
								 : a->publications.due_ms;
	int64_t at = a->period_end_ms;

	if (a->n_conns == 0 && due > (double)now_ms && due > (double)at)
		at = (int64_t)due + 1;
	if (at)
		wheel_set(&as->wheel, &a->deadline, at);
	if (a->n_conns == 0 && at)
		become_idle(as, a);
	else if (a->n_conns == 0)
		forget(as, a);
}

void addr_leave(struct addrs *as, struct addr *a, int64_t now_ms)
{
	a->n_conns--;
	addr_settle(as, a, now_ms);
}

void addr_refused(struct addrs *as, struct addr *a, enum addr_limit limit, int64_t now_ms)
{
	a->unsaid[limit]++;
	if (a->period_end_ms)
		return;
	a->period_end_ms = now_ms + ADDR_PERIOD_MS;
	wheel_set(&as->wheel, &a->deadline, a->period_end_ms);
	say_unsaid(as, a);
}

static bool has_unsaid(const struct addr *a)
{
	for (int i = 0; i < ADDR_LIMITS; i++)
		if (a->unsaid[i])
			return true;
	return false;
}

static void on_deadline(struct deadline *d, void *arg)
{
	struct run *run = arg;
	struct addr *a = list_entry(d, struct addr, deadline);

	if (a->period_end_ms && a->period_end_ms <= run->now_ms) {
		a->period_end_ms = has_unsaid(a) ? run->now_ms + ADDR_PERIOD_MS : 0;
		say_unsaid(run->as, a);
	}
	addr_settle(run->as, a, run->now_ms);
}

void addrs_run(struct addrs *as, int64_t now_ms)
{
	wheel_run(&as->wheel, now_ms, on_deadline, &(struct run){ as, now_ms });
}

void buf_add_addr(struct buf *b, const struct addr *a)
{
	unsigned char full[16] = { 0 };
	char text[INET6_ADDRSTRLEN] = "";
	bool v4 = a->node.key.n == 4;

	memcpy(full, a->bytes, sizeof a->bytes);
	inet_ntop(v4 ? AF_INET : AF_INET6, full, text, sizeof text);
	buf_addf(b, "%s%s", text, v4 ? "" : "/64");
}
