/* load.c - the phases of a run, and the clock that drives it
 *
 * A timerfd says when the next message is due: libuv's own timers know only milliseconds. How late
 * we come to it is the tool's lag, measured at every message and, between messages, at every tick:
 * a run in which that is not small says nothing about the server. */
#include "bench/load.h"

#include "base/clock.h"
#include "base/mem.h"
#include "bench/address.h"
#include "bench/listener.h"
#include "bench/procstat.h"
#include "bench/publisher.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define TICK_MS      10
#define UNANSWERED   256  /* connections under way at a time */
#define QUIET_MS     5000 /* nothing arrives for so long: nothing will */
#define STOP_MS      2000
#define SEND_MAX     1024 /* messages before others get their turn */
#define LAG_MAX_MS   10   /* p99 of the tool's own lag; more: the run is void */
#define FILES_BESIDE 64   /* that are no connections */
#define WINDOW       65536

enum phase { CONNECT, RUN, DRAIN, END };

struct load {
	uv_loop_t *loop;
	const struct load_conf *conf;
	const struct load_events *events;
	void *arg;
	struct result *result;
	struct tally tally;
	enum phase phase;
	struct addresses addresses;
	struct client_conf listen_client, publish_client;
	struct listener_conf listener_conf;
	struct publisher_conf publisher_conf;
	struct listener **listeners;
	struct publisher **publishers;
	unsigned n_listeners, n_listeners_settled; /* begun; of these ready or given up */
	unsigned n_publishers_ready, n_publishers_settled;

	struct schedule schedule; /* what is left of it */
	uint64_t n_due;
	uint64_t start_ns; /* of the phase */
	uint64_t begin_ns; /* of the schedule */
	uint64_t tick_ns, sample_ns;
	uint64_t sampled_received;
	uint64_t quiet_since_ns, seen;
	uint64_t server_cpu_ns, tool_cpu_ns, server_begin_ns, tool_begin_ns;
	int timer_fd;
	uv_poll_t *due;
	uv_timer_t *tick;
};

/* --- making ----------------------------------------------------------------------------------- */

static int check_files(unsigned connections, struct err *e)
{
	struct rlimit files;
	rlim_t want = connections + FILES_BESIDE;

	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur >= want)
		return 0;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_max >= want)
		return 0;
	return err_set(e, ERR_BUSY,
		"%u connections need %llu open files, and only %llu are allowed (ulimit -Hn)",
		connections, (unsigned long long)want, (unsigned long long)files.rlim_max);
}

static void listener_ready(void *arg, struct listener *l);
static void listener_ended(void *arg, struct listener *l);
static void publisher_ready(void *arg);
static void publisher_ended(void *arg);
static void on_tick(uv_timer_t *timer);
static void on_due(uv_poll_t *poll, int status, int events);

static void set_confs(struct load *l)
{
	const struct load_conf *conf = l->conf;

	l->listen_client = l->publish_client = conf->client;
	l->listen_client.raw = conf->transport != TRANSPORT_POLL;
	l->listen_client.window = 16;
	l->publish_client.raw = conf->profile->publish != PUBLISH_RT;
	l->publish_client.url = l->addresses.publish;
	l->publish_client.window = WINDOW;
	l->listener_conf = (struct listener_conf){
		.loop = l->loop,
		.tally = &l->tally,
		.profile = conf->profile,
		.way = &conf->profile->ways[conf->transport],
		.ready = listener_ready,
		.ended = listener_ended,
		.arg = l,
	};
	l->publisher_conf = (struct publisher_conf){
		.loop = l->loop,
		.tally = &l->tally,
		.profile = conf->profile,
		.rooms = (const char *const *)l->addresses.rooms,
		.size = conf->size,
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
	r->rate = schedule_mean_rate(&conf->schedule);
	r->server_cpu_s = -1;
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
		.timer_fd = -1 };
	tally_init(&l->tally, result, conf->publishers, conf->rooms);
	if (check_files(conf->subscribers + conf->publishers, e) < 0 || addresses_make(&l->addresses, conf, l->tally.run, e) < 0)
		goto fail;
	l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (l->timer_fd < 0) {
		err_set(e, ERR_IO, "cannot make a timer: %s", strerror(errno));
		goto fail;
	}
	set_confs(l);
	describe(l);
	l->listeners = mem_array(conf->subscribers + 1, sizeof(*l->listeners));
	l->publishers = mem_array(conf->publishers + 1, sizeof(*l->publishers));
	memset(l->publishers, 0, (conf->publishers + 1) * sizeof(*l->publishers));
	l->due = mem_new(uv_poll_t);
	l->tick = mem_new(uv_timer_t);
	uv_poll_init(loop, l->due, l->timer_fd);
	uv_timer_init(loop, l->tick);
	l->due->data = l->tick->data = l;
	return l;
fail:
	load_free(l);
	return NULL;
}

static void free_handle(uv_handle_t *h)
{
	mem_free(h);
}

void load_free(struct load *l)
{
	if (!l)
		return;
	for (unsigned i = 0; i < l->n_listeners; i++)
		listener_free(l->listeners[i]);
	for (unsigned i = 0; l->publishers && i < l->conf->publishers; i++)
		publisher_free(l->publishers[i]);
	if (l->due) {
		uv_close((uv_handle_t *)l->due, free_handle);
		uv_close((uv_handle_t *)l->tick, free_handle);
	}
	if (l->timer_fd >= 0)
		close(l->timer_fd);
	addresses_fini(&l->addresses);
	mem_free(l->listeners);
	mem_free(l->publishers);
	tally_fini(&l->tally);
	mem_free(l);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void judge(struct load *l)
{
	struct result *r = l->result;
	uint64_t lag_ns = hist_percentile(&r->lag, 99);

	if (lag_ns > LAG_MAX_MS * UINT64_C(1000000))
		result_end(r, END_GENERATOR,
			"it came late to what was due: %.1f ms for the worst 1 %%, where %d ms "
			"are tolerable (a busy machine, or too much for one process)",
			(double)lag_ns / 1e6, LAG_MAX_MS);
}

static void end(struct load *l)
{
	if (l->phase == END)
		return;
	l->phase = END;
	uv_poll_stop(l->due);
	uv_timer_stop(l->tick);
	for (unsigned i = 0; i < l->n_listeners; i++)
		listener_leave(l->listeners[i]);
	judge(l);
	l->events->ended(l->arg);
}

/* --- DRAIN ------------------------------------------------------------------------------------ */

static bool all_came(const struct load *l)
{
	for (unsigned i = 0; i < l->conf->publishers; i++) {
		if (publisher_open(l->publishers[i]))
			return false;
	}
	for (unsigned i = 0; i < l->n_listeners; i++) {
		if (!listener_is_complete(l->listeners[i]))
			return false;
	}
	return true;
}

static uint64_t progress(const struct load *l)
{
	return l->tally.arrived + l->result->acked + l->result->sent;
}

static void sample(struct load *l, uint64_t now_ns);

static void drain_tick(struct load *l, uint64_t now_ns)
{
	uint64_t quiet_ms = l->result->end == END_STOPPED ? STOP_MS : QUIET_MS;

	if (now_ns - l->sample_ns >= 1000000000)
		sample(l, now_ns);
	if (progress(l) != l->seen) {
		l->seen = progress(l);
		l->quiet_since_ns = now_ns;
	}
	if (all_came(l) || now_ns - l->quiet_since_ns > quiet_ms * 1000000)
		end(l);
}

static uint64_t tool_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void drain(struct load *l, uint64_t now_ns)
{
	struct procstat server;
	uint64_t took_ns = now_ns - l->begin_ns, length_ns = schedule_length_ns(&l->conf->schedule);

	uv_poll_stop(l->due);
	l->tally.due_ns = UINT64_MAX;
	l->phase = DRAIN;
	/* the tick that found it over is no part of it */
	if (took_ns > length_ns && took_ns - length_ns < 2 * TICK_MS * 1000000)
		took_ns = length_ns;
	l->result->seconds = (double)took_ns / 1e9;
	l->quiet_since_ns = now_ns;
	l->result->tool_cpu_s = (double)(tool_cpu_ns() - l->tool_begin_ns) / 1e9;
	if (l->conf->pid && procstat_read(l->conf->pid, &server))
		l->result->server_cpu_s = (double)(server.cpu_ns - l->server_begin_ns) / 1e9;
}

/* --- RUN -------------------------------------------------------------------------------------- */

static void arm(struct load *l, uint64_t at_ns)
{
	struct itimerspec when = { .it_value = { .tv_sec = (time_t)(at_ns / 1000000000),
					   .tv_nsec = (long)(at_ns % 1000000000) } };

	timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Sends what is due and waits for what comes next. */
static void send_due(void *arg)
{
	struct load *l = arg;
	uint64_t now_ns = tally_now_ns(), due_ns;

	for (int n = 0; (due_ns = schedule_due(&l->schedule)) != SCHEDULE_END; n++) {
		unsigned publisher = (unsigned)(l->n_due % l->conf->publishers);
		unsigned room = (unsigned)(l->n_due / l->conf->publishers % l->conf->rooms);

		due_ns += l->begin_ns;
		l->tally.due_ns = due_ns;
		if (due_ns > now_ns || n == SEND_MAX) {
			arm(l, due_ns);
			return;
		}
		hist_add(&l->result->lag, now_ns - due_ns);
		publisher_send(l->publishers[publisher], room, due_ns);
		l->n_due++;
		schedule_pass(&l->schedule);
	}
	l->tally.due_ns = UINT64_MAX;
}

static void on_due(uv_poll_t *poll, int status, int events)
{
	struct load *l = poll->data;
	uint64_t expired;

	(void)status;
	(void)events;
	if (read(l->timer_fd, &expired, sizeof(expired)) > 0 && l->phase == RUN)
		send_due(l);
}

static void sample(struct load *l, uint64_t now_ns)
{
	struct result *r = l->result;
	struct tally *t = &l->tally;
	uint64_t cpu_ns = tool_cpu_ns();
	double for_s = (double)(now_ns - l->sample_ns) / 1e9;
	struct procstat server;
	struct result_sample s = {
		.at_s = (double)(l->sample_ns - l->begin_ns) / 1e9,
		.for_s = for_s,
		.sent = t->interval_sent,
		.received = t->arrived - l->sampled_received,
		.connected = t->n_ready,
		.p50 = hist_percentile(&t->interval, 50),
		.p99 = hist_percentile(&t->interval, 99),
		.max = t->interval.n ? t->interval.max : 0,
		.tool_cpu = (double)(cpu_ns - l->tool_cpu_ns) / 1e9 / for_s,
		.tool_rss = procstat_rss(getpid()),
		.server_cpu = -1,
	};

	if (l->conf->pid && procstat_read(l->conf->pid, &server)) {
		s.server_cpu = (double)(server.cpu_ns - l->server_cpu_ns) / 1e9 / for_s;
		s.server_rss = server.rss_bytes;
		s.server_fds = server.n_fds;
		l->server_cpu_ns = server.cpu_ns;
	}
	l->tool_cpu_ns = cpu_ns;
	l->sample_ns = now_ns;
	l->sampled_received = t->arrived;
	t->interval_sent = 0;
	hist_clear(&t->interval);
	result_add_sample(r, &s);
	if (l->events->sampled)
		l->events->sampled(l->arg, &s);
}

static void run_tick(struct load *l, uint64_t now_ns)
{
	uint64_t late_ns = now_ns - l->tick_ns, tick_ns = TICK_MS * UINT64_C(1000000);

	hist_add(&l->result->lag, late_ns > tick_ns ? late_ns - tick_ns : 0);
	if (now_ns - l->sample_ns >= 1000000000)
		sample(l, now_ns);
	if (now_ns - l->begin_ns < schedule_length_ns(&l->conf->schedule) ||
		schedule_due(&l->schedule) != SCHEDULE_END)
		return;
	if (now_ns - l->sample_ns >= 100000000)
		sample(l, now_ns);
	drain(l, now_ns);
}

static void run(struct load *l, uint64_t now_ns)
{
	struct procstat server;

	l->phase = RUN;
	l->begin_ns = l->sample_ns = now_ns;
	l->result->started_ms = clock_wall_ms();
	l->tool_cpu_ns = l->tool_begin_ns = tool_cpu_ns();
	if (l->conf->pid && procstat_read(l->conf->pid, &server))
		l->server_cpu_ns = l->server_begin_ns = server.cpu_ns;
	uv_poll_start(l->due, UV_READABLE, on_due);
	l->tally.due = send_due;
	l->tally.arg = l;
	send_due(l);
}

/* --- CONNECT ---------------------------------------------------------------------------------- */

static void listener_ready(void *arg, struct listener *one)
{
	(void)one;
	((struct load *)arg)->n_listeners_settled++;
}

static void listener_ended(void *arg, struct listener *one)
{
	(void)one;
	((struct load *)arg)->n_listeners_settled++;
}

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

/* How many connections may have begun by now. */
static unsigned allowed(const struct load *l, uint64_t now_ns)
{
	unsigned n = l->conf->subscribers;
	uint64_t ramp_ns = (uint64_t)l->conf->ramp_ms * 1000000, passed_ns = now_ns - l->start_ns;

	if (ramp_ns && passed_ns < ramp_ns)
		return (unsigned)((double)passed_ns / (double)ramp_ns * n);
	if (!ramp_ns && l->n_listeners_settled + UNANSWERED < n)
		return l->n_listeners_settled + UNANSWERED;
	return n;
}

static void refuse(struct load *l, const struct err *e)
{
	result_end(l->result, END_REFUSED, "%s", e->text);
	end(l);
}

static void connect_more(struct load *l, uint64_t now_ns)
{
	unsigned until = allowed(l, now_ns);
	struct err e = { 0 };

	while (l->n_listeners < until) {
		unsigned room = l->n_listeners % l->conf->rooms;
		struct client_conf client = l->listen_client;

		client.url = l->addresses.listen[room];
		l->listeners[l->n_listeners] =
			listener_new(&l->listener_conf, &client, room, l->addresses.rooms[room],
			&e);
		if (!l->listeners[l->n_listeners]) {
			refuse(l, &e);
			return;
		}
		l->n_listeners++;
	}
}

static void connect_tick(struct load *l, uint64_t now_ns)
{
	const struct load_conf *conf = l->conf;
	struct result *r = l->result;
	bool late = now_ns - l->start_ns > (uint64_t)(conf->connect_ms + conf->ramp_ms) * 1000000;

	connect_more(l, now_ns);
	if (l->phase != CONNECT)
		return;
	if (!late && (l->n_listeners_settled < conf->subscribers ||
			     l->n_publishers_settled < conf->publishers))
		return;
	if (late)
		result_error(r, "not every connection was ready in time");
	if ((conf->subscribers && !r->opened) || l->n_publishers_ready < conf->publishers) {
		result_end(r, END_REFUSED, "%s",
			r->n_errors ? r->errors[0].text : "no connection was ready in time");
		end(l);
		return;
	}
	run(l, now_ns);
}

static void on_tick(uv_timer_t *timer)
{
	struct load *l = timer->data;
	uint64_t now_ns = tally_now_ns();

	switch (l->phase) {
	case CONNECT: connect_tick(l, now_ns); break;
	case RUN: run_tick(l, now_ns); break;
	case DRAIN: drain_tick(l, now_ns); break;
	default: return;
	}
	l->tick_ns = now_ns;
}

void load_start(struct load *l)
{
	struct err e = { 0 };

	l->start_ns = l->tick_ns = tally_now_ns();
	uv_timer_start(l->tick, on_tick, 0, TICK_MS);
	for (unsigned i = 0; i < l->conf->publishers; i++) {
		l->publishers[i] = publisher_new(&l->publisher_conf, &l->publish_client, i, &e);
		if (!l->publishers[i]) {
			refuse(l, &e);
			return;
		}
	}
}

void load_stop(struct load *l)
{
	uint64_t now_ns = tally_now_ns();

	result_end(l->result, END_STOPPED, "stopped by a signal");
	if (l->phase == RUN) {
		sample(l, now_ns);
		drain(l, now_ns);
	} else {
		end(l);
	}
}
