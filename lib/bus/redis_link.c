/* redis_link.c - hiredis's hooks for an event loop, over uv_poll
 *
 *      uv_poll readable -> redisAsyncHandleRead -> replies
 *      commands -> hiredis's buffer -> redis_link_turn: redisAsyncHandleWrite, once; what the
 *                                      kernel did not take waits for uv_poll writable
 *
 * hiredis frees its context by itself after an error (link_cleanup is how one learns it), and
 * breaks when it is freed inside onConnect or onDisconnect: so nothing is freed there. libuv stops
 * a poll whose socket has an error without telling which: reading until hiredis finds it does. */
#include "bus/redis_link.h"

#include "base/mem.h"

#include <stdio.h>

#define READS_FOR_ERROR 64

struct redis_link {
	redisAsyncContext *ac; /* NULL: hiredis gave it up */
	uv_poll_t poll;
	int mask, asked;       /* what to wait for; what the poll waits for */
	bool connected, left;  /* left: the kernel did not take everything */
	bool polls;
	char why[160];
};

static void set_why(struct redis_link *l, const char *why)
{
	if (!l->why[0])
		snprintf(l->why, sizeof l->why, "%s", why && *why ? why : "connection closed");
}

/* hiredis's sentences, in our words: the system's begin with a capital. */
static void words_of(char out[160], const redisAsyncContext *ac)
{
	const char *text = ac->c.err ? ac->c.errstr : "";

	if (ac->c.err == REDIS_ERR_EOF)
		text = "the server closed the connection";
	snprintf(out, 160, "%s", text);
	if (ac->c.err == REDIS_ERR_IO && out[0] >= 'A' && out[0] <= 'Z')
		out[0] = (char)(out[0] + 'a' - 'A');
}

static void set_error(struct redis_link *l, const redisAsyncContext *ac)
{
	char words[160];

	words_of(words, ac);
	set_why(l, words);
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void ask(struct redis_link *l)
{
	if (!l->polls || l->mask == l->asked)
		return;
	l->asked = l->mask;
	if (l->mask)
		uv_poll_start(&l->poll, l->mask, on_poll);
	else
		uv_poll_stop(&l->poll);
}

/* --- hooks of hiredis ------------------------------------------------------------------------- */

static void add_read(void *arg)
{
	((struct redis_link *)arg)->mask |= UV_READABLE;
}

static void del_read(void *arg)
{
	((struct redis_link *)arg)->mask &= ~UV_READABLE;
}

/* Once connected, writing is the turn's; it is asked for here when something was left. */
static void add_write(void *arg)
{
	struct redis_link *l = arg;

	l->left = true;
	if (!l->connected)
		l->mask |= UV_WRITABLE;
}

static void del_write(void *arg)
{
	struct redis_link *l = arg;

	l->left = false;
	l->mask &= ~UV_WRITABLE;
}

static void free_link(uv_handle_t *handle)
{
	mem_free(handle->data);
}

static void cleanup(void *arg)
{
	struct redis_link *l = arg;

	if (!l->ac)
		return;
	set_error(l, l->ac);
	l->ac = NULL;
	if (l->polls)
		uv_poll_stop(&l->poll);
	l->asked = l->mask = 0;
}

static void on_connect(const redisAsyncContext *ac, int status)
{
	struct redis_link *l = ac->data;

	if (status == REDIS_OK)
		l->connected = true;
	else
		set_error(l, ac);
}

/* --- the loop --------------------------------------------------------------------------------- */

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct redis_link *l = poll->data;

	if (status < 0) {
		for (int i = 0; i < READS_FOR_ERROR && l->ac && !l->ac->c.err; i++)
			redisAsyncHandleRead(l->ac);
		set_why(l, uv_strerror(status));
		l->asked = 0;
		return;
	}
	if (l->ac && (events & UV_READABLE))
		redisAsyncHandleRead(l->ac);
	if (l->ac && (events & UV_WRITABLE))
		redisAsyncHandleWrite(l->ac);
	ask(l);
}

const char *redis_link_turn(struct redis_link *l)
{
	if (l->ac && l->connected && l->left && !l->why[0]) {
		redisAsyncHandleWrite(l->ac);
		if (l->ac && l->left)
			l->mask |= UV_WRITABLE;
	}
	if (l->ac && !l->why[0])
		ask(l);
	return l->why[0] ? l->why : NULL;
}

/* --- opening, closing, sending ---------------------------------------------------------------- */

struct redis_link *redis_link_open(
	uv_loop_t *loop, const char *host, int port, const char *path, struct err *e)
{
	redisAsyncContext *ac = host ? redisAsyncConnect(host, port) : redisAsyncConnectUnix(path);
	struct redis_link *l;
	char words[160] = "out of memory";

	if (!ac || ac->c.err) {
		if (ac)
			words_of(words, ac);
		err_set(e, ERR_IO, "%s", words);
		if (ac)
			redisAsyncFree(ac);
		return NULL;
	}
	l = mem_new(struct redis_link);
	if (uv_poll_init(loop, &l->poll, ac->c.fd) != 0) {
		err_set(e, ERR_IO, "cannot wait for a socket:");
		redisAsyncFree(ac);
		mem_free(l);
		return NULL;
	}
	l->polls = true;
	l->poll.data = l;
	l->ac = ac;
	ac->data = l;
	ac->ev.data = l;
	ac->ev.addRead = add_read;
	ac->ev.delRead = del_read;
	ac->ev.addWrite = add_write;
	ac->ev.delWrite = del_write;
	ac->ev.cleanup = cleanup;
	redisAsyncSetConnectCallback(ac, on_connect); /* asks to write */
	return l;
}

void redis_link_close(struct redis_link *l)
{
	if (!l)
		return;
	if (l->ac)
		redisAsyncFree(l->ac);
	l->polls = false;
	uv_close((uv_handle_t *)&l->poll, free_link);
}

void redis_link_send(struct redis_link *l, redisCallbackFn *fn, void *arg, int argc,
	const struct str *argv)
{
	const char *args[REDIS_ARGS_MAX];
	size_t lens[REDIS_ARGS_MAX];

	for (int i = 0; i < argc; i++) {
		args[i] = argv[i].n ? argv[i].p : "";
		lens[i] = argv[i].n;
	}
	if (!l->ac || redisAsyncCommandArgv(l->ac, fn, arg, argc, args, lens) != REDIS_OK)
		set_why(l, "the connection is going");
}
