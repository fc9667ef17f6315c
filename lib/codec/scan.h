/* scan.h - one pass over a JSON text that proves it and finds the members rt cares about
 *
 * Proves RFC 8259 (no BOM, nothing after the value but whitespace), UTF-8 (RFC 3629), paired
 * surrogates in \u escapes (a lone one is refused: no UTF-8 can carry it), nesting of at most
 * `max_depth`, and that no object, at any depth, has two names that are equal after unescaping; no
 * NUL in names (in values "\u0000" is allowed). Copies nothing, allocates nothing for ordinary
 * texts (objects of more than 32 members use a scratch table that is kept for the next call). Of a
 * top-level object it reports the members whose unescaped name begins with '_' and a lower-case
 * letter, and those named type, user_id, event, data or since; each with the offsets of name and
 * value. */
#ifndef RT_CODEC_SCAN_H
#define RT_CODEC_SCAN_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define SCAN_MARKS_MAX 32 /* more reported members than that: ERR_INVALID */
#define SCAN_DEPTH_MAX 64
#define SCAN_BYTES_MAX ((1u << 30) - 1)

enum scan_type {
	SCAN_NULL,
	SCAN_FALSE,
	SCAN_TRUE,
	SCAN_NUMBER,
	SCAN_STRING,
	SCAN_ARRAY,
	SCAN_OBJECT
};

struct scan_mark {
	uint32_t name, name_n;              /* the raw name between its quotes */
	uint32_t value, value_n;            /* the raw value, quotes included for strings */
	uint32_t index;                     /* members before this one */
	uint32_t comma_before, comma_after; /* offsets; 0: there is none */
	uint8_t type;                       /* enum scan_type of the value */
	bool name_escaped; /* the raw name has backslashes: compare with scan_name_is */
};

struct scan {
	uint8_t type;         /* of the whole value */
	uint32_t begin, end;  /* of the value, without whitespace around it */
	bool has_newline;     /* CR or LF in whitespace within [begin, end) */
	uint32_t n_members;   /* of a top-level object */
	uint32_t first_after; /* offset just after '{' of a top-level object */
	int n_marks;
	struct scan_mark marks[SCAN_MARKS_MAX]; /* in the order of the text */
	uint32_t error_at;                      /* offset, on failure */
};

/* 0, or ERR_INVALID (sentence in `e`: "not JSON: unexpected ',' at byte 17", "duplicate name 'a' at
 * byte 9", "invalid UTF-8 at byte 3", ...; bytes are counted from 0), or ERR_TOO_LARGE for depth
 * and for texts over SCAN_BYTES_MAX. `text` may be anything, of any length, NUL included.
 * `max_depth` counts arrays and objects, is at most SCAN_DEPTH_MAX, and 0 allows none. */
int scan_json(struct scan *s, struct str text, unsigned max_depth, struct err *e);

/* Does the raw (maybe escaped) string content `raw`, without its quotes, spell `name`? `raw` comes
 * from a text that scan_json has proved; so below. */
bool scan_name_is(struct str raw, struct str name);

/* Appends the raw string content `raw`, without its quotes, unescaped. */
void scan_unescape(struct buf *out, struct str raw);

#endif
