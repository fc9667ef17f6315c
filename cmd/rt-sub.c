/* rt-sub - prints what is published to rooms, or runs a command for it
 *
 * The table of options and what follows from them. client/sub_run.c is the run as a whole,
 * client/print.c makes the lines, client/output.c writes them, client/exec.c is -x. */
#include "connect.h"

#include "base/tty.h"
#include "client/listing.h"
#include "client/sub_run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct cmd cmd = CONNECT_INIT;

static struct {
	bool meta, raw, nul, until_end, no_gap, rooms, unordered;
	const char *since, *output, *format, *events, *user, *cursor_file;
	const char *durable, *exec, *publish, *dead_letter;
	int64_t count, jobs, max_deliver, nak_delay_ms, exec_timeout_ms, ack_wait_ms, batch;
	uint64_t buffer, max_message;
} set = {
	.jobs = 1,
	.max_deliver = 3,
	.nak_delay_ms = 5000,
	.exec_timeout_ms = 300000,
	.buffer = 16 << 20,
	.max_message = 1 << 20,
	.ack_wait_ms = -1,
};

static const struct opt options[] = {
	OPTION_WORDS('s', "since", &set.since, "FROM", "earliest|latest",
		"ID, earliest, latest, last:N, 10m, a time, @FILE"),
	OPTION_INT('n', "count", &set.count, "N", "stop after N messages", 1, INT64_MAX),
	OPTION('e', "until-end", OPT_FLAG, &set.until_end, NULL, "stop after what there is now"),
	OPTION('m', "meta", OPT_FLAG, &set.meta, NULL, "with _id, _room, _ts, and control lines"),
	OPTION_WORDS('f', "format", &set.format, "FORMAT", "json|table",
		"json, or a template: '{user_id}: {text}'"),
	OPTION_FILE('o', "output", &set.output, "instead of stdout; {room} in it: one each"),
	OPTION(0, "raw", OPT_FLAG, &set.raw, NULL, "payload bytes, nothing else"),
	OPTION('0', "null", OPT_FLAG, &set.nul, NULL, "NUL instead of a line end"),
	OPTION_WORDS(0, "events", &set.events, "LIST", "join|leave|typing",
		"also join,leave,typing"),
	OPTION('L', "rooms", OPT_FLAG, &set.rooms, NULL, "list rooms (of a pattern) instead"),
	OPTION_FILE(0, "cursor-file", &set.cursor_file, "go on where the last run ended"),
	OPTION(0, "no-gap", OPT_FLAG, &set.no_gap, NULL, "exit 7 when history is gone"),
	OPTION('x', "exec", OPT_STRING, &set.exec, "CMD", "run CMD for each, the message on stdin"),
	OPTION_INT('j', "jobs", &set.jobs, "N",
		"commands at a time; a room stays in order", 1, 1024),
	OPTION(0, "unordered", OPT_FLAG, &set.unordered, NULL, "also within a room"),
	OPTION_ROOM("publish", &set.publish, "publish CMD's lines to ROOM"),
	OPTION_INT(0, "max-deliver", &set.max_deliver, "N", "tries of a message (3)", 1, 1000000),
	OPTION_ROOM("dead-letter", &set.dead_letter, "where messages go that were used up"),
	OPTION(0, "nak-delay", OPT_DURATION, &set.nak_delay_ms, NULL, NULL),
	OPTION(0, "exec-timeout", OPT_DURATION, &set.exec_timeout_ms, NULL, "of one command (5m)"),
	OPTION(0, "user", OPT_STRING, &set.user, "ID", NULL),
	OPTION(0, "buffer", OPT_SIZE, &set.buffer, NULL, NULL),
	OPTION(0, "max-message", OPT_SIZE, &set.max_message, NULL, NULL),
	OPTION(0, "durable", OPT_STRING, &set.durable, "NAME", NULL),
	OPTION(0, "ack-wait", OPT_DURATION, &set.ack_wait_ms, NULL, NULL),
	OPTION_INT(0, "batch", &set.batch, "N", NULL, 1, 10000),
	CONNECT_OPTIONS(cmd),
	CMD_OPTIONS(cmd),
};

static const struct opt_program program = {
	.name = "rt-sub",
	.purpose = "print what is published to rooms, or run a command for each message",
	.usage = (const char *const[]){ "[options] ROOM...", "-L [options] [PATTERN]", NULL },
	.examples = (const char *const[]){
		"rt-sub lobby",
		"rt-sub -s 10m -f '{user_id}: {text}' 'chat.>'",
		"rt-sub --cursor-file done -x ./send-mail jobs",
		NULL },
	.opts = options,
	.complete = "room",
	.hints = (const char *const[]){
		"t", "rooms are operands: rt-sub lobby",
		"topic", "rooms are operands: rt-sub lobby",
		"b", "the server is --url: -u ws://HOST:PORT", "p", "the port is part of --url",
		"C", "a count is -n", "c", "a count is -n", "W", "a deadline is -w", NULL },
};

/* --- what the options mean together --------------------------------------------------------- */

static void check_format(void)
{
	if (!set.format || strchr(set.format, '{') || strcmp(set.format, "json") == 0)
		return;
	if (set.rooms && strcmp(set.format, "table") == 0)
		return;
	if (strcmp(set.format, "msgpack") == 0 || strcmp(set.format, "protobuf") == 0)
		cmd_usage(&cmd, "format '%s' is not built in (json and templates are)", set.format);
	cmd_usage(&cmd,
		"format '%s' is neither json nor a template ('{user_id}: {text}')", set.format);
}

static void check_exec(void)
{
	if (set.durable || set.ack_wait_ms >= 0 || set.batch)
		cmd_usage(&cmd,
			"--durable needs a bus with groups (redis+stream, jetstream, kafka); "
			"none is built in");
	if (set.exec && (set.meta || set.raw || set.nul || set.format))
		cmd_usage(&cmd, "with -x the command prints: no -m, -f, --raw, -0");
	if (set.exec && set.output && strchr(set.output, '{'))
		cmd_usage(&cmd, "with -x the output is one stream: no {room} in -o");
	if (!set.exec && (set.publish || set.dead_letter))
		cmd_usage(&cmd,
			"%s belongs to a command (-x)",
			set.publish ? "--publish" : "--dead-letter");
}

static struct print read_print(bool several)
{
	bool terminal = !set.output && isatty(STDOUT_FILENO);
	struct print p = {
		.meta = set.meta,
		.raw = set.raw,
		.nul = set.nul,
		.terminal = terminal,
		.color = tty_color(STDOUT_FILENO, (enum tty_color)cmd.color),
		.show_room = terminal && several && !set.meta,
	};
	struct err e = { 0 };

	if (print_events_parse(set.events, &p.events) != 0)
		cmd_usage(&cmd, "option '--events' takes join, leave and typing, with commas");
	if (set.format && strchr(set.format, '{') &&
			!(p.format = template_new(set.format, &e)))
		cmd_bad_setting(&cmd, &e);
	return p;
}

static void free_print(struct print *p)
{
	template_free(p->format);
	print_fini(p);
}

/* --- -L -------------------------------------------------------------------------------------- */

static int list_rooms(struct client_conf *client, int n, char **operands)
{
	struct print p = read_print(false);
	bool table = set.format ? strcmp(set.format, "table") == 0 : p.terminal;
	struct buf out = { 0 };
	struct err e = { 0 };
	int rc;

	if (n > 1)
		cmd_usage(&cmd, "-L takes one pattern");
	if (n == 1 && !*operands[0])
		cmd_usage(&cmd, "pattern '' is empty (without one, all rooms: rt-sub -L)");
	if (cmd.timeout_ms >= 0)
		client->retry_first_ms = cmd.timeout_ms;
	rc = listing_rooms(&cmd.loop, client, n ? operands[0] : NULL, &p, table, &out, &e);
	if (rc == ERR_USAGE || rc == ERR_UNSUPPORTED)
		cmd_bad_setting(&cmd, &e);
	if (out.n)
		fwrite(out.p, 1, out.n, stdout);
	buf_fini(&out);
	free_print(&p);
	return rc ? cmd_fail(&e) : EXIT_DONE;
}

/* --- the run --------------------------------------------------------------------------------- */

static struct sub_run *sub;
static int status;

static void on_ended(void *arg, const struct sub_run_end *end)
{
	(void)arg;
	if (end->code == ERR_CLOSED)
		cmd_end_quietly(&cmd);
	else
		status = end->gap ? EXIT_GAP : end->code ? cmd_status(end->code) :
			end->partial ? EXIT_NEGATIVE : EXIT_DONE;
	uv_stop(&cmd.loop);
}

static void on_stop(void *arg, int nth)
{
	(void)arg;
	if (nth == 1)
		sub_run_stop(sub);
	else
		sub_run_terminate(sub);
}

static void on_hang_up(void *arg)
{
	(void)arg;
	sub_run_reopen(sub);
}

static struct sub_run_conf read_conf(int n, char **rooms)
{
	bool raw = cmd.profile == PROFILE_RAW;

	if (raw && n > 0)
		cmd_usage(&cmd, "no rooms with --profile raw: the URL says what to read");
	if (raw && (set.since || set.until_end || set.cursor_file))
		cmd_usage(&cmd, "--profile raw knows no positions: no -s, -e, --cursor-file");
	if (!raw && n == 0)
		cmd_usage(&cmd, "which room? rt-sub lobby");
	for (int i = 0; i < n; i++)
		if (!*rooms[i])
			cmd_usage(&cmd, "room '' is empty (rooms are operands: rt-sub -e lobby)");
	return (struct sub_run_conf){
		.print = read_print(n > 1 || (n == 1 && strpbrk(rooms[0], "*>"))),
		.output = { .path = set.output, .buffer = set.buffer },
		.exec = {
			.command = set.exec,
			.jobs = (unsigned)set.jobs,
			.max_deliver = (unsigned)set.max_deliver,
			.timeout_ms = set.exec_timeout_ms,
			.nak_delay_ms = set.nak_delay_ms,
			.buffer = set.buffer,
			.unordered = set.unordered,
			.publish = set.publish,
			.dead_letter = set.dead_letter,
		},
		.rooms = (const char *const *)rooms,
		.n_rooms = n,
		.since = set.since,
		.cursor_file = set.cursor_file,
		.count = (uint64_t)set.count,
		.until_end = set.until_end,
		.no_gap = set.no_gap,
		.timeout_ms = cmd.timeout_ms,
		.for_ms = cmd.for_ms,
	};
}

int main(int argc, char **argv)
{
	struct client_conf client = { .window = 1024 };
	struct sub_run_conf conf;
	struct err e = { 0 };
	int n = cmd_start(&cmd, &program, argc, argv);

	check_format();
	check_exec();
	connect_conf(&cmd, &client);
	client.user = set.user;
	client.max_message = set.max_message + 4096;
	if (set.rooms)
		cmd_exit(&cmd, list_rooms(&client, n, argv + 1));
	conf = read_conf(n, argv + 1);
	conf.client = client;
	sub = sub_run_new(&cmd.loop, &conf, on_ended, NULL, &e);
	if (!sub)
		cmd_bad_setting(&cmd, &e);
	cmd_signals(&cmd, on_stop, on_hang_up, NULL);
	sub_run_start(sub);
	uv_run(&cmd.loop, UV_RUN_DEFAULT);
	if (sub_run_free(sub, &e) != 0)
		status = cmd_fail(&e);
	free_print(&conf.print);
	cmd_exit(&cmd, status);
}
