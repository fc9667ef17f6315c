#include "base/clock.h"
#include "model.h"
#include "tap.h"

#include <stdlib.h>
#include <time.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void duration_is(const char *text, int64_t want)
{
	int64_t ms = -1;

	ok(duration_parse(str_of(text), &ms, NULL) == 0 && ms == want, "%s is %lld ms (%lld)", text,
		(long long)want, (long long)ms);
}

static void test_durations(void)
{
	static const char *const bad[] = { "", " ", "s", "-1s", "+1s", "1 s", " 1s", "1s ", "1x",
		"1S", "1sm", "1m1h", "1s1s", "1ms1s", "1h30", "1.s", ".5s", "1.5", "1e3s", "0x1s",
		"00", "1s\n", "1.0000000001s", "99999999999999999999s", "Forever", "s1", "1h 30m",
		"1\xc2\xb5s" };
	struct err e = { 0 };
	int64_t ms = 7;

	duration_is("0", 0);
	duration_is("0s", 0);
	duration_is("250ms", 250);
	duration_is("10s", 10000);
	duration_is("5m", 300000);
	duration_is("1h", 3600000);
	duration_is("2d", 172800000);
	duration_is("1h30m", 5400000);
	duration_is("1d2h3m4s5ms", 93784005);
	duration_is("007s", 7000);
	duration_is("1.5s", 1500);
	duration_is("0.25h", 900000);
	duration_is("0.9999ms", 0);
	duration_is("forever", INT64_MAX);
	duration_is("36525d", INT64_C(36525) * 86400000);
	for (size_t i = 0; i < COUNT(bad); i++)
		ok(duration_parse(str_of(bad[i]), &ms, NULL) < 0, "'%s' is no duration", bad[i]);
	ok(duration_parse((struct str){ NULL, 0 }, &ms, NULL) < 0, "nothing is no duration");
	ok(duration_parse(str_make("1s\0", 3), &ms, NULL) < 0, "a NUL behind it");
	is_int(ms, 7, "a failure leaves the target");
	duration_parse(STR("10"), &ms, &e);
	is_text(e.text, strlen(e.text), "'10' has no unit (give a unit: 10s)", "a bare number");
	duration_parse(STR("ten"), &ms, &e);
	is_text(e.text, strlen(e.text), "'ten' is not a duration (250ms, 10s, 5m, 1h30m, 2d)",
		"a word");
	is_int(duration_parse(STR("36525d1ms"), &ms, &e), ERR_TOO_LARGE,
		"too long by a millisecond");
	is_int(duration_parse(STR("18446744073709551615d"), &ms, &e), ERR_TOO_LARGE,
		"2^64 - 1 days");
	char lots[2000];
	memset(lots, 'z', sizeof(lots));
	duration_parse(str_make(lots, sizeof(lots)), &ms, &e);
	ok(strstr(e.text, "(250ms"), "a long text does not push the advice out");
}

static void formatted(int64_t ms, const char *want)
{
	struct buf b = { 0 };

	duration_format(&b, ms);
	is_text(b.p, b.n, want, "%lld ms reads %s", (long long)ms, want);
	buf_fini(&b);
}

static void test_duration_format(void)
{
	formatted(0, "0ms");
	formatted(250, "250ms");
	formatted(999, "999ms");
	formatted(1000, "1s");
	formatted(1200, "1.2s");
	formatted(59999, "59.9s");
	formatted(60000, "1m");
	formatted(300000, "5m");
	formatted(301000, "5m01s");
	formatted(7500000, "2h05m");
	formatted(7200000, "2h");
	formatted(86400000, "1d");
	formatted(INT64_C(90000000), "1d01h");
	formatted(-1200, "-1.2s");
	formatted(INT64_MAX, "forever");
	formatted(INT64_MIN, "-106751991167d07h");
}

/* What is written reads back, and is what one would write. */
static void written(const char *text, const char *want, char kind)
{
	struct buf once = { 0 }, twice = { 0 };
	int64_t ms = 0;
	uint64_t bytes = 0;
	double rate = 0;
	struct str in = str_of(text);

	for (int i = 0; i < 2; i++) {
		struct buf *b = i ? &twice : &once;
		int rc = kind == 'd' ? duration_parse(in, &ms, NULL)
			: kind == 's' ? size_parse(in, &bytes, NULL) : rate_parse(in, &rate, NULL);
		if (rc != 0)
			break;
		if (kind == 'd')
			duration_write(b, ms);
		else if (kind == 's')
			size_write(b, bytes);
		else
			rate_write(b, rate);
		in = buf_str(b);
	}
	is_text(once.p, once.n, want, "%s is written %s", text, want);
	is_text(twice.p, twice.n, want, "and so again");
	buf_fini(&once);
	buf_fini(&twice);
}

static void test_written(void)
{
	static const char *const durations[][2] = { { "0", "0" }, { "250ms", "250ms" },
		{ "1500ms", "1s500ms" }, { "30s", "30s" }, { "90s", "1m30s" }, { "60m", "1h" },
		{ "90m", "1h30m" }, { "48h", "2d" }, { "36525d", "36525d" }, { "forever", "forever" },
		{ "1d1ms", "1d1ms" } };
	static const char *const sizes[][2] = { { "0", "0" }, { "512", "512" }, { "65536", "64k" },
		{ "1024k", "1m" }, { "1536m", "1536m" }, { "2g", "2g" }, { "3t", "3t" },
		{ "1025", "1025" }, { "18446744073709551615", "18446744073709551615" } };
	static const char *const rates[][2] = { { "500/s", "500/s" }, { "10000", "10k/s" },
		{ "1m/s", "1m/s" }, { "100/m", "100/m" }, { "600/m", "10/s" }, { "1/h", "1/h" },
		{ "2.5/s", "150/m" }, { "7/h", "7/h" }, { "0.123456789/s", "0.123456789/s" } };

	for (size_t i = 0; i < sizeof durations / sizeof *durations; i++)
		written(durations[i][0], durations[i][1], 'd');
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		written(sizes[i][0], sizes[i][1], 's');
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
		written(rates[i][0], rates[i][1], 'r');
}

static void size_is(const char *text, uint64_t want)
{
	uint64_t v = 1;

	ok(size_parse(str_of(text), &v, NULL) == 0 && v == want, "%s is %llu bytes", text,
		(unsigned long long)want);
}

static void test_sizes(void)
{
	static const char *const bad[] = { "", "k", "-1", "1.5m", "64kb", "64 k", "1p", "1kk",
		"0x10", "18446744073709551616", "18014398509481984k", "16777216t", "1@", "1\x0b" };
	struct err e = { 0 };
	uint64_t v = 3;

	size_is("0", 0);
	size_is("512", 512);
	size_is("64k", 65536);
	size_is("64K", 65536);
	size_is("1m", 1048576);
	size_is("2g", UINT64_C(2147483648));
	size_is("16777215t", UINT64_C(16777215) << 40);
	size_is("18446744073709551615", UINT64_MAX);
	for (size_t i = 0; i < COUNT(bad); i++)
		ok(size_parse(str_of(bad[i]), &v, NULL) < 0, "'%s' is no size", bad[i]);
	ok(size_parse(str_make("1\0", 2), &v, NULL) < 0, "a NUL is no unit");
	is_int(v, 3, "a failure leaves the target");
	size_parse(STR("big"), &v, &e);
	is_text(e.text, strlen(e.text), "'big' is not a size (512, 64k, 1m, 2g)", "the sentence");
}

static void rate_is(const char *text, double want)
{
	double v = -1;

	ok(rate_parse(str_of(text), &v, NULL) == 0 && v == want, "%s is %g a second (%g)", text,
		want, v);
}

static void test_rates(void)
{
	static const char *const bad[] = { "", "/s", "-1/s", "1/", "1/x", "1/ss", "1 /s", "k/s",
		"1g/s", "nan", "inf", "1e3", "0x1", "1/s ", "18446744073709551615m/s", "1./s" };
	double v = 3;

	rate_is("0", 0);
	rate_is("500", 500);
	rate_is("500/s", 500);
	rate_is("10k/s", 10000);
	rate_is("10k", 10000);
	rate_is("1m/s", 1000000);
	rate_is("1m", 1000000);
	rate_is("600/m", 10);
	rate_is("1.5k/s", 1500);
	rate_is("7200/h", 2);
	for (size_t i = 0; i < COUNT(bad); i++)
		ok(rate_parse(str_of(bad[i]), &v, NULL) < 0, "'%s' is no rate", bad[i]);
	ok(v == 3, "a failure leaves the target");
}

static void time_is(const char *text, int64_t want)
{
	int64_t ms = -1;
	struct err e = { 0 };

	ok(time_parse(str_of(text), &ms, &e) == 0 && ms == want, "%s is %lld (%lld %s)", text,
		(long long)want, (long long)ms, e.text);
}

static void test_times(void)
{
	static const char *const bad[] = { "", "2026-11-24", "2026-11-24T08:55Z",
		"2026-11-24T08:55:22", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
		"2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
		"2026-11-00T00:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T00:60:00Z",
		"2026-11-24T08:55:60Z", "2026-11-24T08:55:61Z", "2026-11-24T08:55:22.Z",
		"2026-11-24T08:55:22,5Z", "2026-11-24T08:55:22+1:00", "2026-11-24T08:55:22+0100",
		"2026-11-24T08:55:22+24:00", "2026-11-24T08:55:22+01:60", "2026-11-24T08:55:22Zx",
		"2026-11-24T08:55:22 Z", "26-11-24T08:55:22Z", "12026-11-24T08:55:22Z",
		"-026-11-24T08:55:22Z", "2026-1 -24T08:55:22Z", "2026-11-24x08:55:22Z",
		"2026-11-24T08:55:22+", "yesterday" };
	struct err e = { 0 };
	int64_t ms = 5;

	time_is("1970-01-01T00:00:00Z", 0);
	time_is("2026-11-24T08:55:22.125Z", INT64_C(1795510522125));
	time_is("2026-11-24T10:00:00+01:00", INT64_C(1795510800000));
	time_is("2026-11-24t10:00:00.5z", INT64_C(1795514400500));
	time_is("2026-11-24 10:00:00Z", INT64_C(1795514400000));
	time_is("2026-11-24T10:00:00.123999999999Z", INT64_C(1795514400123));
	time_is("2026-11-24T00:30:00-00:45", INT64_C(1795482900000));
	time_is("1969-12-31T23:59:59.999Z", -1);
	time_is("2000-02-29T00:00:00Z", INT64_C(951782400000));
	time_is("2016-12-31T23:59:60Z", INT64_C(1483228800000));
	time_is("2017-01-01T00:59:60+01:00", INT64_C(1483228800000));
	time_is("0000-01-01T00:00:00Z", INT64_C(-62167219200000));
	time_is("9999-12-31T23:59:59.999Z", INT64_C(253402300799999));
	for (size_t i = 0; i < COUNT(bad); i++)
		ok(time_parse(str_of(bad[i]), &ms, NULL) < 0, "'%s' is no time", bad[i]);
	is_int(ms, 5, "a failure leaves the target");
	time_parse(STR("2026-11-24T08:55:22"), &ms, &e);
	ok(strstr(e.text, "no zone"), "a missing zone is named: %s", e.text);
}

/* Against timegm, and back through time_format. */
static void test_time_model(void)
{
	uint64_t seed = 17;
	int i;

	for (i = 0; i < 20000; i++) {
		int64_t want = (int64_t)(draw(&seed) % 315569519999000) - 62167219200000, got = 0;
		time_t t = (time_t)((want - (want % 1000 + 1000) % 1000) / 1000);
		struct tm tm;
		char text[64];
		struct buf b = { 0 };
		bool same;

		gmtime_r(&t, &tm);
		snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
			tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
			tm.tm_sec, (int)((want % 1000 + 1000) % 1000));
		time_format(&b, want);
		same = str_eq(buf_str(&b), str_of(text)) &&
		       time_parse(buf_str(&b), &got, NULL) == 0 && got == want;
		buf_fini(&b);
		if (!same)
			break;
	}
	is_int(i, 20000, "ten thousand years agree with libc (seed 17)");
	struct buf b = { 0 };
	time_format(&b, INT64_MAX);
	buf_add_char(&b, ' ');
	time_format(&b, INT64_MIN);
	is_text(b.p, b.n, "9999-12-31T23:59:59.999Z 0000-01-01T00:00:00.000Z",
		"years beyond four digits");
	buf_fini(&b);
}

static void test_clocks(void)
{
	int64_t ms = clock_ms(), us = clock_us(), wall = clock_wall_ms();

	ok(us / 1000 >= ms && us / 1000 < ms + 60000, "two views of one clock");
	ok(clock_ms() >= ms, "it does not go back");
	ok(wall > INT64_C(1700000000000), "the wall clock is set");
	setenv("RT_CLOCK_OFFSET_MS", "-86400000", 1);
	ok(clock_wall_ms() < wall - 86000000, "tests may shift the wall clock");
	ok(clock_ms() >= ms, "but not the other");
	unsetenv("RT_CLOCK_OFFSET_MS");
}

int main(void)
{
	test_durations();
	test_duration_format();
	test_written();
	test_sizes();
	test_rates();
	test_times();
	test_time_model();
	test_clocks();
	return tap_done();
}
