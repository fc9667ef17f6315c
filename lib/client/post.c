/* post.c - publishing over HTTP: one long POST /pub whose answer lines are the acks, in order
 *
 * Full duplex: libcurl asks for more body while answers come in. The body pauses when nothing
 * waits, and a publish wakes it once for each turn of the loop. */
#include "client/post.h"

#include "base/clock.h"
#include "client/answer.h"

#define FILL_BYTES   65536 /* of lines made at a time */
#define ANSWER_BYTES 8192  /* of one answer line */
#define STALL_MS     5000  /* without an answer; a server has none for as long while its bus is down */

static void on_stalled(struct alarm *a);

void post_init(struct post *p, struct client *c)
{
	*p = (struct post){ .client = c };
	line_init(&p->in, ANSWER_BYTES);
	alarm_init(&p->patience, on_stalled);
}

void post_fini(struct post *p)
{
	post_stop(p);
	buf_fini(&p->out);
	line_fini(&p->in);
}

void post_stop(struct post *p)
{
	struct transfer *t = p->transfer;

	p->transfer = NULL;
	p->finishing = p->paused = p->asked = p->hurried = p->body_ended = false;
	p->out.n = p->taken = 0;
	hub_no_alarm(p->client->hub, &p->patience);
	transfer_drop(t);
}

static void resume(struct post *p)
{
	if (!p->paused)
		return;
	p->paused = false;
	transfer_pause(p->transfer, CURLPAUSE_CONT);
}

/* --- patience --------------------------------------------------------------------------------- */

static void be_patient(struct post *p)
{
	if (p->answered == p->first && !deadline_is_set(&p->patience.deadline))
		hub_alarm(p->client->hub, &p->patience, clock_test_ms("RT_STALL_MS", STALL_MS));
}

static void on_stalled(struct alarm *a)
{
	struct post *p = list_entry(a, struct post, patience);
	struct transfer *t = p->transfer;

	p->batches = p->hurried = true;
	if (client_in_flight(p->client))
		client_on_stalled(p->client, clock_test_ms("RT_STALL_MS", STALL_MS));
	if (p->transfer == t)
		resume(p);
}

/* --- the body --------------------------------------------------------------------------------- */

static void fill(struct post *p)
{
	struct str text;
	uint64_t ref;

	p->out.n = p->taken = 0;
	while (p->out.n < FILL_BYTES && client_next(p->client, &ref, &text)) {
		buf_add_str(&p->out, text);
		buf_add_char(&p->out, '\n');
	}
	if (p->out.n)
		be_patient(p);
}

/* Everything was sent that there is: is that all? */
static bool is_complete(const struct post *p)
{
	bool anything = p->client->out.next > p->first;

	return p->finishing || p->hurried || (anything && (p->batches || p->client->complete));
}

static size_t on_read(char *to, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct post *p = t->owner;
	size_t left;

	if (!p)
		return CURL_READFUNC_ABORT;
	if (!p->asked) {
		p->asked = true;
		be_patient(p);
	}
	if (p->taken == p->out.n)
		fill(p);
	left = p->out.n - p->taken;
	if (!left && is_complete(p)) {
		p->body_ended = true;
		return 0;
	}
	if (!left) {
		p->paused = true;
		return CURL_READFUNC_PAUSE;
	}
	n *= size;
	if (n > left)
		n = left;
	memcpy(to, p->out.p + p->taken, n);
	p->taken += n;
	return n;
}

/* --- the answer ------------------------------------------------------------------------------- */

static long status_of(struct transfer *t)
{
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* The server has ended the request, properly. */
static void on_end(struct post *p)
{
	if (p->finishing) {
		post_stop(p);
		p->ended(p);
	} else if (p->client->restart) {
		p->failed(p, ERR_CLOSED, "the server does not know whether a message was stored");
	} else if (p->answered == p->first && p->client->out.next != p->client->out.head) {
		p->failed(p, ERR_CLOSED, "the server ended the request without an answer");
	} else {
		post_stop(p);
		outbox_rewind(&p->client->out); /* what it did not answer goes into the next */
		client_wake(p->client);
	}
}

static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct post *p = t->owner;

	(void)bytes;
	n *= size;
	if (!p)
		return 0;
	client_on_heard(p->client);
	if (n > 2 || status_of(t) != 200)
		return n;
	if (!client_in_flight(p->client)) /* the empty line: what is owed has come */
		hub_no_alarm(p->client->hub, &p->patience);
	p->connected(p);
	return t->owner ? n : 0;
}

static size_t on_write(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct post *p = t->owner;
	struct str line;
	size_t room;
	enum line_result r;

	n *= size;
	if (!p)
		return CURL_WRITEFUNC_ERROR;
	client_on_heard(p->client);
	memcpy(line_space(&p->in, n, &room), bytes, n);
	line_filled(&p->in, n);
	if (status_of(t) != 200) /* problem details: read whole at the end */
		return p->in.buf.n > ANSWER_BYTES ? CURL_WRITEFUNC_ERROR : n;
	hub_no_alarm(p->client->hub, &p->patience);
	while (t->owner == p && (r = line_next(&p->in, false, &line)) != LINE_NONE) {
		if (r == LINE_TOO_LONG) {
			p->failed(p, ERR_INVALID, "an answer line over 8 KiB");
			break;
		}
		if (!client_on_answer(p->client, &p->answered, line) && t->owner == p &&
			!p->body_ended)
			on_end(p); /* not when libcurl has sent the rest of a body that nobody reads
			            */
	}
	return t->owner == p ? n : CURL_WRITEFUNC_ERROR;
}

static void turned_away(struct post *p)
{
	struct answer a = { .body = str_skip(buf_str(&p->in.buf), p->in.start) };

	answer_of(&a, p->transfer->easy);
	client_on_turned_away(p->client, &a);
}

static void on_done(struct transfer *t, CURLcode code)
{
	struct post *p = t->owner;
	struct buf why = { 0 };
	long status = status_of(t);
	int r;

	if (status && status != 200) {
		turned_away(p);
	} else if (code != CURLE_OK) {
		r = transfer_why(t, p->client, code, &why);
		p->failed(p, r, buf_cstr(&why));
	} else {
		on_end(p);
	}
	buf_fini(&why);
}

static void on_answered(struct transfer *t)
{
	struct post *p = t->owner;
	long status = status_of(t);
	struct buf why = { 0 };

	if (p->finishing || p->body_ended || !p->asked)
		return; /* a body that ends, ends the transfer; before there is one, TLS takes turns
		         */
	if (status && status != 200) {
		turned_away(p);
	} else {
		answer_add_closed(p->client, &why);
		p->failed(p, ERR_CLOSED, buf_cstr(&why));
	}
	buf_fini(&why);
}

/* --- opening ---------------------------------------------------------------------------------- */

void post_open(struct post *p, struct multi *m)
{
	struct client *c = p->client;
	struct buf target = { 0 };
	struct transfer *t;

	client_target(c, "/pub", &target);
	if (c->conf.user)
		client_add_query(&target, "user_id", str_of(c->conf.user));
	p->transfer = t = transfer_new(m, c, buf_cstr(&target), p);
	p->answered = p->first = c->out.head;
	line_fini(&p->in);
	line_init(&p->in, ANSWER_BYTES);
	t->done = on_done;
	t->answered = on_answered;
	transfer_header(t, "Content-Type: application/x-ndjson");
	transfer_header(t, "Transfer-Encoding: chunked");
	transfer_header(t, "Expect:");
	transfer_header(t, "Rt-Client: %s", c->client_id);
	curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)FILL_BYTES);
	transfer_start(t);
	buf_fini(&target);
}

void post_send(struct post *p, struct multi *m)
{
	if (p->transfer)
		resume(p);
	else if (outbox_waiting(&p->client->out))
		post_open(p, m);
}

bool post_finish(struct post *p)
{
	if (!p->transfer)
		return false;
	p->finishing = true;
	resume(p);
	return true;
}
