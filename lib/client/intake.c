/* intake.c - the pump between stdin and the client
 *
 *   descriptor -> line -> compose -> [held] -> client_publish -> ... -> outcome -> order -> cursor
 *
 * One composed message is held while the window is full or its time has not come; nothing is read
 * meanwhile. `pump` is the only place that moves lines; everything that may unblock it (bytes, a
 * timer, the window) ends in a call of it. */
#include "client/intake.h"

#include "base/clock.h"
#include "base/line.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/bookmark.h"
#include "client/order.h"
#include "client/watch.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define BLOCK_BYTES (128 << 10)
#define QUIET_MS    200 /* silence after which a source position counts as whole */

struct intake {
	struct intake_conf conf;
	struct intake_events ev;
	void *arg;
	uv_loop_t *loop;
	struct intake_stats stats;

	struct line line;
	struct watch *watch; /* NULL: the descriptor is always ready, `idle` reads it */
	uv_idle_t idle;
	bool reading, eof, stopped, finished;
	struct err failure; /* code 0: none; told once what was sent has its outcome */
	int next_operand;

	struct composed held;
	bool holding;
	uint64_t number;     /* of the line held or sent last */
	int64_t due_us;      /* of the message held */
	int64_t next_us;     /* under `rate`: no earlier */
	int64_t first_ts, first_us; /* under `pace` */
	uv_timer_t due;

	struct bookmark *bookmark; /* NULL: none of the next two is used */
	struct order order;
	uv_timer_t quiet;

	int n_handles; /* not closed yet */
};

static void pump(struct intake *f);

static void finish(struct intake *f, const struct err *e)
{
	if (f->finished)
		return;
	f->finished = f->stopped = true;
	f->ev.done(f->arg, e);
}

uint64_t intake_unacked(const struct intake *f)
{
	return f->stats.published - f->stats.acked - f->stats.duplicates - f->stats.refused;
}

const struct intake_stats *intake_stats(const struct intake *f)
{
	return &f->stats;
}

/* --- positions ------------------------------------------------------------------------------ */

static void advance(struct intake *f)
{
	struct str room, id;

	while (f->bookmark && order_take(&f->order, &room, &id)) {
		if (room.n > 0 && id.n > 0)
			bookmark_set(f->bookmark, room, id);
	}
}

/* Is there really nothing to read? After a pause of this process the timer fires before the
 * pipe is looked at. */
static bool input_waits(const struct intake *f)
{
	struct pollfd p = { .fd = f->conf.fd, .events = POLLIN };

	return f->conf.fd >= 0 && !f->eof && poll(&p, 1, 0) > 0;
}

static void on_quiet(uv_timer_t *timer)
{
	struct intake *f = timer->data;

	if (f->holding || f->stopped || input_waits(f)) {
		uv_timer_start(timer, on_quiet, QUIET_MS, 0);
		return;
	}
	order_quiet(&f->order);
	advance(f);
}

static void settle(struct intake *f, uint64_t number)
{
	if (!f->bookmark)
		return;
	order_done(&f->order, number);
	advance(f);
}

static void check_finished(struct intake *f)
{
	bool all_read = f->stopped || (f->eof && !f->holding);

	if (f->finished || !all_read)
		return;
	client_flush(f->conf.client);
	if (intake_unacked(f) > 0)
		return;
	if (f->bookmark && !f->stopped) {
		order_quiet(&f->order);
		advance(f);
	}
	finish(f, f->failure.code ? &f->failure : NULL);
}

/* --- lines ---------------------------------------------------------------------------------- */

static void complain(struct intake *f, const char *sentence)
{
	log_error("line %llu: %s", (unsigned long long)f->number, sentence);
}

/* Under --strict: what went out before the line still gets its outcome. */
static void stop_at(struct intake *f, const char *what)
{
	if (f->conf.strict && !f->failure.code)
		err_set(&f->failure, ERR_INVALID, "stopped at the first %s line (--strict)", what);
	f->stopped |= f->conf.strict;
}

static void bad_line(struct intake *f, const char *sentence)
{
	f->stats.bad++;
	complain(f, sentence);
	stop_at(f, "bad");
}

/* Cuts the next line off the input. False when there is none for now. */
static bool next_line(struct intake *f, struct str *line)
{
	enum line_result r;
	struct buf *all = &f->line.buf;

	if (f->conf.fd < 0) {
		if (f->next_operand == f->conf.n_operands) {
			f->eof = true;
			return false;
		}
		*line = str_of(f->conf.operands[f->next_operand++]);
		f->number = (uint64_t)f->next_operand;
		return true;
	}
	if (f->conf.one) {
		if (!f->eof || f->number > 0)
			return false;
		f->number = 1;
		*line = all->n ? buf_str(all) : STR("");
		return true;
	}
	while ((r = line_next(&f->line, f->eof, line)) == LINE_TOO_LONG && !f->stopped) {
		f->number = f->line.number;
		bad_line(f, "too long (--max-message)");
	}
	f->number = f->line.number;
	return r == LINE_OK && !f->stopped;
}

static int64_t when_due(struct intake *f)
{
	int64_t due = f->conf.rate > 0 ? f->next_us : 0, ts = f->held.ts_ms, at;

	if (f->conf.pace <= 0 || ts < 0)
		return due;
	if (f->first_us == 0) {
		f->first_us = clock_us();
		f->first_ts = ts;
	}
	at = f->first_us + (int64_t)((double)(ts - f->first_ts) * 1000 / f->conf.pace);
	return at > due ? at : due;
}

/* Composes a line into `held`, or counts it as one not to send. */
static void hold(struct intake *f, struct str line)
{
	struct err e = { 0 };
	enum compose_result r = compose_line(f->conf.compose, line, &f->held, &e);

	if (f->bookmark) {
		order_add(&f->order, f->number, f->held.source_room, f->held.source_id);
		uv_timer_start(&f->quiet, on_quiet, QUIET_MS, 0);
	}
	if (r == COMPOSE_OK) {
		f->stats.repaired += f->held.repaired;
		f->holding = true;
		f->due_us = when_due(f);
		return;
	}
	if (r == COMPOSE_BAD) {
		bad_line(f, e.text);
	} else {
		f->stats.control++;
		f->stats.gaps += r == COMPOSE_GAP;
		if (r == COMPOSE_GAP)
			complain(f, e.text);
	}
	settle(f, f->number);
}

static void on_due(uv_timer_t *timer)
{
	pump(timer->data);
}

/* True when the message held may go now; else the timer is set. */
static bool is_due(struct intake *f)
{
	int64_t now, wait;

	if (f->due_us == 0)
		return true;
	now = clock_us();
	wait = (f->due_us - now + 999) / 1000;
	if (wait <= 0)
		return true;
	uv_timer_start(&f->due, on_due, (uint64_t)wait, 0);
	return false;
}

static void next_slot(struct intake *f)
{
	int64_t now = clock_us(), latest = now - 100000; /* at most 100 ms are made up for */

	f->next_us = (f->next_us > latest ? f->next_us : f->next_us ? latest : now) +
		(int64_t)(1e6 / f->conf.rate);
}

/* Hands the held message to the client. False when it must wait. */
static bool send_held(struct intake *f)
{
	const struct composed *m = &f->held;
	int rc;

	if (!is_due(f))
		return false;
	rc = client_publish(f->conf.client, m->room, m->text, m->dedup, f->number);
	if ((rc == ERR_BUSY && !f->conf.drop) || rc == ERR_CLOSED)
		return false;
	f->holding = false;
	if (rc != 0) {
		if (rc == ERR_BUSY)
			f->stats.dropped++;
		else
			bad_line(f, rc == ERR_TOO_LARGE ? "too large (--max-message)"
							: "not a message");
		settle(f, f->number);
		return true;
	}
	f->stats.published++;
	if (f->conf.rate > 0)
		next_slot(f);
	if (f->stats.published == f->conf.count)
		intake_stop(f);
	return true;
}

/* --- reading -------------------------------------------------------------------------------- */

static void read_block(struct intake *f)
{
	size_t room;
	char *space = line_space(&f->line, BLOCK_BYTES, &room);
	ssize_t n = read(f->conf.fd, space, room);
	struct err e;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		err_set(&e, ERR_IO, "cannot read stdin:");
		finish(f, &e);
		return;
	}
	f->eof = n == 0;
	line_filled(&f->line, (size_t)n);
	if (f->conf.one && f->line.buf.n > f->conf.max_line) {
		f->number = 1;
		f->eof = true;
		bad_line(f, "too large (--max-message)");
	}
}

static void on_idle(uv_idle_t *idle)
{
	struct intake *f = idle->data;

	read_block(f);
	pump(f);
}

static void on_readable(void *arg, unsigned events)
{
	(void)events; /* after a hang-up a read says what there is to say */
	read_block(arg);
	pump(arg);
}

static void want_input(struct intake *f, bool want)
{
	if (want == f->reading || f->conf.fd < 0)
		return;
	f->reading = want;
	if (f->watch)
		watch_want(f->watch, want ? WATCH_READ : 0);
	else if (want)
		uv_idle_start(&f->idle, on_idle);
	else
		uv_idle_stop(&f->idle);
}

static void pump(struct intake *f)
{
	struct str line;

	while (!f->stopped) {
		if (f->holding) {
			if (!send_held(f))
				break;
		} else if (next_line(f, &line)) {
			hold(f, line);
		} else {
			break;
		}
	}
	want_input(f, !f->stopped && !f->holding && !f->eof);
	check_finished(f);
}

/* --- from outside --------------------------------------------------------------------------- */

void intake_on_outcome(struct intake *f, uint64_t tag, enum client_outcome what, struct str id,
	struct str reason)
{
	f->stats.acked += what == CLIENT_ACKED;
	f->stats.duplicates += what == CLIENT_DUPLICATE;
	f->stats.refused += what == CLIENT_REFUSED;
	if (f->ev.outcome)
		f->ev.outcome(f->arg, tag, what, id, reason);
	settle(f, tag);
	if (what == CLIENT_REFUSED)
		stop_at(f, "refused");
	if (f->stopped)
		want_input(f, false);
	check_finished(f);
}

void intake_on_window(struct intake *f)
{
	if (f->holding)
		pump(f);
}

void intake_stop(struct intake *f)
{
	f->stopped = true;
	f->holding = false;
	want_input(f, false);
	check_finished(f);
}

void intake_start(struct intake *f)
{
	pump(f);
}

static void on_cursor_failed(void *arg, const struct err *e)
{
	finish(arg, e);
}

struct intake *intake_new(uv_loop_t *loop, const struct intake_conf *conf,
	const struct intake_events *events, void *arg, struct err *e)
{
	struct intake *f = mem_new(struct intake);

	f->conf = *conf;
	f->ev = *events;
	f->arg = arg;
	f->loop = loop;
	line_init(&f->line, conf->max_line);
	order_init(&f->order, true);
	if (conf->cursor_file) {
		f->bookmark = bookmark_open(loop, conf->cursor_file, on_cursor_failed, f, e);
		if (!f->bookmark) {
			mem_free(f);
			return NULL;
		}
	}
	f->n_handles = 3;
	uv_idle_init(loop, &f->idle);
	uv_timer_init(loop, &f->due);
	uv_timer_init(loop, &f->quiet);
	f->idle.data = f->due.data = f->quiet.data = f;
	if (conf->fd >= 0)
		f->watch = watch_new(loop, conf->fd, on_readable, f);
	return f;
}

static void on_closed(uv_handle_t *handle)
{
	struct intake *f = handle->data;

	if (--f->n_handles > 0)
		return;
	line_fini(&f->line);
	order_fini(&f->order);
	mem_free(f);
}

int intake_close(struct intake *f, struct err *e)
{
	int rc;

	if (!f)
		return 0;
	f->finished = f->stopped = true;
	rc = bookmark_close(f->bookmark, e);
	f->bookmark = NULL;
	watch_free(f->watch);
	uv_close((uv_handle_t *)&f->idle, on_closed);
	uv_close((uv_handle_t *)&f->due, on_closed);
	uv_close((uv_handle_t *)&f->quiet, on_closed);
	return rc;
}
