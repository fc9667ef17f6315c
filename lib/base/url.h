/* url.h - addresses as the programs take them
 *
 * scheme://[user[:password]@]host[:port][/path][?query]   `host:port` alone is ws://; `unix:PATH`
 * is a WebSocket over that socket; "[::1]:80" for IPv6; a scheme alone is "mem:"; a scheme that
 * ends in "+unix" needs a path only. RFC 3986 where it applies. */
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
/* Of wss, https, and what ends in https. */
bool url_is_tls(const struct url *u);
/* The URL with `***` in place of a password, of a user without one (a token to NATS), and of the
 * values of query members whose names have token, password or secret in them. */
void url_format_safe(struct buf *b, const struct url *u);
/* Overwrites the same inside an argument of main in place, so that `ps` does not show
 * it. Parse first. */
void url_hide_secret(char *arg);

/* The value of `name` in a raw query, percent-decoded ('+' is a space) into `out` (appended).
 * Returns 1 when present, 0 when absent, ERR_INVALID for a broken escape or an encoded NUL. `nth`
 * counts repeated members from 0. */
int query_get(struct str query, struct str name, int nth, struct buf *out);
/* The same of the first in `*query`, which becomes what follows it: for all of a name in one
 * pass. */
int query_take(struct str *query, struct str name, struct buf *out);
/* Percent-encodes everything but unreserved characters. */
void url_encode(struct buf *out, struct str s);

#endif
