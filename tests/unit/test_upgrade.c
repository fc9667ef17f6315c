/* The handshake of a client: what it asks, and which answers it believes, at every split. */
#include "unit/tap.h"

#include "client/upgrade.h"
#include "codec/frame.h"

#include <stdlib.h>

#define OK101 "HTTP/1.1 101 Switching Protocols\r\n"
#define USUAL "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n"

static const char *const offering[] = { "X-Y: z", "sec-websocket-protocol: chat.v1, chat.v2" };

static void ask(struct upgrade *u, bool offers, struct buf *out)
{
	*u = (struct upgrade){ .headers = offering, .n_headers = offers ? 2 : 0 };
	upgrade_ask(u, STR("/ws?room=a"), STR("host:8080"), STR(""), out);
}

static void test_asking(void)
{
	static const char *const headers[] = { "User-Agent: mine", "host: other", "Origin: http://x" };
	struct buf one = { 0 }, two = { 0 };
	struct upgrade u;
	char accept[29];
	const char *key;

	ask(&u, true, &one);
	ok(str_starts(buf_str(&one), STR("GET /ws?room=a HTTP/1.1\r\nHost: host:8080\r\n")),
		"asking: target and host");
	ok(strstr(buf_cstr(&one), "\r\nUpgrade: websocket\r\n") && strstr(one.p, "\r\nX-Y: z\r\n") &&
			strstr(one.p, "\r\nConnection: Upgrade\r\n") &&
			strstr(one.p, "\r\nSec-WebSocket-Version: 13\r\n"),
		"asking: what RFC 6455 asks for, and the user's headers");
	ok(!strstr(one.p, "Authorization") && !strstr(one.p, "Extensions"), "asking: no more");
	key = strstr(one.p, "Sec-WebSocket-Key: ");
	ok(key && frame_accept_key(str_make(key + 19, 24), accept) && !strcmp(accept, u.accept),
		"asking: the answer to its key is known");
	ask(&u, true, &two);
	ok(!str_eq(buf_str(&one), buf_str(&two)), "asking: another key each time");
	two.n = 0;
	u = (struct upgrade){ .headers = headers, .n_headers = 3 };
	upgrade_ask(&u, STR("/"), STR("h"), STR("Bearer t"), &two);
	ok(str_find(buf_str(&two), STR("Host: h\r\n")) < 0 &&
			str_find(buf_str(&two), STR("host: other\r\n")) > 0 &&
			str_find(buf_str(&two), STR("User-Agent: rt")) < 0 &&
			str_find(buf_str(&two), STR("Authorization: Bearer t\r\n")) > 0,
		"asking: a header of the user's stands in place of ours");
	buf_fini(&one);
	buf_fini(&two);
}

/* With KEY replaced by what the key asks for. */
static void fill(struct buf *out, const char *text, const struct upgrade *u)
{
	const char *at;

	out->n = 0;
	while ((at = strstr(text, "KEY"))) {
		buf_add(out, text, (size_t)(at - text));
		buf_add_text(out, u->accept);
		text = at + 3;
	}
	buf_add_text(out, text);
}

/* Reads bytes that come one piece of `step` at a time, each time in a block of just that size. */
static long read_in_steps(struct upgrade *u, const struct buf *in, size_t step,
	struct upgrade_answer *a, struct err *e)
{
	long n = 0;

	u->scanned = 0;
	for (size_t have = step; n == 0; have += step) {
		char *block;

		have = have < in->n ? have : in->n;
		block = malloc(have);
		if (!block)
			abort();
		memcpy(block, in->p, have);
		n = upgrade_read(u, str_make(block, have), a, e);
		free(block);
		if (have == in->n)
			break;
	}
	return n;
}

/* `status` 0: no answer at all. */
static void answer(bool offers, const char *text, unsigned status, size_t detail_n, const char *what)
{
	struct buf in = { 0 };
	struct upgrade u;
	bool same = true;

	ask(&u, offers, &in);
	fill(&in, text, &u);
	for (size_t step = in.n; same && step > 0; step--) {
		struct upgrade_answer a = { 0 };
		struct err e = { 0 };
		long n = read_in_steps(&u, &in, step, &a, &e);

		if (status)
			same = n > 0 && a.status == status && a.detail_n == detail_n &&
				memcmp(in.p + n - 4, "\r\n\r\n", 4) == 0;
		else
			same = n < 0 && e.text[0];
		if (!same)
			printf("# step %zu: %ld, status %u, detail %zu, %s\n", step, n, a.status,
				a.detail_n, e.text);
	}
	ok(same, "%s", what);
	buf_fini(&in);
}

static void test_answers(void)
{
	static const struct {
		const char *text, *what;
		unsigned status;
		bool offers;
	} cases[] = {
		{ OK101 USUAL "\r\n", "101", 101, false },
		{ OK101 USUAL "\r\n\x81\x02hi", "101 with a frame behind it", 101, false },
		{ "HTTP/1.1 101\r\n" USUAL "\r\n", "no reason phrase", 101, false },
		{ OK101 "upgrade:WebSocket\r\nCONNECTION: keep-alive, UPGRADE\r\n"
			"sec-websocket-accept:   KEY \r\nServer: x\r\n\r\n", "in other letters", 101, false },
		{ OK101 USUAL "Sec-WebSocket-Protocol: chat.v2\r\n\r\n", "a subprotocol offered", 101, true },
		{ OK101 USUAL "Sec-WebSocket-Extensions:\r\n\r\n", "an empty list of extensions", 101, false },
		{ OK101 USUAL "Sec-WebSocket-Protocol: chat.v2\r\n\r\n", "a subprotocol from nowhere", 0, false },
		{ OK101 USUAL "Sec-WebSocket-Protocol: chat.v3\r\n\r\n", "another than those offered", 0, true },
		{ OK101 USUAL "Sec-WebSocket-Protocol: chat.v1\r\nSec-WebSocket-Protocol: chat.v2\r\n\r\n",
			"two subprotocols", 0, true },
		{ OK101 USUAL "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", "an extension", 0, false },
		{ OK101 USUAL "Sec-WebSocket-Accept: KEY\r\n\r\n", "the key twice", 0, false },
		{ OK101 "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "no key", 0, false },
		{ OK101 "Upgrade: websocket\r\nConnection: Upgrade\r\n"
			"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", "the key of another", 0, false },
		{ OK101 "Connection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\r\n", "no Upgrade", 0, false },
		{ OK101 "Upgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\r\n",
			"an upgrade to something else", 0, false },
		{ OK101 "Upgrade: websocket\r\nConnection: close\r\nSec-WebSocket-Accept: KEY\r\n\r\n",
			"no Connection: Upgrade", 0, false },
		{ "HTTP/1.0 101 X\r\n" USUAL "\r\n", "101 of HTTP/1.0", 0, false },
		{ OK101 USUAL " folded: x\r\n\r\n", "a folded header", 0, false },
		{ OK101 USUAL "no colon\r\n\r\n", "a header without a colon", 0, false },
		{ OK101 USUAL "a b: c\r\n\r\n", "a name with a space", 0, false },
		{ OK101 USUAL "A: b\nC: d\r\n\r\n", "a bare LF", 0, false },
		{ OK101 USUAL "A: b\rC: d\r\n\r\n", "a bare CR", 0, false },
		{ OK101 USUAL "A: \x01\r\n\r\n", "a control character", 0, false },
		{ "HTTP/2 101 X\r\n" USUAL "\r\n", "another HTTP", 0, false },
		{ "HTTP/1.1 1010 X\r\n" USUAL "\r\n", "a status of four digits", 0, false },
		{ "HTTP/1.1 099 X\r\n" USUAL "\r\n", "a status below 100", 0, false },
		{ "HTTP/1.1  101 X\r\n" USUAL "\r\n", "two spaces", 0, false },
		{ "\r\n" OK101 USUAL "\r\n", "an empty line in front", 0, false },
		{ "SSH-2.0-OpenSSH_9.2\r\n", "another protocol", 0, false },
		{ "HTTP/1.1 100 Continue\r\n\r\n" OK101 USUAL "\r\n", "an interim answer", 100, false },
		{ "HTTP/1.1 503 Later\r\nbroken\r\n\r\n", "a refusal with a broken header", 503, false },
		{ "HTTP/1.0 404 Not Found\r\n\r\n", "a refusal of HTTP/1.0", 404, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		answer(cases[i].offers, cases[i].text, cases[i].status, 0, cases[i].what);
	answer(false, "HTTP/1.1 403 No\r\nContent-Type: application/problem+json; charset=utf-8\r\n"
		"Content-Length: 17\r\n\r\n{\"detail\":\"nope\"}", 403, 17, "a refusal with its reason");
	answer(false, "HTTP/1.1 403 No\r\nContent-Type: text/plain\r\nContent-Length: 4097\r\n\r\n",
		403, 0, "a long text is not waited for");
	answer(false, "HTTP/1.1 403 No\r\nContent-Type: text/html\r\nContent-Length: 17\r\n\r\n", 403, 17,
		"a page may say that it speaks TLS");
	answer(false, "HTTP/1.1 403 No\r\nContent-Type: image/png\r\nContent-Length: 17\r\n\r\n", 403, 0,
		"nor anything else");
	answer(false, "HTTP/1.1 403 No\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n"
		"Content-Length: 9\r\n\r\n", 403, 0, "nor what is coded");
}

static void test_limit(void)
{
	struct upgrade_answer a;
	struct buf in = { 0 };
	struct err e = { 0 };
	struct upgrade u;

	ask(&u, false, &in);
	fill(&in, OK101 USUAL "X: ", &u);
	while (in.n < UPGRADE_HEAD_MAX - 4)
		buf_add_char(&in, 'x');
	u.scanned = 0;
	is_int(upgrade_read(&u, buf_str(&in), &a, &e), 0, "limit: a long head is waited for");
	buf_add_text(&in, "\r\n\r\n");
	is_int(upgrade_read(&u, buf_str(&in), &a, &e), UPGRADE_HEAD_MAX, "limit: up to the limit");
	in.n -= 4;
	buf_add_text(&in, "xx\r\n\r\n");
	u.scanned = 0;
	is_int(upgrade_read(&u, buf_str(&in), &a, &e), ERR_TOO_LARGE, "limit: and no longer");
	buf_fini(&in);
}

int main(void)
{
	test_asking();
	test_answers();
	test_limit();
	return tap_done();
}
