/* probe.c - the steps of a probe, one transport after the other
 *
 * Subscribing is the listener's, publishing one request a message (or, where a profile publishes on
 * a WebSocket, the publisher's): what passes here passes for everybody else. */
#include "bench/probe.h"

#include "base/mem.h"
#include "bench/address.h"
#include "bench/listener.h"
#include "bench/message.h"
#include "bench/poster.h"
#include "bench/publisher.h"
#include "client/carrier.h"
#include "client/handle.h"
#include "client/multi.h"

#include <stdio.h>

#define TICK_MS      10
#define FILLER_BYTES 4096
#define FILLER_MAX   64 /* messages: 256 KiB */
#define FILLER_NS    20000000
#define RUN_ROOMS    1

enum step {
	SUBSCRIBE, /* until subscribed, or out of patience */
	PUBLISH,   /* the message is on its way */
	FILL,      /* more are */
	LAST,      /* all are, and may still come */
};

struct probe {
	uv_loop_t *loop;
	const struct probe_conf *conf;
	struct probe_found *found;
	void (*ended)(void *arg);
	void *arg;
	uv_timer_t *tick;
	/* reaching */
	struct client *client; /* never started: lends what it knows to the transfer */
	struct multi *multi;
	struct transfer *reach;
	/* of the transport that is being tried */
	int transport;
	enum step step;
	uint64_t begin_ns, step_ns, publish_ns, filler_ns;
	struct load_conf load_conf;
	struct addresses addresses;
	struct result result;
	struct tally tally;
	struct listener_conf listener_conf;
	struct publisher_conf publisher_conf;
	struct listener *listener;
	struct publisher *publisher; /* PUBLISH_WS */
	struct poster *poster;       /* others */
	struct message message, filler;
	unsigned n_filler;
	bool has_tried, trying;
};

static void try_next(struct probe *p);

/* --- the end of a transport ------------------------------------------------------------------- */

static void clean(struct probe *p)
{
	listener_free(p->listener);
	publisher_free(p->publisher);
	poster_free(p->poster);
	p->listener = NULL;
	p->publisher = NULL;
	p->poster = NULL;
	if (p->has_tried) {
		tally_fini(&p->tally);
		result_fini(&p->result);
		addresses_fini(&p->addresses);
	}
	p->has_tried = false;
}

static struct probe_way *way_of(struct probe *p)
{
	return &p->found->ways[p->transport];
}

__attribute__((format(printf, 2, 3))) static void finish(
	struct probe *p, const char *problem, ...)
{
	struct probe_way *w = way_of(p);
	struct buf text = { 0 };
	va_list ap;

	w->tried = true;
	w->head_ns = p->result.upgrade.n ? p->result.upgrade.max : 0;
	w->subscribed_ns = p->result.connect.n ? p->result.connect.max : 0;
	w->ok = !problem;
	if (problem) {
		va_start(ap, problem);
		buf_addv(&text, problem, ap);
		va_end(ap);
		w->problem = mem_strdup(buf_cstr(&text));
	}
	buf_fini(&text);
	p->trying = false;
}

/* --- publishing ------------------------------------------------------------------------------- */

static void on_posted(void *arg, enum poster_news what, const struct err *why)
{
	struct probe *p = arg;
	uint64_t took_ns = tally_now_ns() - p->filler_ns;

	if (!p->trying)
		return;
	if (what == POSTER_TAKEN) {
		if (!p->found->publish_ns || took_ns < p->found->publish_ns)
			p->found->publish_ns = took_ns;
		return;
	}
	finish(p, "it subscribed, but publishing to '%s' failed: %s", p->found->url, why->text);
}

/* The message, or one behind it that fills whatever gathers them. */
static void publish(struct probe *p, struct message *m)
{
	struct mark mark = {
		.run = p->tally.run,
		.number = p->tally.sent[0],
		.due_ns = tally_now_ns(),
	};
	struct profile_fill fill = { .room = str_of(p->addresses.rooms[0]), .seq = mark.number };

	p->filler_ns = mark.due_ns;
	if (p->publisher) {
		publisher_send(p->publisher, 0, mark.due_ns);
		return;
	}
	fill.stamp = message_stamp(m, &mark);
	fill.message = buf_str(&m->text);
	p->tally.sent[0]++;
	poster_send(p->poster, &fill);
}

static bool may_publish(const struct probe *p)
{
	return p->publisher ? publisher_is_ready(p->publisher) : !poster_is_busy(p->poster);
}

/* --- the steps -------------------------------------------------------------------------------- */

static void go_to(struct probe *p, enum step step, uint64_t now_ns)
{
	p->step = step;
	p->step_ns = now_ns;
}

/* What the errors of the client do not say. */
static const char *hint(const struct probe *p, const char *error)
{
	static const char *const answers[] = { "answered 200", "answered 400", "answered 404",
		"answered 426" };

	for (size_t i = 0; i < 4 && p->transport == TRANSPORT_WS; i++) {
		if (strstr(error, answers[i]))
			return " (no WebSocket there, or a proxy on the way does not pass the Upgrade "
			       "header)";
	}
	return "";
}

static void came(struct probe *p, uint64_t now_ns)
{
	struct probe_way *w = way_of(p);

	w->message_ns = p->result.latency.n && !p->n_filler ? p->result.latency.max
							     : now_ns - p->publish_ns;
	w->held_bytes = (uint64_t)p->n_filler * FILLER_BYTES;
	if (!p->n_filler)
		finish(p, NULL);
	else
		finish(p, "a message came only after %u kB more had been published: a proxy on the "
			  "way gathers the answer before it hands it on",
			p->n_filler * FILLER_BYTES / 1024);
}

static void nothing_came(struct probe *p)
{
	if (!p->result.upgrade.n)
		finish(p, "no answer from '%s', nor after %u kB had been published: a proxy on the "
			  "way may wait for its end",
			p->found->url, p->n_filler * FILLER_BYTES / 1024);
	else
		finish(p, "%s, but nothing came, though %u messages were published: a proxy on the "
			  "way may wait for the end of the answer",
			p->result.connect.n ? "it subscribed" : "the server answered",
			(unsigned)p->tally.sent[0]);
}

/* An answer that is waited for while there is something to be gathered is late by that. */
static void failed(struct probe *p, const char *error)
{
	if (p->step >= FILL && !p->result.upgrade.n)
		nothing_came(p);
	else
		finish(p, "%s%s", error, hint(p, error));
}

static void begin_publishing(struct probe *p, uint64_t now_ns)
{
	if (!may_publish(p))
		return;
	p->publish_ns = now_ns;
	publish(p, &p->message);
	go_to(p, PUBLISH, now_ns);
}

static void fill(struct probe *p, uint64_t now_ns)
{
	if (now_ns - p->filler_ns < FILLER_NS || !may_publish(p))
		return;
	if (p->n_filler == FILLER_MAX) {
		go_to(p, LAST, now_ns);
		return;
	}
	p->n_filler++;
	publish(p, &p->filler);
}

static void step(struct probe *p, uint64_t now_ns)
{
	uint64_t patience_ns = (uint64_t)p->conf->patience_ms * 1000000;
	bool waited = now_ns - p->step_ns > patience_ns;

	if (p->result.n_errors) {
		failed(p, p->result.errors[0].text);
	} else if (p->tally.arrived) {
		came(p, now_ns);
	} else if (p->step == SUBSCRIBE && (waited || listener_was_ready(p->listener))) {
		begin_publishing(p, now_ns);
	} else if (p->step == PUBLISH && waited) {
		go_to(p, FILL, now_ns);
	} else if (p->step == FILL) {
		fill(p, now_ns);
	} else if (p->step == LAST && waited) {
		nothing_came(p);
	}
}

static void on_tick(uv_timer_t *tick)
{
	struct probe *p = tick->data;

	if (p->trying)
		step(p, tally_now_ns());
	if (p->trying)
		return;
	clean(p);
	p->transport++;
	try_next(p);
}

/* --- the beginning of a transport ------------------------------------------------------------- */

static void on_ready(void *arg, struct listener *l)
{
	(void)arg;
	(void)l;
}

static void on_publisher(void *arg)
{
	(void)arg;
}

static int open_publishing(struct probe *p, struct client_conf client, struct err *e)
{
	const struct profile *profile = p->conf->profile;

	client.url = p->addresses.publish;
	client.window = FILLER_MAX + 1;
	if (profile->publish != PUBLISH_WS) {
		client.raw = false;
		p->poster = poster_new(p->loop, &client, profile, on_posted, p, e);
		return p->poster ? 0 : e->code;
	}
	client.raw = true;
	p->publisher_conf = (struct publisher_conf){
		.loop = p->loop,
		.tally = &p->tally,
		.profile = profile,
		.rooms = (const char *const *)p->addresses.rooms,
		.size = FILLER_BYTES,
		.ready = on_publisher,
		.ended = on_publisher,
	};
	p->publisher = publisher_new(&p->publisher_conf, &client, 0, tally_now_ns(), e);
	return p->publisher ? 0 : e->code;
}

/* rt's protocol publishes by POST here, whatever the transport: a request a message passes where
 * anything passes. */
static int make_addresses(struct probe *p, struct err *e)
{
	int r;

	p->load_conf = (struct load_conf){
		.client = p->conf->client,
		.profile = p->conf->profile,
		.transport = (enum transport)p->transport,
		.room = p->conf->room,
		.subscribers = 1,
		.publishers = 1,
		.rooms = RUN_ROOMS,
	};
	r = addresses_make(&p->addresses, &p->load_conf, p->tally.run, e);
	if (r == 0 && strncmp(p->addresses.publish, "ws", 2) == 0 &&
		p->conf->profile->publish == PUBLISH_RT) {
		struct buf http = { 0 };
		buf_addf(&http, "http%s", p->addresses.publish + 2);
		mem_free(p->addresses.publish);
		p->addresses.publish = mem_strdup(buf_cstr(&http));
		buf_fini(&http);
	}
	return r;
}

static int try_this(struct probe *p, struct err *e)
{
	struct client_conf client = p->conf->client;

	p->has_tried = p->trying = true;
	p->n_filler = 0;
	result_init(&p->result);
	tally_init(&p->tally, &p->result, 1, RUN_ROOMS);
	if (make_addresses(p, e) < 0 || open_publishing(p, client, e) < 0)
		return e->code;
	p->listener_conf = (struct listener_conf){
		.loop = p->loop,
		.tally = &p->tally,
		.profile = p->conf->profile,
		.way = &p->conf->profile->ways[p->transport],
		.ready = on_ready,
		.ended = on_ready, /* its error is counted: see step */
		.arg = p,
	};
	client.url = p->addresses.listen[0];
	client.raw = p->transport != TRANSPORT_POLL;
	client.window = 16;
	client.retry_first_ms = INT64_MAX; /* the first error is the last, after any time */
	p->begin_ns = tally_now_ns();
	go_to(p, SUBSCRIBE, p->begin_ns);
	p->listener = listener_new(
		&p->listener_conf, &client, 0, p->addresses.rooms[0], p->begin_ns, e);
	return p->listener ? 0 : e->code;
}

static bool is_wanted(const struct probe *p)
{
	return p->conf->profile->ways[p->transport].path &&
	       (p->conf->transport < 0 || p->conf->transport == p->transport);
}

static void try_next(struct probe *p)
{
	struct err e = { 0 };

	while (p->transport < TRANSPORTS && !is_wanted(p))
		p->transport++;
	if (p->transport == TRANSPORTS) {
		uv_timer_stop(p->tick);
		p->ended(p->arg);
	} else if (try_this(p, &e) < 0) {
		finish(p, "%s", e.text);
	}
}

/* --- reaching the server ---------------------------------------------------------------------- */

static uint64_t time_of(struct transfer *t, CURLINFO what)
{
	curl_off_t us = 0;

	curl_easy_getinfo(t->easy, what, &us);
	return us > 0 ? (uint64_t)us * 1000 : 0;
}

static void note_times(struct probe *p, struct transfer *t)
{
	uint64_t dns = time_of(t, CURLINFO_NAMELOOKUP_TIME_T);
	uint64_t tcp = time_of(t, CURLINFO_CONNECT_TIME_T);
	uint64_t tls = time_of(t, CURLINFO_APPCONNECT_TIME_T);

	p->found->dns_ns = dns;
	p->found->tcp_ns = tcp > dns ? tcp - dns : 0;
	p->found->tls_ns = tls > tcp ? tls - tcp : 0;
}

static const char *failed_step(const struct probe_found *f, CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST: return "looking up its name";
	case CURLE_COULDNT_CONNECT: return "connecting";
	case CURLE_OPERATION_TIMEDOUT:
		return !f->dns_ns ? "looking up its name" : !f->tcp_ns ? "connecting"
							       : "agreeing on TLS";
	default: return "agreeing on TLS";
	}
}

static void note_unreachable(struct probe *p, struct transfer *t, CURLcode code)
{
	struct buf why = { 0 }, text = { 0 };

	p->found->code = transfer_why(t, p->client, code, &why);
	buf_addf(&text, "cannot reach '%s': %s: %s", p->found->url, failed_step(p->found, code),
		buf_cstr(&why));
	p->found->unreachable = mem_strdup(buf_cstr(&text));
	buf_fini(&text);
	buf_fini(&why);
}

static void on_reached(struct transfer *t, CURLcode code)
{
	struct probe *p = t->owner;

	note_times(p, t);
	if (code != CURLE_OK)
		note_unreachable(p, t, code);
	p->reach = NULL;
	transfer_drop(t);
	if (code != CURLE_OK) {
		p->ended(p->arg);
		return;
	}
	uv_timer_start(p->tick, on_tick, TICK_MS, TICK_MS);
	try_next(p);
}

static const struct client_events no_events = { 0 };

struct probe *probe_new(uv_loop_t *loop, const struct probe_conf *conf, struct probe_found *found,
	void (*ended)(void *arg), void *arg, struct err *e)
{
	struct probe *p = mem_new(struct probe);
	struct client_conf client = conf->client;

	*p = (struct probe){
		.loop = loop, .conf = conf, .found = found, .ended = ended, .arg = arg
	};
	p->tick = mem_new(uv_timer_t);
	uv_timer_init(loop, p->tick);
	p->tick->data = p;
	p->multi = multi_ref(loop);
	message_init(&p->message, 0);
	message_init(&p->filler, FILLER_BYTES);
	client.raw = true;
	p->client = client_new(loop, &client, &no_events, p, e);
	if (!p->client) {
		probe_free(p);
		return NULL;
	}
	found->url = mem_strdup(buf_cstr(&p->client->url_safe));
	return p;
}

void probe_start(struct probe *p)
{
	p->reach = transfer_new(p->multi, p->client, "/", p);
	p->reach->done = on_reached;
	curl_easy_setopt(p->reach->easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(p->reach->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)p->conf->patience_ms);
	transfer_start(p->reach);
}

void probe_free(struct probe *p)
{
	if (!p)
		return;
	clean(p);
	transfer_drop(p->reach);
	client_free(p->client);
	multi_unref(p->multi);
	message_fini(&p->message);
	message_fini(&p->filler);
	handle_free(p->tick);
	mem_free(p);
}
