/* target.h - the server that is measured: a child on core 0, and what the kernel says that it cost
 *
 * There is one. Where anything does not add up, target_void says so and ends the run: nothing is
 * measured then. */
#ifndef RT_TESTS_BENCH_TARGET_H
#define RT_TESTS_BENCH_TARGET_H

#include "bench/procstat.h"

/* Starts it, and reads from its first line, {"listen":["127.0.0.1:PORT"]}, where it is. With `pins`
 * it has core 0, and this program core 1. */
void target_start(char **command, bool pins);
void target_stop(void);
int target_port(void);
struct procstat target_stat(void);
/* One sentence on stderr, and status 1; the server is killed. */
_Noreturn void target_void(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
