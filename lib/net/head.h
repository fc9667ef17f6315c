/* head.h - a strict reader of HTTP/1.1 request heads (RFC 9112, RFC 9110)
 *
 * Refuses rather than guesses: bare LF, folded headers, space before ':', two lengths, length with transfer-encoding, none or
 * two Hosts, NUL (raw or encoded), a path that is not normal ("..", ".", "//", "%2f", broken escapes, encoded control characters). The answer to anything refused is its
 * status and `Connection: close`. Nothing is copied: all strings point into the bytes given, except the decoded path. */
#ifndef RT_NET_HEAD_H
#define RT_NET_HEAD_H

#include "base/err.h"
#include "base/str.h"

#define HEAD_BYTES_MAX   16384 /* the whole head: 431 */
#define HEAD_TARGET_MAX  8192  /* 414 */
#define HEAD_HEADERS_MAX 100   /* 431 */
#define HEAD_PATH_MAX    1024  /* decoded: 414 */

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
	struct str host;
	enum head_body body;
	uint64_t length;          /* BODY_SIZED */
	bool keep_alive;          /* HTTP/1.1 without Connection: close */
	bool upgrade_websocket;   /* Connection has Upgrade and Upgrade is websocket */
	bool upgrade_other;       /* Upgrade: anything else (h2c): the server ignores it per RFC 9110 7.8 */
	bool expect_continue;
	int n_fields;
	struct head_field fields[HEAD_HEADERS_MAX];
};

/* Reads one head from the `n` bytes at `p`. Returns its length in bytes (> 0), 0 when it is not complete (call again with more; `*scanned`, 0 at first, saves work), or
 * -status (-400 -405 -411 -413 is the caller's -414 -417 -431 -501 -505) with a sentence in `e`. Leading CRLFs (at most 2) before a request are skipped.
 * A POST or PUT without length or chunked: -411. GET, HEAD, DELETE, OPTIONS with a body: accepted (the caller reads and drops it). HTTP/1.0: -505. CONNECT, TRACE, PATCH, unknown: -405 or -501 for
 * tokens that are no known method. */
long head_read(struct head *h, const char *p, size_t n, size_t *scanned, struct err *e);

/* The first field of that name; p == NULL when absent. */
struct str head_get(const struct head *h, struct str name);
/* How many fields of that name. */
int head_count(const struct head *h, struct str name);
/* Does a comma-separated list field (all fields of that name) have this token (case-insensitive)? */
bool head_has_token(const struct head *h, struct str name, struct str token);

/* --- request bodies ------------------------------------------------------------------------ */

struct body {
	enum head_body kind;
	uint64_t left;     /* of the sized body or of the current chunk */
	int state;         /* chunked: where in the framing */
	uint32_t line_n;   /* bytes of the current framing line */
	uint64_t overhead; /* framing bytes beyond data: bounded, so tiny chunks cannot burn for ever unnoticed */
	bool done;
};

void body_init(struct body *b, const struct head *h);
/* Takes bytes from the front of `*in` (advancing it) and points `*data` at the next run of content (n == 0: none in what was given). Returns 1 when the body
 * has ended (b->done; `*in` is what follows it), 0 when more input is needed or data was found (call again while in->n > 0), or -400 with a sentence for broken
 * framing. Chunk extensions and trailers are accepted within 4 KiB a line and dropped. */
int body_next(struct body *b, struct str *in, struct str *data, struct err *e);

#endif
