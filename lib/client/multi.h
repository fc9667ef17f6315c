/* multi.h - libcurl's transfers on a uv loop
 *
 * One multi handle for all clients of a loop, so that connections are kept and found again. A
 * transfer is made, set up through its easy handle, started, and ends once: by `done`, or by
 * transfer_drop. */
#ifndef RT_CLIENT_MULTI_H
#define RT_CLIENT_MULTI_H

#include "base/buf.h"
#include "base/list.h"
#include "client/client.h"

#include <curl/curl.h>

struct multi;

struct transfer {
	struct list node;
	struct multi *multi;
	CURL *easy;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
	void *owner; /* NULL: dropped, its callbacks answer with an error */
	void (*done)(struct transfer *t, CURLcode code); /* drop it there, or in time */
	/* The answer has ended while the body has not: libcurl (7.88) would wait for the body,
	 * maybe for ever. May be NULL. */
	void (*answered)(struct transfer *t);
	bool listens; /* libcurl waits for bytes of the answer */
};

struct multi *multi_ref(uv_loop_t *loop);
void multi_unref(struct multi *m);
/* Keeps at least `n` connections alive; without, four for each transfer under way. */
void multi_keep(struct multi *m, unsigned n);

/* A transfer with what all of ours have: protocols, TLS and identity of the client's conf, no
 * signals, no redirects. Not started. `c` is read during the call only. */
struct transfer *transfer_new(
	struct multi *m, const struct client *c, const char *target, void *owner);
void transfer_header(struct transfer *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void transfer_start(struct transfer *t);
/* Ends and frees it; inside one of its own callbacks: as soon as they have returned. NULL is fine.
 */
void transfer_drop(struct transfer *t);
/* Goes on with a paused direction; CURLPAUSE_* as in curl_easy_pause. */
void transfer_pause(struct transfer *t, int what);
/* Why it failed, as a clause that says what to do, and whether that is final (negative enum
 * err_code). What libcurl says itself is logged for -v. */
int transfer_why(const struct transfer *t, const struct client *c, CURLcode code, struct buf *why);

#endif
