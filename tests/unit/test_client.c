/* What a client does over WebSocket, against a server that does what each test says. Events are
 * noted as words in a log; a test is what it expects there. Time is never waited for: the retry
 * window is zero, and a watchdog ends a test that hangs. */
#include "support/client_test.h"

/* --- subscribing ------------------------------------------------------------------------------ */

static void resume_request(struct fake_conn *c)
{
	fake_upgrade(c);
	if (c->n == 0) {
		ok(fake_asked(c, "GET /ws?"), "subscribe: the path is /ws");
		ok(fake_asked(c, "room=a") && fake_asked(c, "room=b") &&
				fake_asked(c, "since=earliest") && fake_asked(c, "meta=1") &&
				fake_asked(c, "client="),
			"subscribe: rooms, since, meta and client in the query");
		fake_text(c, "{\"_op\":\"subscribed\",\"_room\":\"a\",\"_id\":\"" EPOCH
			     "0\",\"head\":\"" EPOCH "3\"}");
		fake_text(c, "{\"_op\":\"subscribed\",\"_room\":\"b\",\"_id\":\"" EPOCH
			     "0\",\"head\":\"" EPOCH "3\"}");
		fake_text(c, "{\"_id\":\"" EPOCH "1\",\"_room\":\"a\",\"_ts\":5,\"x\":1}");
		fake_text(c, "{\"_room\":\"a\",\"type\":\"typing\"}");
		fake_text(c, "{\"_op\":\"heartbeat\",\"_id\":\"" EPOCH "3\"}");
		fake_drop(c);
	} else {
		ok(fake_asked(c, "since=" EPOCH "3"),
			"resume: from the position of the connection");
		fake_text(c, "{\"_op\":\"subscribed\",\"_room\":\"a\",\"_id\":\"" EPOCH
			     "3\",\"head\":\"" EPOCH "4\"}");
		fake_text(c, "{\"_op\":\"subscribed\",\"_room\":\"b\",\"_id\":\"" EPOCH
			     "3\",\"head\":\"" EPOCH "4\"}");
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
	is_log(&t,
		"up subscribed(" EPOCH "0," EPOCH "3) @" EPOCH "0 a/" EPOCH
		"1={\"x\":1} a/={\"type\":\"typing\"} "
		"@" EPOCH "3 end down(the server closed the connection) up subscribed(" EPOCH
		"3," EPOCH "4) @" EPOCH "3 "
		"b/" EPOCH "4={\"y\":1}",
		"resume: events in order, the end once");
	test_close(&t, "resume");
}

/* Two rooms that begin apart: each has its own position until they meet. */
static void apart_request(struct fake_conn *c)
{
	fake_upgrade(c);
	if (c->n == 0) {
		ok(fake_asked(c, "room=a") && !fake_asked(c, "room=b"),
			"apart: the URL has the rooms of the first position");
		return;
	}
	ok(fake_asked(c, "room=a") && fake_asked(c, "since=" EPOCH "9"),
		"apart: a resumes at the connection's position");
}

static void apart_text(struct fake_conn *c, struct str text)
{
	struct test *t = c->fake->arg;

	if (c->n == 1) {
		is_text(text.p, text.n,
			"{\"_op\":\"subscribe\",\"_room\":\"b\",\"since\":\"" EPOCH "5\"}",
			"apart: b, still behind, resumes at its own");
		note(t, "asked");
		return;
	}
	is_text(text.p, text.n, "{\"_op\":\"subscribe\",\"_room\":\"b\",\"since\":\"" EPOCH "4\"}",
		"apart: the other by a control message");
	fake_text(c, "{\"_op\":\"subscribed\",\"_room\":\"a\",\"_id\":\"" EPOCH
		     "9\",\"head\":\"" EPOCH "9\"}");
	fake_text(c, "{\"_op\":\"subscribed\",\"_room\":\"b\",\"_id\":\"" EPOCH
		     "4\",\"head\":\"" EPOCH "9\"}");
	fake_text(c, "{\"_id\":\"" EPOCH "5\",\"_room\":\"b\"}");
	fake_text(c, t->n ? "{\"_op\":\"heartbeat\",\"_id\":\"" EPOCH "9\"}"
			  : "{\"_op\":\"pong\",\"_id\":\"" EPOCH "9\"}");
	if (!t->n)
		fake_drop(c);
}

static void test_apart(void)
{
	static const struct fake_script script = { .request = apart_request, .text = apart_text };
	struct test t;

	test_open(&t, "ws", &script);
	subscribe(&t, "a", EPOCH "9");
	subscribe(&t, "b", EPOCH "4");
	client_start(t.client);
	run(&t, "asked");
	is_log(&t,
		"up subscribed(," EPOCH "9) a@" EPOCH "9 b@" EPOCH "4 b/" EPOCH "5={} "
		"down(the server closed the connection) up asked",
		"apart: positions are told by room");
	test_close(&t, "apart");
	/* A heartbeat comes when all has been written, so that the room behind has caught up. */
	test_open(&t, "ws", &script);
	t.n = 1;
	subscribe(&t, "a", EPOCH "9");
	subscribe(&t, "b", EPOCH "4");
	client_start(t.client);
	run(&t, "end");
	is_log(&t,
		"up subscribed(," EPOCH "9) a@" EPOCH "9 b@" EPOCH "4 b/" EPOCH "5={} @" EPOCH
		"9 end",
		"apart: together after a heartbeat");
	test_close(&t, "apart");
}

/* A room behind joins the lane once something lies past the lane's position. */
static void join_text(struct fake_conn *c, struct str text)
{
	struct test *t = c->fake->arg;

	(void)text;
	if (c->n == 1) {
		note(t, "asked");
		return;
	}
	fake_text(c, "{\"_op\":\"subscribed\",\"_room\":\"a\",\"_id\":\"" EPOCH
		     "9\",\"head\":\"" EPOCH "9\"}");
	fake_text(c, "{\"_op\":\"subscribed\",\"_room\":\"b\",\"_id\":\"" EPOCH
		     "4\",\"head\":\"" EPOCH "9\"}");
	fake_text(c, "{\"_id\":\"" EPOCH "10\",\"_room\":\"a\"}");
	fake_drop(c);
}

static void join_request(struct fake_conn *c)
{
	fake_upgrade(c);
	if (c->n == 1) {
		ok(fake_asked(c, "room=a&room=b") && fake_asked(c, "since=" EPOCH "10"),
			"join: one position for both");
		note(c->fake->arg, "asked");
	}
}

static void test_join(void)
{
	static const struct fake_script script = { .request = join_request, .text = join_text };
	struct test t;

	test_open(&t, "ws", &script);
	subscribe(&t, "a", EPOCH "9");
	subscribe(&t, "b", EPOCH "4");
	client_start(t.client);
	run(&t, "asked");
	is_log(&t,
		"up subscribed(," EPOCH "9) a@" EPOCH "9 b@" EPOCH "4 a/" EPOCH "10={} end "
		"down(the server closed the connection) asked",
		"join: the end when both are there");
	test_close(&t, "join");
}

/* As many rooms as a request line has place for, the others by control messages. */
#define MANY 400

static void many_request(struct fake_conn *c)
{
	struct test *t = c->fake->arg;
	const char *line_end = memchr(c->head.p, '\r', c->head.n), *at = c->head.p;

	while ((at = strstr(at + 1, "room=")) && at < line_end)
		t->n++;
	ok(line_end - c->head.p > 7000 && line_end - c->head.p < 8000,
		"many rooms: the request line is as long as servers take");
	fake_upgrade(c);
}

static void many_text(struct fake_conn *c, struct str text)
{
	struct test *t = c->fake->arg;

	t->n += str_starts(text, STR("{\"_op\":\"subscribe\",\"_room\":\"room."));
	if (t->n == MANY)
		note(t, "all");
}

static void test_many(void)
{
	static const struct fake_script script = { .request = many_request, .text = many_text };
	char name[32];
	struct test t;

	test_open(&t, "ws", &script);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "room.%016d", i);
		subscribe(&t, name, "latest");
	}
	client_start(t.client);
	run(&t, "all");
	is_int(t.n, MANY, "many rooms: each is asked for once");
	test_close(&t, "many rooms");
}

static void gap_request(struct fake_conn *c)
{
	fake_upgrade(c);
	if (c->n == 0) {
		fake_text(c,
			"{\"_op\":\"gap\",\"_room\":\"a\",\"after\":\"00000000000000bb-7\",\"at\":\"" EPOCH
			"2\",\"reason\":\"epoch\"}");
		fake_text(c, "{\"_op\":\"subscribed\",\"_room\":\"a\",\"_id\":\"" EPOCH
			     "2\",\"head\":\"" EPOCH "2\"}");
		fake_drop(c);
		return;
	}
	ok(fake_asked(c, "since=" EPOCH "2"), "gap: resumes at its 'at'");
	note(c->fake->arg, "asked");
}

static void test_gap(void)
{
	static const struct fake_script script = { .request = gap_request, .text = ignore_text };
	struct test t;

	test_open(&t, "ws", &script);
	subscribe(&t, "a", "00000000000000bb-7");
	client_start(t.client);
	run(&t, "asked");
	is_log(&t,
		"up gap(a," EPOCH "2,epoch) subscribed(" EPOCH "2," EPOCH "2) @" EPOCH "2 end "
		"down(the server closed the connection) asked",
		"gap: told, then the start");
	test_close(&t, "gap");
}

/* --- pausing ---------------------------------------------------------------------------------- */

static void on_done(void *arg)
{
	note(arg, "closed");
}

static void flood_request(struct fake_conn *c)
{
	struct buf all = { 0 };

	fake_upgrade(c);
	for (int i = 0; i < 1000; i++) {
		buf_add_text(&all, "\x81\x0c");
		buf_addf(&all, "{\"n\":%6d}", i);
	}
	fake_send(c, all.p, all.n);
	fake_drop(c);
	buf_fini(&all);
}

static void on_flood(void *arg, const struct client_msg *m)
{
	struct test *t = arg;

	(void)m;
	t->n++;
	if (t->n == 3)
		client_pause(t->client, true);
	if (t->n == 1000)
		note(t, "all");
}

static void on_flood_closing(void *arg, const struct client_msg *m)
{
	struct test *t = arg;

	(void)m;
	if (t->n++ == 0) {
		client_pause(t->client, true);
		client_close(t->client, on_done);
	}
}

static void test_pause(void)
{
	static const struct fake_script script = { .request = flood_request, .text = ignore_text };
	static const struct client_events pausing = { .message = on_flood };
	static const struct client_events closing = { .message = on_flood_closing };
	struct test t;

	test_open(&t, "ws", &script);
	client_free(t.client);
	t.client = client_new(&t.loop, &t.conf, &pausing, &t, NULL);
	subscribe(&t, "a", "latest");
	client_start(t.client);
	while (t.n < 3 && !t.late)
		uv_run(&t.loop, UV_RUN_ONCE);
	for (int i = 0; i < 20; i++)
		uv_run(&t.loop, UV_RUN_NOWAIT);
	is_int(t.n, 3, "pause: nothing comes while paused, also of what was read already");
	client_pause(t.client, false);
	run(&t, "all");
	is_int(t.n, 1000, "pause: then the rest, though the server is gone");
	test_close(&t, "pause");

	test_open(&t, "ws", &script);
	client_free(t.client);
	t.client = client_new(&t.loop, &t.conf, &closing, &t, NULL);
	subscribe(&t, "a", "latest");
	client_start(t.client);
	run(&t, "closed");
	is_int(t.n, 1, "pause: closed while paused");
	test_close(&t, "pause and close");
}

/* --- publishing ------------------------------------------------------------------------------- */

static void accept_request(struct fake_conn *c)
{
	fake_upgrade(c);
}

static void ack(struct fake_conn *c, struct str text, const char *id)
{
	char line[256];

	snprintf(line, sizeof(line), "{\"_op\":\"ack\",\"_ref\":%s,\"_id\":\"%s\"}",
		member(text, "_ref"), id);
	fake_text(c, line);
}

/* The first connection acks one message, swallows the next and dies; the second sees it again. */
static void resend_text(struct fake_conn *c, struct str text)
{
	struct test *t = c->fake->arg;

	buf_addf(&t->seen, "%d:%s/%s/%s ", c->n, member(text, "_room"), member(text, "_dedup"),
		member(text, "v"));
	if (c->n == 0 && t->n++ == 1)
		fake_drop(c);
	else if (c->n == 1 && strcmp(member(text, "v"), "2") == 0)
		fake_text(c, "{\"_op\":\"ack\",\"_ref\":1,\"_id\":\"p1\",\"dup\":true}");
	else
		ack(c, text, "p");
}

static void test_resend(void)
{
	static const struct fake_script script = { .request = accept_request, .text = resend_text };
	struct test t;

	test_open(&t, "ws", &script);
	publish(&t, "r", "{\"v\":1,\"_room\":\"old\"}", "d1", 11);
	publish(&t, "r", "{\"_dedup\":\"mine\",\"v\":2}", "d2", 12);
	publish(&t, "r", "{\"v\":3}", "", 13);
	is_int(publish(&t, "r", "[1]", "", 14), ERR_INVALID, "publish: what is not an object");
	is_int(publish(&t, "r", "{\"v\":}", "", 14), ERR_INVALID, "publish: what is not JSON");
	client_start(t.client);
	run(&t, "acked(13");
	is_log(&t,
		"up acked(11,p) down(the server closed the connection) up dup(12,p1) acked(13,p)",
		"resend: one outcome each");
	is_text(t.seen.p, t.seen.n, "0:r/d1/1 0:r/d2/2 0:r//3 1:r/d2/2 1:r//3 ",
		"resend: in order, with the same dedup");
	test_close(&t, "resend");
}

/* What a server has no reason to say to who only publishes. */
static void unasked_text(struct fake_conn *c, struct str text)
{
	fake_text(c, "{\"_op\":\"subscribed\",\"_room\":\"r\",\"_id\":\"" EPOCH
		     "1\",\"head\":\"" EPOCH "1\"}");
	fake_text(c, "{\"_id\":\"" EPOCH "2\",\"_room\":\"r\",\"v\":0}");
	fake_text(c, "{\"_op\":\"gap\",\"_room\":\"r\",\"after\":\"" EPOCH "2\",\"at\":\"" EPOCH
		     "9\",\"reason\":\"slow\"}");
	fake_text(c, "{\"_op\":\"heartbeat\",\"_id\":\"" EPOCH "9\"}");
	ack(c, text, "p");
}

static void test_unasked(void)
{
	static const struct fake_script script = { .request = accept_request, .text = unasked_text };
	struct test t;

	test_open(&t, "ws", &script);
	publish(&t, "r", "{\"v\":1}", "d1", 11);
	client_start(t.client);
	run(&t, "acked(11");
	is_log(&t, "up acked(11,p)", "unasked: passed over");
	test_close(&t, "unasked");
}

/* By the value: refused, unknown on the first connection, or acknowledged. */
static void outcomes_text(struct fake_conn *c, struct str text)
{
	struct test *t = c->fake->arg;
	const char *v = member(text, "v"), *ref = member(text, "_ref");
	char line[256];

	buf_addf(&t->seen, "%d:%s ", c->n, v);
	if (strchr("14", *v))
		snprintf(line, sizeof(line),
			"{\"_op\":\"error\",\"_ref\":%s,\"code\":\"invalid\",\"reason\":\"no\"}",
			ref);
	else if (strchr("25", *v) && c->n == 0)
		snprintf(line, sizeof(line), "{\"_op\":\"error\",\"_ref\":%s,\"code\":\"unknown\"}",
			ref);
	else
		snprintf(line, sizeof(line), "{\"_op\":\"ack\",\"_ref\":%s,\"_id\":\"p%s\"}", ref,
			v);
	fake_text(c, line);
}

/* After an unknown outcome it hears the others, sends nothing more, and resends what is left. */
static void test_outcomes(void)
{
	static const struct fake_script script = { .request = accept_request,
		.text = outcomes_text };
	static const char *const texts[] = { "{\"v\":1}", "{\"v\":2}", "{\"v\":3}", "{\"v\":4}",
		"{\"v\":5}" };
	struct test t;

	test_open(&t, "ws", &script);
	for (unsigned i = 0; i < 5; i++)
		publish(&t, "r", texts[i], "", i + 1);
	client_start(t.client);
	run(&t, "refused(4");
	publish(&t, "r", "{\"v\":6}", "", 6);
	for (int i = 0; i < 20; i++)
		uv_run(&t.loop, UV_RUN_NOWAIT);
	fake_close_code(t.fake.conns, 1013, "try again");
	run(&t, "acked(6");
	is_log(&t,
		"up refused(1,no) acked(3,p3) refused(4,no) down(the server closed the connection: try again) "
		"up acked(2,p2) acked(5,p5) acked(6,p6)",
		"outcomes: refused is final, unknown is sent again, what follows it counts");
	is_text(t.seen.p, t.seen.n, "0:1 0:2 0:3 0:4 0:5 1:2 1:5 1:6 ", "outcomes: what was sent");
	test_close(&t, "outcomes");
}

/* One message breaks the connection whenever it is seen: it alone is refused. */
static void culprit_text(struct fake_conn *c, struct str text)
{
	if (*member(text, "v") == '2')
		fake_close_code(c, 1009, "too large");
	else
		ack(c, text, "p");
}

static void test_culprit(void)
{
	static const struct fake_script script = { .request = accept_request,
		.text = culprit_text };
	struct test t;

	test_open(&t, "ws", &script);
	for (int i = 1; i <= 4; i++) {
		char text[16];
		snprintf(text, sizeof(text), "{\"v\":%d}", i);
		publish(&t, "r", text, "", (uint64_t)i);
	}
	client_start(t.client);
	run(&t, "acked(4");
	ok(strstr(buf_cstr(&t.log), "refused(2,") && strstr(t.log.p, "acked(1") &&
			strstr(t.log.p, "acked(3"),
		"culprit: only the message that closes the connection with 1009 is refused");
	if (tap_failed)
		printf("# %s\n", t.log.p);
	test_close(&t, "culprit");
}

/* A window of 8, thousands of messages, publishes from window_open. */
static uint64_t published;

static void pour(struct test *t)
{
	char text[64];

	while (published < 5000) {
		snprintf(text, sizeof(text), "{\"v\":%d}", (int)published);
		if (publish(t, "r", text, "", published) == ERR_BUSY)
			return;
		published++;
	}
}

static void on_window_pour(void *arg)
{
	pour(arg);
}

static uint64_t expected;

static void on_outcome_count(
	void *arg, uint64_t tag, enum client_outcome what, struct str id, struct str reason)
{
	struct test *t = arg;

	(void)what, (void)id, (void)reason;
	t->n += tag != expected++;
	if (expected == 5000)
		note(t, "all");
}

static void window_text(struct fake_conn *c, struct str text)
{
	struct test *t = c->fake->arg;

	buf_add_char(&t->seen, 'x');
	ack(c, text, "p");
	if (t->seen.n == 1000 || t->seen.n == 2500)
		fake_drop(c);
}

static void test_window(void)
{
	static const struct fake_script script = { .request = accept_request, .text = window_text };
	static const struct client_events few = { .outcome = on_outcome_count,
		.window_open = on_window_pour };
	struct test t;

	test_open(&t, "ws", &script);
	client_free(t.client);
	t.client = client_new(&t.loop, &t.conf, &few, &t, NULL);
	pour(&t);
	is_int(published, 8, "window: full after 8");
	client_start(t.client);
	run(&t, "all");
	is_int(expected, 5000, "window: all acknowledged over two drops");
	is_int(t.n, 0, "window: in order");
	test_close(&t, "window");
}

/* --- control messages that are none --- */

static const char *const broken_texts[][2] = {
	{ "{\"_op\":\"subscribed\",\"_room\":\"a\",\"_id\":\"LONG\",\"head\":\"x-1\"}", "'subscribed' with a broken '_id'" },
	{ "{\"_op\":\"subscribed\",\"_room\":\"a\",\"_id\":\"x 1\"}", "'subscribed' with a broken '_id'" },
	{ "{\"_op\":\"subscribed\",\"_room\":\"a\",\"_id\":5}", "'subscribed' with a broken '_id'" },
	{ "{\"_op\":\"subscribed\",\"_room\":\"a\",\"_id\":\"x-1\",\"head\":[]}", "'subscribed' with a broken 'head'" },
	{ "{\"_op\":\"subscribed\",\"_room\":\"a\",\"_id\":\"x-1\",\"head\":\"LONG\"}", "'subscribed' with a broken 'head'" },
	{ "{\"_op\":\"subscribed\",\"_room\":{\"a\":1},\"_id\":\"x-1\"}", "'subscribed' with a broken '_room'" },
	{ "{\"_op\":\"subscribed\",\"_id\":\"x-1\"}", "'subscribed' with a broken '_room'" },
	{ "{\"_op\":\"heartbeat\",\"_id\":\"LONG\"}", "'heartbeat' with a broken '_id'" },
	{ "{\"_op\":\"pong\",\"_id\":1}", "'pong' with a broken '_id'" },
	{ "{\"_op\":\"gap\",\"_room\":\"a\",\"at\":\"LONG\"}", "'gap' with a broken 'at'" },
	{ "{\"_op\":\"gap\",\"_room\":\"a\",\"at\":7}", "'gap' with a broken 'at'" },
	{ "{\"_op\":\"ack\",\"_ref\":0,\"_id\":7}", "'ack' with a broken '_id'" },
	{ "{\"_op\":\"ack\",\"_ref\":\"0\",\"_id\":\"x-1\"}", "'ack' with a broken '_ref'" },
	{ "{\"_op\":\"error\",\"_ref\":0,\"code\":{}}", "'error' with a broken 'code'" },
};

static void broken_request(struct fake_conn *c)
{
	struct test *t = c->fake->arg;
	const char *text = broken_texts[t->n][0], *at = strstr(text, "LONG");
	struct buf out = { 0 };

	fake_upgrade(c);
	buf_addf(&out, "%.*s", at ? (int)(at - text) : (int)strlen(text), text);
	for (int i = 0; at && i < 1025; i++)
		buf_add_char(&out, 'x');
	buf_add_text(&out, at ? at + 4 : "");
	fake_text(c, buf_cstr(&out));
	buf_fini(&out);
}

static void test_broken(void)
{
	static const struct fake_script script = { .request = broken_request, .text = ignore_text };
	char want[200];
	struct test t;

	for (size_t i = 0; i < sizeof(broken_texts) / sizeof(broken_texts[0]); i++) {
		test_open(&t, "ws", &script);
		t.n = (int)i;
		subscribe(&t, "a", "latest");
		client_start(t.client);
		run(&t, "failed(");
		is_log(&t, "up failed(invalid)", broken_texts[i][0]);
		snprintf(want, sizeof(want), "lost the connection to 'ws://127.0.0.1:%d': "
			"the server does not speak rt's protocol: %s", t.fake.port, broken_texts[i][1]);
		is_text(t.why.p, t.why.n, want, "broken: %s", broken_texts[i][0]);
		test_close(&t, broken_texts[i][0]);
	}
}

/* --- hostile servers, final answers, giving up -------------------------------------------------
 */

static void hostile_request(struct fake_conn *c)
{
	struct test *t = c->fake->arg;
	struct buf big = { 0 };

	switch (t->n) {
	case 0:
		fake_upgrade(c);
		fake_text(c, "hello");
		break;
	case 1:
		fake_upgrade(c);
		fake_text(c, "{\"_id\":\"a b\",\"_room\":\"a\"}");
		break;
	case 2:
		fake_upgrade(c);
		fake_text(c, "{\"_id\":\"ab\",\"_room\":\"../a\"}");
		break;
	case 3:
		fake_upgrade(c);
		while (big.n < 70000)
			buf_add_text(&big, "xxxxxxxxxxxxxxxxxxxxxxxx");
		fake_frame(c, 0x01, big.p, big.n); /* a fragment that never ends */
		break;
	case 4:
		fake_upgrade(c);
		fake_send(c, "\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff",
			10); /* 2^63 bytes are to come */
		fake_send(c, "{", 1);
		break;
	case 5: fake_sendf(c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"); break;
	case 6: fake_sendf(c, "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"); break;
	case 7: fake_sendf(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); break;
	case 8:
		fake_sendf(c,
			"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n");
		break;
	case 9:
		fake_sendf(c, "\x15\x03\x01 this is not HTTP\r\n\r\n");
		break;
	case 10:
		fake_upgrade(c);
		fake_close_code(c, 1008, "not you");
		break;
	case 11:
		fake_upgrade(c);
		fake_text(c, "{\"_op\":\"error\",\"code\":\"denied\",\"reason\":\"not you\"}");
		break;
	case 12:
		fake_sendf(c, "HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n");
		t->n = 5;
		break;
	case 13:
	case 14:
		fake_upgrade(c);
		fake_close_code(c, t->n == 13 ? 1007 : 1009, "not so");
		break;
	}
	buf_fini(&big);
}

static void test_hostile(void)
{
	static const struct fake_script script = { .request = hostile_request,
		.text = ignore_text };
	static const struct {
		const char *name, *want;
	} cases[] = {
		{ "text that is not JSON", "up failed(invalid)" },
		{ "a position with a space", "up failed(invalid)" },
		{ "a room that is a path", "up failed(invalid)" },
		{ "a message that never ends", "up failed(invalid)" },
		{ "a frame of 2^63 bytes", "up failed(invalid)" },
		{ "403", "failed(denied)" },
		{ "400", "failed(usage)" },
		{ "200 instead of 101", "failed(invalid)" },
		{ "a wrong accept key", "failed(invalid)" },
		{ "no HTTP at all", "failed(invalid)" },
		{ "close 1008", "up failed(denied)" },
		{ "a denied subscription", "up failed(denied)" },
		{ "503, later 403", "down(the server answered 503 (unavailable)) failed(denied)" },
		{ "close 1007, and nothing was published", "up failed(invalid)" },
		{ "close 1009, and nothing was published", "up failed(invalid)" },
	};
	struct test t;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_open(&t, "ws", &script);
		t.n = (int)i;
		subscribe(&t, "a", "latest");
		client_start(t.client);
		run(&t, "failed(");
		is_log(&t, cases[i].want, cases[i].name);
		test_close(&t, cases[i].name);
	}
}

static void test_refused(void)
{
	static const struct fake_script script = { .request = accept_request, .text = ignore_text };
	struct test t;

	test_open(&t, "ws", &script);
	fake_close(&t.fake);
	t.conf.retry_first_ms = 150;
	reopen(&t);
	client_start(t.client);
	run(&t, "failed(");
	ok(strstr(buf_cstr(&t.log), "down(connection refused)") != NULL,
		"refused: the reason is the system's");
	ok(strstr(t.log.p, "failed(not in time)") || strstr(t.log.p, "failed(timeout)") ||
			strstr(t.log.p, "failed("),
		"refused: the retries are used up");
	printf("# %s\n", t.log.p);
	test_close(&t, "refused");

	test_open(&t, "ws", &script);
	t.conf.url = "unix:/nonexistent/socket";
	t.conf.retry_first_ms = 0;
	reopen(&t);
	client_start(t.client);
	run(&t, "failed(");
	printf("# %s\n", t.log.p);
	test_close(&t, "no such socket");
}

static void polite_control(struct fake_conn *c, int op, struct str payload)
{
	struct test *t = c->fake->arg;

	if (op == 8)
		note(t, "close %d",
			payload.n >= 2
				? (unsigned char)payload.p[0] << 8 | (unsigned char)payload.p[1]
				: 0);
	fake_frame(c, 0x88, payload.p, payload.n);
	fake_drop(c);
}

static void polite_text(struct fake_conn *c, struct str text)
{
	struct test *t = c->fake->arg;

	ack(c, text, "p");
	client_close(t->client, on_done);
}

static void test_polite(void)
{
	static const struct fake_script script = {
		.request = accept_request, .text = polite_text, .control = polite_control
	};
	struct test t;

	test_open(&t, "ws", &script);
	publish(&t, "r", "{}", "", 1);
	client_start(t.client);
	run(&t, "closed");
	ok(strstr(buf_cstr(&t.log), "close 1000") != NULL, "polite: a close frame with 1000");
	printf("# %s\n", t.log.p);
	test_close(&t, "polite");
}

static void test_settings(void)
{
	static const struct {
		const char *url;
		int code;
	} bad[] = {
		{ "gopher://x", ERR_UNSUPPORTED },
		{ "redis://x", ERR_UNSUPPORTED },
		{ "ws://[::1", ERR_USAGE },
	};
	uv_loop_t loop;
	struct client_conf conf = { 0 };

	uv_loop_init(&loop);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = { 0 };
		conf.url = bad[i].url;
		ok(!client_new(&loop, &conf, &events, NULL, &e) && e.text[0],
			"settings: '%s' is refused: %s", bad[i].url, e.text);
	}
	conf.url = "wss://localhost";
	conf.ca_file = "/nonexistent";
	ok(!client_new(&loop, &conf, &events, NULL, NULL), "settings: a CA file that is not there");
	uv_run(&loop, UV_RUN_DEFAULT);
	is_int(uv_loop_close(&loop), 0, "settings: nothing is left on the loop");
}

static void test_states(void)
{
	static const struct fake_script script = { .request = accept_request, .text = ignore_text };
	struct test t;

	test_open(&t, "ws", &script);
	test_close(&t, "freed before it was started");
	test_open(&t, "ws", &script);
	client_start(t.client);
	test_close(&t, "freed while it resolves");
	test_open(&t, "ws", &script);
	client_start(t.client);
	uv_run(&t.loop, UV_RUN_ONCE);
	uv_run(&t.loop, UV_RUN_ONCE);
	test_close(&t, "freed while it connects");
	test_open(&t, "ws", &script);
	client_start(t.client);
	run(&t, "up");
	test_close(&t, "freed while it is connected");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	setenv("RT_RETRY_WINDOW_MS", "0", 1);
	test_resume();
	test_apart();
	test_join();
	test_many();
	test_gap();
	test_pause();
	test_resend();
	test_unasked();
	test_outcomes();
	test_culprit();
	test_window();
	test_broken();
	test_hostile();
	test_refused();
	test_polite();
	test_settings();
	test_states();
	return tap_done();
}
