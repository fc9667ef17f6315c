/* str.h - a borrowed run of bytes
 *
 * A `struct str` owns nothing: it is valid until the call that got it returns, unless the header
 * of a function says otherwise. It need not be terminated and may hold NUL. */
#ifndef RT_BASE_STR_H
#define RT_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

#define STR(lit) ((struct str){ (lit), sizeof(lit) - 1 })
#define STR_FMT  "%.*s" /* with STR_ARG; for lengths known to be below INT_MAX */
#define STR_ARG(s) (int)(s).n, (s).p

static inline struct str str_of(const char *s)
{
	return (struct str){ s, s ? strlen(s) : 0 };
}

static inline struct str str_make(const char *p, size_t n)
{
	return (struct str){ p, n };
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline struct str str_skip(struct str s, size_t n)
{
	if (s.n == 0)
		return s; /* p may be NULL */
	return n >= s.n ? (struct str){ s.p + s.n, 0 } : (struct str){ s.p + n, s.n - n };
}

/* The first `max` bytes at most; never ends inside a UTF-8 sequence. */
struct str str_head(struct str s, size_t max);
/* How a message quotes what somebody sent: `s`, or where that does not fit, its beginning, `…` and
 * its length. Returns `space`, terminated; `size` is STR_BRIEF, or more. */
#define STR_BRIEF 120
const char *str_brief(struct str s, char *space, size_t size);
/* ASCII case-insensitive, for header and scheme names. */
bool str_case_eq(struct str a, struct str b);
/* Without leading and trailing space and tab. */
struct str str_trim(struct str s);
/* The part before the first `sep`; `*rest` (may be NULL) is what follows it. Without a `sep` the
 * whole of `s`, and `*rest` has p == NULL. */
struct str str_cut(struct str s, char sep, struct str *rest);
/* Offset of the first `needle`, or -1. */
long str_find(struct str s, struct str needle);
/* Digits only, no sign, no space; 0 or ERR_INVALID (also on overflow). */
int str_u64(struct str s, uint64_t *out);
/* Whole, valid UTF-8 (RFC 3629: no surrogates, nothing overlong). */
bool str_utf8(struct str s);
/* The code point at the front of s (s.n > 0): returns its length, 1 to 4. Where the bytes are not
 * UTF-8, *rune is STR_BROKEN and the length (1 to 3) that of what one U+FFFD stands for. */
#define STR_BROKEN UINT32_MAX
size_t str_rune(struct str s, uint32_t *rune);

/* Keyed hash (SipHash-1-3 under a key drawn once per process), safe against chosen names. */
uint64_t str_hash(struct str s);
/* The same under a key of the caller's, for hashes that must agree between processes. */
uint64_t str_siphash(const uint64_t key[2], struct str s);

/* Random bytes from the kernel; ends the process when there are none. */
void rand_bytes(void *p, size_t n);
/* Uniform in [0, n), n > 0; cheap, seeded from the kernel, not for secrets. */
uint64_t rand_below(uint64_t n);

#endif
