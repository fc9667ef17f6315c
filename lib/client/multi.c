/* multi.c - libcurl's transfers on a uv loop
 *
 * The usual marriage: libcurl says which sockets and which deadline it waits for, uv waits. libcurl
 * forbids beginning and ending a transfer inside a callback, so those are put aside until the call
 * into libcurl has returned. */
#include "client/multi.h"

#include "base/log.h"
#include "base/mem.h"
#include "client/answer.h"
#include "client/carrier.h"
#include "client/handle.h"

#include <stdarg.h>
#include <stdio.h>

struct multi {
	struct list node;
	uv_loop_t *loop;
	CURLM *curl;
	uv_timer_t *timer;
	unsigned refs;
	unsigned inside;   /* calls into libcurl under way */
	struct list born;  /* transfers to begin when there are none */
	struct list dying; /* ... to end */
	struct list deaf;  /* live ones that stopped listening */
};

struct sock {
	uv_poll_t poll;
	struct multi *multi;
	curl_socket_t fd;
};

static struct list multis = LIST_INIT(multis);

/* --- ending ----------------------------------------------------------------------------------- */

static void transfer_free(struct transfer *t)
{
	curl_multi_remove_handle(t->multi->curl, t->easy);
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	mem_free(t);
}

static void begin(struct transfer *t)
{
	if (curl_multi_add_handle(t->multi->curl, t->easy) == CURLM_RECURSIVE_API_CALL)
		list_add(&t->multi->born, &t->node);
}

static void reap(struct multi *m)
{
	struct list *it;

	while (!m->inside && (it = list_pop(&m->born))) {
		m->inside++;
		begin(list_entry(it, struct transfer, node));
		m->inside--;
	}
	while (!m->inside && (it = list_pop(&m->dying))) {
		m->inside++; /* libcurl tells of sockets that go */
		transfer_free(list_entry(it, struct transfer, node));
		m->inside--;
	}
}

void transfer_drop(struct transfer *t)
{
	if (!t)
		return;
	t->owner = NULL;
	list_del(&t->node);
	list_add(&t->multi->dying, &t->node);
	reap(t->multi);
}

static void leave(struct multi *m)
{
	m->inside--;
	reap(m);
}

/* --- what libcurl waits for ---------------------------------------------------------------------
 */

static void tell_done(struct multi *m)
{
	struct transfer *t;
	CURLMsg *msg;
	CURLcode code;
	int left;

	while ((msg = curl_multi_info_read(m->curl, &left))) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		code = msg->data.result;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		if (t->owner)
			t->done(t, code);
	}
}

static void tell_answered(struct multi *m)
{
	struct list *it;

	while ((it = list_pop(&m->deaf))) {
		struct transfer *t = list_entry(it, struct transfer, node);
		if (!t->listens && t->owner)
			t->answered(t);
	}
}

static void act(struct multi *m, curl_socket_t fd, int what)
{
	int running;

	m->inside++;
	m->refs++;
	curl_multi_socket_action(m->curl, fd, what, &running);
	tell_done(m);
	tell_answered(m);
	leave(m);
	multi_unref(m);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct sock *s = (struct sock *)poll;
	int what = 0;

	if (status < 0)
		what = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		what |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		what |= CURL_CSELECT_OUT;
	act(s->multi, s->fd, what);
}

static void note_listening(struct multi *m, CURL *easy, bool listens)
{
	struct transfer *t = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
	if (!t || !t->owner || !t->answered)
		return;
	if (t->listens && !listens) {
		list_del(&t->node);
		list_add(&m->deaf, &t->node);
	}
	t->listens = listens;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *sock)
{
	struct multi *m = arg;
	struct sock *s = sock;
	int events =
		(what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);

	note_listening(m, easy, what != CURL_POLL_REMOVE && what & CURL_POLL_IN);
	if (what == CURL_POLL_REMOVE) {
		if (s)
			handle_free(&s->poll);
		curl_multi_assign(m->curl, fd, NULL);
		return 0;
	}
	if (!s) {
		s = mem_new(struct sock);
		s->multi = m;
		s->fd = fd;
		if (uv_poll_init(m->loop, &s->poll, fd) < 0) {
			mem_free(s);
			return -1;
		}
		curl_multi_assign(m->curl, fd, s);
	}
	uv_poll_start(&s->poll, events, on_poll);
	return 0;
}

static void on_timer(uv_timer_t *timer)
{
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_deadline(CURLM *curl, long ms, void *arg)
{
	struct multi *m = arg;

	(void)curl;
	if (ms < 0)
		uv_timer_stop(m->timer);
	else
		uv_timer_start(m->timer, on_timer, (uint64_t)ms, 0);
	return 0;
}

/* --- the multi handle ---------------------------------------------------------------------------
 */

struct multi *multi_ref(uv_loop_t *loop)
{
	struct multi *m;

	list_for_each(it, &multis) {
		m = list_entry(it, struct multi, node);
		if (m->loop == loop) {
			m->refs++;
			return m;
		}
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	m = mem_new(struct multi);
	m->loop = loop;
	m->refs = 1;
	list_init(&m->born);
	list_init(&m->dying);
	list_init(&m->deaf);
	m->timer = mem_new(uv_timer_t);
	uv_timer_init(loop, m->timer);
	m->timer->data = m;
	m->curl = curl_multi_init();
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_deadline);
	curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
	list_add(&multis, &m->node);
	return m;
}

void multi_unref(struct multi *m)
{
	if (!m || --m->refs)
		return;
	list_del(&m->node);
	reap(m);
	curl_multi_cleanup(m->curl);
	handle_free(m->timer);
	mem_free(m);
	curl_global_cleanup();
}

void multi_keep(struct multi *m, unsigned n)
{
	curl_multi_setopt(m->curl, CURLMOPT_MAXCONNECTS, (long)n);
}

/* --- a transfer ---------------------------------------------------------------------------------
 */

void transfer_header(struct transfer *t, const char *fmt, ...)
{
	struct curl_slist *more;
	struct buf line = { 0 };
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	buf_reserve(&line, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(line.p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	more = curl_slist_append(t->headers, line.p);
	if (more)
		t->headers = more;
	buf_fini(&line);
}

/* "http://host:port" of any scheme of ours. */
static void add_origin(struct buf *url, const struct url *u)
{
	buf_add_text(url, url_is_tls(u) ? "https://" : "http://");
	if (strcmp(u->scheme, "unix") == 0)
		buf_add_text(url, "localhost");
	else
		buf_addf(url, strchr(u->host, ':') ? "[%s]" : "%s", u->host);
	if (u->port)
		buf_addf(url, ":%d", u->port);
}

static void set_tls(CURL *easy, const struct client_conf *conf)
{
	if (conf->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, conf->ca_file);
	if (conf->cert_file)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, conf->cert_file);
	if (conf->key_file)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, conf->key_file);
	if (conf->insecure) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

struct transfer *transfer_new(
	struct multi *m, const struct client *c, const char *target, void *owner)
{
	struct transfer *t = mem_new(struct transfer);
	struct buf url = { 0 }, auth = { 0 };

	list_init(&t->node);
	t->multi = m;
	t->owner = owner;
	t->easy = curl_easy_init();
	add_origin(&url, &c->url);
	buf_add_text(&url, target);
	curl_easy_setopt(t->easy, CURLOPT_URL, buf_cstr(&url));
	curl_easy_setopt(t->easy, CURLOPT_PATH_AS_IS, 1L);
	if (strcmp(c->url.scheme, "unix") == 0)
		curl_easy_setopt(t->easy, CURLOPT_UNIX_SOCKET_PATH, c->url.path);
	if (c->conf.source) {
		struct buf source = { 0 };
		buf_addf(&source, "host!%s", c->conf.source);
		curl_easy_setopt(t->easy, CURLOPT_INTERFACE, buf_cstr(&source));
		buf_fini(&source);
	}
	curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(t->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "rt/" RT_VERSION);
	set_tls(t->easy, &c->conf);
	client_authorization(c, &auth);
	if (auth.n)
		transfer_header(t, "Authorization: %s", buf_cstr(&auth));
	for (int i = 0; i < c->conf.n_headers; i++)
		transfer_header(t, "%s", c->conf.headers[i]);
	buf_fini(&auth);
	buf_fini(&url);
	return t;
}

void transfer_start(struct transfer *t)
{
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	begin(t);
}

void transfer_pause(struct transfer *t, int what)
{
	t->multi->inside++;
	curl_easy_pause(t->easy, what);
	leave(t->multi);
}

/* --- why one failed ------------------------------------------------------------------------------
 */

static bool says(const struct transfer *t, const char *words)
{
	struct str rest = str_of(words);

	while (rest.p) {
		if (str_find(str_of(t->error), str_cut(rest, '|', &rest)) >= 0)
			return true;
	}
	return false;
}

/* A handshake that failed. OpenSSL reads what a server without TLS says as a record of a version
 * that there is not. */
static int why_no_tls(const struct transfer *t, const struct client *c, struct buf *why)
{
	if (says(t, "wrong version number|packet length too long|record layer failure")) {
		buf_add_text(why, "the server does not speak TLS (try ");
		answer_add_other_url(c, why);
		buf_add_char(why, ')');
		return ERR_INVALID;
	}
	if (says(t, "certificate required|bad certificate|unknown ca")) {
		buf_add_text(why, c->conf.cert_file
			? "the server does not take the certificate of --cert"
			: "the server wants a certificate of the client (--cert, --key-file)");
		return ERR_DENIED;
	}
	buf_add_text(why, "no agreement on TLS with the server");
	return ERR_CLOSED;
}

/* "SSL certificate problem: self-signed certificate" and the like. */
static int why_no_trust(const struct transfer *t, const struct client *c, struct buf *why)
{
	static const char prefix[] = "SSL certificate problem: ";
	struct str text = str_of(t->error);

	if (says(t, "does not match|subject name")) {
		buf_addf(why, "the server's certificate is not for '%.80s' (-k to check nothing)",
			c->url.host);
		return ERR_DENIED;
	}
	if (str_starts(text, str_of(prefix)))
		text = str_skip(text, strlen(prefix));
	buf_addf(why, "the server's certificate is not trusted: " STR_FMT, STR_ARG(text));
	buf_add_text(why, says(t, "expired|not yet valid")
			? " (-k to check nothing)"
			: " (--ca FILE to trust it, -k to check nothing)");
	return ERR_DENIED;
}

int transfer_why(const struct transfer *t, const struct client *c, CURLcode code, struct buf *why)
{
	struct answer by_proxy = { .from_proxy = true };
	long number = 0;
	int r = ERR_CLOSED;

	if (t->error[0])
		log_info("%s", t->error);
	curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &number);
	if (number >= 300) {
		by_proxy.status = (unsigned)number;
		answer_say(&by_proxy, c, why);
		return answer_code(&by_proxy);
	}
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &number);
		if (number)
			buf_add_text(why, uv_strerror(-(int)number));
		else
			buf_add_text(why, t->error);
		break;
	case CURLE_COULDNT_RESOLVE_HOST:
		buf_addf(why, "cannot resolve '%.80s'", c->url.host);
		break;
	case CURLE_SSL_CONNECT_ERROR: return why_no_tls(t, c, why);
	case CURLE_PEER_FAILED_VERIFICATION: return why_no_trust(t, c, why);
	case CURLE_SSL_CACERT_BADFILE:
		buf_addf(why, "there are no certificates in '%.80s' (--ca)", c->conf.ca_file);
		r = ERR_USAGE;
		break;
	case CURLE_SSL_CERTPROBLEM:
		buf_add_text(why, "--cert and --key-file name no certificate and its key");
		r = ERR_USAGE;
		break;
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		if (url_is_tls(&c->url) && says(t, "certificate required|bad certificate|unknown ca"))
			return why_no_tls(t, c, why);
		answer_add_closed(c, why);
		break;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_SEND_FAIL_REWIND: /* it would have sent the request once more */
	case CURLE_OK: answer_add_closed(c, why); break;
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_UNSUPPORTED_PROTOCOL: /* "Received HTTP/0.9 when not allowed" */
		buf_add_text(why, "the answer of the server is not HTTP");
		answer_add_doubt(c, why);
		r = ERR_INVALID;
		break;
	case CURLE_URL_MALFORMAT:
		buf_add_text(why, t->error[0] ? t->error : curl_easy_strerror(code));
		r = ERR_INVALID;
		break;
	default: buf_add_text(why, t->error[0] ? t->error : curl_easy_strerror(code)); break;
	}
	return r;
}
