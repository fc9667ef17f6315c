/* answer.h - an HTTP answer that is not the one hoped for: what it means, and what a person is told
 *
 * By whom it was given, what was said, and what can be done about it: a redirect (none is followed)
 * says where to, a port with TLS by which address it is reached, Retry-After (RFC 9110 10.2.3, both
 * forms) how long not to come again. All of it is the other side's word: it is cut short, made
 * printable, and bounded. */
#ifndef RT_CLIENT_ANSWER_H
#define RT_CLIENT_ANSWER_H

#include "base/buf.h"
#include "client/client.h"

#include <curl/curl.h>

#define ANSWER_WAIT_MAX_MS 300000 /* more than that nobody is kept away for */

struct answer {
	unsigned status;
	int64_t wait_ms;          /* Retry-After; 0: none */
	struct str location, by;  /* Location, Server; "": none. Borrowed */
	struct str body;          /* or its beginning. Borrowed */
	bool from_proxy;          /* it refused to connect us to the server */
};

/* A field of its head; others than those above are nothing to it. */
void answer_field(struct answer *a, struct str name, struct str value);
/* Status and fields of libcurl's transfer, for as long as that lives. */
void answer_of(struct answer *a, CURL *easy);
/* The code for it: ERR_CLOSED where retrying may help. */
int answer_code(const struct answer *a);
/* Appends a clause: "the server answered 403 (forbidden)". */
void answer_say(const struct answer *a, const struct client *c, struct buf *out);

/* Appends what a body says for people: the `detail` of problem+json, or the first line of a text
 * that is no page. Printable UTF-8. */
void answer_detail(struct str body, struct buf *out);

/* --- what else may be wrong with a server ------------------------------------------------------ */

/* "the server closed the connection", and where it never said anything, why that may be. */
void answer_add_closed(const struct client *c, struct buf *why);
/* " (if it speaks TLS: wss://...)" of a server that does not speak as expected. */
void answer_add_doubt(const struct client *c, struct buf *why);
/* The address of the same server with TLS, or of the one without. */
void answer_add_other_url(const struct client *c, struct buf *out);

#endif
