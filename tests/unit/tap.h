/* tap.h - a line per promise, in the Test Anything Protocol */
#ifndef RT_TESTS_TAP_H
#define RT_TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_n, tap_failed;

/* One promise; returns whether it held. */
__attribute__((format(printf, 2, 3))) static inline bool ok(bool held, const char *fmt, ...)
{
	va_list ap;
	char name[1000];
	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	for (char *c = name; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = '?'; /* a promise is one line */
	printf("%sok %d - %s\n", held ? "" : "not ", ++tap_n, name);
	tap_failed += !held;
	return held;
}

#define is_int(got, want, ...) do { \
	long long g_ = (long long)(got), w_ = (long long)(want); \
	if (!ok(g_ == w_, __VA_ARGS__)) \
		printf("# %s:%d: got %lld, want %lld\n", __FILE__, __LINE__, g_, w_); \
} while (0)

#define is_text(got, got_n, want, ...) do { \
	const char *g_ = (got), *w_ = (want); size_t n_ = (got_n); \
	if (!ok(n_ == strlen(w_) && (n_ == 0 || memcmp(g_, w_, n_) == 0), __VA_ARGS__)) \
		printf("# %s:%d: got '%.*s', want '%s'\n", __FILE__, __LINE__, (int)n_, g_ ? g_ : "", w_); \
} while (0)

static inline int tap_done(void)
{
	printf("1..%d\n", tap_n);
	return tap_failed != 0;
}

#endif
