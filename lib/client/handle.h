/* handle.h - libuv handles that were allocated alone */
#ifndef RT_CLIENT_HANDLE_H
#define RT_CLIENT_HANDLE_H

#include "base/mem.h"

#include <uv.h>

static inline void handle_closed(uv_handle_t *h)
{
	mem_free(h);
}

/* Closes a handle from mem_new (or the first member of what is), and frees it once libuv has let go
 * of it. */
static inline void handle_free(void *handle)
{
	uv_close(handle, handle_closed);
}

#endif
