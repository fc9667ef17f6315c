/* busload.c - the phases of a run on a bus, and the turns of its loop
 *
 * Each turn ends as a server's does: with bus_turn. A closed loop fills its windows just before that,
 * never while the bus delivers, and when the turn opened them again the next one does not wait: a
 * memory bus, that has every answer at once, still goes turn by turn. */
#include "bench/busload.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/url.h"
#include "bench/address.h"
#include "bench/bell.h"
#include "bench/generator.h"
#include "bench/instance.h"
#include "bench/sampler.h"
#include "client/handle.h"
#include "codec/name.h"

#include <stdio.h>

#define TICK_MS   10
#define SAMPLE_MS 1000
#define QUIET_MS  5000 /* nothing arrives for so long: nothing will */
#define STOP_MS   2000
#define SEND_MAX  1024 /* messages a turn, in an open loop */

enum phase { CONNECT, RUN, DRAIN, END };

struct busload {
	uv_loop_t *loop;
	const struct load_conf *conf;
	const struct load_events *events;
	void *arg;
	struct result *result;
	struct tally tally;
	struct sampler sampler;
	struct message message;
	enum phase phase;
	char *safe; /* the bus's URL, for people */
	char **rooms;
	struct instance_conf instance_conf;
	struct instance **instances;
	struct schedule schedule; /* what is left of it */
	uint64_t length_ns;       /* of the whole */
	uint64_t *silent;         /* of each publisher: messages without outcome */
	uint64_t n_due;
	uint64_t begin_ns; /* of the schedule */
	uint64_t tick_ns, quiet_since_ns, seen;
	struct bell *due;
	uv_timer_t *tick;
	uv_prepare_t *turn;
	uv_idle_t *again;
};

static struct instance *instance_of(const struct busload *l, unsigned publisher)
{
	return l->instances[publisher % l->conf->subscribers];
}

/* --- the end ---------------------------------------------------------------------------------- */

static void end(struct busload *l)
{
	if (l->phase == END)
		return;
	l->phase = END;
	bell_stop(l->due);
	uv_timer_stop(l->tick);
	uv_prepare_stop(l->turn);
	uv_idle_stop(l->again);
	for (unsigned i = 0; i < l->conf->subscribers; i++)
		instance_settle(l->instances[i]);
	generator_judge(l->result);
	l->events->ended(l->arg);
}

/* --- DRAIN ------------------------------------------------------------------------------------ */

static bool all_came(const struct busload *l)
{
	for (unsigned i = 0; i < l->conf->subscribers; i++) {
		if (instance_open(l->instances[i]) || !instance_is_complete(l->instances[i]))
			return false;
	}
	return true;
}

static void drain_tick(struct busload *l, uint64_t now_ns)
{
	uint64_t quiet_ms = l->result->end == END_STOPPED ? STOP_MS : QUIET_MS;
	uint64_t progress = l->tally.arrived + l->result->acked + l->result->sent;

	if (progress != l->seen) {
		l->seen = progress;
		l->quiet_since_ns = now_ns;
	}
	if (all_came(l) || now_ns - l->quiet_since_ns > quiet_ms * 1000000)
		end(l);
}

static void take_sample(struct busload *l, uint64_t now_ns)
{
	const struct result_sample *s = sampler_take(&l->sampler, now_ns);

	if (l->events->sampled)
		l->events->sampled(l->arg, s);
}

static void drain(struct busload *l, uint64_t now_ns)
{
	uint64_t took_ns = now_ns - l->begin_ns;

	bell_stop(l->due);
	take_sample(l, now_ns);
	l->phase = DRAIN;
	/* the tick that found it over is no part of it */
	if (took_ns > l->length_ns && took_ns - l->length_ns < 2 * TICK_MS * 1000000)
		took_ns = l->length_ns;
	l->result->seconds = (double)took_ns / 1e9;
	l->quiet_since_ns = now_ns;
	sampler_end(&l->sampler);
	sampler_memory(l->result, MEMORY_AFTER, l->conf->pid);
}

/* --- RUN -------------------------------------------------------------------------------------- */

/* Has everything that was asked for (-n) begun its way? */
static bool all_due(const struct busload *l)
{
	return l->conf->count && l->n_due >= l->conf->count;
}

static void send_one(struct busload *l, unsigned publisher, unsigned room, uint64_t due_ns)
{
	l->n_due++;
	l->silent[publisher]++;
	instance_send(instance_of(l, publisher), publisher, room, due_ns);
}

static void settled(void *arg, unsigned publisher)
{
	((struct busload *)arg)->silent[publisher]--;
}

/* Closed loop: may the publisher send one more? */
static bool is_open(const struct busload *l, unsigned publisher)
{
	return l->phase == RUN && l->silent[publisher] < l->conf->window && !all_due(l) &&
	       instance_is_up(instance_of(l, publisher));
}

/* Open loop: what is due. */
static void send_due(void *arg)
{
	struct busload *l = arg;
	uint64_t now_ns = tally_now_ns(), due_ns;

	for (int n = 0; !all_due(l) && (due_ns = schedule_due(&l->schedule)) != SCHEDULE_END; n++) {
		unsigned publisher = (unsigned)(l->n_due % l->conf->publishers);
		unsigned room = (unsigned)(l->n_due / l->conf->publishers % l->conf->rooms);

		due_ns += l->begin_ns;
		if (due_ns > now_ns || n == SEND_MAX) {
			bell_set(l->due, due_ns);
			return;
		}
		hist_add(&l->result->lag, now_ns - due_ns);
		send_one(l, publisher, room, due_ns);
		schedule_pass(&l->schedule);
	}
}

static void nothing(uv_idle_t *idle)
{
	(void)idle;
}

/* The end of a turn. */
static void on_turn(uv_prepare_t *prepare)
{
	struct busload *l = prepare->data;
	bool again = false;

	for (unsigned p = 0; p < l->conf->publishers; p++) {
		while (is_open(l, p))
			send_one(l, p, (unsigned)(l->n_due % l->conf->rooms),
				tally_now_ns());
	}
	if (l->phase == RUN && l->conf->window && all_due(l))
		drain(l, tally_now_ns());
	for (unsigned i = 0; i < l->conf->subscribers; i++)
		instance_turn(l->instances[i]);
	for (unsigned p = 0; p < l->conf->publishers && !again; p++)
		again = is_open(l, p);
	if (again)
		uv_idle_start(l->again, nothing);
	else
		uv_idle_stop(l->again);
}

static void run_tick(struct busload *l, uint64_t now_ns)
{
	uint64_t late_ns = now_ns - l->tick_ns, tick_ns = TICK_MS * UINT64_C(1000000);
	bool is_over = now_ns - l->begin_ns >= l->length_ns &&
	               (l->conf->window || schedule_due(&l->schedule) == SCHEDULE_END);

	if (!l->conf->window)
		hist_add(&l->result->lag, late_ns > tick_ns ? late_ns - tick_ns : 0);
	if (is_over || all_due(l))
		drain(l, now_ns);
	else if (now_ns - l->sampler.at_ns >= SAMPLE_MS * UINT64_C(1000000))
		take_sample(l, now_ns);
}

static void run(struct busload *l, uint64_t now_ns)
{
	struct result *r = l->result;

	r->connect_s = (double)(l->tally.last_ready_ns - l->instance_conf.start_ns) / 1e9;
	r->started_ms = clock_wall_ms();
	sampler_memory(r, MEMORY_CONNECTED, l->conf->pid);
	sampler_begin(&l->sampler, &l->tally, l->conf->pid, now_ns);
	l->phase = RUN;
	l->begin_ns = now_ns;
	if (!l->conf->window)
		send_due(l);
}

/* --- CONNECT ---------------------------------------------------------------------------------- */

static void connect_tick(struct busload *l, uint64_t now_ns)
{
	int64_t took_ms = (int64_t)(now_ns - l->instance_conf.start_ns) / 1000000;
	const char *why;
	unsigned i = 0;

	while (i < l->conf->subscribers && instance_is_up(l->instances[i]))
		i++;
	if (i == l->conf->subscribers) {
		run(l, now_ns);
	} else if (took_ms > l->conf->connect_ms) {
		why = instance_down(l->instances[i]);
		result_end(l->result, END_REFUSED, "'%s' was not up in time%s%s", l->safe,
			why ? ": " : "", why ? why : "");
		end(l);
	}
}

static void on_tick(uv_timer_t *timer)
{
	struct busload *l = timer->data;
	uint64_t now_ns = tally_now_ns();

	switch (l->phase) {
	case CONNECT: connect_tick(l, now_ns); break;
	case RUN: run_tick(l, now_ns); break;
	case DRAIN: drain_tick(l, now_ns); break;
	default: return;
	}
	l->tick_ns = now_ns;
}

void busload_start(struct busload *l)
{
	sampler_memory(l->result, MEMORY_BEFORE, l->conf->pid);
	l->tick_ns = tally_now_ns();
	l->result->started_ms = clock_wall_ms();
	uv_timer_start(l->tick, on_tick, 0, TICK_MS);
	uv_prepare_start(l->turn, on_turn);
}

void busload_stop(struct busload *l)
{
	result_end(l->result, END_STOPPED, "stopped by a signal");
	if (l->phase == RUN)
		drain(l, tally_now_ns());
	else
		end(l);
}

/* --- making ----------------------------------------------------------------------------------- */

static void describe(struct busload *l)
{
	const struct load_conf *conf = l->conf;
	struct result *r = l->result;

	r->scenario = mem_strdup(conf->scenario);
	r->url = mem_strdup(l->safe);
	r->subscribers = conf->subscribers;
	r->publishers = conf->publishers;
	r->rooms = conf->rooms;
	r->size = conf->size;
	r->window = conf->window;
	r->rate = conf->window ? 0 : schedule_mean_rate(&l->schedule);
}

static int open_instances(struct busload *l, struct err *e)
{
	const struct load_conf *conf = l->conf;

	l->instance_conf = (struct instance_conf){
		.loop = l->loop,
		.tally = &l->tally,
		.message = &l->message,
		.url = conf->client.url,
		.safe = l->safe,
		.rooms = (const char *const *)l->rooms,
		.start_ns = tally_now_ns(),
		.settled = settled,
		.arg = l,
	};
	for (unsigned i = 0; i < conf->subscribers; i++) {
		l->instances[i] = instance_new(&l->instance_conf, e);
		if (!l->instances[i])
			return e->code;
		if (conf->subscribers > 1 && instance_is_alone(l->instances[i]))
			return err_set(e, ERR_USAGE,
				"'%s' is within one process: one instance, no more (-c 1)",
				l->safe);
	}
	return 0;
}

static int set_up(struct busload *l, struct err *e)
{
	const struct load_conf *conf = l->conf;
	struct buf safe = { 0 };
	struct url url;
	int rc = url_parse(&url, str_of(conf->client.url), e);

	if (rc < 0)
		return rc;
	url_format_safe(&safe, &url);
	l->safe = mem_strdup(buf_cstr(&safe));
	buf_fini(&safe);
	url_fini(&url);
	if (conf->room && (rc = room_name_check(str_of(conf->room), e)) < 0)
		return rc;
	l->rooms = mem_array(conf->rooms, sizeof(*l->rooms));
	for (unsigned i = 0; i < conf->rooms; i++)
		l->rooms[i] = address_room(conf, l->tally.run, i);
	if ((rc = generator_files(conf->subscribers, e)) < 0)
		return rc;
	l->due = bell_new(l->loop, send_due, l, e);
	return l->due ? open_instances(l, e) : e->code;
}

struct busload *busload_new(uv_loop_t *loop, const struct load_conf *conf,
	const struct load_events *events, void *arg, struct result *result, struct err *e)
{
	struct busload *l = mem_new(struct busload);

	*l = (struct busload){
		.loop = loop,
		.conf = conf,
		.events = events,
		.arg = arg,
		.result = result,
		.schedule = conf->schedule,
		.length_ns = schedule_length_ns(&conf->schedule),
		.instances = mem_zalloc(conf->subscribers * sizeof(*l->instances)),
		.silent = mem_zalloc(conf->publishers * sizeof(*l->silent)),
	};
	tally_init(&l->tally, result, conf->publishers, conf->rooms);
	message_init(&l->message, conf->size);
	l->tally.message = &l->message;
	if (set_up(l, e) < 0) {
		busload_free(l);
		return NULL;
	}
	describe(l);
	l->tick = mem_new(uv_timer_t);
	l->turn = mem_new(uv_prepare_t);
	l->again = mem_new(uv_idle_t);
	uv_timer_init(loop, l->tick);
	uv_prepare_init(loop, l->turn);
	uv_idle_init(loop, l->again);
	l->tick->data = l->turn->data = l;
	return l;
}

void busload_free(struct busload *l)
{
	if (!l)
		return;
	for (unsigned i = 0; i < l->conf->subscribers; i++)
		instance_free(l->instances[i]);
	for (unsigned i = 0; l->rooms && i < l->conf->rooms; i++)
		mem_free(l->rooms[i]);
	bell_free(l->due);
	if (l->tick) {
		handle_free(l->tick);
		handle_free(l->turn);
		handle_free(l->again);
	}
	message_fini(&l->message);
	tally_fini(&l->tally);
	mem_free(l->rooms);
	mem_free(l->instances);
	mem_free(l->silent);
	mem_free(l->safe);
	mem_free(l);
}
