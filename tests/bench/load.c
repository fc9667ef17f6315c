/* load.c - starts a server, loads it, counts what arrives, and asks the kernel what it cost
 *
 * The server runs on core 0, this program on core 1. Subscribers are counted exactly: every one must get every message once, in order, and the
 * same number of bytes as the others of its room, else the run is void (status 1). What is measured is the server's time on the
 * CPU by the kernel's own account (schedstat, all threads), divided by deliveries; the delay from just before a message was written to
 * when its bytes were read; and resident memory. One line of JSON is printed. Messages end in `"n":"0000000017"}`: the number of
 * the message, at a fixed place from the end, so that reading costs little and load keeps up with the server. */
#include "base/buf.h"
#include "base/mem.h"
#include "bench/procstat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_MAX   1024
#define READ_BYTES   (256 * 1024)
#define UNANSWERED   256          /* handshakes at a time */
#define STALLED_NS   20000000000  /* nothing arrives for so long: void */
#define NUMBER_AT    12           /* bytes from the end of a payload: 0000000017"} */
#define DELAYS_US    2000000

enum transport { WS, SSE, STREAM };

static struct options {
	enum transport transport;
	int subs, rooms;   /* subscribers of each room */
	int rate;          /* messages a second, or */
	int burst;         /* so many at once, the next when all have arrived, or */
	int window;        /* unacknowledged at a time, and no subscribers */
	double seconds;
	int payload;
	bool pin;
	char **server;
} opt = { .rooms = 1, .seconds = 3, .payload = 128, .pin = true };

struct sub {
	int fd, room;
	bool open;
	uint64_t next;   /* number of the message it must get next */
	uint64_t bytes;  /* of messages */
	struct buf rest; /* not whole yet */
};

static pid_t server_pid;
static int port, epoll_fd, n_subs, n_open;
static struct sub *subs;
static struct sub publisher = { .room = -1 };
static uint64_t published, arrived, acked;
static int64_t *sent_ns; /* of message number % sent_cap */
static size_t sent_cap;
static uint32_t delays[DELAYS_US + 1];
static uint64_t n_delays;
static int64_t last_ns; /* something arrived */

static _Noreturn void void_run(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "load: void: ");
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n");
	va_end(ap);
	if (server_pid > 0)
		kill(server_pid, SIGKILL);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* --- the server --------------------------------------------------------------------------------------- */

static void pin(int core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(core, &set);
	if (opt.pin && sched_setaffinity(0, sizeof set, &set) != 0)
		perror("load: sched_setaffinity");
}

static void start_server(void)
{
	char line[1024] = "", *at;
	size_t n = 0;
	int out[2];

	if (pipe(out) != 0)
		void_run("pipe: %s", strerror(errno));
	server_pid = fork();
	if (server_pid == 0) {
		pin(0);
		dup2(out[1], 1);
		close(out[0]);
		close(out[1]);
		execvp(opt.server[0], opt.server);
		_exit(127);
	}
	close(out[1]);
	while (n < sizeof line - 1 && !strchr(line, '\n')) {
		ssize_t got = read(out[0], line + n, sizeof line - 1 - n);
		if (got <= 0)
			void_run("'%s' is not ready", opt.server[0]);
		n += (size_t)got;
		line[n] = '\0';
	}
	at = strstr(line, "\"127.0.0.1:");
	if (!at)
		void_run("no address in: %s", line);
	port = atoi(at + 11);
	/* The pipe stays open: the server may go on writing. */
}

static void stop_server(void)
{
	int status = 0;

	kill(server_pid, SIGTERM);
	for (int i = 0; i < 1000; i++) {
		if (waitpid(server_pid, &status, WNOHANG) == server_pid)
			return;
		usleep(10000);
	}
	kill(server_pid, SIGKILL);
	waitpid(server_pid, &status, 0);
}

static struct procstat server_stat(void)
{
	struct procstat s;

	if (!procstat_read(server_pid, &s))
		void_run("the server is gone");
	return s;
}

static int64_t server_cpu_ns(void)
{
	return (int64_t)server_stat().cpu_ns;
}

static int64_t server_rss(void)
{
	return (int64_t)server_stat().rss_bytes;
}

/* --- what arrives ------------------------------------------------------------------------------------- */

static uint64_t number_of(const char *payload, size_t n)
{
	uint64_t v = 0;

	if (n < NUMBER_AT + 10 || payload[n - 1] != '}')
		void_run("not a message: %.*s", (int)(n > 200 ? 200 : n), payload);
	for (const char *p = payload + n - NUMBER_AT; p < payload + n - 2; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	return v;
}

static void on_message(struct sub *s, const char *payload, size_t n, int64_t now)
{
	uint64_t number;
	int64_t us;

	if (s == &publisher) {
		if (n < 12 || memcmp(payload, "{\"_op\":\"ack\"", 12) != 0)
			void_run("the publisher was told: %.*s", (int)n, payload);
		acked++;
		return;
	}
	number = number_of(payload, n);
	if (number != s->next)
		void_run("subscriber %d got message %llu, not %llu", (int)(s - subs), (unsigned long long)number,
			(unsigned long long)s->next);
	s->next += (uint64_t)opt.rooms;
	arrived++;
	us = (now - sent_ns[number % sent_cap]) / 1000;
	delays[us < 0 ? 0 : us > DELAYS_US ? DELAYS_US : us]++;
	n_delays++;
}

/* Whole frames; returns bytes used. */
static size_t take_frames(struct sub *s, const char *p, size_t n, int64_t now)
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
			void_run("a frame of over 64 KiB");
		}
		if (n - at < head + len)
			break;
		if (h[0] == 0x81) {
			on_message(s, p + at + head, len, now);
			s->bytes += head + len;
		} else if (h[0] != 0x89) {
			void_run("frame of kind %02x", h[0]);
		}
		at += head + len;
	}
	return at;
}

static void take_lines(struct sub *s, const char *p, size_t n, int64_t now)
{
	uint64_t before = arrived;
	const char *end = p + n;

	for (const char *at = p, *lf; at < end; at = lf + 1) {
		size_t len;
		lf = memchr(at, '\n', (size_t)(end - at));
		if (!lf)
			void_run("a chunk ends within a line");
		len = (size_t)(lf - at);
		if (opt.transport == SSE) {
			if (len > 6 && memcmp(at, "event:", 6) == 0)
				void_run("an event: %.*s", (int)(end - at), at);
			if (len > 6 && memcmp(at, "data: ", 6) == 0)
				on_message(s, at + 6, len - 6, now);
		} else if (len) {
			on_message(s, at, len, now);
		}
	}
	if (arrived > before)
		s->bytes += n;
}

/* Whole chunks. */
static size_t take_chunks(struct sub *s, const char *p, size_t n, int64_t now)
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
			void_run("the answer ended");
		if (n - at < head + len + 2)
			break;
		take_lines(s, p + at + head, len, now);
		at += head + len + 2;
	}
	return at;
}

static size_t take_head(struct sub *s, const char *p, size_t n)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4);

	if (!end)
		return 0;
	if (n < 12 || (memcmp(p, "HTTP/1.1 101", 12) != 0 && memcmp(p, "HTTP/1.1 200", 12) != 0))
		void_run("refused: %.*s", (int)n, p);
	s->open = true;
	n_open++;
	return (size_t)(end + 4 - p);
}

static void on_readable(struct sub *s)
{
	static char space[READ_BYTES];
	ssize_t got = recv(s->fd, space, sizeof space, MSG_DONTWAIT);
	int64_t now = now_ns();
	const char *p = space;
	size_t n = (size_t)got, used = 0;

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0)
		void_run("a connection was closed");
	last_ns = now;
	if (s->rest.n) {
		buf_add(&s->rest, space, n);
		p = s->rest.p;
		n = s->rest.n;
	}
	if (!s->open)
		used = take_head(s, p, n);
	if (s->open)
		used += s == &publisher || opt.transport == WS ? take_frames(s, p + used, n - used, now)
							       : take_chunks(s, p + used, n - used, now);
	if (s->rest.n)
		buf_drop(&s->rest, used);
	else if (used < n)
		buf_add(&s->rest, p + used, n - used);
}

static void run_once(int timeout_ms)
{
	static struct epoll_event ev[EVENTS_MAX];
	int n = epoll_wait(epoll_fd, ev, EVENTS_MAX, timeout_ms);

	for (int i = 0; i < n; i++)
		on_readable(ev[i].data.ptr);
	if (n == 0 && now_ns() - last_ns > STALLED_NS)
		void_run("nothing arrives: %llu of %llu deliveries, %llu acks", (unsigned long long)arrived,
			(unsigned long long)published * (uint64_t)opt.subs, (unsigned long long)acked);
}

/* --- connections -------------------------------------------------------------------------------------- */

static void open_one(struct sub *s, enum transport t, int room)
{
	static const char *const paths[] = { "ws", "events", "stream" };
	static const char upgrade[] = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
				      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
	struct sockaddr_in sa = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = s };
	struct linger reset = { 1, 0 }; /* no TIME_WAIT is left behind */
	char text[512], path[32] = "";
	int n, one = 1;

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	s->room = room;
	s->next = room > 0 ? (uint64_t)room : 0;
	if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&sa, sizeof sa) != 0)
		void_run("connect: %s", strerror(errno));
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	if (room >= 0)
		snprintf(path, sizeof path, "/r%d", room);
	n = snprintf(text, sizeof text, "GET /%s%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s\r\n", paths[t], path, port,
		t == WS ? upgrade : "");
	if (send(s->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		void_run("send: %s", strerror(errno));
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, s->fd, &ev) != 0)
		void_run("epoll_ctl: %s", strerror(errno));
	last_ns = now_ns();
}

static void open_subs(void)
{
	n_subs = opt.subs * opt.rooms;
	subs = mem_array(n_subs ? (size_t)n_subs : 1, sizeof *subs);
	memset(subs, 0, (size_t)n_subs * sizeof *subs);
	for (int i = 0; i < n_subs; i++) {
		open_one(&subs[i], opt.transport, i % opt.rooms);
		while (i + 1 - n_open > UNANSWERED)
			run_once(100);
	}
	while (n_open < n_subs)
		run_once(100);
}

static void open_publisher(void)
{
	int n = n_open;

	open_one(&publisher, WS, -1);
	while (n_open == n)
		run_once(100);
}

/* --- publishing --------------------------------------------------------------------------------------- */

/* A masked text frame with the next message. */
static void add_message(struct buf *b)
{
	static const unsigned char mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
	static char pad[4096];
	char text[4608];
	unsigned char *p;
	size_t n = 0;
	int room = (int)(published % (uint64_t)opt.rooms);

	if (!pad[0])
		memset(pad, 'x', sizeof pad - 1);
	n += (size_t)snprintf(text, sizeof text, "{");
	if (opt.window)
		n += (size_t)snprintf(text + n, sizeof text - n, "\"_ref\":%llu,", (unsigned long long)published);
	n += (size_t)snprintf(text + n, sizeof text - n, "\"_room\":\"r%d\",\"pad\":\"%.*s\",\"n\":\"%010llu\"}", room,
		opt.payload - 28, pad, (unsigned long long)published);
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
	published++;
}

static void publish(uint64_t n)
{
	static struct buf b;
	uint64_t first = published;
	int64_t now;
	size_t at = 0;

	b.n = 0;
	for (uint64_t i = 0; i < n; i++)
		add_message(&b);
	now = now_ns();
	for (uint64_t i = first; i < published; i++)
		sent_ns[i % sent_cap] = now;
	while (at < b.n) {
		ssize_t sent = send(publisher.fd, b.p + at, b.n - at, MSG_NOSIGNAL);
		if (sent < 0)
			void_run("send: %s", strerror(errno));
		at += (size_t)sent;
	}
}

static void wait_for_all(void)
{
	while (arrived < published * (uint64_t)opt.subs)
		run_once(100);
}

static void run_rate(double seconds)
{
	int64_t begin = now_ns(), end = begin + (int64_t)(seconds * 1e9);
	uint64_t first = published;

	for (int64_t now = begin; now < end; now = now_ns()) {
		uint64_t due = (uint64_t)((double)(now - begin) * opt.rate / 1e9) + 1;
		int64_t next_ns = begin + (int64_t)((double)due * 1e9 / opt.rate);
		if (first + due > published)
			publish(first + due - published);
		run_once(next_ns - now > 1000000 ? (int)((next_ns - now) / 1000000) : 0);
	}
	wait_for_all();
}

static void run_bursts(double seconds)
{
	int64_t end = now_ns() + (int64_t)(seconds * 1e9);

	while (now_ns() < end) {
		publish((uint64_t)opt.burst);
		wait_for_all();
	}
}

static void run_window(double seconds)
{
	int64_t end = now_ns() + (int64_t)(seconds * 1e9);

	while (now_ns() < end) {
		if (published - acked < (uint64_t)opt.window)
			publish((uint64_t)opt.window - (published - acked));
		run_once(100);
	}
	while (acked < published)
		run_once(100);
}

static void run(double seconds)
{
	if (opt.rate)
		run_rate(seconds);
	else if (opt.burst)
		run_bursts(seconds);
	else if (opt.window)
		run_window(seconds);
	else
		usleep((useconds_t)(seconds * 1e6));
	usleep(20000); /* the server comes to rest */
}

/* --- the verdict -------------------------------------------------------------------------------------- */

static uint64_t check_subs(void)
{
	uint64_t *bytes = mem_zalloc((size_t)opt.rooms * sizeof *bytes), sum = 0;

	if (arrived != published * (uint64_t)opt.subs)
		void_run("%llu deliveries", (unsigned long long)arrived);
	for (int i = 0; i < n_subs; i++) {
		struct sub *s = &subs[i];
		if (s->rest.n)
			void_run("subscriber %d: half a message is left", i);
		if (bytes[s->room] && s->bytes != bytes[s->room])
			void_run("subscriber %d: %llu bytes, another %llu", i, (unsigned long long)s->bytes,
				(unsigned long long)bytes[s->room]);
		bytes[s->room] = s->bytes;
		sum += s->bytes;
	}
	mem_free(bytes);
	return sum;
}

static int delay_at(double part)
{
	uint64_t want = (uint64_t)((double)n_delays * part), seen = 0;

	for (int us = 0; us <= DELAYS_US; us++) {
		seen += delays[us];
		if (seen > want)
			return us;
	}
	return 0;
}

static void usage(void)
{
	fprintf(stderr, "usage: load [-t ws|sse|stream] [-s subscribers of a room] [-r rooms] [-R messages a second | -b burst | -w window]\n"
			"            [-d seconds] [-z payload bytes] [-P: do not pin] -- SERVER ARGUMENT...\n");
	exit(2);
}

static void options(int argc, char **argv)
{
	for (int c; (c = getopt(argc, argv, "t:s:r:R:b:w:d:z:P")) != -1;)
		switch (c) {
		case 't': opt.transport = *optarg == 'w' ? WS : optarg[1] == 's' ? SSE : STREAM; break;
		case 's': opt.subs = atoi(optarg); break;
		case 'r': opt.rooms = atoi(optarg); break;
		case 'R': opt.rate = atoi(optarg); break;
		case 'b': opt.burst = atoi(optarg); break;
		case 'w': opt.window = atoi(optarg); break;
		case 'd': opt.seconds = atof(optarg); break;
		case 'z': opt.payload = atoi(optarg); break;
		case 'P': opt.pin = false; break;
		default: usage();
		}
	opt.server = argv + optind;
	if (!*opt.server || opt.rooms < 1 || opt.payload < 30 || opt.payload > 4096)
		usage();
}

int main(int argc, char **argv)
{
	int64_t cpu, rss, begin, accept_ns, conn_bytes, ns;
	uint64_t before, before_sent;
	struct rlimit files;

	options(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	start_server();
	pin(1);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	sent_cap = 1 << 20;
	sent_ns = mem_array(sent_cap, sizeof *sent_ns);
	usleep(100000);
	cpu = server_cpu_ns();
	rss = server_rss();
	open_subs();
	usleep(100000);
	accept_ns = n_subs ? (server_cpu_ns() - cpu) / n_subs : 0;
	conn_bytes = n_subs ? (server_rss() - rss) / n_subs : 0;
	if (opt.rate || opt.burst || opt.window)
		open_publisher();
	if (opt.rate || opt.burst || opt.window)
		run(0.3); /* buffers grow, caches fill */
	memset(delays, 0, sizeof delays);
	n_delays = 0;
	before = arrived;
	before_sent = published;
	begin = now_ns();
	cpu = server_cpu_ns();
	run(opt.seconds);
	cpu = server_cpu_ns() - cpu;
	ns = now_ns() - begin - 20000000;
	printf("{\"messages\":%llu,\"deliveries\":%llu,\"bytes\":%llu,\"seconds\":%.3f,\"cpu_ns\":%lld,",
		(unsigned long long)(published - before_sent), (unsigned long long)(arrived - before),
		(unsigned long long)check_subs(), (double)ns / 1e9, (long long)cpu);
	printf("\"ns_per_delivery\":%.1f,\"ns_per_message\":%.1f,\"messages_per_s\":%.0f,",
		arrived > before ? (double)cpu / (double)(arrived - before) : 0.0,
		published > before_sent ? (double)cpu / (double)(published - before_sent) : 0.0,
		(double)(published - before_sent) * 1e9 / (double)ns);
	printf("\"p50_us\":%d,\"p99_us\":%d,\"accept_ns\":%lld,\"conn_bytes\":%lld,\"idle_ppm\":%.0f,\"rss\":%lld}\n",
		delay_at(0.5), delay_at(0.99), (long long)accept_ns, (long long)conn_bytes, (double)cpu * 1e6 / (double)ns,
		(long long)server_rss());
	for (int i = 0; i < n_subs; i++)
		close(subs[i].fd);
	if (publisher.fd > 0)
		close(publisher.fd);
	stop_server();
	return fflush(stdout) == 0 ? 0 : 1;
}
