/* get.c - a GET beside the client's own connection: lists of rooms, members and connections */
#include "base/mem.h"
#include "client/answer.h"
#include "client/carrier.h"
#include "client/multi.h"

#define BODY_BYTES_MAX (16u << 20)
#define TIMEOUT_MS     10000L

struct listing {
	struct list node;
	struct client *client;
	struct transfer *transfer;
	struct buf body;
	void (*done)(void *arg, int status, struct str body);
	void *arg;
};

static void listing_free(struct listing *l)
{
	struct multi *m = l->transfer->multi;

	list_del(&l->node);
	transfer_drop(l->transfer);
	multi_unref(m);
	buf_fini(&l->body);
	mem_free(l);
}

void client_gets_stop(struct client *c)
{
	while (!list_empty(&c->gets))
		listing_free(list_entry(c->gets.next, struct listing, node));
}

static size_t on_write(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct listing *l = t->owner;

	n *= size;
	if (!l || l->body.n + n > BODY_BYTES_MAX)
		return CURL_WRITEFUNC_ERROR;
	buf_add(&l->body, bytes, n);
	return n;
}

static void on_done(struct transfer *t, CURLcode code)
{
	struct listing *l = t->owner;
	struct answer a = { .body = buf_str(&l->body) };
	struct buf why = { 0 };
	int r = 0;

	answer_of(&a, t->easy);
	buf_addf(&why, "cannot connect to '%s': ", buf_cstr(&l->client->url_safe));
	if (code != CURLE_OK) {
		r = transfer_why(t, l->client, code, &why);
	} else if (a.status != 200) {
		r = answer_code(&a);
		answer_say(&a, l->client, &why);
	}
	l->done(l->arg, r, r == 0 ? buf_str(&l->body) : buf_str(&why));
	buf_fini(&why);
	listing_free(l);
}

void client_get(struct client *c, const char *path,
	void (*done)(void *arg, int status, struct str body), void *arg)
{
	struct listing *l = mem_new(struct listing);
	struct buf target = { 0 };

	l->client = c;
	l->done = done;
	l->arg = arg;
	client_target(c, path, &target);
	l->transfer = transfer_new(multi_ref(c->loop), c, buf_cstr(&target), l);
	l->transfer->done = on_done;
	curl_easy_setopt(l->transfer->easy, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(l->transfer->easy, CURLOPT_WRITEDATA, l->transfer);
	curl_easy_setopt(l->transfer->easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	list_add(&c->gets, &l->node);
	transfer_start(l->transfer);
	buf_fini(&target);
}
