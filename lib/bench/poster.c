/* poster.c - a request by libcurl for each message; the client lends what it knows of the server */
#include "bench/poster.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/url.h"
#include "client/answer.h"
#include "client/carrier.h"
#include "client/handle.h"
#include "client/multi.h"

#define WHY_BYTES      120
#define ANSWER_BYTES   4096 /* of an answer, looked at */
#define TIMEOUT_MS     10000L
#define RETRY_FIRST_MS 100
#define RETRY_MAX_MS   1000

struct poster {
	const struct profile *profile;
	struct client *client; /* never started */
	struct multi *multi;
	struct transfer *transfer;
	uv_timer_t *timer;
	struct buf target, body, answer;
	size_t sent; /* bytes of the body */
	int64_t began_ms, pause_ms;
	bool connects, down, ever_up; /* connects: poster_connect was called */
	poster_told *told;
	void *arg;
};

static const struct client_events no_events = { 0 };

static void probe(struct poster *p);

/* --- connecting ------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
	probe(timer->data);
}

static void try_later(struct poster *p, int code, const char *why)
{
	bool late = !p->ever_up && clock_ms() - p->began_ms >= p->client->conf.retry_first_ms;
	struct err e = { 0 };

	p->down = true;
	err_set(&e, code, "cannot connect to '%.100s': %s", buf_cstr(&p->client->url_safe), why);
	if (code == ERR_CLOSED && !late) {
		uv_timer_start(p->timer, on_timer, (uint64_t)p->pause_ms, 0);
		p->pause_ms = p->pause_ms * 2 < RETRY_MAX_MS ? p->pause_ms * 2 : RETRY_MAX_MS;
	}
	p->told(p->arg, code == ERR_CLOSED && !late ? POSTER_DOWN : POSTER_FAILED, &e);
}

static void probed(struct transfer *t, CURLcode code)
{
	struct poster *p = t->owner;
	const struct err fine = { 0 };
	struct buf why = { 0 };
	int r = code == CURLE_OK ? 0 : transfer_why(t, p->client, code, &why);

	p->transfer = NULL;
	transfer_drop(t);
	if (r == 0) {
		p->down = false;
		p->ever_up = true;
		p->pause_ms = RETRY_FIRST_MS;
		p->told(p->arg, POSTER_READY, &fine);
	} else {
		try_later(p, r, buf_cstr(&why));
	}
	buf_fini(&why);
}

static void probe(struct poster *p)
{
	struct transfer *t = p->transfer = transfer_new(p->multi, p->client, "/", p);

	t->done = probed;
	curl_easy_setopt(t->easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, TIMEOUT_MS);
	transfer_start(t);
}

void poster_connect(struct poster *p, unsigned n)
{
	p->connects = p->down = true;
	p->began_ms = clock_ms();
	p->pause_ms = RETRY_FIRST_MS;
	multi_keep(p->multi, n);
	probe(p);
}

/* --- what is sent and received ---------------------------------------------------------------- */

static size_t on_write(char *bytes, size_t size, size_t n, void *arg)
{
	struct poster *p = ((struct transfer *)arg)->owner;

	n *= size;
	if (p && p->answer.n < ANSWER_BYTES)
		buf_add(&p->answer, bytes, n);
	return n;
}

static size_t on_read(char *bytes, size_t size, size_t n, void *arg)
{
	struct poster *p = ((struct transfer *)arg)->owner;
	size_t left = p ? p->body.n - p->sent : 0;

	n = left < size * n ? left : size * n;
	if (n) {
		memcpy(bytes, p->body.p + p->sent, n);
		p->sent += n;
	}
	return n;
}

/* When a connection that was kept ends without an answer, libcurl would send the message once more:
 * the server may have it already. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
	(void)arg;
	(void)offset;
	(void)origin;
	return CURL_SEEKFUNC_FAIL;
}

/* The beginning of the answer on one line, if it is text for people or programs. */
static void add_reason(struct buf *out, struct str answer)
{
	answer = str_head(str_trim(answer), WHY_BYTES);
	if (!answer.n || answer.p[0] == '<')
		return;
	buf_add_text(out, ": ");
	for (size_t i = 0; i < answer.n; i++)
		buf_add_char(out, (unsigned char)answer.p[i] < ' ' ? ' ' : answer.p[i]);
}

static enum poster_news judge(
	const struct poster *p, struct transfer *t, CURLcode code, struct buf *why)
{
	const char *taken = p->profile->ack;
	struct answer a = { 0 };
	long status = 0, asked = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &asked);
	if (code != CURLE_OK) {
		transfer_why(t, p->client, code, why);
		return asked ? POSTER_UNKNOWN : POSTER_UNSENT;
	}
	if (status >= 200 && status < 300 &&
		(!taken || str_find(buf_str(&p->answer), str_of(taken)) >= 0))
		return POSTER_TAKEN;
	answer_of(&a, t->easy);
	answer_say(&a, p->client, why);
	add_reason(why, buf_str(&p->answer));
	return POSTER_REFUSED;
}

static void on_done(struct transfer *t, CURLcode code)
{
	struct poster *p = t->owner;
	struct buf text = { 0 };
	struct err why = { 0 };
	enum poster_news what = judge(p, t, code, &text);

	p->transfer = NULL;
	transfer_drop(t);
	p->down = p->connects && what == POSTER_UNSENT;
	if (what != POSTER_TAKEN)
		err_set(&why, ERR_CLOSED, "%s", buf_cstr(&text));
	p->told(p->arg, what, &why);
	if (p->down)
		try_later(p, ERR_CLOSED, buf_cstr(&text));
	buf_fini(&text);
}

static void make_target(struct poster *p, const struct profile_fill *fill)
{
	const char *path = p->profile->publish_way.path;

	p->target.n = 0;
	if (p->profile->publish == PUBLISH_RT) {
		client_target(p->client, "/pub/", &p->target);
		url_encode(&p->target, fill->room);
	} else if (path && *path) {
		profile_fill(&p->target, path, fill);
	} else {
		client_target(p->client, "", &p->target);
	}
	if (!p->target.n)
		buf_add_char(&p->target, '/');
}

bool poster_send(struct poster *p, const struct profile_fill *fill)
{
	const char *const *h = p->profile->headers;
	struct transfer *t;

	if (p->transfer || p->down)
		return false;
	p->body.n = p->answer.n = p->sent = 0;
	if (p->profile->publish == PUBLISH_RT)
		buf_add_str(&p->body, fill->message);
	else
		profile_fill(&p->body, p->profile->message, fill);
	make_target(p, fill);
	t = p->transfer = transfer_new(p->multi, p->client, buf_cstr(&p->target), p);
	t->done = on_done;
	transfer_header(t, "Expect:"); /* no question before a large one */
	for (; h && *h; h++)
		transfer_header(t, "%s", *h);
	if (p->profile->publish == PUBLISH_RT)
		transfer_header(t, "Content-Type: application/json");
	curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, (long)p->body.n);
	curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	transfer_start(t);
	return true;
}

bool poster_is_busy(const struct poster *p)
{
	return p->transfer != NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

struct poster *poster_new(uv_loop_t *loop, const struct client_conf *client,
	const struct profile *profile, poster_told *told, void *arg, struct err *e)
{
	struct poster *p = mem_new(struct poster);

	p->profile = profile;
	p->told = told;
	p->arg = arg;
	p->multi = multi_ref(loop);
	p->timer = mem_new(uv_timer_t);
	uv_timer_init(loop, p->timer);
	p->timer->data = p;
	p->client = client_new(loop, client, &no_events, p, e);
	if (!p->client) {
		poster_free(p);
		return NULL;
	}
	return p;
}

void poster_free(struct poster *p)
{
	if (!p)
		return;
	transfer_drop(p->transfer);
	handle_free(p->timer);
	client_free(p->client);
	multi_unref(p->multi);
	buf_fini(&p->target);
	buf_fini(&p->body);
	buf_fini(&p->answer);
	mem_free(p);
}
