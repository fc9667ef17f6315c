/* line.h - cuts a stream of bytes into lines, for NDJSON in
 *
 * LF or CRLF ends a line; a last line without LF counts; empty lines are skipped (and counted).
 * A line over `max` bytes is reported as too long once, its rest is skipped without being kept. */
#ifndef RT_BASE_LINE_H
#define RT_BASE_LINE_H

#include "base/buf.h"

struct line {
	struct buf buf;
	size_t max;
	size_t start;     /* of the next line in buf */
	size_t scanned;   /* bytes from start already known to hold no LF */
	uint64_t number;  /* of the line returned last, from 1 */
	bool skipping;    /* inside a line that was too long */
	bool keep_empty;  /* also return empty lines */
};

enum line_result { LINE_NONE, LINE_OK, LINE_TOO_LONG };

void line_init(struct line *l, size_t max);
void line_fini(struct line *l);
/* Where to read into; at least `want` bytes. Then line_filled with the count.
 * Invalidates lines returned. */
char *line_space(struct line *l, size_t want, size_t *room);
void line_filled(struct line *l, size_t n);
/* The next line without its end; valid until the next line_space. At end of input call with eof =
 * true until LINE_NONE. `out` is empty unless LINE_OK. */
enum line_result line_next(struct line *l, bool eof, struct str *out);

#endif
