/* What a client does over WebSocket, against a server that does what each test says. Events are noted as words in a log; a test
 * is what it expects there. Time is never waited for: the retry window is zero, and a watchdog ends a test that hangs. */
#include "client/client.h"
#include "support/fake.h"
#include "base/mem.h"
#include "tap.h"

#include <stdlib.h>
#include <sys/socket.h>

#define EPOCH "00000000000000aa-"

struct test {
	uv_loop_t loop;
	uv_timer_t watchdog;
	struct fake fake;
	struct client *client;
	struct client_conf conf;
	char url[64];
	struct buf log;
	const char *until;  /* the run ends when the log has this in it */
	bool late;
	void (*on_log)(struct test *t);
	int n;              /* free for scripts */
	struct buf seen;    /* free for scripts */
};

static struct test *T; /* the running one */

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

static void on_down(void *arg, struct str why, int64_t retry_in_ms)
{
	const char *clause = memmem(why.p, why.n, "': ", 3);

	(void)retry_in_ms;
	note(arg, "down(" STR_FMT ")", (int)(why.n - (size_t)(clause + 3 - why.p)), clause + 3);
}

static void on_subscribed(void *arg, struct str start, struct str head)
{
	note(arg, "subscribed(" STR_FMT "," STR_FMT ")", STR_ARG(start), STR_ARG(head));
}

static void on_message(void *arg, const struct client_msg *m)
{
	note(arg, STR_FMT "/" STR_FMT "=" STR_FMT, STR_ARG(m->room), STR_ARG(m->id), STR_ARG(m->payload));
}

static void on_gap(void *arg, const struct client_gap *g)
{
	note(arg, "gap(" STR_FMT "," STR_FMT "," STR_FMT ")", STR_ARG(g->room), STR_ARG(g->at), STR_ARG(g->reason));
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

static void on_outcome(void *arg, uint64_t tag, enum client_outcome what, struct str id, struct str reason)
{
	static const char *const words[] = { "acked", "dup", "refused" };

	note(arg, "%s(%d," STR_FMT ")", words[what], (int)tag, STR_ARG(what == CLIENT_REFUSED ? reason : id));
}

static void on_window(void *arg)
{
	note(arg, "window");
}

static void on_failed(void *arg, const struct err *e)
{
	note(arg, "failed(%s)", err_name(e->code));
	uv_stop(&((struct test *)arg)->loop);
}

static const struct client_events events = {
	.up = on_up, .down = on_down, .subscribed = on_subscribed, .message = on_message, .gap = on_gap,
	.position = on_position, .room_position = on_room_position, .at_end = on_end, .outcome = on_outcome,
	.window_open = on_window, .failed = on_failed,
};

/* --- running ---------------------------------------------------------------------------------- */

static void on_watchdog(uv_timer_t *timer)
{
	struct test *t = timer->data;

	t->late = true;
	uv_stop(&t->loop);
}

static void test_open(struct test *t, const char *scheme, const struct fake_script *script)
{
	struct err e = { 0 };

	*t = (struct test){ .conf = { .retry_first_ms = 5000, .retry_ms = 5000, .window = 8, .max_message = 4096 } };
	T = t;
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

static void reopen(struct test *t) /* with what the test changed in conf */
{
	client_free(t->client);
	t->client = client_new(&t->loop, &t->conf, &events, t, NULL);
}

static void subscribe(struct test *t, const char *room, const char *since)
{
	client_subscribe(t->client, str_of(room), str_of(since), NULL);
}

static int publish(struct test *t, const char *room, const char *text, const char *dedup, uint64_t tag)
{
	return client_publish(t->client, str_of(room), str_of(text), str_of(dedup), tag);
}

/* Runs until the log has `until` in it. */
static void run(struct test *t, const char *until)
{
	t->until = until;
	uv_timer_start(&t->watchdog, on_watchdog, 10000, 0);
	if (!strstr(buf_cstr(&t->log), until))
		uv_run(&t->loop, UV_RUN_DEFAULT);
	t->until = NULL;
	if (t->late)
		printf("# still waiting for '%s' after: %s\n", until, buf_cstr(&t->log));
}

static void test_close(struct test *t, const char *name)
{
	client_free(t->client);
	fake_close(&t->fake);
	uv_close((uv_handle_t *)&t->watchdog, NULL);
	uv_run(&t->loop, UV_RUN_DEFAULT);
	is_int(uv_loop_close(&t->loop), 0, "%s: everything on the loop is closed", name);
	buf_fini(&t->log);
	buf_fini(&t->seen);
}

static void is_log(struct test *t, const char *want, const char *name)
{
	is_text(t->log.p, t->log.n, want, "%s", name);
}

static void ignore_text(struct fake_conn *c, struct str text)
{
	(void)c;
	(void)text;
}

/* The value of a member of what a client sent; enough for texts without escapes. */
static const char *member(struct str text, const char *name)
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
		snprintf(v, sizeof(value[0]), "%.*s", (int)strcspn(p + (*p == '"'), *p == '"' ? "\"" : ",}"), p + (*p == '"'));
	}
	return v;
}

/* --- subscribing ------------------------------------------------------------------------------ */

static void resume_request(struct fake_conn *c)
{
	fake_upgrade(c);
	if (c->n == 0) {
		ok(fake_asked(c, "GET /ws?"), "subscribe: the path is /ws");
		ok(fake_asked(c, "room=a") && fake_asked(c, "room=b") && fake_asked(c, "since=earliest") &&
		   fake_asked(c, "meta=1") && fake_asked(c, "client="), "subscribe: rooms, since, meta and client in the query");
		fake_text(c, "{\"_op\":\"subscribed\",\"_room\":\"a\",\"_id\":\"" EPOCH "0\",\"head\":\"" EPOCH "3\"}");
		fake_text(c, "{\"_op\":\"subscribed\",\"_room\":\"b\",\"_id\":\"" EPOCH "0\",\"head\":\"" EPOCH "3\"}");
		fake_text(c, "{\"_id\":\"" EPOCH "1\",\"_room\":\"a\",\"_ts\":5,\"x\":1}");
		fake_text(c, "{\"_room\":\"a\",\"type\":\"typing\"}");
		fake_text(c, "{\"_op\":\"heartbeat\",\"_id\":\"" EPOCH "3\"}");
		fake_drop(c);
	} else {
		ok(fake_asked(c, "since=" EPOCH "3"), "resume: from the position of the connection");
		fake_text(c, "{\"_op\":\"subscribed\",\"_room\":\"a\",\"_id\":\"" EPOCH "3\",\"head\":\"" EPOCH "4\"}");
		fake_text(c, "{\"_op\":\"subscribed\",\"_room\":\"b\",\"_id\":\"" EPOCH "3\",\"head\":\"" EPOCH "4\"}");
		fake_text(c, "{\"_id\":\"" EPOCH "4\",\"_room\":\"b\",\"_ts\":5,\"y\":1}");
	}
}

static void test_resume(void)
{
	static const struct fake_script script = { .request = resume_request, .text = ignore_text };
	struct test t;

	test_open(&t, "ws", &script);
	subscribe(&t, "a", "earliest");
	subscribe(&t, "b", "earliest");
	client_start(t.client);
	run(&t, "\"y\"");
	is_log(&t, "up subscribed(" EPOCH "0," EPOCH "3) @" EPOCH "0 a/" EPOCH "1={\"x\":1} a/={\"type\":\"typing\"} "
	       "@" EPOCH "3 end down(the server closed the connection) up subscribed(" EPOCH "3," EPOCH "4) @" EPOCH "3 "
	       "b/" EPOCH "4={\"y\":1}", "resume: events in order, the end once");
	test_close(&t, "resume");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	setenv("RT_RETRY_WINDOW_MS", "0", 1);
	test_resume();
	return tap_done();
}
