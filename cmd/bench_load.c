/* bench_load.c - the scenarios that are one run of a load, on a server (bench/load.h) or on a bus
 * (bench/busload.h): what was asked for becomes its settings */
#include "bench.h"

#include "base/tty.h"
#include "bench/busload.h"
#include "bench/procstat.h"
#include "bench/report.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- settings --------------------------------------------------------------------------------- */

static int64_t either(int64_t given, int64_t otherwise)
{
	return given >= 0 ? given : otherwise < 0 ? 0 : otherwise;
}

static void refuse_unused(struct bench *b)
{
	const struct scenario *s = b->scenario;
	const bool has_server = !(s->plan & PLAN_BUS);
	const struct {
		const char *option;
		bool given, used;
	} options[] = {
		{ "-c", b->subscribers >= 0, s->subscribers >= 0 },
		{ "-p", b->publishers >= 0, s->publishers >= 0 },
		{ "--rooms", b->rooms >= 0, s->rooms >= 0 },
		{ "-r", b->rate >= 0, s->rate >= 0 },
		{ "--stages", b->stages, s->rate >= 0 },
		{ "--window", b->window >= 0, s->window >= 0 },
		{ "-n", b->count >= 0, s->rate >= 0 || s->plan & PLAN_LISTEN },
		{ "--storm", b->storm, s->plan & PLAN_CONNECT },
		{ "--reconnect", b->reconnect != RECONNECT_SPREAD, s->plan & PLAN_CONNECT },
		{ "--transport", b->transport >= 0, has_server },
		{ "--profile", b->profile_name, has_server },
		{ "--ramp", b->ramp_ms, has_server },
		{ "--connect-rate", b->connect_rate >= 0, has_server },
		{ "--sources", b->sources_text, has_server },
		{ "--retry", b->cmd.retry_ms >= 0, has_server },
		{ "--token-file", b->cmd.token_file, has_server },
		{ "-H", b->cmd.headers.n, has_server },
		{ "--ca", b->cmd.ca_file, has_server },
		{ "-k", b->cmd.insecure, has_server },
		{ "--cert", b->cmd.cert_file, has_server },
		{ "--key-file", b->cmd.key_file, has_server },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (options[i].given && !options[i].used)
			cmd_usage(&b->cmd, "'%s' makes no use of %s", s->name, options[i].option);
	}
	if (b->stages && b->rate >= 0)
		cmd_usage(&b->cmd, "--stages has rates: no -r");
	if (b->stages && b->cmd.for_ms >= 0)
		cmd_usage(&b->cmd, "--stages has durations: no -d");
	if (b->window >= 0 && (b->rate >= 0 || b->stages))
		cmd_usage(&b->cmd, "--window sends when there are answers: no rates");
	if (b->connect_rate >= 0 && b->ramp_ms)
		cmd_usage(&b->cmd, "--connect-rate or --ramp, not both");
}

/* How long: as told, else until -n is reached, else as the scenario has it. */
static uint64_t length_ns(const struct bench *b, double rate, bool closed)
{
	int64_t ms = b->cmd.for_ms >= 0 ? b->cmd.for_ms : b->scenario->for_ms;

	if (b->cmd.for_ms < 0 && b->count >= 0)
		ms = rate > 0 && !closed ? (int64_t)((double)b->count / rate * 1000) + 1
		                         : INT64_MAX;
	return ms < INT64_MAX / 1000000 ? (uint64_t)ms * 1000000 : SCHEDULE_MAX_NS;
}

static void read_schedule(struct bench *b, struct load_conf *conf)
{
	const struct scenario *s = b->scenario;
	double rate = b->rate >= 0 ? b->rate : s->rate > 0 ? s->rate : conf->publishers;
	struct err e = { 0 };

	if (b->stages && schedule_parse(&conf->schedule, str_of(b->stages), &e) < 0)
		cmd_usage(&b->cmd, "option '--stages': %s", e.text);
	if (b->rate < 0 && !b->stages)
		conf->window = (unsigned)either(b->window, s->window);
	if (!conf->publishers)
		rate = 0;
	if (!b->stages)
		schedule_init(&conf->schedule, length_ns(b, rate, conf->window > 0),
			conf->window ? 0 : rate);
}

/* The transport of the URL, where none is named. */
static enum transport choose_transport(const struct bench *b)
{
	static const struct {
		const char *scheme;
		enum transport transport;
	} known[] = {
		{ "sse+", TRANSPORT_SSE },
		{ "poll+", TRANSPORT_POLL },
		{ "http", TRANSPORT_STREAM },
	};

	for (size_t i = 0; i < 3 && b->transport < 0 && b->client.url; i++) {
		if (strncmp(b->client.url, known[i].scheme, strlen(known[i].scheme)) == 0)
			return known[i].transport;
	}
	return b->transport < 0 ? TRANSPORT_WS : (enum transport)b->transport;
}

struct load_conf bench_load_conf(struct bench *b)
{
	const struct scenario *s = b->scenario;
	struct load_conf conf = {
		.scenario = s->name,
		.plan = s->plan | (b->storm ? PLAN_STORM : 0),
		.client = b->client,
		.sources = &b->sources,
		.profile = b->profile,
		.transport = choose_transport(b),
		.room = b->room,
		.subscribers = (unsigned)either(b->subscribers, s->subscribers),
		.publishers = (unsigned)either(b->publishers, s->publishers),
		.rooms = (unsigned)either(b->rooms, s->rooms < 0 ? 1 : s->rooms),
		.size = b->size,
		.ramp_ms = b->ramp_ms,
		.connect_ms = either(b->cmd.timeout_ms, 30000),
		.pid = (pid_t)b->pid,
		.count = b->count > 0 ? (uint64_t)b->count : 0,
		.retry_window_ms = b->reconnect == RECONNECT_NOW ? 1 : 0,
	};

	struct err e = { 0 };

	refuse_unused(b);
	if (b->pid && !procstat_rss((pid_t)b->pid))
		cmd_usage(&b->cmd, "option '--pid': there is no process %lld, or it is not to be seen",
			(long long)b->pid);
	if (b->sources_text && sources_parse(&b->sources, b->sources_text, &e) < 0)
		cmd_usage(&b->cmd, "option '--sources': %s", e.text);
	if (s->plan & PLAN_ECHO) { /* its publishers are its subscribers */
		conf.publishers = conf.subscribers;
		conf.subscribers = 0;
	}
	if (conf.rooms > conf.subscribers && conf.subscribers && !(s->plan & PLAN_BUS))
		cmd_usage(&b->cmd, "%u rooms for %u subscribers", conf.rooms, conf.subscribers);
	if (b->connect_rate > 0)
		conf.ramp_ms = (int64_t)(conf.subscribers * 1000.0 / b->connect_rate);
	read_schedule(b, &conf);
	return conf;
}

/* --- the run ---------------------------------------------------------------------------------- */

struct run {
	struct bench *bench;
	struct load *load;
	struct busload *busload;
	bool live; /* a line on the terminal stands to be written over */
};

static void clear_line(struct run *r)
{
	if (r->live)
		fputs("\r\033[K", stderr);
	r->live = false;
}

static void on_sampled(void *arg, const struct result_sample *s)
{
	struct run *r = arg;
	struct buf line = { 0 };

	if (r->bench->cmd.quiet || !isatty(STDERR_FILENO))
		return;
	report_line(s, tty_columns(STDERR_FILENO), &line);
	clear_line(r);
	fputs(buf_cstr(&line), stderr);
	fflush(stderr);
	r->live = true;
	buf_fini(&line);
}

static void on_ended(void *arg)
{
	struct run *r = arg;

	clear_line(r);
	uv_stop(&r->bench->cmd.loop);
}

static void on_stop(void *arg, int nth)
{
	(void)nth;
	load_stop(((struct run *)arg)->load);
}

static void on_stop_bus(void *arg, int nth)
{
	(void)nth;
	busload_stop(((struct run *)arg)->busload);
}

static const struct load_events events = { .sampled = on_sampled, .ended = on_ended };

/* A run that could not even be set up: void where this machine is at fault. */
static void refuse(struct bench *b, const struct err *e)
{
	if (e->code != ERR_BUSY)
		cmd_bad_setting(&b->cmd, e);
	result_end(&b->result, END_GENERATOR, "%s", e->text);
}

int bench_load(struct bench *b)
{
	const struct load_conf conf = bench_load_conf(b);
	struct run r = { .bench = b };
	struct err e = { 0 };

	r.load = load_new(&b->cmd.loop, &conf, &events, &r, &b->result, &e);
	if (r.load) {
		cmd_signals(&b->cmd, on_stop, NULL, &r);
		load_start(r.load);
		uv_run(&b->cmd.loop, UV_RUN_DEFAULT);
		load_free(r.load);
	} else {
		refuse(b, &e);
	}
	return bench_end(b);
}

int bench_bus(struct bench *b)
{
	struct load_conf conf = bench_load_conf(b);
	struct run r = { .bench = b };
	struct err e = { 0 };

	if (!conf.subscribers || !conf.publishers)
		cmd_usage(&b->cmd, "'bus' needs an instance (-c 1) and a publisher (-p 1)");
	if (!conf.client.url)
		conf.client.url = "mem:";
	r.busload = busload_new(&b->cmd.loop, &conf, &events, &r, &b->result, &e);
	if (r.busload) {
		cmd_signals(&b->cmd, on_stop_bus, NULL, &r);
		busload_start(r.busload);
		uv_run(&b->cmd.loop, UV_RUN_DEFAULT);
		busload_free(r.busload);
	} else {
		refuse(b, &e);
	}
	return bench_end(b);
}
