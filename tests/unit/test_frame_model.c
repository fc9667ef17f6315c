/* test_frame_model.c - random frames, as a server and as a client, against a reader written the slow
 * way */
#include "unit/frame_peer.h"

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

int main(void)
{
	role = FRAME_SERVER;
	test_model();
	role = FRAME_CLIENT;
	test_model();
	return tap_done();
}
