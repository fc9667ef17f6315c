/* stamp.h - what a publication becomes on the bus
 *
 * Results point into buffers of the worker and hold until the next publication. */
#ifndef RT_SERVER_STAMP_H
#define RT_SERVER_STAMP_H

#include "server/worker.h"

/* The room: of the path or of `_room`, as the transport wants it. 0, or ERR_INVALID
 * with a sentence. */
int stamp_room(struct worker *w, const struct publication *p, struct str *room, struct err *e);
/* The payload into w->payload, what goes beside it into *meta. 0, or ERR_INVALID or ERR_TOO_LARGE
 * with a sentence. */
int stamp_message(
	struct worker *w, const struct publication *p, struct bus_meta *meta, struct err *e);

#endif
