/* head.h - a strict reader of HTTP/1.1 request heads (RFC 9112, RFC 9110)
 *
 * Refuses rather than guesses: bare LF, bare CR, folded headers, space before ':', two lengths,
 * length with transfer-encoding, none or two Hosts, NUL (raw or encoded), a path that is not normal
 * ("..", ".", "//", "%2f", broken escapes, encoded control characters, broken UTF-8). The answer to
 * anything refused is its status and `Connection: close`. Nothing is copied: all strings point into
 * the bytes given, except the decoded path. Bodies are read by body.h. */
#ifndef RT_NET_HEAD_H
#define RT_NET_HEAD_H

#include "base/err.h"
#include "base/str.h"

#define HEAD_BYTES_MAX   16384 /* the whole head: 431, or 414 when it is all request line */
#define HEAD_TARGET_MAX  8192  /* 414 */
#define HEAD_HEADERS_MAX 100   /* 431 */
#define HEAD_PATH_MAX    1024  /* decoded, with its NUL: 414 */

enum head_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_OPTIONS };

enum head_body { BODY_NONE, BODY_SIZED, BODY_CHUNKED };

struct head_field {
	struct str name, value; /* value trimmed */
};

struct head {
	enum head_method method;
	struct str target;        /* raw */
	char path[HEAD_PATH_MAX]; /* decoded, terminated, begins with '/'; "*" for OPTIONS * */
	size_t path_n;
	struct str query;         /* raw, without '?'; p == NULL when absent */
	struct str host;          /* name or address, and ':' port where given; never empty */
	enum head_body body;
	uint64_t length;          /* BODY_SIZED; at most 15 digits; else 0 */
	bool keep_alive;          /* no Connection: close */
	bool upgrade_websocket;   /* Connection has Upgrade and Upgrade has websocket */
	bool upgrade_other;       /* Upgrade: anything else (h2c): ignored, RFC 9110 7.8 */
	bool expect_continue;     /* and there is a body to wait for */
	int n_fields;
	struct head_field fields[HEAD_HEADERS_MAX]; /* the first n_fields */
};

/* Reads one head from the `n` bytes at `p`. Returns its length in bytes (> 0), 0 when it is not
 * complete (call again with the same bytes and more; `*scanned`, 0 at first, saves work), or
 * -status (-400 -405 -411 -414 -417 -431 -501 -505; a 413 is the caller's) with a sentence in `e`.
 * What is refused does not depend on how the bytes were split. Only success leaves
 * a meaning in `h`.
 *
 * - At most two empty lines before the request are skipped, and counted in the length.
 * - POST and PUT without length or chunked: -411. Other methods with a body: accepted (the caller
 *   reads and drops it).
 * - Only HTTP/1.1; any other HTTP version: -505. No HTTP version at all: -400.
 * - CONNECT, TRACE, PATCH: -405; other tokens, lower case included: -501; no token: -400.
 * - An absolute target (http, https) must name the authority that Host does. */
long head_read(struct head *h, const char *p, size_t n, size_t *scanned, struct err *e);

/* The first field of that name; p == NULL when absent (an empty value has a p). */
struct str head_get(const struct head *h, struct str name);
/* How many fields of that name. */
int head_count(const struct head *h, struct str name);
/* Does a comma-separated list (all fields of that name) have this token (ASCII case aside)? */
bool head_has_token(const struct head *h, struct str name, struct str token);

#endif
