/* lookup.c - the addresses of a host
 *
 * References: of the hub's list, for as long as the answer is fresh; of the question, while it is
 * under way; of each link that walks over the addresses. */
#include "client/lookup.h"

#include "base/clock.h"
#include "base/mem.h"

#define FRESH_MS 1000

static void forget(struct lookup *l)
{
	if (list_empty(&l->node))
		return;
	list_del(&l->node);
	lookup_unref(l);
}

void lookup_unref(struct lookup *l)
{
	if (!l)
		return;
	if (--l->refs) {
		if (l->pending && list_empty(&l->waits))
			uv_cancel((uv_req_t *)&l->req); /* or it comes to its end unheard */
		return;
	}
	if (l->addrs)
		freeaddrinfo(l->addrs);
	mem_free(l->host);
	mem_free(l);
}

void lookups_forget(struct hub *h)
{
	while (!list_empty(&h->lookups))
		forget(list_entry(h->lookups.next, struct lookup, node));
}

static void on_answer(uv_getaddrinfo_t *req, int status, struct addrinfo *addrs)
{
	struct lookup *l = list_entry(req, struct lookup, req);
	struct list waits = LIST_INIT(waits), *it;

	l->pending = false;
	l->status = status;
	l->addrs = addrs;
	l->at_ms = clock_ms();
	if (status < 0)
		forget(l);
	list_splice(&waits, &l->waits);
	while ((it = list_pop(&waits))) {
		struct lookup_wait *w = list_entry(it, struct lookup_wait, node);
		w->done(w);
	}
	lookup_unref(l);
}

static bool is_fresh(const struct lookup *l)
{
	if (l->pending)
		return !list_empty(&l->waits); /* else it was given up */
	return clock_ms() - l->at_ms < FRESH_MS;
}

static struct lookup *find(struct hub *h, const char *host)
{
	struct lookup *found = NULL;

	list_for_each_safe(it, &h->lookups) {
		struct lookup *l = list_entry(it, struct lookup, node);
		if (!is_fresh(l))
			forget(l);
		else if (strcmp(l->host, host) == 0)
			found = l;
	}
	return found;
}

static void ask(struct hub *h, struct lookup *l)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };

	hints.ai_flags = AI_NUMERICHOST;
	if (getaddrinfo(l->host, NULL, &hints, &l->addrs) == 0)
		return;
	l->addrs = NULL;
	hints.ai_flags = 0;
	l->status = uv_getaddrinfo(h->loop, &l->req, on_answer, l->host, NULL, &hints);
	if (l->status < 0)
		return; /* a name that cannot be asked for */
	l->pending = true;
	l->refs++;
}

struct lookup *lookup_ref(struct hub *h, const char *host)
{
	struct lookup *l = find(h, host);

	if (!l) {
		l = mem_new(struct lookup);
		l->refs = 1;
		l->host = mem_strdup(host);
		l->at_ms = clock_ms();
		list_init(&l->waits);
		list_init(&l->node);
		list_add(&h->lookups, &l->node);
		ask(h, l);
	}
	l->refs++;
	return l;
}

void lookup_await(struct lookup *l, struct lookup_wait *w)
{
	list_add(&l->waits, &w->node);
}
