/* bookmark.h - a cursor file that writes itself from the loop
 *
 * cursor.h says when a write is due; this arms the timer. */
#ifndef RT_CLIENT_BOOKMARK_H
#define RT_CLIENT_BOOKMARK_H

#include "client/cursor.h"

#include <uv.h>

struct bookmark;

/* `failed` is called from the loop when the file cannot be written. NULL and a sentence when
 * it cannot be read. */
struct bookmark *bookmark_open(uv_loop_t *loop, const char *path,
	void (*failed)(void *arg, const struct err *e), void *arg, struct err *e);
const struct cursor *bookmark_cursor(const struct bookmark *b);
void bookmark_set(struct bookmark *b, struct str room, struct str id);
/* Writes what is unwritten and frees. NULL is fine. 0 or ERR_IO. */
int bookmark_close(struct bookmark *b, struct err *e);

#endif
