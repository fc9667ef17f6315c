/* link.h - a stream of bytes to the server of a client
 *
 *      open -> lookup -> connect(address) ... failed -> connect(next) -> up -> data, room ... ->
 * down (or: a Unix socket, or TLS by tls.h)
 *
 * One attempt and the connection that comes of it; then it may be opened again. Reads one buffer of
 * the hub's for each time that the loop says so, so that no connection starves others; what its
 * owner does not take is kept here, and given to him again in front of what comes next. Writes at
 * once, and keeps what the socket does not take. An idle link has no buffer.
 *
 * Events come from the loop, never inside a call of this interface, and may call anything here. */
#ifndef RT_CLIENT_LINK_H
#define RT_CLIENT_LINK_H

#include "client/carrier.h"

struct link;

struct link_events {
	void (*up)(struct link *l);
	/* n bytes at p, which may be changed in place. Returns how many are taken; what is left is
	 * given again with the next bytes, or once the link is paused no more. */
	size_t (*data)(struct link *l, char *p, size_t n);
	void (*room)(struct link *l); /* what was kept is written, or it was asked for */
	/* The end, or there was no beginning: the link is closed. `code` and the clause as
	 * client_on_down has them. */
	void (*down)(struct link *l, int code, const char *why);
};

struct link {
	struct client *client;
	const struct link_events *events;
	struct dial *dial; /* while it connects */
	uv_poll_t *poll;   /* of its socket; NULL: none */
	struct tls *tls;   /* NULL: plain */
	struct task task;  /* what no event of the socket calls for */
	struct buf in;     /* not taken yet */
	struct buf out;    /* not written yet, from out_at */
	size_t out_at;
	int fd, watched; /* what poll waits for now */
	int error;       /* of writing: reading goes on to what came before it */
	bool up, paused, wants_room;
};

/* `l` is in no use. `events` is kept. */
void link_init(struct link *l, struct client *c, const struct link_events *events);
void link_open(struct link *l);
/* At once; no event follows. Idempotent. */
void link_close(struct link *l);

/* Writes, or keeps, all of it. While anything is kept (link_is_clear) give it no more. */
void link_send(struct link *l, const char *p, size_t n);
/* It is up, nothing is kept, and writing has not failed. */
bool link_is_clear(const struct link *l);
/* Calls events->room when it is clear, from the loop: for turns between connections. */
void link_want_room(struct link *l);
/* Reads no more while `paused`: the end is not seen either. */
void link_pause(struct link *l, bool paused);

#endif
