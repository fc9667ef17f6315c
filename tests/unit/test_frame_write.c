/* test_frame_write.c - writing WebSocket frames, plain and masked, and the answer to a handshake's key */
#include "unit/frame_peer.h"

#include "codec/sha1.h"

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

int main(void)
{
	test_writing();
	test_masked();
	test_sha1();
	test_accept_key();
	return tap_done();
}
