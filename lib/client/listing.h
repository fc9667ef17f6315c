/* listing.h - rt-sub -L: the rooms of a server, printed */
#ifndef RT_CLIENT_LISTING_H
#define RT_CLIENT_LISTING_H

#include "client/client.h"
#include "client/print.h"

/* Asks for the rooms (of `pattern`, unless NULL), runs the loop until the answer came, appends
 * it to `out` as print_rooms does. 0 or an error with its sentence; ERR_USAGE and
 * ERR_UNSUPPORTED: a bad setting. */
int listing_rooms(uv_loop_t *loop, const struct client_conf *conf, const char *pattern,
	struct print *p, bool table, struct buf *out, struct err *e);

#endif
