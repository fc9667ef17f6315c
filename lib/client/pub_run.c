/* pub_run.c - what happens around an intake: connection, deadlines, acknowledgements
 * on stdout, the end
 *
 * The end has three parts that finish in any order: every line has its outcome, the connection is
 * closed, stdout took the acknowledgements. What goes wrong on the way cuts it short. */
#include "client/pub_run.h"

#include "base/log.h"
#include "base/mem.h"
#include "client/outage.h"
#include "client/output.h"

#include <unistd.h>

#define GRACE_MS     2000
#define ACKS_WAITING (16u << 20) /* bytes; more only grows, nothing is paused for
                                  * a reader of acks */

struct pub_run {
	struct pub_run_conf *conf;
	uv_loop_t *loop;
	void (*ended)(void *arg, int code, bool partial);
	void *arg;
	struct client *client;
	struct compose *compose;
	struct intake *intake;
	struct output *acks; /* NULL: not asked for */
	struct outage outage;
	uv_timer_t deadline, until, grace;
	int n_handles;
	int code;
	bool partial;
	bool ending, closed, drained, over;
};

static void over(struct pub_run *p)
{
	if (p->over)
		return;
	p->over = true;
	p->ended(p->arg, p->code, p->partial);
}

static void on_closed(void *arg)
{
	struct pub_run *p = arg;

	p->closed = true;
	if (p->drained)
		over(p);
}

static void on_drained(void *arg)
{
	struct pub_run *p = arg;

	p->drained = true;
	if (p->closed)
		over(p);
}

static void end(struct pub_run *p, int code)
{
	if (p->ending)
		return;
	p->ending = true;
	p->code = code;
	client_close(p->client, on_closed);
	if (p->acks)
		output_finish(p->acks);
	else
		p->drained = true;
}

/* Waits no longer for whoever reads the acknowledgements. */
static void cut_short(struct pub_run *p, int code)
{
	end(p, code);
	on_drained(p);
}

/* --- the intake ------------------------------------------------------------------------------- */

static void sum_up(struct pub_run *p)
{
	const struct intake_stats *s = intake_stats(p->intake);

	p->partial |= s->bad || s->refused || s->gaps || s->dropped;
	if (s->duplicates)
		log_warn("%llu of %llu messages had been published before",
			(unsigned long long)s->duplicates, (unsigned long long)s->published);
	if (s->repaired)
		log_warn(
			"%llu lines had bytes that are not UTF-8", (unsigned long long)s->repaired);
	if (s->dropped)
		log_warn("%llu messages dropped: the window was full",
			(unsigned long long)s->dropped);
	if (s->control > s->gaps)
		log_info("%llu control lines skipped", (unsigned long long)(s->control - s->gaps));
	log_info("%llu messages acknowledged", (unsigned long long)s->acked);
}

static void on_fed(void *arg, const struct err *e)
{
	struct pub_run *p = arg;

	if (e)
		log_error("%s", e->text);
	sum_up(p);
	end(p, e ? e->code : 0);
}

static void print_outcome(struct pub_run *p, uint64_t line, enum client_outcome what, struct str id,
	struct str reason)
{
	struct buf *out = output_to(p->acks, STR(""));

	buf_addf(out, "{\"_op\":\"%s\",\"line\":%llu", what == CLIENT_REFUSED ? "error" : "ack",
		(unsigned long long)line);
	if (id.n > 0) {
		buf_add_text(out, ",\"_id\":");
		buf_add_json(out, id);
	}
	if (what == CLIENT_REFUSED) {
		buf_add_text(out, ",\"reason\":");
		buf_add_json(out, reason);
	}
	buf_add_text(out, what == CLIENT_DUPLICATE ? ",\"dup\":true}\n" : "}\n");
}

static void on_line_outcome(void *arg, uint64_t line, enum client_outcome what, struct str id,
	struct str reason)
{
	struct pub_run *p = arg;

	if (what == CLIENT_REFUSED)
		log_error(
			"line %llu: refused: " STR_FMT, (unsigned long long)line, STR_ARG(reason));
	if (p->acks)
		print_outcome(p, line, what, id, reason);
}

/* --- the client ----------------------------------------------------------------------------- */

static void on_up(void *arg, struct str url)
{
	struct pub_run *p = arg;

	outage_up(&p->outage, url);
}

static void on_down(void *arg, struct str why, int64_t retry_in_ms)
{
	struct pub_run *p = arg;

	outage_down(&p->outage, why, retry_in_ms);
}

static void on_outcome(
	void *arg, uint64_t tag, enum client_outcome what, struct str id, struct str reason)
{
	struct pub_run *p = arg;

	intake_on_outcome(p->intake, tag, what, id, reason);
}

static void on_stalled(void *arg, struct str url, int64_t waited_ms)
{
	struct pub_run *p = arg;

	outage_stalled(&p->outage, url, waited_ms);
}

static void on_window(void *arg)
{
	struct pub_run *p = arg;

	intake_on_window(p->intake);
}

static void say_unacked(const struct pub_run *p)
{
	uint64_t n = intake_unacked(p->intake);

	if (n > 0)
		log_error("%llu %s not acknowledged", (unsigned long long)n,
			n == 1 ? "message" : "messages");
}

static void on_failed(void *arg, const struct err *e)
{
	struct pub_run *p = arg;

	p->closed = true;
	if (p->ending)
		return;
	p->ending = true;
	p->code = e->code;
	log_error("%s", e->text);
	say_unacked(p);
	on_drained(p);
}

/* --- time ----------------------------------------------------------------------------------- */

static void on_grace(uv_timer_t *timer)
{
	struct pub_run *p = timer->data;

	say_unacked(p);
	cut_short(p, intake_unacked(p->intake) > 0 ? ERR_TIMEOUT : p->code);
}

void pub_run_stop(struct pub_run *p)
{
	uv_timer_start(&p->grace, on_grace, GRACE_MS, 0);
	intake_stop(p->intake);
}

static void on_until(uv_timer_t *timer)
{
	pub_run_stop(timer->data);
}

static void on_deadline(uv_timer_t *timer)
{
	struct pub_run *p = timer->data;
	const struct intake_stats *s = intake_stats(p->intake);

	if (p->ending)
		return;
	say_unacked(p);
	if (intake_unacked(p->intake) > 0) {
		cut_short(p, ERR_TIMEOUT);
		return;
	}
	log_error("%llu of %llu messages in time", (unsigned long long)s->published,
		(unsigned long long)p->conf->intake.count);
	p->partial = true;
	intake_stop(p->intake);
}

/* --- life ----------------------------------------------------------------------------------- */

static void on_acks_failed(void *arg, const struct err *e)
{
	struct pub_run *p = arg;

	if (e->code != ERR_CLOSED)
		log_error("%s", e->text);
	p->code = e->code; /* also where the end had begun */
	cut_short(p, e->code);
}

static void on_full(void *arg, bool full)
{
	(void)arg;
	(void)full;
}

static const struct client_events client_events = {
	.up = on_up,
	.down = on_down,
	.outcome = on_outcome,
	.window_open = on_window,
	.stalled = on_stalled,
	.failed = on_failed,
};

static const struct intake_events intake_events = { .outcome = on_line_outcome, .done = on_fed };

static const struct output_events output_events = {
	.full = on_full,
	.failed = on_acks_failed,
	.drained = on_drained,
};

struct pub_run *pub_run_new(uv_loop_t *loop, struct pub_run_conf *conf,
	void (*ended)(void *arg, int code, bool partial), void *arg, struct err *e)
{
	static const struct output_conf to_stdout = { .buffer = ACKS_WAITING };
	struct pub_run *p = mem_new(struct pub_run);

	p->conf = conf;
	p->loop = loop;
	p->ended = ended;
	p->arg = arg;
	uv_timer_init(loop, &p->deadline);
	uv_timer_init(loop, &p->until);
	uv_timer_init(loop, &p->grace);
	p->deadline.data = p->until.data = p->grace.data = p;
	p->n_handles = 3;
	if (conf->timeout_ms >= 0 && !conf->intake.count)
		conf->client.retry_first_ms = conf->timeout_ms;
	outage_init(&p->outage, conf->client.retry_first_ms);
	p->compose = compose_new(&conf->compose, e);
	if (p->compose)
		p->client = client_new(loop, &conf->client, &client_events, p, e);
	if (!p->client)
		goto bad;
	conf->intake.client = p->client;
	conf->intake.compose = p->compose;
	p->intake = intake_new(loop, &conf->intake, &intake_events, p, e);
	if (!p->intake)
		goto bad;
	if (conf->acks && !(p->acks = output_new(loop, &to_stdout, &output_events, p, e)))
		goto bad;
	return p;
bad:
	pub_run_free(p, NULL);
	return NULL;
}

void pub_run_start(struct pub_run *p)
{
	if (p->conf->timeout_ms >= 0 && p->conf->intake.count)
		uv_timer_start(&p->deadline, on_deadline, (uint64_t)p->conf->timeout_ms, 0);
	if (p->conf->for_ms >= 0)
		uv_timer_start(&p->until, on_until, (uint64_t)p->conf->for_ms, 0);
	client_start(p->client);
	intake_start(p->intake);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct pub_run *p = handle->data;

	if (--p->n_handles == 0)
		mem_free(p);
}

int pub_run_free(struct pub_run *p, struct err *e)
{
	int rc;

	if (!p)
		return 0;
	rc = intake_close(p->intake, e);
	client_free(p->client);
	compose_free(p->compose);
	output_free(p->acks);
	uv_close((uv_handle_t *)&p->deadline, on_handle_closed);
	uv_close((uv_handle_t *)&p->until, on_handle_closed);
	uv_close((uv_handle_t *)&p->grace, on_handle_closed);
	return rc;
}
