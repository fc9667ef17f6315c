/* test_html.c - pages of all kinds of results: escaped, balanced, nothing fetched, no number that is none
 *
 * test_html [DIR] leaves the pages there to be looked at. */
#include "bench/chart.h"
#include "bench/html.h"
#include "support/result_make.h"
#include "tap.h"

#include <ctype.h>
#include <math.h>

static const char evil[] = "<script>alert(1)</script>\"' onload='x' \xff\x1b[31m \xe2\x80\xae&amp; ]]> </style></title>";

/* --- results ---------------------------------------------------------------------------------- */

static void describe(struct result *r, double seconds)
{
	result_init(r);
	r->scenario = mem_strdup("fanout");
	r->url = mem_strdup("wss://bench.example.net/rooms");
	r->profile = mem_strdup("rt");
	r->transport = mem_strdup("ws");
	r->version = mem_strdup("0.1");
	r->command = mem_strdup("rt-bench fanout -c 1000 -r 100/s -d 60s --pid 4711 --html report.html wss://bench.example.net/rooms");
	r->started_ms = 1795514035526;
	r->subscribers = 1000;
	r->publishers = 2;
	r->rooms = 1;
	r->size = 128;
	r->rate = 100;
	r->seconds = seconds;
}

static uint64_t noise(uint64_t *seed, double middle, double spread)
{
	double u = (double)(draw(seed) >> 11) / 9007199254740992.0;

	return (uint64_t)(middle * exp(spread * (u * u * u * 4 - 0.3)));
}

/* A run with a stall at two thirds. */
static void run(struct result *r, unsigned seconds)
{
	uint64_t seed = 11;

	describe(r, seconds);
	for (unsigned i = 0; i < seconds; i++) {
		bool stall = i > 10 && (i == seconds * 2 / 3 || i == seconds * 2 / 3 + 1);
		struct result_sample s = { .at_s = i, .for_s = 1, .sent = 100, .received = stall ? 31000 + draw_below(&seed, 900) : 100000,
			.connected = i < 5 ? 900 + i * 20 : 1000, .p50 = noise(&seed, 1.2e6, 0.3), .p99 = noise(&seed, 4e6, stall ? 4 : 0.5),
			.tool_cpu = 0.3 + draw_below(&seed, 100) / 1000.0, .tool_rss = (14 << 20) + i * 20000,
			.server_cpu = 0.5 + draw_below(&seed, 200) / 1000.0, .server_rss = (30 << 20) + i * 70000, .server_fds = 1012 };
		s.max = s.p99 + noise(&seed, 3e6, stall ? 6 : 1);
		result_add_sample(r, &s);
		for (int k = 0; k < 2000; k++) {
			uint64_t late = noise(&seed, 1.2e6, stall ? 2.2 : 0.9);
			hist_add(&r->latency, late);
			hist_add(&r->uncorrected, stall ? late / 3 : late * 9 / 10);
		}
		hist_add(&r->ack, noise(&seed, 1e6, 1));
		hist_add(&r->lag, noise(&seed, 4e4, 1));
	}
	for (int i = 0; i < 1000; i++)
		hist_add(&r->connect, noise(&seed, 2e7, 0.7));
	r->due = r->sent = r->acked = 100 * (uint64_t)seconds;
	r->verdict.expected = r->verdict.received = 100000 * (uint64_t)seconds;
	r->bytes = r->verdict.received * 180;
	r->opened = 1000;
	r->tool_cpu_s = 0.35 * seconds;
	r->server_cpu_s = 0.6 * seconds;
}

/* --- promises --------------------------------------------------------------------------------- */

static size_t count(const struct buf *page, const char *word)
{
	size_t n = 0;

	for (struct str rest = buf_str(page); rest.n; n++) {
		long at = str_find(rest, str_of(word));
		if (at < 0)
			break;
		rest = str_skip(rest, (size_t)at + strlen(word));
	}
	return n;
}

/* Every element that is opened is closed, in order; the text between is no tag. */
static bool is_balanced(const struct buf *page)
{
	static const char *const empty[] = { "meta", "!doctype", "path", "br" };
	char stack[64][16];
	size_t depth = 0;

	for (size_t i = 0; i < page->n; i++) {
		size_t from = i + 1, to;
		bool closing, alone = false;
		char name[16];

		if (page->p[i] != '<')
			continue;
		if (depth && (strcmp(stack[depth - 1], "script") == 0 || strcmp(stack[depth - 1], "style") == 0) && page->p[from] != '/')
			continue;
		closing = page->p[from] == '/';
		from += closing;
		for (to = from; to < page->n && (isalnum((unsigned char)page->p[to]) || page->p[to] == '!'); to++)
			;
		if (to == from || to - from >= sizeof(name))
			return false;
		snprintf(name, sizeof(name), "%.*s", (int)(to - from), page->p + from);
		for (bool quoted = false; to < page->n && (quoted || page->p[to] != '>'); to++)
			quoted ^= page->p[to] == '"';
		for (size_t k = 0; k < sizeof(empty) / sizeof(empty[0]); k++)
			alone |= strcmp(name, empty[k]) == 0;
		i = to;
		if (alone)
			continue;
		if (closing && (!depth || strcmp(stack[--depth], name) != 0)) {
			printf("# </%s> at %zu\n", name, from);
			return false;
		}
		if (!closing && depth == 64)
			return false;
		if (!closing)
			strcpy(stack[depth++], name);
	}
	return depth == 0;
}

static void page_of(struct result *r, const char *name, const char *dir, size_t figures, const char *must)
{
	struct buf page = { 0 };

	html_report(r, &page);
	ok(is_balanced(&page), "%s: the elements are balanced", name);
	ok(str_utf8(buf_str(&page)), "%s: it is UTF-8", name);
	is_int(count(&page, "<figure>"), figures, "%s: its figures", name);
	ok(count(&page, "nan") == 0 && count(&page, "inf\"") == 0 && count(&page, "NaN") == 0, "%s: no number that is none", name);
	ok(count(&page, "src=") == 0 && count(&page, "href=") == 0 && count(&page, "url(") == 0 && count(&page, "@import") == 0 &&
			count(&page, "fetch(") == 0, "%s: nothing is fetched", name);
	ok(count(&page, "<script>") == 1 && count(&page, "<style>") == 1 && count(&page, "</style>") == 1 && count(&page, "<h1>") == 1,
		"%s: one script and one style sheet, its own", name);
	is_int(count(&page, "aria-label="), figures, "%s: a text for each figure", name);
	ok(count(&page, must) > 0, "%s: it says '%s'", name, must);
	ok(page.n < 600000, "%s: %zu bytes", name, page.n);
	if (dir) {
		char path[300];
		FILE *f;
		snprintf(path, sizeof(path), "%s/%s.html", dir, name);
		f = fopen(path, "w");
		fwrite(page.p, 1, page.n, f);
		fclose(f);
	}
	buf_fini(&page);
	result_fini(r);
}

static void test_pages(const char *dir)
{
	struct result r;

	run(&r, 60);
	page_of(&r, "full", dir, 7, "held: nothing lost, p99 ");
	run(&r, 10000);
	page_of(&r, "long", dir, 7, "Each point stands for 34 samples: the worst of them.");
	run(&r, 1);
	page_of(&r, "one-sample", dir, 7, "held: nothing lost");
	run(&r, 20);
	r.n_samples = 0;
	page_of(&r, "no-samples", dir, 1, "Latency by percentile");
	describe(&r, 10);
	page_of(&r, "nothing", dir, 0, "VOID: nothing was measured");
	describe(&r, 5);
	r.publishers = 0;
	r.opened = 1000;
	hist_add_n(&r.upgrade, 20000000, 1000);
	hist_add_n(&r.connect, 21000000, 1000);
	hist_add_n(&r.back, 90000000, 500);
	r.storm_s = -1;
	for (int i = 0; i < MEMORY_MOMENTS; i++)
		r.memory[i] = (struct result_memory){ .known = true, .server_rss = (6u + (i > 0) * 4u) << 20, .tool_rss = 9 << 20, .slab = 99 << 20 };
	page_of(&r, "storm", dir, 0, "<td>4.10 KiB</td>");
	describe(&r, 0);
	result_end(&r, END_DENIED, "a token is wanted");
	page_of(&r, "denied", dir, 0, "DENIED: a token is wanted");
	describe(&r, 0);
	result_end(&r, END_REFUSED, "cannot connect to 'wss://bench.example.net/rooms': connection refused");
	result_errors(&r, "cannot connect to 'wss://bench.example.net/rooms': connection refused", 3);
	r.failed = 3;
	page_of(&r, "refused", dir, 0, "REFUSED: cannot connect to &#39;wss://");
	run(&r, 30);
	r.verdict.received -= 12;
	r.verdict.lost = 12;
	r.verdict.undeclared = 12;
	r.verdict.reordered = 3;
	r.missed = mem_strdup("p99 is 61.0 ms, at most 50ms is wanted\nlost is 12, at most 0 is wanted");
	result_errors(&r, "connection to 'wss://bench.example.net/rooms' lost: connection reset by peer", 1234);
	page_of(&r, "lossy", dir, 7, "LOST 12 of 3,000,000, reordered 3");
	run(&r, 5);
	result_end(&r, END_GENERATOR, "it came late to what was due: 31.0 ms for the worst 1 %%, where 10 ms are tolerable");
	for (size_t i = 0; i < r.n_samples; i++)
		r.samples[i].server_cpu = -1;
	r.samples[1].p50 = r.samples[1].p99 = r.samples[1].max = r.samples[1].received = 0;
	r.samples[3].p50 = r.samples[3].p99 = r.samples[3].max = r.samples[3].received = 0;
	r.server_cpu_s = -1;
	page_of(&r, "void", dir, 7, "VOID: it came late");
}

static void test_escape(const char *dir)
{
	static const char *const safe[][2] = {
		{ "a<b>&\"'", "a&lt;b&gt;&amp;&quot;&#39;" },
		{ "caf\xc3\xa9 \xf0\x9f\x98\x80", "caf\xc3\xa9 \xf0\x9f\x98\x80" },
		{ "\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\x01\n\x7f", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xe2\x80\xaegnp.exe", "\xef\xbf\xbdgnp.exe" },
		{ "", "" },
	};
	struct result r;

	for (size_t i = 0; i < sizeof(safe) / sizeof(safe[0]); i++) {
		struct buf b = { 0 };
		chart_escape(&b, str_of(safe[i][0]));
		is_text(b.p, b.n, safe[i][1], "escaped");
		buf_fini(&b);
	}
	run(&r, 5);
	mem_free(r.scenario);
	mem_free(r.url);
	mem_free(r.profile);
	mem_free(r.transport);
	mem_free(r.command);
	mem_free(r.version);
	r.scenario = mem_strdup(evil);
	r.url = mem_strdup(evil);
	r.profile = mem_strdup(evil);
	r.transport = mem_strdup(evil);
	r.command = mem_strdup(evil);
	r.version = mem_strdup(evil);
	r.example = mem_strdup(evil);
	r.unrecognised = 1;
	r.missed = mem_strdup(evil);
	result_errors(&r, evil, 1);
	r.end = END_GENERATOR;
	r.why = mem_strdup(evil);
	page_of(&r, "evil", dir, 7, "&lt;script&gt;");
}

int main(int argc, char **argv)
{
	test_pages(argc > 1 ? argv[1] : NULL);
	test_escape(argc > 1 ? argv[1] : NULL);
	return tap_done();
}
