/* beside.h - what a server has to hold besides the work that is measured, and that should cost nothing
 *
 * Connections that do nothing, each in a room of its own; rooms with a message that is kept and nobody
 * in them; patterns that no room matches. A child process holds them, so that they cost the load
 * nothing either, and all of them can vanish at once. */
#ifndef RT_TESTS_BENCH_BESIDE_H
#define RT_TESTS_BENCH_BESIDE_H

struct beside {
	unsigned idle, rooms, patterns;
};

/* Open files that it needs, of the server too. */
unsigned beside_files(const struct beside *b);
/* Returns once all of it is there; where it cannot be the run is void. */
void beside_start(const struct beside *b);
/* The child dies, and with it every connection, by resets. */
void beside_drop(void);

#endif
