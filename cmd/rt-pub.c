/* rt-pub - publishes operands or lines of stdin
 *
 * The table of options and what follows from them. Lines become messages in client/compose.c,
 * client/intake.c moves them, client/pub_run.c is the run as a whole; the connection, the window
 * and resending are client/client.c's. */
#include "connect.h"

#include "client/pub_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define METADATA_BYTES 4096 /* that a line may have on top of its message */

static struct cmd cmd = CONNECT_INIT;

static struct {
	bool text, one, raw, wrap, fresh, number, acks, strict;
	const char *type, *user, *key, *id, *prefix, *pace, *cursor_file, *format;
	int full; /* enum full */
	int64_t window, count;
	uint64_t max_message;
	double rate;
} set = { .window = 1024, .max_message = 1 << 20 };

enum full { FULL_BLOCK, FULL_DROP };

static const struct opt options[] = {
	OPTION('T', "text", OPT_FLAG, &set.text, NULL,
		"plain lines: {\"type\":\"message\",\"text\":LINE}"),
	OPTION('1', "one", OPT_FLAG, &set.one, NULL, "all of stdin is one message"),
	OPTION(0, "raw", OPT_FLAG, &set.raw, NULL, "any bytes (with -1: a whole file)"),
	OPTION(0, "wrap", OPT_FLAG, &set.wrap, NULL, "any JSON, not objects only"),
	OPTION(0, "type", OPT_STRING, &set.type, "TYPE", "type of messages that have none"),
	OPTION(0, "user", OPT_STRING, &set.user, "ID", "publish as that user"),
	OPTION(0, "key", OPT_STRING, &set.key, ".FIELD",
		"the newest message of a key replaces older ones"),
	OPTION(0, "id", OPT_STRING, &set.id, ".FIELD", "deduplication id out of the message"),
	OPTION(0, "fresh", OPT_FLAG, &set.fresh, NULL, "lines with _id are new messages"),
	OPTION(0, "prefix", OPT_STRING, &set.prefix, "TEXT", "in front of each line's _room"),
	OPTION('r', "rate", OPT_RATE, &set.rate, "N/s", "at most so many messages"),
	OPTION(0, "pace", OPT_STRING, &set.pace, "1x", "replay at the speed of _ts, or 10x"),
	OPTION_INT('n', "count", &set.count, "N", "stop after N messages", 1, INT64_MAX),
	OPTION_INT(0, "window", &set.window, "N",
		"messages on their way at most (1024)", 1, 1 << 20),
	OPTION(0, "full", OPT_CHOICE, &set.full, "block|drop", "when that window is full"),
	OPTION(0, "acks", OPT_FLAG, &set.acks, NULL, "acknowledgements on stdout"),
	OPTION_FILE(0, "cursor-file", &set.cursor_file, "where the last acknowledged _id goes"),
	OPTION(0, "number", OPT_FLAG, &set.number, NULL, "add p and n, for rt-bench verify"),
	OPTION(0, "strict", OPT_FLAG, &set.strict, NULL, "stop at the first bad line"),
	OPTION(0, "max-message", OPT_SIZE, &set.max_message, NULL, "longest message (1m)"),
	OPTION_WORDS('f', "format", &set.format, "FORMAT", "json", NULL),
	CONNECT_OPTIONS(cmd),
	CMD_OPTIONS(cmd),
};

static const struct opt_program program = {
	.name = "rt-pub",
	.purpose = "publish operands or lines of stdin to a room",
	.usage = (const char *const[]){ "[options] [ROOM [MESSAGE...]]", NULL },
	.examples = (const char *const[]){
		"rt-pub lobby '{\"type\":\"chat\",\"text\":\"hello\"}'",
		"tail -F access.log | rt-pub --text site.hits",
		"rt-sub -m lobby | jq --unbuffered -c 'select(.type==\"chat\")' | rt-pub archive",
		NULL },
	.opts = options,
	.complete = "room",
	.hints = (const char *const[]){
		"t", "rooms are operands: rt-pub lobby",
		"topic", "rooms are operands: rt-pub lobby",
		"b", "the server is --url: -u ws://HOST:PORT", "p", "the port is part of --url",
		"l", "lines are the default", "m", "messages are operands: rt-pub ROOM MESSAGE",
		"W", "a deadline is -w", "C", "a count is -n", NULL },
};

static struct pub_run *pub;
static int status;

static void on_ended(void *arg, int code, bool partial)
{
	(void)arg;
	if (code == ERR_CLOSED)
		cmd_end_quietly(&cmd);
	else
		status = code ? cmd_status(code) : partial ? EXIT_NEGATIVE : EXIT_DONE;
	uv_stop(&cmd.loop);
}

static void on_stop(void *arg, int nth)
{
	(void)arg;
	if (nth == 1)
		pub_run_stop(pub);
}

/* "10x", "0.5x", "2" */
static double read_pace(const char *text)
{
	char *end;
	double pace = strtod(text, &end);

	if (*end == 'x')
		end++;
	if (end == text || *end || !(pace > 0 && pace <= 1e6))
		cmd_usage(&cmd, "option '--pace' needs a speed such as 1x or 10x");
	return pace;
}

static enum compose_mode read_mode(void)
{
	if (set.text + set.raw + set.wrap > 1)
		cmd_usage(&cmd, "only one of --text, --raw and --wrap");
	if (set.text)
		return COMPOSE_TEXT;
	if (set.wrap)
		return COMPOSE_WRAP;
	if (set.raw && cmd.profile != PROFILE_RAW)
		return COMPOSE_BYTES;
	return cmd.profile == PROFILE_RAW ? COMPOSE_VERBATIM : COMPOSE_JSON;
}

/* With a server that is not ours the URL says it all, and every operand is a message. */
static void read_operands(struct pub_run_conf *conf, int n, char **operands)
{
	bool raw = cmd.profile == PROFILE_RAW;
	bool input;

	if (n > 0 && !raw) {
		if (!*operands[0])
			cmd_usage(&cmd, "room '' is empty (without a room each line names its own)");
		conf->compose.room = operands[0];
		operands++;
		n--;
	}
	if (conf->compose.room && set.prefix)
		cmd_usage(&cmd, "--prefix goes before the lines' _room, but there is a ROOM");
	input = n == 0 || (n == 1 && strcmp(operands[0], "-") == 0);
	if (!input && set.one)
		cmd_usage(&cmd, "-1 reads stdin, but there are messages on the command line");
	conf->intake.fd = input ? STDIN_FILENO : -1;
	conf->intake.operands = (const char *const *)operands;
	conf->intake.n_operands = input ? 0 : n;
	if (!input || set.one || !isatty(STDIN_FILENO))
		return;
	if (conf->compose.mode == COMPOSE_JSON)
		conf->compose.mode = COMPOSE_TERMINAL;
	if (!cmd.quiet)
		fprintf(stderr, "one message a line, Ctrl-D ends\n");
}

static void check_format(void)
{
	if (!set.format || strcmp(set.format, "json") == 0)
		return;
	if (strcmp(set.format, "msgpack") == 0 || strcmp(set.format, "protobuf") == 0)
		cmd_usage(&cmd, "format '%s' is not built in (json is)", set.format);
	cmd_usage(&cmd, "format '%s' is none that goes in (json)", set.format);
}

int main(int argc, char **argv)
{
	struct pub_run_conf conf = { 0 };
	struct err e = { 0 };
	int n = cmd_start(&cmd, &program, argc, argv);

	check_format();
	connect_conf(&cmd, &conf.client);
	conf.client.user = set.user;
	conf.client.window = (unsigned)set.window;
	conf.client.max_message = set.max_message;
	conf.compose = (struct compose_conf){
		.mode = read_mode(),
		.prefix = set.prefix,
		.type = set.type,
		.key_field = set.key,
		.id_field = set.id,
		.fresh = set.fresh,
		.number = set.number,
	};
	conf.intake = (struct intake_conf){
		.one = set.one,
		.drop = set.full == FULL_DROP,
		.strict = set.strict,
		.max_line = set.max_message + METADATA_BYTES,
		.rate = set.rate,
		.pace = set.pace ? read_pace(set.pace) : 0,
		.count = (uint64_t)set.count,
		.cursor_file = set.cursor_file,
	};
	read_operands(&conf, n, argv + 1);
	conf.acks = set.acks;
	conf.timeout_ms = cmd.timeout_ms;
	conf.for_ms = cmd.for_ms;
	pub = pub_run_new(&cmd.loop, &conf, on_ended, NULL, &e);
	if (!pub)
		cmd_bad_setting(&cmd, &e);
	cmd_signals(&cmd, on_stop, NULL, NULL);
	pub_run_start(pub);
	uv_run(&cmd.loop, UV_RUN_DEFAULT);
	if (pub_run_free(pub, &e) != 0)
		status = cmd_fail(&e);
	cmd_exit(&cmd, status);
}
