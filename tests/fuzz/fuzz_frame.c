/* fuzz_frame.c - libFuzzer on the reader of WebSocket frames
 *
 *	clang -std=c11 -D_GNU_SOURCE -Ilib -g -O1 -fsanitize=fuzzer,address,undefined \
 *		-DRT_VERSION='"fuzz"' -o fuzz_frame tests/fuzz/fuzz_frame.c \
 *		lib/codec/frame.c lib/codec/sha1.c lib/base/[!o]*.c
 *
 * The first byte of the input is the size of the pieces in which the rest is read a second time, as a
 * server; and the same again as a client: both readings must say the same, texts must be UTF-8, and nothing may pass the limit. */
#include "codec/frame.h"

#include <stdlib.h>

#define MAX 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void check(enum frame_event ev, enum frame_op op, struct str payload, unsigned code)
{
	bool control = ev == FRAME_PING_GOT || ev == FRAME_PONG_GOT || ev == FRAME_CLOSE_GOT;

	must(payload.n <= (control ? FRAME_CONTROL_MAX : MAX));
	if (ev == FRAME_MESSAGE)
		must(op == FRAME_BINARY || (op == FRAME_TEXT && str_utf8(payload)));
	if (ev == FRAME_CLOSE_GOT)
		must(code >= 1000 && code <= 4999 && str_utf8(payload));
	if (ev == FRAME_ERROR)
		must(code == 1002 || code == 1007 || code == 1009);
}

static enum frame_event read_piece(struct frame_reader *r, const char *p, size_t n, struct buf *log)
{
	char *block = malloc(n ? n : 1), *in = block;
	enum frame_event ev;

	must(block != NULL);
	memcpy(block, p, n);
	do {
		struct str payload;
		enum frame_op op = FRAME_CONT;
		unsigned code = 0;

		ev = frame_read(r, &in, &n, &payload, &op, &code);
		check(ev, op, payload, code);
		if (ev != FRAME_NONE) {
			buf_addf(log, "%d %d %u ", ev, op, code);
			buf_add_str(log, payload);
		}
	} while (ev != FRAME_NONE && ev != FRAME_ERROR);
	must(ev == FRAME_ERROR || n == 0);
	free(block);
	return ev;
}

static void read_all(enum frame_role role, const char *p, size_t n, size_t step, struct buf *log)
{
	struct frame_reader r;
	enum frame_event ev = FRAME_NONE;

	frame_reader_init(&r, role, MAX);
	for (size_t give; n > 0 && ev != FRAME_ERROR; p += give, n -= give) {
		give = step < n ? step : n;
		ev = read_piece(&r, p, give, log);
		frame_reader_shrink(&r);
	}
	frame_reader_fini(&r);
}

static void read_twice(enum frame_role role, const char *p, size_t n, size_t step)
{
	struct buf whole = { 0 }, parts = { 0 };

	read_all(role, p, n, n, &whole);
	read_all(role, p, n, step, &parts);
	must(str_eq(buf_str(&whole), buf_str(&parts)));
	buf_fini(&whole);
	buf_fini(&parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	for (int i = 0; i < 2; i++)
		read_twice(i ? FRAME_CLIENT : FRAME_SERVER, (const char *)data + 1, size - 1,
			data[0] ? data[0] : 1);
	return 0;
}
