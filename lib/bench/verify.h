/* verify.h - judges a pipe of numbered messages, a line each
 *
 * A number is the members `p` (who) and `n` (which) that `rt-pub --number` adds, or else a mark of
 * rt-bench. A gap that the line before declares ({"_op":"gap"}, of rt-sub -m) excuses what is
 * missing after it; other control messages are passed over. */
#ifndef RT_BENCH_VERIFY_H
#define RT_BENCH_VERIFY_H

#include "base/buf.h"
#include "bench/result.h"
#include "bench/streams.h"

struct verify {
	struct streams streams;
	struct result *result; /* what is found; kept by reference */
	struct buf key;
};

/* `from` is where every stream begins; UINT64_MAX: each where it is first seen. */
void verify_init(struct verify *v, struct result *result, uint64_t from);
/* 0, or ERR_INVALID with a clause: no message with a number. */
int verify_line(struct verify *v, struct str line, struct err *e);
/* No more lines come. `expect`: so many different messages were to come in all; 0: not known. */
void verify_end(struct verify *v, uint64_t expect);
void verify_fini(struct verify *v);

#endif
