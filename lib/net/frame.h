/* frame.h - WebSocket framing, RFC 6455, the server's side
 *
 * Reading: incremental, unmasks in place, checks everything the RFC lets a server check (masked, RSV 0, opcodes, control frames <= 125 and not
 * fragmented, continuation order, minimal lengths, close codes 7.4.1, UTF-8 of text messages across fragments and of close reasons, failing as early as the bytes allow).
 * Writing: headers only; payloads are never masked or copied here. */
#ifndef RT_NET_FRAME_H
#define RT_NET_FRAME_H

#include "base/buf.h"

enum frame_op {
	FRAME_CONT = 0, FRAME_TEXT = 1, FRAME_BINARY = 2, FRAME_CLOSE = 8, FRAME_PING = 9, FRAME_PONG = 10,
};

#define FRAME_HEAD_MAX 10

/* Writes the header of one unfragmented server frame of n payload bytes; returns its length, <= FRAME_HEAD_MAX. */
size_t frame_head(unsigned char out[FRAME_HEAD_MAX], enum frame_op op, uint64_t n);
void frame_add(struct buf *out, enum frame_op op, struct str payload);
/* A close frame; reason is cut to 123 bytes at a character boundary. */
void frame_add_close(struct buf *out, unsigned code, struct str reason);

struct frame_reader {
	size_t max_message;        /* over it: FRAME_TOO_LARGE (close 1009) */
	unsigned max_fragments;    /* per message; 65,536 at least; 0: that */
	struct buf message;        /* of a fragmented, or not yet complete, message */
	enum frame_op message_op;  /* of the message being assembled */
	bool in_message;           /* between a non-final data frame and its end */
	unsigned fragments;
	unsigned char head[14];    /* of the frame being read */
	unsigned head_n, head_want;
	unsigned char op;
	bool fin, in_payload;
	uint64_t left;             /* of its payload */
	unsigned char mask[4];
	unsigned mask_at;
	unsigned char control[125];
	unsigned control_n;
	uint32_t utf8;             /* decoder state across fragments */
	uint32_t utf8_cp;
};

enum frame_event {
	FRAME_NONE,      /* all input taken, nothing complete */
	FRAME_MESSAGE,   /* a whole text or binary message */
	FRAME_PING_GOT,  /* payload to echo in a pong */
	FRAME_PONG_GOT,
	FRAME_CLOSE_GOT, /* code in *code (1005: none given), payload is the reason */
	FRAME_ERROR,     /* protocol error: close with *code (1002, 1007, 1009) */
};

void frame_reader_init(struct frame_reader *r, size_t max_message);
void frame_reader_fini(struct frame_reader *r);
/* Takes bytes from the front of the n at *p (advancing both; the bytes are unmasked in place). A message that lies whole in one frame in the input is returned as a view of the
 * input (no copy). `*op` is FRAME_TEXT or FRAME_BINARY for messages. Views are valid until the next call. */
enum frame_event frame_read(struct frame_reader *r, char **p, size_t *n, struct str *payload, enum frame_op *op, unsigned *code);
/* Gives the assembly buffer back when nothing is in it: idle connections keep none. */
void frame_reader_shrink(struct frame_reader *r);

/* The Sec-WebSocket-Accept of a key (28 characters and NUL); false when the key is not 24 base64 characters of 16 bytes. */
bool frame_accept_key(struct str key, char out[29]);

#endif
