/* escape.h - the escapes of JSON strings (RFC 8259, section 7) */
#ifndef RT_CODEC_ESCAPE_H
#define RT_CODEC_ESCAPE_H

#include <stdbool.h>
#include <stdint.h>

enum escape_fault {
	ESCAPE_CUT = 0,    /* the text ends before the escape does */
	ESCAPE_WRONG = -1, /* there is no such escape */
	ESCAPE_LONE = -2,  /* a surrogate without its other half */
};

/* The bytes of the escape at p (its backslash), a pair of surrogates taken as one; or a fault. */
int escape_check(const uint8_t *p, const uint8_t *end);

/* Takes the next piece of a proved string at *p: an escape, whose character goes to `out` as UTF-8,
 * or a single byte as it is. Returns the bytes in `out`; *p moves on. */
unsigned escape_take(const uint8_t **p, uint8_t out[4]);

/* Do the two proved strings whose contents begin at a and b, up to their quotes, spell the same? */
bool escape_equal(const uint8_t *a, const uint8_t *b);

#endif
