/* exec.c - jobs, their attempts, and what their exit status means
 *
 *     queue -> RUNNING -> exit 0 ----------> PUBLISHING -> done        (--publish)
 *                 ^ |         \------------> done
 *                 | +-> 75, failure -> WAITING (again, at most max_deliver times)
 *                 +-----------------------/  |
 *                   +-> 65, used up -------> BURYING -> done           (--dead-letter)
 *
 * A job is the message and stays until it is done; run.c is one attempt at it. Jobs move only in
 * start_more, judge and the callbacks of the client. */
#include "client/exec.h"

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/compose.h"
#include "client/dedup_id.h"
#include "client/order.h"
#include "client/run.h"
#include "codec/msg.h"
#include "codec/name.h"

#include <stdio.h>

#define QUEUE_MAX      1024         /* messages waiting before the source is paused */
#define OUTPUT_MAX     (64u << 20)  /* of one command, where it is collected */
#define LINE_BITS      20           /* of a tag: the line of a job; the rest is the job's number */
#define DEAD_LETTER_N  UINT64_MAX   /* stands for n in the id of a dead letter */

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_WAITING, JOB_READY, JOB_PUBLISHING, JOB_BURYING };

struct job {
	struct list link; /* in exec.queue or exec.active */
	struct exec *exec;
	enum job_state state;
	uint64_t number;
	unsigned attempt;
	char *room, *id, *type;
	struct buf line;    /* with its LF */
	struct buf payload; /* as published */
	int64_t ts_ms;
	uv_timer_t again;
	struct run *run;    /* while RUNNING */
	struct buf output;  /* of the last attempt */
	size_t sent;        /* of `output`, by --publish */
	uint64_t n_sent;
	unsigned unacked;
	char reason[64];
};

struct exec {
	struct exec_conf conf;
	struct exec_events ev;
	void *arg;
	uv_loop_t *loop;
	struct list queue, active;
	size_t n_queued, queued_bytes;
	unsigned n_running;
	uint64_t last_number, lost;
	struct order order;
	struct dedup_id dedup;
	struct compose *compose; /* of the lines to publish; NULL without --publish */
	bool stopping, paused, is_full;
};

static void start_more(struct exec *x);
static bool bury_job(struct job *j);

enum exec_verdict exec_verdict(int64_t status, int signal)
{
	if (signal != 0)
		return EXEC_AGAIN;
	switch (status) {
	case 0: return EXEC_ACK;
	case 65: return EXEC_DEAD;
	case 75: return EXEC_LATER;
	case 126:
	case 127:
	case 255: return EXEC_BROKEN;
	default: return EXEC_AGAIN;
	}
}

/* --- jobs ----------------------------------------------------------------------------------- */

static void tell_full(struct exec *x)
{
	bool full = x->is_full
		? x->n_queued > QUEUE_MAX / 2 || x->queued_bytes > x->conf.buffer / 2
		: x->n_queued > QUEUE_MAX || x->queued_bytes > x->conf.buffer;

	if (full == x->is_full)
		return;
	x->is_full = full;
	x->ev.full(x->arg, full);
}

static void on_job_closed(uv_handle_t *handle)
{
	struct job *j = handle->data;

	mem_free(j->room);
	mem_free(j->id);
	mem_free(j->type);
	buf_fini(&j->line);
	buf_fini(&j->payload);
	buf_fini(&j->output);
	mem_free(j);
}

static void drop_job(struct job *j)
{
	if (j->state == JOB_QUEUED) {
		j->exec->n_queued--;
		j->exec->queued_bytes -= j->line.n;
	}
	list_del(&j->link);
	uv_close((uv_handle_t *)&j->again, on_job_closed);
}

static void finish_job(struct job *j)
{
	struct exec *x = j->exec;
	struct str room, id;

	order_done(&x->order, j->number);
	drop_job(j);
	while (order_take(&x->order, &room, &id))
		x->ev.finished(x->arg, room, id);
	start_more(x);
}

void exec_pause(struct exec *x, bool paused)
{
	list_for_each(it, &x->active) {
		struct job *j = list_entry(it, struct job, link);

		if (j->run)
			run_pause(j->run, paused);
	}
	x->paused = paused;
	if (!paused)
		start_more(x);
}

bool exec_is_idle(const struct exec *x)
{
	return list_empty(&x->active) && (x->stopping || list_empty(&x->queue));
}

uint64_t exec_lost(const struct exec *x)
{
	return x->lost;
}

static void lose(struct job *j, const char *why)
{
	j->exec->lost++;
	log_error("message %s of '%s' given up: %s", *j->id ? j->id : "(without id)", j->room, why);
}

static void on_again(uv_timer_t *timer)
{
	struct job *j = timer->data;

	j->state = JOB_READY;
	start_more(j->exec);
}

static void try_again(struct job *j, int64_t delay_ms)
{
	size_t n = strlen(j->reason);

	if (j->attempt >= j->exec->conf.max_deliver) {
		if (j->attempt > 1)
			snprintf(j->reason + n, sizeof(j->reason) - n, ", %u attempts", j->attempt);
		bury_job(j);
		return;
	}
	log_info("message %s of '%s': %s, trying again", j->id, j->room, j->reason);
	j->state = JOB_WAITING;
	uv_timer_start(&j->again, on_again, (uint64_t)delay_ms, 0);
}

/* --- publishing ----------------------------------------------------------------------------- */

/* False when the window is full: exec_on_window comes back. */
static bool bury_job(struct job *j)
{
	struct exec *x = j->exec;
	struct buf members = { 0 }, text = { 0 };
	char dedup[DEDUP_ID_MAX];
	int rc;

	if (!x->conf.dead_letter) {
		lose(j, j->reason);
		finish_job(j);
		return true;
	}
	j->state = JOB_BURYING;
	buf_add_text(&members, "\"_from\":");
	buf_add_json(&members, str_of(j->room));
	buf_add_text(&members, ",\"_reason\":");
	buf_add_json(&members, str_of(j->reason));
	buf_addf(&members, ",\"_attempt\":%u", j->attempt);
	msg_splice(&text, buf_str(&j->payload), buf_str(&members));
	dedup_id_hash(dedup, str_of(j->room), str_of(*j->id ? j->id : x->dedup.process),
		*j->id ? DEAD_LETTER_N : j->number);
	rc = client_publish(x->conf.client, str_of(x->conf.dead_letter), buf_str(&text),
		str_of(dedup), j->number << LINE_BITS);
	buf_fini(&members);
	buf_fini(&text);
	j->unacked = rc == 0;
	if (rc == ERR_INVALID || rc == ERR_TOO_LARGE) {
		lose(j, "cannot be a dead letter");
		finish_job(j);
		return true;
	}
	return rc == 0;
}

/* Publishes one line; false when the window is full. */
static bool publish_line(struct job *j, struct str line)
{
	struct exec *x = j->exec;
	char dedup[DEDUP_ID_MAX];
	enum compose_result r;
	struct composed out;
	struct err e = { 0 };
	int rc;

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (line.n == 0)
		return true;
	r = compose_line(x->compose, line, &out, &e);
	if (r == COMPOSE_BAD) {
		x->lost++;
		log_error("line %llu of the command for message %s: %s",
			(unsigned long long)j->n_sent + 1, j->id, e.text);
	}
	if (r != COMPOSE_OK) {
		j->n_sent++;
		return true;
	}
	dedup_id_hash(dedup, str_of(j->room), str_of(*j->id ? j->id : x->dedup.process),
		*j->id ? j->n_sent : j->number << LINE_BITS | j->n_sent);
	rc = client_publish(x->conf.client, out.room, out.text, str_of(dedup),
		j->number << LINE_BITS | j->n_sent);
	if (rc == ERR_BUSY || rc == ERR_CLOSED)
		return false;
	if (rc != 0)
		lose(j, "a line of the command is too large");
	j->n_sent++;
	j->unacked += rc == 0;
	return true;
}

/* As many lines as the window takes; false when it is full. */
static bool publish_more(struct job *j)
{
	while (j->sent < j->output.n) {
		const char *p = j->output.p + j->sent;
		size_t left = j->output.n - j->sent;
		const char *nl = memchr(p, '\n', left);
		size_t n = nl ? (size_t)(nl - p) : left;

		if (!publish_line(j, str_make(p, n)))
			return false;
		j->sent += n + (nl != NULL);
	}
	if (j->unacked == 0)
		finish_job(j);
	return true;
}

void exec_on_outcome(struct exec *x, uint64_t tag, enum client_outcome what, struct str reason)
{
	struct job *found = NULL;

	list_for_each(it, &x->active) {
		struct job *j = list_entry(it, struct job, link);

		if (j->number == tag >> LINE_BITS)
			found = j;
	}
	if (!found)
		return;
	found->unacked--;
	if (what == CLIENT_REFUSED) {
		x->lost++;
		log_error("cannot publish what became of message %s: " STR_FMT, found->id,
			STR_ARG(reason));
	}
	if (found->state == JOB_BURYING)
		finish_job(found);
	else
		publish_more(found);
}

static struct job *next_blocked(struct exec *x)
{
	list_for_each(it, &x->active) {
		struct job *j = list_entry(it, struct job, link);

		if ((j->state == JOB_PUBLISHING && j->sent < j->output.n) ||
				(j->state == JOB_BURYING && j->unacked == 0))
			return j;
	}
	return NULL;
}

void exec_on_window(struct exec *x)
{
	struct job *j;

	/* Each success ends what blocked the job, so the search comes to an end. */
	while ((j = next_blocked(x))) {
		if (!(j->state == JOB_BURYING ? bury_job(j) : publish_more(j)))
			break;
	}
}

/* --- the end of a run ----------------------------------------------------------------------- */

static void break_off(struct exec *x, const char *why)
{
	struct err e;

	if (x->stopping)
		return;
	exec_stop(x);
	err_set(&e, ERR_IO, "cannot run '%s': %s", x->conf.command, why);
	x->ev.broken(x->arg, &e);
}

static void judge(struct job *j, enum exec_verdict v)
{
	struct exec *x = j->exec;

	/* Until it is certain that the command is one, its message stays where it is. */
	if (v == EXEC_BROKEN)
		break_off(x, j->reason);
	if (v == EXEC_BROKEN || (x->stopping && (v == EXEC_LATER || v == EXEC_AGAIN)))
		drop_job(j);
	else if (v == EXEC_DEAD)
		bury_job(j);
	else if (v == EXEC_LATER)
		try_again(j, x->conf.nak_delay_ms);
	else if (v == EXEC_AGAIN)
		try_again(j, 0);
	else if (x->conf.publish) {
		j->state = JOB_PUBLISHING;
		publish_more(j);
	} else {
		finish_job(j);
	}
}

static void pass_output(struct job *j)
{
	struct exec *x = j->exec;

	if (x->conf.publish || j->output.n == 0)
		return;
	x->ev.output(x->arg, buf_str(&j->output));
	j->output.n = 0;
}

static void on_output(void *arg, struct str bytes)
{
	struct job *j = arg;

	buf_add_str(&j->output, bytes);
	/* With one command at a time nothing can come between its lines. */
	if (j->exec->conf.jobs == 1)
		pass_output(j);
}

static void describe(struct job *j, const struct run_end *end)
{
	size_t n = sizeof(j->reason);

	if (end->timed_out)
		snprintf(j->reason, n, "timed out");
	else if (end->too_much)
		snprintf(j->reason, n, "more than %u MiB of output", OUTPUT_MAX >> 20);
	else if (end->signal)
		snprintf(j->reason, n, "ended by signal %d", end->signal);
	else
		snprintf(j->reason, n, "exit status %d", end->status);
}

static void on_ended(void *arg, const struct run_end *end)
{
	struct job *j = arg;
	struct exec *x = j->exec;
	bool cut = end->timed_out || end->too_much;

	j->run = NULL;
	x->n_running--;
	describe(j, end);
	pass_output(j);
	judge(j, cut ? EXEC_AGAIN : exec_verdict(end->status, end->signal));
	start_more(x);
}

/* --- the start of a run --------------------------------------------------------------------- */

static const struct run_events run_events = { .output = on_output, .ended = on_ended };

/* False when the system has no process or descriptor left. */
static bool run_job(struct job *j)
{
	struct exec *x = j->exec;
	struct buf variables = { 0 };
	struct run_conf conf = {
		.command = x->conf.command,
		.input = buf_str(&j->line),
		.timeout_ms = x->conf.timeout_ms,
		.output_max = x->conf.jobs > 1 || x->conf.publish ? OUTPUT_MAX : 0,
	};

	j->output.n = 0;
	buf_addf(&variables, "RT_ROOM=%s%cRT_ID=%s%cRT_TYPE=%s%cRT_ATTEMPT=%u%cRT_TS=", j->room, 0,
		j->id, 0, j->type, 0, ++j->attempt, 0);
	if (j->ts_ms > 0)
		buf_add_u64(&variables, (uint64_t)j->ts_ms);
	buf_add_char(&variables, '\0');
	conf.variables = buf_str(&variables);
	j->run = run_start(x->loop, &conf, &run_events, j);
	buf_fini(&variables);
	if (!j->run)
		return false;
	j->state = JOB_RUNNING;
	x->n_running++;
	return true;
}

static bool room_is_held(const struct exec *x, const struct job *candidate)
{
	if (x->conf.unordered)
		return false;
	list_for_each(it, &x->active) {
		if (strcmp(list_entry(it, struct job, link)->room, candidate->room) == 0)
			return true;
	}
	return false;
}

static struct job *next_job(struct exec *x)
{
	list_for_each(it, &x->active) {
		struct job *j = list_entry(it, struct job, link);

		if (j->state == JOB_READY)
			return j;
	}
	list_for_each(it, &x->queue) {
		struct job *j = list_entry(it, struct job, link);

		if (!room_is_held(x, j))
			return j;
	}
	return NULL;
}

static void start_more(struct exec *x)
{
	struct job *j;

	while (!x->stopping && !x->paused && x->n_running < x->conf.jobs && (j = next_job(x))) {
		if (j->state == JOB_QUEUED) {
			x->n_queued--;
			x->queued_bytes -= j->line.n;
			list_del(&j->link);
			list_add(&x->active, &j->link);
		}
		if (!run_job(j)) {
			drop_job(j);
			break_off(x, "no process or descriptor left");
		}
	}
	tell_full(x);
	if (exec_is_idle(x))
		x->ev.idle(x->arg);
}

/* --- from outside --------------------------------------------------------------------------- */

struct exec *exec_new(uv_loop_t *loop, const struct exec_conf *conf,
	const struct exec_events *events, void *arg, struct err *e)
{
	struct compose_conf lines = { .mode = COMPOSE_JSON, .room = conf->publish };
	struct compose *compose = NULL;
	struct exec *x;

	if (conf->publish && !(compose = compose_new(&lines, e)))
		return NULL;
	if (conf->dead_letter && room_name_check(str_of(conf->dead_letter), e) != 0) {
		compose_free(compose);
		return NULL;
	}
	x = mem_new(struct exec);
	x->compose = compose;

	x->conf = *conf;
	x->ev = *events;
	x->arg = arg;
	x->loop = loop;
	list_init(&x->queue);
	list_init(&x->active);
	order_init(&x->order, false);
	dedup_id_init(&x->dedup);
	return x;
}

void exec_add(struct exec *x, const struct client_msg *m, struct str line)
{
	struct job *j;

	if (x->stopping)
		return;
	j = mem_new(struct job);
	j->exec = x;
	j->number = ++x->last_number;
	j->room = mem_strndup(m->room.p, m->room.n);
	j->id = mem_strndup(m->id.p, m->id.n);
	j->type = mem_strndup(m->type.p, m->type.n);
	j->ts_ms = m->ts_ms;
	buf_add_str(&j->line, line);
	buf_add_char(&j->line, '\n');
	buf_add_str(&j->payload, m->payload);
	uv_timer_init(x->loop, &j->again);
	j->again.data = j;
	list_add(&x->queue, &j->link);
	x->n_queued++;
	x->queued_bytes += j->line.n;
	order_add(&x->order, j->number, m->room, m->id);
	start_more(x);
}

void exec_stop(struct exec *x)
{
	x->stopping = true;
	list_for_each_safe(it, &x->queue) {
		struct job *j = list_entry(it, struct job, link);

		drop_job(j);
	}
	list_for_each_safe(it, &x->active) {
		struct job *j = list_entry(it, struct job, link);

		if (j->state == JOB_WAITING || j->state == JOB_READY)
			drop_job(j);
	}
}

void exec_terminate(struct exec *x)
{
	list_for_each(it, &x->active) {
		struct job *j = list_entry(it, struct job, link);

		if (j->run)
			run_terminate(j->run);
	}
}

void exec_free(struct exec *x)
{
	if (!x)
		return;
	exec_stop(x);
	list_for_each_safe(it, &x->active) {
		struct job *j = list_entry(it, struct job, link);

		if (j->run)
			run_abandon(j->run);
		drop_job(j);
	}
	order_fini(&x->order);
	dedup_id_fini(&x->dedup);
	compose_free(x->compose);
	mem_free(x);
}
