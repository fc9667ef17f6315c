/* redis_conn.c - connecting, greeting, watching, and connecting again */
#include "bus/redis_conn.h"

#include "base/mem.h"

#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>

#define WATCH_MS        1000
#define GREET_TICKS     5 /* of the watch, for everything up to being up */
#define TOKENS_OUT_MOST 3

void redis_conn_break(struct redis_conn *c, const char *fmt, ...)
{
	va_list ap;

	if (c->broken[0])
		return;
	va_start(ap, fmt);
	vsnprintf(c->broken, sizeof c->broken, fmt, ap);
	va_end(ap);
}

bool redis_conn_fine(struct redis_conn *c, const redisReply *reply)
{
	if (reply && reply->type == REDIS_REPLY_ERROR)
		redis_conn_break(c, "%.200s", reply->str);
	return reply && reply->type != REDIS_REPLY_ERROR;
}

bool redis_refuses_for_good(const redisReply *reply)
{
	return strncmp(reply->str, "NOPERM", 6) == 0 || strncmp(reply->str, "WRONGTYPE", 9) == 0;
}

/* --- greeting --------------------------------------------------------------------------------- */

static void check_listening(struct redis_conn *c)
{
	if (c->state != REDIS_GREETING || !c->greeted || !c->hears_all || !c->hears_token)
		return;
	c->state = REDIS_LISTENING;
	c->events->listening(c->arg);
}

static void on_fine(redisAsyncContext *ac, void *reply, void *arg)
{
	(void)ac;
	redis_conn_fine(arg, reply);
}

/* The value of a name in a reply of names and values; "" where there is none. */
static const char *value_of(const redisReply *r, const char *name)
{
	for (size_t i = 0; i + 1 < r->elements; i += 2)
		if (r->element[i]->str && r->element[i + 1]->str &&
			strcmp(r->element[i]->str, name) == 0)
			return r->element[i + 1]->str;
	return "";
}

static void on_hello(redisAsyncContext *ac, void *data, void *arg)
{
	struct redis_conn *c = arg;
	const redisReply *r = data;

	(void)ac;
	if (!r)
		return;
	if (r->type == REDIS_REPLY_ERROR && strncmp(r->str, "NOAUTH", 6) == 0)
		redis_conn_break(c, "it wants a password");
	else if (r->type == REDIS_REPLY_ERROR && strncmp(r->str, "ERR unknown command", 19) != 0)
		redis_conn_break(c, "%.200s", r->str);
	else if (r->type == REDIS_REPLY_ARRAY && strcmp(value_of(r, "role"), "replica") == 0)
		redis_conn_break(c, "it is a replica: name the primary");
	else if (r->type == REDIS_REPLY_ARRAY && strcmp(value_of(r, "mode"), "sentinel") == 0)
		redis_conn_break(c, "it is a sentinel: name the primary");
	else if (r->type == REDIS_REPLY_ARRAY && c->alone &&
		strcmp(value_of(r, "mode"), "cluster") == 0)
		redis_conn_break(c, "it is a cluster, and streams need a single Redis");
	c->greeted = true;
	check_listening(c);
}

static bool starts(const redisReply *r, const char *text)
{
	return r->type == REDIS_REPLY_STRING && strcmp(r->str, text) == 0;
}

/* hiredis gives what it cannot place to the callback before: so there is one for all. */
static void on_heard(redisAsyncContext *ac, void *data, void *arg)
{
	struct redis_conn *c = arg;
	const redisReply *r = data;
	struct str channel, bytes;

	(void)ac;
	if (!r || r->type != REDIS_REPLY_ARRAY || r->elements < 3)
		return;
	if (starts(r->element[0], "psubscribe")) {
		c->hears_all = true;
		check_listening(c);
	} else if (starts(r->element[0], "subscribe")) {
		c->hears_token = true;
		check_listening(c);
	} else if (starts(r->element[0], "message")) {
		c->tokens_in++;
	} else if (starts(r->element[0], "pmessage") && r->elements == 4) {
		channel = str_make(r->element[2]->str, r->element[2]->len);
		bytes = str_make(r->element[3]->str, r->element[3]->len);
		if (c->state == REDIS_UP || c->state == REDIS_LISTENING)
			c->events->heard(c->arg, channel, bytes);
	}
}

static void send_words(struct redis_conn *c, struct redis_link *l, redisCallbackFn *fn,
	const char *a, const char *b)
{
	const struct str argv[] = { str_of(a), str_of(b) };

	redis_link_send(l, fn, c, b ? 2 : 1, argv);
}

static void authenticate(struct redis_conn *c, struct redis_link *l, struct str password)
{
	struct str argv[3] = { STR("AUTH") };
	int n = 1;

	if (password.n == 0)
		return;
	if (c->url->user)
		argv[n++] = str_of(c->url->user);
	argv[n++] = password;
	redis_link_send(l, on_fine, c, n, argv);
}

static void greet(struct redis_conn *c, struct str password)
{
	struct buf glob = { 0 };
	char db[16];

	authenticate(c, c->command, password);
	authenticate(c, c->listen, password);
	snprintf(db, sizeof db, "%u", c->url->db);
	if (c->url->db)
		send_words(c, c->command, on_fine, "SELECT", db);
	send_words(c, c->command, on_hello, "HELLO", NULL);
	redis_url_glob(&glob, c->url->prefix);
	send_words(c, c->listen, on_heard, "PSUBSCRIBE", buf_cstr(&glob));
	send_words(c, c->listen, on_heard, "SUBSCRIBE", c->token_channel);
	buf_fini(&glob);
}

/* --- connecting ------------------------------------------------------------------------------- */

static void begin(struct redis_conn *c, const char *host)
{
	struct buf password = { 0 };
	struct err e = { 0 };
	uint64_t id;

	if (redis_url_password(c->url, &password, &e) != 0) {
		redis_conn_break(c, "%s", e.text);
		goto out;
	}
	rand_bytes(&id, sizeof id);
	snprintf(c->token_channel, sizeof c->token_channel, "rt:token:%016llx",
		(unsigned long long)id);
	c->command = redis_link_open(c->loop, host, c->url->port, c->url->path, &e);
	if (c->command)
		c->listen = redis_link_open(c->loop, host, c->url->port, c->url->path, &e);
	if (!c->listen) {
		redis_conn_break(c, "%s", e.text);
		goto out;
	}
	c->state = REDIS_GREETING;
	greet(c, buf_str(&password));
out:
	if (password.n)
		memset(password.p, 0, password.n);
	buf_fini(&password);
}

static void done_closing(struct redis_conn *c)
{
	if (c->closing && c->n_handles == 0 && !c->resolving)
		c->events->closed(c->arg);
}

/* The next address at each attempt: one of several may be the one that answers. */
static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *all)
{
	struct redis_conn *c = req->data;
	const struct addrinfo *ai = all;
	unsigned n = 0;
	char host[64] = "";

	c->resolving = false;
	if (c->closing) {
		uv_freeaddrinfo(all);
		done_closing(c);
		return;
	}
	for (const struct addrinfo *it = all; it; it = it->ai_next)
		n++;
	for (unsigned i = n ? c->n_attempts % n : 0; ai && i; i--)
		ai = ai->ai_next;
	if (ai && ai->ai_family == AF_INET)
		uv_ip4_name((const struct sockaddr_in *)ai->ai_addr, host, sizeof host);
	else if (ai && ai->ai_family == AF_INET6)
		uv_ip6_name((const struct sockaddr_in6 *)ai->ai_addr, host, sizeof host);
	if (status == 0 && host[0])
		begin(c, host);
	else
		redis_conn_break(c, "the name is not found: %s", uv_strerror(status));
	uv_freeaddrinfo(all);
}

static bool is_numeric(const char *host)
{
	struct sockaddr_in6 six;
	struct sockaddr_in four;

	return uv_ip4_addr(host, 1, &four) == 0 || uv_ip6_addr(host, 1, &six) == 0;
}

static void attempt(struct redis_conn *c)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };

	c->greeted = c->hears_all = c->hears_token = false;
	c->tokens_in = c->tokens_out = 0;
	c->n_ticks = 0;
	c->n_attempts++;
	if (!c->url->host || is_numeric(c->url->host)) {
		begin(c, c->url->host);
		return;
	}
	c->state = REDIS_RESOLVING;
	c->resolve.data = c;
	if (uv_getaddrinfo(c->loop, &c->resolve, on_resolved, c->url->host, NULL, &hints) == 0)
		c->resolving = true;
	else
		redis_conn_break(c, "the name is not found");
}

static void on_retry(uv_timer_t *timer)
{
	struct redis_conn *c = timer->data;

	/* A resolver that hangs is waited for: one attempt at a time. */
	if (c->state == REDIS_IDLE && !c->resolving)
		attempt(c);
	else if (c->resolving)
		uv_timer_start(&c->retry_timer, on_retry, WATCH_MS, 0);
}

static void fail(struct redis_conn *c)
{
	bool news = c->state >= REDIS_LISTENING || strcmp(c->broken, c->told) != 0;

	redis_link_close(c->command);
	redis_link_close(c->listen);
	c->command = c->listen = NULL;
	c->state = REDIS_IDLE;
	memcpy(c->told, c->broken, sizeof c->told);
	c->broken[0] = '\0';
	uv_timer_start(&c->retry_timer, on_retry, reconnect_next_ms(&c->reconnect), 0);
	if (news)
		c->events->down(c->arg, str_of(c->told));
}

/* --- watching --------------------------------------------------------------------------------- */

static void send_token(struct redis_conn *c)
{
	const struct str argv[] = { STR("PUBLISH"), str_of(c->token_channel), STR("1") };

	c->tokens_out++;
	redis_link_send(c->command, on_fine, c, 3, argv);
}

/* Ticks, not time: a process that was stopped itself has one tick of it, and its answers wait. */
static void on_watch(uv_timer_t *timer)
{
	struct redis_conn *c = timer->data;

	c->n_ticks++;
	if (c->broken[0] || c->state == REDIS_IDLE)
		return;
	if (c->state != REDIS_UP) {
		if (c->n_ticks > GREET_TICKS && c->state != REDIS_RESOLVING)
			redis_conn_break(c, "no answer within %d s", GREET_TICKS);
		return;
	}
	if (c->n_ticks > 1)
		reconnect_worked(&c->reconnect);
	if (c->tokens_out - c->tokens_in >= TOKENS_OUT_MOST)
		redis_conn_break(c, "no answer for %d s", TOKENS_OUT_MOST);
	else
		send_token(c);
}

void redis_conn_up(struct redis_conn *c)
{
	if (c->broken[0] || c->state != REDIS_LISTENING)
		return;
	c->state = REDIS_UP;
	c->n_ticks = 0;
}

void redis_conn_turn(struct redis_conn *c)
{
	struct redis_link *const links[] = { c->command, c->listen };

	for (int i = 0; i < 2; i++) {
		const char *why = links[i] ? redis_link_turn(links[i]) : NULL;

		if (why)
			redis_conn_break(c, "%s", why);
	}
	if (c->broken[0])
		fail(c);
}

/* --- opening and closing ---------------------------------------------------------------------- */

void redis_conn_open(struct redis_conn *c, uv_loop_t *loop, const struct redis_url *url, bool alone,
	const struct redis_conn_events *events, void *arg)
{
	*c = (struct redis_conn){
		.loop = loop,
		.url = url,
		.alone = alone,
		.events = events,
		.arg = arg,
		.n_handles = 2,
	};
	uv_timer_init(loop, &c->retry_timer);
	uv_timer_init(loop, &c->watch_timer);
	c->retry_timer.data = c->watch_timer.data = c;
	uv_timer_start(&c->watch_timer, on_watch, WATCH_MS, WATCH_MS);
	uv_timer_start(&c->retry_timer, on_retry, reconnect_next_ms(&c->reconnect), 0);
}

static void on_closed(uv_handle_t *handle)
{
	struct redis_conn *c = handle->data;

	c->n_handles--;
	done_closing(c);
}

void redis_conn_close(struct redis_conn *c)
{
	c->closing = true;
	redis_link_close(c->command);
	redis_link_close(c->listen);
	c->command = c->listen = NULL;
	c->state = REDIS_IDLE;
	if (c->resolving)
		uv_cancel((uv_req_t *)&c->resolve);
	uv_close((uv_handle_t *)&c->retry_timer, on_closed);
	uv_close((uv_handle_t *)&c->watch_timer, on_closed);
}
