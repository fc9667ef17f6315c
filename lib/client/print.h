/* print.h - a received message as rt-sub shows it
 *
 * In a pipe the payload's own bytes; on a terminal the same made harmless, with the room in front
 * where there are several. */
#ifndef RT_CLIENT_PRINT_H
#define RT_CLIENT_PRINT_H

#include "client/client.h"
#include "client/template.h"

enum print_event { PRINT_JOIN = 1, PRINT_LEAVE = 2, PRINT_TYPING = 4 };

struct print {
	bool meta;     /* the line with metadata */
	bool raw;      /* the payload's bytes and nothing else; _b64 decoded */
	bool nul;      /* NUL in place of LF, also after raw bytes */
	bool terminal; /* control characters escaped */
	bool color;
	bool show_room;
	unsigned events; /* the server's own that are shown: enum print_event */
	struct template *format; /* NULL: none */
	struct buf scratch;
};

void print_fini(struct print *p);
/* "join,leave" (NULL: none) into their bits; 0 or ERR_USAGE. */
int print_events_parse(const char *list, unsigned *events);
/* Is it a message, or one of the events asked for? */
bool print_wants(const struct print *p, const struct client_msg *m);
void print_message(struct print *p, const struct client_msg *m, struct buf *out);
/* A control line ({"_op":...}). */
void print_control(struct print *p, struct str line, struct buf *out);
void print_up(struct print *p, struct str url, struct buf *out);
void print_down(struct print *p, struct str why, int64_t retry_in_ms, struct buf *out);
/* The payload alone, without an end: what a wrapped line (`_data`) held; with `raw` also
 * what `_b64` held. */
void print_payload(struct str payload, bool raw, struct buf *out);

/* The answer of GET /rooms: a table, or lines by `format` (NULL: the objects). ERR_INVALID when it
 * is no such answer. */
int print_rooms(struct print *p, struct str json, bool table, struct buf *out, struct err *e);

#endif
