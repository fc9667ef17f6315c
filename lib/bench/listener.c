/* listener.c - the hot side of a load: what arrives is told apart and counted */
#include "bench/listener.h"

#include "base/mem.h"

#include <stdio.h>

#define EXAMPLE_BYTES 80

struct listener {
	const struct listener_conf *conf;
	struct client *client;
	const char *room_name;
	uint64_t due_ns;   /* when it was to connect */
	uint64_t lost_ns;  /* when its connection was lost */
	uint64_t heard_ns; /* the last message, with `any` */
	struct streams streams; /* with `any` */
	unsigned room;
	bool raw, up, ready, ever_ready, dropped, done;
	struct follow follows[]; /* one for each publisher */
};

/* --- what arrives ----------------------------------------------------------------------------- */

/* Of a run that nobody told us about: numbers are followed, and times mean something if its clock is
 * ours. */
static void count_any(struct listener *l, const struct mark *m, uint64_t now_ns)
{
	struct tally *t = l->conf->tally;
	const uint64_t key[2] = { m->run, m->stream };
	enum follow_result what;

	if (!streams_see(&l->streams, str_make((const char *)key, sizeof(key)), m->number,
		    &t->result->verdict, &what))
		t->result->foreign++;
	else if ((what == FOLLOW_NEW || what == FOLLOW_LATE) && tally_is_local(m))
		tally_late(t, m, now_ns);
}

/* `rest` follows the mark. Before the server has said that we are subscribed all may come. */
static void count(struct listener *l, const struct mark *m, struct str rest, uint64_t now_ns)
{
	struct tally *t = l->conf->tally;
	struct result *r = t->result;
	unsigned publisher = m->stream / t->n_rooms, room = m->stream % t->n_rooms;

	if (l->conf->any) {
		count_any(l, m, now_ns);
		return;
	}
	if (m->run != t->run) {
		r->foreign++;
		return;
	}
	t->arrived++;
	if (publisher >= t->n_publishers || room != l->room)
		r->verdict.phantom++;
	else if (!l->ready && m->number < t->sent[m->stream])
		r->verdict.early++;
	else
		tally_count(t, &l->follows[publisher], m, rest, now_ns);
}

/* Any message, of which nothing but its coming, its size and its time is known. */
static void hear(struct listener *l, struct str text, uint64_t now_ns)
{
	struct tally *t = l->conf->tally;
	struct result *r = t->result;

	t->arrived++;
	r->heard++;
	hist_add(&r->sizes, text.n);
	if (l->heard_ns)
		hist_add(&r->spacing, now_ns - l->heard_ns);
	l->heard_ns = now_ns;
}

static bool is_enough(const struct tally *t)
{
	return t->limit && t->arrived >= t->limit;
}

static void became_ready(struct listener *l)
{
	struct tally *t = l->conf->tally;
	bool first = !l->ever_ready;

	if (l->ready || l->done)
		return;
	l->ready = l->ever_ready = true;
	for (unsigned p = 0; p < t->n_publishers; p++) {
		uint64_t sent = t->sent[tally_stream(t, p, l->room)];
		if (first)
			follow_init(&l->follows[p], sent);
		else
			follow_return(&l->follows[p], sent, &t->result->verdict);
	}
	l->dropped = false;
	tally_ready(t, !first, l->lost_ns);
	if (first) {
		hist_add(&t->result->connect, t->last_ready_ns - l->due_ns);
		t->result->opened++;
		l->conf->ready(l->conf->arg, l);
	}
}

static bool answer(struct listener *l, struct str text)
{
	const char *words = profile_answer(l->conf->profile, text);

	if (words)
		client_publish(l->client, STR(""), str_of(words), STR(""), 0);
	return words;
}

/* No mark in it: the server speaks for itself, or talks nonsense, or (with `any`) it is a message of
 * people we do not know. */
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
		streams_tell_gap(&l->streams);
		return;
	}
	if (ready && !l->ready && memmem(text.p, text.n, ready, strlen(ready))) {
		became_ready(l);
		return;
	}
	if (!text.n || answer(l, text) || profile_has(p->ignored, text))
		return;
	if (l->conf->any) {
		hear(l, text, tally_now_ns());
		return;
	}
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

	if (is_enough(t))
		return;
	t->result->bytes += msg->text.n;
	if (!mark_find(&rest, &m)) {
		without_mark(l, msg->text);
		return;
	}
	now_ns = tally_now_ns();
	if (l->conf->any)
		hear(l, msg->text, now_ns);
	do
		count(l, &m, rest, now_ns);
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
	l->up = true;
	for (const char *const *open = l->conf->way->open; open && *open; open++) {
		text.n = 0;
		profile_fill(&text, *open, &fill);
		client_publish(l->client, STR(""), buf_str(&text), STR(""), 0);
	}
	buf_fini(&text);
	if (!l->ever_ready)
		hist_add(&l->conf->tally->result->upgrade, tally_now_ns() - l->due_ns);
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
	bool by_us = l->ready && l->dropped;

	(void)retry_in_ms;
	l->heard_ns = 0;
	if (l->ready && !by_us) {
		l->lost_ns = tally_now_ns();
		r->broken++;
	} else if (!by_us) {
		r->retried++;
	}
	unready(l);
	l->up = false;
	if (!by_us)
		tally_trouble(l->conf->tally, why);
}

/* One that is away missed what was sent meanwhile by no fault of the server's. */
void listener_settle(struct listener *l)
{
	struct tally *t = l->conf->tally;

	if (l->done)
		return;
	for (size_t i = 0; i < t->n_excused && l->ever_ready; i++) {
		const struct tally_excused *x = &t->excused[i];
		if (x->stream % t->n_rooms == l->room)
			follow_excuse(&l->follows[x->stream / t->n_rooms], x->number,
				&t->result->verdict);
	}
	for (unsigned p = 0; p < t->n_publishers && l->ever_ready; p++) {
		uint64_t sent = t->sent[tally_stream(t, p, l->room)];
		if (!l->ready)
			follow_return(&l->follows[p], sent, &t->result->verdict);
		follow_end(&l->follows[p], sent, &t->result->verdict);
	}
	streams_end(&l->streams, &t->result->verdict);
}

static void leave(struct listener *l)
{
	listener_settle(l);
	l->done = true;
	unready(l);
}

static void on_failed(void *arg, const struct err *e)
{
	struct listener *l = arg;

	l->conf->tally->result->broken += l->ready;
	unready(l);
	leave(l);
	tally_failed(l->conf->tally, e);
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
	unsigned room, const char *room_name, uint64_t due_ns, struct err *e)
{
	unsigned n = conf->tally->n_publishers;
	struct listener *l = mem_zalloc(sizeof(*l) + n * sizeof(l->follows[0]));

	l->conf = conf;
	l->room = room;
	l->room_name = room_name;
	l->raw = client->raw;
	l->due_ns = due_ns;
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

void listener_drop(struct listener *l)
{
	if (!l->ready)
		return;
	l->dropped = true;
	l->lost_ns = tally_now_ns();
	client_drop(l->client);
}

const char *listener_waits_for(const struct listener *l)
{
	if (l->ready || l->done)
		return NULL;
	return l->up ? "word that it is subscribed" : "an answer to its handshake";
}

bool listener_was_ready(const struct listener *l)
{
	return l->ever_ready;
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
	streams_fini(&l->streams);
	mem_free(l);
}
