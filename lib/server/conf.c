/* conf.c - the settings of rt-serve as an option table, their defaults and their rules */
#include "server/conf.h"

#include "base/clock.h"
#include "base/mem.h"
#include "bus/bus.h"
#include "codec/name.h"
#include "net/listen.h"
#include "net/origin.h"

#include <stdlib.h>
#include <sys/stat.h>

static struct opt options[] = {
	{ .letter = 'l', .name = "listen", .type = OPT_LIST, .arg = "ADDRESS",
		.help = "9000 (loopback), :9000 (all), [::1]:9000, unix:PATH; repeat for more" },
	{ .letter = 'b', .name = "bus", .type = OPT_STRING, .arg = "URL",
		.help = "what carries messages between instances (mem:)" },
	{ .name = "history", .type = OPT_INT, .arg = "N", .min = 0, .max = 10000000,
		.help = "messages kept of each room (1000)" },
	{ .name = "history-bytes", .type = OPT_SIZE, .arg = "SIZE",
		.help = "bytes kept of each room (1m)" },
	{ .name = "history-age", .type = OPT_DURATION, .arg = "TIME",
		.help = "how long a message is kept (1h)" },
	{ .name = "memory", .type = OPT_SIZE, .arg = "SIZE",
		.help = "of all rooms together; idle rooms go first (256m)" },
	{ .name = "slow", .type = OPT_LIST, .arg = "[ROOM=]POLICY", .words = "close|skip|latest",
		.help = "who falls behind: skip (told), latest, close; per room or pattern" },
	{ .name = "max-connections", .type = OPT_INT, .arg = "N", .min = 1, .max = 1000000,
		.help = "refuse more (10000, or what the file limit allows)" },
	{ .name = "max-rooms", .type = OPT_INT, .arg = "N", .min = 1, .max = 100000,
		.help = "of one connection (1024)" },
	{ .name = "max-patterns", .type = OPT_INT, .arg = "N", .min = 0, .max = 100000,
		.help = "among them (32)" },
	{ .name = "publish-rate", .type = OPT_RATE, .arg = "RATE",
		.help = "read a connection no faster, 100/s (any)" },
	{ .name = "address-connections", .type = OPT_INT, .arg = "N", .min = 0, .max = 1000000,
		.help = "of one peer address at a time; refuse more (any)" },
	{ .name = "address-request-rate", .type = OPT_RATE, .arg = "RATE",
		.help = "of one peer address; refuse more, 20/s (any)" },
	{ .name = "address-publish-rate", .type = OPT_RATE, .arg = "RATE",
		.help = "read the connections of an address no faster (any)" },
	{ .name = "max-message", .type = OPT_SIZE, .arg = "SIZE",
		.help = "refuse larger messages (1m)" },
	{ .name = "ping", .type = OPT_DURATION, .arg = "TIME",
		.help = "ping WebSockets that often (30s)" },
	{ .name = "pong", .type = OPT_DURATION, .arg = "TIME",
		.help = "cut those that do not answer within (10s)" },
	{ .name = "heartbeat", .type = OPT_DURATION, .arg = "TIME",
		.help = "of SSE and streams (15s)" },
	{ .name = "idle", .type = OPT_DURATION, .arg = "TIME",
		.help = "keep HTTP connections without a request (75s)" },
	{ .name = "origin", .type = OPT_LIST, .arg = "ORIGIN",
		.help = "let pages of that origin in besides the own host; * for all" },
	{ .name = "presence", .type = OPT_STRING, .arg = "URL",
		.help = "where presence lives (mem:)" },
	{ .name = "presence-ttl", .type = OPT_DURATION, .arg = "TIME",
		.help = "a member without a heartbeat is gone after (30s)" },
	{ .name = "presence-grace", .type = OPT_DURATION, .arg = "TIME",
		.help = "a user may come back within before user_left (2s)" },
	{ .name = "dedup", .type = OPT_DURATION, .arg = "TIME",
		.help = "deduplication ids are known for (2m)" },
	{ .name = "dedup-max", .type = OPT_INT, .arg = "N", .min = 0, .max = 100000000,
		.help = "and so many of them (100000)" },
	{ .name = "backfills", .type = OPT_INT, .arg = "N", .min = 1, .max = 100000,
		.help = "reads of the bus's history at a time (64)" },
	{ .name = "config", .type = OPT_STRING, .arg = "FILE", .complete = "file",
		.help = "long options, one a line; the command line wins" },
	{ .name = "check", .type = OPT_FLAG,
		.help = "print the settings as they would be, and exit" },
	{ .name = "log", .type = OPT_CHOICE, .arg = "text|json",
		.help = "how stderr looks" },
	{ .letter = 'q', .name = "quiet", .type = OPT_FLAG,
		.help = "errors only" },
	{ .letter = 'v', .name = "verbose", .type = OPT_COUNT,
		.help = "more on stderr; twice for debugging" },
	{ .letter = 'h', .name = "help", .type = OPT_FLAG,
		.help = "this text" },
	{ .letter = 'V', .name = "version", .type = OPT_FLAG,
		.help = "version and what is built in" },
#ifdef RT_TEST
	{ .name = "test-timeout", .type = OPT_DURATION, .arg = "TIME" },
#endif
	{ .name = "completion", .type = OPT_STRING, .arg = "SHELL", .words = "bash|zsh|fish" },
	{ .name = "dump-options", .type = OPT_FLAG },
	{ .type = OPT_END },
};

static void aim(const char *name, void *target)
{
	for (struct opt *o = options; o->type != OPT_END; o++)
		if (strcmp(o->name, name) == 0)
			o->target = target;
}

static const struct opt_program program = {
	.name = "rt-serve",
	.purpose = "a gateway: rooms over WebSocket, SSE, NDJSON streams and long polling",
	.usage = (const char *const[]){ "[-l ADDRESS]... [-b BUS] [options]", NULL },
	.examples = (const char *const[]){
		"rt-serve                          # 127.0.0.1:8080, nothing else needed",
		"rt-serve -l :9000 --history 10000 # all addresses, more history",
		"rt-serve --slow 'ticks.>=latest'  # who falls behind in ticks.* gets the newest",
		NULL },
	.opts = options,
	.hints = (const char *const[]){
		"p", "the port goes to -l: rt-serve -l 9000",
		"c", "a configuration file is --config FILE",
		"d", "it stays in the foreground; systemd or '&' puts it behind",
		NULL },
};

const struct opt_program *conf_program(struct conf *c)
{
	aim("listen", &c->listen);
	aim("bus", &c->bus);
	aim("history", &c->history);
	aim("history-bytes", &c->history_bytes);
	aim("history-age", &c->history_age_ms);
	aim("memory", &c->memory);
	aim("slow", &c->slow);
	aim("max-connections", &c->max_connections);
	aim("max-rooms", &c->max_rooms);
	aim("max-patterns", &c->max_patterns);
	aim("publish-rate", &c->publish_rate);
	aim("address-connections", &c->address_connections);
	aim("address-request-rate", &c->address_request_rate);
	aim("address-publish-rate", &c->address_publish_rate);
	aim("max-message", &c->max_message);
	aim("ping", &c->ping_ms);
	aim("pong", &c->pong_ms);
	aim("heartbeat", &c->heartbeat_ms);
	aim("idle", &c->idle_ms);
	aim("origin", &c->origins);
	aim("presence", &c->presence);
	aim("presence-ttl", &c->presence_ttl_ms);
	aim("presence-grace", &c->presence_grace_ms);
	aim("dedup", &c->dedup_ms);
	aim("dedup-max", &c->dedup_max);
	aim("backfills", &c->backfills);
	aim("test-timeout", &c->timeout_ms);
	aim("config", &c->config);
	aim("check", &c->check);
	aim("log", &c->log);
	aim("quiet", &c->quiet);
	aim("verbose", &c->verbose);
	aim("help", &c->help);
	aim("version", &c->version);
	aim("completion", &c->completion);
	aim("dump-options", &c->dump);
	return &program;
}

void conf_init(struct conf *c)
{
	*c = (struct conf){
		.bus = "mem:",
		.presence = "mem:",
		.history = 1000,
		.history_bytes = 1 << 20,
		.history_age_ms = 3600 * 1000,
		.memory = 256 << 20,
		.max_rooms = 1024,
		.max_patterns = 32,
		.max_message = 1 << 20,
		.ping_ms = 30000,
		.pong_ms = 10000,
		.heartbeat_ms = 15000,
		.idle_ms = 75000,
		.presence_ttl_ms = 30000,
		.presence_grace_ms = 2000,
		.dedup_ms = 120000,
		.dedup_max = 100000,
		.backfills = 64,
		.slow_default = SLOW_SKIP,
	};
}

static void free_rules(struct conf *c)
{
	for (int i = 0; i < c->n_slow; i++)
		mem_free(c->slow_rules[i].pattern);
	mem_free(c->slow_rules);
	c->slow_rules = NULL;
	c->n_slow = 0;
}

void conf_fini(struct conf *c)
{
	free_rules(c);
	opt_list_free(&c->listen);
	opt_list_free(&c->slow);
	opt_list_free(&c->origins);
}

static int policy_of(struct str s)
{
	return str_eq(s, STR("close")) ? SLOW_CLOSE : str_eq(s, STR("skip")) ? SLOW_SKIP
		: str_eq(s, STR("latest")) ? SLOW_LATEST : -1;
}

static int read_slow(struct conf *c, struct err *e)
{
	free_rules(c);
	c->slow_rules = mem_array((size_t)c->slow.n + 1, sizeof *c->slow_rules);
	for (int i = 0; i < c->slow.n; i++) {
		struct str text = str_of(c->slow.v[i]);
		const char *eq = strrchr(c->slow.v[i], '=');
		struct str pattern = eq ? str_make(text.p, (size_t)(eq - text.p)) : STR("");
		int policy = policy_of(eq ? str_skip(text, pattern.n + 1) : text);

		if (policy < 0)
			return err_set(e, ERR_USAGE,
				"--slow '%s': the policy is close, skip or latest", text.p);
		if (!eq) {
			c->slow_default = policy;
			continue;
		}
		if (pattern_check(pattern, e) != 0)
			return ERR_USAGE;
		c->slow_rules[c->n_slow++] = (struct slow_rule){ mem_strndup(pattern.p, pattern.n),
			(enum slow_policy)policy };
	}
	return 0;
}

/* A password that others can read is none. */
static int check_secret(const struct conf *c, struct err *e)
{
	struct buf safe = { 0 };
	struct url url;
	struct stat st;
	int rc = 0;

	if (url_parse(&url, str_of(c->bus), NULL) == 0)
		url_format_safe(&safe, &url);
	if (str_find(buf_str(&safe), STR("***")) >= 0 && stat(c->config, &st) == 0 &&
		(st.st_mode & 077))
		rc = err_set(e, ERR_USAGE, "'%s' holds a secret and others can read it (chmod 600)",
			c->config);
	url_fini(&url);
	buf_fini(&safe);
	return rc;
}

/* The file, then the command line again over it. */
static int read_config(
	struct conf *c, const struct opt_program *p, int argc, char **argv, struct err *e)
{
	struct opt_list *const lists[] = { &c->listen, &c->slow, &c->origins };
	bool given[sizeof lists / sizeof *lists];
	const char *bus = c->bus;
	int rc;

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		given[i] = lists[i]->n > 0;
		opt_list_free(lists[i]);
	}
	c->verbose = 0; /* counted again */
	rc = opt_read_file(p, c->config, e);
	if (rc == 0 && c->bus != bus)
		rc = check_secret(c, e);
	if (rc)
		return rc;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (given[i]) /* there, it replaces the file's */
			opt_list_free(lists[i]);
	return opt_parse(p, argc, argv, e);
}

/* "forever" is added to the clock like any other time. */
static void bound_durations(void)
{
	static const int64_t most_ms = 36500 * INT64_C(86400000);

	for (struct opt *o = options; o->type != OPT_END; o++)
		if (o->type == OPT_DURATION && *(int64_t *)o->target > most_ms)
			*(int64_t *)o->target = most_ms;
}

int conf_read(struct conf *c, int argc, char **argv, struct err *e)
{
	const struct opt_program *p = conf_program(c);
	int n = opt_parse(p, argc, argv, e), rc;

	if (n < 0)
		return n;
	if (n > 0)
		return err_set(e, ERR_USAGE, "unexpected operand '%s'", argv[1]);
	if (c->config && !c->help && !c->version) {
		rc = read_config(c, p, argc, argv, e);
		if (rc < 0)
			return rc;
	}
	bound_durations();
	if (strcmp(c->presence, "mem:") != 0)
		return err_set(e, ERR_USAGE, "--presence '%s': only mem: is built in", c->presence);
	if (c->history_age_ms <= 0 || c->ping_ms <= 0 || c->pong_ms <= 0 || c->heartbeat_ms <= 0 ||
		c->idle_ms <= 0)
		return err_set(e, ERR_USAGE,
			"--history-age, --ping, --pong, --heartbeat and --idle must be above 0");
	for (int i = 0; i < c->listen.n; i++)
		if (listen_check(str_of(c->listen.v[i]), e) != 0)
			return ERR_USAGE;
	if (c->max_message < 64 || c->max_message > (64u << 20))
		return err_set(e, ERR_USAGE, "--max-message must be between 64 and 64m");
	for (int i = 0; i < c->origins.n; i++)
		if (origin_check(str_of(c->origins.v[i]), e) != 0)
			return ERR_USAGE;
	return read_slow(c, e);
}

#define SCAN_ROOMS 10000 /* a few milliseconds */

struct table_conf conf_table(const struct conf *c, unsigned bus_caps)
{
	return (struct table_conf){
		.limits = { .count = (uint64_t)c->history,
			.bytes = c->history_bytes,
			.age_ms = c->history_age_ms },
		.memory = c->memory,
		.replay = bus_caps & BUS_REPLAY,
		/* of a local one nobody has seen anything of a new epoch; an engine that outlives
		 * us says so by being ordered */
		.epoch_of_data = bus_caps & (BUS_ORDERED | BUS_LOCAL),
		.slow = c->slow_rules,
		.n_slow = c->n_slow,
		.slow_default = (enum slow_policy)c->slow_default,
		.backfills = (unsigned)c->backfills,
		.scan = SCAN_ROOMS,
	};
}

struct bus_limits conf_bus(const struct conf *c)
{
	return (struct bus_limits){ .history = (uint64_t)c->history, .dedup_ms = c->dedup_ms };
}

/* --- settings as text ------------------------------------------------------------------------- */

/* What is asked of this run alone is no setting. */
static bool is_setting(const struct opt *o)
{
	static const char *const others[] = { "config", "completion", "test-timeout" };

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strcmp(o->name, others[i]) == 0)
			return false;
	return o->type != OPT_FLAG && o->type != OPT_COUNT;
}

static void add_choice(struct buf *out, const struct opt *o)
{
	struct str rest = str_of(o->arg), word = str_cut(rest, '|', &rest);

	for (int i = *(int *)o->target; i > 0; i--)
		word = str_cut(rest, '|', &rest);
	buf_add_str(out, word);
}

/* Appends the value of one that has one; false: it is off, or unknown until the start. */
static bool add_value(struct buf *out, const struct opt *o)
{
	switch (o->type) {
	case OPT_STRING: buf_add_text(out, *(const char **)o->target); return true;
	case OPT_INT:
		if (*(int64_t *)o->target < o->min)
			return false;
		buf_addf(out, "%lld", (long long)*(int64_t *)o->target);
		return true;
	case OPT_DURATION: duration_write(out, *(int64_t *)o->target); return true;
	case OPT_SIZE: size_write(out, *(uint64_t *)o->target); return true;
	case OPT_RATE:
		if (*(double *)o->target <= 0)
			return false;
		rate_write(out, *(double *)o->target);
		return true;
	case OPT_CHOICE: add_choice(out, o); return true;
	default: return false;
	}
}

/* What is printed may be seen by others. */
static void add_bus(struct buf *out, const char *text)
{
	struct url url;

	buf_add_text(out, "bus ");
	if (url_parse(&url, str_of(text), NULL) == 0)
		url_format_safe(out, &url);
	else
		buf_add_text(out, text);
	buf_add_char(out, '\n');
	url_fini(&url);
}

static void add_setting(struct buf *out, const struct opt *o)
{
	const struct opt_list *l = o->target;
	size_t before = out->n;

	if (o->type == OPT_LIST) {
		for (int i = 0; i < l->n; i++)
			buf_addf(out, "%s %s\n", o->name, l->v[i]);
		return;
	}
	if (strcmp(o->name, "bus") == 0) {
		add_bus(out, *(const char **)o->target);
		return;
	}
	buf_addf(out, "%s ", o->name);
	if (add_value(out, o))
		buf_add_char(out, '\n');
	else
		out->n = before;
}

void conf_print(struct conf *c, struct buf *out)
{
	static const char *const policies[] = { "close", "skip", "latest" };

	conf_program(c);
	for (const struct opt *o = options; o->type != OPT_END; o++) {
		if (strcmp(o->name, "listen") == 0 && c->listen.n == 0)
			buf_add_text(out, "listen 127.0.0.1:8080\n");
		if (strcmp(o->name, "slow") != 0) {
			if (is_setting(o))
				add_setting(out, o);
			continue;
		}
		buf_addf(out, "slow %s\n", policies[c->slow_default]);
		for (int i = 0; i < c->n_slow; i++)
			buf_addf(out, "slow %s=%s\n", c->slow_rules[i].pattern,
				policies[c->slow_rules[i].policy]);
	}
}

/* --- settings that hold until the end --------------------------------------------------------- */

static bool is_fixed(const struct opt *o)
{
	static const char *const fixed[] = { "listen", "bus", "presence" };

	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		if (strcmp(o->name, fixed[i]) == 0)
			return true;
	return false;
}

static void keep(struct opt *o, struct conf *running, struct conf *c, void (*said)(const char *))
{
	struct buf was = { 0 }, is = { 0 };

	conf_program(running);
	add_setting(&was, o);
	conf_program(c);
	add_setting(&is, o);
	if (!str_eq(buf_str(&was), buf_str(&is)))
		said(o->name);
	buf_fini(&was);
	buf_fini(&is);
}

void conf_keep_fixed(struct conf *running, struct conf *c, void (*said)(const char *name))
{
	struct opt_list listen = c->listen;

	for (struct opt *o = options; o->type != OPT_END; o++)
		if (is_fixed(o))
			keep(o, running, c, said);
	c->listen = running->listen;
	running->listen = listen;
	c->bus = running->bus;
	c->presence = running->presence;
	c->n_inherited = running->n_inherited;
}
