/* test_frame.c - WebSocket framing: the groups of the Autobahn suite at every split, and random
 * frames against a reader written the slow way; all of it as a server and as a client */
#include "unit/tap.h"

#include "codec/frame.h"
#include "codec/sha1.h"

#include <stdlib.h>

#define MAX (1 << 20)

/* --- the peer -------------------------------------------------------------------------------- */

static enum frame_role role; /* of the reader under test */
static uint64_t seed = 1;

static size_t mask_n(void)
{
	return role == FRAME_SERVER ? 4 : 0;
}

/* splitmix64: the same on every machine */
static uint64_t rnd(void)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* One frame of the peer, masked where it is a client; `first` is its first byte, `width` the bytes of its length (0: the fewest). */
static void add_wide(struct buf *b, unsigned first, struct str payload, int width)
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

static void add(struct buf *b, unsigned first, struct str payload)
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
static void log_event(struct buf *log, enum frame_event ev, enum frame_op op, struct str payload,
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
static size_t read_all(struct frame_reader *r, const char *p, size_t n, size_t at, size_t step,
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

static void read_fresh(const struct buf *in, size_t at, size_t step, struct buf *log)
{
	struct frame_reader r;

	log->n = 0;
	frame_reader_init(&r, role, MAX);
	read_all(&r, in->p, in->n, at, step, log);
	frame_reader_fini(&r);
}

/* Do the bytes say `want`, at every split (of short input), and in pieces of several sizes? */
static void says(struct buf *in, const char *want, const char *what)
{
	static const size_t steps[] = { 1, 2, 3, 5, 7, 8, 13, 64, 1000, 65536 };
	struct buf log = { 0 };
	bool same = true;

	read_fresh(in, in->n, in->n, &log);
	is_text(log.p, log.n, want, "%s", what);
	for (size_t at = 0; same && in->n <= 600 && at <= in->n; at++) {
		read_fresh(in, at, in->n, &log);
		same = str_eq(buf_str(&log), str_of(want));
	}
	for (size_t i = in->n > 600 ? 2 : 0; same && i < sizeof(steps) / sizeof(steps[0]); i++) {
		read_fresh(in, steps[i], steps[i], &log);
		same = str_eq(buf_str(&log), str_of(want));
	}
	if (!ok(same, "%s: the same at every split", what))
		printf("# got %.*s\n", (int)log.n, log.p);
	buf_fini(&log);
	in->n = 0;
}

/* --- groups 1 and 2: lengths, pings ---------------------------------------------------------- */

static struct str letters(size_t n)
{
	static char text[70000];

	for (size_t i = 0; i < n; i++)
		text[i] = (char)('a' + i % 26);
	return str_make(text, n);
}

static const char *line_of(struct buf *line, enum frame_event ev, enum frame_op op, struct str s)
{
	line->n = 0;
	log_event(line, ev, op, s, 0);
	return buf_cstr(line);
}

static void test_lengths(void)
{
	static const size_t lengths[] = { 0, 1, 125, 126, 127, 128, 65535, 65536 };
	struct buf in = { 0 }, want = { 0 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct str s = letters(lengths[i]);

		add(&in, TEXT, s);
		says(&in, line_of(&want, FRAME_MESSAGE, FRAME_TEXT, s), "a text by length");
		add(&in, BINARY, s);
		says(&in, line_of(&want, FRAME_MESSAGE, FRAME_BINARY, s), "a binary by length");
	}
	buf_fini(&in);
	buf_fini(&want);
}

static void test_pings(void)
{
	struct buf in = { 0 }, want = { 0 };

	add(&in, PING, STR(""));
	says(&in, "ping 0 \n", "an empty ping");
	add(&in, PING, STR("Hello"));
	add(&in, PONG, STR("x"));
	says(&in, "ping 5 Hello\npong 1 x\n", "a ping and an unasked pong");
	add(&in, PING, STR("\xff\xfe\x01"));
	says(&in, line_of(&want, FRAME_PING_GOT, FRAME_PING, STR("\xff\xfe\x01")), "a binary ping");
	add(&in, PING, letters(125));
	says(&in, line_of(&want, FRAME_PING_GOT, FRAME_PING, letters(125)), "a ping of 125");
	add(&in, PING, letters(126));
	says(&in, "error 1002\n", "no ping of 126");
	for (int i = 0; i < 10; i++)
		add(&in, PING, STR("p"));
	says(&in, "ping 1 p\nping 1 p\nping 1 p\nping 1 p\nping 1 p\n"
		"ping 1 p\nping 1 p\nping 1 p\nping 1 p\nping 1 p\n", "ten pings");
	buf_fini(&in);
	buf_fini(&want);
}

/* --- groups 3 and 4: reserved bits and opcodes, masks, lengths not minimal ------------------- */

static void test_reserved(void)
{
	static const unsigned firsts[] = { 0x91, 0xa1, 0xb1, 0xc1, 0xd1, 0xf1, 0xd2, 0xc9, 0xf8,
		0x83, 0x84, 0x85, 0x86, 0x87, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x03, 0x0b, 0x09, 0x08 };
	struct buf in = { 0 };

	for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
		char what[40];

		snprintf(what, sizeof(what), "first byte %02x", firsts[i]);
		add(&in, TEXT, STR("ok"));
		add(&in, firsts[i], STR("no"));
		add(&in, TEXT, STR("never"));
		says(&in, "text 2 ok\nerror 1002\n", what);
	}
	buf_fini(&in);
}

static void test_malformed(void)
{
	struct buf in = { 0 };

	if (role == FRAME_SERVER) {
		buf_add(&in, "\x81\x02no", 4);
		says(&in, "error 1002\n", "no mask");
		buf_add(&in, "\x89\x00", 2);
		says(&in, "error 1002\n", "no mask on a ping");
	} else {
		buf_add(&in, "\x81\x82""abcdno", 8);
		says(&in, "error 1002\n", "a mask");
		buf_add(&in, "\x89\x80""abcd", 6);
		says(&in, "error 1002\n", "a mask on a ping");
		buf_add(&in, "\x81\x82\0\0\0\0no", 8);
		says(&in, "error 1002\n", "a mask of zeros");
	}
	add_wide(&in, TEXT, letters(125), 2);
	says(&in, "error 1002\n", "125 in two bytes");
	add_wide(&in, TEXT, letters(125), 8);
	says(&in, "error 1002\n", "125 in eight bytes");
	add_wide(&in, TEXT, letters(0), 2);
	says(&in, "error 1002\n", "0 in two bytes");
	add_wide(&in, TEXT, letters(65535), 8);
	says(&in, "error 1002\n", "65535 in eight bytes");
	add_wide(&in, PING, letters(5), 2);
	says(&in, "error 1002\n", "5 of a ping in two bytes");
	buf_add(&in, "\x82\x7f\x80\0\0\0\0\0\0\0abcd", 14);
	in.p[1] |= role == FRAME_SERVER ? (char)0x80 : 0;
	says(&in, "error 1002\n", "the top bit of a length");
	buf_add(&in, "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff""abcd", 14);
	in.p[1] |= role == FRAME_SERVER ? (char)0x80 : 0;
	says(&in, "error 1009\n", "2^63 - 1 bytes");
	buf_fini(&in);
}

/* --- group 5: fragments ---------------------------------------------------------------------- */

static void test_fragments(void)
{
	struct buf in = { 0 };

	add(&in, MORE(PING), STR("a"));
	says(&in, "error 1002\n", "5.1 a fragmented ping");
	add(&in, MORE(PONG), STR("a"));
	says(&in, "error 1002\n", "5.2 a fragmented pong");
	add(&in, MORE(TEXT), STR("fragment1"));
	add(&in, CONT, STR("fragment2"));
	says(&in, "text 18 fragment1fragment2\n", "5.3 two fragments");
	add(&in, MORE(TEXT), STR("fragment1"));
	add(&in, PING, STR("ping"));
	add(&in, CONT, STR("fragment2"));
	says(&in, "ping 4 ping\ntext 18 fragment1fragment2\n", "5.6 a ping between");
	add(&in, CONT, STR("x"));
	says(&in, "error 1002\n", "5.9 a continuation of nothing");
	add(&in, MORE(CONT), STR("x"));
	says(&in, "error 1002\n", "5.12 a fragment of nothing");
	add(&in, TEXT, STR("a"));
	add(&in, CONT, STR("x"));
	says(&in, "text 1 a\nerror 1002\n", "5.15 a continuation of what has ended");
	add(&in, MORE(TEXT), STR("a"));
	add(&in, TEXT, STR("b"));
	says(&in, "error 1002\n", "5.18 a text inside a text");
	add(&in, MORE(TEXT), STR("a"));
	add(&in, MORE(BINARY), STR("b"));
	says(&in, "error 1002\n", "a binary inside a text");
	for (int i = 0; i < 2; i++) {
		add(&in, i ? MORE(CONT) : MORE(BINARY), STR("f1"));
		add(&in, MORE(CONT), STR("f2"));
		add(&in, PING, STR("p1"));
		add(&in, MORE(CONT), STR(""));
		add(&in, PONG, STR("p2"));
		add(&in, MORE(CONT), STR("f3"));
	}
	add(&in, CONT, STR("f4"));
	says(&in, "ping 2 p1\npong 2 p2\nping 2 p1\npong 2 p2\nbinary 14 f1f2f3f1f2f3f4\n",
		"5.19 many with pings between");
	add(&in, MORE(TEXT), STR(""));
	add(&in, MORE(CONT), STR(""));
	add(&in, CONT, STR(""));
	add(&in, MORE(TEXT), STR(""));
	add(&in, CONT, STR("end"));
	add(&in, MORE(TEXT), STR("begin"));
	add(&in, CONT, STR(""));
	says(&in, "text 0 \ntext 3 end\ntext 5 begin\n", "empty fragments");
	add(&in, MORE(TEXT), STR("a"));
	add(&in, CLOSE, STR(""));
	add(&in, CONT, STR("b"));
	says(&in, "close 1005 0 \n", "a close between ends it");
	buf_fini(&in);
}

static void test_limits(void)
{
	struct frame_reader r;
	struct buf in = { 0 }, log = { 0 };

	for (int over = 0; over < 2; over++) {
		frame_reader_init(&r, role, 100);
		in.n = log.n = 0;
		add(&in, MORE(BINARY), letters(60));
		add(&in, CONT, letters(40 + (size_t)over));
		read_all(&r, in.p, in.n, in.n, 1, &log);
		ok(str_starts(buf_str(&log), over ? STR("error 1009") : STR("binary 100 ")),
			"fragments of %d bytes against a limit of 100", 100 + over);
		frame_reader_fini(&r);
	}
	frame_reader_init(&r, role, 100);
	in.n = log.n = 0;
	add(&in, BINARY, letters(101));
	is_int(read_all(&r, in.p, in.n, 1, 1, &log), 2 + mask_n(), "too large is known from the header");
	is_text(log.p, log.n, "error 1009\n", "and is 1009");
	frame_reader_fini(&r);
	for (int over = 0; over < 2; over++) {
		frame_reader_init(&r, role, 100);
		r.max_fragments = 3;
		in.n = log.n = 0;
		add(&in, MORE(BINARY), letters(0));
		add(&in, MORE(CONT), letters(0));
		if (over)
			add(&in, MORE(CONT), letters(0));
		add(&in, CONT, letters(0));
		read_all(&r, in.p, in.n, in.n, 1, &log);
		is_text(log.p, log.n, over ? "error 1009\n" : "binary 0 \n", "%d fragments of 3",
			3 + over);
		frame_reader_fini(&r);
	}
	frame_reader_init(&r, role, 100);
	in.n = log.n = 0;
	add(&in, MORE(BINARY), letters(0));
	for (int i = 2; i < FRAME_FRAGMENTS_MAX; i++)
		add(&in, MORE(CONT), letters(0));
	read_all(&r, in.p, in.n, in.n, 1, &log);
	is_int(log.n, 0, "65,535 fragments are fine");
	in.n = 0;
	add(&in, MORE(CONT), letters(0));
	add(&in, CONT, letters(0));
	read_all(&r, in.p, in.n, in.n, 1, &log);
	is_text(log.p, log.n, "error 1009\n", "65,537 are not");
	frame_reader_fini(&r);
	buf_fini(&in);
	buf_fini(&log);
}

/* --- group 6: UTF-8 -------------------------------------------------------------------------- */

static const char *const valid[] = {
	"Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!",
	"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
	"\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd",
	"\xf4\x8f\xbf\xbf", "\xef\xbf\xbe", "\xf0\x9f\xbf\xbe", "\xf4\x8f\xbf\xbe", "\x7f", "\xcf\xbf",
	"aaaaaaaaaaaaaaaaaaaaaaa\xc3\xa4", "aaaaaaaaaaaaaaaa\xf0\x9f\x98\x80 ccccccccc\xe2\x82\xac",
};

/* `good`: how many bytes may be read before it must fail. */
static const struct invalid {
	const char *text;
	size_t good;
} invalid[] = {
	{ "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80""edited", 12 }, /* 6.3, 6.4 */
	{ "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80""edited", 12 },
	{ "\xf8\x88\x80\x80\x80", 0 }, { "\xfc\x84\x80\x80\x80\x80", 0 }, { "\xfe", 0 }, { "\xff", 0 },
	{ "\xf7\xbf\xbf\xbf", 0 }, { "\xf5\x80\x80\x80", 0 }, { "\xf4\x90\x80\x80", 1 },
	{ "\x80", 0 }, { "\xbf", 0 }, { "\x80\xbf\x80\xbf", 0 }, { "a\x80", 1 },
	{ "\xc0\xaf", 0 }, { "\xc1\xbf", 0 }, { "\xe0\x80\xaf", 1 }, { "\xe0\x9f\xbf", 1 },
	{ "\xf0\x80\x80\xaf", 1 }, { "\xf0\x8f\xbf\xbf", 1 }, { "\xc0\x80", 0 },
	{ "\xed\xa0\x80", 1 }, { "\xed\xaf\xbf", 1 }, { "\xed\xb0\x80", 1 }, { "\xed\xbf\xbf", 1 },
	{ "\xed\xa0\x80\xed\xb0\x80", 1 }, { "\xc3 ", 1 }, { "\xe2\x82 ", 2 }, { "\xe2 \xac", 1 },
	{ "\xf0\x9f\x98 ", 3 }, { "\xf0\x9f\xc3\xa4", 2 }, { "\xc3\xc3", 1 },
	{ "\xe0\x9f\xbf""edited", 1 }, { "\xed\xa0\x80""edited", 1 }, { "\xc1\xbf""edited", 0 },
	{ "\xc3(edited", 1 }, { "\xe2(\xac""edited", 1 }, { "\xe2\x82(edited", 2 },
	{ "\xf0\x8f\xbf\xbf""edited", 1 }, { "\xef\xbf\xc0""edited", 2 },
	{ "aaaaaaaaaaaaaaaaaaaaaaaa\xc3(", 25 }, { "\xc3\xa4\xff", 2 },
};

static void test_valid_utf8(void)
{
	struct buf in = { 0 }, want = { 0 };

	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
		struct str s = str_of(valid[i]);

		line_of(&want, FRAME_MESSAGE, FRAME_TEXT, s);
		add(&in, TEXT, s);
		says(&in, buf_cstr(&want), "valid UTF-8");
		for (size_t k = 0; k < s.n; k++)
			add(&in, k ? MORE(CONT) : MORE(TEXT), str_make(s.p + k, 1));
		add(&in, CONT, STR(""));
		says(&in, buf_cstr(&want), "valid UTF-8, a byte a fragment");
	}
	buf_fini(&in);
	buf_fini(&want);
}

static void test_invalid_utf8(void)
{
	struct buf in = { 0 };

	for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
		struct str s = str_of(invalid[i].text);

		add(&in, TEXT, s);
		says(&in, "error 1007\n", "invalid UTF-8");
		for (size_t k = 0; k < s.n; k++) {
			add(&in, k ? MORE(CONT) : MORE(TEXT), str_make(s.p + k, 1));
			add(&in, PONG, STR(""));
		}
		add(&in, CONT, STR(""));
		for (size_t k = 0; k < in.n; k++)
			if (k == invalid[i].good * (5 + 2 * mask_n()) + 3 + mask_n())
				in.n = k; /* up to the frame that holds the first wrong byte */
		{
			struct buf want = { 0 };

			for (size_t k = 0; k < invalid[i].good; k++)
				buf_add_text(&want, "pong 0 \n");
			buf_add_text(&want, "error 1007\n");
			says(&in, buf_cstr(&want), "invalid UTF-8 fails at its first wrong byte");
			buf_fini(&want);
		}
	}
	add(&in, BINARY, STR("\xff\xfe\xc3"));
	says(&in, "binary 3 \xff\xfe\xc3\n", "binary may be anything");
	buf_fini(&in);
}

/* 6.4.3, 6.4.4: within one frame, given byte by byte. */
static void test_fail_fast(void)
{
	bool same = true;

	for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
		struct frame_reader r;
		struct buf in = { 0 }, log = { 0 };
		size_t given;

		frame_reader_init(&r, role, MAX);
		add(&in, MORE(TEXT), str_of(invalid[i].text));
		given = read_all(&r, in.p, in.n, 1, 1, &log);
		if (given != 2 + mask_n() + invalid[i].good + 1) {
			printf("# %zu: after %zu bytes\n", i, given);
			same = false;
		}
		frame_reader_fini(&r);
		buf_fini(&in);
		buf_fini(&log);
	}
	ok(same, "invalid UTF-8 fails at its first wrong byte within a frame");
}

static void test_cut_utf8(void)
{
	static const char *const cut[] = { "\xc3", "\xe2\x82", "\xf0\x9f\x98", "abcdefghijklmnop\xe2" };
	struct buf in = { 0 };

	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		add(&in, TEXT, str_of(cut[i]));
		says(&in, "error 1007\n", "a character cut by the end of its message");
		add(&in, MORE(TEXT), str_of(cut[i]));
		add(&in, CONT, STR(""));
		says(&in, "error 1007\n", "or by an empty last fragment");
		add(&in, MORE(TEXT), str_of(cut[i]));
		add(&in, PING, STR(""));
		says(&in, "ping 0 \n", "but not by a fragment or a ping");
	}
	buf_fini(&in);
}

/* --- group 7: closing ------------------------------------------------------------------------ */

static struct str close_payload(unsigned code, struct str reason)
{
	static char p[200];

	p[0] = (char)(code >> 8);
	p[1] = (char)code;
	if (reason.n)
		memcpy(p + 2, reason.p, reason.n);
	return str_make(p, reason.n + 2);
}

static void test_close_codes(void)
{
	static const unsigned good[] = { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012,
		1013, 1014, 3000, 3999, 4000, 4999 };
	static const unsigned bad[] = { 0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999,
		5000, 65535 };
	struct buf in = { 0 };
	char want[40];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(want, sizeof(want), "close %u 3 bye\n", good[i]);
		add(&in, CLOSE, close_payload(good[i], STR("bye")));
		says(&in, want, "a close code that may be said");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		add(&in, CLOSE, close_payload(bad[i], STR("")));
		says(&in, "error 1002\n", "a close code that may not");
	}
	buf_fini(&in);
}

static void test_closing(void)
{
	struct buf in = { 0 }, want = { 0 };

	add(&in, CLOSE, STR(""));
	says(&in, "close 1005 0 \n", "7.3.1 a close without a code");
	add(&in, CLOSE, STR("\x03"));
	says(&in, "error 1002\n", "7.3.2 half a code");
	add(&in, CLOSE, close_payload(1000, STR("")));
	says(&in, "close 1000 0 \n", "7.3.3 a code alone");
	add(&in, CLOSE, close_payload(1000, letters(123)));
	log_event(&want, FRAME_CLOSE_GOT, FRAME_CLOSE, letters(123), 1000);
	says(&in, buf_cstr(&want), "7.3.5 a reason of 123 bytes");
	add(&in, CLOSE, close_payload(1000, letters(124)));
	says(&in, "error 1002\n", "7.3.6 a reason of 124 bytes");
	add(&in, CLOSE, close_payload(1000, STR("\xce\xba\xed\xa0\x80")));
	says(&in, "error 1007\n", "7.5.1 a reason that is not UTF-8");
	add(&in, CLOSE, close_payload(1000, STR("\xce\xba\xe1\xbd")));
	says(&in, "error 1007\n", "a reason cut inside a character");
	add(&in, TEXT, STR("a"));
	add(&in, CLOSE, close_payload(1000, STR("")));
	add(&in, TEXT, STR("b"));
	add(&in, PING, STR(""));
	add(&in, 0xff, STR("junk"));
	says(&in, "text 1 a\nclose 1000 0 \n", "7.1 what follows a close is dropped");
	buf_fini(&in);
	buf_fini(&want);
}

/* --- views, memory, writing ------------------------------------------------------------------ */

static void test_no_copy(void)
{
	struct frame_reader r;
	struct buf in = { 0 };
	struct str payload;
	enum frame_op op;
	unsigned code;
	char *p;
	size_t n;

	frame_reader_init(&r, role, MAX);
	add(&in, TEXT, STR("hello"));
	add(&in, BINARY, STR("w"));
	p = in.p;
	n = in.n;
	is_int(frame_read(&r, &p, &n, &payload, &op, &code), FRAME_MESSAGE, "a message");
	ok(payload.p == in.p + 2 + mask_n() && payload.n == 5 && op == FRAME_TEXT,
		"as a view of the input");
	ok(p == in.p + 7 + mask_n() && n == 3 + mask_n(), "and nothing else is taken");
	is_int(frame_read(&r, &p, &n, &payload, &op, &code), FRAME_MESSAGE, "the next");
	ok(op == FRAME_BINARY && n == 0, "is there");
	is_int(frame_read(&r, &p, &n, &payload, &op, &code), FRAME_NONE, "and then nothing");
	is_int(r.message.cap, 0, "no buffer was needed");
	frame_reader_fini(&r);
	buf_fini(&in);
}

static void test_shrink(void)
{
	struct frame_reader r;
	struct buf in = { 0 }, log = { 0 };

	frame_reader_init(&r, role, MAX);
	add(&in, TEXT, letters(5000));
	read_all(&r, in.p, 2000, 2000, 1, &log);
	frame_reader_shrink(&r);
	ok(r.message.n == 2000 - 4 - mask_n(), "a message half read is kept");
	read_all(&r, in.p + 2000, in.n - 2000, in.n, 1, &log);
	ok(str_starts(buf_str(&log), STR("text 5000 ")), "and then comes whole");
	frame_reader_shrink(&r);
	is_int(r.message.cap, 0, "an idle reader keeps no buffer");
	buf_fini(&in);
	buf_fini(&log);
	frame_reader_fini(&r);
}

static void is_bytes(const struct buf *b, struct str want, const char *what)
{
	ok(str_eq(buf_str(b), want), "%s", what);
}

static void test_writing(void)
{
	struct buf out = { 0 };
	unsigned char head[FRAME_HEAD_MAX];

	frame_add(&out, FRAME_TEXT, STR("Hello"));
	is_bytes(&out, STR("\x81\x05Hello"), "the example of RFC 6455 5.7");
	is_int(frame_head(head, FRAME_BINARY, 125), 2, "125 in one byte");
	is_int(frame_head(head, FRAME_BINARY, 126), 4, "126 in two");
	ok(memcmp(head, "\x82\x7e\x00\x7e", 4) == 0, "as the RFC has it");
	is_int(frame_head(head, FRAME_BINARY, 65535), 4, "65535 in two");
	is_int(frame_head(head, FRAME_BINARY, 65536), 10, "65536 in eight");
	ok(memcmp(head, "\x82\x7f\0\0\0\0\0\1\0\0", 10) == 0, "as the RFC has it");
	out.n = 0;
	frame_add(&out, FRAME_PONG, str_make(NULL, 0));
	is_bytes(&out, STR("\x8a\x00"), "an empty pong");
	out.n = 0;
	frame_add_close(&out, 1001, STR("bye"));
	is_bytes(&out, STR("\x88\x05\x03\xe9""bye"), "a close");
	out.n = 0;
	frame_add_close(&out, FRAME_NO_CODE, STR("bye"));
	is_bytes(&out, STR("\x88\x00"), "a close without a code");
	out.n = 0;
	frame_add_close(&out, 1000, letters(124));
	ok(out.n == 127 && out.p[1] == 125, "a reason is cut at 123 bytes");
	for (size_t before = 120; before < 123; before++) {
		struct buf reason = { 0 };

		out.n = 0;
		buf_add_str(&reason, letters(before));
		buf_add_text(&reason, "\xf0\x9f\x98\x80");
		frame_add_close(&out, 1000, buf_str(&reason));
		is_int(out.n, 4 + before, "never inside a character (%zu)", before);
		buf_fini(&reason);
	}
	buf_fini(&out);
}

/* What is written masked is read again, under any mask. */
static void test_masked(void)
{
	static const size_t lengths[] = { 0, 1, 7, 8, 9, 125, 126, 65535, 65536 };
	struct buf out = { 0 }, want = { 0 }, log = { 0 };

	frame_add_masked(&out, FRAME_TEXT, STR("Hello"), 0);
	memcpy(out.p + 2, "\x37\xfa\x21\x3d", 4); /* the example of RFC 6455 5.7 */
	{
		uint32_t mask;

		memcpy(&mask, out.p + 2, 4);
		out.n = 0;
		frame_add_masked(&out, FRAME_TEXT, STR("Hello"), mask);
	}
	is_bytes(&out, STR("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
		"the masked example of RFC 6455 5.7");
	out.n = 0;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		frame_add_masked(&out, FRAME_TEXT, letters(lengths[i]), (uint32_t)rnd());
		log_event(&want, FRAME_MESSAGE, FRAME_TEXT, letters(lengths[i]), 0);
	}
	frame_add_masked(&out, FRAME_PING, str_make(NULL, 0), (uint32_t)rnd());
	log_event(&want, FRAME_PING_GOT, FRAME_PING, STR(""), 0);
	role = FRAME_SERVER;
	read_fresh(&out, out.n, out.n, &log);
	ok(str_eq(buf_str(&log), buf_str(&want)), "masked frames of every width are read again");
	buf_fini(&out);
	buf_fini(&want);
	buf_fini(&log);
}

static void is_sha1(struct str s, const char *want)
{
	unsigned char digest[SHA1_BYTES];
	char hex[2 * SHA1_BYTES + 1];

	sha1(s.p, s.n, digest);
	for (int i = 0; i < SHA1_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	is_text(hex, strlen(hex), want, "SHA-1 of %zu bytes", s.n);
}

/* RFC 3174 7.3, and every way the last block can fall. */
static void test_sha1(void)
{
	struct buf b = { 0 };

	is_sha1(STR(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	is_sha1(STR("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
	is_sha1(STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
		"84983e441c3bd26ebaae4aa1f95129e5e54670f1");
	memset(buf_reserve(&b, 1000000), 'a', 1000000);
	is_sha1(str_make(b.p, 55), "c1c8bbdc22796e28c0e15163d20899b65621d65a");
	is_sha1(str_make(b.p, 56), "c2db330f6083854c99d4b5bfb6e8f29f201be699");
	is_sha1(str_make(b.p, 64), "0098ba824b5c16427bd7a1122a5a442a25ec644d");
	is_sha1(str_make(b.p, 1000000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
	buf_fini(&b);
}

static void test_accept_key(void)
{
	static const char *const bad[] = { "", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ",
		"dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZQA=", "dGhlIHNhbXBsZSBub25j QQ==",
		"dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZSBub25j_Q==", "dGhlIHNhbXBsZSBub25jZQAA" };
	char out[29];

	ok(frame_accept_key(STR("dGhlIHNhbXBsZSBub25jZQ=="), out), "the key of RFC 6455 1.3");
	is_text(out, strlen(out), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "and its answer");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!frame_accept_key(str_of(bad[i]), out), "no key: '%s'", bad[i]);
	ok(!frame_accept_key(STR("dGhlIHNhbXBsZSBu\0" "25jZQ=="), out), "no key with a NUL");
}

/* --- random frames against a naive reader ---------------------------------------------------- */

/* One frame at a time, from the front of a byte string that is all there. */
struct naive {
	struct buf message;
	bool in_message, text, over;
};

static bool naive_close_code(unsigned c)
{
	return (c >= 3000 && c <= 4999) || (c >= 1000 && c <= 1003) || (c >= 1007 && c <= 1014);
}

static void naive_fail(struct naive *m, struct buf *log, unsigned code)
{
	log_event(log, FRAME_ERROR, FRAME_CONT, STR(""), code);
	m->over = true;
}

static void naive_control(struct naive *m, unsigned op, struct str s, struct buf *log)
{
	unsigned code = FRAME_NO_CODE;
	bool fine = true;

	if (op != FRAME_CLOSE) {
		log_event(log, op == FRAME_PING ? FRAME_PING_GOT : FRAME_PONG_GOT, op, s, 0);
		return;
	}
	m->over = true;
	if (s.n >= 2) {
		code = (unsigned)(unsigned char)s.p[0] << 8 | (unsigned char)s.p[1];
		s = str_skip(s, 2);
		fine = naive_close_code(code);
	}
	if (!fine)
		naive_fail(m, log, 1002);
	else if (!str_utf8(s))
		naive_fail(m, log, 1007);
	else
		log_event(log, FRAME_CLOSE_GOT, FRAME_CLOSE, s, code);
}

/* Is it the beginning of UTF-8 text? Whether any ending makes it whole. */
static bool naive_prefix(struct str s)
{
	static const char *const ends[] = { "", "\x80", "\x80\x80", "\xa0\x80", "\x80\x80\x80",
		"\x90\x80\x80" };
	struct buf b = { 0 };
	bool fine = false;

	for (size_t i = 0; !fine && i < sizeof(ends) / sizeof(ends[0]); i++) {
		b.n = 0;
		buf_add_str(&b, s);
		buf_add_text(&b, ends[i]);
		fine = str_utf8(buf_str(&b));
	}
	buf_fini(&b);
	return fine;
}

static void naive_data(struct naive *m, unsigned op, bool fin, struct str s, struct buf *log)
{
	if (op != FRAME_CONT) {
		m->message.n = 0;
		m->text = op == FRAME_TEXT;
	}
	buf_add_str(&m->message, s);
	m->in_message = !fin;
	if (m->text && !(fin ? str_utf8(buf_str(&m->message)) : naive_prefix(buf_str(&m->message))))
		naive_fail(m, log, 1007);
	else if (fin)
		log_event(log, FRAME_MESSAGE, m->text ? FRAME_TEXT : FRAME_BINARY,
			buf_str(&m->message), 0);
}

static bool naive_bad_start(const struct naive *m, const unsigned char *p)
{
	unsigned op = p[0] & 15, n = p[1] & 127;

	return (p[0] & 0x70) || (op > 2 && op < 8) || op > 10 ||
		!(p[1] & 0x80) == (role == FRAME_SERVER) ||
		(op >= 8 && (!(p[0] & 0x80) || n > 125 || (op == 8 && n == 1))) ||
		(op < 8 && (op == 0) != m->in_message);
}

static void naive_payload(struct naive *m, const unsigned char *head, const unsigned char *p,
	size_t n, bool whole, struct buf *log)
{
	unsigned op = head[0] & 15;
	char *text = malloc(n + 1);

	if (!text)
		abort();
	for (size_t i = 0; i < n; i++)
		text[i] = (char)(mask_n() ? p[i] ^ p[(int)(i % 4) - 4] : p[i]);
	if (op < 8)
		naive_data(m, op, (head[0] & 0x80) && whole, str_make(text, n), log);
	else if (whole)
		naive_control(m, op, str_make(text, n), log);
	free(text);
}

/* The frame, whole or not, at the front of what is there; returns its length. */
static size_t naive_frame(struct naive *m, const unsigned char *p, size_t have, size_t max,
	struct buf *log)
{
	uint64_t n = have < 2 ? 0 : p[1] & 127;
	size_t width = n == 126 ? 2 : n == 127 ? 8 : 0, head = 2 + width + mask_n();

	if (have >= 2 && naive_bad_start(m, p)) {
		naive_fail(m, log, 1002);
		return have;
	}
	if (have < head)
		return have;
	if (width)
		n = 0;
	for (size_t i = 0; i < width; i++)
		n = n << 8 | p[2 + i];
	if (width && (n < 126 || (width == 8 && n < 65536) || n >> 63))
		naive_fail(m, log, 1002);
	else if ((p[0] & 15) < 8 && n + (p[0] & 15 ? 0 : m->message.n) > max)
		naive_fail(m, log, 1009);
	else if (have - head < n)
		naive_payload(m, p, p + head, have - head, false, log);
	else
		naive_payload(m, p, p + head, n, true, log);
	return m->over || have - head < n ? have : head + n;
}

/* Bytes that are mostly text, with everything that may go wrong now and then. */
static struct str random_payload(char *out, size_t n, bool wild)
{
	static const char *const runes[] = { "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
		"\xed\x9f\xbf", "\xe0\xa0\x80", "\xf4\x8f\xbf\xbf" };
	size_t at = 0;

	while (at < n) {
		const char *rune = runes[rnd() % 6];

		if (rnd() % 8 == 0 && at + strlen(rune) <= n) {
			memcpy(out + at, rune, strlen(rune));
			at += strlen(rune);
		} else {
			out[at++] = (char)('a' + rnd() % 26);
		}
	}
	if (wild && n)
		out[rnd() % n] = (char)rnd();
	return str_make(out, n);
}

static size_t random_length(void)
{
	static const size_t edges[] = { 0, 1, 7, 8, 15, 16, 17, 125, 126, 127, 200 };

	if (rnd() % 400 == 0)
		return 65530 + rnd() % 12;
	return rnd() % 2 ? edges[rnd() % 11] : rnd() % 60;
}

/* Adds a frame that is right more often than not where `open` says a message is open. */
static void add_random(struct buf *in, bool *open)
{
	static char text[70000];
	unsigned op = rnd() % 40 == 0 ? (unsigned)rnd() & 15 :
		rnd() % 5 == 0        ? 8 + (unsigned)(rnd() % 12 != 0) * (1 + (unsigned)rnd() % 2) :
		*open                 ? 0 : 1 + (unsigned)rnd() % 2;
	bool fin = op >= 8 || rnd() % 3;
	size_t n = random_length(), at = in->n;
	struct str s = random_payload(text, op >= 8 && n > 125 && rnd() % 50 ? n % 126 : n,
		rnd() % 60 == 0);

	if (op == 8 && s.n >= 2 && rnd() % 4) {
		text[0] = 3;
		text[1] = (char)(0xe8 + rnd() % 16);
	}
	if (op < 8)
		*open = !fin;
	add_wide(in, (fin ? 0x80 : 0) | op, s, rnd() % 150 ? 0 : s.n < 126 && rnd() % 2 ? 2 : 8);
	if (rnd() % 300 == 0)
		in->p[at + rnd() % 2] ^= (char)(1 << rnd() % 8);
}

static void read_naively(const struct buf *in, size_t max, struct buf *log, size_t *frames)
{
	struct naive m = { .over = false };

	log->n = 0;
	for (size_t at = 0; !m.over && at < in->n; ++*frames)
		at += naive_frame(&m, (const unsigned char *)in->p + at, in->n - at, max, log);
	buf_fini(&m.message);
}

static void read_in_random_pieces(const struct buf *in, size_t max, struct buf *log)
{
	struct frame_reader r;

	log->n = 0;
	frame_reader_init(&r, role, max);
	for (size_t give, done = 0; done < in->n && !r.failed; done += give) {
		give = rnd() % 3 ? 1 + rnd() % 40 : 1 + rnd() % 5000;
		give = give < in->n - done ? give : in->n - done;
		read_all(&r, in->p + done, give, give, give, log);
		if (rnd() % 10 == 0)
			frame_reader_shrink(&r);
	}
	frame_reader_fini(&r);
}

static void test_model(void)
{
	struct buf in = { 0 }, want = { 0 }, got = { 0 };
	size_t frames = 0;
	bool same = true;
	uint64_t from = 0;

	while (same && frames < 200000) {
		size_t max = ++from % 3 ? MAX : 300;
		bool open = false;

		seed = from;
		in.n = 0;
		for (int i = 0; i < 40; i++)
			add_random(&in, &open);
		read_naively(&in, max, &want, &frames);
		read_in_random_pieces(&in, max, &got);
		same = str_eq(buf_str(&want), buf_str(&got));
	}
	if (!ok(same, "%zu random frames are read as the naive reader reads them", frames))
		printf("# seed %llu\n# want %.*s# got %.*s", (unsigned long long)from, (int)want.n,
			want.p, (int)got.n, got.p);
	ok(frames >= 100000, "enough of them");
	buf_fini(&in);
	buf_fini(&want);
	buf_fini(&got);
}

static void test_reading(enum frame_role as)
{
	role = as;
	test_lengths();
	test_pings();
	test_reserved();
	test_malformed();
	test_fragments();
	test_limits();
	test_valid_utf8();
	test_invalid_utf8();
	test_fail_fast();
	test_cut_utf8();
	test_close_codes();
	test_closing();
	test_no_copy();
	test_shrink();
	test_model();
}

int main(void)
{
	test_reading(FRAME_SERVER);
	test_reading(FRAME_CLIENT);
	test_writing();
	test_masked();
	test_sha1();
	test_accept_key();
	return tap_done();
}
