/* ws_dial.h - which address libwebsockets is to try next, and why it failed
 *
 *      start -> resolve -> connect(address) ... failed -> connect(next) ... failed -> the client is
 * told why
 *
 * What lws 4.1.6 leaves to be done around its connecting; see ws_dial.c. Only ws.c includes this.
 */
#ifndef RT_CLIENT_WS_DIAL_H
#define RT_CLIENT_WS_DIAL_H

#include "client/carrier.h"
#include "client/multi.h"

struct dial {
	struct client *client;
	bool is_unix;
	int port;
	/* Try this address: numeric, or '+' and the path of a socket. Called from the loop. */
	void (*connect)(struct dial *d, const char *address);
	struct multi *multi;
	struct dial_lookup *lookup;
	struct dial_probe *probe;
	struct transfer *why;
	struct addrinfo *addrs, *addr; /* all, and the one being tried */
	uv_timer_t *kick;
};

void dial_init(struct dial *d, struct client *c, int port,
	void (*connect)(struct dial *d, const char *address));
void dial_fini(struct dial *d);
void dial_start(struct dial *d);
/* The address did not even connect (or agree on TLS): the next is tried, or client_on_down is
 * called, later in both cases. */
void dial_failed(struct dial *d);
/* Forgets what is under way: it was given up, or there is a connection. */
void dial_stop(struct dial *d);

#endif
