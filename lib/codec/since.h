/* since.h - from where a subscription begins
 *
 * ID | earliest | latest | last:N | a duration back from now (10m) | an RFC 3339 time. */
#ifndef RT_CODEC_SINCE_H
#define RT_CODEC_SINCE_H

#include "base/err.h"
#include "base/pos.h"

enum since_kind { SINCE_LATEST, SINCE_EARLIEST, SINCE_POS, SINCE_LAST, SINCE_TIME };

struct since {
	enum since_kind kind;
	union {
		struct pos pos;  /* SINCE_POS */
		uint64_t last;   /* SINCE_LAST: messages per room */
		int64_t wall_ms; /* SINCE_TIME; durations are resolved against `now_wall_ms` */
	};
};

/* 0, or ERR_INVALID with a sentence that lists the forms. */
int since_parse(struct since *out, struct str s, int64_t now_wall_ms, struct err *e);

#endif
