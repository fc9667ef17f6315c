/* rt-bench - loads a real-time server, and tells the truth about it
 *
 * The table of options, the table of scenarios, and the report at the end. What a scenario makes of
 * the options is in the file of its `run`; most are one run of bench/load.c with a plan. */
#include "bench.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/url.h"
#include "bus/bus.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Of -V: what a URL may begin with. */
static const char *about(void)
{
	static char text[512];
	int n = snprintf(text, sizeof(text), "%s\nbuses:", connect_about());

	for (int i = 0; bus_engine(i) && n < (int)sizeof(text); i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%s %s", i ? "," : "",
			bus_engine(i)->scheme);
	return text;
}

static struct bench set = {
	.cmd = { CMD_INIT, .about = about },
	.subscribers = -1,
	.publishers = -1,
	.rooms = -1,
	.rate = -1,
	.connect_rate = -1,
	.count = -1,
	.window = -1,
	.from = -1,
	.expect = -1,
	.transport = -1,
	.size = 128,
};

static const struct opt options[] = {
	OPTION_INT('c', "subscribers", &set.subscribers, "N", "or connections; in all rooms together", 0,
		1000000),
	OPTION_INT('p', "publishers", &set.publishers, "N", NULL, 0, 100000),
	OPTION('r', "rate", OPT_RATE, &set.rate, NULL, "messages a second, of all publishers"),
	OPTION(0, "stages", OPT_STRING, &set.stages, "10s:1k/s,..", "rates, one after the other"),
	OPTION_INT(0, "window", &set.window, "N", "instead: so many unanswered at each publisher", 1,
		1000000),
	OPTION(0, "size", OPT_SIZE, &set.size, NULL, "bytes of a message (128)"),
	OPTION_INT('n', "count", &set.count, "N", NULL, 1, INT64_MAX),
	OPTION_INT(0, "rooms", &set.rooms, "N", NULL, 1, 1000000),
	OPTION_ROOM("room", &set.room, "its name, instead of a new one"),
	OPTION(0, "transport", OPT_CHOICE, &set.transport, "ws|sse|stream|poll", "of subscribers"),
	OPTION(0, "ramp", OPT_DURATION, &set.ramp_ms, NULL, "spreads connecting over that time"),
	OPTION(0, "connect-rate", OPT_RATE, &set.connect_rate, NULL, NULL),
	OPTION(0, "sources", OPT_STRING, &set.sources_text, "127.0.0.2-127.0.0.9", NULL),
	OPTION(0, "storm", OPT_FLAG, &set.storm, NULL, "connect: then all drop and come back"),
	OPTION(0, "reconnect", OPT_CHOICE, &set.reconnect, "spread|now", NULL),
	OPTION_INT(0, "from", &set.from, "N", NULL, 0, INT64_MAX),
	OPTION_INT(0, "expect", &set.expect, "N", NULL, 1, INT64_MAX),
	OPTION(0, "strict", OPT_FLAG, &set.strict, NULL, NULL),
	OPTION_INT(0, "pid", &set.pid, "PID", "samples the server's CPU, memory, files", 1, INT64_MAX),
	BENCH_OUT_OPTIONS(set.out),
	OPTION('w', "timeout", OPT_DURATION, &set.cmd.timeout_ms, NULL, "for all to connect (30s)"),
	OPTION('d', "for", OPT_DURATION, &set.cmd.for_ms, NULL, "how long (10s)"),
	OPTION(0, "profile", OPT_STRING, &set.profile_name, "NAME|FILE", "whose protocol (rt)"),
	CONNECT_SERVER_OPTIONS(set.cmd),
	CMD_OPTIONS(set.cmd),
};

static const struct opt_program program = {
	.name = "rt-bench",
	.purpose = "load a real-time server, and tell what it lost and how late it was",
	.usage = (const char *const[]){
		"fanout|rooms|connect|idle|publish|echo|listen|bus|find|probe [options] [URL]",
		"verify [options] < LINES", "merge FILE ...", "compare OLD NEW", NULL },
	.examples = (const char *const[]){
		"rt-bench fanout -c 1000 -r 100/s -d 30s",
		"rt-bench rooms --rooms 1000 -c 5000 -r 2k/s --max p99=50ms,lost=0",
		"rt-bench fanout --profile centrifugo ws://127.0.0.1:8000",
		NULL },
	.opts = options,
	.hints = (const char *const[]){ "t", "seconds are -d", NULL },
};

/* --- scenarios -------------------------------------------------------------------------------- */

static const struct scenario scenarios[] = {
	{
		.name = "fanout",
		.run = bench_load,
		.subscribers = 100,
		.publishers = 1,
		.rooms = 1,
		.rate = 100,
		.for_ms = 10000,
	},
	{
		.name = "rooms",
		.run = bench_load,
		.subscribers = 500,
		.publishers = 1,
		.rooms = 100,
		.rate = 100,
		.for_ms = 10000,
	},
	{
		.name = "connect",
		.run = bench_load,
		.plan = PLAN_CONNECT,
		.subscribers = 1000,
		.publishers = -1,
		.rooms = 1,
		.rate = -1,
		.window = -1,
	},
	{
		.name = "idle",
		.run = bench_load,
		.subscribers = 1000,
		.publishers = -1,
		.rooms = 1,
		.rate = -1,
		.window = -1,
		.for_ms = 10000,
	},
	{
		.name = "publish",
		.run = bench_load,
		.subscribers = -1,
		.publishers = 1,
		.rooms = 1,
		.window = 64,
		.for_ms = 10000,
	},
	{
		.name = "echo",
		.run = bench_load,
		.plan = PLAN_ECHO,
		.profile = "raw",
		.subscribers = 100,
		.publishers = -1,
		.rooms = -1,
		.for_ms = 10000,
	},
	{
		.name = "listen",
		.run = bench_load,
		.plan = PLAN_LISTEN,
		.profile = "raw",
		.subscribers = 1,
		.publishers = -1,
		.rooms = -1,
		.rate = -1,
		.window = -1,
		.for_ms = 10000,
	},
	{
		.name = "bus",
		.run = bench_bus,
		.plan = PLAN_BUS,
		.subscribers = 1,
		.publishers = 1,
		.rooms = 1,
		.window = 64,
		.for_ms = 10000,
	},
	{
		.name = "find",
		.run = bench_find,
		.subscribers = 100,
		.publishers = 1,
		.rooms = 1,
		.rate = 100,
		.window = -1,
		.for_ms = 5000,
	},
	{
		.name = "probe",
		.run = bench_probe,
	},
	{
		.name = "verify",
		.run = bench_verify,
	},
	{ 0 },
};

static const struct scenario *find_scenario(const char *name)
{
	const struct scenario *s = scenarios;
	struct buf names = { 0 };

	while (s->name && strcmp(s->name, name) != 0)
		s++;
	if (s->name)
		return s;
	for (s = scenarios; s->name; s++)
		buf_addf(&names, "%s%s", names.n ? ", " : "", s->name);
	cmd_usage(&set.cmd, "no scenario '%s' (%s)", name, buf_cstr(&names));
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Has it done what was asked for? */
static bool is_partial(const struct bench *b)
{
	const struct result *r = &b->result;

	if (b->scenario->plan & PLAN_CONNECT)
		return r->failed || (b->storm && r->storm_s < 0);
	if (!(b->scenario->plan & PLAN_LISTEN) || b->count <= 0 || r->heard >= (uint64_t)b->count)
		return false;
	log_error("heard %" PRIu64 " of %" PRId64 " messages", r->heard, b->count);
	return true;
}

int bench_end(struct bench *b)
{
	int status = bench_finish(&b->cmd, &b->out, &b->result);

	return status == EXIT_DONE && is_partial(b) ? EXIT_NEGATIVE : status;
}

/* --- the start -------------------------------------------------------------------------------- */

/* Whose protocol: of people who name a room it is rt's. */
static void read_profile(struct bench *b)
{
	const char *name = b->profile_name;
	struct err e = { 0 };

	if (!name)
		name = b->scenario->profile && !b->room ? b->scenario->profile : "rt";
	b->profile = profile_load(name, &e);
	if (!b->profile)
		cmd_bad_setting(&b->cmd, &e);
}

/* `given` is the command line as it was. */
static int run(struct bench *b, int n, char **operands, int argc, char **given)
{
	char *url = NULL;
	int status;

	if (n > 2)
		cmd_usage(&b->cmd, "one URL, please");
	b->scenario = find_scenario(operands[0]);
	read_profile(b);
	connect_conf(&b->cmd, &b->client);
	if (n == 2) {
		b->client.url = url = mem_strdup(operands[1]);
		b->has_operand_url = true;
		url_hide_secret(operands[1]);
	}
	result_init(&b->result);
	b->result.command = bench_command(argc, given); /* secrets are out of sight by now */
	b->result.version = mem_strdup(RT_VERSION);
	status = b->scenario->run(b);
	result_fini(&b->result);
	profile_free(b->profile);
	sources_fini(&b->sources);
	mem_free(url);
	return status;
}

int main(int argc, char **argv)
{
	char **given = mem_array((size_t)argc, sizeof(*given));
	int n, status;

	memcpy(given, argv, (size_t)argc * sizeof(*given));
	n = cmd_start(&set.cmd, &program, argc, argv);
	if (n < 1)
		cmd_usage(&set.cmd, "which scenario? rt-bench fanout");
	bench_limits(&set.cmd, &set.out);
	if (strcmp(argv[1], "merge") == 0)
		status = bench_merge(&set.cmd, &set.out, n - 1, argv + 2);
	else if (strcmp(argv[1], "compare") == 0)
		status = bench_compare(&set.cmd, &set.out, n - 1, argv + 2);
	else
		status = run(&set, n, argv + 1, argc, given);
	mem_free(given);
	opt_list_free(&set.out.max);
	opt_list_free(&set.out.min);
	cmd_exit(&set.cmd, status);
}
