/* What a client makes of servers that answer an upgrade wrongly, frame wrongly, close in every way
 * there is, reset, are slow, or do not read. Whole, and with every byte by itself. */
#include "support/client_test.h"

#include "base/clock.h"
#include "client/carrier.h"
#include "client/lookup.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define UPGRADE "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "

/* --- a server that sends what it is given, at once or a byte in each pass of the loop --------- */

struct drip {
	uv_idle_t idle;
	struct fake_conn *conn;
	struct buf bytes;
	size_t at;
	bool close; /* then */
};

static void drip_closed(uv_handle_t *h)
{
	struct drip *d = h->data;

	buf_fini(&d->bytes);
	mem_free(d);
}

static void drip_stop(struct drip *d)
{
	d->conn->arg = NULL;
	uv_close((uv_handle_t *)&d->idle, drip_closed);
}

static void on_drip(uv_idle_t *idle)
{
	struct drip *d = idle->data;

	if (d->conn->closing || uv_is_closing((uv_handle_t *)&d->conn->tcp)) {
		drip_stop(d);
	} else if (d->at < d->bytes.n) {
		fake_send(d->conn, d->bytes.p + d->at++, 1);
	} else {
		if (d->close)
			fake_drop(d->conn);
		drip_stop(d);
	}
}

static void drip(struct fake_conn *c, const struct buf *bytes, bool close)
{
	struct drip *d = mem_new(struct drip);

	uv_idle_init(c->tcp.loop, &d->idle);
	d->idle.data = d;
	d->conn = c;
	d->close = close;
	buf_add_str(&d->bytes, buf_str(bytes));
	c->arg = d;
	uv_idle_start(&d->idle, on_drip);
}

struct answer {
	const char *name;
	const char *text; /* "101" in front: the upgrade; KEY in it: the accept key */
	size_t n;         /* 0: strlen */
	const char *want;
	bool close;       /* the server closes after it */
};

static const struct answer *asked; /* of the case that runs */
static bool slowly;

static void give(struct fake_conn *c)
{
	struct buf out = { 0 };
	struct str text = str_make(asked->text, asked->n ? asked->n : strlen(asked->text));

	c->websocket = true;
	if (str_starts(text, STR("101"))) {
		buf_addf(&out, UPGRADE "%s\r\n\r\n", fake_accept(c));
		text = str_skip(text, 3);
	}
	buf_add_str(&out, text);
	if (slowly) {
		drip(c, &out, asked->close);
	} else {
		fake_send(c, out.p, out.n);
		if (asked->close)
			fake_drop(c);
	}
	buf_fini(&out);
}

static void on_why(void *arg, const struct err *e)
{
	struct str clause = clause_of(str_of(e->text));

	note(arg, "failed(%s: " STR_FMT ")", err_word(e->code), STR_ARG(clause));
	uv_stop(&((struct test *)arg)->loop);
}

static void on_down_once(void *arg, struct str why, int64_t retry_in_ms)
{
	on_down(arg, why, retry_in_ms);
	note(arg, "again");
}

static const struct client_events telling = {
	.up = on_up, .down = on_down_once, .message = on_message, .failed = on_why,
};

static void retell(struct test *t)
{
	client_free(t->client);
	t->client = client_new(&t->loop, &t->conf, &telling, t, NULL);
}

static void open_raw(struct test *t, const struct fake_script *script)
{
	test_open(t, "ws", script);
	t->conf.raw = true;
	retell(t);
}

static void close_back(struct fake_conn *c, int op, struct str payload)
{
	struct test *t = c->fake->arg;

	if (op == 8)
		note(t, "[close %d]", payload.n < 2 ? 0 : (unsigned char)payload.p[0] << 8 |
			(unsigned char)payload.p[1]);
	else
		note(t, "[%s " STR_FMT "]", op == 9 ? "ping" : "pong", STR_ARG(payload));
}

static void quiet(struct fake_conn *c, int op, struct str payload)
{
	(void)c, (void)op, (void)payload;
}

static void run_answer(const struct answer *a, bool slow)
{
	static const struct fake_script script = { .request = give, .text = ignore_text, .control = quiet };
	struct test t;
	char name[100];
	const char *last = strrchr(a->want, ' ');

	asked = a;
	slowly = slow;
	snprintf(name, sizeof(name), "%s%s", a->name, slow ? ", a byte at a time" : "");
	open_raw(&t, &script);
	client_start(t.client);
	run(&t, strstr(a->want, "again") ? "again" : strstr(a->want, "failed(") ? a->want
		: last ? last + 1 : a->want);
	is_log(&t, a->want, name);
	test_close(&t, name);
}

#define FAILED(why)    "failed(invalid: " why ")"
#define UP_FAILED(why) "up failed(invalid: " why ")"
#define DOWN(why)      "down(" why ") again"
#define SIZED(s)       (s), sizeof(s) - 1

static const struct answer answers[] = {
	{ "a message", SIZED("101\x81\x02hi"), "up /=hi", false },
	{ "an interim answer first", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 403 No\r\n\r\n", 0,
		"failed(denied: the server answered 403 (forbidden))", false },
	{ "a wrong accept key", UPGRADE "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", 0,
		FAILED("the server's WebSocket handshake is broken: "
		       "its Sec-WebSocket-Accept is not that of our key"), false },
	{ "no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", 0,
		FAILED("the answer of the server is not HTTP"), false },
	{ "a refusal with problem details",
		"HTTP/1.1 403 Forbidden\r\nContent-Type: application/problem+json\r\n"
		"Content-Length: 48\r\n\r\n{\"title\":\"Forbidden\",\"detail\":\"not with us, no\"}", 0,
		"failed(denied: the server answered 403: not with us, no)", false },
	{ "a refusal with a text", "HTTP/1.1 400 Bad\r\nContent-Type: text/plain\r\n"
		"Content-Length: 12\r\n\r\nno such way\n", 0,
		"failed(usage: the server answered 400: no such way)", false },
	{ "a refusal with a page", "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\n"
		"Content-Length: 6\r\n\r\n<html>", 0,
		"failed(denied: the server answered 403 (forbidden))", false },
	{ "a refusal whose reason never comes", "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\n"
		"Content-Length: 12\r\n\r\nno", 0,
		"failed(denied: the server answered 403 (forbidden))", true },
	{ "a refusal for a while", "HTTP/1.1 503 Later\r\nContent-Type: text/plain\r\n"
		"Content-Length: 4\r\n\r\nbusy", 0, DOWN("the server answered 503: busy"), true },
	{ "a redirection", "HTTP/1.1 302 Found\r\n\r\n", 0,
		FAILED("the server answered 302 (moved)"), false },
	{ "the end in the middle of a head", "HTTP/1.1 101 X\r\nUpgra", 0,
		DOWN("the server closed the connection during the handshake"), true },
	{ "nothing, and the end", "", 0,
		DOWN("the server closed the connection without an answer"), true },
	{ "the end without a close frame", "101", 0, "up " DOWN("the server closed the connection"), true },
	{ "the end inside a frame", SIZED("101\x81\x7e\x01\x00ha"),
		"up " DOWN("the server closed the connection"), true },
	{ "a masked frame", SIZED("101\x81\x82""abcdhi"),
		UP_FAILED("the server broke the WebSocket protocol"), false },
	{ "a compressed frame", SIZED("101\xc1\x02hi"),
		UP_FAILED("the server broke the WebSocket protocol"), false },
	{ "a continuation of nothing", SIZED("101\x80\x02hi"),
		UP_FAILED("the server broke the WebSocket protocol"), false },
	{ "a fragmented ping", SIZED("101\x09\x02hi"),
		UP_FAILED("the server broke the WebSocket protocol"), false },
	{ "text that is not UTF-8", SIZED("101\x81\x02\xc3("),
		UP_FAILED("the server sent text that is not UTF-8"), false },
	{ "a message over the limit", SIZED("101\x82\x7e\x10\x01"),
		UP_FAILED("a message over 4096 bytes (--max-message)"), false },
	{ "fragments", SIZED("101\x01\x01""a\x80\x01""b\x01\x00\x00\x01""c\x80\x00"), "up /=ab /=c", false },
	{ "a close without a code", SIZED("101\x88\x00"), "up " DOWN("the server closed the connection"), false },
	{ "close 1000", SIZED("101\x88\x02\x03\xe8"), "up " DOWN("the server closed the connection"), false },
	{ "close 1001", SIZED("101\x88\x02\x03\xe9"),
		"up " DOWN("the server closed the connection: going away (1001)"), false },
	{ "close 1002", SIZED("101\x88\x02\x03\xea"),
		UP_FAILED("the server closed the connection: protocol error (1002)"), false },
	{ "close 1003", SIZED("101\x88\x06\x03\xebnope"),
		UP_FAILED("the server closed the connection: nope"), false },
	{ "close 1008", SIZED("101\x88\x02\x03\xf0"),
		"up failed(denied: the server closed the connection: against its policy (1008))", false },
	{ "close 1009", SIZED("101\x88\x02\x03\xf1"),
		UP_FAILED("the server closed the connection: message too large (1009) "
			  "(trying again would send the same)"), false },
	{ "close 1007", SIZED("101\x88\x06\x03\xefnope"),
		UP_FAILED("the server closed the connection: nope (trying again would send the same)"),
		false },
	{ "close 1012", SIZED("101\x88\x02\x03\xf4"),
		"up " DOWN("the server closed the connection: restarting (1012)"), false },
	{ "close 1013", SIZED("101\x88\x08\x03\xf5""drains"),
		"up " DOWN("the server closed the connection: drains"), false },
	{ "close 4001", SIZED("101\x88\x02\x0f\xa1"),
		"up failed(denied: the server closed the connection: token expired (4001))", false },
	{ "close 4008", SIZED("101\x88\x02\x0f\xa8"),
		"up " DOWN("the server closed the connection: too slow (4008)"), false },
	{ "close 4029", SIZED("101\x88\x02\x0f\xbd"),
		"up " DOWN("the server closed the connection: over a limit (4029)"), false },
	{ "close 4500", SIZED("101\x88\x02\x11\x94"),
		"up " DOWN("the server closed the connection with code 4500"), false },
	{ "a reason with a terminal's escape", SIZED("101\x88\x04\x03\xe9\x1b["),
		"up " DOWN("the server closed the connection: ?["), false },
	{ "a close code that may not be said", SIZED("101\x88\x02\x03\xed"),
		UP_FAILED("the server broke the WebSocket protocol"), false },
	{ "what follows a close frame", SIZED("101\x88\x02\x03\xe9\x81\x02hi"),
		"up " DOWN("the server closed the connection: going away (1001)"), false },
};

static void test_answers(void)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		run_answer(&answers[i], false);
		run_answer(&answers[i], true);
	}
}

/* --- what goes back --------------------------------------------------------------------------- */

/* A ping is answered with its payload, also between fragments; a close frame with its code; what
 * is wrong with the code for that. */
static void test_going_back(void)
{
	static const struct fake_script script = { .request = give, .text = ignore_text,
		.control = close_back };
	static const struct answer cases[] = {
		{ "pong", SIZED("101\x01\x01""a\x89\x03you\x80\x01""b"), "[pong you]", false },
		{ "close", SIZED("101\x88\x08\x03\xe9reason"), "[close 1001]", false },
		{ "empty close", SIZED("101\x88\x00"), "[close 0]", false },
		{ "protocol error", SIZED("101\x83\x00"), "[close 1002]", false },
		{ "not UTF-8", SIZED("101\x81\x01\xff"), "[close 1007]", false },
		{ "too large", SIZED("101\x81\x7f\0\0\0\0\x10\0\0\0"), "[close 1009]", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct test t;

		asked = &cases[i];
		slowly = false;
		open_raw(&t, &script);
		client_start(t.client);
		t.until = cases[i].want;
		uv_timer_start(&t.watchdog, on_watchdog, 10000, 0);
		while (!t.late && !strstr(buf_cstr(&t.log), cases[i].want))
			uv_run(&t.loop, UV_RUN_ONCE); /* `failed` does not end it */
		ok(!t.late, "%s: the server gets %s", cases[i].name, cases[i].want);
		test_close(&t, cases[i].name);
	}
}

/* A continuation that never ends is cut by the number of fragments, whatever their size. */
static void flood(struct fake_conn *c)
{
	struct buf all = { 0 };

	fake_upgrade(c);
	buf_add(&all, "\x01\x00", 2);
	for (int i = 0; i < 70000; i++)
		buf_add(&all, "\x00\x00", 2);
	fake_send(c, all.p, all.n);
	buf_fini(&all);
}

/* Pings from a server that reads no pongs cost bounded memory. */
static void ping_flood(struct fake_conn *c)
{
	struct buf all = { 0 };

	fake_upgrade(c);
	fake_read(c, false);
	for (int i = 0; i < 200000; i++)
		buf_addf(&all, "\x89\x40%64d", i);
	buf_add(&all, "\x81\x03""end", 5);
	fake_send(c, all.p, all.n);
	buf_fini(&all);
}

static void test_floods(void)
{
	static const struct fake_script fragments = { .request = flood, .text = ignore_text,
		.control = quiet };
	static const struct fake_script pings = { .request = ping_flood, .text = ignore_text,
		.control = quiet };
	struct test t;

	open_raw(&t, &fragments);
	client_start(t.client);
	run(&t, "failed(");
	is_log(&t, UP_FAILED("a message over 4096 bytes (--max-message)"), "flood: fragments are cut");
	test_close(&t, "flood of fragments");
	open_raw(&t, &pings);
	client_start(t.client);
	run(&t, "/=end");
	is_log(&t, "up /=end", "flood: pings do not hide a message");
	test_close(&t, "flood of pings");
}

/* --- resets ----------------------------------------------------------------------------------- */

static void reset_at_once(struct fake_conn *c)
{
	fake_reset(c);
}

static void upgrade_and_wait(struct fake_conn *c)
{
	fake_upgrade(c);
}

static void reset_on_text(struct fake_conn *c, struct str text)
{
	(void)text;
	fake_reset(c);
}

static void test_resets(void)
{
	static const struct fake_script early = { .request = reset_at_once, .text = ignore_text };
	static const struct fake_script late = { .request = upgrade_and_wait, .text = reset_on_text };
	struct test t;

	open_raw(&t, &early);
	client_start(t.client);
	run(&t, "again");
	is_log(&t, DOWN("the server closed the connection without an answer"), "reset: told");
	test_close(&t, "reset in the handshake");
	open_raw(&t, &late);
	publish(&t, "", "x", "", 1);
	client_start(t.client);
	run(&t, "again");
	is_log(&t, "up " DOWN("the server reset the connection"), "reset: told when up");
	test_close(&t, "reset");
}

/* A server that says why and goes, without reading what comes: its word is read all the same. */
static void say_and_go(struct fake_conn *c, struct str text)
{
	(void)text;
	if (c->n)
		return;
	fake_read(c, false);
	fake_frame(c, 0x88, "\x03\xf0not you", 9);
	note(c->fake->arg, "said");
}

static void test_last_words(void)
{
	static const struct fake_script script = { .request = upgrade_and_wait, .text = say_and_go };
	static char big[1 << 20];
	struct test t;

	memset(big, 'x', sizeof(big) - 1);
	open_raw(&t, &script);
	client_start(t.client);
	run(&t, "up");
	client_pause(t.client, true); /* so that all of it happens before the client reads */
	publish(&t, "", "x", "", 1);
	run(&t, "said");
	for (int i = 0; i < 6; i++)
		publish(&t, "", big, "", 2);
	for (int i = 0; i < 20; i++)
		uv_run(&t.loop, UV_RUN_NOWAIT);
	fake_reset(t.fake.conns);
	for (int i = 0; i < 20; i++)
		uv_run(&t.loop, UV_RUN_NOWAIT);
	client_pause(t.client, false);
	run(&t, "failed(");
	is_log(&t, "up said failed(denied: the server closed the connection: not you)",
		"last words: read though writing failed");
	test_close(&t, "last words");
}

/* --- much, and slowly ------------------------------------------------------------------------- */

static const size_t sizes[] = { 0, 1, 125, 126, 65535, 65536, 3000000, 7 };
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))

static char letter(size_t i)
{
	return (char)('a' + i % 23);
}

static void fill(struct buf *b, size_t n)
{
	b->n = 0;
	for (size_t i = 0; i < n; i++)
		buf_add_char(b, letter(i));
}

static bool is_filled(struct str s, size_t n)
{
	if (s.n != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s.p[i] != letter(i))
			return false;
	}
	return true;
}

static void check_size(struct test *t, struct str text)
{
	bool fine = is_filled(text, sizes[(size_t)t->n % N_SIZES]);

	note(t, fine ? "%d" : "%d broken", t->n);
	t->n++;
}

static void take_size(struct fake_conn *c, struct str text)
{
	check_size(c->fake->arg, text);
}

static void hold(struct fake_conn *c)
{
	fake_upgrade(c);
	fake_read(c, false); /* until the socket is full */
	note(c->fake->arg, "held");
}

static void test_large_out(void)
{
	static const struct fake_script script = { .request = hold, .text = take_size, .control = quiet };
	struct buf text = { 0 };
	struct test t;

	open_raw(&t, &script);
	for (size_t i = 0; i < N_SIZES; i++) {
		fill(&text, sizes[i]);
		client_publish(t.client, STR(""), buf_str(&text), STR(""), i);
	}
	client_start(t.client);
	run(&t, "up");
	for (int i = 0; i < 50; i++)
		uv_run(&t.loop, UV_RUN_NOWAIT);
	fake_read(t.fake.conns, true);
	run(&t, " 7");
	ok(strstr(buf_cstr(&t.log), "0 1 2 3 4 5 6 7") != NULL, "much out: whole, in order");
	test_close(&t, "much out");
	buf_fini(&text);
}

static void send_sizes(struct fake_conn *c)
{
	struct buf text = { 0 };

	fake_upgrade(c);
	for (size_t i = 0; i < N_SIZES; i++) {
		fill(&text, sizes[i]);
		fake_frame(c, 0x81, text.p, text.n);
	}
	buf_fini(&text);
}

static void on_size(void *arg, const struct client_msg *m)
{
	check_size(arg, m->text);
}

static void test_large_in(void)
{
	static const struct fake_script script = { .request = send_sizes, .text = ignore_text };
	static const struct client_events sizing = { .message = on_size };
	struct test t;

	test_open(&t, "ws", &script);
	client_free(t.client);
	t.conf.raw = true;
	t.conf.max_message = 3000000;
	t.client = client_new(&t.loop, &t.conf, &sizing, &t, NULL);
	client_start(t.client);
	run(&t, " 7");
	is_log(&t, "0 1 2 3 4 5 6 7", "much in: whole, in order");
	test_close(&t, "much in");
}

/* --- reaching the server ---------------------------------------------------------------------- */

/* Many clients of one name ask once, and find the address that answers. */
static void test_names(void)
{
	static const struct fake_script script = { .request = upgrade_and_wait, .text = ignore_text };
	static const struct client_events few = { .up = on_up };
	struct client *c[50];
	struct test t;
	struct hub *h;
	int asks = 0;

	open_raw(&t, &script);
	snprintf(t.url, sizeof(t.url), "ws://localhost:%d", t.fake.port);
	retell(&t);
	for (int i = 0; i < 50; i++) {
		c[i] = client_new(&t.loop, &t.conf, &few, &t, NULL);
		client_start(c[i]);
	}
	h = t.client->hub;
	list_for_each(it, &h->lookups)
		asks++;
	is_int(asks, 1, "names: one question");
	while (!t.late && t.log.n < 50 * 3 - 1)
		uv_run(&t.loop, UV_RUN_ONCE);
	is_int(t.fake.n_conns, 50, "names: all are connected, by the address that answers");
	for (int i = 0; i < 50; i++)
		client_free(c[i]);
	test_close(&t, "names");
}

/* A name with two addresses, of which only the second is the fake server's: the resolver's answer
 * is put where a fresh one would be. */
static struct lookup *two_addresses(struct test *t)
{
	struct lookup *one, *two;

	snprintf(t->url, sizeof(t->url), "ws://twofold.invalid:%d", t->fake.port);
	retell(t);
	one = lookup_ref(t->client->hub, "127.0.0.2");
	two = lookup_ref(t->client->hub, "127.0.0.1");
	one->addrs->ai_next = two->addrs;
	two->addrs = NULL;
	mem_free(one->host);
	one->host = mem_strdup("twofold.invalid");
	one->at_ms = clock_ms() + 1000000;
	list_del(&two->node);
	lookup_unref(two);
	lookup_unref(two);
	return one;
}

/* A listener on the first address that answers no SYN. */
static void fill_backlog(int port, int fds[8])
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	addr.sin_addr.s_addr = htonl(0x7f000002);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(fds[0], (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fds[0], 0) < 0)
		abort();
	for (int i = 1; i < 8; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(fds[i], (struct sockaddr *)&addr, sizeof(addr));
	}
}

static void test_addresses(void)
{
	static const struct fake_script script = { .request = upgrade_and_wait, .text = ignore_text };
	struct lookup *names;
	struct test t;
	int fds[8];

	open_raw(&t, &script);
	names = two_addresses(&t);
	client_start(t.client);
	run(&t, "up");
	is_log(&t, "up", "addresses: the second, where the first refuses");
	lookup_unref(names);
	test_close(&t, "addresses");

	open_raw(&t, &script);
	fill_backlog(t.fake.port, fds);
	names = two_addresses(&t);
	client_start(t.client);
	run(&t, "up");
	is_log(&t, "up", "addresses: the second, where the first says nothing");
	lookup_unref(names);
	test_close(&t, "silent address");
	for (int i = 0; i < 8; i++)
		close(fds[i]);

	open_raw(&t, &script);
	fake_close(&t.fake);
	t.conf.retry_first_ms = 0;
	names = two_addresses(&t);
	client_start(t.client);
	run(&t, "failed(");
	is_log(&t, "failed(timeout: connection refused)", "addresses: none");
	lookup_unref(names);
	test_close(&t, "no address");
}

static void cannot(const char *url, const char *why)
{
	static const struct fake_script script = { .request = upgrade_and_wait, .text = ignore_text };
	struct test t;

	open_raw(&t, &script);
	t.conf.url = url;
	t.conf.retry_first_ms = 0;
	retell(&t);
	client_start(t.client);
	run(&t, "failed(");
	is_log(&t, why, url);
	test_close(&t, url);
}

static void test_unreachable(void)
{
	cannot("ws://127.0.0.1:1", "failed(timeout: connection refused)");
	cannot("ws://[::1]:1", "failed(timeout: connection refused)");
	cannot("unix:/nonexistent/socket", "failed(timeout: no such file or directory)");
}

/* A Unix socket that listens, here without a server behind it: connected, and asked. */
static void test_unix(void)
{
	static const struct fake_script script = { .request = upgrade_and_wait, .text = ignore_text };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), conn;
	char url[128], head[512] = "";
	struct test t;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "/tmp/rt-test-ws-%d", (int)getpid());
	unlink(addr.sun_path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 8) < 0)
		abort();
	snprintf(url, sizeof(url), "unix:%s", addr.sun_path);
	open_raw(&t, &script);
	t.conf.url = url;
	retell(&t);
	client_start(t.client);
	for (int i = 0; i < 5; i++)
		uv_run(&t.loop, UV_RUN_NOWAIT);
	conn = accept(fd, NULL, NULL);
	ok(read(conn, head, sizeof(head) - 1) > 0 && str_starts(str_of(head),
		STR("GET / HTTP/1.1\r\nHost: localhost\r\n")), "unix: the request comes by the socket");
	close(conn);
	run(&t, "again");
	is_log(&t, DOWN("the server closed the connection without an answer"), "unix: and its end");
	test_close(&t, "unix");
	close(fd);
	unlink(addr.sun_path);
}

/* A server that takes the connection and never answers: the client can be closed and freed. */
static void say_nothing(struct fake_conn *c)
{
	note(c->fake->arg, "asked");
}

static void on_done(void *arg)
{
	note(arg, "closed");
}

static void test_silence(void)
{
	static const struct fake_script script = { .request = say_nothing, .text = ignore_text };
	struct test t;

	open_raw(&t, &script);
	client_start(t.client);
	run(&t, "asked");
	client_close(t.client, on_done);
	is_log(&t, "asked", "silence: closing calls nobody at once");
	run(&t, "closed");
	is_log(&t, "asked closed", "silence: closed while it waits for an answer");
	test_close(&t, "silence");
	open_raw(&t, &script);
	client_start(t.client);
	run(&t, "asked");
	test_close(&t, "freed while it waits for an answer");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	setenv("RT_RETRY_WINDOW_MS", "0", 1);
	test_answers();
	test_going_back();
	test_floods();
	test_resets();
	test_last_words();
	test_large_out();
	test_large_in();
	test_names();
	test_addresses();
	test_unreachable();
	test_unix();
	test_silence();
	return tap_done();
}
