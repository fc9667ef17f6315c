/* test_limits.c - what limits are, whether a run holds them, and numbers for people */
#include "base/mem.h"
#include "bench/figure.h"
#include "bench/limits.h"
#include "tap.h"

static struct limits limits;

static void parses(const char *text, double want)
{
	struct err e = { 0 };

	limits.n = 0;
	ok(limits_parse(&limits, text, true, &e) == 0 && limits.n == 1 && limits.v[0].value == want, "%s is %g (%g %s)", text, want,
		limits.v[0].value, e.text);
}

static void refused(const char *text, const char *why)
{
	struct err e = { 0 };

	limits.n = 0;
	is_int(limits_parse(&limits, text, true, &e), ERR_USAGE, "'%s' is no limit", text);
	is_text(e.text, strlen(e.text), why, "because");
}

static void test_parse(void)
{
	static const char *const families[] = { "", "u_", "lag_", "connect_", "ack_" };
	static const char *const points[] = { "p50", "p90", "p99", "p999", "p9999", "p99999", "max" };
	static const char *const counts[] = { "sent", "lost", "undeclared", "dup", "reordered", "phantom", "unrecognised", "gaps", "errors",
		"acked", "refused", "blocked", "opened", "failed", "broken" };
	char text[64];
	struct err e = { 0 };

	for (size_t f = 0; f < 5; f++) {
		for (size_t p = 0; p < 7; p++) {
			snprintf(text, sizeof(text), "%s%s=50ms", families[f], points[p]);
			parses(text, 50e6);
		}
	}
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		snprintf(text, sizeof(text), "%s=7", counts[i]);
		parses(text, 7);
	}
	parses("p99=250us", 250e3);
	parses("p99=1.5ms", 1.5e6);
	parses("p99=700ns", 700);
	parses("p99=2s", 2e9);
	parses("p99=1m", 60e9);
	parses("p99=1m30s", 90e9);
	parses(" p99 = 50ms ", 50e6);
	parses("rate=10k/s", 10000);
	parses("rate=600/m", 10);
	parses("delivered=1m", 1e6);
	parses("received=99.9%", 99.9);
	parses("received=99", 99);
	parses("server_cpu=250%", 250);
	parses("server_rss=64m", 64 << 20);
	parses("lost=0", 0);
	limits.n = 0;
	ok(limits_parse(&limits, "p99=50ms,lost=0", true, &e) == 0 && limits_parse(&limits, "rate=1k", false, &e) == 0 && limits.n == 3 &&
			limits.v[1].max && !limits.v[2].max, "several, of both kinds");
	refused("", "limit '' is not of the form p99=50ms");
	refused("p99", "limit 'p99' is not of the form p99=50ms");
	refused("p99=", "limit 'p99=' is not of the form p99=50ms");
	refused("p99=50ms,", "limit '' is not of the form p99=50ms");
	refused("p99=50", "'50' has no unit (give a unit: 50s)");
	refused("p99=1e3ms", "'1e3ms' is not a duration (250ms, 10s, 5m, 1h30m, 2d)");
	refused("p99=-1ms", "'-1ms' is not a duration (250ms, 10s, 5m, 1h30m, 2d)");
	refused("p99=0x10us", "'0x10us' is not a duration (250ms, 10s, 5m, 1h30m, 2d)");
	refused("lost=none", "'none' is not a count");
	refused("lost=-1", "'-1' is not a count");
	refused("lost=1.5", "'1.5' is not a count");
	refused("rate=fast", "'fast' is not a rate (500/s, 10k/s, 600/m)");
	refused("received=nan", "'nan' is not a percentage (99.9%)");
	refused("received=%", "'%' is not a percentage (99.9%)");
	refused("received=+5", "'+5' is not a percentage (99.9%)");
	refused("server_rss=lots", "'lots' is not a size (512, 64k, 1m, 2g)");
	limits.n = 0;
	limits_parse(&limits, "latency=50ms", true, &e);
	ok(strncmp(e.text, "no metric 'latency' (there are: sent ", 37) == 0 && e.text[strlen(e.text) - 1] == ')', "%s", e.text);
	limits.n = 0;
	for (int i = 0; i < LIMITS_MAX; i++)
		limits_parse(&limits, "lost=0", true, &e);
	is_int(limits_parse(&limits, "lost=0", true, &e), ERR_USAGE, "more than there is room for");
}

static void test_check(void)
{
	struct result r;
	struct err e;

	result_init(&r);
	hist_add_n(&r.latency, 50000000, 100);
	r.seconds = 10;
	r.sent = 1000;
	r.verdict.expected = 100;
	r.verdict.received = 99;
	r.verdict.lost = 1;
	limits.n = 0;
	limits_parse(&limits, "p99=50ms,lost=1,u_p99=1s", true, &e);
	limits_parse(&limits, "rate=100/s,received=99%", false, &e);
	is_int(limits_check(&limits, &r), 1, "what is just held is held, what was not measured is missed");
	is_text(r.missed, strlen(r.missed), "u_p99 is unknown, nothing was measured, at most 1s is wanted", "and said");
	limits.n = 0;
	limits_parse(&limits, "p99=49.9ms,lost=0", true, &e);
	limits_parse(&limits, "rate=101/s,received=99.5", false, &e);
	is_int(limits_check(&limits, &r), 4, "all missed");
	is_text(r.missed, strlen(r.missed),
		"p99 is 50.0 ms, at most 49.9ms is wanted\nlost is 1, at most 0 is wanted\n"
		"rate is 100/s, at least 101/s is wanted\nreceived is 99 %, at least 99.5 is wanted",
		"a line each");
	limits.n = 0;
	is_int(limits_check(&limits, &r), 0, "nothing asked for, nothing missed");
	ok(!r.missed, "and nothing said");
	result_fini(&r);
	result_init(&r);
	limits_parse(&limits, "lost=0,dup=0,errors=0", true, &e);
	is_int(limits_check(&limits, &r), 2, "a run in which nothing was expected has not held lost=0");
	result_fini(&r);
}

static void reads(double v, const char *unit, const char *want)
{
	struct buf b = { 0 };

	figure_value(&b, v, unit);
	is_text(b.p, b.n, want, "%g %s reads %s", v, unit, want);
	buf_fini(&b);
}

static void test_figures(void)
{
	reads(0, "ns", "0 ns");
	reads(999, "ns", "999 ns");
	reads(999.6, "ns", "1.00 us");
	reads(1234, "ns", "1.23 us");
	reads(12345, "ns", "12.3 us");
	reads(99960, "ns", "100 us");
	reads(999400, "ns", "999 us");
	reads(999600, "ns", "1.00 ms");
	reads(9.994e6, "ns", "9.99 ms");
	reads(9.996e6, "ns", "10.0 ms");
	reads(61.24e6, "ns", "61.2 ms");
	reads(999.4e6, "ns", "999 ms");
	reads(1.005e9, "ns", "1.00 s");
	reads(12345e9, "ns", "12,345 s");
	reads(0, "", "0");
	reads(999, "", "999");
	reads(1000, "", "1,000");
	reads(1234567, "", "1,234,567");
	reads(100000, "", "100,000");
	reads(99940.4, "/s", "99,940/s");
	reads(99.6, "/s", "100/s");
	reads(12.34, "/s", "12.3/s");
	reads(0.35, "/s", "0.35/s");
	reads(0, "/s", "0/s");
	reads(100, "%", "100 %");
	reads(99.9999996, "%", "99.999999 %");
	reads(99.9996, "%", "99.9996 %");
	reads(99.98, "%", "99.98 %");
	reads(0, "%", "0 %");
	reads(1023, "bytes", "1023 bytes");
	reads(1024, "bytes", "1.00 KiB");
	reads(34.56 * 1048576, "bytes", "34.6 MiB");
	reads(1048575, "bytes", "1.00 MiB");
}

int main(void)
{
	test_parse();
	test_check();
	test_figures();
	return tap_done();
}
