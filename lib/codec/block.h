/* block.h - bytes looked at a block at a time
 *
 * SSE2 where there is (all of x86-64), else 64-bit words; both give the same answers. SCAN_PORTABLE
 * chooses the second, for tests. */
#ifndef RT_CODEC_BLOCK_H
#define RT_CODEC_BLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) && !defined(SCAN_PORTABLE)
#include <emmintrin.h>
#define BLOCK 16
#else
#define BLOCK 8
#endif

/* block_plain: how many of the BLOCK bytes at p come before the first that a string cannot simply
 * pass over: a quote, a backslash, a control character, or one of 0x80 and above.
 * block_digits: bit i is set when byte i of the 16 bytes at p is a digit. */
#if BLOCK == 16
static inline unsigned block_plain(const uint8_t *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
	__m128i slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
	__m128i other = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)); /* signed: 0x80 and above too */
	__m128i stop = _mm_or_si128(_mm_or_si128(quote, slash), other);

	return (unsigned)__builtin_ctz((unsigned)_mm_movemask_epi8(stop) | 1u << BLOCK);
}

static inline unsigned block_digits(const uint8_t *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i moved = _mm_add_epi8(v, _mm_set1_epi8((char)(0x80 - '0'))); /* '0' is the least */

	return (unsigned)_mm_movemask_epi8(_mm_cmplt_epi8(moved, _mm_set1_epi8(-128 + 10)));
}
#else
static inline unsigned block_plain(const uint8_t *p)
{
	const uint64_t ones = UINT64_MAX / 255, highs = ones << 7;
	uint64_t v, quote, slash, stop;

	memcpy(&v, p, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	quote = v ^ ones * '"';
	slash = v ^ ones * '\\';
	/* Subtraction borrows into the bytes above only: the lowest bit found is always right. */
	stop = ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((v - ones * 0x20) & ~v) | v;
	stop &= highs;
	return stop ? (unsigned)__builtin_ctzll(stop) / 8 : BLOCK;
}

static inline unsigned block_digits(const uint8_t *p)
{
	unsigned bits = 0;

	for (int i = 0; i < 16; i++)
		bits |= (unsigned)(p[i] >= '0' && p[i] <= '9') << i;
	return bits;
}
#endif

/* As block_plain where fewer than BLOCK bytes are left: stops at the end at the latest. */
static inline unsigned block_plain_tail(const uint8_t *p, const uint8_t *end)
{
	uint8_t block[BLOCK] = { 0 };

	memcpy(block, p, (size_t)(end - p));
	return block_plain(block);
}

#endif
