/* err.h - what went wrong: one negative code for programs, one sentence for people
 *
 * Functions return 0 or a negative `enum err_code`. Set-up and parsing functions take a last
 * `struct err *` (may be NULL) and write one sentence there: lower case, what failed first, the
 * subject in single quotes, no full stop. Hot paths return the code only. */
#ifndef RT_BASE_ERR_H
#define RT_BASE_ERR_H

enum err_code {
	ERR_NONE = 0,
	ERR_USAGE = -1,       /* the caller asked for something that makes no sense */
	ERR_INVALID = -2,     /* data is not what it claims to be (JSON, UTF-8, names, numbers) */
	ERR_TOO_LARGE = -3,   /* over a documented limit */
	ERR_DENIED = -4,      /* not allowed */
	ERR_UNSUPPORTED = -5, /* known, but not built in or not possible here */
	ERR_NOTFOUND = -6,    /* no such room, file, host */
	ERR_IO = -7,          /* the system said no: errno is in the sentence */
	ERR_CLOSED = -8,      /* the peer went away */
	ERR_TIMEOUT = -9,     /* not in time */
	ERR_BUSY = -10,       /* try again later */
	ERR_UNKNOWN = -11,    /* may have happened or not */
	ERR_MORE = -12,       /* incomplete: feed more bytes */
};

#define ERR_TEXT_MAX 320

struct err {
	int code;
	char text[ERR_TEXT_MAX]; /* always terminated; "" when code is 0 */
};

/* Writes the sentence (cut to fit, never inside a UTF-8 sequence) and returns `code`. A format
 * that ends in ':' gets ` strerror(errno)` appended. `e` may be NULL. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
