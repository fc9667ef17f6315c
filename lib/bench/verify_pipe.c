/* verify_pipe.c - reads, cuts into lines, and complains about those that are none */
#include "bench/verify_pipe.h"

#include "base/log.h"
#include "client/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#define READ_BYTES     (256 << 10)
#define LINE_MAX_BYTES ((1 << 20) + 4096) /* a message, and its metadata */
#define COMPLAINTS     20                 /* bad lines named; the rest is counted */

static void end(struct verify_pipe *p)
{
	if (p->watch)
		watch_want(p->watch, 0);
	uv_idle_stop(&p->idle);
	p->ended(p->arg);
}

static void bad_line(struct verify_pipe *p, const char *why)
{
	if (p->n_bad++ < COMPLAINTS)
		log_error("line %" PRIu64 ": %s", p->line.number, why);
	if (p->strict)
		err_set(&p->err, ERR_INVALID, "line %" PRIu64 ": %s", p->line.number, why);
}

static void judge_lines(struct verify_pipe *p, bool eof)
{
	enum line_result r;
	struct err e = { 0 };
	struct str text;

	while (!p->err.code && (r = line_next(&p->line, eof, &text)) != LINE_NONE) {
		if (r == LINE_TOO_LONG)
			bad_line(p, "too long");
		else if (verify_line(p->verify, text, &e) < 0)
			bad_line(p, e.text);
	}
}

static void read_some(struct verify_pipe *p)
{
	size_t room;
	char *to = line_space(&p->line, READ_BYTES, &room);
	ssize_t n = read(STDIN_FILENO, to, room);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		err_set(&p->err, ERR_IO, "cannot read stdin:");
	} else {
		line_filled(&p->line, (size_t)n);
		judge_lines(p, n == 0);
	}
	if (n <= 0 || p->err.code)
		end(p);
}

static void on_ready(void *arg, unsigned events)
{
	(void)events;
	read_some(arg);
}

static void on_idle(uv_idle_t *idle)
{
	read_some(idle->data);
}

void verify_pipe_open(struct verify_pipe *p)
{
	line_init(&p->line, LINE_MAX_BYTES);
	uv_idle_init(p->loop, &p->idle);
	p->idle.data = p;
	p->watch = watch_new(p->loop, STDIN_FILENO, on_ready, p);
	if (p->watch)
		watch_want(p->watch, WATCH_READ);
	else
		uv_idle_start(&p->idle, on_idle);
}

void verify_pipe_close(struct verify_pipe *p)
{
	watch_free(p->watch);
	uv_close((uv_handle_t *)&p->idle, NULL);
	line_fini(&p->line);
}
