/* fuzz_result.c - any bytes as a result: what is read comes back to the byte, and can be shown, merged and compared
 *
 * Compiled as fuzz_scan.c says, with lib/bench beside it. */
#include "base/mem.h"
#include "bench/compare.h"
#include "bench/html.h"
#include "bench/limits.h"
#include "bench/merge.h"
#include "bench/report.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void show(struct result *r)
{
	static const struct report_style fancy = { .color = true, .blocks = true };
	struct buf table = { 0 }, page = { 0 };
	struct limits limits = { 0 };

	limits_parse(&limits, "p99=1ms,lost=0,rate=1k,server_rss=1m", true, NULL);
	limits_check(&limits, r);
	report_table(r, &fancy, &table);
	html_report(r, &page);
	must(!memchr(table.p, '\0', table.n) && str_utf8(buf_str(&page)));
	buf_fini(&table);
	buf_fini(&page);
}

static void merge_and_compare(struct result *r)
{
	struct result merged, *twice[] = { r, r };
	struct results side = { .v = twice, .n = 2 };
	struct comparison c;
	struct buf text = { 0 };

	result_init(&merged);
	results_merge(&merged, twice, 2);
	must(merged.sent == 2 * r->sent && merged.latency.n == 2 * r->latency.n);
	show(&merged);
	if (compare_make(&c, "a", &side, "b", &side, 0.1, NULL) == 0) {
		must(c.n_worse == 0 && c.n_better == 0);
		compare_table(&c, true, &text);
		compare_json(&c, &text);
	}
	compare_fini(&c);
	buf_fini(&text);
	result_fini(&merged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf one = { 0 }, two = { 0 };
	struct result r, back;
	struct err e = { 0 };

	result_init(&r);
	result_init(&back);
	if (result_parse(&r, str_make((const char *)data, size), &e) == 0) {
		result_format(&r, &one);
		must(result_parse(&back, buf_str(&one), &e) == 0);
		result_format(&back, &two);
		must(str_eq(buf_str(&one), buf_str(&two)));
		show(&r);
		merge_and_compare(&back);
	} else {
		must(e.text[0] != '\0');
	}
	buf_fini(&one);
	buf_fini(&two);
	result_fini(&r);
	result_fini(&back);
	return 0;
}
