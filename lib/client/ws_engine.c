/* ws_engine.c - one libwebsockets context for all clients of a loop
 *
 * The context lives on a foreign libuv loop. Its end takes three steps (4.1.6): lws_context_destroy
 * begins it, the loop closes the context's handles, and lws_context_destroy again frees it. Nothing
 * announces the second step, so the handles that the context put on the loop are noted when it is
 * made, and an idle handle waits until the loop no longer has them. And lws closes the descriptor
 * of its event pipe in the first step and again in the second, when its number may be somebody
 * else's: a placeholder takes that number in between. */
#include "client/ws_engine.h"

#include "base/mem.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define HANDLES_MAX 16
#define FDS_MAX     65536 /* lws allocates tables for the file limit, which may be a billion */

struct vhost {
	struct list node;
	struct lws_vhost *lws;
	char *ca, *cert, *key;
	bool tls;
};

struct ws_engine {
	struct list node;
	uv_loop_t *loop;
	struct lws_context *context;
	unsigned refs;
	unsigned n_vhosts;
	struct list vhosts, conns;
	struct lws_protocols protocols[2];
	uv_idle_t *reaper;
	const uv_handle_t *handles[HANDLES_MAX]; /* of the context, on the loop */
	size_t n_handles, n_alive;
};

struct conn_node {
	struct list node;
};

static struct list engines = LIST_INIT(engines);

/* --- what the context put on the loop -------------------------------------------------------- */

struct walk {
	const uv_handle_t **v;
	size_t n, max;
};

static void note_handle(uv_handle_t *h, void *arg)
{
	struct walk *w = arg;

	if (w->n < w->max)
		w->v[w->n++] = h;
}

static bool among(const uv_handle_t *h, const struct walk *w)
{
	for (size_t i = 0; i < w->n; i++) {
		if (w->v[i] == h)
			return true;
	}
	return false;
}

static void count_alive(uv_handle_t *h, void *arg)
{
	struct ws_engine *g = arg;
	struct walk own = { .v = g->handles, .n = g->n_handles };

	g->n_alive += among(h, &own);
}

static void note_own_handles(struct ws_engine *g, struct walk *before)
{
	size_t cap = before->n + HANDLES_MAX;
	struct walk after = { .v = mem_array(cap, sizeof(*after.v)), .max = cap };

	uv_walk(g->loop, note_handle, &after);
	for (size_t i = 0; i < after.n && g->n_handles < HANDLES_MAX; i++) {
		if (!among(after.v[i], before))
			g->handles[g->n_handles++] = after.v[i];
	}
	mem_free(after.v);
}

static void count_handle(uv_handle_t *h, void *arg)
{
	(void)h;
	++*(size_t *)arg;
}

/* --- the context ----------------------------------------------------------------------------- */

static int make_context(struct ws_engine *g)
{
	void *loops[1] = { g->loop };
	struct rlimit files = { 0 };
	struct walk before = { 0 };
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.gid = -1,
		.uid = -1,
		.foreign_loops = loops,
		.protocols = g->protocols,
		.pt_serv_buf_size = WS_READ_BYTES,
		.max_http_header_data = 16384,
		.timeout_secs = 15,
		.connect_timeout_secs = 15,
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
		           LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
	};

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > FDS_MAX)
		info.fd_limit_per_thread = FDS_MAX;
	uv_walk(g->loop, count_handle, &before.max);
	before.v = mem_array(before.max + 1, sizeof(*before.v));
	uv_walk(g->loop, note_handle, &before);
	lws_set_log_level(0, NULL);
	g->context = lws_create_context(&info);
	if (g->context)
		note_own_handles(g, &before);
	mem_free(before.v);
	return g->context ? 0 : ERR_IO;
}

static void engine_free(struct ws_engine *g)
{
	struct list *it;

	while ((it = list_pop(&g->vhosts))) {
		struct vhost *v = list_entry(it, struct vhost, node);
		mem_free(v->ca);
		mem_free(v->cert);
		mem_free(v->key);
		mem_free(v);
	}
	while ((it = list_pop(&g->conns)))
		mem_free(list_entry(it, struct conn_node, node));
	mem_free(g);
}

static void reaper_closed(uv_handle_t *h)
{
	mem_free(h);
}

static void reap(uv_idle_t *idle)
{
	struct ws_engine *g = idle->data;

	g->n_alive = 0;
	uv_walk(g->loop, count_alive, g);
	if (g->n_alive)
		return;
	lws_context_destroy(g->context);
	uv_close((uv_handle_t *)idle, reaper_closed);
	engine_free(g);
}

struct ws_engine *ws_engine_ref(uv_loop_t *loop, lws_callback_function *callback, struct err *e)
{
	struct ws_engine *g;

	list_for_each(it, &engines) {
		g = list_entry(it, struct ws_engine, node);
		if (g->loop == loop) {
			g->refs++;
			return g;
		}
	}
	g = mem_new(struct ws_engine);
	g->loop = loop;
	g->refs = 1;
	list_init(&g->vhosts);
	list_init(&g->conns);
	g->protocols[0] = (struct lws_protocols){
		.name = "rt", .callback = callback, .rx_buffer_size = WS_READ_BYTES
	};
	if (make_context(g) < 0) {
		err_set(e, ERR_IO, "cannot set up libwebsockets");
		engine_free(g);
		return NULL;
	}
	list_add(&engines, &g->node);
	return g;
}

/* The descriptor of the event pipe: the only one of the context's handles that has one. */
static int pipe_of(const struct ws_engine *g)
{
	uv_os_fd_t fd;

	for (size_t i = 0; i < g->n_handles; i++) {
		if (uv_handle_get_type(g->handles[i]) == UV_POLL &&
			uv_fileno(g->handles[i], &fd) == 0)
			return fd;
	}
	return -1;
}

static void hold_number(int fd)
{
	int null = fd >= 0 && fcntl(fd, F_GETFD) < 0 ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;

	if (null >= 0 && null != fd) {
		dup3(null, fd, O_CLOEXEC);
		close(null);
	}
}

void ws_engine_unref(struct ws_engine *g)
{
	int fd;

	if (!g || --g->refs)
		return;
	list_del(&g->node);
	fd = pipe_of(g);
	lws_context_destroy(g->context);
	hold_number(fd);
	g->reaper = mem_new(uv_idle_t);
	uv_idle_init(g->loop, g->reaper);
	g->reaper->data = g;
	uv_idle_start(g->reaper, reap);
}

struct lws_context *ws_engine_context(struct ws_engine *g)
{
	return g->context;
}

struct list *ws_engine_conns(struct ws_engine *g)
{
	return &g->conns;
}

/* --- vhosts: settings of TLS ------------------------------------------------------------------ */

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static char *copy(const char *s)
{
	return s ? mem_strdup(s) : NULL;
}

static struct lws_vhost *make_vhost(struct ws_engine *g, const struct client_conf *conf, bool tls)
{
	char name[24];
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = g->protocols,
		.vhost_name = name,
		.alpn = "http/1.1",
		.timeout_secs = 15,
		.connect_timeout_secs = 15,
		.options = tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT
		               : 0, /* with it every vhost loads the system's CAs */
		.client_ssl_ca_filepath = conf->ca_file,
		.client_ssl_cert_filepath = conf->cert_file,
		.client_ssl_private_key_filepath = conf->key_file,
	};
	struct lws_vhost *vhost;

	snprintf(name, sizeof(name), "client-%u", g->n_vhosts++);
	vhost = lws_create_vhost(g->context, &info);
	if (vhost && tls && lws_init_vhost_client_ssl(&info, vhost))
		return NULL; /* it goes with the context */
	return vhost;
}

struct lws_vhost *ws_engine_vhost(
	struct ws_engine *g, const struct client_conf *conf, bool tls, struct err *e)
{
	struct lws_vhost *lws;
	struct vhost *v;

	list_for_each(it, &g->vhosts) {
		v = list_entry(it, struct vhost, node);
		if (v->tls == tls &&
			(!tls || (same(v->ca, conf->ca_file) && same(v->cert, conf->cert_file) &&
					 same(v->key, conf->key_file))))
			return v->lws;
	}
	lws = make_vhost(g, conf, tls);
	if (!lws) {
		err_set(e, ERR_USAGE, "cannot set up TLS with the certificates given");
		return NULL;
	}
	v = mem_new(struct vhost);
	*v = (struct vhost){ .lws = lws,
		.tls = tls,
		.ca = copy(conf->ca_file),
		.cert = copy(conf->cert_file),
		.key = copy(conf->key_file) };
	list_add(&g->vhosts, &v->node);
	return lws;
}
