/* print.h - a received message as rt-sub shows it
 *
 * In a pipe the payload's own bytes; on a terminal the same made harmless, with the room in front where there are several. */
#ifndef RT_CLIENT_PRINT_H
#define RT_CLIENT_PRINT_H

#include "client/client.h"
#include "client/template.h"

struct print {
	bool meta;     /* the line with metadata */
	bool raw;      /* the payload's bytes and nothing else; _b64 decoded */
	bool nul;      /* NUL in place of LF, also after raw bytes */
	bool terminal; /* control characters escaped */
	bool color;
	bool show_room;
	struct template *format; /* NULL: none */
	struct buf scratch;
};

void print_fini(struct print *p);
void print_message(struct print *p, const struct client_msg *m, struct buf *out);
/* A control line ({"_op":...}). */
void print_control(struct print *p, struct str line, struct buf *out);
/* The payload alone, without an end: what a wrapped line (`_data`) held; with `raw` also what `_b64` held. */
void print_payload(struct str payload, bool raw, struct buf *out);

/* The answer of GET /rooms: a table, or lines by `format` (NULL: the objects). ERR_INVALID when it is no such answer. */
int print_rooms(struct print *p, struct str json, bool table, struct buf *out, struct err *e);

#endif
