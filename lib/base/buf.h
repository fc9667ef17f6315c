/* buf.h - a growing run of bytes that owns its memory
 *
 * Invariants: p is NULL only while cap is 0; n <= cap. Zero-initialise, use, buf_fini. Growth
 * doubles; a caller bounds what it appends, and never appends a part of the buffer to itself. */
#ifndef RT_BASE_BUF_H
#define RT_BASE_BUF_H

#include "base/str.h"

#include <stdarg.h>

struct buf {
	char *p;
	size_t n, cap;
};

void buf_fini(struct buf *b); /* frees; the buffer is empty and usable again */
/* Room for `more` bytes after n; returns p + n. */
char *buf_reserve(struct buf *b, size_t more);
void buf_add_u64(struct buf *b, uint64_t v); /* decimal */
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_addv(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* The bytes as a JSON string with quotes; invalid UTF-8 becomes U+FFFD; '/' stays. */
void buf_add_json(struct buf *b, struct str s);
/* The bytes in base64, padded (RFC 4648, 4). */
void buf_add_base64(struct buf *b, struct str s);
/* Removes the first n bytes (n <= b->n). */
void buf_drop(struct buf *b, size_t n);
/* Terminates without counting the NUL; never NULL. */
const char *buf_cstr(struct buf *b);
/* Gives memory above `keep` bytes back when the buffer is empty. */
void buf_shrink(struct buf *b, size_t keep);

static inline void buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	if (n > b->cap - b->n)
		buf_reserve(b, n);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

static inline void buf_add_str(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

static inline void buf_add_text(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

static inline void buf_add_char(struct buf *b, char c)
{
	if (b->n == b->cap)
		buf_reserve(b, 1);
	b->p[b->n++] = c;
}

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){ b->p, b->n };
}

#endif
