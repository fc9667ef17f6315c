/* probe.h - one try of each transport, and what the network does to it
 *
 *      reach the server (DNS, TCP, TLS) -> for each transport: head -> subscribed -> publish -> the
 *      message comes, or it comes once more is published, or nothing comes
 *
 * A proxy that gathers an answer before it hands it on shows by that: the message comes only when
 * more is published. */
#ifndef RT_BENCH_PROBE_H
#define RT_BENCH_PROBE_H

#include "bench/load.h"

struct probe;

struct probe_conf {
	struct client_conf client;
	const struct profile *profile;
	int transport;        /* enum transport, or -1: all of the profile */
	const char *room;     /* NULL: drawn */
	int64_t patience_ms;  /* for each step */
};

/* Nanoseconds; 0: did not happen. */
struct probe_way {
	bool tried, ok;
	uint64_t head_ns;       /* from the beginning until the server answered, connecting included */
	uint64_t subscribed_ns; /* ... until it said that we are subscribed */
	uint64_t message_ns;    /* from publishing until the message came */
	uint64_t held_bytes;    /* what had to be published behind a message before it came */
	char *problem;          /* a sentence; NULL: none */
};

struct probe_found {
	char *url;                        /* without secrets */
	uint64_t dns_ns, tcp_ns, tls_ns;  /* each from the end of the one before; tls 0: plain */
	uint64_t publish_ns;              /* the fastest request that was accepted; 0: none */
	char *unreachable;                /* a sentence; NULL: it was reached */
	int code;                         /* ERR_DENIED, ERR_CLOSED ... of it */
	struct probe_way ways[TRANSPORTS];
};

/* `conf` is kept. `ended` comes from the loop, once. NULL and a sentence on a bad setting. */
struct probe *probe_new(uv_loop_t *loop, const struct probe_conf *conf, struct probe_found *found,
	void (*ended)(void *arg), void *arg, struct err *e);
void probe_start(struct probe *p);
/* Not from a callback. NULL is fine. */
void probe_free(struct probe *p);
void probe_found_fini(struct probe_found *f);
/* One line of JSON. */
void probe_format(const struct probe_found *f, struct buf *out);
/* For people. */
void probe_table(const struct probe_found *f, struct buf *out);

#endif
