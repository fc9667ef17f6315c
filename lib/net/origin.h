/* origin.h - which pages may talk to the server (RFC 6454; Fetch)
 *
 * A browser says in `Origin` where the page comes from: scheme://host, with the port where it is
 * not the scheme's own, or "null" where it will not say. */
#ifndef RT_NET_ORIGIN_H
#define RT_NET_ORIGIN_H

#include "base/err.h"
#include "base/str.h"

/* Is `text` such an origin, or "*" for any? 0, or ERR_USAGE and a sentence with the one that was
 * meant, where that can be told. */
int origin_check(struct str text, struct err *e);
/* May a page of `origin` ask this host? It may if it is the host's own, or one of the `n` allowed. */
bool origin_is_allowed(struct str origin, struct str host, const char *const *allowed, int n);

#endif
