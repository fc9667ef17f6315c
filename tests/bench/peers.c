/* peers.c - an epoll loop that reads frames, events and lines, and believes none of them */
#include "peers.h"

#include "target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 1024
#define READ_BYTES (256 * 1024)
#define STALLED_NS 20000000000 /* nothing arrives for so long: void */
#define NUMBER_AT  12          /* bytes from the end of a message: 0000000017"} */

struct peers peers;
static int epoll_fd;

int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* --- what arrives ----------------------------------------------------------------------------- */

static uint64_t number_of(const char *text, size_t n)
{
	uint64_t v = 0;

	if (n < NUMBER_AT + 10 || text[n - 1] != '}')
		target_void("not a message: %.*s", (int)(n > 200 ? 200 : n), text);
	for (const char *p = text + n - NUMBER_AT; p < text + n - 2; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	return v;
}

static void on_answer(const char *text, size_t n)
{
	static const char ack[] = "{\"_op\":\"ack\"", subscribed[] = "{\"_op\":\"subscribed\"";

	if ((n < sizeof ack || memcmp(text, ack, sizeof ack - 1) != 0) &&
		(n < sizeof subscribed || memcmp(text, subscribed, sizeof subscribed - 1) != 0))
		target_void("who asked was told: %.*s", (int)n, text);
	peers.answered++;
}

static void on_message(struct peer *p, const char *text, size_t n, int64_t now)
{
	uint64_t number;
	int64_t delay_ns;

	if (p->asks) {
		on_answer(text, n);
		return;
	}
	number = number_of(text, n);
	if (number != p->next)
		target_void("a subscriber got message %llu, not %llu", (unsigned long long)number,
			(unsigned long long)p->next);
	p->next += peers.rooms;
	peers.arrived++;
	delay_ns = now - peers.sent_ns[number % PEERS_SENT];
	hist_add(&peers.delays, delay_ns > 0 ? (uint64_t)delay_ns : 0);
}

/* Whole frames; returns bytes used. */
static size_t take_frames(struct peer *s, const char *p, size_t n, int64_t now)
{
	size_t at = 0;

	while (n - at >= 2) {
		const unsigned char *h = (const unsigned char *)p + at;
		size_t head = 2, len = h[1];
		if (len == 126) {
			head = 4;
			if (n - at < head)
				break;
			len = (size_t)h[2] << 8 | h[3];
		} else if (len == 127) {
			target_void("a frame of over 64 KiB");
		}
		if (n - at < head + len)
			break;
		if (h[0] == 0x81) {
			on_message(s, p + at + head, len, now);
			s->bytes += head + len;
		} else if (h[0] != 0x89) {
			target_void("frame of kind %02x", h[0]);
		}
		at += head + len;
	}
	return at;
}

static void take_lines(struct peer *s, const char *p, size_t n, int64_t now)
{
	uint64_t before = peers.arrived;
	const char *end = p + n;

	for (const char *at = p, *lf; at < end; at = lf + 1) {
		size_t len;
		lf = memchr(at, '\n', (size_t)(end - at));
		if (!lf)
			target_void("a chunk ends within a line");
		len = (size_t)(lf - at);
		if (s->wire == SSE) {
			if (len > 6 && memcmp(at, "event:", 6) == 0)
				target_void("an event: %.*s", (int)(end - at), at);
			if (len > 6 && memcmp(at, "data: ", 6) == 0)
				on_message(s, at + 6, len - 6, now);
		} else if (len) {
			on_message(s, at, len, now);
		}
	}
	if (peers.arrived > before)
		s->bytes += n;
}

/* Whole chunks. */
static size_t take_chunks(struct peer *s, const char *p, size_t n, int64_t now)
{
	size_t at = 0;

	for (;;) {
		const char *lf = memchr(p + at, '\n', n - at > 20 ? 20 : n - at);
		size_t head, len = 0;
		if (!lf)
			break;
		head = (size_t)(lf + 1 - (p + at));
		for (const char *d = p + at; d < lf - 1; d++)
			len = len * 16 + (size_t)(*d <= '9' ? *d - '0' : (*d | 32) - 'a' + 10);
		if (len == 0)
			target_void("the answer ended");
		if (n - at < head + len + 2)
			break;
		take_lines(s, p + at + head, len, now);
		at += head + len + 2;
	}
	return at;
}

static size_t take_head(struct peer *s, const char *p, size_t n)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4);

	if (!end)
		return 0;
	if (n < 12 ||
		(memcmp(p, "HTTP/1.1 101", 12) != 0 && memcmp(p, "HTTP/1.1 200", 12) != 0))
		target_void("refused: %.*s", (int)n, p);
	s->open = true;
	peers.n_open++;
	return (size_t)(end + 4 - p);
}

static void on_readable(struct peer *s)
{
	static char space[READ_BYTES];
	ssize_t got = recv(s->fd, space, sizeof space, MSG_DONTWAIT);
	int64_t now = now_ns();
	const char *p = space;
	size_t n = (size_t)got, used = 0;

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0)
		target_void("a connection was closed");
	peers.last_ns = now;
	if (s->rest.n) {
		buf_add(&s->rest, space, n);
		p = s->rest.p;
		n = s->rest.n;
	}
	if (!s->open)
		used = take_head(s, p, n);
	if (s->open && s->wire == WS)
		used += take_frames(s, p + used, n - used, now);
	else if (s->open)
		used += take_chunks(s, p + used, n - used, now);
	if (s->rest.n)
		buf_drop(&s->rest, used);
	else if (used < n)
		buf_add(&s->rest, p + used, n - used);
}

void peers_turn(int timeout_ms)
{
	static struct epoll_event ev[EVENTS_MAX];
	int n = epoll_wait(epoll_fd, ev, EVENTS_MAX, timeout_ms);

	for (int i = 0; i < n; i++)
		on_readable(ev[i].data.ptr);
	if (n == 0 && timeout_ms && now_ns() - peers.last_ns > STALLED_NS)
		target_void("nothing arrives: %llu deliveries, %llu answers, %u connections",
			(unsigned long long)peers.arrived, (unsigned long long)peers.answered,
			peers.n_open);
}

/* --- connections ------------------------------------------------------------------------------ */

void peers_begin(void)
{
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		target_void("epoll: %s", strerror(errno));
}

void peer_open(struct peer *p, enum wire wire, int port, const char *path, uint64_t first)
{
	static const char *const paths[] = { "ws", "events", "stream" };
	static const char upgrade[] =
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = p };
	struct linger reset = { 1, 0 }; /* no TIME_WAIT is left behind */
	char text[512];
	int n, one = 1;

	p->wire = wire;
	p->next = first;
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&sa, sizeof sa) != 0)
		target_void("connect: %s", strerror(errno));
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	n = snprintf(text, sizeof text, "GET /%s%s%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s\r\n",
		paths[wire], *path ? "/" : "", path, port, wire == WS ? upgrade : "");
	if (send(p->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		target_void("send: %s", strerror(errno));
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, p->fd, &ev) != 0)
		target_void("epoll_ctl: %s", strerror(errno));
	peers.last_ns = now_ns();
}

void peer_frame(struct buf *b, const char *text, size_t n)
{
	static const unsigned char mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
	unsigned char *p;

	buf_add_char(b, (char)0x81);
	if (n < 126) {
		buf_add_char(b, (char)(0x80 | n));
	} else {
		buf_add_char(b, (char)(0x80 | 126));
		buf_add_char(b, (char)(n >> 8));
		buf_add_char(b, (char)(n & 255));
	}
	buf_add(b, mask, 4);
	p = (unsigned char *)buf_reserve(b, n);
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)text[i] ^ mask[i & 3];
	b->n += n;
}

void peer_send(struct peer *p, const struct buf *b)
{
	for (size_t at = 0; at < b->n;) {
		ssize_t sent = send(p->fd, b->p + at, b->n - at, MSG_NOSIGNAL);
		if (sent < 0)
			target_void("send: %s", strerror(errno));
		at += (size_t)sent;
	}
}
