/* rt-bench - loads a real-time server, and tells the truth about it
 *
 * The table of options, the table of scenarios, and the report at the end. What a scenario makes of
 * the options is in the file of its `run`; most are one run of bench/load.c with a plan. */
#include "bench.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/url.h"
#include "bench/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct bench set = {
	.cmd = CONNECT_INIT,
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
	OPTION(0, "storm", OPT_FLAG, &set.storm, NULL, "connect: then all drop and come back"),
	OPTION(0, "reconnect", OPT_CHOICE, &set.reconnect, "spread|now", NULL),
	OPTION_INT(0, "from", &set.from, "N", NULL, 0, INT64_MAX),
	OPTION_INT(0, "expect", &set.expect, "N", NULL, 1, INT64_MAX),
	OPTION(0, "strict", OPT_FLAG, &set.strict, NULL, NULL),
	OPTION_INT(0, "pid", &set.pid, "PID", "samples the server's CPU, memory, files", 1, INT64_MAX),
	OPTION(0, "max", OPT_LIST, &set.max, "p99=50ms,..", "exit 1 when over"),
	OPTION(0, "min", OPT_LIST, &set.min, "rate=1k/s,..", "exit 1 when under"),
	OPTION('f', "format", OPT_CHOICE, &set.format, "table|json", NULL),
	OPTION_FILE('o', "output", &set.output, "the report, instead of stdout"),
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
		"fanout|rooms|connect|idle|publish|echo|listen|find|probe [options] [URL]",
		"verify [options] < LINES", NULL },
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

void bench_complain(const struct bench *b, const char *fmt, ...)
{
	struct buf text = { 0 };
	va_list ap;

	if (b->format == BENCH_TABLE && !b->output)
		return;
	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	log_error("%s", buf_cstr(&text));
	buf_fini(&text);
}

int bench_write(const struct bench *b, const struct buf *text)
{
	FILE *to = b->output ? fopen(b->output, "w") : stdout;

	if (to && fwrite(text->p, 1, text->n, to) == text->n && (!b->output || fclose(to) == 0))
		return EXIT_DONE;
	log_error("cannot write '%s'", b->output ? b->output : "stdout");
	return EXIT_SYSTEM;
}

static int write_report(const struct bench *b)
{
	struct buf text = { 0 };
	int status;

	if (b->format == BENCH_JSON)
		result_format(&b->result, &text);
	else
		report_table(&b->result, &text);
	status = bench_write(b, &text);
	buf_fini(&text);
	return status;
}

static bool misses_limits(const struct bench *b)
{
	struct buf missed = { 0 };
	struct str rest;
	int n = limits_check(&b->limits, &b->result, &missed);

	for (rest = buf_str(&missed); rest.n;) {
		struct str line = str_cut(rest, '\n', &rest);
		log_error("missed: " STR_FMT, STR_ARG(line));
	}
	buf_fini(&missed);
	return n > 0;
}

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

int bench_finish(struct bench *b)
{
	int written = write_report(b);
	bool missed = misses_limits(b);

	if (b->result.end >= END_GENERATOR)
		bench_complain(b, "%s%s", b->result.end == END_GENERATOR ? "void: " : "",
			b->result.why);
	if (written)
		return written;
	switch (b->result.end) {
	case END_DENIED: return EXIT_DENIED;
	case END_REFUSED: return EXIT_OFFLINE;
	case END_GENERATOR: return EXIT_SYSTEM;
	default: return missed || is_partial(b) ? EXIT_NEGATIVE : EXIT_DONE;
	}
}

/* --- the start -------------------------------------------------------------------------------- */

static void read_limits(struct bench *b)
{
	struct err e = { 0 };

	for (int i = 0; i < b->max.n; i++) {
		if (limits_parse(&b->limits, b->max.v[i], true, &e) < 0)
			cmd_usage(&b->cmd, "option '--max': %s", e.text);
	}
	for (int i = 0; i < b->min.n; i++) {
		if (limits_parse(&b->limits, b->min.v[i], false, &e) < 0)
			cmd_usage(&b->cmd, "option '--min': %s", e.text);
	}
}

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

int main(int argc, char **argv)
{
	int n = cmd_start(&set.cmd, &program, argc, argv), status;
	char *url = NULL;

	if (n < 1)
		cmd_usage(&set.cmd, "which scenario? rt-bench fanout");
	if (n > 2)
		cmd_usage(&set.cmd, "one URL, please");
	set.scenario = find_scenario(argv[1]);
	read_limits(&set);
	read_profile(&set);
	connect_conf(&set.cmd, &set.client);
	if (n == 2) {
		set.client.url = url = mem_strdup(argv[2]);
		set.has_operand_url = true;
		url_hide_secret(argv[2]);
	}
	result_init(&set.result);
	status = set.scenario->run(&set);
	result_fini(&set.result);
	profile_free(set.profile);
	mem_free(url);
	cmd_exit(&set.cmd, status);
}
