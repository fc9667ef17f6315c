/* listener.c - the hot side of a load: what arrives is told apart and counted */
#include "bench/listener.h"

#include "base/mem.h"

#include <stdio.h>

#define EXAMPLE_BYTES 80

struct listener {
	const struct listener_conf *conf;
	struct client *client;
	const char *room_name;
	uint64_t started_ns; /* this attempt to be ready */
	unsigned room;
	bool raw, ready, ever_ready, done;
	struct follow follows[]; /* one for each publisher */
};

/* --- what arrives ----------------------------------------------------------------------------- */

static void count(struct listener *l, const struct mark *m, uint64_t now_ns)
{
	struct tally *t = l->conf->tally;
	struct result *r = t->result;
	unsigned publisher = m->stream / t->n_rooms, room = m->stream % t->n_rooms;
	uint64_t late;

	if (m->run != t->run) {
		r->foreign++;
		return;
	}
	t->arrived++;
	if (publisher >= t->n_publishers || room != l->room) {
		r->verdict.phantom++;
		return;
	}
	switch (follow_see(&l->follows[publisher], m->number, t->sent[m->stream], &r->verdict)) {
	case FOLLOW_NEW:
	case FOLLOW_LATE: break;
	default: return;
	}
	late = now_ns > m->due_ns ? now_ns - m->due_ns : 0;
	hist_add(&r->latency, late);
	hist_add(&t->interval, late);
	hist_add(&r->uncorrected, late > m->after_ns ? late - m->after_ns : 0);
}

static void became_ready(struct listener *l)
{
	struct tally *t = l->conf->tally;
	bool first = !l->ever_ready;

	if (l->ready || l->done)
		return;
	l->ready = l->ever_ready = true;
	t->n_ready++;
	for (unsigned p = 0; p < t->n_publishers; p++) {
		uint64_t sent = t->sent[tally_stream(t, p, l->room)];
		if (first)
			follow_init(&l->follows[p], sent);
		else
			follow_return(&l->follows[p], sent, &t->result->verdict);
	}
	hist_add(&t->result->connect, tally_now_ns() - l->started_ns);
	if (first) {
		t->result->opened++;
		l->conf->ready(l->conf->arg, l);
	}
}

static bool answer(struct listener *l, struct str text)
{
	const char *const *a = l->conf->profile->answers;

	for (; a && *a; a += 2) {
		if (str_eq(text, str_of(a[0]))) {
			client_publish(l->client, STR(""), str_of(a[1]), STR(""), 0);
			return true;
		}
	}
	return false;
}

/* No mark in it: the server speaks for itself, or talks nonsense. */
static void without_mark(struct listener *l, struct str text)
{
	const struct profile *p = l->conf->profile;
	struct result *r = l->conf->tally->result;
	const char *ready = l->conf->way->ready;
	struct buf example = { 0 };

	if (profile_has(p->gaps, text)) {
		r->gaps++;
		for (unsigned i = 0; i < l->conf->tally->n_publishers; i++)
			follow_tell_gap(&l->follows[i]);
		return;
	}
	if (ready && !l->ready && memmem(text.p, text.n, ready, strlen(ready))) {
		became_ready(l);
		return;
	}
	if (!text.n || answer(l, text) || profile_has(p->ignored, text))
		return;
	if (!r->unrecognised++) {
		buf_add_str(&example, str_head(text, EXAMPLE_BYTES));
		r->example = mem_strdup(buf_cstr(&example));
		buf_fini(&example);
	}
}

static void on_message(void *arg, const struct client_msg *msg)
{
	struct listener *l = arg;
	struct tally *t = l->conf->tally;
	struct str rest = msg->text;
	struct mark m;
	uint64_t now_ns;

	t->result->bytes += msg->text.n;
	if (!mark_find(&rest, &m)) {
		without_mark(l, msg->text);
		return;
	}
	now_ns = tally_now_ns();
	do
		count(l, &m, now_ns);
	while (mark_find(&rest, &m)); /* servers that gather messages in one frame */
	if (now_ns >= t->due_ns)
		t->due(t->arg);
}

/* --- the connection --------------------------------------------------------------------------- */

static void on_up(void *arg, struct str url)
{
	struct listener *l = arg;
	const struct profile_fill fill = { .room = str_of(l->room_name) };
	struct buf text = { 0 };

	(void)url;
	for (const char *const *open = l->conf->way->open; open && *open; open++) {
		text.n = 0;
		profile_fill(&text, *open, &fill);
		client_publish(l->client, STR(""), buf_str(&text), STR(""), 0);
	}
	buf_fini(&text);
	if (l->raw && !l->conf->way->ready)
		became_ready(l);
}

/* rt's own protocol (polling) says it itself. */
static void on_subscribed(void *arg, struct str start, struct str head)
{
	(void)start;
	(void)head;
	became_ready(arg);
}

static void on_gap(void *arg, const struct client_gap *gap)
{
	without_mark(arg, gap->text);
}

static void unready(struct listener *l)
{
	if (!l->ready)
		return;
	l->ready = false;
	l->conf->tally->n_ready--;
}

static void on_down(void *arg, struct str why, int64_t retry_in_ms)
{
	struct listener *l = arg;
	struct result *r = l->conf->tally->result;

	(void)retry_in_ms;
	if (l->ready)
		r->broken++;
	unready(l);
	l->started_ns = tally_now_ns();
	result_error(r, STR_FMT, STR_ARG(why));
}

/* One that is away when it leaves missed what was sent meanwhile by no fault of the server's. */
static void leave(struct listener *l)
{
	struct tally *t = l->conf->tally;

	l->done = true;
	for (unsigned p = 0; p < t->n_publishers && l->ever_ready; p++) {
		uint64_t sent = t->sent[tally_stream(t, p, l->room)];
		if (!l->ready)
			follow_return(&l->follows[p], sent, &t->result->verdict);
		follow_end(&l->follows[p], sent, &t->result->verdict);
	}
	unready(l);
}

static void on_failed(void *arg, const struct err *e)
{
	struct listener *l = arg;
	struct result *r = l->conf->tally->result;

	leave(l);
	r->failed++;
	result_error(r, "%s", e->text);
	l->conf->ended(l->conf->arg, l);
}

static const struct client_events events = {
	.up = on_up,
	.subscribed = on_subscribed,
	.message = on_message,
	.gap = on_gap,
	.down = on_down,
	.failed = on_failed,
};

struct listener *listener_new(const struct listener_conf *conf, const struct client_conf *client,
	unsigned room, const char *room_name, struct err *e)
{
	unsigned n = conf->tally->n_publishers;
	struct listener *l = mem_zalloc(sizeof(*l) + n * sizeof(l->follows[0]));

	l->conf = conf;
	l->room = room;
	l->room_name = room_name;
	l->raw = client->raw;
	l->started_ns = tally_now_ns();
	l->client = client_new(conf->loop, client, &events, l, e);
	if (!l->client ||
		(!client->raw &&
			client_subscribe(l->client, str_of(room_name), STR("latest"), e) < 0)) {
		listener_free(l);
		return NULL;
	}
	client_start(l->client);
	return l;
}

bool listener_is_ready(const struct listener *l)
{
	return l->ready;
}

bool listener_is_complete(const struct listener *l)
{
	const struct tally *t = l->conf->tally;

	for (unsigned p = 0; p < t->n_publishers && l->ready; p++) {
		if (!follow_complete(&l->follows[p], t->sent[tally_stream(t, p, l->room)]))
			return false;
	}
	return true;
}

void listener_leave(struct listener *l)
{
	if (l->done)
		return;
	leave(l);
	client_close(l->client, NULL);
}

void listener_free(struct listener *l)
{
	if (!l)
		return;
	client_free(l->client);
	for (unsigned p = 0; p < l->conf->tally->n_publishers; p++)
		follow_fini(&l->follows[p]);
	mem_free(l);
}
