/* glance.h - HEAD of what GET would stream */
#ifndef RT_NET_GLANCE_H
#define RT_NET_GLANCE_H

#include "net/conn.h"

/* Writes the head of the answer; `next`: the position with which the stream would begin. */
typedef void glance_fn(struct conn *c, struct buf *out, struct pos next);

/* Takes over a connection that subscribes as its GET would, before its rooms are opened: once the
 * start is known, `write_head` is called and the next request is read. */
void glance_open(struct conn *c, glance_fn *write_head);

#endif
