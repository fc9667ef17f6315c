/* number.h - JSON numbers: exact comparison, one text for one value
 *
 * An integer has neither point nor exponent; a real is a double. The two never turn into each
 * other, except where a caller asks for it (timestamps). */
#ifndef RT_CRDT_NUMBER_H
#define RT_CRDT_NUMBER_H

#include "base/buf.h"

#define NUMBER_SAFE_MAX ((UINT64_C(1) << 53) - 1)

struct number {
	bool real;
	bool negative;   /* of an integer */
	uint64_t u;      /* its magnitude */
	double d;        /* of a real */
};

/* From the text of a JSON number; 0, or ERR_TOO_LARGE: an integer over 64 bits of magnitude, a real
 * that is not finite. */
int number_parse(struct number *n, struct str text);
/* By value, exactly: no integer is rounded to compare it. */
int number_cmp(struct number a, struct number b);
/* Appends the canonical text of any JSON number, integers of any length included; ERR_TOO_LARGE
 * when a real is not finite. */
int number_add(struct buf *out, struct str text);
/* Appends a double as Python's repr does. */
void number_add_double(struct buf *out, double d);
/* Appends a signed 128-bit integer. */
void number_add_i128(struct buf *out, __int128 v);

#endif
