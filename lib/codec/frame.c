/* frame.c - WebSocket framing, RFC 6455, both sides of it
 *
 * A publisher may send hundreds of thousands of small frames a second, so a frame that lies whole
 * in the input costs one pass: unmasked in place, eight bytes at a time, and found to be ASCII
 * (hence UTF-8) on the way. Only what is not ASCII is looked at again, and only what is split over
 * frames or reads is copied.
 *
 * Reading alternates between a header (collected in `head`, then checked, first what its two first
 * bytes tell and then the length) and its payload, which is taken as it comes:
 *
 *	head  --take_head-->  in_payload, left  --take_data, take_control-->  event or next head
 *
 * Not here: extensions (RSV bits are errors), the handshake but for its key, and what to do about
 * an event: the caller echoes pings and close frames. */
#include "codec/frame.h"

#include "codec/sha1.h"

#define PROTOCOL_ERROR 1002
#define NOT_UTF8       1007
#define TOO_LARGE      1009

#define FIN    0x80
#define RSV    0x70
#define MASKED 0x80

#define HIGH_BITS UINT64_C(0x8080808080808080)

/* --- writing ------------------------------------------------------------------------------- */

static void store_be(unsigned char *p, uint64_t v, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--, v >>= 8)
		p[i] = (unsigned char)v;
}

/* RFC 6455 5.2 */
size_t frame_head(unsigned char out[FRAME_HEAD_MAX], enum frame_op op, uint64_t n)
{
	out[0] = (unsigned char)(FIN | op);
	if (n < 126) {
		out[1] = (unsigned char)n;
		return 2;
	}
	if (n < 65536) {
		out[1] = 126;
		store_be(out + 2, n, 2);
		return 4;
	}
	out[1] = 127;
	store_be(out + 2, n, 8);
	return 10;
}

void frame_add(struct buf *out, enum frame_op op, struct str payload)
{
	unsigned char head[FRAME_HEAD_MAX];
	size_t n = frame_head(head, op, payload.n);

	buf_reserve(out, n + payload.n);
	buf_add(out, head, n);
	buf_add_str(out, payload);
}

size_t frame_close(char payload[FRAME_CONTROL_MAX], unsigned code, struct str reason)
{
	if (code == FRAME_NO_CODE)
		return 0;
	reason = str_head(reason, FRAME_CONTROL_MAX - 2);
	store_be((unsigned char *)payload, code, 2);
	if (reason.n > 0)
		memcpy(payload + 2, reason.p, reason.n);
	return reason.n + 2;
}

void frame_add_close(struct buf *out, unsigned code, struct str reason)
{
	char payload[FRAME_CONTROL_MAX];
	size_t n = frame_close(payload, code, reason);

	frame_add(out, FRAME_CLOSE, str_make(payload, n));
}

/* --- masks and UTF-8 ------------------------------------------------------------------- */

static uint64_t load(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

void frame_add_masked(struct buf *out, enum frame_op op, struct str payload, uint32_t mask)
{
	uint64_t mask8 = (uint64_t)mask << 32 | mask;
	unsigned char head[FRAME_HEAD_MAX], key[4];
	size_t n = frame_head(head, op, payload.n), at = 0;
	char *p = buf_reserve(out, n + sizeof(key) + payload.n);

	head[1] |= MASKED;
	memcpy(key, &mask, sizeof(key));
	memcpy(p, head, n);
	memcpy(p + n, key, sizeof(key));
	p += n + sizeof(key);
	for (; payload.n - at >= 8; at += 8) {
		uint64_t word = load(payload.p + at) ^ mask8;

		memcpy(p + at, &word, sizeof(word));
	}
	for (; at < payload.n; at++)
		p[at] = (char)((unsigned char)payload.p[at] ^ key[at & 3]);
	out->n += n + sizeof(key) + payload.n;
}

static size_t ascii_run(const char *p, size_t n)
{
	size_t i = 0;

	for (; n - i >= 32; i += 32) {
		uint64_t a = load(p + i) | load(p + i + 8), b = load(p + i + 16) | load(p + i + 24);

		if ((a | b) & HIGH_BITS)
			break;
	}
	while (n - i >= 8 && (load(p + i) & HIGH_BITS) == 0)
		i += 8;
	while (i < n && (unsigned char)p[i] < 0x80)
		i++;
	return i;
}

/* Unmasks n bytes (RFC 6455 5.3), going on in the mask where the last call stopped. Returns whether
 * they are all ASCII. */
static bool unmask(struct frame_reader *r, char *p, size_t n)
{
	unsigned char key[8];
	uint64_t word, seen = 0;
	unsigned char rest = 0;
	size_t i = 0;

	for (unsigned k = 0; k < 8; k++)
		key[k] = r->mask[(r->mask_at + k) & 3];
	memcpy(&word, key, sizeof(word));
	for (; n - i >= 16; i += 16) {
		uint64_t a = load(p + i) ^ word, b = load(p + i + 8) ^ word;

		memcpy(p + i, &a, sizeof(a));
		memcpy(p + i + 8, &b, sizeof(b));
		seen |= a | b;
	}
	for (; n - i >= 8; i += 8) {
		uint64_t a = load(p + i) ^ word;

		memcpy(p + i, &a, sizeof(a));
		seen |= a;
	}
	for (; i < n; i++) {
		p[i] = (char)((unsigned char)p[i] ^ key[i & 7]);
		rest |= (unsigned char)p[i];
	}
	r->mask_at = (unsigned)((r->mask_at + n) & 3);
	return ((seen & HIGH_BITS) | (rest & 0x80)) == 0;
}

/* The state of the UTF-8 check is what the next byte must be: how many bytes are to come, and the
 * lowest and highest the next may be. So a sequence fails on the first byte that cannot continue it
 * (RFC 3629 4: nothing overlong, no surrogates, nothing above U+10FFFF), not at its end. */
#define UTF8_STATE(more, low, high) \
	((uint32_t)(more) | (uint32_t)(low) << 8 | (uint32_t)(high) << 16)
#define UTF8_BROKEN UINT32_MAX

static uint32_t utf8_begin(unsigned char c)
{
	if (c < 0x80)
		return 0;
	if (c < 0xc2)
		return UTF8_BROKEN;
	if (c < 0xe0)
		return UTF8_STATE(1, 0x80, 0xbf);
	if (c < 0xf0)
		return UTF8_STATE(2, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf);
	if (c < 0xf5)
		return UTF8_STATE(3, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf);
	return UTF8_BROKEN;
}

static uint32_t utf8_next(uint32_t state, unsigned char c)
{
	uint32_t more = state & 0xff;

	if (c < (state >> 8 & 0xff) || c > state >> 16)
		return UTF8_BROKEN;
	return more == 1 ? 0 : UTF8_STATE(more - 1, 0x80, 0xbf);
}

static bool is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* How many bytes at the front are whole characters of two or three bytes, without those whose
 * second byte is special and those near the end: most text beyond ASCII passes the state by here.
 */
static size_t wide_run(const char *bytes, size_t n)
{
	const unsigned char *p = (const unsigned char *)bytes, *end = p + n;

	while (end - p >= 4) {
		if (p[0] >= 0xc2 && p[0] < 0xe0 && is_tail(p[1]))
			p += 2;
		else if (p[0] > 0xe0 && p[0] < 0xed && is_tail(p[1]) && is_tail(p[2]))
			p += 3;
		else
			break;
	}
	return (size_t)(p - (const unsigned char *)bytes);
}

/* Takes the state over n bytes; false as soon as they can be in no UTF-8 text. */
static bool utf8_check(uint32_t *state, const char *p, size_t n)
{
	uint32_t s = *state;

	for (size_t i = 0; i < n; i++) {
		if (s == 0) {
			i += ascii_run(p + i, n - i);
			i += wide_run(p + i, n - i);
			if (i == n)
				break;
		}
		s = s == 0 ? utf8_begin((unsigned char)p[i]) : utf8_next(s, (unsigned char)p[i]);
		if (s == UTF8_BROKEN)
			return false;
	}
	*state = s;
	return true;
}

/* --- headers ------------------------------------------------------------------------------- */

static bool is_control(unsigned char op)
{
	return op & 8;
}

static bool is_known(unsigned char op)
{
	return op <= FRAME_BINARY || (op >= FRAME_CLOSE && op <= FRAME_PONG);
}

/* What the first two bytes tell, RFC 6455 5.1, 5.2, 5.4 and 5.5. Returns 0 or a close code. */
static unsigned check_start(const struct frame_reader *r)
{
	unsigned char op = r->head[0] & 0x0f, n = r->head[1] & 0x7f;
	bool masked = r->head[1] & MASKED;
	bool fine = !(r->head[0] & RSV) && is_known(op) && masked == (r->role == FRAME_SERVER);

	if (!is_control(op))
		fine = fine && (op == FRAME_CONT) == r->in_message;
	else
		fine = fine && (r->head[0] & FIN) && n <= FRAME_CONTROL_MAX &&
			!(op == FRAME_CLOSE && n == 1);
	return fine ? 0 : PROTOCOL_ERROR;
}

static unsigned mask_bytes(const struct frame_reader *r)
{
	return r->role == FRAME_SERVER ? 4 : 0;
}

static unsigned length_bytes(const struct frame_reader *r)
{
	unsigned n = r->head[1] & 0x7f;

	return n == 126 ? 2 : n == 127 ? 8 : 0;
}

/* The payload length, in the fewest bytes possible (5.2). Returns 0 or a close code. */
static unsigned read_length(struct frame_reader *r)
{
	unsigned bytes = length_bytes(r);

	r->left = bytes ? 0 : r->head[1] & 0x7f;
	for (unsigned i = 0; i < bytes; i++)
		r->left = r->left << 8 | r->head[2 + i];
	if (bytes == 2 && r->left < 126)
		return PROTOCOL_ERROR;
	if (bytes == 8 && (r->left < 65536 || r->left >> 63))
		return PROTOCOL_ERROR;
	return 0;
}

/* A data frame joins its message. Returns 0 or a close code. */
static unsigned begin_data(struct frame_reader *r)
{
	unsigned max = r->max_fragments ? r->max_fragments : FRAME_FRAGMENTS_MAX;

	if (r->op != FRAME_CONT) {
		r->message_op = r->op;
		r->message.n = 0;
		r->fragments = 0;
	}
	if (r->message.n > r->max_message || r->left > r->max_message - r->message.n)
		return TOO_LARGE;
	if (++r->fragments > max)
		return TOO_LARGE;
	r->in_message = true;
	return 0;
}

/* The header is whole. Returns 0 or a close code. */
static unsigned begin_frame(struct frame_reader *r)
{
	unsigned code = read_length(r);

	if (code)
		return code;
	if (r->role == FRAME_SERVER)
		memcpy(r->mask, r->head + r->head_want - 4, 4);
	r->mask_at = 0;
	r->op = r->head[0] & 0x0f;
	r->fin = r->head[0] & FIN;
	r->control_n = 0;
	r->in_payload = true;
	return is_control(r->op) ? 0 : begin_data(r);
}

/* Collects a header: two bytes, which tell how many more. Returns 0 or a close code; when
 * r->in_payload is still false, the input was too short. */
static unsigned take_head(struct frame_reader *r, char **p, size_t *n)
{
	unsigned code = 0;

	while (code == 0 && !r->in_payload && *n > 0) {
		size_t want = r->head_want - r->head_n, take = *n < want ? *n : want;

		memcpy(r->head + r->head_n, *p, take);
		r->head_n += (unsigned)take;
		*p += take;
		*n -= take;
		if (r->head_n == 2) {
			code = check_start(r);
			r->head_want = 2 + length_bytes(r) + mask_bytes(r);
		}
		if (code == 0 && r->head_n == r->head_want)
			code = begin_frame(r);
	}
	return code;
}

static void end_frame(struct frame_reader *r)
{
	r->in_payload = false;
	r->head_n = 0;
	r->head_want = 2;
}

/* --- payloads ------------------------------------------------------------------------------ */

/* The next run of the payload, unmasked. */
static struct str take_payload(struct frame_reader *r, char **p, size_t *n, bool *ascii)
{
	size_t take = *n < r->left ? *n : (size_t)r->left;
	struct str run = str_make(*p, take);

	*ascii = r->role == FRAME_SERVER ? unmask(r, *p, take) : ascii_run(*p, take) == take;
	*p += take;
	*n -= take;
	r->left -= take;
	return run;
}

static enum frame_event fail(struct frame_reader *r, unsigned *code, unsigned why)
{
	r->failed = *code = why;
	return FRAME_ERROR;
}

/* Nearly every frame is a whole message and lies whole in the input: those pass by here.
 * FRAME_NONE, with nothing taken: it is another. */
static enum frame_event take_whole(struct frame_reader *r, char **p, size_t *n,
	struct str *payload, unsigned *code)
{
	const unsigned char *head = (const unsigned char *)*p;
	size_t head_n = 2 + mask_bytes(r), payload_n;
	bool ascii;

	if (r->in_payload || r->in_message || r->head_n > 0 || *n < head_n + 2)
		return FRAME_NONE;
	if ((head[0] != (FIN | FRAME_TEXT) && head[0] != (FIN | FRAME_BINARY)) ||
		(head[1] & MASKED ? FRAME_SERVER : FRAME_CLIENT) != r->role)
		return FRAME_NONE;
	payload_n = head[1] & 0x7f;
	if (payload_n == 127)
		return FRAME_NONE;
	if (payload_n == 126) {
		payload_n = (size_t)head[2] << 8 | head[3];
		head_n += 2;
		if (payload_n < 126)
			return FRAME_NONE;
	}
	if (payload_n > r->max_message || *n < head_n + payload_n)
		return FRAME_NONE;
	r->message_op = head[0] & 0x0f;
	memcpy(r->mask, head + head_n - 4, r->role == FRAME_SERVER ? 4 : 0);
	r->mask_at = 0;
	r->left = payload_n;
	*p += head_n;
	*n -= head_n;
	*payload = take_payload(r, p, n, &ascii);
	if (ascii || r->message_op == FRAME_BINARY)
		return FRAME_MESSAGE;
	if (utf8_check(&r->utf8, payload->p, payload->n) && r->utf8 == 0)
		return FRAME_MESSAGE;
	*payload = str_make(NULL, 0);
	return fail(r, code, NOT_UTF8);
}

static enum frame_event take_data(struct frame_reader *r, char **p, size_t *n, struct str *payload,
	unsigned *code)
{
	bool ascii, last;
	struct str run = take_payload(r, p, n, &ascii);

	last = r->fin && r->left == 0;
	if (r->message_op == FRAME_TEXT) {
		if (!(ascii && r->utf8 == 0) && !utf8_check(&r->utf8, run.p, run.n))
			return fail(r, code, NOT_UTF8);
		if (last && r->utf8 != 0)
			return fail(r, code, NOT_UTF8);
	}
	if (r->left == 0)
		end_frame(r);
	if (last && r->message.n == 0) {
		r->in_message = false;
		*payload = run;
		return FRAME_MESSAGE;
	}
	if (run.n > 0)
		buf_add(&r->message, run.p, run.n);
	if (!last)
		return FRAME_NONE;
	r->in_message = false;
	*payload = buf_str(&r->message);
	return FRAME_MESSAGE;
}

/* What a peer may say, RFC 6455 7.4 and the registry of its 11.7 (1012 to 1014 came later). */
static bool is_close_code(unsigned code)
{
	if (code >= 3000)
		return code <= 4999;
	return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

/* RFC 6455 5.5.1. check_start saw to it that there is no code of one byte. */
static enum frame_event take_close(struct frame_reader *r, struct str *payload, unsigned *code)
{
	*code = FRAME_NO_CODE;
	if (payload->n > 0) {
		const unsigned char *p = (const unsigned char *)payload->p;
		unsigned said = (unsigned)p[0] << 8 | p[1];

		if (!is_close_code(said))
			return fail(r, code, PROTOCOL_ERROR);
		*payload = str_skip(*payload, 2);
		if (!str_utf8(*payload))
			return fail(r, code, NOT_UTF8);
		*code = said;
	}
	r->closed = true;
	frame_reader_fini(r);
	return FRAME_CLOSE_GOT;
}

static enum frame_event take_control(struct frame_reader *r, char **p, size_t *n,
	struct str *payload, unsigned *code)
{
	bool ascii;
	struct str run = take_payload(r, p, n, &ascii);

	if (r->left > 0 || r->control_n > 0) {
		if (run.n > 0)
			memcpy(r->control + r->control_n, run.p, run.n);
		r->control_n += (unsigned)run.n;
		run = str_make((char *)r->control, r->control_n);
	}
	if (r->left > 0)
		return FRAME_NONE;
	end_frame(r);
	*payload = run;
	if (r->op == FRAME_CLOSE)
		return take_close(r, payload, code);
	return r->op == FRAME_PING ? FRAME_PING_GOT : FRAME_PONG_GOT;
}

static enum frame_event read_events(struct frame_reader *r, char **p, size_t *n,
	struct str *payload, unsigned *code)
{
	enum frame_event event = take_whole(r, p, n, payload, code);

	while (event == FRAME_NONE && (*n > 0 || (r->in_payload && r->left == 0))) {
		if (!r->in_payload) {
			unsigned wrong = take_head(r, p, n);

			if (wrong)
				return fail(r, code, wrong);
			if (!r->in_payload)
				break;
		}
		event = is_control(r->op) ? take_control(r, p, n, payload, code) :
					    take_data(r, p, n, payload, code);
	}
	return event;
}

enum frame_event frame_read(struct frame_reader *r, char **p, size_t *n, struct str *payload,
	enum frame_op *op, unsigned *code)
{
	enum frame_event event;

	*payload = str_make(NULL, 0);
	if (r->failed)
		return fail(r, code, r->failed);
	if (r->closed) {
		*p += *n;
		*n = 0;
		return FRAME_NONE;
	}
	event = read_events(r, p, n, payload, code);
	if (event == FRAME_MESSAGE)
		*op = r->message_op;
	return event;
}

void frame_reader_init(struct frame_reader *r, enum frame_role role, size_t max_message)
{
	*r = (struct frame_reader){ .role = role, .max_message = max_message, .head_want = 2 };
}

void frame_reader_fini(struct frame_reader *r)
{
	buf_fini(&r->message);
}

bool frame_reader_idle(const struct frame_reader *r)
{
	return r->head_n == 0 && !r->in_payload && !r->in_message && !r->closed && !r->failed;
}

void frame_reader_shrink(struct frame_reader *r)
{
	if (r->in_message)
		return;
	r->message.n = 0;
	buf_shrink(&r->message, 0);
}

/* --- the handshake's key ------------------------------------------------------------------- */

static bool is_key(struct str key)
{
	static const char base64[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	if (key.n != 24 || key.p[22] != '=' || key.p[23] != '=')
		return false;
	for (size_t i = 0; i < 22; i++)
		if (key.p[i] == '\0' || !strchr(base64, key.p[i]))
			return false;
	return true;
}

bool frame_accept_key(struct str key, char out[29])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char text[24 + sizeof(guid)];
	unsigned char digest[SHA1_BYTES];
	struct buf accept = { .p = out, .cap = 29 };

	if (!is_key(key))
		return false;
	memcpy(text, key.p, 24);
	memcpy(text + 24, guid, sizeof(guid));
	sha1(text, sizeof(text) - 1, digest);
	buf_add_base64(&accept, str_make((char *)digest, sizeof(digest)));
	out[accept.n] = '\0';
	return true;
}
