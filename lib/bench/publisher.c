/* publisher.c - marks go out; acknowledgements come back
 *
 * Three ways: rt's client, frames of a template on any WebSocket, and (poster.c) one request for
 * each message. A message that the server did not take over a request has used up no number: there
 * is one at a time. Where more are under way, nobody is told to expect it. */
#include "bench/publisher.h"

#include "base/mem.h"
#include "bench/poster.h"

#define DEDUP_BYTES 21 /* of a mark: what tells a message from all others */

struct waiting {
	uint64_t due_ns;
	unsigned room;
};

/* Sent, and no answer yet. */
struct handed {
	uint64_t due_ns, number;
	unsigned room;
};

struct publisher {
	const struct publisher_conf *conf;
	struct client *client; /* NULL: there is a poster */
	struct poster *poster;
	unsigned index;
	bool up, ready, ever_ready, done;
	uint64_t due_ns; /* when it was to connect */
	struct follow echoes;
	struct message message;
	struct buf frame;   /* PUBLISH_WS: the message as it goes out */
	struct buf waiting; /* struct waiting, from `taken` bytes on */
	size_t taken;
	struct buf unacked; /* struct handed, from `acked` bytes on, where there are answers */
	size_t acked;
	uint64_t n_open;    /* handed to the client, no outcome */
	uint64_t n_silent;  /* sent, no answer of the server's yet: echo, ack, or outcome */
};

/* --- messages --------------------------------------------------------------------------------- */

static struct str stamp(struct publisher *p, const struct waiting *w, uint64_t number)
{
	struct tally *t = p->conf->tally;
	uint64_t now_ns = tally_now_ns();
	const struct mark m = {
		.run = t->run,
		.stream = tally_stream(t, p->index, w->room),
		.number = number,
		.due_ns = w->due_ns,
		.after_ns = now_ns > w->due_ns ? now_ns - w->due_ns : 0,
	};

	return message_stamp(&p->message, &m);
}

static bool has_answers(const struct publisher *p)
{
	return p->conf->profile->publish != PUBLISH_WS || p->conf->profile->ack;
}

/* Hands a message over; false when it must wait. */
static bool hand_over(struct publisher *p, const struct waiting *w)
{
	struct tally *t = p->conf->tally;
	uint64_t *sent = &t->sent[tally_stream(t, p->index, w->room)];
	struct str mark = stamp(p, w, *sent), room = str_of(p->conf->rooms[w->room]);
	struct profile_fill fill = {
		.room = room, .stamp = mark, .message = buf_str(&p->message.text), .seq = *sent
	};
	const struct handed h = { w->due_ns, *sent, w->room };
	bool ok;

	if (p->poster) {
		ok = poster_send(p->poster, &fill);
	} else if (p->conf->profile->publish == PUBLISH_RT) {
		ok = client_publish(p->client, room, buf_str(&p->message.text),
			     str_make(mark.p, DEDUP_BYTES), w->due_ns) == 0;
	} else {
		p->frame.n = 0;
		profile_fill(&p->frame, p->conf->profile->message, &fill);
		ok = client_publish(p->client, STR(""), buf_str(&p->frame), STR(""), w->due_ns) ==
		     0;
	}
	if (!ok)
		return false;
	++*sent;
	p->n_open++;
	p->n_silent++;
	t->result->sent++;
	t->interval_sent++;
	if (has_answers(p))
		buf_add(&p->unacked, &h, sizeof(h));
	return true;
}

static bool is_waiting(const struct publisher *p)
{
	return p->taken < p->waiting.n;
}

static void go_on(struct publisher *p)
{
	struct waiting w;

	while (p->ready && is_waiting(p)) {
		memcpy(&w, p->waiting.p + p->taken, sizeof(w));
		if (!hand_over(p, &w))
			return;
		p->taken += sizeof(w);
	}
	if (!is_waiting(p))
		p->waiting.n = p->taken = 0;
}

void publisher_send(struct publisher *p, unsigned room, uint64_t due_ns)
{
	const struct waiting w = { due_ns, room };

	p->conf->tally->result->due++;
	if (p->ready && !is_waiting(p) && hand_over(p, &w))
		return;
	p->conf->tally->result->blocked++;
	buf_add(&p->waiting, &w, sizeof(w));
}

/* The callbacks of a message never run inside of handing it over, so this ends. */
void publisher_fill(struct publisher *p)
{
	unsigned room = 0;

	while (p->ready && p->n_silent < p->conf->window && !is_waiting(p) &&
		p->conf->more(p->conf->arg, &room))
		publisher_send(p, room, tally_now_ns());
}

/* --- what comes back -------------------------------------------------------------------------- */

static void answered(struct publisher *p)
{
	if (p->n_silent)
		p->n_silent--;
	publisher_fill(p);
}

/* Takes the message that was due then off those that wait for an answer; 0: the oldest. */
static bool take_handed(struct publisher *p, uint64_t due_ns, struct handed *h)
{
	size_t at = p->acked;

	for (; at < p->unacked.n; at += sizeof(*h)) {
		memcpy(h, p->unacked.p + at, sizeof(*h));
		if (!due_ns || h->due_ns == due_ns)
			break;
	}
	if (at >= p->unacked.n)
		return false;
	if (at > p->acked)
		memmove(p->unacked.p + p->acked + sizeof(*h), p->unacked.p + p->acked,
			at - p->acked);
	p->acked += sizeof(*h);
	if (p->acked == p->unacked.n)
		p->acked = p->unacked.n = 0;
	return true;
}

static uint32_t stream_of(const struct publisher *p, const struct handed *h)
{
	return tally_stream(p->conf->tally, p->index, h->room);
}

static void acked(struct publisher *p, uint64_t due_ns)
{
	struct result *r = p->conf->tally->result;
	uint64_t now_ns = tally_now_ns();

	r->acked++;
	hist_add(&r->ack, now_ns > due_ns ? now_ns - due_ns : 0);
}

static void on_outcome(void *arg, uint64_t tag, enum client_outcome what, struct str id,
	struct str reason)
{
	struct publisher *p = arg;
	struct result *r = p->conf->tally->result;
	struct handed h;

	(void)id;
	p->n_open--;
	if (p->conf->profile->publish != PUBLISH_RT || !take_handed(p, tag, &h)) {
		/* written out */
	} else if (what == CLIENT_REFUSED) {
		r->refused++;
		result_error(r, "a message was refused: " STR_FMT, STR_ARG(reason));
		tally_excuse(p->conf->tally, stream_of(p, &h), h.number);
	} else {
		acked(p, h.due_ns);
	}
	if (what == CLIENT_REFUSED || (!p->conf->echo && !p->conf->profile->ack))
		answered(p);
}

static void on_window_open(void *arg)
{
	go_on(arg);
	publisher_fill(arg);
}

/* Of another connection, or of another run: none of ours. */
static void on_echo(struct publisher *p, struct str text)
{
	struct tally *t = p->conf->tally;
	uint64_t now_ns = tally_now_ns();
	struct mark m;

	t->result->bytes += text.n;
	while (mark_find(&text, &m)) {
		if (m.run != t->run) {
			t->result->foreign++;
		} else if (m.stream != tally_stream(t, p->index, 0)) {
			t->result->verdict.phantom++;
		} else {
			t->arrived++;
			tally_count(t, &p->echoes, &m, text, now_ns);
			answered(p);
		}
	}
	if (now_ns >= t->due_ns)
		t->due(t->arg);
}

static void became_ready(struct publisher *p)
{
	struct tally *t = p->conf->tally;

	p->ready = true;
	tally_ready(t, false, 0);
	if (!p->ever_ready) {
		p->ever_ready = true;
		t->result->opened++;
		hist_add(&t->result->connect, t->last_ready_ns - p->due_ns);
		p->conf->ready(p->conf->arg);
	}
	go_on(p);
	publisher_fill(p);
}

static void on_message(void *arg, const struct client_msg *msg)
{
	struct publisher *p = arg;
	const char *ack = p->conf->profile->ack;
	const char *words = profile_answer(p->conf->profile, msg->text);
	struct handed h;

	if (words) {
		p->n_open++;
		client_publish(p->client, STR(""), str_of(words), STR(""), 0);
		return;
	}
	if (!p->ready && p->conf->profile->publish_way.ready) {
		if (str_find(msg->text, str_of(p->conf->profile->publish_way.ready)) < 0)
			return;
		became_ready(p);
		return;
	}
	if (p->conf->echo) {
		on_echo(p, msg->text);
		return;
	}
	if (!ack || str_find(msg->text, str_of(ack)) < 0)
		return;
	if (take_handed(p, 0, &h)) {
		acked(p, h.due_ns);
		answered(p);
	} else {
		result_error(p->conf->tally->result, "an acknowledgement came for no message");
	}
}

static void on_up(void *arg, struct str url)
{
	struct publisher *p = arg;
	const struct profile_fill fill = { .room = str_of(p->conf->rooms[0]) };
	struct buf text = { 0 };

	(void)url;
	p->up = true;
	for (const char *const *o = p->conf->profile->publish_way.open; o && *o; o++) {
		text.n = 0;
		profile_fill(&text, *o, &fill);
		p->n_open++;
		client_publish(p->client, STR(""), buf_str(&text), STR(""), 0);
	}
	buf_fini(&text);
	if (!p->ever_ready)
		hist_add(&p->conf->tally->result->upgrade, tally_now_ns() - p->due_ns);
	if (!p->ready && !p->conf->profile->publish_way.ready)
		became_ready(p);
}

static void unready(struct publisher *p)
{
	p->conf->tally->n_ready -= p->ready;
	p->ready = false;
}

/* Of what was written and has no answer nobody knows what became of it; what is not even written
 * will be. */
static void forget_written(struct publisher *p)
{
	struct handed h;

	while ((p->unacked.n - p->acked) / sizeof(h) > p->n_open && take_handed(p, 0, &h))
		tally_excuse(p->conf->tally, stream_of(p, &h), h.number);
}

static void on_down(void *arg, struct str why, int64_t retry_in_ms)
{
	struct publisher *p = arg;

	(void)retry_in_ms;
	if (p->ready)
		p->conf->tally->result->broken++;
	else
		p->conf->tally->result->retried++;
	p->up = false;
	unready(p);
	tally_trouble(p->conf->tally, why);
	if (p->conf->profile->publish != PUBLISH_WS)
		return; /* it sends again what has no ack */
	p->n_silent = 0;
	forget_written(p);
}

static void on_failed(void *arg, const struct err *e)
{
	struct publisher *p = arg;

	p->conf->tally->result->broken += p->ready;
	unready(p);
	p->done = true;
	p->n_open = 0;
	forget_written(p);
	tally_failed(p->conf->tally, e);
	p->conf->ended(p->conf->arg);
}

static const struct client_events events = {
	.up = on_up,
	.down = on_down,
	.message = on_message,
	.outcome = on_outcome,
	.window_open = on_window_open,
	.failed = on_failed,
};

/* --- by requests ------------------------------------------------------------------------------ */

/* It is as if it had never been handed over. */
static void put_back(struct publisher *p, const struct handed *h)
{
	const struct waiting w = { h->due_ns, h->room };
	struct tally *t = p->conf->tally;

	t->result->sent--;
	t->interval_sent -= t->interval_sent > 0;
	p->n_silent -= p->n_silent > 0;
	buf_add(&p->waiting, &w, sizeof(w));
	memmove(p->waiting.p + p->taken + sizeof(w), p->waiting.p + p->taken,
		p->waiting.n - p->taken - sizeof(w));
	memcpy(p->waiting.p + p->taken, &w, sizeof(w));
}

static void on_posted(struct publisher *p, enum poster_news what, const struct err *why)
{
	struct tally *t = p->conf->tally;
	struct handed h = { 0 };

	take_handed(p, 0, &h);
	p->n_open--;
	if (what == POSTER_REFUSED || what == POSTER_UNSENT)
		t->sent[stream_of(p, &h)]--;
	switch (what) {
	case POSTER_UNSENT: put_back(p, &h); return;
	case POSTER_TAKEN: acked(p, h.due_ns); break;
	case POSTER_REFUSED:
		t->result->refused++;
		result_error(t->result, "a message was refused: %s", why->text);
		break;
	default:
		t->result->broken++;
		tally_excuse(t, stream_of(p, &h), h.number);
		result_error(t->result, "nobody knows what became of a message: %s", why->text);
		break;
	}
	go_on(p);
	answered(p);
}

static void on_poster(void *arg, enum poster_news what, const struct err *why)
{
	struct publisher *p = arg;

	switch (what) {
	case POSTER_READY: became_ready(p); break;
	case POSTER_DOWN: on_down(p, str_of(why->text), 0); break;
	case POSTER_FAILED: on_failed(p, why); break;
	default: on_posted(p, what, why); break;
	}
}

/* --- life ------------------------------------------------------------------------------------- */

struct publisher *publisher_new(const struct publisher_conf *conf,
	const struct client_conf *client, unsigned index, uint64_t due_ns, struct err *e)
{
	struct publisher *p = mem_new(struct publisher);

	p->conf = conf;
	p->due_ns = due_ns;
	p->index = index;
	message_init(&p->message, conf->size);
	if (conf->profile->publish == PUBLISH_POST)
		p->poster = poster_new(conf->loop, client, conf->profile, on_poster, p, e);
	else
		p->client = client_new(conf->loop, client, &events, p, e);
	if (!p->client && !p->poster) {
		publisher_free(p);
		return NULL;
	}
	if (p->poster)
		poster_connect(p->poster, conf->tally->n_publishers);
	else
		client_start(p->client);
	return p;
}

bool publisher_is_ready(const struct publisher *p)
{
	return p->ready;
}

uint64_t publisher_open(const struct publisher *p)
{
	uint64_t waiting = (p->waiting.n - p->taken) / sizeof(struct waiting);
	uint64_t unacked = (p->unacked.n - p->acked) / sizeof(struct handed);

	return p->done ? 0 : waiting + (p->n_open > unacked ? p->n_open : unacked);
}

const char *publisher_waits_for(const struct publisher *p)
{
	if (p->ready || p->done)
		return NULL;
	return p->up ? "word that it may publish" : "an answer to its handshake";
}

bool publisher_is_complete(const struct publisher *p)
{
	const struct tally *t = p->conf->tally;

	return !p->conf->echo || !p->ready ||
	       follow_complete(&p->echoes, t->sent[tally_stream(t, p->index, 0)]);
}

void publisher_settle(struct publisher *p)
{
	struct tally *t = p->conf->tally;
	uint64_t unacked = (p->unacked.n - p->acked) / sizeof(struct handed);

	p->waiting.n = p->taken = 0;
	if (unacked)
		result_errors(t->result, "no acknowledgement came for a message", unacked);
	if (p->conf->echo)
		follow_end(&p->echoes, t->sent[tally_stream(t, p->index, 0)], &t->result->verdict);
}

void publisher_free(struct publisher *p)
{
	if (!p)
		return;
	poster_free(p->poster);
	client_free(p->client);
	follow_fini(&p->echoes);
	message_fini(&p->message);
	buf_fini(&p->frame);
	buf_fini(&p->waiting);
	buf_fini(&p->unacked);
	mem_free(p);
}
