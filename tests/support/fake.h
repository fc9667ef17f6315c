/* fake.h - a server that does what a test says: accept, answer, drop, lie
 *
 * TCP on a loopback port of the system's choice. It speaks just enough HTTP and WebSocket to be
 * scripted: the test's callbacks see each request and each thing received, and say with the
 * functions below what goes back. It checks nothing and promises nothing. */
#ifndef RT_TESTS_FAKE_H
#define RT_TESTS_FAKE_H

#include "base/buf.h"

#include <uv.h>

struct fake;

struct fake_conn {
	struct fake *fake;
	int n; /* connections before this one */
	uv_tcp_t tcp;
	struct buf in;   /* not yet looked at */
	struct buf head; /* of the request: "GET /ws?room=a HTTP/1.1\r\n..." */
	bool has_head, websocket, chunked, closing;
	uint64_t body_left;
	void *arg; /* the test's */
	struct fake_conn *next;
};

struct fake_script {
	void (*request)(struct fake_conn *c);               /* its head is complete */
	void (*text)(struct fake_conn *c, struct str text); /* a text frame, or a piece of a body */
	void (*control)(
		struct fake_conn *c, int op, struct str payload); /* close, ping, pong; NULL fine */
	void (*body_end)(struct fake_conn *c);                    /* NULL fine */
};

struct fake {
	uv_tcp_t tcp;
	int port, n_conns;
	const struct fake_script *script;
	void *arg;
	struct fake_conn *conns; /* the open ones */
	bool closed;
};

void fake_open(struct fake *f, uv_loop_t *loop, const struct fake_script *script, void *arg);
void fake_close(struct fake *f); /* everything; run the loop afterwards */
/* The target of the request has this in it. */
bool fake_asked(const struct fake_conn *c, const char *piece);

void fake_send(struct fake_conn *c, const char *bytes, size_t n);
void fake_sendf(struct fake_conn *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *fake_accept(const struct fake_conn *c); /* what its key asks for */
void fake_upgrade(struct fake_conn *c);             /* 101 */
void fake_text(struct fake_conn *c, const char *text);
void fake_frame(struct fake_conn *c, int first_byte, const char *p, size_t n);
void fake_close_code(
	struct fake_conn *c, int code, const char *reason); /* a close frame, then the end */
void fake_drop(struct fake_conn *c);                        /* after what was sent */
void fake_reset(struct fake_conn *c); /* at once, by a RST */
void fake_read(struct fake_conn *c, bool on); /* reads at all; it does at first */
/* The head of a chunked answer, chunks, and the last one. */
void fake_stream(struct fake_conn *c, int status, const char *headers);
void fake_chunk(struct fake_conn *c, const char *text);
void fake_chunk_end(struct fake_conn *c);

#endif
