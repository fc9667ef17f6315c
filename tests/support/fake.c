/* fake.c - a server that does what a test says */
#include "support/fake.h"

#include "base/mem.h"

#include "codec/frame.h"

#include <stdio.h>
#include <stdlib.h>

struct send {
	uv_write_t req;
	struct buf bytes;
};

static void on_closed(uv_handle_t *h)
{
	struct fake_conn *c = h->data;

	for (struct fake_conn **p = &c->fake->conns; *p; p = &(*p)->next) {
		if (*p == c) {
			*p = c->next;
			break;
		}
	}
	buf_fini(&c->in);
	buf_fini(&c->head);
	mem_free(c);
}

static void end(struct fake_conn *c)
{
	if (!uv_is_closing((uv_handle_t *)&c->tcp))
		uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b);
static void on_space(uv_handle_t *h, size_t n, uv_buf_t *b);

/* --- sending ---------------------------------------------------------------------------------- */

static void on_sent(uv_write_t *req, int status)
{
	struct send *s = (struct send *)req;

	(void)status;
	buf_fini(&s->bytes);
	mem_free(s);
}

void fake_send(struct fake_conn *c, const char *bytes, size_t n)
{
	struct send *s;
	uv_buf_t b;

	if (c->closing || uv_is_closing((uv_handle_t *)&c->tcp))
		return;
	s = mem_new(struct send);
	buf_add(&s->bytes, bytes, n);
	b = uv_buf_init(s->bytes.p, (unsigned)s->bytes.n);
	uv_write(&s->req, (uv_stream_t *)&c->tcp, &b, 1, on_sent);
}

void fake_sendf(struct fake_conn *c, const char *fmt, ...)
{
	char text[8192];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fake_send(c, text, strlen(text));
}

const char *fake_accept(const struct fake_conn *c)
{
	static char accept[29];
	const char *key = memmem(c->head.p, c->head.n, "Sec-WebSocket-Key: ", 19);

	if (!key || !frame_accept_key(str_make(key + 19, 24), accept))
		abort();
	return accept;
}

void fake_upgrade(struct fake_conn *c)
{
	c->websocket = true;
	fake_sendf(c,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: %s\r\n\r\n",
		fake_accept(c));
}

void fake_frame(struct fake_conn *c, int first_byte, const char *p, size_t n)
{
	struct buf b = { 0 };

	buf_add_char(&b, (char)first_byte);
	if (n < 126) {
		buf_add_char(&b, (char)n);
	} else if (n < 65536) {
		buf_add_char(&b, 126);
		buf_add_char(&b, (char)(n >> 8));
		buf_add_char(&b, (char)n);
	} else {
		buf_add_char(&b, 127);
		for (int shift = 56; shift >= 0; shift -= 8)
			buf_add_char(&b, (char)((uint64_t)n >> shift));
	}
	buf_add(&b, p, n);
	fake_send(c, b.p, b.n);
	buf_fini(&b);
}

void fake_text(struct fake_conn *c, const char *text)
{
	fake_frame(c, 0x81, text, strlen(text));
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
	(void)status;
	end(req->data);
	mem_free(req);
}

void fake_drop(struct fake_conn *c)
{
	uv_shutdown_t *req;

	if (c->closing || uv_is_closing((uv_handle_t *)&c->tcp))
		return;
	c->closing = true;
	req = mem_new(uv_shutdown_t);
	req->data = c;
	if (uv_shutdown(req, (uv_stream_t *)&c->tcp, on_shutdown) < 0) {
		mem_free(req);
		end(c);
	}
}

void fake_reset(struct fake_conn *c)
{
	c->closing = true;
	if (!uv_is_closing((uv_handle_t *)&c->tcp))
		uv_tcp_close_reset(&c->tcp, on_closed);
}

void fake_read(struct fake_conn *c, bool on)
{
	if (on)
		uv_read_start((uv_stream_t *)&c->tcp, on_space, on_read);
	else
		uv_read_stop((uv_stream_t *)&c->tcp);
}

void fake_close_code(struct fake_conn *c, int code, const char *reason)
{
	char payload[125] = { (char)(code >> 8), (char)code };

	snprintf(payload + 2, sizeof(payload) - 2, "%s", reason);
	fake_frame(c, 0x88, payload, 2 + strlen(reason));
	fake_drop(c);
}

void fake_stream(struct fake_conn *c, int status, const char *headers)
{
	fake_sendf(c, "HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n%s\r\n", status, headers);
}

void fake_chunk(struct fake_conn *c, const char *text)
{
	fake_sendf(c, "%zx\r\n%s\r\n", strlen(text), text);
}

void fake_chunk_end(struct fake_conn *c)
{
	fake_sendf(c, "0\r\n\r\n");
}

bool fake_asked(const struct fake_conn *c, const char *piece)
{
	const char *end_of_line = memchr(c->head.p, '\r', c->head.n);

	return memmem(c->head.p, (size_t)(end_of_line - c->head.p), piece, strlen(piece)) != NULL;
}

/* --- receiving -------------------------------------------------------------------------------- */

static bool read_head(struct fake_conn *c)
{
	char *end_of_head = c->in.n ? memmem(c->in.p, c->in.n, "\r\n\r\n", 4) : NULL;
	size_t n;

	if (!end_of_head)
		return false;
	n = (size_t)(end_of_head - c->in.p) + 4;
	c->head.n = 0;
	buf_add(&c->head, c->in.p, n);
	buf_drop(&c->in, n);
	c->has_head = true;
	c->chunked = strcasestr(buf_cstr(&c->head), "transfer-encoding: chunked") != NULL;
	c->body_left = 0;
	c->fake->script->request(c);
	if (!c->chunked && !c->websocket)
		c->has_head = false; /* ready for the next request */
	return true;
}

static bool read_frame(struct fake_conn *c)
{
	unsigned char *p = (unsigned char *)c->in.p;
	size_t head = 2, n;
	struct str text;
	int op;

	if (c->in.n < 6)
		return false;
	op = p[0] & 15;
	n = p[1] & 127;
	if (n == 126) {
		head = 4;
		n = (size_t)p[2] << 8 | p[3];
	} else if (n == 127) {
		if (c->in.n < 14)
			return false;
		head = 10;
		n = 0;
		for (int i = 2; i < 10; i++)
			n = n << 8 | p[i];
	}
	if (c->in.n < head + 4 + n)
		return false;
	if (!(p[1] & 128) || p[0] & 0x70) {
		fprintf(stderr, "fake: a frame that is not masked, or of an extension\n");
		abort();
	}
	for (size_t i = 0; i < n; i++)
		p[head + 4 + i] ^= p[head + (i & 3)];
	text = str_make((char *)p + head + 4, n);
	if (op == 1 || op == 2)
		c->fake->script->text(c, text);
	else if (c->fake->script->control)
		c->fake->script->control(c, op, text);
	buf_drop(&c->in, head + 4 + n);
	return true;
}

static bool read_chunk(struct fake_conn *c)
{
	char *line = c->in.n ? memmem(c->in.p, c->in.n, "\r\n", 2) : NULL;
	size_t n, head;

	if (!line)
		return false;
	n = strtoul(c->in.p, NULL, 16);
	head = (size_t)(line - c->in.p) + 2;
	if (c->in.n < head + n + 2)
		return false;
	if (n)
		c->fake->script->text(c, str_make(c->in.p + head, n));
	buf_drop(&c->in, head + n + 2);
	if (!n) {
		c->has_head = false;
		if (c->fake->script->body_end)
			c->fake->script->body_end(c);
	}
	return true;
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct fake_conn *c = s->data;
	bool more = n > 0;

	if (n > 0)
		buf_add(&c->in, b->base, (size_t)n);
	mem_free(b->base);
	while (more && !uv_is_closing((uv_handle_t *)s))
		more = !c->has_head ? read_head(c) : c->websocket ? read_frame(c) : read_chunk(c);
	if (n < 0)
		end(c);
}

static void on_space(uv_handle_t *h, size_t n, uv_buf_t *b)
{
	(void)h;
	*b = uv_buf_init(mem_alloc(n), (unsigned)n);
}

static void on_connection(uv_stream_t *s, int status)
{
	struct fake *f = s->data;
	struct fake_conn *c = mem_new(struct fake_conn);

	(void)status;
	c->fake = f;
	c->n = f->n_conns++;
	c->next = f->conns;
	f->conns = c;
	uv_tcp_init(s->loop, &c->tcp);
	c->tcp.data = c;
	if (uv_accept(s, (uv_stream_t *)&c->tcp) == 0 && uv_tcp_nodelay(&c->tcp, 1) == 0)
		uv_read_start((uv_stream_t *)&c->tcp, on_space, on_read);
}

void fake_open(struct fake *f, uv_loop_t *loop, const struct fake_script *script, void *arg)
{
	struct sockaddr_in addr;
	int n = sizeof(addr);

	*f = (struct fake){ .script = script, .arg = arg };
	uv_ip4_addr("127.0.0.1", 0, &addr);
	uv_tcp_init(loop, &f->tcp);
	f->tcp.data = f;
	if (uv_tcp_bind(&f->tcp, (struct sockaddr *)&addr, 0) ||
		uv_listen((uv_stream_t *)&f->tcp, 64, on_connection))
		abort();
	uv_tcp_getsockname(&f->tcp, (struct sockaddr *)&addr, &n);
	f->port = ntohs(addr.sin_port);
}

void fake_close(struct fake *f)
{
	if (!f->closed)
		uv_close((uv_handle_t *)&f->tcp, NULL);
	f->closed = true;
	for (struct fake_conn *c = f->conns; c; c = c->next)
		end(c);
}
