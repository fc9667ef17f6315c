/* url.h - addresses as the six programs take them
 *
 * scheme://[user[:password]@]host[:port][/path][?query]   `host:port` alone is ws://; `unix:PATH`
 * is a WebSocket over that socket; "[::1]:80" for IPv6. RFC 3986 where it applies. */
#ifndef RT_BASE_URL_H
#define RT_BASE_URL_H

#include "base/buf.h"
#include "base/err.h"

struct url {
	char *scheme;         /* lower case: ws wss http https sse+http poll+http unix redis ... */
	char *user, *password; /* decoded; NULL when absent */
	char *host;           /* without brackets; "" for unix */
	char *path;           /* raw, "" or beginning with '/'; for unix the socket's path */
	char *query;          /* raw, without '?'; NULL when absent */
	int port;             /* 0 when absent */
};

/* Fills `u` (free with url_fini). Port range, host and scheme characters are checked. */
int url_parse(struct url *u, struct str s, struct err *e);
void url_fini(struct url *u);
/* The URL with `***` in place of a password and of the values of query members named token, password, secret. */
void url_format_safe(struct buf *b, const struct url *u);
/* Overwrites a password inside an argument of main in place, so that `ps` does not show it. */
void url_hide_secret(char *arg);

/* The value of `name` in a raw query, percent-decoded ('+' is a space) into `out` (appended). Returns 1
 * when present, 0 when absent, ERR_INVALID for a broken escape or an encoded NUL. `nth` counts repeated members from 0. */
int query_get(struct str query, struct str name, int nth, struct buf *out);
/* Percent-decodes a path segment or query value; '+' is left alone. */
int url_decode(struct str s, struct buf *out);
/* Percent-encodes everything but unreserved characters. */
void url_encode(struct buf *out, struct str s);

#endif
