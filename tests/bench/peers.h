/* peers.h - the connections of a load, and what arrives on them
 *
 * Subscribers are counted exactly: every one must get every message of its room once, in order, else
 * the run is void. A message ends in `"n":"0000000017"}`, its number, at a fixed place from the end,
 * so that reading costs little and the load keeps up with the server. */
#ifndef RT_TESTS_BENCH_PEERS_H
#define RT_TESTS_BENCH_PEERS_H

#include "base/buf.h"
#include "base/hist.h"

enum wire { WS, SSE, STREAM };

struct peer {
	int fd;
	enum wire wire;
	bool open;
	bool asks;       /* it gets answers, and no messages */
	uint64_t next;   /* number of the message that it must get next */
	uint64_t bytes;  /* of messages */
	struct buf rest; /* not whole yet */
};

struct peers {
	unsigned rooms;          /* messages go to them in turn: numbers of a room are so far apart */
	uint64_t arrived;        /* messages, at all */
	uint64_t answered;       /* acknowledgements and other answers */
	unsigned n_open;
	const int64_t *sent_ns;  /* of message number % PEERS_SENT: written then */
	struct hist delays;      /* from then until its bytes were read, ns */
	int64_t last_ns;         /* something arrived */
};

#define PEERS_SENT (1 << 20)

extern struct peers peers;

/* In each process that has some. */
void peers_begin(void);
/* Connects to 127.0.0.1 and asks for `path` ("lobby", or "" for no room); the first message is to be
 * number `first`. The peer is zeroed before, and stays where it is. */
void peer_open(struct peer *p, enum wire wire, int port, const char *path, uint64_t first);
/* Appends a masked text frame, for a WebSocket. */
void peer_frame(struct buf *b, const char *text, size_t n);
/* All of it. */
void peer_send(struct peer *p, const struct buf *b);
/* What has arrived, waiting for it so long at most. */
void peers_turn(int timeout_ms);
int64_t now_ns(void);

#endif
