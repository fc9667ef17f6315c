/* sse.h - reads text/event-stream (WHATWG HTML 9.2.6) from bytes in pieces of any size
 *
 * Stricter than a browser in one respect: lines and events are bounded. Where a browser keeps the
 * last id for events that carry none, here an event says whether an id came with it. */
#ifndef RT_CLIENT_SSE_H
#define RT_CLIENT_SSE_H

#include "base/buf.h"

struct sse_event {
	struct str event; /* "" for the default, message */
	struct str id;    /* of this block; "" also where it was reset */
	struct str data;  /* lines joined by LF */
	bool has_id, has_data;
};

struct sse {
	size_t max;      /* bytes of a line, and of the data of an event */
	struct buf line; /* begun, its end not seen */
	struct buf data, event, id;
	bool has_id, has_data;
	bool after_cr; /* a LF now belongs to the CR before it */
	uint8_t bom;   /* bytes of a byte order mark seen at the very beginning; 3: past it */
};

void sse_init(struct sse *s, size_t max);
void sse_fini(struct sse *s);
/* Calls `fn` for each block that ends in `bytes` and had data or an id. A non-zero return of fn
 * ends the call with it; what was not read is lost. 0, fn's, or ERR_TOO_LARGE. */
int sse_feed(struct sse *s, struct str bytes, int (*fn)(void *arg, const struct sse_event *ev),
	void *arg);

#endif
