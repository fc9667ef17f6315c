/* limit.c - the yardstick: the least a server could do for the same bytes, by hand on epoll
 *
 * It answers the handshakes of WebSocket, SSE and the NDJSON stream, proves that what is published is JSON, once, as every honest server
 * must, frames it as rt-serve does, and sends it. It is no server: rooms are named r0, r1, ..., no history is kept, nobody authorised, and
 * only what load.c sends is understood. "span" writes everything a subscriber is owed in one send at the end of the pass;
 * "each" sends every message by itself, which is what most servers do. */
#include "base/buf.h"
#include "base/mem.h"
#include "codec/frame.h"
#include "codec/scan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX 1024
#define READ_BYTES 65536
#define CHUNK_HEAD 10

enum wire { WS, SSE, STREAM, WIRES };

struct conn {
	int fd, room, place; /* place: in room.subs */
	enum wire wire;
	bool reading_head, choked;
	struct buf in, owed;
};

struct room {
	struct conn **subs[WIRES];
	int n[WIRES], cap[WIRES];
	struct buf span[WIRES];
	bool dirty;
};

static struct room *rooms;
static int n_rooms;
static int *dirty, n_dirty;
static bool one_by_one;
static int epoll_fd;
static uint64_t epoch, position;
static int64_t now_ms;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* --- rooms -------------------------------------------------------------------------------------------- */

static struct room *room_at(int i)
{
	if (i >= n_rooms) {
		int n = i + 1;
		rooms = mem_resize(rooms, (size_t)n, sizeof *rooms);
		dirty = mem_resize(dirty, (size_t)n, sizeof *dirty);
		memset(rooms + n_rooms, 0, (size_t)(n - n_rooms) * sizeof *rooms);
		n_rooms = n;
	}
	return &rooms[i];
}

static void room_join(struct conn *c)
{
	struct room *r = room_at(c->room);
	enum wire w = c->wire;

	if (r->n[w] == r->cap[w]) {
		r->cap[w] = r->cap[w] ? r->cap[w] * 2 : 4;
		r->subs[w] = mem_resize(r->subs[w], (size_t)r->cap[w], sizeof *r->subs[w]);
	}
	c->place = r->n[w];
	r->subs[w][r->n[w]++] = c;
}

static void room_leave(struct conn *c)
{
	struct room *r = room_at(c->room);
	struct conn *last = r->subs[c->wire][--r->n[c->wire]];

	r->subs[c->wire][c->place] = last;
	last->place = c->place;
}

/* --- sending ------------------------------------------------------------------------------------------ */

static void watch(struct conn *c, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &ev) != 0)
		fail("epoll_ctl");
}

static void give(struct conn *c, const char *p, size_t n)
{
	ssize_t sent = 0;

	if (!c->choked)
		sent = send(c->fd, p, n, MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN)
		return; /* its end is seen when reading */
	if (sent < 0)
		sent = 0;
	if ((size_t)sent == n)
		return;
	buf_add(&c->owed, p + sent, n - (size_t)sent);
	if (!c->choked) {
		c->choked = true;
		watch(c, EPOLLIN | EPOLLOUT);
	}
}

static void give_owed(struct conn *c)
{
	ssize_t sent = send(c->fd, c->owed.p, c->owed.n, MSG_NOSIGNAL);
	bool was_choked = c->choked;

	if (sent > 0)
		buf_drop(&c->owed, (size_t)sent);
	c->choked = c->owed.n > 0;
	if (c->choked != was_choked)
		watch(c, c->choked ? EPOLLIN | EPOLLOUT : EPOLLIN);
	buf_shrink(&c->owed, READ_BYTES);
}

static void begin_chunk(struct buf *b)
{
	buf_reserve(b, CHUNK_HEAD);
	b->n += CHUNK_HEAD;
}

static void end_chunk(struct buf *b)
{
	char head[CHUNK_HEAD + 1];

	snprintf(head, sizeof head, "%08zx\r\n", b->n - CHUNK_HEAD);
	memcpy(b->p, head, CHUNK_HEAD);
	buf_add(b, "\r\n", 2);
}

static void add_message(struct buf *b, enum wire w, int room, struct str payload)
{
	unsigned char head[FRAME_HEAD_MAX];
	char members[128];
	int n;

	if (w == SSE) {
		n = snprintf(members, sizeof members, "id: %016llx-%llu\ndata: ", (unsigned long long)epoch,
			(unsigned long long)position);
		buf_add(b, members, (size_t)n);
		buf_add_str(b, payload);
		buf_add(b, "\n\n", 2);
		return;
	}
	n = snprintf(members, sizeof members, "{\"_id\":\"%016llx-%llu\",\"_room\":\"r%d\",\"_ts\":%lld,",
		(unsigned long long)epoch, (unsigned long long)position, room, (long long)now_ms);
	if (w == WS)
		buf_add(b, head, frame_head(head, FRAME_TEXT, (size_t)n + payload.n - 1));
	buf_add(b, members, (size_t)n);
	buf_add_str(b, str_skip(payload, 1));
	if (w == STREAM)
		buf_add_char(b, '\n');
}

static void flush_room(struct room *r)
{
	for (int w = 0; w < WIRES; w++) {
		struct buf *b = &r->span[w];
		if (b->n == 0)
			continue;
		if (w != WS)
			end_chunk(b);
		for (int i = 0; i < r->n[w]; i++)
			give(r->subs[w][i], b->p, b->n);
		b->n = 0;
	}
	r->dirty = false;
}

static void flush_all(void)
{
	for (int i = 0; i < n_dirty; i++)
		flush_room(&rooms[dirty[i]]);
	n_dirty = 0;
}

/* --- publishing --------------------------------------------------------------------------------------- */

static void prove(struct str payload)
{
	static struct scan s;
	struct err e;

	if (scan_json(&s, payload, SCAN_DEPTH_MAX, &e) == 0)
		return;
	fprintf(stderr, "limit: %s\n", e.text);
	exit(1);
}

/* Takes `"name":` and its value off the front of an object; returns the value's text without quotes. */
static struct str take_member(struct str *object, const char *name)
{
	size_t name_n = strlen(name);
	const char *p = object->p + 1, *end;

	if (object->n < name_n + 5 || p[0] != '"' || memcmp(p + 1, name, name_n) != 0 || p[name_n + 1] != '"')
		return STR("");
	p += name_n + 3;
	end = memchr(p, ',', object->n - name_n - 4);
	if (!end)
		return STR("");
	*object = str_make(end, object->n - (size_t)(end - object->p));
	*(char *)(uintptr_t)end = '{';
	return *p == '"' ? str_make(p + 1, (size_t)(end - p) - 2) : str_make(p, (size_t)(end - p));
}

static void publish(struct conn *c, struct str payload)
{
	struct str ref = take_member(&payload, "_ref");
	struct str name = take_member(&payload, "_room");
	int i = name.n > 1 ? atoi(name.p + 1) : 0;
	struct room *r = room_at(i);

	position++;
	for (int w = 0; w < WIRES; w++) {
		struct buf *b = &r->span[w];
		if (r->n[w] == 0)
			continue;
		if (b->n == 0 && w != WS)
			begin_chunk(b);
		add_message(b, (enum wire)w, i, payload);
	}
	if (one_by_one) {
		flush_room(r);
	} else if (!r->dirty) {
		r->dirty = true;
		dirty[n_dirty++] = i;
	}
	if (ref.n) {
		char ack[128];
		int n = snprintf(ack + 2, sizeof ack - 2, "{\"_op\":\"ack\",\"_ref\":%.*s,\"_id\":\"%016llx-%llu\"}", STR_ARG(ref),
			(unsigned long long)epoch, (unsigned long long)position);
		ack[0] = (char)0x81;
		ack[1] = (char)n; /* below 126 */
		if (one_by_one)
			give(c, ack, (size_t)n + 2);
		else
			buf_add(&c->owed, ack, (size_t)n + 2);
	}
}

/* Masked text frames; returns bytes used. */
static size_t read_frames(struct conn *c, char *p, size_t n)
{
	size_t at = 0;

	for (;;) {
		unsigned char *h = (unsigned char *)p + at;
		size_t left = n - at, head = 6, len;
		if (left < head)
			break;
		len = h[1] & 127;
		if (len == 126) {
			head = 8;
			if (left < head)
				break;
			len = (size_t)h[2] << 8 | h[3];
		}
		if (left < head + len)
			break;
		for (size_t i = 0; i < len; i++)
			h[head + i] ^= h[head - 4 + (i & 3)];
		if ((h[0] & 15) == FRAME_TEXT) {
			prove(str_make((char *)h + head, len));
			publish(c, str_make((char *)h + head, len));
		}
		at += head + len;
	}
	if (c->owed.n && !c->choked)
		give_owed(c);
	return at;
}

/* --- connections -------------------------------------------------------------------------------------- */

static void answer(struct conn *c, char *head)
{
	char text[512], accept[29];
	const char *key = strstr(head, "Sec-WebSocket-Key: ");
	const char *slash;
	int n;

	c->reading_head = false;
	c->wire = strncmp(head, "GET /ws", 7) == 0 ? WS : strncmp(head, "GET /events", 11) == 0 ? SSE : STREAM;
	if (c->wire == WS) {
		if (!key || !frame_accept_key(str_make(key + 19, 24), accept))
			return;
		n = snprintf(text, sizeof text,
			"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			"Sec-WebSocket-Accept: %s\r\n\r\n",
			accept);
	} else {
		n = snprintf(text, sizeof text,
			"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nCache-Control: no-store\r\n"
			"Transfer-Encoding: chunked\r\n\r\n",
			c->wire == SSE ? "text/event-stream" : "application/x-ndjson");
	}
	give(c, text, (size_t)n);
	slash = strchr(head + 5, '/');
	if (slash && slash[1] == 'r') {
		c->room = atoi(slash + 2);
		room_join(c);
	}
}

static void drop(struct conn *c)
{
	if (c->room >= 0)
		room_leave(c);
	close(c->fd);
	buf_fini(&c->in);
	buf_fini(&c->owed);
	mem_free(c);
}

static void on_readable(struct conn *c)
{
	static char space[READ_BYTES];
	ssize_t got = recv(c->fd, space, sizeof space - 1, 0);
	char *p = space, *end;
	size_t n = (size_t)got, used;

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		drop(c);
		return;
	}
	if (c->in.n) {
		buf_add(&c->in, space, n);
		p = c->in.p;
		n = c->in.n;
	}
	if (c->reading_head) {
		used = 0;
		end = memmem(p, n, "\r\n\r\n", 4);
		if (end) {
			*end = '\0';
			answer(c, p);
			used = n;
		}
	} else {
		used = c->wire == WS ? read_frames(c, p, n) : n;
	}
	if (c->in.n)
		buf_drop(&c->in, used);
	else if (used < n)
		buf_add(&c->in, p + used, n - used);
	if (c->in.n == 0)
		buf_fini(&c->in);
}

static void on_connection(int listen_fd)
{
	int one = 1;

	for (int i = 0; i < 64; i++) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct epoll_event ev = { .events = EPOLLIN };
		struct conn *c;

		if (fd < 0)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		c = mem_new(struct conn);
		c->fd = fd;
		c->room = -1;
		c->reading_head = true;
		ev.data.ptr = c;
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
			fail("epoll_ctl");
	}
}

static int64_t wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static void serve(int listen_fd)
{
	static struct epoll_event ev[EVENTS_MAX];

	for (;;) {
		int n = epoll_wait(epoll_fd, ev, EVENTS_MAX, -1);

		now_ms = wall_ms();
		for (int i = 0; i < n; i++) {
			struct conn *c = ev[i].data.ptr;
			if (!c) {
				on_connection(listen_fd);
				continue;
			}
			if (ev[i].events & EPOLLOUT)
				give_owed(c);
			if (ev[i].events & ~(uint32_t)EPOLLOUT)
				on_readable(c);
		}
		flush_all();
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t sa_n = sizeof sa;
	struct epoll_event ev = { .events = EPOLLIN };
	struct rlimit files;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (argc != 2 || (strcmp(argv[1], "span") != 0 && strcmp(argv[1], "each") != 0)) {
		fprintf(stderr, "usage: limit span|each\n");
		return 2;
	}
	one_by_one = argv[1][0] == 'e';
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	rand_bytes(&epoch, sizeof epoch);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sa_n) != 0 || listen(fd, 4096) != 0 ||
		getsockname(fd, (struct sockaddr *)&sa, &sa_n) != 0)
		fail("listen");
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
		fail("epoll");
	printf("{\"ready\":true,\"listen\":[\"127.0.0.1:%d\"]}\n", ntohs(sa.sin_port));
	fflush(stdout);
	serve(fd);
	return 0;
}
