/* redis_id.h - ids and entries of Redis Streams as positions and messages. Pure. */
#ifndef RT_BUS_REDIS_ID_H
#define RT_BUS_REDIS_ID_H

#include "base/buf.h"
#include "base/pos.h"

#include <hiredis/hiredis.h>

/* "1795510522125-3" to hi and lo of a position. 0 or ERR_INVALID. */
int redis_id_parse(struct str s, struct pos *p);
void redis_id_format(struct buf *out, struct pos p);
/* The greatest position below p; 0-0 of 0-0. */
struct pos redis_id_before(struct pos p);

/* The name under which an entry that rt published has the id of the one before it in its stream. */
#define REDIS_PREVIOUS "p"

struct redis_entry {
	struct pos pos;      /* without its epoch */
	bool ours;           /* it names the one before it */
	struct pos previous;
	struct str dedup;
};

/* An entry of XRANGE: its place, and what it says as an envelope (envelope.h), appended to `out`:
 * rt's fields, or `data` alone, or any fields, which become an object of strings. false: it is no
 * entry. */
bool redis_entry_read(const redisReply *r, struct redis_entry *e, struct buf *out);
/* Appends name and value of each field to argv (*n of them); `scratch` holds what they point to, and
 * must stay. */
struct bus_meta;
void redis_entry_fields(const struct bus_meta *m, struct str *argv, int *n, struct buf *scratch);

#endif
