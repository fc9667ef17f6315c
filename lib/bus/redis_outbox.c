/* redis_outbox.c - the queue of what an instance publishes to its Redis */
#include "bus/redis_outbox.h"

#include "base/mem.h"

#define WINDOW_N      1024
#define WINDOW_BYTES  (4u << 20)
#define WAITING_BYTES (64u << 20)

void redis_outbox_init(struct redis_outbox *o)
{
	*o = (struct redis_outbox){ 0 };
	list_init(&o->waiting);
	list_init(&o->sent);
	list_init(&o->undelivered);
	list_init(&o->again);
}

bool redis_outbox_add(struct redis_outbox *o, int argc, const struct str *argv, uint64_t tag,
	const struct origin *origin)
{
	struct redis_out *r;
	size_t n = 0;
	char *p;

	for (int i = 0; i < argc; i++)
		n += argv[i].n;
	r = mem_zalloc(sizeof *r + n);
	r->tag = tag;
	r->argc = argc;
	r->bytes = n;
	list_init(&r->link);
	list_init(&r->match);
	p = r->text;
	for (int i = 0; i < argc; i++) {
		r->lens[i] = (uint32_t)argv[i].n;
		memcpy(p, argv[i].n ? argv[i].p : "", argv[i].n);
		p += argv[i].n;
	}
	list_add(&o->waiting, &r->link);
	o->waiting_bytes += n;
	if (origin) {
		r->origin = *origin;
		list_add(&o->undelivered, &r->match);
	}
	return o->waiting_bytes <= WAITING_BYTES;
}

static void send_one(
	struct redis_out *r, struct redis_link *l, redisCallbackFn *fn, void *arg)
{
	struct str argv[REDIS_OUT_ARGS];
	const char *p = r->text;

	for (int i = 0; i < r->argc; i++) {
		argv[i] = str_make(p, r->lens[i]);
		p += r->lens[i];
	}
	redis_link_send(l, fn, arg, r->argc, argv);
}

/* What was put back goes first. */
static void take_again(struct redis_outbox *o)
{
	while (!list_empty(&o->again)) {
		struct redis_out *r = list_entry(o->again.prev, struct redis_out, link);

		list_del(&r->link);
		list_add_first(&o->waiting, &r->link);
		o->waiting_bytes += r->bytes;
	}
}

void redis_outbox_send(
	struct redis_outbox *o, struct redis_link *l, redisCallbackFn *fn, void *arg)
{
	struct list *it;

	if (!list_empty(&o->again)) {
		if (o->n_sent)
			return;
		take_again(o);
	}
	while (o->n_sent < WINDOW_N && o->sent_bytes < WINDOW_BYTES && (it = list_pop(&o->waiting))) {
		struct redis_out *r = list_entry(it, struct redis_out, link);

		o->waiting_bytes -= r->bytes;
		o->sent_bytes += r->bytes;
		o->n_sent++;
		list_add(&o->sent, &r->link);
		send_one(r, l, fn, arg);
	}
}

struct redis_out *redis_outbox_replied(struct redis_outbox *o)
{
	struct list *it = list_pop(&o->sent);
	struct redis_out *r;

	if (!it)
		return NULL;
	r = list_entry(it, struct redis_out, link);
	o->n_sent--;
	o->sent_bytes -= r->bytes;
	return r;
}

void redis_outbox_again(struct redis_outbox *o, struct redis_out *r)
{
	list_add(&o->again, &r->link);
}

void redis_outbox_done(struct redis_out *r)
{
	if (list_empty(&r->link) && list_empty(&r->match))
		mem_free(r);
}

uint64_t redis_outbox_heard(struct redis_outbox *o, const struct origin *origin)
{
	list_for_each(it, &o->undelivered) {
		struct redis_out *r = list_entry(it, struct redis_out, match);
		uint64_t tag = r->tag;

		if (r->origin.n != origin->n || r->origin.live != origin->live ||
			r->origin.id != origin->id)
			continue; /* those in front were swallowed: they have no outcome yet */
		list_del(&r->match);
		r->tag = 0; /* it has its outcome */
		redis_outbox_done(r);
		return tag;
	}
	return 0;
}

static void lose_one(struct redis_out *r, bool was_sent,
	void (*tell)(void *arg, uint64_t tag, bool was_sent), void *arg)
{
	list_del(&r->link);
	list_del(&r->match);
	if (r->tag && tell)
		tell(arg, r->tag, was_sent);
	mem_free(r);
}

void redis_outbox_lose(struct redis_outbox *o,
	void (*tell)(void *arg, uint64_t tag, bool was_sent), void *arg)
{
	/* What is undelivered but not sent is told with those that wait, behind all that were. */
	list_for_each_safe(w, &o->waiting)
		list_del(&list_entry(w, struct redis_out, link)->match);
	list_for_each_safe(a, &o->undelivered)
		lose_one(list_entry(a, struct redis_out, match), true, tell, arg);
	list_for_each_safe(b, &o->sent)
		lose_one(list_entry(b, struct redis_out, link), true, tell, arg);
	list_for_each_safe(c, &o->again)
		lose_one(list_entry(c, struct redis_out, link), false, tell, arg);
	list_for_each_safe(d, &o->waiting)
		lose_one(list_entry(d, struct redis_out, link), false, tell, arg);
	redis_outbox_init(o);
}

void redis_outbox_fini(struct redis_outbox *o)
{
	redis_outbox_lose(o, NULL, NULL);
}
