/* tls.c - a connection under TLS, made and kept by libcurl
 *
 * A transfer that only connects: when it is done the connection is ours, until the transfer is
 * dropped. libcurl says of a connection that ended only that; whether it was reset is in errno. */
#include "client/tls.h"

#include "base/mem.h"
#include "client/multi.h"

#include <errno.h>

struct tls {
	const struct client *client;
	struct multi *multi;
	struct transfer *transfer;
	const struct tls_events *events;
	void *arg;
};

static void on_done(struct transfer *t, CURLcode code)
{
	struct tls *tls = t->owner;
	curl_socket_t fd = CURL_SOCKET_BAD;
	struct buf why = { 0 };
	int r;

	if (code == CURLE_OK)
		curl_easy_getinfo(t->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (fd != CURL_SOCKET_BAD) {
		tls->events->ready(tls->arg, fd);
		return;
	}
	r = transfer_why(t, tls->client, code, &why);
	tls->events->failed(tls->arg, r, buf_cstr(&why));
	buf_fini(&why);
}

struct tls *tls_open(struct client *c, const struct tls_events *events, void *arg)
{
	struct tls *t = mem_new(struct tls);

	t->multi = multi_ref(c->loop);
	t->events = events;
	t->arg = arg;
	t->client = c;
	t->transfer = transfer_new(t->multi, c, "/", t);
	t->transfer->done = on_done;
	curl_easy_setopt(t->transfer->easy, CURLOPT_CONNECT_ONLY, 1L);
	transfer_start(t->transfer);
	return t;
}

static ssize_t result(CURLcode code, size_t n)
{
	if (code == CURLE_OK)
		return (ssize_t)n;
	if (code == CURLE_AGAIN)
		errno = EAGAIN;
	else if (errno != ECONNRESET)
		errno = EPIPE;
	return -1;
}

ssize_t tls_read(struct tls *t, void *p, size_t n)
{
	size_t got = 0;
	CURLcode code;

	errno = 0;
	code = curl_easy_recv(t->transfer->easy, p, n, &got);
	return result(code, got);
}

ssize_t tls_write(struct tls *t, const void *p, size_t n)
{
	size_t sent = 0;
	CURLcode code;

	errno = 0;
	code = curl_easy_send(t->transfer->easy, p, n, &sent);
	return result(code, sent);
}

void tls_close(struct tls *t)
{
	if (!t)
		return;
	transfer_drop(t->transfer);
	multi_unref(t->multi);
	mem_free(t);
}
