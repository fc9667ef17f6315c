/* body.c - request bodies, sized or chunked
 *
 * The chunked framing (RFC 9112 7.1) is a machine of one byte at a time, so that it does not matter
 * how the bytes were cut:
 *
 *	SIZE -> [BLANK] -> [EXTENSION] -> SIZE_LF -> CONTENT -> CONTENT_CR -> CONTENT_LF -> SIZE
 *	                                     | size 0
 *	                                     v
 *	                                  TRAILER -> NAME -> VALUE -> VALUE_LF -> TRAILER
 *	                                     |
 *	                                     v
 *	                                  END_LF -> done
 *
 * Only CONTENT is passed over in runs. Two things bound what a peer can make us read for nothing:
 * the length of a framing line, and the account in `overhead`. */
#include "net/body.h"

#include "net/chars.h"

enum state {
	SIZE,
	BLANK,
	EXTENSION,
	SIZE_LF,
	CONTENT,
	CONTENT_CR,
	CONTENT_LF,
	TRAILER,
	NAME,
	VALUE,
	VALUE_LF,
	END_LF,
	BROKEN,
};

#define SIZE_DIGITS_MAX 15 /* 60 bits: no sum of sizes overflows in a lifetime */
#define CONTENT_PAYS    8  /* bytes of framing; a chunk of one byte needs five */

/* Returns NULL, or what is wrong. */
static const char *size_byte(struct body *b, unsigned char c)
{
	int digit = char_hex(c);

	if (digit >= 0) {
		if (++b->digits > SIZE_DIGITS_MAX)
			return "a chunk size has too many digits";
		b->left = b->left << 4 | (unsigned)digit;
		return NULL;
	}
	if (b->digits == 0)
		return "a chunk size is no hexadecimal number";
	b->state = c == '\r' ? SIZE_LF : c == ';' ? EXTENSION : BLANK;
	return c == '\r' || c == ';' || c == ' ' || c == '\t' ? NULL : "a chunk size goes on badly";
}

static const char *blank_byte(struct body *b, unsigned char c)
{
	if (c == ';')
		b->state = EXTENSION;
	return c == ';' || c == ' ' || c == '\t' ? NULL : "a blank after a chunk size";
}

/* In a line whose text is dropped. */
static const char *text_byte(struct body *b, unsigned char c, enum state at_cr)
{
	if (c == '\r')
		b->state = at_cr;
	return c == '\r' || char_is_text(c) ? NULL : "a control character in chunk framing";
}

static const char *trailer_byte(struct body *b, unsigned char c)
{
	b->line_n = 1;
	b->state = c == '\r' ? END_LF : NAME;
	return c == '\r' || char_is_token(c) ? NULL : "a trailer is no header";
}

static const char *name_byte(struct body *b, unsigned char c)
{
	if (c == ':')
		b->state = VALUE;
	return c == ':' || char_is_token(c) ? NULL : "a trailer is no header";
}

static void begin_chunk(struct body *b)
{
	b->state = SIZE;
	b->left = 0;
	b->digits = 0;
	b->line_n = 0;
}

static const char *expect_byte(struct body *b, unsigned char c, unsigned char want, enum state next)
{
	b->state = next;
	return c == want ? NULL : "chunk framing does not end in CRLF";
}

static const char *framing_byte(struct body *b, unsigned char c)
{
	const char *wrong = NULL;

	if (++b->line_n > BODY_LINE_MAX)
		return "a line of chunk framing is too long";
	if (++b->overhead > BODY_OVERHEAD_MAX)
		return "too much chunk framing for the content";
	switch ((enum state)b->state) {
	case SIZE: return size_byte(b, c);
	case BLANK: return blank_byte(b, c);
	case EXTENSION: return text_byte(b, c, SIZE_LF);
	case SIZE_LF: return expect_byte(b, c, '\n', b->left ? CONTENT : TRAILER);
	case CONTENT_CR: return expect_byte(b, c, '\r', CONTENT_LF);
	case CONTENT_LF:
		wrong = expect_byte(b, c, '\n', SIZE);
		begin_chunk(b);
		return wrong;
	case TRAILER: return trailer_byte(b, c);
	case NAME: return name_byte(b, c);
	case VALUE: return text_byte(b, c, VALUE_LF);
	case VALUE_LF: return expect_byte(b, c, '\n', TRAILER);
	case END_LF:
		b->done = c == '\n';
		return expect_byte(b, c, '\n', TRAILER);
	case CONTENT:
	case BROKEN: break;
	}
	return "chunk framing was broken before";
}

/* The next run of at most b->left bytes. */
static struct str take(struct body *b, struct str *in)
{
	struct str run = str_make(in->p, in->n < b->left ? in->n : (size_t)b->left);

	*in = str_skip(*in, run.n);
	b->left -= run.n;
	return run;
}

static struct str take_content(struct body *b, struct str *in)
{
	struct str run = take(b, in);
	uint64_t paid = (uint64_t)run.n * CONTENT_PAYS;

	b->overhead -= b->overhead < paid ? b->overhead : paid;
	b->line_n = 0;
	if (b->left == 0)
		b->state = CONTENT_CR;
	return run;
}

static int next_chunked(struct body *b, struct str *in, struct str *data, struct err *e)
{
	while (in->n > 0 && !b->done) {
		const char *wrong;

		if (b->state == CONTENT) {
			*data = take_content(b, in);
			return 0;
		}
		wrong = framing_byte(b, (unsigned char)in->p[0]);
		if (wrong) {
			b->state = BROKEN;
			err_set(e, ERR_INVALID, "%s", wrong);
			return -400;
		}
		*in = str_skip(*in, 1);
	}
	return b->done;
}

void body_init(struct body *b, const struct head *h)
{
	*b = (struct body){ .kind = h->body };
	if (h->body == BODY_SIZED)
		b->left = h->length;
	b->done = h->body != BODY_CHUNKED && b->left == 0;
}

int body_next(struct body *b, struct str *in, struct str *data, struct err *e)
{
	*data = str_make(in->p, 0);
	if (b->done)
		return 1;
	if (b->kind == BODY_CHUNKED)
		return next_chunked(b, in, data, e);
	*data = take(b, in);
	b->done = b->left == 0;
	return b->done;
}
