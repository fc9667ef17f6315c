/* link.c - a stream of bytes to the server of a client
 *
 * A socket that failed may still hold what the server said before, often why: so a failure to write
 * ends writing only, and the link goes down where reading ends. libuv stops a poll handle when the
 * kernel reports an error on its socket; it is started again, and reading tells which error it is.
 */
#include "client/answer.h"
#include "client/link.h"

#include "base/mem.h"
#include "client/handle.h"
#include "client/lookup.h"
#include "client/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ADDRESS_MS 3000 /* for one address, while others are left */
#define TLS_READS  4    /* in a row: what TLS holds wakes no loop */

struct dial {
	struct link *link;
	struct lookup *lookup; /* NULL: a Unix socket, or TLS */
	struct lookup_wait wait;
	const struct addrinfo *addr; /* being tried */
	struct alarm alarm;
	int error; /* of the address that tells most; 0: none was tried yet */
};

static void watch(struct link *l);
static void connect_next(struct link *l);

/* --- ending ----------------------------------------------------------------------------------- */

static void drop_socket(struct link *l)
{
	if (l->poll) {
		l->poll->data = NULL;
		handle_free(l->poll);
		if (!l->tls)
			close(l->fd);
	}
	l->poll = NULL;
	l->watched = 0;
}

static void drop_dial(struct link *l)
{
	struct dial *d = l->dial;

	if (!d)
		return;
	l->dial = NULL;
	list_del(&d->wait.node);
	lookup_unref(d->lookup);
	hub_no_alarm(l->client->hub, &d->alarm);
	mem_free(d);
}

void link_close(struct link *l)
{
	drop_dial(l);
	drop_socket(l);
	tls_close(l->tls);
	task_cancel(&l->task);
	buf_fini(&l->in);
	buf_fini(&l->out);
	l->tls = NULL;
	l->error = 0;
	l->out_at = 0;
	l->up = l->paused = l->wants_room = false;
}

/* The connection ended, by `error` or, with 0, by a FIN. */
static void end(struct link *l, int error)
{
	struct client *c = l->client;
	struct buf why = { 0 };
	bool fin;

	if (!error)
		error = l->error;
	fin = !error || (error == EPIPE && l->tls);
	if (fin || (error == ECONNRESET && !c->ever_heard))
		answer_add_closed(c, &why);
	else if (error == ECONNRESET || error == EPIPE)
		buf_add_text(&why, "the server reset the connection");
	else
		buf_add_text(&why, uv_strerror(-error));
	link_close(l);
	l->events->down(l, ERR_CLOSED, buf_cstr(&why));
	buf_fini(&why);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* How many bytes were taken, also 0. */
static size_t transmit(struct link *l, const char *p, size_t n)
{
	ssize_t sent = l->tls ? tls_write(l->tls, p, n) : send(l->fd, p, n, MSG_NOSIGNAL);

	if (sent >= 0)
		return (size_t)sent;
	if (errno != EAGAIN && errno != EINTR)
		l->error = errno;
	return 0;
}

static void flush(struct link *l)
{
	l->out_at += transmit(l, l->out.p + l->out_at, l->out.n - l->out_at);
	if (l->out_at == l->out.n || l->error) {
		buf_fini(&l->out);
		l->out_at = 0;
	}
}

void link_send(struct link *l, const char *p, size_t n)
{
	size_t sent = 0;

	if (!l->up || l->error)
		return;
	if (!l->tls) /* TLS wants to see the same bytes in the same place again */
		sent = transmit(l, p, n);
	if (l->error || sent == n)
		return;
	buf_add(&l->out, p + sent, n - sent);
	if (l->tls)
		flush(l);
	watch(l);
}

bool link_is_clear(const struct link *l)
{
	return l->up && !l->out.n && !l->error;
}

void link_want_room(struct link *l)
{
	l->wants_room = true;
	watch(l);
}

static void on_writable(struct link *l)
{
	if (l->out.n)
		flush(l);
	l->wants_room = false;
	if (link_is_clear(l))
		l->events->room(l);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Gives what is kept and n bytes at p, and keeps what is left. */
static void offer(struct link *l, char *p, size_t n)
{
	struct buf held = l->in;
	size_t taken;

	l->in = (struct buf){ 0 };
	if (held.n) {
		buf_add(&held, p, n);
		p = held.p;
		n = held.n;
	}
	taken = l->events->data(l, p, n);
	if (l->up && taken < n && held.n) {
		buf_drop(&held, taken);
		l->in = held;
		return;
	}
	if (l->up && taken < n)
		buf_add(&l->in, p + taken, n - taken);
	buf_fini(&held);
}

/* False when there is nothing more now. */
static bool read_some(struct link *l)
{
	char *in = l->client->hub->in;
	ssize_t n =
		l->tls ? tls_read(l->tls, in, HUB_READ_BYTES) : recv(l->fd, in, HUB_READ_BYTES, 0);

	if (n > 0)
		offer(l, in, (size_t)n);
	else if (n == 0)
		end(l, 0);
	else if (errno != EAGAIN && errno != EINTR)
		end(l, errno);
	return n > 0;
}

static void on_readable(struct link *l)
{
	int i = 1;

	while (read_some(l) && l->tls && !l->paused && i++ < TLS_READS)
		;
	if (l->tls && i > TLS_READS)
		hub_soon(l->client->hub, &l->task);
}

void link_pause(struct link *l, bool paused)
{
	l->paused = paused;
	watch(l);
	if (!paused && l->up && (l->in.n || l->tls))
		hub_soon(l->client->hub, &l->task);
}

/* --- the socket ------------------------------------------------------------------------------- */

static void up(struct link *l)
{
	drop_dial(l);
	l->up = true;
	l->events->up(l);
}

/* Which error people are to hear of: that of an address that can be reached at all. */
static void note_error(struct dial *d, int error)
{
	if (!d->error || d->error == ENETUNREACH || d->error == EADDRNOTAVAIL ||
		d->error == EAFNOSUPPORT)
		d->error = error;
}

static void next_address(struct link *l, int error)
{
	struct dial *d = l->dial;

	note_error(d, error);
	drop_socket(l);
	d->addr = d->addr ? d->addr->ai_next : NULL;
	connect_next(l);
}

static void on_connected(struct link *l)
{
	socklen_t n = sizeof(int);
	int error = 0;

	if (getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		error = errno;
	if (error)
		next_address(l, error);
	else
		up(l);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct link *l = poll->data;

	if (!l)
		return;
	if (status < 0) { /* stopped by libuv: an error waits to be read */
		events = l->watched;
		l->watched = 0;
	}
	if (!l->up)
		on_connected(l);
	else if (events & UV_WRITABLE)
		on_writable(l);
	if (l->up && !l->paused && events & UV_READABLE)
		on_readable(l);
	watch(l);
}

static void watch(struct link *l)
{
	int want = 0;

	if (!l->poll)
		return;
	if (l->up && !l->paused)
		want |= UV_READABLE;
	if (!l->up || l->out.n || l->wants_room)
		want |= UV_WRITABLE;
	if (want == l->watched)
		return;
	l->watched = want;
	if (want)
		uv_poll_start(l->poll, want, on_poll);
	else
		uv_poll_stop(l->poll);
}

/* 0, or what the system says. */
static int take_socket(struct link *l, int fd)
{
	int r;

	l->poll = mem_new(uv_poll_t);
	r = uv_poll_init(l->client->loop, l->poll, fd);
	if (r < 0) {
		mem_free(l->poll);
		l->poll = NULL;
		return -r;
	}
	l->poll->data = l;
	l->fd = fd;
	return 0;
}

/* --- connecting ------------------------------------------------------------------------------- */

/* The port is chosen by connect: so each is used once for every address of the server. 0, or what the
 * system says. */
static int bind_source(const char *source, int fd, int family)
{
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	const struct sockaddr *addr = (const struct sockaddr *)&four;
	socklen_t n = sizeof(four);
	int one = 1;

	if (inet_pton(AF_INET6, source, &six.sin6_addr) == 1) {
		addr = (const struct sockaddr *)&six;
		n = sizeof(six);
	} else if (inet_pton(AF_INET, source, &four.sin_addr) != 1) {
		return EINVAL;
	}
	if (addr->sa_family != family)
		return EAFNOSUPPORT;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	return bind(fd, addr, n) < 0 ? errno : 0;
}

static int begin(struct link *l, int family, const struct sockaddr *addr, socklen_t n)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1, error = 0;
	const char *source = family == AF_UNIX ? NULL : l->client->conf.source;

	if (fd < 0)
		return errno;
	if (family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (source)
		error = bind_source(source, fd, family);
	if (!error && connect(fd, addr, n) < 0 && errno != EINPROGRESS)
		error = errno;
	if (!error)
		error = take_socket(l, fd);
	if (error)
		close(fd);
	else
		watch(l);
	return error;
}

static int begin_unix(struct link *l)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", l->client->url.path);
	return begin(l, AF_UNIX, (struct sockaddr *)&addr, sizeof(addr));
}

static int begin_address(struct link *l, const struct addrinfo *a)
{
	uint16_t port = htons((uint16_t)(l->client->url.port ? l->client->url.port : 80));
	struct sockaddr_storage addr = { 0 };

	memcpy(&addr, a->ai_addr, a->ai_addrlen);
	if (a->ai_family == AF_INET6)
		((struct sockaddr_in6 *)&addr)->sin6_port = port;
	else
		((struct sockaddr_in *)&addr)->sin_port = port;
	return begin(l, a->ai_family, (struct sockaddr *)&addr, a->ai_addrlen);
}

/* The address being tried, or the first after it that does not fail at once. */
static void connect_next(struct link *l)
{
	struct dial *d = l->dial;

	for (; d->addr; d->addr = d->addr->ai_next) {
		int error = begin_address(l, d->addr);
		if (!error) {
			if (d->addr->ai_next)
				hub_alarm(l->client->hub, &d->alarm, ADDRESS_MS);
			return;
		}
		note_error(d, error);
	}
	hub_no_alarm(l->client->hub, &d->alarm);
	hub_soon(l->client->hub, &l->task); /* to say that it failed */
}

static void on_late(struct alarm *a)
{
	struct dial *d = list_entry(a, struct dial, alarm);

	next_address(d->link, ETIMEDOUT);
}

static void on_looked_up(struct lookup_wait *w)
{
	struct dial *d = list_entry(w, struct dial, wait);

	d->addr = d->lookup->addrs;
	connect_next(d->link);
}

static void fail_dial(struct link *l)
{
	struct dial *d = l->dial;
	struct buf why = { 0 };

	if (d->lookup && d->lookup->status < 0)
		buf_addf(&why, "cannot resolve '%.80s': %s", l->client->url.host,
			uv_strerror(d->lookup->status));
	else
		buf_add_text(&why, uv_strerror(-d->error));
	link_close(l);
	l->events->down(l, ERR_CLOSED, buf_cstr(&why));
	buf_fini(&why);
}

static void on_task(struct task *t)
{
	struct link *l = list_entry(t, struct link, task);

	if (l->dial) {
		fail_dial(l);
		return;
	}
	if (l->up && !l->paused && l->in.n)
		offer(l, NULL, 0);
	if (l->up && !l->paused && l->tls)
		on_readable(l);
	watch(l);
}

/* --- TLS -------------------------------------------------------------------------------------- */

static void on_tls_ready(void *arg, int fd)
{
	struct link *l = arg;
	int error = take_socket(l, fd);

	if (error) {
		end(l, error);
		return;
	}
	up(l);
	watch(l);
	if (l->up) /* the first bytes may have come with the handshake */
		hub_soon(l->client->hub, &l->task);
}

static void on_tls_failed(void *arg, int code, const char *why)
{
	struct link *l = arg;

	link_close(l);
	l->events->down(l, code, why);
}

static const struct tls_events tls_events = { .ready = on_tls_ready, .failed = on_tls_failed };

/* --- opening ---------------------------------------------------------------------------------- */

void link_init(struct link *l, struct client *c, const struct link_events *events)
{
	*l = (struct link){ .client = c, .events = events };
	task_init(&l->task, on_task);
}

void link_open(struct link *l)
{
	struct client *c = l->client;
	struct dial *d;

	if (url_is_tls(&c->url)) {
		l->tls = tls_open(c, &tls_events, l);
		return;
	}
	l->dial = d = mem_new(struct dial);
	d->link = l;
	alarm_init(&d->alarm, on_late);
	list_init(&d->wait.node);
	d->wait.done = on_looked_up;
	if (strcmp(c->url.scheme, "unix") == 0) {
		d->error = begin_unix(l);
		if (d->error)
			hub_soon(c->hub, &l->task);
		return;
	}
	d->lookup = lookup_ref(c->hub, c->url.host);
	if (d->lookup->pending)
		lookup_await(d->lookup, &d->wait);
	else
		on_looked_up(&d->wait);
}
