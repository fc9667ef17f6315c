/* HTTP answers that are not the one hoped for, by every transport: what is said, whether it is
 * final, and how long the next attempt waits. */
#include "support/client_test.h"

#include "client/answer.h"

#include <time.h>

static const char *the_answer;

static void answer_request(struct fake_conn *c)
{
	fake_send(c, the_answer, strlen(the_answer));
}

static const struct fake_script script = { .request = answer_request, .text = ignore_text };

static void on_down_waits(void *arg, struct str why, int64_t retry_in_ms)
{
	struct test *t = arg;

	t->n = (int)retry_in_ms;
	t->why.n = 0;
	buf_add_str(&t->why, why);
	note(t, "down");
}

/* `how`: a scheme, or "pub" for one who only publishes over HTTP. */
static void open_client(struct test *t, const char *how, int64_t retry_first_ms)
{
	static struct client_events told;
	bool publishes = strcmp(how, "pub") == 0;

	test_open(t, publishes ? "http" : how, &script);
	t->conf.retry_first_ms = retry_first_ms;
	told = events;
	told.down = on_down_waits;
	client_free(t->client);
	t->client = client_new(&t->loop, &t->conf, &told, t, NULL);
	if (publishes)
		publish(t, "a", "{}", "", 1);
	else
		subscribe(t, "a", "latest");
	client_start(t->client);
}

/* The sentence, with the port in place of each PORT in `want`. */
static void is_why(struct test *t, const char *want, const char *name)
{
	struct buf text = { 0 };
	char port[8];
	const char *at;

	snprintf(port, sizeof(port), "%d", t->fake.port);
	for (; (at = strstr(want, "PORT")); want = at + 4)
		buf_addf(&text, "%.*s%s", (int)(at - want), want, port);
	buf_add_text(&text, want);
	is_text(t->why.p, t->why.n, buf_cstr(&text), "%s", name);
	buf_fini(&text);
}

#define PAGE "Content-Type: text/html\r\nContent-Length: 4\r\n\r\n<p/>"
#define EMPTY "Content-Length: 0\r\n\r\n"

static const struct final {
	const char *name, *answer, *want, *end;
} finals[] = {
	{ "400", "HTTP/1.1 400 Bad\r\nServer: nginx/1.22.1\r\n" PAGE,
		"the server answered 400 (bad request, by nginx/1.22.1) (if it speaks TLS: SCHEMEs://127.0.0.1:PORT)",
		"failed(usage)" },
	{ "a port with TLS, of nginx",
		"HTTP/1.1 400 Bad\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: 86\r\n\r\n"
		"<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n\r\n",
		"the server answered 400 (bad request, by nginx): it speaks TLS (try -u SCHEMEs://127.0.0.1:PORT)",
		"failed(usage)" },
	{ "a port with TLS, of Go",
		"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 48\r\n\r\n"
		"Client sent an HTTP request to an HTTPS server.\n",
		"the server answered 400: Client sent an HTTP request to an HTTPS server.: "
		"it speaks TLS (try -u SCHEMEs://127.0.0.1:PORT)",
		"failed(usage)" },
	{ "401", "HTTP/1.1 401 No\r\n" EMPTY, "the server answered 401 (unauthorized)", "failed(denied)" },
	{ "407", "HTTP/1.1 407 No\r\nServer: squid\r\n" EMPTY,
		"the proxy answered 407 (proxy authentication required, by squid): "
		"name and password go into $http_proxy", "failed(denied)" },
	{ "a redirect", "HTTP/1.1 302 Found\r\nLocation: https://example.org/live/ROUTE?token=sesame\r\n" EMPTY,
		"the server answered 302 (moved) to 'https://example.org/live/ROUTE' "
		"(redirects are not followed: try -u SCHEMEs://example.org/live)", "failed(invalid)" },
	{ "a redirect within the server", "HTTP/1.1 301 Moved\r\nLocation: /live/ROUTE?x\r\n" EMPTY,
		"the server answered 301 (moved) to 'http://127.0.0.1:PORT/live/ROUTE' "
		"(redirects are not followed: try -u SCHEME://127.0.0.1:PORT/live)", "failed(invalid)" },
	{ "a redirect without a scheme", "HTTP/1.1 302 X\r\nLocation: //example.org/ROUTE\r\n" EMPTY,
		"the server answered 302 (moved) to 'http://example.org/ROUTE' "
		"(redirects are not followed: try -u SCHEME://example.org)", "failed(invalid)" },
	{ "a redirect to a page", "HTTP/1.1 307 X\r\nLocation: https://u:sesame@sso.example.org/login#x\r\n" EMPTY,
		"the server answered 307 (moved) to 'https://u:***@sso.example.org/login' "
		"(redirects are not followed)", "failed(invalid)" },
	{ "a redirect to nowhere", "HTTP/1.1 302 X\r\nLocation: \x1b[31m\xff\r\n" EMPTY,
		"the server answered 302 (moved) to 'http://127.0.0.1:PORT/?[31m?' (redirects are not followed)",
		"failed(invalid)" },
	{ "505", "HTTP/1.1 505 X\r\n" EMPTY,
		"the server answered 505 (another version of HTTP) "
		"(where nginx is before the server: proxy_http_version 1.1)", "failed(invalid)" },
};

/* What a final answer is in the words of one transport. */
static void fill(struct buf *out, const char *text, const char *scheme, const char *route)
{
	while (*text) {
		if (strncmp(text, "SCHEME", 6) == 0) {
			buf_add_text(out, scheme);
			text += 6;
		} else if (strncmp(text, "ROUTE", 5) == 0) {
			buf_add_text(out, route);
			text += 5;
		} else {
			buf_add_char(out, *text++);
		}
	}
}

static void test_finals(const char *how, const char *scheme, const char *route)
{
	for (size_t i = 0; i < sizeof(finals) / sizeof(finals[0]); i++) {
		const struct final *f = &finals[i];
		struct buf answer = { 0 }, want = { 0 };
		char name[100];
		struct test t;

		fill(&answer, f->answer, scheme, route);
		fill(&want, "cannot connect to 'SCHEME://127.0.0.1:PORT': ", scheme, route);
		fill(&want, f->want, scheme, route);
		snprintf(name, sizeof(name), "%s, %s", f->name, how);
		the_answer = buf_cstr(&answer);
		open_client(&t, how, 5000);
		run(&t, "failed(");
		is_why(&t, buf_cstr(&want), name);
		is_log(&t, f->end, name);
		test_close(&t, name);
		buf_fini(&answer);
		buf_fini(&want);
	}
}

/* --- Retry-After ------------------------------------------------------------------------------ */

static void wait_of(const char *how, const char *field, int64_t low, int64_t high)
{
	struct buf answer = { 0 };
	char name[100];
	struct test t;

	buf_addf(&answer, "HTTP/1.1 503 Later\r\n%s\r\n" EMPTY, field);
	the_answer = buf_cstr(&answer);
	open_client(&t, how, INT64_MAX);
	run(&t, "down");
	snprintf(name, sizeof(name), "%s, %s", field, how);
	ok(t.n >= low && t.n <= high, "%s: waits %d ms, %d to %d", name, t.n, (int)low, (int)high);
	test_close(&t, name);
	buf_fini(&answer);
}

static void test_waits(const char *how)
{
	time_t at = time(NULL) + 40;
	char field[80];

	wait_of(how, "X: y", 0, 1000);
	wait_of(how, "Retry-After: 7", 7000, 8000);
	wait_of(how, "retry-after:7", 7000, 8000);
	wait_of(how, "Retry-After: 99999999999999", ANSWER_WAIT_MAX_MS, ANSWER_WAIT_MAX_MS + 1000);
	wait_of(how, "Retry-After: soon", 0, 1000);
	wait_of(how, "Retry-After: -3", 0, 1000);
	wait_of(how, "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT", 0, 1000);
	wait_of(how, "Retry-After: Fri, 31 Dec 2999 23:59:59 GMT", ANSWER_WAIT_MAX_MS,
		ANSWER_WAIT_MAX_MS + 1000);
	strftime(field, sizeof(field), "Retry-After: %a, %d %b %Y %H:%M:%S GMT", gmtime(&at));
	wait_of(how, field, 10000, 41000);
}

/* Nobody waits in vain for a server that asks for longer than there is. */
static void test_too_long(const char *how)
{
	struct test t;

	the_answer = "HTTP/1.1 503 Later\r\nRetry-After: 60\r\n" EMPTY;
	open_client(&t, how, 5000);
	run(&t, "failed(");
	ok(strstr(buf_cstr(&t.why), "the server answered 503 (unavailable), come again in 60 s (--retry is less)") != NULL,
		"too long, %s: %s", how, buf_cstr(&t.why));
	is_log(&t, "failed(timeout)", how);
	test_close(&t, how);
}

/* --- a text for people ------------------------------------------------------------------------ */

static void detail(const char *body, const char *want)
{
	struct buf out = { 0 };

	answer_detail(str_of(body), &out);
	is_text(out.p, out.n, want, "detail of %s", body);
	buf_fini(&out);
}

static void test_detail(void)
{
	detail("{\"title\":\"Forbidden\",\"detail\":\"not you\"}", "not you");
	detail("{\"title\":\"Forbidden\"}", "");
	detail("{\"detail\":\"a\\u001bb\"}", "a?b");
	detail("{broken", "");
	detail("<html>no", "");
	detail("first line\r\nsecond", "first line");
	detail("  a\tb  ", "a?b");
	detail("\xff\xfe", "");
	detail("", "");
}

int main(void)
{
	static const struct {
		const char *how, *scheme, *route;
	} ways[] = {
		{ "ws", "ws", "ws" },
		{ "http", "http", "stream" },
		{ "sse+http", "sse+http", "events" },
		{ "poll+http", "poll+http", "poll" },
		{ "pub", "http", "pub" },
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	setenv("TZ", "UTC", 1);
	setenv("RT_RETRY_WINDOW_MS", "0", 1);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		test_finals(ways[i].how, ways[i].scheme, ways[i].route);
		test_waits(ways[i].how);
		test_too_long(ways[i].how);
	}
	test_detail();
	return tap_done();
}
