/* client.c - what a client of the library costs, against the least that is possible
 *
 *	client read  [-c CONNS] [-m BYTES] [-r ROUNDS]   CPU a message, in bursts of 64
 *	client count [-c CONNS]                          memory a connection, and connects a second
 *
 * A child is the server: it answers the handshake, and on each byte of a pipe it sends one burst on
 * every connection. `read` reads them twice: by struct client (raw) and by hand on epoll, which
 * does no more than walk over the frames. A round ends when everything was read, so both see the
 * same pieces. */
#include "base/clock.h"
#include "base/mem.h"
#include "client/client.h"
#include "codec/frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BURST      64
#define READ_BYTES 65536
#define AT_ONCE    256 /* handshakes under way */

static int n_conns = 64, message_bytes = 200, rounds = 2000;
static int port, go; /* go: a byte into it is a burst on every connection */

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* --- the server ------------------------------------------------------------------------------- */

static void answer(int fd)
{
	char head[4096], out[512], accept_key[29];
	ssize_t n = 0, got;
	const char *key;

	do {
		got = read(fd, head + n, sizeof(head) - 1 - (size_t)n);
		if (got <= 0)
			fail("server: read");
		n += got;
		head[n] = '\0';
	} while (!strstr(head, "\r\n\r\n"));
	key = strcasestr(head, "sec-websocket-key: ");
	if (!key || !frame_accept_key(str_make(key + 19, 24), accept_key))
		exit(1);
	n = snprintf(out, sizeof(out),
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: %s\r\n\r\n", accept_key);
	if (write(fd, out, (size_t)n) != n)
		fail("server: write");
}

static void serve(int listener, int orders)
{
	int *fds = mem_array((size_t)n_conns, sizeof(int)), room = 1 << 20;
	struct buf burst = { 0 }, text = { 0 };
	char c;

	for (int i = 0; i < message_bytes; i++)
		buf_add_char(&text, (char)('a' + i % 26));
	for (int i = 0; i < BURST; i++)
		frame_add(&burst, FRAME_TEXT, buf_str(&text));
	for (int i = 0; i < n_conns; i++) {
		fds[i] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fds[i] < 0)
			fail("server: accept");
		setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
		answer(fds[i]);
	}
	while (read(orders, &c, 1) == 1) {
		for (int i = 0; i < n_conns; i++) {
			if (write(fds[i], burst.p, burst.n) != (ssize_t)burst.n)
				fail("server: burst");
		}
	}
	exit(0);
}

static pid_t start_server(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), orders[2];
	pid_t pid;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) < 0 || listen(fd, 4096) < 0 ||
		getsockname(fd, (struct sockaddr *)&addr, &len) < 0 || pipe(orders) < 0)
		fail("listen");
	port = ntohs(addr.sin_port);
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		close(orders[1]);
		serve(fd, orders[0]);
	}
	close(fd);
	close(orders[0]);
	go = orders[1];
	return pid;
}

static void stop_server(pid_t pid)
{
	close(go);
	waitpid(pid, NULL, 0);
}

static void order(void)
{
	if (write(go, "x", 1) != 1)
		fail("order");
}

/* --- figures ---------------------------------------------------------------------------------- */

static double cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return ((double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec) * 1e9 +
		((double)u.ru_utime.tv_usec + (double)u.ru_stime.tv_usec) * 1e3;
}

static long resident_bytes(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		fail("statm");
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

/* --- by the library --------------------------------------------------------------------------- */

static uv_loop_t loop;
static struct client **clients;
static long n_up, n_started, n_messages, wanted;
static int rounds_left;

static void start_one(void)
{
	if (n_started < n_conns)
		client_start(clients[n_started++]);
}

static void on_up(void *arg, struct str url)
{
	(void)arg, (void)url;
	if (++n_up == n_conns)
		uv_stop(&loop);
	start_one();
}

static void on_failed(void *arg, const struct err *e)
{
	(void)arg;
	fprintf(stderr, "client: %s\n", e->text);
	exit(1);
}

static void on_message(void *arg, const struct client_msg *m)
{
	(void)arg, (void)m;
	if (++n_messages < wanted)
		return;
	if (--rounds_left == 0) {
		uv_stop(&loop);
		return;
	}
	wanted += (long)n_conns * BURST;
	order();
}

static const struct client_events events = { .up = on_up, .failed = on_failed, .message = on_message };

static void connect_clients(void)
{
	static char url[64];
	static struct client_conf conf = { .url = url, .raw = true, .window = 1 };
	struct err e = { 0 };

	snprintf(url, sizeof(url), "ws://127.0.0.1:%d/", port);
	uv_loop_init(&loop);
	clients = mem_array((size_t)n_conns, sizeof(*clients));
	n_up = n_started = 0;
	for (int i = 0; i < n_conns; i++) {
		clients[i] = client_new(&loop, &conf, &events, NULL, &e);
		if (!clients[i]) {
			fprintf(stderr, "client: %s\n", e.text);
			exit(1);
		}
	}
	for (int i = 0; i < AT_ONCE; i++)
		start_one();
	uv_run(&loop, UV_RUN_DEFAULT);
}

static void free_clients(void)
{
	for (int i = 0; i < n_conns; i++)
		client_free(clients[i]);
	uv_run(&loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&loop))
		fail("the loop is not empty");
	mem_free(clients);
}

static double read_by_library(void)
{
	pid_t pid = start_server();
	double before;

	connect_clients();
	n_messages = 0;
	wanted = (long)n_conns * BURST;
	rounds_left = rounds;
	before = cpu_ns();
	order();
	uv_run(&loop, UV_RUN_DEFAULT);
	before = cpu_ns() - before;
	free_clients();
	stop_server(pid);
	return before / ((double)n_conns * BURST * rounds);
}

/* --- by hand ---------------------------------------------------------------------------------- */

static void connect_bare(int epoll)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct epoll_event ev = { .events = EPOLLIN };
	char head[1024];

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < n_conns; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
			write(fd, request, sizeof(request) - 1) < 0 || read(fd, head, sizeof(head)) <= 0)
			fail("connect");
		fcntl(fd, F_SETFL, O_NONBLOCK);
		ev.data.fd = fd;
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
	}
}

/* Small frames, whole: a burst fits a read. */
static long walk(const unsigned char *p, size_t n)
{
	long count = 0;

	while (n >= 4) {
		size_t len = p[1] & 0x7f, head = 2;

		if (len == 126) {
			len = (size_t)p[2] << 8 | p[3];
			head = 4;
		}
		if (n < head + len)
			break;
		p += head + len;
		n -= head + len;
		count++;
	}
	if (n) {
		fprintf(stderr, "client: a burst came in pieces\n");
		exit(1);
	}
	return count;
}

static double read_by_hand(void)
{
	static unsigned char in[READ_BYTES];
	struct epoll_event ready[1024];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	pid_t pid = start_server();
	long count = 0, round = (long)n_conns * BURST;
	double before;

	connect_bare(epoll);
	before = cpu_ns();
	for (int r = 0; r < rounds; r++) {
		order();
		while (count < round * (r + 1)) {
			int n = epoll_wait(epoll, ready, 1024, -1);

			for (int i = 0; i < n; i++) {
				ssize_t got = read(ready[i].data.fd, in, sizeof(in));

				if (got > 0)
					count += walk(in, (size_t)got);
			}
		}
	}
	before = cpu_ns() - before;
	close(epoll); /* the sockets go with the process */
	stop_server(pid);
	return before / (double)(round * rounds);
}

/* --- what is measured ------------------------------------------------------------------------- */

static void measure_reading(void)
{
	for (int i = 0; i < 3; i++) {
		double a = read_by_library(), b = read_by_hand();

		printf("{\"conns\":%d,\"message_bytes\":%d,\"library_ns\":%.1f,\"bare_ns\":%.1f,\"ratio\":%.2f}\n",
			n_conns, message_bytes, a, b, a / b);
	}
}

static void measure_count(void)
{
	pid_t pid = start_server();
	long resident = resident_bytes();
	double cpu = cpu_ns();
	int64_t began = clock_us(), took;

	connect_clients();
	took = clock_us() - began;
	cpu = cpu_ns() - cpu;
	printf("{\"conns\":%d,\"conn_bytes\":%.0f,\"heap_bytes\":%.0f,\"connects_per_s\":%.0f,\"connect_cpu_ns\":%.0f}\n",
		n_conns, (double)(resident_bytes() - resident) / n_conns,
		(double)mallinfo2().uordblks / n_conns, n_conns / ((double)took / 1e6), cpu / n_conns);
	free_clients();
	stop_server(pid);
}

int main(int argc, char **argv)
{
	struct rlimit files;
	int opt;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	while ((opt = getopt(argc, argv, "c:m:r:")) != -1) {
		switch (opt) {
		case 'c': n_conns = atoi(optarg); break;
		case 'm': message_bytes = atoi(optarg); break;
		case 'r': rounds = atoi(optarg); break;
		default: return 2;
		}
	}
	if (optind < argc && strcmp(argv[optind], "read") == 0) {
		measure_reading();
	} else if (optind < argc && strcmp(argv[optind], "count") == 0) {
		measure_count();
	} else {
		fprintf(stderr, "usage: client [-c CONNS] [-m BYTES] [-r ROUNDS] read|count\n");
		return 2;
	}
	return 0;
}
