/* frame_peer.h - what tests of framing share: a peer that writes frames, and what a reader says of
 * them, as text */
#ifndef RT_TESTS_FRAME_PEER_H
#define RT_TESTS_FRAME_PEER_H

#include "unit/tap.h"

#include "codec/frame.h"

#include <stdlib.h>

#define MAX (1 << 20)

/* --- the peer -------------------------------------------------------------------------------- */

static enum frame_role role; /* of the reader under test */
static uint64_t seed = 1;

static inline size_t mask_n(void)
{
	return role == FRAME_SERVER ? 4 : 0;
}

/* splitmix64: the same on every machine */
static inline uint64_t rnd(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* One frame of the peer, masked where it is a client; `first` is its first byte, `width` the bytes of its length (0: the fewest). */
static inline void add_wide(struct buf *b, unsigned first, struct str payload, int width)
{
	uint32_t mask = role == FRAME_SERVER ? (uint32_t)rnd() : 0;
	unsigned char key[4];
	uint64_t n = payload.n;

	if (width == 0)
		width = n < 126 ? 1 : n < 65536 ? 2 : 8;
	buf_add_char(b, (char)first);
	buf_add_char(b, (char)((role == FRAME_SERVER ? 0x80 : 0) | (width == 1 ? n : width == 2 ? 126 : 127)));
	for (int i = width - 1; width > 1 && i >= 0; i--)
		buf_add_char(b, (char)(n >> (8 * i)));
	memcpy(key, &mask, 4);
	buf_add(b, key, mask_n());
	for (size_t i = 0; i < payload.n; i++)
		buf_add_char(b, (char)((unsigned char)payload.p[i] ^ key[i & 3]));
}

static inline void add(struct buf *b, unsigned first, struct str payload)
{
	add_wide(b, first, payload, 0);
}

#define TEXT   0x81
#define BINARY 0x82
#define CLOSE  0x88
#define PING   0x89
#define PONG   0x8a
#define CONT   0x80
#define MORE(first) ((first) & 0x7f)

/* --- what a reader says ---------------------------------------------------------------------- */

/* Events as lines: "text 5 hello". Long payloads as their length and a sum. */
static inline void log_event(struct buf *log, enum frame_event ev, enum frame_op op, struct str payload,
	unsigned code)
{
	static const char *const names[] = { "none", "message", "ping", "pong", "close", "error" };
	uint64_t sum = 0;

	buf_add_text(log, ev == FRAME_MESSAGE ? op == FRAME_TEXT ? "text" : "binary" : names[ev]);
	if (ev == FRAME_CLOSE_GOT || ev == FRAME_ERROR)
		buf_addf(log, " %u", code);
	if (ev != FRAME_ERROR) {
		for (size_t i = 0; i < payload.n; i++)
			sum = sum * 31 + (unsigned char)payload.p[i];
		buf_addf(log, " %zu ", payload.n);
		if (payload.n > 40)
			buf_addf(log, "%016llx", (unsigned long long)sum);
		else
			buf_add_str(log, payload);
	}
	buf_add_char(log, '\n');
}

/* Feeds n bytes as pieces of `at`, then `step` bytes, each in a block of just its size. Returns
 * how many bytes were given when it failed, or n. */
static inline size_t read_all(struct frame_reader *r, const char *p, size_t n, size_t at, size_t step,
	struct buf *log)
{
	size_t given = 0, piece = at;

	while (given < n && !r->failed) {
		size_t give = n - given < piece ? n - given : piece, left = give;
		char *block = malloc(give ? give : 1), *in = block;
		enum frame_event ev;

		if (!block)
			abort();
		memcpy(block, p + given, give);
		do {
			struct str payload;
			enum frame_op op = FRAME_CONT;
			unsigned code = 0;

			ev = frame_read(r, &in, &left, &payload, &op, &code);
			if (ev != FRAME_NONE)
				log_event(log, ev, op, payload, code);
		} while (ev != FRAME_NONE && ev != FRAME_ERROR);
		if (ev == FRAME_NONE && (left != 0 || in != block + give))
			buf_add_text(log, "input left behind\n");
		free(block);
		given += give;
		piece = step;
	}
	return given;
}

static inline void read_fresh(const struct buf *in, size_t at, size_t step, struct buf *log)
{
	struct frame_reader r;

	log->n = 0;
	frame_reader_init(&r, role, MAX);
	read_all(&r, in->p, in->n, at, step, log);
	frame_reader_fini(&r);
}

static inline struct str letters(size_t n)
{
	static char text[70000];

	for (size_t i = 0; i < n; i++)
		text[i] = (char)('a' + i % 26);
	return str_make(text, n);
}

#endif
