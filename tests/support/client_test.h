/* client_test.h - what tests of the client share: a client and a fake server on one loop, and a log
 * of events
 *
 * Events are noted as words in a log; a test is what it expects there. Time is never waited for:
 * the retry window is zero, and a watchdog ends a test that hangs. */
#ifndef RT_TESTS_CLIENT_TEST_H
#define RT_TESTS_CLIENT_TEST_H

#include "client/client.h"
#include "support/fake.h"
#include "base/mem.h"
#include "unit/err_word.h"
#include "unit/tap.h"

#include <stdlib.h>

#define MAYBE_UNUSED __attribute__((unused))
#define EPOCH        "00000000000000aa-"

struct test {
	uv_loop_t loop;
	uv_timer_t watchdog;
	struct fake fake;
	struct client *client;
	struct client_conf conf;
	char url[64];
	struct buf log;
	const char *until; /* the run ends when the log has this in it */
	bool late;
	int n;           /* free for scripts */
	struct buf seen; /* free for scripts */
	struct buf why;  /* the sentence of the failure */
};

static void note(struct test *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(struct test *t, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_addf(&t->log, "%s%s", t->log.n ? " " : "", text);
	if (t->until && strstr(buf_cstr(&t->log), t->until))
		uv_stop(&t->loop);
}

/* --- the client's side ------------------------------------------------------------------------ */

static void on_up(void *arg, struct str url)
{
	(void)url;
	note(arg, "up");
}

/* The clause behind "cannot connect to 'URL': ", without the advice that has the port in it. */
static struct str clause_of(struct str why)
{
	long from = str_find(why, STR("': ")), advice = str_find(why, STR(" (if it speaks TLS"));

	if (advice >= 0)
		why.n = (size_t)advice;
	return from < 0 ? why : str_skip(why, (size_t)from + 3);
}

static void on_down(void *arg, struct str why, int64_t retry_in_ms)
{
	(void)retry_in_ms;
	why = clause_of(why);
	note(arg, "down(" STR_FMT ")", STR_ARG(why));
}

static void on_subscribed(void *arg, struct str start, struct str head)
{
	note(arg, "subscribed(" STR_FMT "," STR_FMT ")", STR_ARG(start), STR_ARG(head));
}

static void on_message(void *arg, const struct client_msg *m)
{
	note(arg, STR_FMT "/" STR_FMT "=" STR_FMT, STR_ARG(m->room), STR_ARG(m->id),
		STR_ARG(m->payload));
}

static void on_gap(void *arg, const struct client_gap *g)
{
	note(arg, "gap(" STR_FMT "," STR_FMT "," STR_FMT ")", STR_ARG(g->room), STR_ARG(g->at),
		STR_ARG(g->reason));
}

static void on_position(void *arg, struct str id)
{
	note(arg, "@" STR_FMT, STR_ARG(id));
}

static void on_room_position(void *arg, struct str room, struct str id)
{
	note(arg, STR_FMT "@" STR_FMT, STR_ARG(room), STR_ARG(id));
}

static void on_end(void *arg)
{
	note(arg, "end");
}

static void on_outcome(
	void *arg, uint64_t tag, enum client_outcome what, struct str id, struct str reason)
{
	static const char *const words[] = { "acked", "dup", "refused" };

	note(arg, "%s(%d," STR_FMT ")", words[what], (int)tag,
		STR_ARG(what == CLIENT_REFUSED ? reason : id));
}

static void on_window(void *arg)
{
	note(arg, "window");
}

static void on_failed(void *arg, const struct err *e)
{
	note(arg, "failed(%s)", err_word(e->code));
	buf_add_text(&((struct test *)arg)->why, e->text);
	uv_stop(&((struct test *)arg)->loop);
}

static const struct client_events events = {
	.up = on_up,
	.down = on_down,
	.subscribed = on_subscribed,
	.message = on_message,
	.gap = on_gap,
	.position = on_position,
	.room_position = on_room_position,
	.at_end = on_end,
	.outcome = on_outcome,
	.window_open = on_window,
	.failed = on_failed,
};

/* --- running ---------------------------------------------------------------------------------- */

static void on_watchdog(uv_timer_t *timer)
{
	struct test *t = timer->data;

	t->late = true;
	uv_stop(&t->loop);
}

MAYBE_UNUSED static void test_open(
	struct test *t, const char *scheme, const struct fake_script *script)
{
	struct err e = { 0 };

	*t = (struct test){ .conf = { .retry_first_ms = 5000,
				    .retry_ms = 5000,
				    .window = 8,
				    .max_message = 4096 } };
	uv_loop_init(&t->loop);
	uv_timer_init(&t->loop, &t->watchdog);
	t->watchdog.data = t;
	fake_open(&t->fake, &t->loop, script, t);
	snprintf(t->url, sizeof(t->url), "%s://127.0.0.1:%d", scheme, t->fake.port);
	t->conf.url = t->url;
	t->client = client_new(&t->loop, &t->conf, &events, t, &e);
	if (!t->client) {
		printf("# %s\n", e.text);
		abort();
	}
}

MAYBE_UNUSED static void reopen(struct test *t) /* with what the test changed in conf */
{
	client_free(t->client);
	t->client = client_new(&t->loop, &t->conf, &events, t, NULL);
}

MAYBE_UNUSED static void subscribe(struct test *t, const char *room, const char *since)
{
	client_subscribe(t->client, str_of(room), str_of(since), NULL);
}

MAYBE_UNUSED static int publish(
	struct test *t, const char *room, const char *text, const char *dedup, uint64_t tag)
{
	return client_publish(t->client, str_of(room), str_of(text), str_of(dedup), tag);
}

/* Runs until the log has `until` in it. */
MAYBE_UNUSED static void run(struct test *t, const char *until)
{
	t->until = until;
	uv_timer_start(&t->watchdog, on_watchdog, 10000, 0);
	if (!strstr(buf_cstr(&t->log), until))
		uv_run(&t->loop, UV_RUN_DEFAULT);
	t->until = NULL;
	if (t->late)
		printf("# still waiting for '%s' after: %.500s\n", until, buf_cstr(&t->log));
}

MAYBE_UNUSED static void test_close(struct test *t, const char *name)
{
	client_free(t->client);
	fake_close(&t->fake);
	uv_close((uv_handle_t *)&t->watchdog, NULL);
	uv_run(&t->loop, UV_RUN_DEFAULT);
	is_int(uv_loop_close(&t->loop), 0, "%s: everything on the loop is closed", name);
	buf_fini(&t->log);
	buf_fini(&t->seen);
	buf_fini(&t->why);
}

MAYBE_UNUSED static void is_log(struct test *t, const char *want, const char *name)
{
	is_text(t->log.p, t->log.n < 1000 ? t->log.n : 1000, want, "%s", name);
}

MAYBE_UNUSED static void ignore_text(struct fake_conn *c, struct str text)
{
	(void)c;
	(void)text;
}

/* The value of a member of what a client sent; enough for texts without escapes. */
MAYBE_UNUSED static const char *member(struct str text, const char *name)
{
	static char value[4][128];
	static int i;
	char key[64];
	const char *p;
	char *v = value[i++ & 3];

	snprintf(key, sizeof(key), "\"%s\":", name);
	p = memmem(text.p, text.n, key, strlen(key));
	*v = '\0';
	if (p) {
		p += strlen(key);
		p += *p == ' ';
		snprintf(v, sizeof(value[0]), "%.*s",
			(int)strcspn(p + (*p == '"'), *p == '"' ? "\"" : ",}"), p + (*p == '"'));
	}
	return v;
}

#endif
