/* test_frame.c - reading WebSocket frames: the groups of the Autobahn suite at every split, as a server
 * and as a client */
#include "unit/frame_peer.h"

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

/* --- views, memory --------------------------------------------------------------------------- */

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
}

int main(void)
{
	test_reading(FRAME_SERVER);
	test_reading(FRAME_CLIENT);
	return tap_done();
}
