/* origins.h - who published what comes over a bus that keeps nothing, and whether all of it came
 *
 * Each connection of a publisher of rt's has an id and numbers its stored messages from 1; an
 * ephemeral one carries the number of the last stored one and a second number of its own. A number
 * that was left out is a hole. Pure. */
#ifndef RT_BUS_ORIGINS_H
#define RT_BUS_ORIGINS_H

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"

struct origin {
	uint64_t id;   /* of the connection */
	uint64_t n;    /* of the stored message, or of the last before an ephemeral one */
	uint64_t live; /* of the ephemeral message; 0: it is a stored one */
};

/* "9f3c5a7d12e4b6c8.17", "9f3c5a7d12e4b6c8.17.2". */
void origin_format(struct buf *out, const struct origin *o);
/* 0, or ERR_INVALID: it is of another program. */
int origin_parse(struct str s, struct origin *o);

struct origins {
	struct map map;
	struct list order; /* least recently heard first */
};

void origins_init(struct origins *o);
void origins_fini(struct origins *o);
/* Forgets all: listening began anew. */
void origins_clear(struct origins *o);
/* A message came; true: something between it and the one before it did not. Of a publisher that is
 * heard for the first time nothing can be missing: he may be older than the listening. */
bool origins_heard(struct origins *o, const struct origin *of);

#endif
