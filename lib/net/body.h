/* body.h - request bodies, sized or chunked (RFC 9112 6 and 7)
 *
 * An incremental reader without memory of its own: content comes out as views of the input, chunk
 * framing is checked byte by byte and dropped. Strict as head.h is: no bare LF or CR, no sign, no
 * blanks after a chunk size (RFC 9112 7.1.1 allows them before ';' only), sizes of at most 15 hex
 * digits, trailers that are fields. */
#ifndef RT_NET_BODY_H
#define RT_NET_BODY_H

#include "net/head.h"

#define BODY_LINE_MAX     4096  /* one framing line: chunk size with extensions, or a trailer */
#define BODY_OVERHEAD_MAX 16384 /* framing that no content pays for */

struct body {
	enum head_body kind;
	int state;         /* chunked: where in the framing */
	uint64_t left;     /* of the sized body or of the current chunk */
	uint32_t line_n;   /* bytes of the current framing line */
	uint32_t digits;   /* of the chunk size being read */
	uint64_t overhead; /* bytes of framing, less 8 for every byte of content, never below 0 */
	bool done;
};

void body_init(struct body *b, const struct head *h);
/* Takes bytes from the front of `*in` (advancing it) and points `*data` at the next run of content
 * (n == 0: none in what was given). Returns
 * - 1 when the body has ended: b->done is set and `*in` is what follows it. The last run of a sized
 *   body comes with the 1, so use `*data` before you look at the result. A body without content
 *   needs no input for it, and later calls return 1 again;
 * - 0 when there is more to come: call again while in->n > 0;
 * - -400 with a sentence for broken framing, again on every later call.
 * Chunk extensions and trailers are dropped. Tiny chunks are fine; what is refused is framing out
 * of all proportion to its content. */
int body_next(struct body *b, struct str *in, struct str *data, struct err *e);

#endif
