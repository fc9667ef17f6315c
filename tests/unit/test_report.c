/* test_report.c - the line for the reader in a hurry, the table, and the line of a run */
#include "base/mem.h"
#include "bench/report.h"
#include "tap.h"

static void start(struct result *r)
{
	result_init(r);
	r->scenario = mem_strdup("fanout");
	r->transport = mem_strdup("ws");
	r->profile = mem_strdup("rt");
	r->url = mem_strdup("ws://127.0.0.1:8080");
	r->subscribers = r->opened = 1000;
	r->publishers = r->rooms = 1;
	r->size = 128;
	r->rate = 100;
	r->seconds = 10;
	r->due = r->sent = r->acked = 1000;
	r->verdict.expected = r->verdict.received = 1000000;
	hist_add_n(&r->latency, 12300000, 1000000);
}

static void verdict_is(struct result *r, enum report_judgement judged, const char *want)
{
	struct buf b = { 0 };

	is_int(report_verdict(r, &b), judged, "judged");
	is_text(b.p, b.n, want, "%s", want);
	buf_fini(&b);
	result_fini(r);
	start(r);
}

static void test_verdict(void)
{
	struct result r;

	start(&r);
	verdict_is(&r, REPORT_HELD, "held: nothing lost, p99 12.3 ms");
	r.verdict.lost = 12;
	r.verdict.dup = 3;
	r.missed = mem_strdup("p99 is 12.3 ms, at most 1ms is wanted");
	verdict_is(&r, REPORT_FAILED, "LOST 12 of 1,000,000, duplicated 3");
	r.verdict.reordered = 1000;
	verdict_is(&r, REPORT_FAILED, "REORDERED 1,000");
	r.failed = 7;
	verdict_is(&r, REPORT_FAILED, "NOT CONNECTED 7 of 1,001");
	r.sent = 900;
	verdict_is(&r, REPORT_FAILED, "NOT SENT 100 of 1,000");
	r.missed = mem_strdup("p99 is 12.3 ms, at most 1ms is wanted");
	verdict_is(&r, REPORT_FAILED, "MISSED: p99 is 12.3 ms, at most 1ms is wanted");
	r.missed = mem_strdup("a\nb\nc");
	verdict_is(&r, REPORT_FAILED, "MISSED: a (and 2 more)");
	r.broken = 1;
	verdict_is(&r, REPORT_HELD, "held: nothing lost, p99 12.3 ms, but 1 connection broke");
	result_end(&r, END_STOPPED, "by a signal");
	verdict_is(&r, REPORT_HELD, "stopped after 10.0 s: nothing lost, p99 12.3 ms");
	result_end(&r, END_STOPPED, "by a signal");
	r.verdict.lost = 1;
	verdict_is(&r, REPORT_FAILED, "stopped after 10.0 s: LOST 1 of 1,000,000");
	result_end(&r, END_GENERATOR, "it came late");
	r.verdict.lost = 1;
	verdict_is(&r, REPORT_VOID, "VOID: it came late");
	result_end(&r, END_REFUSED, "cannot connect");
	verdict_is(&r, REPORT_VOID, "REFUSED: cannot connect");
	r.verdict = (struct verdict){ 0 };
	r.subscribers = 0;
	hist_fini(&r.latency);
	hist_add(&r.ack, 5000000);
	verdict_is(&r, REPORT_HELD, "held: 1,000 acknowledged, p99 5.00 ms");
	r.verdict = (struct verdict){ 0 };
	r.sent = r.due = r.acked = 0;
	hist_fini(&r.latency);
	hist_add(&r.connect, 70000000);
	verdict_is(&r, REPORT_HELD, "held: 1,000 connections, p99 70.0 ms");
	result_fini(&r);
	result_init(&r);
	verdict_is(&r, REPORT_VOID, "VOID: nothing was measured");
	result_fini(&r);
}

/* The columns that a line takes on a terminal: blocks are three bytes each. */
static size_t widest(const struct buf *b)
{
	size_t most = 0;

	for (struct str rest = buf_str(b); rest.p;) {
		struct str line = str_cut(rest, '\n', &rest);
		size_t columns = 0;
		if (line.p == b->p)
			continue; /* the verdict may be a long story */
		for (size_t i = 0; i < line.n; i++) {
			columns += ((unsigned char)line.p[i] & 0xc0) != 0x80;
			columns -= line.p[i] == '\x1b';
			while (line.p[i] == '\x1b' && memchr(line.p + i, 'm', line.n - i))
				i += (size_t)((const char *)memchr(line.p + i, 'm', line.n - i) - (line.p + i));
		}
		most = columns > most ? columns : most;
	}
	return most;
}

static void test_table(void)
{
	static const struct report_style plain, fancy = { .color = true, .blocks = true };
	struct buf b = { 0 };
	struct result r;

	start(&r);
	r.server_cpu_s = 4.5;
	r.tool_cpu_s = 3;
	r.verdict.received -= 123456;
	r.verdict.lost = 123456;
	r.verdict.dup = r.verdict.reordered = r.verdict.phantom = r.verdict.away = r.verdict.early = 123456789;
	r.refused = r.blocked = r.gaps = r.foreign = r.failed = r.broken = r.unrecognised = 123456789;
	r.example = mem_strdup("\x1b[2J\x1b]0;title\x07 and more of it, so much that it has to be cut somewhere");
	hist_add(&r.uncorrected, 999999999999);
	hist_add(&r.ack, 100);
	hist_add(&r.connect, 1234567);
	hist_add(&r.lag, 0);
	for (int i = 0; i < 500; i++)
		result_add_sample(&r, &(struct result_sample){ .at_s = i, .for_s = 1, .p99 = (uint64_t)(i % 50 + 1) * 1000000,
			.tool_rss = 1 << 30, .server_cpu = 1, .server_rss = 1 << 30 });
	result_error(&r, "cannot \x1b[31m connect");
	report_table(&r, &plain, &b);
	ok(!memchr(b.p, '\x1b', b.n), "plain text has no escape sequences, whatever the server sent");
	ok(widest(&b) <= 80, "and is at most 80 columns wide (%zu)", widest(&b));
	ok(strstr(buf_cstr(&b), "  lost                 123,456   0 of them without a gap told\n") != NULL, "a fault has its note");
	b.n = 0;
	report_table(&r, &fancy, &b);
	ok(strstr(buf_cstr(&b), "\x1b[1;31mLOST 123,456 of 1,000,000") == b.p, "in colour a loss is red");
	ok(widest(&b) <= 80, "and not wider (%zu)", widest(&b));
	ok(strstr(b.p, "\xe2\x96\x82") && strstr(b.p, "\xe2\x96\x88") && strstr(b.p, "at most 50.0 ms, at 49 s"), "p99 is drawn");
	ok(str_utf8(buf_str(&b)), "in UTF-8");
	b.n = 0;
	result_fini(&r);
	start(&r);
	report_table(&r, &plain, &b);
	ok(!strstr(buf_cstr(&b), "phantom") && !strstr(b.p, "error") && strstr(b.p, "  lost                       0\n"),
		"rows of what did not happen are left out, but for losses");
	b.n = 0;
	result_end(&r, END_REFUSED, "cannot connect to 'ws://h'");
	r.opened = 0;
	report_table(&r, &plain, &b);
	ok(strncmp(buf_cstr(&b), "REFUSED: cannot connect to 'ws://h'\n", 36) == 0 && !strstr(b.p, "received"), "a run that was none has no numbers");
	result_fini(&r);
	buf_fini(&b);
}

static void test_line(void)
{
	const struct result_sample s = { .at_s = 41, .for_s = 1, .sent = 1000, .received = 1234567, .connected = 1000, .p99 = 12300000,
		.tool_cpu = 0.31, .server_cpu = 0.6 };
	struct buf b = { 0 };

	report_line(&s, 200, &b);
	is_text(b.p, b.n, "   42 s  p99 12.3 ms  received 1,234,567/s  sent 1,000/s  tool 31 %  server 60 %  connected 1,000", "all of it");
	for (int columns = 1; columns < 100; columns++) {
		size_t before = b.n;
		report_line(&s, columns, &b);
		if (b.n - before >= (size_t)columns && columns > 1) {
			ok(false, "%d columns", columns);
			break;
		}
	}
	ok(true, "never as wide as the terminal");
	b.n = 0;
	report_line(&s, 30, &b);
	is_text(b.p, b.n, "   42 s  p99 12.3 ms", "nothing is cut in two");
	buf_fini(&b);
}

int main(void)
{
	test_verdict();
	test_table();
	test_line();
	return tap_done();
}
