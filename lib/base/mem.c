/* mem.c - allocation that never returns NULL
 *
 * A thin coat over malloc: it checks sizes, counts, and ends the process when there is nothing to
 * give. No pools, no arenas, no statistics beyond the one number. It does not run exit handlers on
 * the way out: they would allocate. */
#include "base/mem.h"
#include "base/log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXIT_SYSTEM 6

/* Counted by relaxed halves: exact with one thread, merely not undefined with more. */
static _Atomic uint64_t made;

static _Noreturn void out_of_memory(size_t n, size_t size)
{
	char text[160];
	int len = snprintf(text, sizeof(text), "%s: out of memory (wanted %zu x %zu bytes)\n",
		log_program(), n, size);

	if (len > (int)sizeof(text) - 1)
		len = (int)sizeof(text) - 1;
	if (len > 0 && write(STDERR_FILENO, text, (size_t)len) < 0) {
		/* There is nobody left to tell. */
	}
	_exit(EXIT_SYSTEM);
}

/* Must this allocation fail? Only tests ask for it. */
static bool told_to_fail(uint64_t nth)
{
#ifdef RT_TEST
	static bool asked;
	static uint64_t fail_at;
	const char *text;

	if (!asked) {
		asked = true;
		text = getenv("RT_FAIL_ALLOC");
		if (text && str_u64(str_of(text), &fail_at) < 0)
			fail_at = 0;
	}
	return fail_at != 0 && nth == fail_at;
#else
	(void)nth;
	return false;
#endif
}

/* Every allocation passes here: the bytes to ask malloc for. */
static size_t admit(size_t n, size_t size)
{
	uint64_t nth = atomic_load_explicit(&made, memory_order_relaxed) + 1;
	size_t bytes;

	atomic_store_explicit(&made, nth, memory_order_relaxed);
	if (__builtin_mul_overflow(n, size, &bytes) || bytes > PTRDIFF_MAX || told_to_fail(nth))
		out_of_memory(n, size);
	return bytes > 0 ? bytes : 1; /* malloc(0) may be NULL, realloc(p, 0) frees */
}

void *mem_array(size_t n, size_t size)
{
	void *p = malloc(admit(n, size));

	if (!p)
		out_of_memory(n, size);
	return p;
}

void *mem_alloc(size_t n)
{
	return mem_array(n, 1);
}

void *mem_zalloc(size_t n)
{
	void *p = calloc(1, admit(n, 1));

	if (!p)
		out_of_memory(n, 1);
	return p;
}

void *mem_resize(void *p, size_t n, size_t size)
{
	p = realloc(p, admit(n, size));
	if (!p)
		out_of_memory(n, size);
	return p;
}

char *mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t n)
{
	char *p = mem_alloc(n < SIZE_MAX ? n + 1 : n);

	if (n > 0)
		memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

void mem_free(void *p)
{
	free(p);
}

uint64_t mem_count(void)
{
	return atomic_load_explicit(&made, memory_order_relaxed);
}
