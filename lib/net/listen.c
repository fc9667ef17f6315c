/* listen.c - bind, listen, accept
 *
 * A stale unix socket (nobody answers on it) is replaced; a file that is not a socket never is.
 * Running out of files stops the listener for a moment instead of spinning on it. */
#include "net/listen.h"

#include "base/log.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ACCEPTS_A_TURN 64

struct listener {
	uv_poll_t poll;
	uv_timer_t again;
	int fd, n_handles;
	listen_fn *fn;
	void *arg;
	char *address;
	char *unix_path; /* ours to remove */
	bool loopback, started;
};

/* --- addresses -------------------------------------------------------------------------------- */

static void address_text(struct buf *out, const struct sockaddr_storage *sa)
{
	char host[INET6_ADDRSTRLEN] = "";

	if (sa->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
		buf_addf(out, "%s:%d", host, ntohs(in->sin_port));
	} else if (sa->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)sa;
		inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
		buf_addf(out, "[%s]:%d", host, ntohs(in->sin6_port));
	} else if (sa->ss_family == AF_UNIX) {
		const struct sockaddr_un *un = (const void *)sa;
		buf_addf(out, "unix:%.*s", (int)sizeof un->sun_path, un->sun_path);
	}
}

static bool is_loopback(const struct sockaddr_storage *sa)
{
	if (sa->ss_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr) >>
		               24 ==
		       127;
	if (sa->ss_family == AF_INET6) {
		const struct in6_addr *a =
			&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
		return IN6_IS_ADDR_LOOPBACK(a) ||
		       (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
	}
	return sa->ss_family == AF_UNIX;
}

static struct str address_bytes(const struct sockaddr_storage *sa)
{
	if (sa->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;
		return str_make((const char *)&in->sin_addr, 4);
	}
	if (sa->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)sa;
		const char *p = (const char *)&in->sin6_addr;
		return IN6_IS_ADDR_V4MAPPED(&in->sin6_addr) ? str_make(p + 12, 4) : str_make(p, 8);
	}
	return STR("");
}

/* --- accepting -------------------------------------------------------------------------------- */

static void on_again(uv_timer_t *timer)
{
	struct listener *l = timer->data;

	if (l->started) {
		l->started = false;
		listen_start(l);
	}
}

/* Out of files: look again in a moment; the log says so once a second at most. */
static void back_off(struct listener *l)
{
	static int64_t said_ms;
	int64_t now = (int64_t)uv_now(l->poll.loop);

	if (now - said_ms >= 1000) {
		said_ms = now;
		log_warn("cannot accept on '%s': %s; trying again", l->address, strerror(errno));
	}
	uv_poll_stop(&l->poll);
	uv_timer_start(&l->again, on_again, 100, 0);
}

/* A peer whose network is gone says nothing, and a publisher with nothing to send is written
 * nothing: the kernel asks. */
static void keep_alive(int fd)
{
	static const int one = 1, idle = 60, every = 15, times = 4;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof times);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct listener *l = poll->data;

	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPTS_A_TURN && l->started; i++) {
		struct sockaddr_storage sa = { 0 };
		socklen_t n = sizeof sa;
		struct buf text = { 0 };
		int one = 1;
		int fd = accept4(l->fd, (struct sockaddr *)&sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
				errno == ENOMEM)
				back_off(l);
			else if (errno == EINTR || errno == ECONNABORTED)
				continue;
			return;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		if (sa.ss_family != AF_UNIX)
			keep_alive(fd);
		if (sa.ss_family == AF_UNIX)
			buf_add_text(&text, "unix");
		else
			address_text(&text, &sa);
		l->fn(l->arg, fd, &(struct listen_peer){
			buf_str(&text), address_bytes(&sa), is_loopback(&sa) });
		buf_fini(&text);
	}
}

void listen_start(struct listener *l)
{
	if (!l->started) {
		l->started = true;
		uv_poll_start(&l->poll, UV_READABLE, on_readable);
	}
}

void listen_stop(struct listener *l)
{
	if (l->started) {
		l->started = false;
		uv_poll_stop(&l->poll);
		uv_timer_stop(&l->again);
	}
}

const char *listen_address(const struct listener *l)
{
	return l->address;
}

bool listen_is_loopback(const struct listener *l)
{
	return l->loopback;
}

/* --- opening and closing ---------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	struct listener *l = handle->data;

	if (--l->n_handles)
		return;
	close(l->fd);
	mem_free(l->address);
	mem_free(l->unix_path);
	mem_free(l);
}

void listen_close(struct listener *l)
{
	if (!l)
		return;
	listen_stop(l);
	if (l->unix_path)
		unlink(l->unix_path);
	uv_close((uv_handle_t *)&l->poll, on_closed);
	uv_close((uv_handle_t *)&l->again, on_closed);
}

struct listener *listen_adopt(uv_loop_t *loop, int fd, listen_fn *fn, void *arg, struct err *e)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t n = sizeof sa;
	struct buf text = { 0 };
	struct listener *l;

	if (getsockname(fd, (struct sockaddr *)&sa, &n) != 0) {
		err_set(e, ERR_IO, "file descriptor %d is no socket:", fd);
		return NULL;
	}
	l = mem_new(struct listener);
	l->fd = fd;
	l->fn = fn;
	l->arg = arg;
	address_text(&text, &sa);
	l->address = mem_strdup(buf_cstr(&text));
	buf_fini(&text);
	l->loopback = is_loopback(&sa);
	uv_poll_init(loop, &l->poll, fd);
	uv_timer_init(loop, &l->again);
	l->poll.data = l->again.data = l;
	l->n_handles = 2;
	return l;
}

/* Port to suggest when this one is taken. */
static int in_use(struct str spec, int port, struct err *e)
{
	if (errno != EADDRINUSE)
		return err_set(e, ERR_IO, "cannot listen on '" STR_FMT "':", STR_ARG(spec));
	if (port > 0 && port < 65535)
		return err_set(e, ERR_IO,
			"cannot listen on '" STR_FMT "': address in use (try -l %d)", STR_ARG(spec),
			port + 1);
	return err_set(e, ERR_IO, "cannot listen on '" STR_FMT "': address in use", STR_ARG(spec));
}

static int open_socket(
	const struct sockaddr *sa, socklen_t n, struct str spec, int port, struct err *e)
{
	int one = 1, zero = 0;
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_set(e, ERR_IO, "cannot listen on '" STR_FMT "':", STR_ARG(spec));
	if (sa->sa_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (sa->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
	if (bind(fd, sa, n) != 0 || listen(fd, 4096) != 0) {
		in_use(spec, port, e);
		close(fd);
		return ERR_IO;
	}
	return fd;
}

/* A socket file that nobody listens on is left from a crash. */
static void remove_stale(const struct sockaddr_un *un)
{
	struct stat st;
	int fd;

	if (lstat(un->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)un, sizeof *un) != 0 &&
		errno == ECONNREFUSED)
		unlink(un->sun_path);
	if (fd >= 0)
		close(fd);
}

static int unix_path_check(struct str spec, struct str path, struct err *e)
{
	size_t max = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;

	if (path.n > 0 && path.n <= max)
		return 0;
	return err_set(e, ERR_USAGE, "the path of '" STR_FMT "' must have 1 to %zu bytes",
		STR_ARG(spec), max);
}

static struct listener *open_unix(
	uv_loop_t *loop, struct str spec, listen_fn *fn, void *arg, struct err *e)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct str path = str_skip(spec, 5);
	struct listener *l;
	int fd;

	if (unix_path_check(spec, path, e) != 0)
		return NULL;
	memcpy(un.sun_path, path.p, path.n);
	remove_stale(&un);
	fd = open_socket((struct sockaddr *)&un, sizeof un, spec, 0, e);
	if (fd < 0)
		return NULL;
	l = listen_adopt(loop, fd, fn, arg, e);
	if (l)
		l->unix_path = mem_strndup(path.p, path.n);
	else
		close(fd);
	return l;
}

/* Splits "host:port"; a bare port is loopback, an empty host all addresses. */
static int split_spec(struct str spec, struct buf *host, int *port, struct err *e)
{
	uint64_t number = 0;
	struct str port_text = spec;
	const char *colon = memrchr(spec.p, ':', spec.n);

	if (colon) {
		struct str h = str_make(spec.p, (size_t)(colon - spec.p));
		port_text = str_skip(spec, h.n + 1);
		if (h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
			h = str_make(h.p + 1, h.n - 2);
		else if (memchr(h.p, ':', h.n))
			port_text = STR(""); /* whose colon is the last? */
		buf_add_str(host, h.n ? h : STR("::"));
	} else {
		buf_add_text(host, "127.0.0.1");
	}
	if (str_u64(port_text, &number) != 0 || number > 65535)
		return err_set(e, ERR_USAGE,
			"cannot listen on '" STR_FMT
			"': not an address (9000, :9000, 127.0.0.1:9000, [::1]:9000, unix:PATH)",
			STR_ARG(spec));
	*port = (int)number;
	return 0;
}

int listen_check(struct str spec, struct err *e)
{
	struct buf host = { 0 };
	int port, rc;

	if (str_starts(spec, STR("unix:")))
		return unix_path_check(spec, str_skip(spec, 5), e);
	rc = split_spec(spec, &host, &port, e);
	buf_fini(&host);
	return rc;
}

struct listener *listen_open(
	uv_loop_t *loop, struct str spec, listen_fn *fn, void *arg, struct err *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *found = NULL;
	struct buf host = { 0 };
	struct listener *l = NULL;
	char service[8];
	int port = 0, fd = -1, rc;

	if (str_starts(spec, STR("unix:")))
		return open_unix(loop, spec, fn, arg, e);
	if (split_spec(spec, &host, &port, e) != 0)
		goto out;
	snprintf(service, sizeof service, "%d", port);
	rc = getaddrinfo(buf_cstr(&host), service, &hints, &found);
	if (rc != 0) {
		err_set(e, ERR_NOTFOUND, "cannot listen on '" STR_FMT "': %s", STR_ARG(spec),
			gai_strerror(rc));
		goto out;
	}
	fd = open_socket(found->ai_addr, found->ai_addrlen, spec, port, e);
	if (fd < 0 && strcmp(buf_cstr(&host), "::") == 0 && errno == EAFNOSUPPORT) {
		/* no IPv6 here: all addresses are IPv4's */
		struct sockaddr_in any = { .sin_family = AF_INET,
			.sin_port = htons((uint16_t)port) };
		fd = open_socket((struct sockaddr *)&any, sizeof any, spec, port, e);
	}
	if (fd < 0)
		goto out;
	l = listen_adopt(loop, fd, fn, arg, e);
	if (!l)
		close(fd);
out:
	if (found)
		freeaddrinfo(found);
	buf_fini(&host);
	return l;
}
