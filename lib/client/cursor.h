/* cursor.h - positions that survive the program: --cursor-file and @FILE
 *
 * NDJSON, one line a room: {"room":"lobby","id":"9f3c...-47"}; a line {"room":"*","id":...} is a
 * position that covers every room of its subscription (what a heartbeat gives). Written to FILE.tmp
 * beside it, fsynced and renamed, so that a reader sees the old or the new file whole; mode 0600
 * for a new one. At most once each 100 ms, and at cursor_close. */
#ifndef RT_CLIENT_CURSOR_H
#define RT_CLIENT_CURSOR_H

#include "base/err.h"
#include "base/str.h"

struct cursor;

/* Reads FILE; a missing one is empty. ERR_INVALID names file and line. `path` is copied. */
struct cursor *cursor_open(const char *path, struct err *e);
/* The text to subscribe `room` with: its own line, else the covering one, else for a pattern the
 * oldest of the rooms it matches (some messages come again, none is lost), else NULL (start at
 * earliest). Valid until the next call. */
const char *cursor_find(const struct cursor *c, struct str room);
/* Notes that `room` stands at id; written later. room "*": all of them. */
void cursor_set(struct cursor *c, struct str room, struct str id);
/* Writes now if anything changed. 0 or ERR_IO. */
int cursor_flush(struct cursor *c, struct err *e);
/* Milliseconds until cursor_flush should be called, -1 when clean. */
int64_t cursor_due_ms(const struct cursor *c);
void cursor_free(struct cursor *c); /* does not write */

#endif
