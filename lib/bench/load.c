/* load.c - the phases of a run, and the clock that drives it
 *
 * A bell says when the next message, or connection, is due. How late we come to it is the tool's
 * lag, measured at every one and, between them, at every tick: a run in which that is not small says
 * nothing about the server. A closed loop has no such times: its publishers ask for the next message
 * when they have an answer. */
#include "bench/load.h"

#include "base/clock.h"
#include "base/mem.h"
#include "bench/bell.h"
#include "bench/crowd.h"
#include "bench/generator.h"
#include "bench/publisher.h"
#include "bench/sampler.h"
#include "client/handle.h"

#include <stdio.h>

#define TICK_MS      10
#define SAMPLE_MS    1000
#define CURVE_MS     200  /* between samples where connecting is what is looked at */
#define QUIET_MS     5000 /* nothing arrives for so long: nothing will */
#define STOP_MS      2000
#define SEND_MAX     1024 /* messages before others get their turn */
#define WINDOW       65536
#define RAW_WINDOW   1024 /* messages not even written: what waits longer shows as waiting */

enum phase { CONNECT, STORM, RUN, DRAIN, END };

struct load {
	uv_loop_t *loop;
	const struct load_conf *conf;
	const struct load_events *events;
	void *arg;
	struct result *result;
	struct tally tally;
	enum phase phase;
	struct addresses addresses;
	struct message message;
	struct client_conf publish_client;
	struct publisher_conf publisher_conf;
	struct crowd crowd;
	struct publisher **publishers;
	unsigned n_publishers_ready, n_publishers_settled;

	struct schedule schedule; /* what is left of it */
	uint64_t length_ns;       /* of the whole */
	struct sampler sampler;
	uint64_t n_due;
	uint64_t start_ns; /* of connecting */
	uint64_t storm_ns; /* when all were dropped */
	uint64_t begin_ns; /* of the schedule */
	uint64_t tick_ns;
	uint64_t quiet_since_ns, seen, sent;
	struct bell *due;
	uv_timer_t *tick;
};

/* --- making ----------------------------------------------------------------------------------- */

static bool publisher_more(void *arg, unsigned *room);
static void publisher_ready(void *arg);
static void publisher_ended(void *arg);
static void on_tick(uv_timer_t *timer);
static void on_due(void *arg);

static void set_confs(struct load *l)
{
	const struct load_conf *conf = l->conf;
	struct client_conf client = conf->client;
	struct listener_conf listener = {
		.loop = l->loop,
		.tally = &l->tally,
		.profile = conf->profile,
		.way = &conf->profile->ways[conf->transport],
		.any = conf->plan & PLAN_LISTEN,
	};

	client.raw = conf->transport != TRANSPORT_POLL;
	client.window = 16;
	client.retry_window_ms = conf->retry_window_ms;
	crowd_init(&l->crowd, &listener, &client, &l->addresses, conf->sources, conf->subscribers,
		conf->ramp_ms);
	l->crowd.measured = conf->plan & PLAN_CONNECT;
	l->publish_client = conf->client;
	l->publish_client.raw = conf->profile->publish != PUBLISH_RT;
	l->publish_client.url = l->addresses.publish;
	l->publish_client.window = l->publish_client.raw ? RAW_WINDOW : WINDOW;
	l->publisher_conf = (struct publisher_conf){
		.loop = l->loop,
		.tally = &l->tally,
		.profile = conf->profile,
		.rooms = (const char *const *)l->addresses.rooms,
		.size = conf->size,
		.echo = conf->plan & PLAN_ECHO,
		.window = conf->window,
		.more = publisher_more,
		.ready = publisher_ready,
		.ended = publisher_ended,
		.arg = l,
	};
}

static void describe(struct load *l)
{
	const struct load_conf *conf = l->conf;
	struct result *r = l->result;

	r->scenario = mem_strdup(conf->scenario);
	r->url = mem_strdup(l->addresses.safe);
	r->profile = mem_strdup(conf->profile->name);
	r->transport = mem_strdup(transport_names[conf->transport]);
	r->subscribers = conf->subscribers;
	r->publishers = conf->publishers;
	r->rooms = conf->rooms;
	r->size = conf->size;
	r->window = conf->window;
	r->rate = conf->window ? 0 : schedule_mean_rate(&l->schedule);
}

struct load *load_new(uv_loop_t *loop, const struct load_conf *conf,
	const struct load_events *events, void *arg, struct result *result, struct err *e)
{
	struct load *l = mem_new(struct load);

	*l = (struct load){ .loop = loop,
		.conf = conf,
		.events = events,
		.arg = arg,
		.result = result,
		.schedule = conf->schedule,
		.length_ns = schedule_length_ns(&conf->schedule) };
	tally_init(&l->tally, result, conf->publishers, conf->rooms);
	l->tally.limit = conf->plan & PLAN_LISTEN ? conf->count : 0;
	if (generator_files(conf->subscribers + conf->publishers, e) < 0 ||
		addresses_make(&l->addresses, conf, l->tally.run, e) < 0)
		goto fail;
	l->tally.peer = conf->rooms > 1 ? l->addresses.safe : NULL;
	l->due = bell_new(loop, on_due, l, e);
	if (!l->due)
		goto fail;
	message_init(&l->message, conf->size);
	if (conf->publishers && strstr(conf->profile->message, "{message}"))
		l->tally.message = &l->message;
	set_confs(l);
	describe(l);
	l->publishers = mem_array(conf->publishers + 1, sizeof(*l->publishers));
	memset(l->publishers, 0, (conf->publishers + 1) * sizeof(*l->publishers));
	l->tick = mem_new(uv_timer_t);
	uv_timer_init(loop, l->tick);
	l->tick->data = l;
	return l;
fail:
	load_free(l);
	return NULL;
}

void load_free(struct load *l)
{
	if (!l)
		return;
	crowd_fini(&l->crowd);
	for (unsigned i = 0; l->publishers && i < l->conf->publishers; i++)
		publisher_free(l->publishers[i]);
	bell_free(l->due);
	if (l->tick)
		handle_free(l->tick);
	addresses_fini(&l->addresses);
	message_fini(&l->message);
	mem_free(l->publishers);
	tally_fini(&l->tally);
	mem_free(l);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void end(struct load *l)
{
	if (l->phase == END)
		return;
	l->phase = END;
	bell_stop(l->due);
	uv_timer_stop(l->tick);
	crowd_close(&l->crowd);
	if (l->conf->keep)
		crowd_settle(&l->crowd);
	else
		crowd_leave(&l->crowd);
	for (unsigned i = 0; i < l->conf->publishers && l->publishers[i]; i++)
		publisher_settle(l->publishers[i]);
	l->tally.n_excused = 0;
	generator_judge(l->result);
	l->events->ended(l->arg);
}

/* --- DRAIN ------------------------------------------------------------------------------------ */

static bool all_came(const struct load *l)
{
	for (unsigned i = 0; i < l->conf->publishers; i++) {
		if (publisher_open(l->publishers[i]) || !publisher_is_complete(l->publishers[i]))
			return false;
	}
	return crowd_is_complete(&l->crowd);
}

static uint64_t progress(const struct load *l)
{
	return l->tally.arrived + l->result->acked + l->result->sent;
}

static void take_sample(struct load *l, uint64_t now_ns)
{
	const struct result_sample *s = sampler_take(&l->sampler, now_ns);

	if (l->events->sampled)
		l->events->sampled(l->arg, s);
}

static void drain_tick(struct load *l, uint64_t now_ns)
{
	uint64_t quiet_ms = l->result->end == END_STOPPED ? STOP_MS : QUIET_MS;

	if (now_ns - l->sampler.at_ns >= SAMPLE_MS * UINT64_C(1000000))
		take_sample(l, now_ns);
	if (l->result->sent != l->sent) { /* it took that long to send */
		l->sent = l->result->sent;
		l->result->seconds = (double)(now_ns - l->sampler.begin_ns) / 1e9;
	}
	if (progress(l) != l->seen) {
		l->seen = progress(l);
		l->quiet_since_ns = now_ns;
	}
	if (all_came(l) || now_ns - l->quiet_since_ns > quiet_ms * 1000000)
		end(l);
}

/* What is left since the last sample, unless that is next to nothing. */
static void take_last_sample(struct load *l, uint64_t now_ns)
{
	if (now_ns - l->sampler.at_ns >= CURVE_MS / 2 * UINT64_C(1000000))
		take_sample(l, now_ns);
}

static void drain(struct load *l, uint64_t now_ns)
{
	uint64_t took_ns = now_ns - l->sampler.begin_ns;

	bell_stop(l->due);
	take_last_sample(l, now_ns);
	l->tally.due_ns = UINT64_MAX;
	l->phase = DRAIN;
	/* the tick that found it over is no part of it */
	if (!(l->conf->plan & PLAN_CONNECT) && took_ns > l->length_ns &&
		took_ns - l->length_ns < 2 * TICK_MS * 1000000)
		took_ns = l->length_ns;
	l->result->seconds = (double)took_ns / 1e9;
	l->quiet_since_ns = now_ns;
	l->sent = l->result->sent;
	sampler_end(&l->sampler);
	sampler_memory(l->result, MEMORY_AFTER, l->conf->pid);
}

/* --- RUN -------------------------------------------------------------------------------------- */

/* Has everything that was asked for (-n) begun its way? */
static bool all_due(const struct load *l)
{
	return l->conf->count && l->n_due >= l->conf->count;
}

static bool publisher_more(void *arg, unsigned *room)
{
	struct load *l = arg;

	if (l->phase != RUN || all_due(l))
		return false;
	*room = (unsigned)(l->n_due++ % l->conf->rooms);
	return true;
}

/* Sends what is due and waits for what comes next. */
static void send_due(void *arg)
{
	struct load *l = arg;
	uint64_t now_ns = tally_now_ns(), due_ns;

	for (int n = 0; !all_due(l) && (due_ns = schedule_due(&l->schedule)) != SCHEDULE_END; n++) {
		unsigned publisher = (unsigned)(l->n_due % l->conf->publishers);
		unsigned room = (unsigned)(l->n_due / l->conf->publishers % l->conf->rooms);

		due_ns += l->begin_ns;
		l->tally.due_ns = due_ns;
		if (due_ns > now_ns || n == SEND_MAX) {
			bell_set(l->due, due_ns);
			return;
		}
		hist_add(&l->result->lag, now_ns - due_ns);
		publisher_send(l->publishers[publisher], room, due_ns);
		l->n_due++;
		schedule_pass(&l->schedule);
	}
	l->tally.due_ns = UINT64_MAX;
}

static void on_due(void *arg)
{
	struct load *l = arg;

	if (l->phase == CONNECT)
		bell_set(l->due, crowd_due(&l->crowd));
	else if (l->phase == RUN)
		send_due(l);
}

static bool is_over(const struct load *l, uint64_t now_ns)
{
	const struct load_conf *conf = l->conf;

	if (conf->plan & PLAN_LISTEN && conf->count && l->tally.arrived >= conf->count)
		return true;
	if (conf->publishers && all_due(l))
		return true;
	return now_ns - l->begin_ns >= l->length_ns &&
	       (conf->window || schedule_due(&l->schedule) == SCHEDULE_END);
}

static void run_tick(struct load *l, uint64_t now_ns)
{
	if (now_ns - l->sampler.at_ns >= SAMPLE_MS * UINT64_C(1000000))
		take_sample(l, now_ns);
	if (is_over(l, now_ns))
		drain(l, now_ns);
}

static void run(struct load *l, uint64_t now_ns)
{
	const struct load_conf *conf = l->conf;

	l->phase = RUN;
	l->begin_ns = now_ns;
	if (!(conf->plan & PLAN_CONNECT)) {
		l->result->started_ms = clock_wall_ms();
		sampler_begin(&l->sampler, &l->tally, conf->pid, now_ns);
	}
	for (unsigned i = 0; i < conf->publishers && conf->window; i++)
		publisher_fill(l->publishers[i]);
	if (conf->window)
		return;
	l->tally.due = send_due;
	l->tally.arg = l;
	send_due(l);
}

/* --- STORM ------------------------------------------------------------------------------------ */

static void storm(struct load *l, uint64_t now_ns)
{
	l->phase = STORM;
	take_last_sample(l, now_ns);
	l->storm_ns = now_ns;
	crowd_drop(&l->crowd);
}

static void storm_tick(struct load *l, uint64_t now_ns)
{
	struct result *r = l->result;
	bool late = now_ns - l->storm_ns > (uint64_t)l->conf->connect_ms * 1000000;
	bool back = r->back.n && l->tally.n_ready >= crowd_alive(&l->crowd);

	if (!late && !back)
		return;
	if (back)
		r->storm_s = (double)(l->tally.last_ready_ns - l->storm_ns) / 1e9;
	else
		result_error(r, "not every connection to '%s' was back in time", l->addresses.safe);
	run(l, now_ns);
}

/* --- CONNECT ---------------------------------------------------------------------------------- */

static void publisher_ready(void *arg)
{
	struct load *l = arg;

	l->n_publishers_ready++;
	l->n_publishers_settled++;
}

static void publisher_ended(void *arg)
{
	((struct load *)arg)->n_publishers_settled++;
}

static void refuse(struct load *l, const struct err *e)
{
	result_end(l->result, END_REFUSED, "%s", e->text);
	end(l);
}

static bool all_settled(const struct load *l)
{
	return crowd_is_settled(&l->crowd) &&
	       l->n_publishers_settled >= l->conf->publishers;
}

static void connected(struct load *l, uint64_t now_ns)
{
	struct result *r = l->result;

	if (l->tally.opened)
		r->connect_s = (double)(l->tally.last_ready_ns - l->start_ns) / 1e9;
	sampler_memory(r, MEMORY_CONNECTED, l->conf->pid);
	if (l->conf->plan & PLAN_STORM)
		storm(l, now_ns);
	else
		run(l, now_ns);
}

static void tell_unready(struct load *l, const char *who, const char *what, unsigned n)
{
	for (; what && n; n--)
		result_error(l->result, "a %s of '%s' was not ready in time: it waited for %s", who,
			l->addresses.safe, what);
}

/* The time for connecting is over. */
static void tell_late(struct load *l)
{
	for (unsigned i = 0; i < l->conf->publishers; i++)
		tell_unready(l, "publisher", publisher_waits_for(l->publishers[i]), 1);
	for (unsigned i = 0; i < l->crowd.begun; i++)
		tell_unready(l, "subscriber", listener_waits_for(l->crowd.listeners[i]), 1);
	tell_unready(l, "subscriber", "its turn", l->crowd.n - l->crowd.begun);
}

static void connect_tick(struct load *l, uint64_t now_ns)
{
	const struct load_conf *conf = l->conf;
	struct result *r = l->result;
	bool late = now_ns - l->start_ns > (uint64_t)(conf->connect_ms + conf->ramp_ms) * 1000000;

	if (l->crowd.err.code) {
		refuse(l, &l->crowd.err);
		return;
	}
	if (!late && !all_settled(l))
		return;
	if (late)
		tell_late(l);
	crowd_close(&l->crowd);
	if ((conf->subscribers && !l->crowd.ready) || l->n_publishers_ready < conf->publishers) {
		if (r->end != END_GENERATOR) /* else the fault is ours */
			result_end(r, l->tally.denied ? END_DENIED : END_REFUSED, "%s",
				r->errors[0].text);
		end(l);
		return;
	}
	connected(l, now_ns);
}

/* --- the loop --------------------------------------------------------------------------------- */

/* Is there a clock that one can be late for? */
static bool is_open_loop(const struct load *l)
{
	const struct load_conf *conf = l->conf;

	if (l->phase == CONNECT)
		return conf->plan & PLAN_CONNECT && conf->ramp_ms;
	return l->phase == RUN && conf->publishers && !conf->window;
}

/* How late the loop itself is. */
static void measure_tick(struct load *l, uint64_t now_ns)
{
	uint64_t late_ns = now_ns - l->tick_ns, tick_ns = TICK_MS * UINT64_C(1000000);

	if (is_open_loop(l))
		hist_add(&l->result->lag, late_ns > tick_ns ? late_ns - tick_ns : 0);
	if (l->phase < RUN && l->conf->plan & PLAN_CONNECT &&
		now_ns - l->sampler.at_ns >= CURVE_MS * UINT64_C(1000000))
		take_sample(l, now_ns);
}

static void on_tick(uv_timer_t *timer)
{
	struct load *l = timer->data;
	uint64_t now_ns = tally_now_ns();

	measure_tick(l, now_ns);
	switch (l->phase) {
	case CONNECT: connect_tick(l, now_ns); break;
	case STORM: storm_tick(l, now_ns); break;
	case RUN: run_tick(l, now_ns); break;
	case DRAIN: drain_tick(l, now_ns); break;
	default: return;
	}
	l->tick_ns = now_ns;
}

void load_start(struct load *l)
{
	struct err e = { 0 };

	sampler_memory(l->result, MEMORY_BEFORE, l->conf->pid);
	l->start_ns = l->tick_ns = tally_now_ns();
	l->result->started_ms = clock_wall_ms();
	sampler_begin(&l->sampler, &l->tally, l->conf->pid, l->start_ns);
	uv_timer_start(l->tick, on_tick, 0, TICK_MS);
	bell_set(l->due, crowd_start(&l->crowd, l->start_ns));
	for (unsigned i = 0; i < l->conf->publishers && l->phase == CONNECT; i++) {
		l->publish_client.source = sources_of(l->conf->sources, i);
		l->publishers[i] = publisher_new(
			&l->publisher_conf, &l->publish_client, i, tally_now_ns(), &e);
		if (!l->publishers[i]) {
			refuse(l, &e);
			return;
		}
	}
}

void load_again(struct load *l, const struct schedule *schedule, struct result *result)
{
	uint64_t now_ns = tally_now_ns();

	l->schedule = *schedule;
	l->length_ns = schedule_length_ns(schedule);
	l->result = l->tally.result = result;
	l->n_due = 0;
	l->tick_ns = now_ns;
	describe(l);
	uv_timer_start(l->tick, on_tick, TICK_MS, TICK_MS);
	run(l, now_ns);
}

void load_stop(struct load *l)
{
	uint64_t now_ns = tally_now_ns();

	result_end(l->result, END_STOPPED, "stopped by a signal");
	if (l->phase == RUN) {
		drain(l, now_ns);
	} else {
		end(l);
	}
}
