/* sock.c - libwebsockets as a carrier of bytes
 *
 * Each accepted socket is adopted in the raw-skt role. What lws 4.1.6 is known to break is kept
 * away from it: it reads no HTTP, keeps no timers per connection, listens on nothing, and is not
 * asked to write while it still holds an unsent rest. */
#include "net/sock.h"

#include "base/log.h"
#include "base/mem.h"

#include <libwebsockets.h>
#include <sys/socket.h>

struct sock_engine {
	struct lws_context *context;
	struct lws_vhost *vhost;
	void *loops[1];
};

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
		if (s->choked && !lws_partial_buffered(wsi)) {
			s->choked = false;
			s->ops->writable(s);
		}
		return s->closing ? -1 : 0;
	case LWS_CALLBACK_RAW_CLOSE:
	case LWS_CALLBACK_WSI_DESTROY:
		lws_set_opaque_user_data(wsi, NULL);
		s->wsi = NULL;
		s->ops->closed(s);
		return 0;
	default:
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{ .name = "rt",
		.callback = on_event,
		.rx_buffer_size = SOCK_BATCH_MAX,
		.tx_packet_size = SOCK_BATCH_MAX },
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

/* Hands lws what it is to keep, or to encrypt. */
static int write_through(struct sock *s, const char *p, size_t n)
{
	if (lws_write(s->wsi, (unsigned char *)(uintptr_t)p, n, LWS_WRITE_RAW) < 0) {
		sock_close(s);
		return ERR_CLOSED;
	}
	if (!lws_partial_buffered(s->wsi))
		return 0;
	s->choked = true;
	lws_callback_on_writable(s->wsi);
	return ERR_BUSY;
}

/* A plain socket is written directly: lws keeps what did not fit. (lws_write would do the same for
 * 0.2 us more, and cut what is longer than its packet size.) */
int sock_write(struct sock *s, const char *p, size_t n)
{
	ssize_t sent;

	if (!s->wsi || s->closing)
		return ERR_CLOSED;
	sent = s->fd >= 0 ? send(s->fd, p, n, MSG_NOSIGNAL) : 0;
	if (sent == (ssize_t)n)
		return 0;
	if (sent > 0) {
		p += sent;
		n -= (size_t)sent;
	}
	return write_through(s, p, n); /* says what is wrong, if something is */
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
