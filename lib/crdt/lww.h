/* lww.h - an entry of a last-writer-wins register, as canonical text
 *
 * {"node_id":"a","timestamp":5,"value":1} or {"deleted":true,"node_id":"a","timestamp":5}. Entries
 * are ordered by timestamp, node_id (bytes), deleted, value (canonical bytes): the greatest wins,
 * and no two that differ are equal. */
#ifndef RT_CRDT_LWW_H
#define RT_CRDT_LWW_H

#include "crdt/crdt.h"

struct lww_entry {
	bool deleted;
	struct str node;      /* with quotes, escaped */
	struct str timestamp; /* a number, or a string with quotes */
	struct str value;     /* p is NULL when deleted */
};

/* Reads an entry and appends its canonical text; 0, or reported. 1: it is the seed's empty
 * register, which is no entry. */
int lww_read(struct crdt_reader *r, const struct json *v, struct buf *out, bool may_delete);
/* Takes a canonical entry apart; false: it is none. */
bool lww_split(struct str text, struct lww_entry *e);
/* Appends the canonical text of an entry whose parts are canonical. */
void lww_write(struct buf *out, const struct lww_entry *e);
/* Which of two canonical entries wins: negative, 0, positive. `rule` (may be NULL): what decided;
 * `flags`: JOIN_TIE, JOIN_UNITS, JOIN_MIXED are added. */
int lww_cmp(struct str a, struct str b, const char **rule, int *flags);
/* Does a member of this name make a plain object a register? For recognising shapes. */
bool lww_looks_like(const struct json *v);

#endif
