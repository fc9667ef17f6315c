/* test_result.c - results to JSON and back, what is no result, merging against one run that had it all, and metrics */
#include "bench/merge.h"
#include "bench/result.h"
#include "support/result_make.h"
#include "tap.h"

#include <jansson.h>

#define N(a) (sizeof(a) / sizeof((a)[0]))

static bool parses_back(const struct result *r)
{
	struct buf one = { 0 }, two = { 0 };
	struct result back;
	struct err e = { 0 };
	bool same;

	result_init(&back);
	result_format(r, &one);
	same = result_parse(&back, buf_str(&one), &e) == 0;
	result_format(&back, &two);
	same &= str_eq(buf_str(&one), buf_str(&two)) && one.p[one.n - 1] == '\n' && !memchr(one.p, '\n', one.n - 1);
	if (!same)
		printf("# %s\n# %.*s# %.*s", e.text, (int)one.n, one.p, (int)two.n, two.p);
	result_fini(&back);
	buf_fini(&one);
	buf_fini(&two);
	return same;
}

static void test_json(void)
{
	struct result r;
	size_t good = 0;

	result_init(&r);
	r.scenario = mem_strdup("fanout");
	ok(parses_back(&r), "an empty one comes back");
	result_fini(&r);
	for (uint64_t seed = 1; seed <= 50; seed++) {
		result_init(&r);
		result_make(&r, seed, (unsigned)seed % 20);
		if (seed % 3 == 0)
			result_end(&r, (enum result_end)(seed % 4), "because of \"%llu\"", (unsigned long long)seed);
		if (seed % 5 == 0)
			r.missed = mem_strdup("p99 is 61 ms, at most 50ms is wanted\nlost is 3, at most 0 is wanted");
		good += parses_back(&r);
		result_fini(&r);
	}
	is_int(good, 50, "results of all kinds come back to the byte, on one line");
	result_init(&r);
	hist_add_n(&r.latency, HIST_MAX, 1000000);
	hist_add(&r.latency, 12345);
	hist_add_n(&r.ack, (UINT64_C(1) << 40) + 1, 4194304 + 1);
	ok(parses_back(&r), "and sums that are too great for an integer, or for a double");
	result_fini(&r);
}

static void refused(const char *text, const char *why)
{
	struct result r;
	struct err e = { 0 };

	result_init(&r);
	is_int(result_parse(&r, str_of(text), &e), ERR_INVALID, "no result: %.60s", text);
	ok(strncmp(e.text, why, strlen(why)) == 0, "because %s (%s)", why, e.text);
	result_fini(&r);
}

/* A member of a good one replaced. */
static void refused_with(const char *name, const char *value, const char *why)
{
	struct result r;
	struct buf text = { 0 };
	json_t *v, *with = json_loads(value, JSON_DECODE_ANY, NULL);
	char *changed;

	result_init(&r);
	result_make(&r, 1, 3);
	result_format(&r, &text);
	v = json_loadb(text.p, text.n, 0, NULL);
	json_object_set_new(v, name, with);
	changed = json_dumps(v, JSON_COMPACT);
	refused(changed, why);
	free(changed);
	json_decref(v);
	result_fini(&r);
	buf_fini(&text);
}

static void test_no_result(void)
{
	static const char *const hists[] = { "7", "{}", "{\"n\":1,\"min\":1,\"max\":1,\"sum\":1,\"buckets\":[]}",
		"{\"n\":1,\"min\":1,\"max\":1,\"sum\":1,\"buckets\":[[1,2]]}", "{\"n\":1,\"min\":1,\"max\":1,\"sum\":1,\"buckets\":[[1,-1]]}",
		"{\"n\":1,\"min\":1,\"max\":1,\"sum\":1,\"buckets\":[[1]]}", "{\"n\":1,\"min\":1,\"max\":1,\"buckets\":[[1,1]]}",
		"{\"n\":1,\"min\":2,\"max\":1,\"sum\":1,\"buckets\":[[1,1]]}", "{\"n\":1,\"min\":1,\"max\":9,\"sum\":1,\"buckets\":[[1,1]]}",
		"{\"n\":1,\"min\":0,\"max\":1,\"sum\":1,\"buckets\":[[1,1]]}" };

	refused("", "not JSON");
	refused("{\"rt_bench\":1", "not JSON");
	refused("[]", "not a result of rt-bench");
	refused("7", "not JSON");
	refused("{}", "not a result of rt-bench");
	refused("{\"rt_bench\":2}", "not a result of rt-bench");
	refused("{\"rt_bench\":1}", "'end' is not one of");
	refused_with("end", "\"over\"", "'end' is not one of done, stopped, generator, refused");
	refused_with("sent", "-1", "'sent' is not a count");
	refused_with("lost", "\"0\"", "'lost' is not a count");
	refused_with("seconds", "\"10\"", "'seconds' is not a number");
	refused_with("url", "7", "'url' is not a string");
	refused_with("samples", "{}", "'samples' is not an array");
	refused_with("samples", "[7]", "'samples' is not an array of objects");
	refused_with("samples", "[{\"p99_ns\":1.5}]", "'p99_ns' is not a count");
	refused_with("errors", "[{\"n\":1}]", "'errors' is not an array of texts");
	refused_with("missed", "7", "'missed' is not an array");
	for (size_t i = 0; i < N(hists); i++)
		refused_with("latency_ns", hists[i], "'latency_ns' is not a histogram");
}

/* --- merging ---------------------------------------------------------------------------------- */

static void is_same(const struct result *a, const struct result *b, const char *what)
{
	struct buf x = { 0 }, y = { 0 };

	result_format(a, &x);
	result_format(b, &y);
	if (!ok(str_eq(buf_str(&x), buf_str(&y)), "%s", what))
		printf("# got  %.*s# want %.*s", (int)x.n, x.p, (int)y.n, y.p);
	buf_fini(&x);
	buf_fini(&y);
}

static void describe(struct result *r)
{
	result_init(r);
	r->scenario = mem_strdup("fanout");
	r->url = mem_strdup("ws://127.0.0.1:8080");
	r->profile = mem_strdup("rt");
	r->transport = mem_strdup("ws");
	r->started_ms = 1795514035526;
	r->seconds = 10;
	r->rooms = 3;
	r->size = 128;
}

/* A run of 10 s is counted whole and in parts, as if each part had seen some of the connections. */
static void test_merge(void)
{
	enum { PARTS = 3 };
	struct result whole, part[PARTS], merged, *v[PARTS];
	uint64_t seed = 9;

	describe(&whole);
	for (int i = 0; i < PARTS; i++) {
		describe(&part[i]);
		v[PARTS - 1 - i] = &part[i];
	}
	for (int i = 0; i < 100000; i++) {
		struct result *of[] = { &whole, &part[draw_below(&seed, PARTS)] };
		uint64_t value = draw(&seed) >> (30 + draw_below(&seed, 20));
		for (int k = 0; k < 2; k++) {
			struct result *r = of[k];
			hist_add(&r->latency, value);
			hist_add(&r->uncorrected, value / 2);
			if (i % 100 == 0)
				hist_add(&r->connect, value);
			if (i % 10 == 0)
				hist_add(&r->ack, value);
			hist_add(&r->lag, value >> 10);
			r->sent += i % 10 == 0;
			r->due += i % 10 == 0;
			r->acked += i % 10 == 0;
			r->bytes += value % 1000;
			r->verdict.expected++;
			r->verdict.received += i % 1000 != 0;
			r->verdict.lost += i % 1000 == 0;
			r->verdict.undeclared += i % 2000 == 0;
			r->verdict.dup += i % 3000 == 0;
			r->verdict.reordered += i % 4000 == 0;
			r->verdict.phantom += i % 5000 == 0;
			r->verdict.away += i % 6000 == 0;
			r->verdict.early += i % 7000 == 0;
			r->refused += i % 8000 == 0;
			r->blocked += i % 9000 == 0;
			r->foreign += i % 10000 == 0;
			r->unrecognised += i % 11000 == 0;
			r->gaps += i % 12000 == 0;
			r->opened += i % 100 == 0;
			r->subscribers += i % 100 == 0;
			r->publishers += i % 50000 == 0;
			r->failed += i % 13000 == 0;
			r->broken += i % 14000 == 0;
			if (i % 15000 == 0)
				result_errors(r, "cannot connect", 1);
		}
	}
	for (unsigned s = 0; s < 10; s++) {
		struct result_sample sum = { .at_s = s, .for_s = 1, .server_cpu = -1 };
		for (int i = 0; i < PARTS; i++) {
			struct result_sample one = { .at_s = s, .for_s = 1, .sent = draw_below(&seed, 100), .received = draw_below(&seed, 100),
				.connected = 5, .p50 = draw_below(&seed, 100), .p99 = draw_below(&seed, 1000), .max = draw_below(&seed, 10000),
				.tool_cpu = 0.25, .tool_rss = 1 << 20, .server_cpu = -1 };
			result_add_sample(&part[i], &one);
			sum.sent += one.sent;
			sum.received += one.received;
			sum.connected += one.connected;
			sum.p50 = one.p50 > sum.p50 ? one.p50 : sum.p50;
			sum.p99 = one.p99 > sum.p99 ? one.p99 : sum.p99;
			sum.max = one.max > sum.max ? one.max : sum.max;
			sum.tool_cpu += one.tool_cpu;
			sum.tool_rss += one.tool_rss;
		}
		result_add_sample(&whole, &sum);
	}
	for (int i = 0; i < PARTS; i++) {
		part[i].rate = 100 * (i + 1);
		part[i].tool_cpu_s = 1;
	}
	whole.rate = 600;
	whole.tool_cpu_s = 3;
	result_init(&merged);
	results_merge(&merged, v, PARTS);
	is_same(&merged, &whole, "three parts are the whole");
	result_fini(&merged);
	for (int i = 0; i < PARTS; i++)
		result_fini(&part[i]);
	result_init(&merged);
	results_merge(&merged, &(struct result *){ &whole }, 1);
	is_same(&merged, &whole, "one part as well");
	result_fini(&merged);
	result_fini(&whole);
}

static struct result *part_at(struct result *r, int64_t after_ms, unsigned seconds, uint64_t sent)
{
	describe(r);
	r->started_ms += after_ms;
	r->seconds = seconds;
	r->rate = 100;
	r->sent = sent;
	r->server_cpu_s = 1;
	for (unsigned i = 0; i < seconds; i++)
		result_add_sample(r, &(struct result_sample){ .at_s = i, .for_s = 1, .sent = sent / seconds, .server_cpu = 0.5, .server_rss = 100 });
	return r;
}

static void test_merge_times(void)
{
	struct result a, b, c, merged, *v[] = { part_at(&b, 3000, 10, 1000), part_at(&a, 0, 10, 1000), part_at(&c, 60000, 5, 500) };
	double at = -1;
	bool in_order = true;

	b.samples[0].server_cpu = -1;
	mem_free(c.url);
	c.url = mem_strdup("ws://10.0.0.1");
	result_end(&b, END_GENERATOR, "it came late");
	result_init(&merged);
	results_merge(&merged, v, N(v));
	ok(merged.seconds == 18, "13 s together and 5 s later are 18 s (%g)", merged.seconds);
	ok(merged.rate == 2500.0 / 18, "and so is the rate asked for");
	ok(merged.started_ms == 1795514035526, "it begins with the first");
	is_int(merged.n_samples, 18, "samples of the same second are one");
	for (size_t i = 0; i < merged.n_samples; i++) {
		in_order &= merged.samples[i].at_s > at;
		at = merged.samples[i].at_s;
	}
	ok(in_order && at == 64, "in order");
	ok(merged.samples[2].sent == 100 && merged.samples[3].sent == 200 && merged.samples[10].sent == 100, "and hold what both sent");
	ok(merged.samples[4].server_cpu == 0.5 && merged.samples[4].server_rss == 100, "one server seen by two is one server");
	ok(merged.server_cpu_s == 2, "also over the whole run; another one is another");
	is_text(merged.url, strlen(merged.url), "ws://127.0.0.1:8080, ws://10.0.0.1", "both URLs");
	is_text(merged.scenario, strlen(merged.scenario), "fanout", "one scenario");
	ok(merged.end == END_GENERATOR && strcmp(merged.why, "it came late") == 0, "a void part makes it void");
	result_fini(&a);
	result_fini(&b);
	result_fini(&c);
	result_fini(&merged);
}

/* --- metrics, errors, ends -------------------------------------------------------------------- */

static void metric_is(const struct result *r, const char *name, double want, bool want_known, const char *want_unit)
{
	const char *unit = "";
	double value = -1;
	bool known = false;

	ok(result_metric(r, str_of(name), &value, &known, &unit) && known == want_known && (!known || value == want) &&
			strcmp(unit, want_unit) == 0,
		"%s: %g %s (%g %s)", name, want, want_known ? want_unit : "unknown", value, unit);
}

/* Of two storms one was not over. */
static void test_merge_storms(void)
{
	struct result a, b, merged, *v[] = { &a, &b };

	describe(&a);
	describe(&b);
	hist_add(&a.back, 100);
	hist_add(&b.back, 200);
	a.storm_s = 2;
	b.storm_s = 3;
	result_init(&merged);
	results_merge(&merged, v, 2);
	ok(merged.storm_s == 3 && merged.back.n == 2, "of two storms the longer counts");
	result_fini(&merged);
	b.storm_s = -1;
	result_init(&merged);
	results_merge(&merged, v, 2);
	ok(merged.storm_s < 0, "and one after which not all came back");
	result_fini(&merged);
	v[0] = &b;
	v[1] = &a;
	result_init(&merged);
	results_merge(&merged, v, 2);
	ok(merged.storm_s < 0, "whichever was first");
	result_fini(&merged);
	result_fini(&a);
	result_fini(&b);
}

static void test_metrics(void)
{
	struct str names = str_of(result_metric_names());
	const char *unit;
	struct result r;
	double value;
	bool known;
	int n = 0, bad = 0;

	result_init(&r);
	for (struct str rest = str_of(result_metric_names()); rest.p; n++) {
		struct str one = str_cut(rest, ' ', &rest);
		if (one.n && one.p[one.n - 1] == ',')
			break;
		bad += !result_metric(&r, one, &value, &known, &unit);
	}
	ok(bad == 0 && n > 25, "every name in '%.30s...' is a metric", names.p);
	ok(!result_metric(&r, STR("p98"), &value, &known, &unit) && !result_metric(&r, STR("u_lost"), &value, &known, &unit) &&
			!result_metric(&r, STR(""), &value, &known, &unit), "others are not");
	metric_is(&r, "p99", 0, false, "ns");
	metric_is(&r, "rate", 0, false, "/s");
	metric_is(&r, "received", 0, false, "%");
	metric_is(&r, "lost", 0, false, "");
	metric_is(&r, "server_rss", 0, false, "bytes");
	metric_is(&r, "errors", 0, true, "");
	hist_add_n(&r.latency, 100, 99);
	hist_add(&r.latency, 200);
	hist_add(&r.lag, 7);
	hist_add(&r.uncorrected, 8);
	hist_add(&r.connect, 9);
	hist_add(&r.ack, 10);
	r.seconds = 10;
	r.sent = 1000;
	r.verdict = (struct verdict){ .expected = 2000, .received = 1998, .lost = 2, .undeclared = 1, .dup = 3, .reordered = 4, .phantom = 5 };
	r.server_cpu_s = 5;
	r.tool_cpu_s = 20;
	result_errors(&r, "a", 2);
	result_errors(&r, "b", 1);
	result_add_sample(&r, &(struct result_sample){ .tool_rss = 7, .server_rss = 50 });
	result_add_sample(&r, &(struct result_sample){ .tool_rss = 6, .server_rss = 60 });
	metric_is(&r, "p50", 100, true, "ns");
	metric_is(&r, "p99", 100, true, "ns");
	metric_is(&r, "p999", 200, true, "ns");
	metric_is(&r, "max", 200, true, "ns");
	metric_is(&r, "lag_p99", 7, true, "ns");
	metric_is(&r, "u_p50", 8, true, "ns");
	metric_is(&r, "connect_max", 9, true, "ns");
	metric_is(&r, "ack_p90", 10, true, "ns");
	metric_is(&r, "rate", 100, true, "/s");
	metric_is(&r, "delivered", 199.8, true, "/s");
	metric_is(&r, "received", 99.9, true, "%");
	metric_is(&r, "lost", 2, true, "");
	metric_is(&r, "undeclared", 1, true, "");
	metric_is(&r, "dup", 3, true, "");
	metric_is(&r, "reordered", 4, true, "");
	metric_is(&r, "phantom", 5, true, "");
	metric_is(&r, "errors", 3, true, "");
	metric_is(&r, "server_cpu", 50, true, "%");
	metric_is(&r, "tool_cpu", 200, true, "%");
	metric_is(&r, "tool_rss", 7, true, "bytes");
	metric_is(&r, "server_rss", 60, true, "bytes");
	result_fini(&r);
}

static void test_errors(void)
{
	struct result r;

	result_init(&r);
	for (int i = 0; i < 200; i++)
		result_error(&r, "error %d", i / 2);
	ok(r.n_errors == 64 && r.errors[0].n == 2 && strcmp(r.errors[0].text, "error 0") == 0, "errors are counted by their text");
	is_text(r.errors[63].text, strlen(r.errors[63].text), "other errors", "of too many different ones the rest are others");
	is_int(r.errors[63].n, 200 - 63 * 2, "none is forgotten");
	result_end(&r, END_STOPPED, "by a signal");
	result_end(&r, END_REFUSED, "by %s", "the server");
	result_end(&r, END_GENERATOR, "late");
	ok(r.end == END_REFUSED && strcmp(r.why, "by the server") == 0, "the worst end stands");
	result_fini(&r);
}

int main(void)
{
	test_json();
	test_no_result();
	test_merge();
	test_merge_times();
	test_merge_storms();
	test_metrics();
	test_errors();
	return tap_done();
}
