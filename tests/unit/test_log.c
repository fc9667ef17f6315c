#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "child.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

static struct child c;

static int lines(void)
{
	int n = 0;

	for (size_t i = 0; i < c.n; i++)
		n += c.out[i] == '\n';
	return n;
}

static bool has(const char *text)
{
	return strstr(c.out, text) != NULL;
}

static void before_init(void *arg)
{
	(void)arg;
	log_warn("early");
	log_note("not shown");
	log_info("not shown");
}

static void text(void *arg)
{
	(void)arg;
	log_init("rt-serve", LOG_LEVEL_INFO, false);
	log_error("cannot open '%s'", "a\nb\x1b[2J\xff\xe2\x80\xae");
	log_warn("w %d", 1);
	log_note("n");
	log_info("i");
	log_debug("hidden");
	log_record(LOG_LEVEL_INFO, STR("{\"a\":\n1}"));
	log_record(LOG_LEVEL_DEBUG, STR("{}"));
}

static void json(void *arg)
{
	(void)arg;
	log_init("rt-serve", LOG_LEVEL_DEBUG, true);
	log_warn("say \"%s\"", "x\n\xff");
	log_debug("d");
	log_record(LOG_LEVEL_INFO, STR("{\"a\":\r\n\t1}"));
}

/* Begins at the start of a second, so that the burst lies in one. */
static void burst(void *arg)
{
	bool *as_json = arg;
	int64_t start;

	log_init("rt", LOG_LEVEL_ERROR, *as_json);
	for (start = clock_ms() / 1000; clock_ms() / 1000 == start;)
		;
	for (int i = 0; i < 1000; i++)
		log_error("line %d", i);
	for (start = clock_ms() / 1000; clock_ms() / 1000 == start;)
		;
	log_record(LOG_LEVEL_ERROR, STR("{}"));
	log_error("after");
	log_error("last");
}

static void long_line(void *arg)
{
	struct buf b = { 0 };

	(void)arg;
	memset(buf_reserve(&b, 50000), 'x', 50000);
	b.n = 50000;
	log_error("%s", buf_cstr(&b));
	buf_fini(&b);
	log_error("short");
}

static void keeps_errno(void *arg)
{
	(void)arg;
	close(STDERR_FILENO);
	errno = ENOTTY;
	log_error("to nobody");
	_exit(errno == ENOTTY ? 0 : 1);
}

/* A full pipe that does not block must not hang. */
static void full_pipe(void *arg)
{
	int p[2];

	(void)arg;
	if (pipe(p) < 0 || fcntl(p[1], F_SETFL, O_NONBLOCK) < 0)
		_exit(9);
	dup2(p[1], STDERR_FILENO);
	for (int i = 0; i < 50; i++)
		log_error("%4000d", i);
}

int main(void)
{
	bool as_json;

	child_run(&c, STDERR_FILENO, before_init, NULL);
	is_text(c.out, c.n, "rt: warning: early\n", "before log_init: warnings, as text");
	child_run(&c, STDERR_FILENO, text, NULL);
	is_text(c.out, c.n,
		"rt-serve: cannot open 'a\\x0ab\\x1b[2J\\xff\\u202e'\n"
		"rt-serve: warning: w 1\nrt-serve: n\nrt-serve: info: i\nrt-serve: {\"a\":\\x0a1}\n",
		"text");
	child_run(&c, STDERR_FILENO, json, NULL);
	is_int(lines(), 3, "JSON: a line each");
	ok(has("\"level\":\"warning\",\"msg\":\"say \\\"x\\n\xef\xbf\xbd\\\"\"}\n"), "escaped");
	ok(strncmp(c.out, "{\"ts\":\"20", 9) == 0, "begins with the time");
	ok(has("\n{\"a\":   1}\n"), "a record as it is, on one line");
	for (as_json = false;; as_json = true) {
		child_run(&c, STDERR_FILENO, burst, &as_json);
		is_int(lines(), 103, "at most 100 lines a second");
		ok(has(as_json ? "\"msg\":\"line 99\"" : "rt: line 99\n") && !has("line 100"),
			"the first hundred");
		ok(has(as_json ? "\"msg\":\"after\",\"left_out\":900}"
			       : "rt: after (900 lines left out before this one)\n"),
			"what was left out is counted");
		ok(has(as_json ? "\"msg\":\"last\"}" : "rt: last\n"), "once");
		ok(has(as_json ? "\n{}\n" : "rt: {}\n"), "a ready record stays as it is");
		if (as_json)
			break;
	}
	child_run(&c, STDERR_FILENO, long_line, NULL);
	ok(lines() == 2 && c.n == 50000 + 5 + 10, "a long line is whole");
	child_run(&c, STDOUT_FILENO, keeps_errno, NULL);
	is_int(c.status, 0, "errno survives a failed write");
	alarm(20);
	child_run(&c, STDOUT_FILENO, full_pipe, NULL);
	is_int(c.status, 0, "a full pipe does not hang");
	return tap_done();
}
