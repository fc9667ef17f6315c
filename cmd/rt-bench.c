/* rt-bench - loads a real-time server, and tells the truth about it
 *
 * The table of options, what a scenario makes of them, and the report at the end. bench/load.c is
 * the run. */
#include "bench_out.h"
#include "connect.h"

#include "base/mem.h"
#include "base/tty.h"
#include "base/url.h"
#include "bench/load.h"
#include "bench/report.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct cmd cmd = CONNECT_INIT;

static struct {
	const char *profile, *stages, *room;
	int64_t subscribers, publishers, rooms, ramp_ms, pid;
	double rate;
	uint64_t size;
	int transport;
} set = { .subscribers = -1, .publishers = -1, .rooms = -1, .rate = -1, .size = 128 };

static struct bench_out out;

static const struct opt options[] = {
	OPTION_INT('c', "subscribers", &set.subscribers, "N", "in all rooms together", 0, 1000000),
	OPTION_INT('p', "publishers", &set.publishers, "N", NULL, 0, 100000),
	OPTION('r', "rate", OPT_RATE, &set.rate, NULL, "messages a second, of all publishers"),
	OPTION(0, "stages", OPT_STRING, &set.stages, "10s:1k/s,..", "rates, one after the other"),
	OPTION(0, "size", OPT_SIZE, &set.size, NULL, "bytes of a message (128)"),
	OPTION_INT(0, "rooms", &set.rooms, "N", NULL, 1, 1000000),
	OPTION_ROOM("room", &set.room, "its name, instead of a new one"),
	OPTION(0, "transport", OPT_CHOICE, &set.transport, "ws|sse|stream|poll", "of subscribers"),
	OPTION(0, "ramp", OPT_DURATION, &set.ramp_ms, NULL, "spreads connecting over that time"),
	OPTION_INT(0, "pid", &set.pid, "PID", "samples the server's CPU, memory, files", 1, INT64_MAX),
	BENCH_OUT_OPTIONS(out),
	OPTION('w', "timeout", OPT_DURATION, &cmd.timeout_ms, NULL, "for all to connect (30s)"),
	OPTION('d', "for", OPT_DURATION, &cmd.for_ms, NULL, "how long to publish (10s)"),
	OPTION(0, "profile", OPT_STRING, &set.profile, "NAME|FILE", "whose protocol (rt)"),
	CONNECT_SERVER_OPTIONS(cmd),
	CMD_OPTIONS(cmd),
};

static const struct opt_program program = {
	.name = "rt-bench",
	.purpose = "load a real-time server, and tell what it lost and how late it was",
	.usage = (const char *const[]){ "fanout|rooms [options] [URL]", "merge FILE ...",
		"compare OLD NEW", NULL },
	.examples = (const char *const[]){
		"rt-bench fanout -c 1000 -r 100/s -d 30s",
		"rt-bench rooms --rooms 1000 -c 5000 -r 2k/s --max p99=50ms,lost=0",
		"rt-bench fanout --profile centrifugo ws://127.0.0.1:8000",
		NULL },
	.opts = options,
	.hints = (const char *const[]){ "t", "seconds are -d", "n", "a count is -r times -d", NULL },
};

/* --- scenarios -------------------------------------------------------------------------------- */

/* What is not given; -1: the scenario makes no use of it. */
static const struct scenario {
	const char *name;
	int64_t subscribers, publishers, rooms;
	double rate;
} scenarios[] = {
	{ "fanout", 100, 1, 1, 100 },
	{ "rooms", 500, 1, 100, 100 },
	{ 0 },
};

static const struct scenario *find_scenario(const char *name)
{
	const struct scenario *s = scenarios;

	while (s->name && strcmp(s->name, name) != 0)
		s++;
	if (!s->name)
		cmd_usage(&cmd, "no scenario '%s' (fanout, rooms)", name);
	return s;
}

static int64_t either(int64_t given, int64_t otherwise)
{
	return given >= 0 ? given : otherwise;
}

static struct load_conf read_conf(const struct scenario *s, const struct profile *profile)
{
	int64_t for_ms = either(cmd.for_ms, 10000);
	struct load_conf conf = {
		.scenario = s->name,
		.profile = profile,
		.transport = (enum transport)set.transport,
		.room = set.room,
		.subscribers = (unsigned)either(set.subscribers, s->subscribers),
		.publishers = (unsigned)either(set.publishers, s->publishers),
		.rooms = (unsigned)either(set.rooms, s->rooms),
		.size = set.size,
		.ramp_ms = set.ramp_ms,
		.connect_ms = either(cmd.timeout_ms, 30000),
		.pid = (pid_t)set.pid,
	};
	struct err e = { 0 };

	if (set.stages && set.rate >= 0)
		cmd_usage(&cmd, "--stages has rates: no -r");
	if (set.stages && cmd.for_ms >= 0)
		cmd_usage(&cmd, "--stages has durations: no -d");
	if (set.stages && schedule_parse(&conf.schedule, str_of(set.stages), &e) < 0)
		cmd_usage(&cmd, "option '--stages': %s", e.text);
	if (!set.stages)
		schedule_init(&conf.schedule,
			for_ms < INT64_MAX / 1000000 ? (uint64_t)for_ms * 1000000 : SCHEDULE_MAX_NS,
			conf.publishers ? set.rate >= 0 ? set.rate : s->rate : 0);
	if (conf.rooms > conf.subscribers && conf.subscribers)
		cmd_usage(&cmd, "%u rooms for %u subscribers", conf.rooms, conf.subscribers);
	return conf;
}

/* --- the run ---------------------------------------------------------------------------------- */

static struct load *load;
static bool live; /* a line on the terminal stands to be written over */

static void clear_line(void)
{
	if (live)
		fputs("\r\033[K", stderr);
	live = false;
}

static void on_sampled(void *arg, const struct result_sample *s)
{
	struct buf line = { 0 };

	(void)arg;
	if (cmd.quiet || !isatty(STDERR_FILENO))
		return;
	report_line(s, tty_columns(STDERR_FILENO), &line);
	clear_line();
	fputs(buf_cstr(&line), stderr);
	fflush(stderr);
	live = true;
	buf_fini(&line);
}

static void on_ended(void *arg)
{
	(void)arg;
	clear_line();
	uv_stop(&cmd.loop);
}

static void on_stop(void *arg, int nth)
{
	(void)arg;
	(void)nth;
	load_stop(load);
}

static const struct load_events events = { .sampled = on_sampled, .ended = on_ended };

static int run(const char *scenario, const char *url, char *command)
{
	struct load_conf conf;
	struct profile *profile;
	struct result result;
	struct err e = { 0 };
	int status;

	profile = profile_load(set.profile ? set.profile : "rt", &e);
	if (!profile)
		cmd_bad_setting(&cmd, &e);
	conf = read_conf(find_scenario(scenario), profile);
	connect_conf(&cmd, &conf.client);
	if (url)
		conf.client.url = url;
	result_init(&result);
	result.command = command;
	result.version = mem_strdup(RT_VERSION);
	load = load_new(&cmd.loop, &conf, &events, NULL, &result, &e);
	if (!load)
		cmd_bad_setting(&cmd, &e);
	cmd_signals(&cmd, on_stop, NULL, NULL);
	load_start(load);
	uv_run(&cmd.loop, UV_RUN_DEFAULT);
	load_free(load);
	status = bench_finish(&cmd, &out, &result);
	result_fini(&result);
	profile_free(profile);
	return status;
}

int main(int argc, char **argv)
{
	char **given = mem_array((size_t)argc, sizeof(*given)), *url = NULL;
	int n, status;

	memcpy(given, argv, (size_t)argc * sizeof(*given));
	n = cmd_start(&cmd, &program, argc, argv);
	if (n < 1)
		cmd_usage(&cmd, "which scenario? rt-bench fanout");
	bench_limits(&cmd, &out);
	if (strcmp(argv[1], "merge") == 0) {
		status = bench_merge(&cmd, &out, n - 1, argv + 2);
	} else if (strcmp(argv[1], "compare") == 0) {
		status = bench_compare(&cmd, &out, n - 1, argv + 2);
	} else {
		if (n > 2)
			cmd_usage(&cmd, "one URL, please");
		if (n == 2) {
			url = mem_strdup(argv[2]);
			url_hide_secret(argv[2]);
		}
		status = run(argv[1], url, bench_command(argc, given));
	}
	mem_free(url);
	mem_free(given);
	opt_list_free(&out.max);
	opt_list_free(&out.min);
	cmd_exit(&cmd, status);
}
