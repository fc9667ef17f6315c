/* sub_run.c - from the client's callbacks to lines, commands and positions
 *
 *     client -> print -> output --written--> bookmark          a message printed
 *            -> exec  ---------finished----> bookmark          a message worked on
 *
 * A position follows its message through the same queue, so it can only be saved after what came
 * before it. The end goes in steps: nothing new is taken, commands end, then connections close and
 * stdout is drained at the same time. Lines that commands publish have a connection of their own:
 * the first one is paused when work piles up, and acknowledgements must not wait behind that. */
#include "client/sub_run.h"

#include "base/log.h"
#include "base/mem.h"
#include "client/begin.h"
#include "client/bookmark.h"
#include "client/outage.h"
#include "codec/name.h"

#define GRACE_MS 2000

struct sub_run {
	struct sub_run_conf *conf;
	uv_loop_t *loop;
	void (*ended)(void *arg, const struct sub_run_end *end);
	void *arg;
	struct client *client, *publisher; /* publisher: NULL unless commands publish */
	struct output *output;
	struct exec *exec;                 /* NULL: messages are printed */
	struct bookmark *bookmark;         /* NULL: no cursor file */
	bool any_pattern;
	uv_timer_t deadline, until, grace;
	int n_handles;
	struct buf line;
	uint64_t n_received;
	struct sub_run_end end;
	struct outage outage;
	bool output_full, exec_full;
	bool ending, stopped, closing, over;
	bool client_done, publisher_done, output_done; /* parts of the end */
};

/* --- the end -------------------------------------------------------------------------------- */

static void over(struct sub_run *s)
{
	if (s->over)
		return;
	s->over = true;
	s->end.partial |= s->exec && exec_lost(s->exec) > 0;
	s->ended(s->arg, &s->end);
}

static void part_done(struct sub_run *s, bool *part)
{
	*part = true;
	if (s->closing && s->client_done && s->publisher_done && s->output_done)
		over(s);
}

static void on_client_closed(void *arg)
{
	struct sub_run *s = arg;

	part_done(s, &s->client_done);
}

static void on_publisher_closed(void *arg)
{
	struct sub_run *s = arg;

	part_done(s, &s->publisher_done);
}

static void on_drained(void *arg)
{
	struct sub_run *s = arg;

	part_done(s, &s->output_done);
}

static void on_grace(uv_timer_t *timer)
{
	struct sub_run *s = timer->data;

	on_drained(s);
}

/* Nothing more will be written or published. */
static void close_down(struct sub_run *s)
{
	if (s->closing)
		return;
	s->closing = true;
	s->publisher_done |= !s->publisher;
	if (s->stopped)
		uv_timer_start(&s->grace, on_grace, GRACE_MS, 0);
	if (!s->client_done)
		client_close(s->client, on_client_closed);
	if (!s->publisher_done)
		client_close(s->publisher, on_publisher_closed);
	if (!s->output_done)
		output_finish(s->output);
	else
		on_drained(s);
}

/* Takes nothing more; what was taken is finished first. */
static void finish(struct sub_run *s, int code)
{
	if (s->ending)
		return;
	s->ending = true;
	s->end.code = code;
	client_pause(s->client, false); /* drops what still comes: the close gets through */
	if (!s->exec || exec_is_idle(s->exec))
		close_down(s);
}

void sub_run_stop(struct sub_run *s)
{
	s->stopped = true;
	if (s->exec)
		exec_stop(s->exec);
	if (s->closing)
		uv_timer_start(&s->grace, on_grace, GRACE_MS, 0);
	else if (s->ending && s->exec && exec_is_idle(s->exec))
		close_down(s);
	finish(s, 0);
}

void sub_run_terminate(struct sub_run *s)
{
	if (s->exec)
		exec_terminate(s->exec);
}

/* --- positions ------------------------------------------------------------------------------ */

/* A position of all rooms: one line each, so that a room added to the command line later still
 * begins at the earliest; patterns have no names to write. */
static void save_all(struct sub_run *s, struct str id)
{
	if (s->any_pattern) {
		bookmark_set(s->bookmark, STR("*"), id);
		return;
	}
	for (int i = 0; i < s->conf->n_rooms; i++)
		bookmark_set(s->bookmark, str_of(s->conf->rooms[i]), id);
}

static void save(struct sub_run *s, struct str room, struct str id)
{
	if (!s->bookmark || id.n == 0)
		return;
	/* Rooms come merged by position: with a pattern, each message stands for all of them. */
	if (room.n == 0 || s->any_pattern)
		save_all(s, id);
	else
		bookmark_set(s->bookmark, room, id);
}

static void on_written(void *arg, struct str room, struct str id)
{
	save(arg, room, id);
}

/* A position without a message. While commands run it is left out: the next one will do. */
static void note_position(struct sub_run *s, struct str room, struct str id)
{
	if (!s->bookmark || id.n == 0 || s->ending)
		return;
	if (!s->exec)
		output_mark(s->output, room, id);
	else if (exec_is_idle(s->exec))
		save(s, room, id);
}

static void on_position(void *arg, struct str id)
{
	note_position(arg, STR(""), id);
}

static void on_room_position(void *arg, struct str room, struct str id)
{
	struct sub_run *s = arg;

	/* Where only the covering position is kept, one room's own says nothing. */
	if (!s->any_pattern)
		note_position(s, room, id);
}

/* --- messages ------------------------------------------------------------------------------- */

static void on_message(void *arg, const struct client_msg *m)
{
	struct sub_run *s = arg;

	if (s->ending || !print_wants(&s->conf->print, m))
		return;
	if (s->exec) {
		s->line.n = 0;
		print_payload(m->payload, false, &s->line);
		exec_add(s->exec, m, buf_str(&s->line));
	} else {
		print_message(&s->conf->print, m, output_to(s->output, m->room));
		if (s->bookmark && m->id.n > 0)
			output_mark(s->output, m->room, m->id);
	}
	if (++s->n_received == s->conf->count)
		finish(s, 0);
}

/* May control lines stand among the messages? */
static bool shows_control(const struct sub_run *s)
{
	return s->conf->print.meta && !s->exec && !s->ending;
}

/* Those of the connection need a stream that is not a room's. */
static bool has_stream(const struct sub_run *s)
{
	return shows_control(s) && !strchr(s->conf->output.path ? s->conf->output.path : "", '{');
}

static void on_gap(void *arg, const struct client_gap *g)
{
	struct sub_run *s = arg;

	if (s->ending)
		return;
	if (shows_control(s))
		print_control(&s->conf->print, g->text, output_to(s->output, g->room));
	else
		log_warn("messages of '" STR_FMT "' are missing (" STR_FMT ")", STR_ARG(g->room),
			STR_ARG(g->reason));
	s->end.partial = true;
	if (s->conf->no_gap) {
		log_error("history of '" STR_FMT "' is gone, up to '" STR_FMT "' (--no-gap)",
			STR_ARG(g->room), STR_ARG(g->at));
		s->end.gap = true;
		finish(s, 0);
		return;
	}
	note_position(s, g->room, g->at);
}

/* The first connection is no event: `up` follows a `down`. */
static void on_up(void *arg, struct str url)
{
	struct sub_run *s = arg;

	if (s->outage.was_up && has_stream(s))
		print_up(&s->conf->print, url, output_to(s->output, STR("")));
	else
		outage_up(&s->outage, url);
}

static void on_down(void *arg, struct str why, int64_t retry_in_ms)
{
	struct sub_run *s = arg;

	if (s->ending)
		return;
	if (s->outage.was_up && has_stream(s))
		print_down(&s->conf->print, why, retry_in_ms, output_to(s->output, STR("")));
	else
		outage_down(&s->outage, why, retry_in_ms);
}

static void on_at_end(void *arg)
{
	struct sub_run *s = arg;

	if (s->conf->until_end)
		finish(s, 0);
}

/* Commands that run are told to end; what they did is not known, so their messages do not count. */
static void connection_failed(struct sub_run *s, const struct err *e)
{
	if (!s->closing)
		log_error("%s", e->text);
	if (!s->ending)
		s->end.code = e->code;
	s->ending = true;
	if (s->exec) {
		exec_stop(s->exec);
		exec_terminate(s->exec);
	}
	close_down(s);
}

static void on_failed(void *arg, const struct err *e)
{
	struct sub_run *s = arg;

	s->client_done = true;
	connection_failed(s, e);
}

static void on_publisher_failed(void *arg, const struct err *e)
{
	struct sub_run *s = arg;

	s->publisher_done = true;
	connection_failed(s, e);
}

/* --- flow ----------------------------------------------------------------------------------- */

static void pause_or_not(struct sub_run *s)
{
	if (!s->ending)
		client_pause(s->client, s->output_full || s->exec_full);
}

static void on_output_full(void *arg, bool full)
{
	struct sub_run *s = arg;

	s->output_full = full;
	if (s->exec)
		exec_pause(s->exec, full);
	pause_or_not(s);
}

static void on_exec_full(void *arg, bool full)
{
	struct sub_run *s = arg;

	s->exec_full = full;
	pause_or_not(s);
}

static void on_output_failed(void *arg, const struct err *e)
{
	struct sub_run *s = arg;

	if (e->code != ERR_CLOSED)
		log_error("%s", e->text);
	s->end.code = e->code;
	if (s->exec) {
		exec_stop(s->exec);
		exec_terminate(s->exec);
	}
	on_drained(s);
	finish(s, e->code);
}

static void on_exec_output(void *arg, struct str bytes)
{
	struct sub_run *s = arg;

	buf_add_str(output_to(s->output, STR("")), bytes);
}

static void on_finished(void *arg, struct str room, struct str id)
{
	struct sub_run *s = arg;

	/* Through the output too: a command's lines are to be out before its message counts. */
	if (s->bookmark && id.n > 0)
		output_mark(s->output, room, id);
}

static void on_idle(void *arg)
{
	struct sub_run *s = arg;

	if (s->ending)
		close_down(s);
}

static void on_broken(void *arg, const struct err *e)
{
	struct sub_run *s = arg;

	log_error("%s", e->text);
	s->end.code = e->code; /* also where the end had begun */
	finish(s, e->code);
}

static void on_outcome(
	void *arg, uint64_t tag, enum client_outcome what, struct str id, struct str reason)
{
	struct sub_run *s = arg;

	(void)id;
	exec_on_outcome(s->exec, tag, what, reason);
}

static void on_stalled(void *arg, struct str url, int64_t waited_ms)
{
	struct sub_run *s = arg;

	outage_stalled(&s->outage, url, waited_ms);
}

static void on_window(void *arg)
{
	struct sub_run *s = arg;

	exec_on_window(s->exec);
}

static void on_cursor_failed(void *arg, const struct err *e)
{
	struct sub_run *s = arg;

	log_error("%s", e->text);
	sub_run_stop(s);
	s->end.code = e->code;
}

/* --- time ----------------------------------------------------------------------------------- */

static void on_until(uv_timer_t *timer)
{
	sub_run_stop(timer->data);
}

static void on_deadline(uv_timer_t *timer)
{
	struct sub_run *s = timer->data;

	if (s->ending)
		return;
	s->end.partial = s->outage.was_up;
	if (!s->outage.was_up)
		log_error("%s", s->outage.why[0] ? s->outage.why : "cannot connect in time");
	else if (s->conf->count)
		log_error("%llu of %llu messages in time", (unsigned long long)s->n_received,
			(unsigned long long)s->conf->count);
	else
		log_error("the end was not reached in time");
	sub_run_stop(s);
	s->end.code = s->outage.was_up ? 0 : ERR_TIMEOUT;
}

/* --- life ----------------------------------------------------------------------------------- */

static const struct client_events client_events = {
	.up = on_up,
	.down = on_down,
	.message = on_message,
	.gap = on_gap,
	.position = on_position,
	.room_position = on_room_position,
	.at_end = on_at_end,
	.failed = on_failed,
};

static const struct client_events publisher_events = {
	.outcome = on_outcome,
	.window_open = on_window,
	.stalled = on_stalled,
	.failed = on_publisher_failed,
};

static const struct output_events output_events = {
	.written = on_written,
	.full = on_output_full,
	.failed = on_output_failed,
	.drained = on_drained,
};

static const struct exec_events exec_events = {
	.output = on_exec_output,
	.finished = on_finished,
	.full = on_exec_full,
	.idle = on_idle,
	.broken = on_broken,
};

static int subscribe(struct sub_run *s, struct err *e)
{
	const struct sub_run_conf *conf = s->conf;
	struct begin from = {
		.bookmark = s->bookmark, .since = conf->since, .until_end = conf->until_end
	};

	for (int i = 0; i < conf->n_rooms; i++)
		s->any_pattern |= pattern_is(str_of(conf->rooms[i]));
	from.any_pattern = s->any_pattern;
	return begin(&from, s->client, conf->rooms, conf->n_rooms, e);
}

static int open_exec(struct sub_run *s, struct err *e)
{
	struct exec_conf *conf = &s->conf->exec;

	if (!conf->command)
		return 0;
	if (conf->publish || conf->dead_letter) {
		s->publisher = client_new(s->loop, &s->conf->client, &publisher_events, s, e);
		if (!s->publisher)
			return e->code;
	}
	conf->client = s->publisher;
	s->exec = exec_new(s->loop, conf, &exec_events, s, e);
	return s->exec ? 0 : e->code;
}

struct sub_run *sub_run_new(uv_loop_t *loop, struct sub_run_conf *conf,
	void (*ended)(void *arg, const struct sub_run_end *end), void *arg, struct err *e)
{
	struct sub_run *s = mem_new(struct sub_run);

	s->conf = conf;
	s->loop = loop;
	s->ended = ended;
	s->arg = arg;
	s->n_handles = 3;
	uv_timer_init(loop, &s->deadline);
	uv_timer_init(loop, &s->until);
	uv_timer_init(loop, &s->grace);
	s->deadline.data = s->until.data = s->grace.data = s;
	if (conf->timeout_ms >= 0 && !conf->count && !conf->until_end)
		conf->client.retry_first_ms = conf->timeout_ms;
	outage_init(&s->outage, conf->client.retry_first_ms);
	conf->output.append |= conf->cursor_file != NULL;
	s->client = client_new(loop, &conf->client, &client_events, s, e);
	if (s->client && conf->cursor_file)
		s->bookmark = bookmark_open(loop, conf->cursor_file, on_cursor_failed, s, e);
	if (s->client && (s->bookmark || !conf->cursor_file) && subscribe(s, e) == 0 &&
			open_exec(s, e) == 0)
		s->output = output_new(loop, &conf->output, &output_events, s, e);
	if (s->output)
		return s;
	sub_run_free(s, NULL);
	return NULL;
}

void sub_run_start(struct sub_run *s)
{
	if (s->conf->timeout_ms >= 0 && (s->conf->count || s->conf->until_end))
		uv_timer_start(&s->deadline, on_deadline, (uint64_t)s->conf->timeout_ms, 0);
	if (s->conf->for_ms >= 0)
		uv_timer_start(&s->until, on_until, (uint64_t)s->conf->for_ms, 0);
	client_start(s->client);
	if (s->publisher)
		client_start(s->publisher);
}

void sub_run_reopen(struct sub_run *s)
{
	output_reopen(s->output);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct sub_run *s = handle->data;

	if (--s->n_handles == 0)
		mem_free(s);
}

int sub_run_free(struct sub_run *s, struct err *e)
{
	int rc;

	if (!s)
		return 0;
	exec_free(s->exec);
	output_free(s->output);
	client_free(s->client);
	client_free(s->publisher);
	buf_fini(&s->line);
	rc = bookmark_close(s->bookmark, e);
	uv_close((uv_handle_t *)&s->deadline, on_handle_closed);
	uv_close((uv_handle_t *)&s->until, on_handle_closed);
	uv_close((uv_handle_t *)&s->grace, on_handle_closed);
	return rc;
}
