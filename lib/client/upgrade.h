/* upgrade.h - the client's side of the WebSocket handshake, RFC 6455 4.1
 *
 * Strict where a WebSocket would come of it (101 of HTTP/1.1, Upgrade, Connection, the accept key
 * once, no extension, no subprotocol but one that the user's headers offer), patient with an answer
 * that refuses: its status and a short text are all that is wanted. */
#ifndef RT_CLIENT_UPGRADE_H
#define RT_CLIENT_UPGRADE_H

#include "base/buf.h"
#include "base/err.h"
#include "client/answer.h"

#define UPGRADE_HEAD_MAX   16384
#define UPGRADE_DETAIL_MAX 4096

struct upgrade {
	const char *const *headers; /* "Name: value" of the user: sent, and in place of ours */
	int n_headers;
	char accept[29]; /* what the server must prove */
	size_t scanned;  /* of the answer, for the end of its head */
};

struct upgrade_answer {
	unsigned status;
	size_t detail_n; /* bytes of a body that may say why; 0: none such */
};

/* Appends the request, and draws its key. `authorization` "": none. */
void upgrade_ask(struct upgrade *u, struct str target, struct str host, struct str authorization,
	struct buf *out);
/* Reads the head at the front of `bytes`, which begin with it: returns its length, 0 when it is not
 * whole yet, or a clause and ERR_INVALID, ERR_TOO_LARGE, or ERR_UNSUPPORTED where it is another
 * protocol. A status of 1xx but 101 is followed by
 * another head: set u->scanned to 0. */
long upgrade_read(struct upgrade *u, struct str bytes, struct upgrade_answer *a, struct err *e);
/* What a whole head says of a refusal; borrowed from it. */
void upgrade_refusal(struct str head, struct answer *a);

#endif
