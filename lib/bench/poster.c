/* poster.c - a request by libcurl for each message; the client lends what it knows of the server */
#include "bench/poster.h"

#include "base/mem.h"
#include "base/url.h"
#include "client/carrier.h"
#include "client/multi.h"

#define WHY_BYTES  200
#define TIMEOUT_MS 10000L

struct poster {
	const struct profile *profile;
	struct client *client; /* never started */
	struct multi *multi;
	struct transfer *transfer;
	struct buf target, body, answer;
	poster_done *done;
	void *arg;
};

static const struct client_events no_events = { 0 };

struct poster *poster_new(uv_loop_t *loop, const struct client_conf *client,
	const struct profile *profile, const char *room, poster_done *done, void *arg, struct err *e)
{
	struct poster *p = mem_new(struct poster);

	p->profile = profile;
	p->done = done;
	p->arg = arg;
	p->multi = multi_ref(loop);
	p->client = client_new(loop, client, &no_events, p, e);
	if (!p->client) {
		poster_free(p);
		return NULL;
	}
	client_target(p->client, profile->publish == PUBLISH_RT ? "/pub/" : "", &p->target);
	if (profile->publish == PUBLISH_RT)
		url_encode(&p->target, str_of(room));
	if (!p->target.n)
		buf_add_char(&p->target, '/');
	return p;
}

void poster_free(struct poster *p)
{
	if (!p)
		return;
	transfer_drop(p->transfer);
	client_free(p->client);
	multi_unref(p->multi);
	buf_fini(&p->target);
	buf_fini(&p->body);
	buf_fini(&p->answer);
	mem_free(p);
}

bool poster_is_busy(const struct poster *p)
{
	return p->transfer != NULL;
}

static size_t on_write(char *bytes, size_t size, size_t n, void *arg)
{
	struct poster *p = ((struct transfer *)arg)->owner;

	n *= size;
	if (p && p->answer.n < WHY_BYTES)
		buf_add(&p->answer, bytes, n < WHY_BYTES - p->answer.n ? n : WHY_BYTES - p->answer.n);
	return n;
}

static void on_done(struct transfer *t, CURLcode code)
{
	struct poster *p = t->owner;
	long status = 0;

	if (code == CURLE_OK) {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	} else {
		p->answer.n = 0;
		transfer_why(t, p->client, code, &p->answer);
	}
	p->transfer = NULL;
	transfer_drop(t);
	p->done(p->arg, (unsigned)status, buf_str(&p->answer));
}

void poster_send(struct poster *p, const struct profile_fill *fill)
{
	const char *const *h = p->profile->headers;
	struct transfer *t;

	p->body.n = p->answer.n = 0;
	if (p->profile->publish == PUBLISH_RT)
		buf_add_str(&p->body, fill->message);
	else
		profile_fill(&p->body, p->profile->message, fill);
	t = p->transfer = transfer_new(p->multi, p->client, buf_cstr(&p->target), p);
	t->done = on_done;
	for (; h && *h; h++)
		transfer_header(t, "%s", *h);
	if (p->profile->publish == PUBLISH_RT)
		transfer_header(t, "Content-Type: application/json");
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, p->body.p);
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, (long)p->body.n);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	transfer_start(t);
}
