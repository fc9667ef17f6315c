/* get.c - a GET beside the client's own connection: lists of rooms, members and connections
 *
 * It comes again by the one rule, for as long as a first connection may take. */
#include "base/mem.h"
#include "client/answer.h"
#include "client/carrier.h"
#include "client/multi.h"

#define BODY_BYTES_MAX (16u << 20)
#define TIMEOUT_MS     10000 /* of one attempt */
#define TIMEOUT_MIN_MS 2000  /* ... and what even the last before a deadline gets */

struct listing {
	struct list node;
	struct client *client;
	struct multi *multi;
	struct transfer *transfer; /* NULL: between two attempts */
	struct retry retry;
	struct alarm alarm;
	struct buf target, body;
	void (*done)(void *arg, int status, struct str body);
	void *arg;
};

static void listing_free(struct listing *l)
{
	list_del(&l->node);
	hub_no_alarm(l->client->hub, &l->alarm);
	transfer_drop(l->transfer);
	multi_unref(l->multi);
	buf_fini(&l->target);
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

/* 0, or why there is no list, as a sentence. */
static int judge(struct listing *l, CURLcode code, struct buf *why)
{
	struct answer a = { .body = buf_str(&l->body) };

	buf_addf(why, "cannot connect to '%s': ", buf_cstr(&l->client->url_safe));
	if (code != CURLE_OK)
		return transfer_why(l->transfer, l->client, code, why);
	answer_of(&a, l->transfer->easy);
	if (a.status == 200)
		return 0;
	l->retry.asked_ms = a.wait_ms;
	answer_say(&a, l->client, why);
	return answer_code(&a);
}

static void on_done(struct transfer *t, CURLcode code)
{
	struct listing *l = t->owner;
	int64_t left = retry_left(&l->retry, &l->client->conf), delay;
	struct buf why = { 0 };
	int r;

	l->retry.asked_ms = 0;
	r = judge(l, code, &why);
	l->retry.attempt++;
	if (r == ERR_CLOSED && left > 0 && l->retry.asked_ms <= left) {
		l->transfer = NULL;
		transfer_drop(t);
		delay = retry_delay(&l->retry, &l->client->conf);
		hub_alarm(l->client->hub, &l->alarm, delay < left ? delay : left);
	} else {
		l->done(l->arg, r, r == 0 ? buf_str(&l->body) : buf_str(&why));
		listing_free(l);
	}
	buf_fini(&why);
}

static void ask(struct listing *l)
{
	int64_t left = retry_left(&l->retry, &l->client->conf);
	CURL *easy;

	if (left < TIMEOUT_MIN_MS)
		left = TIMEOUT_MIN_MS;
	l->body.n = 0;
	l->transfer = transfer_new(l->multi, l->client, buf_cstr(&l->target), l);
	l->transfer->done = on_done;
	easy = l->transfer->easy;
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, l->transfer);
	curl_easy_setopt(
		easy, CURLOPT_TIMEOUT_MS, (long)(left < TIMEOUT_MS ? left : TIMEOUT_MS));
	transfer_start(l->transfer);
}

static void on_alarm(struct alarm *a)
{
	ask(list_entry(a, struct listing, alarm));
}

void client_get(struct client *c, const char *path,
	void (*done)(void *arg, int code, struct str body), void *arg)
{
	struct listing *l = mem_new(struct listing);

	l->client = c;
	l->done = done;
	l->arg = arg;
	l->multi = multi_ref(c->loop);
	alarm_init(&l->alarm, on_alarm);
	retry_outage(&l->retry);
	client_target(c, path, &l->target);
	list_add(&c->gets, &l->node);
	ask(l);
}
