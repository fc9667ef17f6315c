/* load.c - starts a server, loads it, counts what arrives, and asks the kernel what it cost
 *
 * The server runs on core 0, this program on core 1. Subscribers are counted exactly (peers.h): every
 * one must get every message once, in order, and the same number of bytes as the others of its room,
 * else the run is void (status 1); so it is when this program came late to its own clock. What is
 * measured is the server's time on the CPU by the kernel's own account (schedstat, all threads), divided
 * by deliveries; the delay from just before a message was written to when its bytes were read; and
 * resident memory. One line of JSON is printed. */
#include "base/mem.h"
#include "beside.h"
#include "peers.h"
#include "target.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define UNANSWERED   256  /* handshakes at a time */
#define FILES_BESIDE 64   /* that are no connections */
#define WARM_S       0.3  /* buffers grow, caches fill */
#define REST_US      20000 /* the server comes to rest */
#define DROP_S       3    /* at least: until the server has closed all */
#define CANNOT       3    /* status: this machine does not let us */

static struct options {
	enum wire wire;
	unsigned subs, rooms;  /* subscribers of each room */
	unsigned rate;         /* messages a second, or */
	unsigned burst;        /* so many at once, the next when all have arrived, or */
	unsigned window;       /* unacknowledged at a time, and no subscribers */
	double seconds;
	unsigned late_max_ms;  /* p99 of how late we are: more, and messages go out together */
	unsigned payload;
	bool pins;
	bool drops;            /* what is beside vanishes half-way */
	struct beside beside;
	char **server;
} opt = { .rooms = 1, .seconds = 3, .late_max_ms = 10, .payload = 128, .pins = true };

static unsigned n_subs;
static struct peer *subs;
static struct peer publisher = { .asks = true };
static uint64_t published;
static int64_t sent_ns[PEERS_SENT]; /* of message number % PEERS_SENT */
static struct hist late;            /* how late what was due was written, ns */

/* --- connecting ------------------------------------------------------------------------------- */

static void raise_files(void)
{
	rlim_t want = opt.subs * opt.rooms + beside_files(&opt.beside) + FILES_BESIDE;
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_max >= want)
		return;
	fprintf(stderr,
		"load: this needs %llu open files, and only %llu are allowed: raise that (ulimit -Hn %llu, "
		"as root)\n",
		(unsigned long long)want, (unsigned long long)files.rlim_max,
		(unsigned long long)want);
	exit(CANNOT);
}

static void open_subs(void)
{
	char room[32];

	n_subs = opt.subs * opt.rooms;
	subs = mem_array(n_subs ? n_subs : 1, sizeof *subs);
	memset(subs, 0, n_subs * sizeof *subs);
	for (unsigned i = 0; i < n_subs; i++) {
		snprintf(room, sizeof room, "r%u", i % opt.rooms);
		peer_open(&subs[i], opt.wire, target_port(), room, i % opt.rooms);
		while (i + 1 - peers.n_open > UNANSWERED)
			peers_turn(100);
	}
	while (peers.n_open < n_subs)
		peers_turn(100);
}

static void open_publisher(void)
{
	unsigned n = peers.n_open;

	peer_open(&publisher, WS, target_port(), "", 0);
	while (peers.n_open == n)
		peers_turn(100);
}

static void close_all(void)
{
	for (unsigned i = 0; i < n_subs; i++)
		close(subs[i].fd);
	if (publisher.fd > 0)
		close(publisher.fd);
}

/* --- publishing ------------------------------------------------------------------------------- */

static void add_message(struct buf *b)
{
	static char pad[4096];
	char text[4608];
	size_t n = 1;

	if (!pad[0])
		memset(pad, 'x', sizeof pad - 1);
	text[0] = '{';
	if (opt.window)
		n += (size_t)snprintf(
			text + n, sizeof text - n, "\"_ref\":%llu,", (unsigned long long)published);
	n += (size_t)snprintf(text + n, sizeof text - n,
		"\"_room\":\"r%u\",\"pad\":\"%.*s\",\"n\":\"%010llu\"}",
		(unsigned)(published % opt.rooms), (int)opt.payload - 28, pad,
		(unsigned long long)published);
	peer_frame(b, text, n);
	published++;
}

static void publish(uint64_t n)
{
	static struct buf b;
	uint64_t first = published;
	int64_t now;

	b.n = 0;
	for (uint64_t i = 0; i < n; i++)
		add_message(&b);
	now = now_ns();
	for (uint64_t i = first; i < published; i++)
		sent_ns[i % PEERS_SENT] = now;
	peer_send(&publisher, &b);
}

static void wait_for_all(void)
{
	while (peers.arrived < published * opt.subs)
		peers_turn(100);
}

static void run_rate(double seconds)
{
	int64_t begin = now_ns(), end = begin + (int64_t)(seconds * 1e9);
	uint64_t n = 0;

	for (int64_t now = begin; now < end; now = now_ns()) {
		int64_t due_ns = begin + (int64_t)((double)n * 1e9 / opt.rate);
		uint64_t before = n;

		for (; due_ns <= now; due_ns = begin + (int64_t)((double)++n * 1e9 / opt.rate))
			hist_add(&late, (uint64_t)(now - due_ns));
		if (n > before)
			publish(n - before);
		peers_turn(due_ns - now > 1000000 ? (int)((due_ns - now) / 1000000) : 0);
	}
	wait_for_all();
}

static void run_bursts(double seconds)
{
	int64_t end = now_ns() + (int64_t)(seconds * 1e9);

	while (now_ns() < end) {
		publish(opt.burst);
		wait_for_all();
	}
}

static void run_window(double seconds)
{
	int64_t end = now_ns() + (int64_t)(seconds * 1e9);

	while (now_ns() < end) {
		if (published - peers.answered < opt.window)
			publish(opt.window - (published - peers.answered));
		peers_turn(100);
	}
	while (peers.answered < published)
		peers_turn(100);
}

static bool publishes(void)
{
	return opt.rate || opt.burst || opt.window;
}

/* --- a stretch of time ------------------------------------------------------------------------ */

struct stretch {
	uint64_t messages, deliveries;
	int64_t ns, cpu_ns;
	struct hist delays, late;
};

static struct stretch measure(double seconds)
{
	int64_t begin = now_ns();
	struct stretch s = {
		.messages = published,
		.deliveries = peers.arrived,
		.cpu_ns = (int64_t)target_stat().cpu_ns,
	};

	peers.last_ns = begin;
	if (opt.rate)
		run_rate(seconds);
	else if (opt.burst)
		run_bursts(seconds);
	else if (opt.window)
		run_window(seconds);
	else
		usleep((useconds_t)(seconds * 1e6));
	s.ns = now_ns() - begin;
	usleep(REST_US);
	s.cpu_ns = (int64_t)target_stat().cpu_ns - s.cpu_ns;
	s.messages = published - s.messages;
	s.deliveries = peers.arrived - s.deliveries;
	s.delays = peers.delays;
	s.late = late;
	peers.delays = late = (struct hist){ 0 };
	return s;
}

/* --- the verdict ------------------------------------------------------------------------------ */

static uint64_t check_subs(void)
{
	uint64_t *bytes = mem_zalloc(opt.rooms * sizeof *bytes), sum = 0;

	if (peers.arrived != published * opt.subs)
		target_void("%llu deliveries", (unsigned long long)peers.arrived);
	for (unsigned i = 0; i < n_subs; i++) {
		uint64_t *of_room = &bytes[i % opt.rooms];
		if (subs[i].rest.n)
			target_void("subscriber %u: half a message is left", i);
		if (*of_room && subs[i].bytes != *of_room)
			target_void("subscriber %u: %llu bytes, another %llu", i,
				(unsigned long long)subs[i].bytes, (unsigned long long)*of_room);
		*of_room = subs[i].bytes;
		sum += subs[i].bytes;
	}
	mem_free(bytes);
	return sum;
}

static void check_clock(const struct stretch *s)
{
	uint64_t p99_ns = hist_percentile(&s->late, 99);

	if (p99_ns > opt.late_max_ms * UINT64_C(1000000))
		target_void("came late to what was due: %.1f ms for the worst 1 %%",
			(double)p99_ns / 1e6);
}

static double per(int64_t ns, uint64_t n)
{
	return n ? (double)ns / (double)n : 0;
}

static double us(const struct hist *h, double percent)
{
	return (double)hist_percentile(h, percent) / 1e3;
}

static void print(const struct stretch *s, const struct stretch *dropped, double accept_ns,
	double conn_bytes)
{
	double usual_ns = dropped ? (double)s->cpu_ns / (double)s->ns * (double)dropped->ns : 0;

	printf("{\"messages\":%llu,\"deliveries\":%llu,\"bytes\":%llu,\"seconds\":%.3f,\"cpu_ns\":%lld,",
		(unsigned long long)s->messages, (unsigned long long)s->deliveries,
		(unsigned long long)check_subs(), (double)s->ns / 1e9, (long long)s->cpu_ns);
	printf("\"ns_per_delivery\":%.1f,\"ns_per_message\":%.1f,\"messages_per_s\":%.0f,",
		per(s->cpu_ns, s->deliveries), per(s->cpu_ns, s->messages),
		(double)s->messages * 1e9 / (double)s->ns);
	printf("\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,\"late_p99_us\":%.1f,",
		us(&s->delays, 50), us(&s->delays, 99), us(&s->delays, 100), us(&s->late, 99));
	if (dropped)
		printf("\"drop_ns\":%.1f,\"stall_us\":%.1f,\"late_max_us\":%.1f,",
			((double)dropped->cpu_ns - usual_ns) / opt.beside.idle,
			us(&dropped->delays, 100), us(&dropped->late, 100));
	printf("\"accept_ns\":%.0f,\"conn_bytes\":%.0f,\"idle_ppm\":%.0f,\"rss\":%llu}\n", accept_ns,
		conn_bytes, (double)s->cpu_ns * 1e6 / (double)s->ns,
		(unsigned long long)target_stat().rss_bytes);
}

/* What is beside vanishes, and the load goes on. */
static struct stretch drop(uint64_t files)
{
	struct stretch s;

	beside_drop();
	s = measure(opt.seconds > DROP_S ? opt.seconds : DROP_S);
	check_clock(&s);
	if (target_stat().n_fds > files)
		target_void("the server has %llu files left, and had %llu",
			(unsigned long long)target_stat().n_fds, (unsigned long long)files);
	return s;
}

/* --- options ---------------------------------------------------------------------------------- */

static void usage(void)
{
	fprintf(stderr,
		"usage: load [-t ws|sse|stream] [-s subscribers of a room] [-r rooms]\n"
		"            [-R messages a second | -b burst | -w window] [-d seconds] [-z payload bytes]\n"
		"            [-i idle connections] [-j rooms] [-k patterns beside] [-D: they are dropped]\n"
		"            [-l milliseconds late at most] [-P: do not pin] -- SERVER ARGUMENT...\n");
	exit(2);
}

static unsigned number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || end == text || n > 1000000)
		usage();
	return (unsigned)n;
}

static void read_options(int argc, char **argv)
{
	for (int c; (c = getopt(argc, argv, "t:s:r:R:b:w:d:l:z:i:j:k:DP")) != -1;)
		switch (c) {
		case 't': opt.wire = *optarg == 'w' ? WS : optarg[1] == 's' ? SSE : STREAM; break;
		case 's': opt.subs = number(optarg); break;
		case 'r': opt.rooms = number(optarg); break;
		case 'R': opt.rate = number(optarg); break;
		case 'b': opt.burst = number(optarg); break;
		case 'w': opt.window = number(optarg); break;
		case 'd': opt.seconds = atof(optarg); break;
		case 'l': opt.late_max_ms = number(optarg); break;
		case 'z': opt.payload = number(optarg); break;
		case 'i': opt.beside.idle = number(optarg); break;
		case 'j': opt.beside.rooms = number(optarg); break;
		case 'k': opt.beside.patterns = number(optarg); break;
		case 'D': opt.drops = true; break;
		case 'P': opt.pins = false; break;
		default: usage();
		}
	opt.server = argv + optind;
	if (!*opt.server || opt.rooms < 1 || opt.payload < 30 || opt.payload > 4096 ||
		(opt.drops && (!opt.beside.idle || !opt.rate)))
		usage();
}

int main(int argc, char **argv)
{
	double accept_ns, conn_bytes;
	struct procstat before, after;
	struct stretch s, dropped;

	read_options(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	raise_files();
	target_start(opt.server, opt.pins);
	peers_begin();
	peers.rooms = opt.rooms;
	peers.sent_ns = sent_ns;
	usleep(100000);
	before = target_stat();
	open_subs();
	usleep(100000);
	after = target_stat();
	accept_ns = n_subs ? (double)(after.cpu_ns - before.cpu_ns) / n_subs : 0;
	conn_bytes = n_subs ? ((double)after.rss_bytes - (double)before.rss_bytes) / n_subs : 0;
	if (publishes()) {
		open_publisher();
		after = target_stat();
	}
	beside_start(&opt.beside);
	if (publishes())
		measure(WARM_S);
	s = measure(opt.seconds);
	check_clock(&s);
	if (opt.drops)
		dropped = drop(after.n_fds);
	print(&s, opt.drops ? &dropped : NULL, accept_ns, conn_bytes);
	close_all();
	target_stop();
	return fflush(stdout) == 0 ? 0 : 1;
}
