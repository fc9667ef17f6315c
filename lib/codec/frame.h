/* frame.h - WebSocket framing, RFC 6455, both sides of it
 *
 * Reading: incremental, unmasks in place, checks everything the RFC lets a reader check (masked
 * when from a client, not masked when from a server, RSV 0, opcodes, control frames <= 125 and not
 * fragmented, continuation order, minimal lengths, close codes 7.4, UTF-8 of text messages across
 * fragments and of close reasons), failing as early as the bytes allow. Writing: a server's
 * headers, and whole frames of either side. */
#ifndef RT_CODEC_FRAME_H
#define RT_CODEC_FRAME_H

#include "base/buf.h"

enum frame_op {
	FRAME_CONT = 0,
	FRAME_TEXT = 1,
	FRAME_BINARY = 2,
	FRAME_CLOSE = 8,
	FRAME_PING = 9,
	FRAME_PONG = 10,
};

enum frame_role { /* which side we are */
	FRAME_SERVER, /* reads masked frames, writes unmasked ones */
	FRAME_CLIENT, /* the other way round */
};

#define FRAME_HEAD_MAX      10    /* of a server; a client adds a mask of 4 */
#define FRAME_CONTROL_MAX   125   /* payload of a control frame */
#define FRAME_FRAGMENTS_MAX 65536 /* of a message, unless the reader is told otherwise */
#define FRAME_NO_CODE       1005  /* stands for a close frame without a code; never on the wire */

/* Writes the header of one unfragmented server frame of n payload bytes; returns its length,
 * <= FRAME_HEAD_MAX. */
size_t frame_head(unsigned char out[FRAME_HEAD_MAX], enum frame_op op, uint64_t n);
/* Appends a whole frame. For control frames n <= FRAME_CONTROL_MAX is the caller's care. */
void frame_add(struct buf *out, enum frame_op op, struct str payload);
/* The same of a client, under a mask that nobody can foresee (10.3). */
void frame_add_masked(struct buf *out, enum frame_op op, struct str payload, uint32_t mask);
/* The payload of a close frame; returns its length. The reason is cut to 123 bytes at a character
 * boundary. FRAME_NO_CODE: 0, so that the code of a FRAME_CLOSE_GOT can be echoed as it is. */
size_t frame_close(char payload[FRAME_CONTROL_MAX], unsigned code, struct str reason);
/* Appends such a frame of a server. */
void frame_add_close(struct buf *out, unsigned code, struct str reason);

struct frame_reader {
	enum frame_role role;
	size_t max_message;        /* over it: close 1009, before the payload is taken */
	unsigned max_fragments;    /* per message, over it: close 1009; 0: FRAME_FRAGMENTS_MAX */
	struct buf message;        /* of a fragmented, or not yet complete, message */
	enum frame_op message_op;  /* of the message being assembled */
	bool in_message;           /* between the first data frame of a message and its end */
	bool closed;               /* a close frame was read: what follows is dropped (5.5.1) */
	unsigned failed;           /* close code of the FRAME_ERROR given, or 0 */
	unsigned fragments;
	unsigned char head[14];    /* of the frame being read */
	unsigned head_n, head_want;
	unsigned char op;
	bool fin, in_payload;
	uint64_t left;             /* of its payload */
	unsigned char mask[4];
	unsigned mask_at;          /* which byte of the mask is next */
	unsigned char control[FRAME_CONTROL_MAX];
	unsigned control_n;
	uint32_t utf8;             /* what the next byte of a text must be: see
	                            * frame.c; 0 between */
};

enum frame_event {
	FRAME_NONE,      /* all input taken, nothing complete */
	FRAME_MESSAGE,   /* a whole text or binary message */
	FRAME_PING_GOT,  /* payload to echo in a pong */
	FRAME_PONG_GOT,
	FRAME_CLOSE_GOT, /* *code is what it said, or FRAME_NO_CODE; payload is the reason */
	FRAME_ERROR,     /* protocol error: close with *code (1002, 1007, 1009) */
};

void frame_reader_init(struct frame_reader *r, enum frame_role role, size_t max_message);
void frame_reader_fini(struct frame_reader *r);
/* Takes bytes from the front of the n at *p (advancing both; they are unmasked in place), up to the
 * end of the first event. Call again while it does not return FRAME_NONE. A message that lies whole
 * in one frame in the input is returned as a view of the input (no copy). `*op` is FRAME_TEXT or
 * FRAME_BINARY for messages. Views are valid until the next call on this reader, and no longer than
 * the input. After FRAME_ERROR it returns the same again; after FRAME_CLOSE_GOT it drops all input.
 */
enum frame_event frame_read(struct frame_reader *r, char **p, size_t *n, struct str *payload,
	enum frame_op *op, unsigned *code);
/* Is nothing half read, and nothing to be remembered? Then a fresh reader would do as well. */
bool frame_reader_idle(const struct frame_reader *r);
/* Gives the assembly buffer back when nothing is in it: idle connections keep none. Ends views. */
void frame_reader_shrink(struct frame_reader *r);

/* The Sec-WebSocket-Accept of a key (28 characters and NUL); false when the key is not 24 base64
 * characters of 16 bytes. RFC 6455 4.2.2. */
bool frame_accept_key(struct str key, char out[29]);

#endif
