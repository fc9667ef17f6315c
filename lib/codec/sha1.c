/* sha1.c - SHA-1 of bytes that are all there, as RFC 3174 writes it down
 *
 * Written for sixty bytes a connection: plain rather than fast. */
#include "codec/sha1.h"

#include <stdint.h>
#include <string.h>

#define BLOCK 64

static uint32_t rotate(uint32_t x, int by)
{
	return x << by | x >> (32 - by);
}

static uint32_t load(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store(unsigned char *p, uint32_t x)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(x >> (24 - 8 * i));
}

/* RFC 3174 5: f(t) + K(t) */
static uint32_t step(int t, uint32_t b, uint32_t c, uint32_t d)
{
	if (t < 20)
		return ((b & c) | (~b & d)) + 0x5a827999;
	if (t < 40)
		return (b ^ c ^ d) + 0x6ed9eba1;
	if (t < 60)
		return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
	return (b ^ c ^ d) + 0xca62c1d6;
}

/* RFC 3174 6.1 */
static void add_block(uint32_t h[5], const unsigned char *p)
{
	uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

	for (int t = 0; t < 16; t++)
		w[t] = load(p + 4 * t);
	for (int t = 16; t < 80; t++)
		w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
	for (int t = 0; t < 80; t++) {
		uint32_t next = rotate(a, 5) + step(t, b, c, d) + e + w[t];

		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = next;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

/* RFC 3174 4: what is left, a 1 bit, zeros, and the length in bits. */
static void add_last(uint32_t h[5], const unsigned char *p, size_t n, uint64_t bits)
{
	unsigned char tail[2 * BLOCK] = { 0 };
	size_t end = n < BLOCK - 8 ? BLOCK : 2 * BLOCK;

	if (n > 0)
		memcpy(tail, p, n);
	tail[n] = 0x80;
	store(tail + end - 8, (uint32_t)(bits >> 32));
	store(tail + end - 4, (uint32_t)bits);
	for (size_t at = 0; at < end; at += BLOCK)
		add_block(h, tail + at);
}

void sha1(const void *bytes, size_t n, unsigned char out[SHA1_BYTES])
{
	uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	const unsigned char *p = bytes;
	uint64_t bits = (uint64_t)n * 8;

	for (; n >= BLOCK; n -= BLOCK, p += BLOCK)
		add_block(h, p);
	add_last(h, p, n, bits);
	for (int i = 0; i < 5; i++)
		store(out + 4 * i, h[i]);
}
