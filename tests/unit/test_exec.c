/* Commands for messages: what their ends mean, order, retries, publishing, limits. The client is played here. */
#include "client/exec.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sig.h"
#include "tap.h"

#include <stdlib.h>
#include <unistd.h>

static uv_loop_t loop;
static struct exec *x;
static struct buf out, done, sent;
static int broken_code;
static bool stopped_idle;

/* --- the client ----------------------------------------------------------------------------- */

static uint64_t tags[64];
static int n_tags, window = 64;

int client_publish(struct client *c, struct str room, struct str text, struct str dedup, uint64_t tag)
{
	(void)c;
	if (n_tags == window)
		return ERR_BUSY;
	buf_addf(&sent, STR_FMT " " STR_FMT " %zu\n", STR_ARG(room), STR_ARG(text), dedup.n);
	tags[n_tags++] = tag;
	return 0;
}

static void acknowledge_all(enum client_outcome what)
{
	int n = n_tags;

	n_tags = 0;
	for (int i = 0; i < n; i++)
		exec_on_outcome(x, tags[i], what, STR("no"));
}

/* --- the run -------------------------------------------------------------------------------- */

static void on_output(void *arg, struct str bytes)
{
	(void)arg;
	buf_add_str(&out, bytes);
}

static void on_finished(void *arg, struct str room, struct str id)
{
	(void)arg;
	(void)room;
	buf_add_str(&done, id);
	buf_add_char(&done, ' ');
}

static void on_full(void *arg, bool full)
{
	(void)arg;
	(void)full;
}

static void on_idle(void *arg)
{
	(void)arg;
	stopped_idle = true;
}

static void on_broken(void *arg, const struct err *e)
{
	(void)arg;
	broken_code = e->code;
}

static const struct exec_events events = { on_output, on_finished, on_full, on_idle, on_broken };

static struct exec_conf conf;

static void begin(const char *command)
{
	struct err e = { 0 };

	out.n = done.n = sent.n = 0;
	n_tags = broken_code = 0;
	conf.command = command;
	x = exec_new(&loop, &conf, &events, NULL, &e);
	stopped_idle = false;
}

static void add(const char *room, const char *id, const char *payload)
{
	struct client_msg m = {
		.room = str_of(room),
		.id = str_of(id),
		.ts_ms = 1700000000123,
		.text = str_of(payload),
		.payload = str_of(payload),
		.type = STR("job"),
	};

	exec_add(x, &m, m.payload);
}

/* Until nothing runs; with `acks`, whatever is published is acknowledged at once. */
static void run(bool acks)
{
	while (!exec_is_idle(x)) {
		uv_run(&loop, UV_RUN_ONCE);
		if (acks && n_tags > 0) {
			acknowledge_all(CLIENT_ACKED);
			exec_on_window(x);
		}
	}
}

static void end(void)
{
	exec_free(x);
	uv_run(&loop, UV_RUN_DEFAULT);
}

static void defaults(void)
{
	conf = (struct exec_conf){
		.jobs = 1,
		.max_deliver = 3,
		.timeout_ms = 60000,
		.nak_delay_ms = 1,
		.buffer = 1 << 20,
	};
}

/* --- tests ---------------------------------------------------------------------------------- */

static void test_verdict(void)
{
	is_int(exec_verdict(0, 0), EXEC_ACK, "0 acknowledges");
	is_int(exec_verdict(65, 0), EXEC_DEAD, "65 is a dead letter");
	is_int(exec_verdict(75, 0), EXEC_LATER, "75 tries later");
	is_int(exec_verdict(126, 0), EXEC_BROKEN, "126 is the command's own fault");
	is_int(exec_verdict(127, 0), EXEC_BROKEN, "so is 127");
	is_int(exec_verdict(255, 0), EXEC_BROKEN, "and 255");
	is_int(exec_verdict(1, 0), EXEC_AGAIN, "anything else tries again");
	is_int(exec_verdict(0, 9), EXEC_AGAIN, "a signal too");
}

static void test_plain(void)
{
	defaults();
	begin("cat; echo $RT_ROOM $RT_ID $RT_TYPE $RT_TS $RT_ATTEMPT");
	add("r", "9-1", "{\"a\":1}");
	run(false);
	is_text(out.p, out.n, "{\"a\":1}\nr 9-1 job 1700000000123 1\n", "input, environment, output");
	is_text(done.p, done.n, "9-1 ", "it is finished");
	ok(stopped_idle, "then it is idle");
	end();

	begin("true");
	add("r", "1", "{}");
	run(false);
	is_text(done.p, done.n, "1 ", "a command need not read");
	end();

	begin("(while [ ! -e go ]; do sleep 0.01; done) & cat /dev/stdin");
	add("r", "1", "{}");
	run(false);
	is_text(out.p, out.n, "{}\n", "a command may leave something behind that holds its stdout");
	fclose(fopen("go", "w"));
	end();
}

static void test_retries(void)
{
	defaults();
	unlink("go");
	begin("echo $RT_ATTEMPT; test $RT_ATTEMPT = 3");
	add("r", "1", "{}");
	add("r", "2", "{}");
	run(false);
	is_text(out.p, out.n, "1\n2\n3\n1\n2\n3\n", "tried again in place, in order");
	is_text(done.p, done.n, "1 2 ", "and finished");
	is_int(exec_lost(x), 0, "nothing is lost");
	end();

	begin("kill -9 $$");
	add("r", "1", "{}");
	run(false);
	is_text(done.p, done.n, "1 ", "used up counts as finished");
	is_int(exec_lost(x), 1, "and as lost, without a dead-letter room");
	end();

	conf.dead_letter = "dead";
	begin("exit 65");
	add("r", "1", "{\"a\":1}");
	run(true);
	is_text(sent.p, sent.n, "dead {\"_from\":\"r\",\"_reason\":\"exit status 65\",\"_attempt\":1,\"a\":1} 32\n",
		"65 goes to the dead letters at once");
	is_int(exec_lost(x), 0, "and is not lost");
	end();

	begin("exit 75");
	add("r", "1", "{\"a\":1}");
	run(true);
	is_text(sent.p, sent.n,
		"dead {\"_from\":\"r\",\"_reason\":\"exit status 75, 3 attempts\",\"_attempt\":3,\"a\":1} 32\n",
		"what was used up does too");
	end();
}

static void test_broken(void)
{
	defaults();
	begin("no-such-command-anywhere 2>/dev/null");
	add("r", "1", "{}");
	add("r", "2", "{}");
	run(false);
	is_int(broken_code, ERR_IO, "a typo stops it");
	is_int(done.n, 0, "with its message unfinished");
	end();
}

static void test_timeout(void)
{
	defaults();
	conf.timeout_ms = 50;
	conf.max_deliver = 2;
	begin("echo $RT_ATTEMPT; sleep 60 | cat");
	add("r", "1", "{}");
	run(false);
	is_text(out.p, out.n, "1\n2\n", "a command that takes too long is ended, all of it, and tried again");
	is_int(exec_lost(x), 1, "then given up");
	end();
}

/* Two rooms at once, each in order: the first of `a` waits for a message of `b` that is behind another of `a`. */
static void test_order(void)
{
	defaults();
	conf.jobs = 4;
	begin("if [ $RT_ID = 1 ]; then while [ ! -e go ]; do sleep 0.01; done; fi; "
	      "[ $RT_ID = 3 ] && touch go; echo begin $RT_ID; echo end $RT_ID");
	add("a", "1", "{}");
	add("a", "2", "{}");
	add("b", "3", "{}");
	run(false);
	is_text(done.p, done.n, "1 2 3 ", "finished is told in unbroken order");
	/* Once 3 has begun it is chance which of 3 and 1 ends first. */
	ok(strcmp(buf_cstr(&out), "begin 3\nend 3\nbegin 1\nend 1\nbegin 2\nend 2\n") == 0 ||
			strcmp(buf_cstr(&out), "begin 1\nend 1\nbegin 3\nend 3\nbegin 2\nend 2\n") == 0 ||
			strcmp(buf_cstr(&out), "begin 1\nend 1\nbegin 2\nend 2\nbegin 3\nend 3\n") == 0,
		"rooms run side by side, one room in order, output whole");
	end();
	unlink("go");
}

static void test_publish(void)
{
	defaults();
	conf.publish = "results";
	window = 2;
	begin("[ $RT_ATTEMPT = 1 ] && echo '{\"lost\":1}' && exit 1; "
	      "echo '{\"_room\":\"x\",\"n\":1}'; echo; echo '{\"n\":2}'; echo '{\"n\":3}'");
	add("r", "1", "{}");
	while (n_tags < 2)
		uv_run(&loop, UV_RUN_ONCE);
	is_int(done.n, 0, "not finished before the acknowledgements");
	run(true);
	is_text(sent.p, sent.n, "results {\"n\":1} 32\nresults {\"n\":2} 32\nresults {\"n\":3} 32\n",
		"lines of the attempt that succeeded");
	is_text(done.p, done.n, "1 ", "then it is");
	end();

	begin("echo nonsense; echo '{\"n\":1}'");
	add("r", "1", "{}");
	run(true);
	is_int(exec_lost(x), 1, "a bad line is counted");
	is_text(sent.p, sent.n, "results {\"n\":1} 32\n", "and the others go");
	end();
	window = 64;
}

static void test_stop(void)
{
	defaults();
	begin("while [ ! -e go ]; do sleep 0.01; done; echo $RT_ID");
	add("r", "1", "{}");
	add("r", "2", "{}");
	uv_run(&loop, UV_RUN_NOWAIT);
	exec_stop(x);
	ok(!exec_is_idle(x), "what runs goes on");
	fclose(fopen("go", "w"));
	run(false);
	is_text(done.p, done.n, "1 ", "and counts; nothing else is begun");
	end();
	unlink("go");
}

int main(void)
{
	char dir[] = "/tmp/test_exec.XXXXXX";

	if (!mkdtemp(dir) || chdir(dir) != 0)
		return 1;
	log_init("test", LOG_LEVEL_ERROR, false);
	if (!freopen("/dev/null", "w", stderr))
		return 1;
	sig_ignore_pipe();
	uv_loop_init(&loop);
	test_verdict();
	test_plain();
	test_retries();
	test_broken();
	test_timeout();
	test_order();
	test_publish();
	test_stop();
	is_int(uv_loop_close(&loop), 0, "nothing is left in the loop");
	buf_fini(&out);
	buf_fini(&done);
	buf_fini(&sent);
	if (chdir("/") != 0 || rmdir(dir) != 0)
		return 1;
	return tap_done();
}
