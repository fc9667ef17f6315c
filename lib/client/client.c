/* client.c - the state machine of a client: attempts, outages, the window of unacknowledged
 * messages
 *
 *      NEW --start--> CONNECTING --up--> UP --close--> CLOSING --> DONE
 *                      ^      |           |
 *                      |      +---down----+---> DONE (final, or retries used up: failed)
 *                      |           |
 *                      +--timer-- WAITING
 *
 * It knows no transport (carrier.h) and reads no message (receive.c). What the user asks for is
 * noted and done by `turn`, once in each pass of the loop: a thousand publishes cost one wake-up,
 * and no callback ever runs inside a call of the user's. */
#include "client/carrier.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/sig.h"
#include "client/answer.h"
#include "codec/name.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define ATTEMPT_MS      10000 /* from the first packet to an established connection */
#define ATTEMPT_MIN_MS  2000  /* what even the last attempt before a deadline gets */
#define SUBSCRIBE_MS    30000 /* from there to the start of every room */
#define TICK_MS         15000 /* silence after which a sign of life is asked for */
#define SILENCE_MS      45000 /* ... and after which the connection is given up */
#define STABLE_MS       5000  /* a connection that lasted so long ends an outage */
#define CLOSE_MS        500
#define LAST_WORDS_MS   10000 /* from an unknown outcome to the end of the connection */

static const struct carrier_ops *const carriers[] = {
	&carrier_ws,
	&carrier_stream,
	&carrier_sse,
	&carrier_poll,
	NULL,
};

static void on_alarm(struct alarm *a);
static void on_turn(struct task *t);

/* --- making ---------------------------------------------------------------------------------- */

const char *client_schemes(void)
{
	return "http, https, poll+http, poll+https, sse+http, sse+https, unix, ws, wss";
}

static bool has_word(const char *words, struct str word)
{
	struct str rest = str_of(words);

	while (rest.p) {
		if (str_eq(str_cut(rest, ' ', &rest), word))
			return true;
	}
	return false;
}

static int choose_carrier(struct client *c, struct err *e)
{
	for (int i = 0; carriers[i]; i++) {
		if (!has_word(carriers[i]->schemes, str_of(c->url.scheme)))
			continue;
		if (!*c->url.host && strcmp(c->url.scheme, "unix") != 0)
			return err_set(e, ERR_USAGE, "'%s:' has no host (%s://HOST:PORT)",
				c->url.scheme, c->url.scheme);
		c->ops = carriers[i];
		return 0;
	}
	return err_set(
		e, ERR_UNSUPPORTED, "'%s:' is not built in (%s)", c->url.scheme, client_schemes());
}

/* TLS libraries say little about a file they cannot read. */
static int check_file(const char *path, struct err *e)
{
	return path && access(path, R_OK) < 0 ? err_set(e, ERR_USAGE, "cannot read '%s':", path)
	                                      : 0;
}

static int check_conf(const struct client_conf *conf, struct err *e)
{
	if (conf->client_id && client_check(str_of(conf->client_id), e) < 0)
		return e ? e->code : ERR_INVALID;
	if (conf->user && user_check(str_of(conf->user), e) < 0)
		return e ? e->code : ERR_INVALID;
	for (int i = 0; i < conf->n_headers; i++) {
		struct str value, name = str_cut(str_of(conf->headers[i]), ':', &value);
		if (!name.n || !value.p || strpbrk(conf->headers[i], "\r\n"))
			return err_set(
				e, ERR_USAGE, "header '%s' is not 'Name: value'", conf->headers[i]);
	}
	if (check_file(conf->ca_file, e) < 0 || check_file(conf->cert_file, e) < 0 ||
		check_file(conf->key_file, e) < 0)
		return ERR_USAGE;
	if (conf->token && strpbrk(conf->token, "\r\n"))
		return err_set(e, ERR_USAGE, "the token has a line break in it");
	return 0;
}

static void set_client_id(struct client *c)
{
	unsigned char bytes[8];

	if (c->conf.client_id) {
		snprintf(c->client_id, sizeof(c->client_id), "%s", c->conf.client_id);
		return;
	}
	rand_bytes(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(c->client_id + 2 * i, 3, "%02x", bytes[i]);
}

struct client *client_new(uv_loop_t *loop, const struct client_conf *conf,
	const struct client_events *events, void *arg, struct err *e)
{
	struct client *c = mem_new(struct client);
	int r;

	c->loop = loop;
	c->conf = *conf;
	c->events = events;
	c->arg = arg;
	list_init(&c->gets);
	alarm_init(&c->alarm, on_alarm);
	task_init(&c->turn, on_turn);
	if (!c->conf.window)
		c->conf.window = 1;
	if (!c->conf.max_message)
		c->conf.max_message = 1u << 20;
	r = url_parse(&c->url, str_of(conf->url ? conf->url : CLIENT_DEFAULT_URL), e);
	if (r < 0 || (r = check_conf(conf, e)) < 0 || (r = choose_carrier(c, e)) < 0)
		goto out;
	url_format_safe(&c->url_safe, &c->url);
	set_client_id(c);
	sig_ignore_pipe(); /* TLS libraries write without MSG_NOSIGNAL */
	c->hub = hub_ref(loop);
	c->carrier = c->ops->open(c, e);
	if (!c->carrier)
		r = ERR_USAGE;
out:
	if (r < 0) {
		client_free(c);
		return NULL;
	}
	return c;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	c->state = CLIENT_DONE;
	client_gets_stop(c);
	if (c->carrier) {
		c->ops->stop(c->carrier);
		c->ops->free(c->carrier);
	}
	if (c->hub) {
		hub_no_alarm(c->hub, &c->alarm);
		task_cancel(&c->turn);
		hub_unref(c->hub);
	}
	rooms_fini(&c->rooms);
	outbox_fini(&c->out);
	buf_fini(&c->url_safe);
	buf_fini(&c->payload);
	buf_fini(&c->type);
	buf_fini(&c->front);
	buf_fini(&c->line);
	url_fini(&c->url);
	mem_free(c->err);
	mem_free(c);
}

int client_subscribe(struct client *c, struct str room, struct str since, struct err *e)
{
	if (c->state != CLIENT_NEW)
		return err_set(e, ERR_USAGE, "cannot subscribe once the client was started");
	if (!c->conf.raw) {
		if (pattern_check(room, e) < 0)
			return ERR_INVALID;
		if (!since.n)
			since = STR("latest");
		if (!rooms_id_ok(since))
			return err_set(e, ERR_INVALID,
				"a position has no spaces and at most %d characters", ROOMS_ID_MAX);
	}
	rooms_add(&c->rooms, room, since);
	return c->ops->fits ? c->ops->fits(c->carrier, e) : 0;
}

/* --- attempts -------------------------------------------------------------------------------- */

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
	return v < low ? low : v > high ? high : v;
}

static void start_attempt(struct client *c)
{
	c->state = CLIENT_CONNECTING;
	c->settled = c->restart = c->dropped = false;
	rooms_plan(&c->rooms, c->ops->one_lane);
	outbox_rewind(&c->out);
	hub_alarm(c->hub, &c->alarm,
		clamp(retry_left(&c->retry, &c->conf), ATTEMPT_MIN_MS, ATTEMPT_MS));
	c->ops->start(c->carrier);
}

void client_start(struct client *c)
{
	if (c->state != CLIENT_NEW)
		return;
	retry_outage(&c->retry);
	start_attempt(c);
}

void client_settle(struct client *c)
{
	c->settled = true;
	c->retry.attempt = 0;
}

void client_on_up(struct client *c)
{
	if (c->state != CLIENT_CONNECTING)
		return;
	c->state = CLIENT_UP;
	c->retry.ever_up = true;
	c->up_at = c->heard_at = clock_ms();
	if (!c->conf.raw)
		hub_alarm(c->hub, &c->alarm, TICK_MS);
	else
		hub_no_alarm(c->hub, &c->alarm);
	if (c->paused)
		c->ops->pause(c->carrier, true);
	client_wake(c);
	if (c->events->up)
		c->events->up(c->arg, buf_str(&c->url_safe));
}

static void fail(struct client *c)
{
	c->state = CLIENT_DONE;
	c->ops->stop(c->carrier);
	hub_no_alarm(c->hub, &c->alarm);
	task_cancel(&c->turn);
	if (c->events->failed)
		c->events->failed(c->arg, c->err);
}

/* One of the messages in flight broke the connection. Alone it is the culprit; else they go one at
 * a time until it shows. */
static void blame(struct client *c)
{
	uint64_t in_flight = c->out.next - c->out.head;

	if (in_flight == 1)
		client_on_outcome(c, c->out.head, CLIENT_REFUSED, STR(""), str_of(c->err->text));
	else if (in_flight > 1)
		c->careful = c->out.next;
}

/* Why it is given up at once, where it is: the server asks for longer than there is. */
static void add_asked(struct client *c)
{
	struct err what = *c->err;

	if (c->retry.asked_ms > 0)
		err_set(c->err, what.code, "%.260s, come again in %" PRId64 " s (--retry is less)",
			what.text, (c->retry.asked_ms + 999) / 1000);
}

static void wait_to_retry(struct client *c)
{
	int64_t left = retry_left(&c->retry, &c->conf), delay;

	if (left <= 0 || c->retry.asked_ms > left) {
		add_asked(c);
		c->err->code = ERR_TIMEOUT;
		fail(c);
		return;
	}
	delay = clamp(retry_delay(&c->retry, &c->conf), 0, left);
	c->retry.asked_ms = 0;
	c->state = CLIENT_WAITING;
	hub_alarm(c->hub, &c->alarm, delay);
	if (c->events->down)
		c->events->down(c->arg, str_of(c->err->text), delay);
}

/* Did the connection end the outage before it? One that left messages waiting for as long as they
 * were there did not. */
static bool was_of_use(const struct client *c)
{
	int64_t until = client_in_flight(c) ? c->sent_at : clock_ms();

	return c->settled || until - c->up_at >= STABLE_MS;
}

void client_on_down(struct client *c, int code, bool culprit, const char *fmt, ...)
{
	bool up = c->state == CLIENT_UP, ours = culprit && !client_in_flight(c);
	char why[ERR_TEXT_MAX];
	va_list ap;

	if (c->state == CLIENT_CLOSING) {
		client_on_closed(c);
		return;
	}
	if (!up && c->state != CLIENT_CONNECTING)
		return;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (!c->err)
		c->err = mem_new(struct err);
	if (ours) /* what every connection is sent, or what was written and forgotten */
		code = ERR_INVALID;
	err_set(c->err, code, "%s '%.100s': %s%s",
		up ? "lost the connection to" : "cannot connect to", buf_cstr(&c->url_safe), why,
		ours ? " (trying again would send the same)" : "");
	if (up && was_of_use(c))
		retry_outage(&c->retry);
	if (culprit)
		blame(c);
	if (c->state == CLIENT_CLOSING) { /* the user was told an outcome */
		client_on_closed(c);
		return;
	}
	c->retry.attempt++;
	if (code == ERR_CLOSED)
		wait_to_retry(c);
	else
		fail(c);
}

void client_on_turned_away(struct client *c, const struct answer *a)
{
	struct buf why = { 0 };
	int code = answer_code(a);

	answer_say(a, c, &why);
	c->retry.asked_ms = a->wait_ms;
	c->ops->stop(c->carrier); /* with it goes what the answer is made of */
	client_on_down(c, code, false, "%s", buf_cstr(&why));
	buf_fini(&why);
}

static void drop(struct client *c, const char *why)
{
	c->ops->stop(c->carrier);
	client_on_down(c, ERR_CLOSED, false, "%s", why);
}

static void check_life(struct client *c)
{
	int64_t now = clock_ms();

	/* What was not read says nothing, and a request that waits for us to publish is silent by
	 * right. */
	if (c->paused || (!c->rooms.n && !c->ops->ping && !client_in_flight(c)))
		c->heard_at = now;
	if (c->restart) {
		drop(c, "the server does not know whether a message was stored");
		return;
	}
	if (now - c->heard_at >= SILENCE_MS)
		drop(c, "nothing heard for 45 s");
	else if (c->rooms.n && !rooms_started(&c->rooms) && now - c->up_at >= SUBSCRIBE_MS)
		drop(c, "no answer to the subscription");
	else if (now - c->heard_at >= TICK_MS && c->ops->ping)
		c->ops->ping(c->carrier);
}

static void end_close(struct client *c)
{
	c->ops->stop(c->carrier);
	client_on_closed(c);
}

static void on_alarm(struct alarm *a)
{
	struct client *c = list_entry(a, struct client, alarm);

	switch (c->state) {
	case CLIENT_CONNECTING: drop(c, "no answer in time"); break;
	case CLIENT_UP:
		hub_alarm(c->hub, &c->alarm, TICK_MS);
		check_life(c);
		break;
	case CLIENT_WAITING: start_attempt(c); break;
	case CLIENT_CLOSING: end_close(c); break;
	default: break;
	}
}

void client_on_heard(struct client *c)
{
	c->ever_heard = true;
	c->heard_at = (int64_t)uv_now(c->loop);
}

void client_drop(struct client *c)
{
	c->dropped = c->state == CLIENT_UP;
	client_wake(c);
}

/* --- publishing ------------------------------------------------------------------------------ */

static void on_turn(struct task *t)
{
	struct client *c = list_entry(t, struct client, turn);

	if (c->state == CLIENT_CLOSING && !deadline_is_set(&c->alarm.deadline)) {
		end_close(c);
		return;
	}
	if (c->dropped && c->state == CLIENT_UP)
		drop(c, "dropped by us");
	if ((c->state == CLIENT_UP || c->state == CLIENT_CONNECTING) &&
		(outbox_waiting(&c->out) || c->complete))
		c->ops->send(c->carrier);
	if (c->blocked && c->state != CLIENT_DONE &&
		c->out.n_open <= c->conf.window - (c->conf.window + 3) / 4) {
		c->blocked = false;
		if (c->events->window_open)
			c->events->window_open(c->arg);
	}
}

void client_wake(struct client *c)
{
	if (c->state != CLIENT_DONE)
		hub_soon(c->hub, &c->turn);
}

int client_publish(
	struct client *c, struct str room, struct str text, struct str dedup, uint64_t tag)
{
	int r;

	if (c->state >= CLIENT_CLOSING)
		return ERR_CLOSED;
	if (c->conf.raw && !c->ops->refs)
		return ERR_UNSUPPORTED; /* such a server has no way in that we know */
	if (c->out.n_open >= c->conf.window) {
		c->blocked = true;
		return ERR_BUSY;
	}
	r = outbox_add(&c->out, room, text, dedup, tag, c->ops->refs, c->conf.raw);
	if (r == 0) {
		c->complete = false;
		client_wake(c);
	}
	return r;
}

void client_flush(struct client *c)
{
	if (c->complete)
		return;
	c->complete = true;
	client_wake(c);
}

bool client_in_flight(const struct client *c)
{
	return c->out.next > c->out.head;
}

bool client_next(struct client *c, uint64_t *ref, struct str *text)
{
	if (c->restart || !outbox_waiting(&c->out))
		return false;
	if (c->out.next < c->careful && c->out.next != c->out.head)
		return false;
	if (!client_in_flight(c))
		c->sent_at = (int64_t)uv_now(c->loop);
	*ref = c->out.next++;
	*text = outbox_text(&c->out, *ref);
	return true;
}

void client_on_outcome(
	struct client *c, uint64_t ref, enum client_outcome what, struct str id, struct str reason)
{
	uint64_t tag;

	if (!outbox_finish(&c->out, ref, &tag))
		return;
	client_settle(c);
	if (c->blocked || c->out.next < c->careful)
		client_wake(c);
	if (c->events->outcome)
		c->events->outcome(c->arg, tag, what, id, reason);
}

void client_on_stalled(struct client *c, int64_t waited_ms)
{
	if (c->events->stalled)
		c->events->stalled(c->arg, buf_str(&c->url_safe), waited_ms);
}

void client_on_unknown(struct client *c)
{
	if (c->restart || c->state != CLIENT_UP)
		return;
	c->restart = true;
	hub_alarm(c->hub, &c->alarm, LAST_WORDS_MS);
}

/* --- the rest -------------------------------------------------------------------------------- */

void client_pause(struct client *c, bool paused)
{
	if (c->paused == paused)
		return;
	c->paused = paused;
	c->heard_at = clock_ms();
	if (c->state == CLIENT_UP)
		c->ops->pause(c->carrier, paused);
}

void client_close(struct client *c, void (*done)(void *arg))
{
	bool up = c->state == CLIENT_UP, wait;

	c->closed = done;
	c->state = CLIENT_CLOSING;
	task_cancel(&c->turn);
	wait = up && c->ops->finish(c->carrier);
	if (wait) {
		hub_alarm(c->hub, &c->alarm, CLOSE_MS);
	} else {
		c->ops->stop(c->carrier);
		hub_no_alarm(c->hub, &c->alarm);
		client_wake(c); /* from the loop, as all callbacks */
	}
}

void client_on_closed(struct client *c)
{
	if (c->state != CLIENT_CLOSING)
		return;
	c->state = CLIENT_DONE;
	hub_no_alarm(c->hub, &c->alarm);
	if (c->closed)
		c->closed(c->arg);
}
