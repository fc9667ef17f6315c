/* ws_dial.c - which address libwebsockets is to try next, and why it failed
 *
 * Names are resolved by libuv's threads, since lws would block the loop. Each address is an attempt
 * of its own, since lws waits for the watchers of the one before. Where connect() fails at once lws
 * leaves a handle behind, so a Unix socket is tried here first, and addresses without a route are
 * left out. And lws does not say why it could not connect or agree on TLS: libcurl is asked, for
 * the sentence. */
#include "client/ws_dial.h"

#include "base/mem.h"

#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* What libuv still works on for us; `dial` is NULL when the answer is not wanted any more. */
struct dial_lookup {
	uv_getaddrinfo_t req;
	struct dial *dial;
};

struct dial_probe {
	uv_pipe_t pipe;
	uv_connect_t req;
	struct dial *dial;
};

/* --- ending ----------------------------------------------------------------------------------- */

static void probe_closed(uv_handle_t *h)
{
	mem_free(h->data);
}

static void probe_drop(struct dial *d)
{
	if (!d->probe)
		return;
	d->probe->dial = NULL;
	uv_close((uv_handle_t *)&d->probe->pipe, probe_closed);
	d->probe = NULL;
}

void dial_stop(struct dial *d)
{
	struct transfer *why = d->why;

	uv_timer_stop(d->kick);
	probe_drop(d);
	d->why = NULL;
	transfer_drop(why);
	if (d->lookup) {
		d->lookup->dial = NULL;
		uv_cancel((uv_req_t *)&d->lookup->req);
		d->lookup = NULL;
	}
	uv_freeaddrinfo(d->addrs);
	d->addrs = d->addr = NULL;
}

static void free_handle(uv_handle_t *h)
{
	mem_free(h);
}

void dial_fini(struct dial *d)
{
	dial_stop(d);
	uv_close((uv_handle_t *)d->kick, free_handle);
	multi_unref(d->multi);
}

/* --- why -------------------------------------------------------------------------------------- */

static void on_why(struct transfer *t, CURLcode code)
{
	struct dial *d = t->owner;
	struct buf why = { 0 };
	int r = ERR_CLOSED;

	if (code == CURLE_OK)
		buf_add_text(&why, "the connection broke before it was ready");
	else
		r = transfer_why(t, d->client, code, &why);
	dial_stop(d);
	client_on_down(d->client, r, false, "%s", buf_cstr(&why));
	buf_fini(&why);
}

static void ask_why(struct dial *d)
{
	d->why = transfer_new(d->multi, d->client, "/", d);
	d->why->done = on_why;
	curl_easy_setopt(d->why->easy, CURLOPT_CONNECT_ONLY, 1L);
	transfer_start(d->why);
}

/* --- trying ----------------------------------------------------------------------------------- */

static void probed(uv_connect_t *req, int status)
{
	struct dial_probe *p = list_entry(req, struct dial_probe, req);
	struct dial *d = p->dial;
	char address[128];

	if (!d)
		return;
	probe_drop(d);
	if (status < 0) {
		client_on_down(d->client, ERR_CLOSED, false, "%s", uv_strerror(status));
		return;
	}
	snprintf(address, sizeof(address), "+%s", d->client->url.path);
	d->connect(d, address);
}

static void probe_start(struct dial *d)
{
	struct dial_probe *p = d->probe = mem_new(struct dial_probe);

	p->dial = d;
	uv_pipe_init(d->client->loop, &p->pipe, 0);
	p->pipe.data = p;
	uv_pipe_connect(&p->req, &p->pipe, d->client->url.path, probed);
}

/* Is there a way to this address at all? Asks the routing table; nothing is sent. */
static bool reachable(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

static void try_address(uv_timer_t *kick)
{
	struct dial *d = kick->data;
	char address[128] = "";

	if (d->is_unix) {
		probe_start(d);
	} else if (reachable(d->addr)) {
		getnameinfo(d->addr->ai_addr, d->addr->ai_addrlen, address, sizeof(address), NULL,
			0, NI_NUMERICHOST);
		d->connect(d, address);
	} else {
		dial_failed(d);
	}
}

void dial_failed(struct dial *d)
{
	if (d->addr && d->addr->ai_next) {
		d->addr = d->addr->ai_next;
		uv_timer_start(d->kick, try_address, 0, 0);
	} else {
		ask_why(d);
	}
}

/* --- starting --------------------------------------------------------------------------------- */

static void resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *addrs)
{
	struct dial_lookup *l = list_entry(req, struct dial_lookup, req);
	struct dial *d = l->dial;

	mem_free(l);
	if (!d) {
		uv_freeaddrinfo(addrs);
		return;
	}
	d->lookup = NULL;
	if (status < 0) {
		client_on_down(d->client, ERR_CLOSED, false, "cannot resolve '%.80s': %s",
			d->client->url.host, uv_strerror(status));
		return;
	}
	d->addrs = d->addr = addrs;
	try_address(d->kick);
}

void dial_start(struct dial *d)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	char port[8];

	if (d->is_unix) {
		uv_timer_start(d->kick, try_address, 0, 0);
		return;
	}
	snprintf(port, sizeof(port), "%d", d->port);
	d->lookup = mem_new(struct dial_lookup);
	d->lookup->dial = d;
	if (uv_getaddrinfo(d->client->loop, &d->lookup->req, resolved, d->client->url.host, port,
		    &hints) < 0) {
		mem_free(d->lookup); /* a name too long to ask for: the attempt ends by its time */
		d->lookup = NULL;
	}
}

void dial_init(struct dial *d, struct client *c, int port,
	void (*connect)(struct dial *d, const char *address))
{
	*d = (struct dial){ .client = c, .port = port, .connect = connect };
	d->is_unix = strcmp(c->url.scheme, "unix") == 0;
	d->multi = multi_ref(c->loop);
	d->kick = mem_new(uv_timer_t);
	uv_timer_init(c->loop, d->kick);
	d->kick->data = d;
}
