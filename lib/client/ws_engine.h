/* ws_engine.h - one libwebsockets context for all clients of a loop
 *
 * A context costs milliseconds and hundreds of kilobytes, and a load generator has thousands of
 * clients. Made for the first, gone after the last. Only ws.c includes this. */
#ifndef RT_CLIENT_WS_ENGINE_H
#define RT_CLIENT_WS_ENGINE_H

#include "base/err.h"
#include "base/list.h"
#include "client/client.h"

#include <libwebsockets.h>

#define WS_READ_BYTES 65536 /* at most, of one read */

struct ws_engine;

/* The engine of this loop, one reference more. NULL and a sentence when libwebsockets cannot be set
 * up. */
struct ws_engine *ws_engine_ref(uv_loop_t *loop, lws_callback_function *callback, struct err *e);
void ws_engine_unref(struct ws_engine *g);
struct lws_context *ws_engine_context(struct ws_engine *g);
/* The vhost for these files; shared by all clients that name the same. NULL and a sentence on
 * failure. */
struct lws_vhost *ws_engine_vhost(
	struct ws_engine *g, const struct client_conf *conf, bool tls, struct err *e);
/* Memory that must outlive every callback of the context: freed with it, unless removed from the
 * list before. */
struct list *ws_engine_conns(struct ws_engine *g);

#endif
