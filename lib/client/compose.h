/* compose.h - makes a message of a line of input
 *
 * Decides the room (an operand wins over `_room`), consumes `_id` and `_ts` of a line that came
 * out of rt-sub -m, derives the deduplication id, and wraps what is not an object. Pure: no
 * clock, no descriptor. */
#ifndef RT_CLIENT_COMPOSE_H
#define RT_CLIENT_COMPOSE_H

#include "base/buf.h"
#include "base/err.h"

enum compose_mode {
	COMPOSE_JSON,     /* an object a line */
	COMPOSE_TERMINAL, /* as above, but what does not begin with '{' is text */
	COMPOSE_TEXT,     /* {"type":"message","text":...} */
	COMPOSE_WRAP,     /* any JSON, as _data */
	COMPOSE_BYTES,    /* anything: an object as it stands, else as _b64 */
	COMPOSE_VERBATIM, /* for servers that are not ours */
};

struct compose_conf {
	enum compose_mode mode;
	const char *room;      /* NULL: the line's own */
	const char *prefix;    /* put before the line's own room; NULL: nothing */
	const char *type;      /* of texts, and of objects that have none; NULL:
	                        * "message" for texts */
	const char *key_field; /* path of the member that becomes _key; NULL: none */
	const char *id_field;  /* path of the member that becomes the
	                        * deduplication id; NULL: none */
	bool fresh;            /* _id of a line says nothing about its deduplication id */
	bool number;           /* adds members p and n for rt-bench verify */
};

/* Everything is valid until the next compose_line, and while the line is. */
struct composed {
	struct str room, text, dedup;
	struct str source_room, source_id; /* "" when the line does not say */
	int64_t ts_ms;                     /* -1: the line does not say */
	bool repaired;                     /* bad UTF-8 of a text became U+FFFD */
};

enum compose_result {
	COMPOSE_OK,
	COMPOSE_CONTROL, /* a line with _op: never sent */
	COMPOSE_GAP,     /* such a line that says that messages are missing: sentence in `e` */
	COMPOSE_BAD,     /* sentence in `e` */
};

struct compose;

/* The strings are kept. NULL and a sentence on a bad room or field. */
struct compose *compose_new(const struct compose_conf *conf, struct err *e);
enum compose_result compose_line(struct compose *c, struct str line, struct composed *out,
	struct err *e);
void compose_free(struct compose *c);

#endif
