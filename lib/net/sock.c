/* sock.c - libwebsockets as a carrier of bytes
 *
 * Each accepted socket is adopted in the raw-skt role. What lws 4.1.6 is known to break is kept
 * away from it: it reads no HTTP, keeps no timers per connection, listens on nothing. Nor does it
 * write: of an unsent rest it would not say how much is left. */
#include "net/sock.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <libwebsockets.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

struct sock_rest {
	size_t n, at; /* bytes, and how many of them are written */
	char bytes[];
};

struct sock_engine {
	struct lws_context *context;
	struct lws_vhost *vhost;
	void *loops[1];
};

/* --- writing ---------------------------------------------------------------------------------- */

/* How many bytes the kernel takes now; negative: the connection is broken. */
static ssize_t hand_over(struct sock *s, const char *p, size_t n)
{
	ssize_t sent = send(s->fd, p, n, MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	s->written += (uint64_t)sent;
	return sent;
}

int sock_write(struct sock *s, const char *p, size_t n)
{
	ssize_t sent;

	if (!s->wsi || s->closing)
		return ERR_CLOSED;
	sent = hand_over(s, p, n);
	if (sent == (ssize_t)n)
		return 0;
	if (sent < 0) {
		sock_close(s);
		return ERR_CLOSED;
	}
	n -= (size_t)sent;
	s->rest = mem_alloc(sizeof *s->rest + n);
	*s->rest = (struct sock_rest){ .n = n };
	memcpy(s->rest->bytes, p + sent, n);
	s->choked = true;
	lws_callback_on_writable(s->wsi);
	return ERR_BUSY;
}

static void drop_rest(struct sock *s)
{
	mem_free(s->rest);
	s->rest = NULL;
}

static void write_rest(struct sock *s)
{
	struct sock_rest *rest = s->rest;
	ssize_t sent = hand_over(s, rest->bytes + rest->at, rest->n - rest->at);

	if (sent < 0) {
		sock_close(s);
		return;
	}
	rest->at += (size_t)sent;
	if (rest->at < rest->n) {
		lws_callback_on_writable(s->wsi);
		return;
	}
	drop_rest(s);
	s->choked = false;
	s->ops->writable(s);
}

struct sock_view sock_look(const struct sock *s)
{
	int kept = 0, unsent = 0;

	if (!s->wsi || ioctl(s->fd, SIOCOUTQ, &kept) != 0)
		kept = 0;
	/* Of TCP, without what is only under way. A Unix socket has nothing under way, and counts
	 * memory: `taken` is about right there, and exact enough while it only waits. */
	if (!s->wsi || ioctl(s->fd, SIOCOUTQNSD, &unsent) != 0)
		unsent = kept;
	return (struct sock_view){
		.written = s->written,
		.taken = (int64_t)s->written - kept,
		.choked = s->choked,
		.waits = s->choked || unsent > 0,
	};
}

bool sock_moved(const struct sock_view *was, const struct sock_view *is)
{
	if (was->choked && is->written > was->written)
		return true; /* the kernel had no room, and was given some */
	return (was->waits || is->waits) && is->taken > was->taken;
}

/* --- what lws tells --------------------------------------------------------------------------- */

static int on_event(
	struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n)
{
	struct sock *s = lws_get_opaque_user_data(wsi);

	(void)user;
	if (!s)
		return 0;
	switch (reason) {
	case LWS_CALLBACK_RAW_RX:
		if (!s->closing && n)
			s->ops->data(s, in, n);
		return s->closing ? -1 : 0;
	case LWS_CALLBACK_RAW_WRITEABLE:
		if (s->choked && !s->closing)
			write_rest(s);
		return s->closing ? -1 : 0;
	case LWS_CALLBACK_RAW_CLOSE:
	case LWS_CALLBACK_WSI_DESTROY:
		lws_set_opaque_user_data(wsi, NULL);
		s->wsi = NULL;
		drop_rest(s);
		s->ops->closed(s);
		return 0;
	default:
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{ .name = "rt",
		.callback = on_event,
		.rx_buffer_size = SOCK_BATCH_MAX },
	{ 0 },
};

static void on_lws_log(int level, const char *line)
{
	int n = (int)strcspn(line, "\n");

	if (level == LLL_ERR)
		log_debug("libwebsockets: %.*s", n, line);
}

struct sock_engine *sock_engine_open(uv_loop_t *loop, struct err *e)
{
	struct sock_engine *en = mem_new(struct sock_engine);
	struct lws_context_creation_info info;

	memset(&info, 0, sizeof info);
	lws_set_log_level(LLL_ERR, on_lws_log);
	en->loops[0] = loop;
	info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
	info.protocols = protocols;
	info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
	info.foreign_loops = en->loops;
	info.pt_serv_buf_size = SOCK_BATCH_MAX;
	info.alpn = "http/1.1";
	en->context = lws_create_context(&info);
	if (en->context)
		en->vhost = lws_create_vhost(en->context, &info);
	if (!en->vhost) {
		err_set(e, ERR_IO, "cannot start libwebsockets on libuv "
				   "(is libwebsockets-evlib-uv installed?)");
		if (en->context)
			lws_context_destroy(en->context);
		mem_free(en);
		return NULL;
	}
	return en;
}

void sock_engine_close(struct sock_engine *en)
{
	if (!en)
		return;
	lws_context_destroy(en->context);
	mem_free(en);
}

int sock_adopt(struct sock_engine *en, struct sock *s, const struct sock_ops *ops, int fd)
{
	lws_adopt_desc_t desc = {
		.vh = en->vhost,
		.type = LWS_ADOPT_SOCKET | LWS_ADOPT_ALLOW_SSL,
		.fd = { .sockfd = fd },
		.vh_prot_name = "rt",
	};

	*s = (struct sock){ .ops = ops, .fd = fd };
	desc.type = LWS_ADOPT_SOCKET;
	/* It learns of `s` only then: where it fails, closed() must not be called for what
	 * the caller frees. */
	s->wsi = lws_adopt_descriptor_vhost_via_info(&desc);
	if (!s->wsi)
		return ERR_IO;
	lws_set_opaque_user_data(s->wsi, s);
	lws_set_timeout(s->wsi, NO_PENDING_TIMEOUT, 0);
	return 0;
}

void sock_pause(struct sock *s, bool paused)
{
	if (s->wsi && s->paused != paused) {
		s->paused = paused;
		lws_rx_flow_control(s->wsi, !paused);
	}
}

int sock_fd(const struct sock *s)
{
	return s->wsi ? (int)lws_get_socket_fd(s->wsi) : -1;
}

void sock_shutdown(struct sock *s)
{
	if (s->wsi)
		shutdown(sock_fd(s), SHUT_WR);
}

void sock_close(struct sock *s)
{
	if (s->wsi && !s->closing) {
		s->closing = true;
		lws_set_timeout(s->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
		/* On libuv lws looks at its timers after events of its own only: make one. */
		lws_cancel_service(lws_get_context(s->wsi));
	}
}
