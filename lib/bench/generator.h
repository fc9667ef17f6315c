/* generator.h - what the tool itself cannot do, so that no server is blamed for it */
#ifndef RT_BENCH_GENERATOR_H
#define RT_BENCH_GENERATOR_H

#include "bench/result.h"

/* Raises the limit of open files as far as it goes. 0, or ERR_BUSY with a sentence where so many
 * connections do not fit. */
int generator_files(unsigned connections, struct err *e);
/* Ends a run as void (END_GENERATOR) in which the tool came late to its own schedule. */
void generator_judge(struct result *r);

#endif
