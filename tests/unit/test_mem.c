#include "base/log.h"
#include "base/mem.h"
#include "child.h"
#include "tap.h"

#include <stdlib.h>

static struct child c;

static void fail_third(void *arg)
{
	(void)arg;
	setenv("RT_FAIL_ALLOC", "3", 1);
	log_init("rt-test", LOG_LEVEL_ERROR, false);
	mem_free(mem_alloc(1));
	mem_free(mem_zalloc(1));
	mem_free(mem_alloc(1));
	_exit(0);
}

static void fail_fourth_of_three(void *arg)
{
	(void)arg;
	setenv("RT_FAIL_ALLOC", "4", 1);
	for (int i = 0; i < 3; i++)
		mem_free(mem_alloc(1));
}

/* Sizes the compiler cannot see. */
static volatile size_t huge = SIZE_MAX, half = SIZE_MAX / 2 + 2;

static void alloc_huge(void *arg)
{
	(void)arg;
	mem_free(mem_alloc(huge));
}

static void zalloc_huge(void *arg)
{
	(void)arg;
	mem_free(mem_zalloc(half));
}

static void array_overflow(void *arg)
{
	(void)arg;
	mem_free(mem_array(half, 2));
}

static void resize_overflow(void *arg)
{
	(void)arg;
	mem_free(mem_resize(NULL, half, 2));
}

static void dies(void (*fn)(void *), const char *name)
{
	child_run(&c, STDERR_FILENO, fn, NULL);
	ok(WIFEXITED(c.status) && WEXITSTATUS(c.status) == 6, "%s: status 6", name);
	ok(strstr(c.out, "out of memory") && strchr(c.out, '\n') == c.out + c.n - 1,
		"%s: one line on stderr", name);
}

static void test_exhaustion(void)
{
	dies(fail_third, "the N-th allocation");
	ok(strncmp(c.out, "rt-test: ", 9) == 0, "the line begins with the program's name");
	child_run(&c, STDERR_FILENO, fail_fourth_of_three, NULL);
	ok(c.status == 0 && c.n == 0, "not the one before it");
	dies(alloc_huge, "mem_alloc(SIZE_MAX)");
	dies(zalloc_huge, "mem_zalloc of half the space");
	dies(array_overflow, "mem_array whose product wraps");
	dies(resize_overflow, "mem_resize whose product wraps");
}

static void test_plain(void)
{
	uint64_t before = mem_count();
	char *p = mem_alloc(0), *q = mem_strndup("a\0b", 3), *z = mem_zalloc(64),
	     *s = mem_strdup("");

	ok(p != NULL, "no bytes are bytes too");
	ok(memcmp(q, "a\0b", 4) == 0, "strndup copies NUL and terminates");
	is_int(strlen(s), 0, "strdup of nothing");
	is_int(z[0] | z[63], 0, "zalloc zeroes");
	is_int(mem_count() - before, 4, "allocations are counted");
	z = mem_resize(z, 0, 8);
	ok(z != NULL, "a resize to nothing is not a free");
	z = mem_resize(z, 3, 8);
	memset(z, 1, 24);
	mem_free(p);
	mem_free(q);
	mem_free(z);
	mem_free(s);
	mem_free(NULL);
	is_int(mem_count() - before, 6, "resizes count, frees do not");
	q = mem_strndup(NULL, 0);
	is_int(q[0], 0, "strndup of nothing at NULL");
	mem_free(q);
}

int main(void)
{
	test_exhaustion(); /* first: RT_FAIL_ALLOC is read with the first allocation */
	test_plain();
	return tap_done();
}
