/* mem.h - allocation that never returns NULL
 *
 * Out of memory ends the process with status 6 and one line on stderr, so every size that comes
 * from outside is bounded before it gets here. In the test variant (RT_TEST) the environment
 * variable RT_FAIL_ALLOC=N makes the N-th allocation fail that way, and mem_count tells how many
 * were made. */
#ifndef RT_BASE_MEM_H
#define RT_BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t n) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *mem_zalloc(size_t n) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *mem_array(size_t n, size_t size) __attribute__((malloc, alloc_size(1, 2), returns_nonnull));
/* `p` may be NULL. Checks n * size for overflow. */
void *mem_resize(void *p, size_t n, size_t size) __attribute__((alloc_size(2, 3), returns_nonnull));
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull));
/* A terminated copy of n bytes. */
char *mem_strndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
void mem_free(void *p);

/* Allocations made so far (always counted: one increment). */
uint64_t mem_count(void);

/* Tells the processor that `n` bytes at `p`, which need not be valid, are read soon. */
static inline void mem_prefetch(const void *p, size_t n)
{
	for (size_t at = 0; at < n; at += 64)
		__builtin_prefetch((const char *)p + at);
}

#define mem_new(type) ((type *)mem_zalloc(sizeof(type)))

#endif
