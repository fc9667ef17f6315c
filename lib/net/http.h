/* http.h - who answers a request, and answers
 *
 * Routes, CORS and Origin, and the shape of every answer: a body with its length, or a
 * problem (RFC 9457). */
#ifndef RT_NET_HTTP_H
#define RT_NET_HTTP_H

#include "net/conn.h"

/* A whole request head: checks Origin, finds the route, hands over. */
void http_request(struct conn *c, const struct head *h);

/* A complete answer; then the next request is read. `headers`: raw lines with CRLF, or "". */
void http_reply(struct conn *c, int status, const char *type, struct str headers, struct str body);
/* problem+json, then the next request. */
void http_problem(struct conn *c, int status, struct str detail);
/* problem+json with Connection: close, and no further request. */
void http_refuse(struct conn *c, int status, struct str detail);
/* The answer to whoever is over a limit of connections: 503 or 429. */
void http_over_limit(struct conn *c);
/* The same as bytes, for a socket that no connection was made for; appended. */
void http_add_over_limit(struct buf *out, enum conn_over over);
/* 405 and `Connection: close`; `allow`: the methods that are fine, "GET, HEAD, OPTIONS"; `detail`
 * may be "". */
void http_not_allowed(struct conn *c, const char *allow, struct str detail);
/* 404: nothing is at the path of `h`. Says where that is which was probably meant. */
void http_not_found(struct conn *c, const struct head *h);
/* 426: a WebSocket's path, asked for by somebody else; `room` may be "". */
void http_needs_upgrade(struct conn *c, struct str room);
/* The status for what a function reported. */
int http_status(int code);
const char *http_reason(int status);

/* The head of an answer whose body follows in chunks; appended to `out`. */
void http_begin(struct conn *c, struct buf *out, int status, const char *type, struct str headers);
/* Rt-Next and the like: a header line with a position; appended. */
void http_add_position(struct buf *headers, const char *name, struct pos pos);

/* --- for transports: what a subscribing request says ------------------------------------------ */

/* Opens all rooms of the path and the query (`room`, repeated) from the position asked for
 * (`since`; with `event_source` first the header and the names that EventSource clients use).  0,
 * or a code and a sentence. */
int http_open_subs(struct conn *c, const struct head *h, struct str path_room, bool event_source,
	struct err *e);
/* What sse, stream and poll share: subscribes c->sub as the request says; on failure the
 * answer was given. */
bool http_subscribe(struct conn *c, const struct head *h, struct str path_room, bool event_source);
/* A query member: 1 and its text, 0: absent, negative: broken. */
int http_query(const struct head *h, const char *name, struct buf *out);
bool http_query_flag(const struct head *h, const char *name, bool otherwise);

void ws_open(struct conn *c, const struct head *h, struct str room);
void sse_open(struct conn *c, const struct head *h, struct str room);
void stream_open(struct conn *c, const struct head *h, struct str room);
void poll_open(struct conn *c, const struct head *h, struct str room);
void history_open(struct conn *c, const struct head *h, struct str room);
void pub_open(struct conn *c, const struct head *h, struct str room);
/* Reads a body of at most 64 KiB, then asks the server. */
void body_open(struct conn *c, const struct head *h);

#endif
