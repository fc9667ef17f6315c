/* tls.h - a connection under TLS, made and kept by libcurl
 *
 * So a wss: address is checked, proxied and explained as an https: one is (multi.h). Only link.c
 * includes this; connections without TLS carry none of it. */
#ifndef RT_CLIENT_TLS_H
#define RT_CLIENT_TLS_H

#include "client/carrier.h"

#include <sys/types.h>

struct tls;

struct tls_events {
	void (*ready)(void *arg, int fd); /* agreed: wait for this descriptor, tls closes it */
	/* Could not be made: as client_on_down has it. */
	void (*failed)(void *arg, int code, const char *why);
};

/* Connects to the server of this client; one of the events comes from the loop. */
struct tls *tls_open(struct client *c, const struct tls_events *events, void *arg);
/* As recv and send. Bytes may be there though the descriptor is not readable: read until EAGAIN.
 * After EAGAIN the same bytes must be written again, from the same place. */
ssize_t tls_read(struct tls *t, void *p, size_t n);
ssize_t tls_write(struct tls *t, const void *p, size_t n);
/* In any state, also from an event. Wait for the descriptor no more. NULL is fine. */
void tls_close(struct tls *t);

#endif
