/* What a client does over HTTP, against a server that does what each test says. */
#include "support/client_test.h"

static void publish_nothing(struct fake_conn *c, struct str text)
{
	(void)c;
	(void)text;
}

/* --- /stream ---------------------------------------------------------------------------------- */

static void stream_request(struct fake_conn *c)
{
	if (c->n == 0) {
		ok(fake_asked(c, "GET /stream?") && fake_asked(c, "room=a&room=b") &&
				fake_asked(c, "since=earliest"),
			"stream: rooms of one position in one request");
		fake_stream(c, 200, "Rt-Next: " EPOCH "0\r\nRt-Head: " EPOCH "3\r\n");
		fake_chunk(c, "{\"_id\":\"" EPOCH "1\",\"_room\":\"a\",\"x\":1}\n{\"_id\":\"" EPOCH
			      "2\",");
		fake_chunk(c, "\"_room\":\"b\",\"x\":2}\n\n");
		fake_chunk(c, "{\"_op\":\"heartbeat\",\"_id\":\"" EPOCH "3\"}\n");
		fake_drop(c);
	} else {
		ok(fake_asked(c, "since=" EPOCH "3"),
			"stream: resumes at the heartbeat's position");
		fake_stream(c, 200, "Rt-Next: " EPOCH "3\r\nRt-Head: " EPOCH "3\r\n");
		fake_chunk(c, "{\"_op\":\"gap\",\"_room\":\"a\",\"after\":\"" EPOCH
			      "3\",\"at\":\"" EPOCH "7\",\"reason\":\"slow\"}\n");
	}
}

static void test_stream(void)
{
	static const struct fake_script script = { .request = stream_request,
		.text = publish_nothing };
	struct test t;

	test_open(&t, "http", &script);
	subscribe(&t, "a", "earliest");
	subscribe(&t, "b", "earliest");
	client_start(t.client);
	run(&t, "gap(");
	is_log(&t,
		"up subscribed(" EPOCH "0," EPOCH "3) @" EPOCH "0 a/" EPOCH "1={\"x\":1} b/" EPOCH
		"2={\"x\":2} @" EPOCH "3 end "
		"down(the server closed the connection) up subscribed(" EPOCH "3," EPOCH
		"3) @" EPOCH "3 gap(a," EPOCH "7,slow)",
		"stream: events in order");
	test_close(&t, "stream");
}

static void lanes_request(struct fake_conn *c)
{
	struct test *t = c->fake->arg;

	if (fake_asked(c, "room=a")) {
		ok(!fake_asked(c, "room=b"), "lanes: one request for each position");
		fake_stream(c, 200, "Rt-Next: " EPOCH "9\r\nRt-Head: " EPOCH "9\r\n");
	} else {
		fake_stream(c, 200, "Rt-Next: " EPOCH "4\r\nRt-Head: " EPOCH "9\r\n");
		fake_chunk(c, "{\"_id\":\"" EPOCH "5\",\"_room\":\"b\"}\n");
		fake_chunk(c, "{\"_op\":\"heartbeat\",\"_id\":\"" EPOCH "9\"}\n");
	}
	t->n++;
}

static void test_lanes(void)
{
	static const struct fake_script script = { .request = lanes_request,
		.text = publish_nothing };
	struct test t;

	test_open(&t, "http", &script);
	subscribe(&t, "a", EPOCH "9");
	subscribe(&t, "b", EPOCH "4");
	client_start(t.client);
	run(&t, "end");
	ok(strstr(buf_cstr(&t.log), "subscribed(,") && strstr(t.log.p, "@" EPOCH "9 end"),
		"lanes: the end when both are there");
	is_int(t.n, 2, "lanes: two requests");
	test_close(&t, "lanes");
}

/* --- /events ---------------------------------------------------------------------------------- */

static void sse_request(struct fake_conn *c)
{
	struct test *t = c->fake->arg;

	if (t->n++ == 0) {
		ok(fake_asked(c, "GET /events?"), "sse: the path");
		fake_stream(c, 200,
			"Content-Type: text/event-stream; charset=utf-8\r\nRt-Head: " EPOCH
			"3\r\n");
		fake_chunk(c, ": hello\n\nid: " EPOCH "0\n\n");
		fake_chunk(c,
			"id: " EPOCH "1\ndata: {\"x\":1}\n\ndata: {\"type\":\"user_joined\"}\n\n");
		fake_chunk(c, "event: news\nid: " EPOCH "2\ndata: [1]\n\n");
		fake_chunk(c, "event: gap\nid: " EPOCH
			      "3\ndata: {\"_op\":\"gap\",\"_room\":\"a\",\"at\":\"" EPOCH
			      "3\",\"reason\":\"bus\"}\n\n");
		fake_chunk(c, "id: " EPOCH "4\n\n");
		fake_chunk_end(c);
	} else {
		ok(fake_asked(c, "since=" EPOCH "4"), "sse: resumes at the last bare id");
		fake_sendf(
			c, "HTTP/1.1 403 No\r\nContent-Length: 20\r\n\r\n{\"detail\":\"not you\"}");
	}
}

static void test_sse(void)
{
	static const struct fake_script script = { .request = sse_request,
		.text = publish_nothing };
	struct test t;

	test_open(&t, "sse+http", &script);
	subscribe(&t, "a", "earliest");
	client_start(t.client);
	run(&t, "failed");
	is_log(&t,
		"up subscribed(" EPOCH "0," EPOCH "3) @" EPOCH "0 a/" EPOCH
		"1={\"x\":1} a/={\"type\":\"user_joined\"} "
		"a/" EPOCH "2={\"event\":\"news\",\"data\":[1]} gap(a," EPOCH "3,bus) end @" EPOCH
		"4 "
		"down(the server closed the connection) failed(denied)",
		"sse: events in order");
	test_close(&t, "sse");
}

static void raw_request(struct fake_conn *c)
{
	ok(fake_asked(c, "GET /feed?x=1 "), "raw: the path as given");
	fake_stream(c, 200, "Content-Type: text/event-stream\r\n");
	fake_chunk(c, "event: a\ndata: not json\ndata: two\n\n");
}

static void test_raw(void)
{
	static const struct fake_script script = { .request = raw_request,
		.text = publish_nothing };
	struct test t;

	test_open(&t, "sse+http", &script);
	strcat(t.url, "/feed?x=1");
	t.conf.raw = true;
	reopen(&t);
	client_start(t.client);
	run(&t, "two");
	is_log(&t, "up /=not json\ntwo", "raw: data of events");
	is_int(publish(&t, "", "x", "", 1), ERR_UNSUPPORTED, "raw: publishing has no way");
	test_close(&t, "raw");
}

/* --- /poll ------------------------------------------------------------------------------------ */

static void poll_answer(struct fake_conn *c, int status, const char *next, const char *body)
{
	fake_sendf(c, "HTTP/1.1 %d X\r\nRt-Next: %s\r\nRt-Head: " EPOCH "2\r\n", status, next);
	if (status == 204)
		fake_sendf(c, "\r\n");
	else
		fake_sendf(c, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
}

static void poll_request(struct fake_conn *c)
{
	struct test *t = c->fake->arg;

	switch (t->n++) {
	case 0:
		ok(fake_asked(c, "GET /poll?") && fake_asked(c, "since=earliest") &&
				fake_asked(c, "timeout=25"),
			"poll: the target");
		poll_answer(c, 200, EPOCH "2",
			"{\"_id\":\"" EPOCH "1\",\"_room\":\"a\"}\n{\"_id\":\"" EPOCH
			"2\",\"_room\":\"a\"}\n");
		break;
	case 1:
		ok(fake_asked(c, "since=" EPOCH "2"), "poll: goes on at Rt-Next");
		poll_answer(c, 204, EPOCH "5", "");
		break;
	case 2:
		ok(fake_asked(c, "since=" EPOCH "5"), "poll: also after 204");
		fake_sendf(c, "HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n");
		break;
	case 3:
		ok(fake_asked(c, "since=" EPOCH "5"), "poll: and after an outage");
		poll_answer(
			c, 200, EPOCH "6", "{\"_id\":\"" EPOCH "6\",\"_room\":\"a\",\"last\":1}\n");
		break;
	}
}

static void test_poll(void)
{
	static const struct fake_script script = { .request = poll_request,
		.text = publish_nothing };
	struct test t;

	test_open(&t, "poll+http", &script);
	subscribe(&t, "a", "earliest");
	client_start(t.client);
	run(&t, "last");
	is_log(&t,
		"up subscribed(," EPOCH "2) a/" EPOCH "1={} a/" EPOCH "2={} end @" EPOCH "5 "
		"down(the server answered 503 (unavailable)) up subscribed(" EPOCH "5," EPOCH
		"2) @" EPOCH "5 a/" EPOCH "6={\"last\":1}",
		"poll: events in order");
	test_close(&t, "poll");
}

/* --- /pub ------------------------------------------------------------------------------------- */

static void pub_request(struct fake_conn *c)
{
	ok(fake_asked(c, "POST /pub ") && c->chunked, "pub: one chunked POST");
	fake_stream(c, 200, "Content-Type: application/x-ndjson\r\n");
}

static void pub_lines(struct fake_conn *c, struct str text)
{
	struct test *t = c->fake->arg;
	struct str rest = text, line;

	while (rest.p && rest.n) {
		line = str_cut(rest, '\n', &rest);
		buf_addf(&t->seen, "%d:%s/%s/%s ", c->n, member(line, "_room"),
			member(line, "_dedup"), member(line, "v"));
		if (c->n == 0 && *member(line, "v") == '2') {
			fake_drop(c);
			return;
		}
		if (*member(line, "v") == '3')
			fake_chunk(c, "{\"error\":\"no\",\"line\":2}\n");
		else
			fake_chunk(c, "{\"_id\":\"p\"}\n");
	}
}

static void pub_end(struct fake_conn *c)
{
	note(c->fake->arg, "body-end");
	fake_chunk(c, "{\"accepted\":1,\"refused\":1}\n");
	fake_chunk_end(c);
}

static void on_done(void *arg)
{
	note(arg, "closed");
}

static void test_pub(void)
{
	static const struct fake_script script = {
		.request = pub_request, .text = pub_lines, .body_end = pub_end
	};
	struct test t;

	test_open(&t, "http", &script);
	publish(&t, "r", "{\"v\":1}", "d1", 1);
	publish(&t, "r", "{\"v\":\n2}", "d2", 2);
	publish(&t, "r", "{\"v\":3}", "d3", 3);
	client_start(t.client);
	run(&t, "refused(3");
	publish(&t, "r", "{\"v\":4}", "", 4);
	run(&t, "acked(4");
	client_close(t.client, on_done);
	run(&t, "body-end closed");
	is_log(&t,
		"up acked(1,p) down(the server closed the connection) up acked(2,p) refused(3,no) acked(4,p) body-end closed",
		"pub: one outcome each, a polite end");
	is_text(t.seen.p, t.seen.n, "0:r/d1/1 0:r/d2/2 1:r/d2/2 1:r/d3/3 1:r//4 ",
		"pub: resent in order");
	test_close(&t, "pub");
}

static void doubt_lines(struct fake_conn *c, struct str text)
{
	struct test *t = c->fake->arg;
	struct str rest = text, line;
	char answer[64];

	while (rest.p && rest.n) {
		const char *v;

		line = str_cut(rest, '\n', &rest);
		v = member(line, "v");
		buf_addf(&t->seen, "%d:%s ", c->n, v);
		snprintf(answer, sizeof(answer), "{\"_id\":\"p%s\"}\n", v);
		if (c->n == 0 && strchr("25", *v))
			fake_chunk(c, "{\"error\":\"who knows\",\"code\":\"unknown\",\"line\":0}\n");
		else if (*v == '4')
			fake_chunk(c, "{\"error\":\"no\",\"code\":\"invalid\",\"line\":4}\n");
		else
			fake_chunk(c, answer);
		if (c->n == 0 && *v == '5') {
			fake_chunk(c, "{\"accepted\":2,\"refused\":3}\n");
			fake_chunk_end(c);
		}
	}
}

/* Lines with an unknown outcome are sent again: answers count for the lines that were sent. */
static void test_doubt(void)
{
	static const struct fake_script script = { .request = pub_request, .text = doubt_lines };
	static const char *const texts[] = { "{\"v\":1}", "{\"v\":2}", "{\"v\":3}", "{\"v\":4}",
		"{\"v\":5}" };
	struct test t;

	test_open(&t, "http", &script);
	for (unsigned i = 0; i < 5; i++)
		publish(&t, "r", texts[i], "", i + 1);
	client_start(t.client);
	run(&t, "down(");
	publish(&t, "r", "{\"v\":6}", "", 6);
	run(&t, "acked(6");
	is_log(&t,
		"up acked(1,p1) acked(3,p3) refused(4,no) "
		"down(the server does not know whether a message was stored) "
		"up acked(2,p2) acked(5,p5) acked(6,p6)",
		"doubt: one outcome each");
	is_text(t.seen.p, t.seen.n, "0:1 0:2 0:3 0:4 0:5 1:2 1:5 1:6 ", "doubt: what was sent");
	test_close(&t, "doubt");
}

static void rude_request(struct fake_conn *c)
{
	struct test *t = c->fake->arg;

	if (t->n++ == 0) {
		fake_sendf(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		return;
	}
	fake_stream(c, 200, "");
	fake_chunk(c, t->n == 2 ? "{\"accepted\":0,\"refused\":0}\n" : "hello\n");
}

static void test_rude(void)
{
	static const struct fake_script script = { .request = rude_request,
		.text = publish_nothing };
	struct test t;

	test_open(&t, "http", &script);
	publish(&t, "r", "{}", "", 1);
	client_start(t.client);
	run(&t, "failed");
	is_log(&t,
		"up down(the server closed the connection) "
		"up down(the server ended the request without an answer) up failed(invalid)",
		"pub: a server that talks nonsense");
	test_close(&t, "rude");
}

static void denied_request(struct fake_conn *c)
{
	fake_sendf(c, "HTTP/1.1 403 No\r\nContent-Length: 20\r\n\r\n{\"detail\":\"not you\"}");
}

static void test_denied(void)
{
	static const struct fake_script script = { .request = denied_request,
		.text = publish_nothing };
	struct test t;

	test_open(&t, "http", &script);
	client_start(t.client);
	run(&t, "failed");
	is_log(&t, "failed(denied)", "pub: refused as a whole");
	test_close(&t, "denied");
}

/* What is behind a proxy that gathers requests: an answer once the body has ended. */
static void gather_request(struct fake_conn *c)
{
	(void)c;
}

static void gather_lines(struct fake_conn *c, struct str text)
{
	struct test *t = c->fake->arg;

	for (size_t i = 0; i < text.n; i++)
		t->n += text.p[i] == '\n';
}

static void gather_end(struct fake_conn *c)
{
	struct test *t = c->fake->arg;

	note(t, "body-end");
	fake_stream(c, 200, "");
	for (; t->n; t->n--)
		fake_chunk(c, "{\"_id\":\"p\"}\n");
	fake_chunk(c, "{\"accepted\":0,\"refused\":0}\n");
	fake_chunk_end(c);
}

static void test_gather(void)
{
	static const struct fake_script script = {
		.request = gather_request, .text = gather_lines, .body_end = gather_end
	};
	struct test t;

	test_open(&t, "http", &script);
	publish(&t, "r", "{}", "", 1);
	publish(&t, "r", "{}", "", 2);
	client_flush(t.client);
	client_start(t.client);
	run(&t, "acked(2");
	publish(&t, "r", "{}", "", 3);
	client_flush(t.client);
	run(&t, "acked(3");
	is_log(&t, "body-end up acked(1,p) acked(2,p) body-end acked(3,p)",
		"gather: a body ends with a flush, and is no connection before it has an answer");
	test_close(&t, "gather");
}

static void on_stalled(void *arg, struct str url, int64_t waited_ms)
{
	(void)url;
	(void)waited_ms;
	note(arg, "stalled");
}

/* Nothing is flushed: only patience ends a body. */
static void test_stalled(void)
{
	static const struct fake_script script = {
		.request = gather_request, .text = gather_lines, .body_end = gather_end
	};
	struct client_events told = events;
	struct test t;

	test_open(&t, "http", &script);
	told.stalled = on_stalled;
	client_free(t.client);
	t.client = client_new(&t.loop, &t.conf, &told, &t, NULL);
	setenv("RT_STALL_MS", "60", 1);
	client_start(t.client);
	run(&t, "up"); /* by an empty body */
	publish(&t, "r", "{}", "", 1);
	publish(&t, "r", "{}", "", 2);
	run(&t, "acked(2");
	is_log(&t, "body-end up body-end acked(1,p) acked(2,p)", "stalled: then in batches");
	test_close(&t, "stalled");

	test_open(&t, "http", &script);
	client_free(t.client);
	t.client = client_new(&t.loop, &t.conf, &told, &t, NULL);
	publish(&t, "r", "{}", "", 1);
	client_start(t.client);
	run(&t, "acked(1");
	is_log(&t, "stalled body-end up acked(1,p)", "stalled: told where messages wait");
	test_close(&t, "stalled, told");
	unsetenv("RT_STALL_MS");
}

/* --- listings, failures ------------------------------------------------------------------------
 */

static void on_listing(void *arg, int code, struct str body)
{
	note(arg, "%d:" STR_FMT, code, STR_ARG(body));
}

static void listing_request(struct fake_conn *c)
{
	ok(fake_asked(c, "GET /rooms?match=a "), "listing: the target");
	fake_sendf(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]");
}

static void test_listing(const char *scheme)
{
	static const struct fake_script script = { .request = listing_request,
		.text = publish_nothing };
	struct test t;

	test_open(&t, scheme, &script);
	t.conf.retry_first_ms = 300;
	reopen(&t);
	client_get(t.client, "/rooms?match=a", on_listing, &t);
	run(&t, "0:[]");
	fake_close(&t.fake);
	uv_run(&t.loop, UV_RUN_NOWAIT);
	client_get(t.client, "/rooms", on_listing, &t);
	run(&t, "refused");
	ok(strstr(buf_cstr(&t.log), " -8:cannot connect to '") != NULL,
		"listing: an error when nobody answers: %s", t.log.p);
	client_get(t.client, "/rooms", on_listing, &t);
	test_close(&t, scheme);
}

static void test_refused(const char *scheme)
{
	static const struct fake_script script = { .request = listing_request,
		.text = publish_nothing };
	struct test t;

	test_open(&t, scheme, &script);
	fake_close(&t.fake);
	t.conf.retry_first_ms = 150;
	reopen(&t);
	subscribe(&t, "a", "latest");
	client_start(t.client);
	run(&t, "failed(");
	ok(strstr(buf_cstr(&t.log), "down(connection refused)") != NULL, "%s refused: %s", scheme,
		t.log.p);
	test_close(&t, scheme);
}

/* What a server with TLS says to one without: an alert, or nothing. */
static void alert_request(struct fake_conn *c)
{
	struct test *t = c->fake->arg;

	if (t->n)
		fake_send(c, "\x15\x03\x01\x00\x02\x02\x46", 7);
	fake_drop(c);
}

static void test_alert(const char *scheme, int n)
{
	static const struct fake_script script = { .request = alert_request,
		.text = publish_nothing };
	struct test t;
	char want[100];

	test_open(&t, scheme, &script);
	t.n = n;
	t.conf.retry_first_ms = 0;
	reopen(&t);
	subscribe(&t, "a", "latest");
	client_start(t.client);
	run(&t, "failed(");
	snprintf(want, sizeof(want), "(if it speaks TLS: %ss://127.0.0.1:%d)", scheme, t.fake.port);
	ok(strstr(buf_cstr(&t.why), want) != NULL, "%s to a server with TLS, %s: %s", scheme,
		n ? "an alert" : "nothing", buf_cstr(&t.why));
	test_close(&t, scheme);
}

static void garbage_request(struct fake_conn *c)
{
	struct test *t = c->fake->arg;

	fake_stream(c, 200, "Content-Type: text/event-stream\r\n");
	for (int i = 0; i < 2000 && !t->n; i++)
		fake_chunk(c, "data: xxxxxxxxxxxxxxx\n");
	fake_chunk(c, t->n == 1 ? "<html>\n\n" : "data: {\n\n");
}

static void test_garbage(const char *scheme, int n)
{
	static const struct fake_script script = { .request = garbage_request,
		.text = publish_nothing };
	struct test t;

	test_open(&t, scheme, &script);
	t.n = n;
	subscribe(&t, "a", "latest");
	client_start(t.client);
	run(&t, "failed(");
	ok(strstr(buf_cstr(&t.log), "failed(invalid)") != NULL, "%s garbage %d: %s", scheme, n,
		t.log.p);
	test_close(&t, scheme);
}

/* Positions that come beside the JSON. */
static const struct {
	const char *scheme, *head, *chunk, *want;
} broken[] = {
	{ "http", "Rt-Next: a b\r\n", "", "a broken 'Rt-Next'" },
	{ "http", "Rt-Next: x-1\r\nRt-Head: \x7f\r\n", "", "a broken 'Rt-Head'" },
	{ "poll+http", "Rt-Next: a b\r\n", "", "a broken 'Rt-Next'" },
	{ "sse+http", "Content-Type: text/event-stream\r\n", "id: a b\n\n", "an event with a broken 'id'" },
	{ "sse+http", "Content-Type: text/event-stream\r\n", "id: a b\ndata: {}\n\n", "an event with a broken 'id'" },
};

static void broken_request(struct fake_conn *c)
{
	struct test *t = c->fake->arg;

	fake_stream(c, 200, broken[t->n].head);
	if (*broken[t->n].chunk)
		fake_chunk(c, broken[t->n].chunk);
}

static void test_broken(void)
{
	static const struct fake_script script = { .request = broken_request,
		.text = publish_nothing };
	struct test t;

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		test_open(&t, broken[i].scheme, &script);
		t.n = (int)i;
		subscribe(&t, "a", "latest");
		client_start(t.client);
		run(&t, "failed(");
		ok(strstr(buf_cstr(&t.log), "failed(invalid)") != NULL &&
				strstr(buf_cstr(&t.why), "the server does not speak rt's protocol: ") &&
				strstr(t.why.p, broken[i].want),
			"broken, %s: %s", broken[i].scheme, buf_cstr(&t.why));
		test_close(&t, broken[i].scheme);
	}
}

/* An answer to a POST. */
static void answer_request(struct fake_conn *c)
{
	struct test *t = c->fake->arg;

	fake_stream(c, 200, "");
	fake_chunk(c, t->n ? "{\"error\":{\"a\":1}}\n" : "{\"_id\":5}\n");
}

static void test_broken_ack(int n)
{
	static const struct fake_script script = { .request = answer_request,
		.text = publish_nothing };
	struct test t;

	test_open(&t, "http", &script);
	t.n = n;
	publish(&t, "r", "{}", "", 1);
	client_start(t.client);
	run(&t, "failed(");
	is_log(&t, "up failed(invalid)", "an answer with a member of a wrong type");
	ok(strstr(buf_cstr(&t.why), n ? "an answer with a broken 'error'" : "an answer with a broken '_id'") != NULL,
		"it is named: %s", buf_cstr(&t.why));
	test_close(&t, "broken ack");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	setenv("RT_RETRY_WINDOW_MS", "0", 1);
	test_stream();
	test_lanes();
	test_sse();
	test_raw();
	test_poll();
	test_pub();
	test_doubt();
	test_rude();
	test_denied();
	test_gather();
	test_stalled();
	test_listing("ws");
	test_listing("poll+http");
	test_refused("http");
	test_refused("sse+http");
	test_refused("poll+http");
	for (int i = 0; i < 2; i++) {
		test_alert("http", i);
		test_alert("sse+http", i);
		test_alert("poll+http", i);
		test_alert("ws", i);
	}
	test_broken();
	test_broken_ack(0);
	test_broken_ack(1);
	test_garbage("http", 1);
	test_garbage("sse+http", 0);
	test_garbage("sse+http", 2);
	return tap_done();
}
