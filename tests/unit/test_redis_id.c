/* test_redis_id.c - ids of streams as positions, entries as envelopes and back, commands on their way */
#include "base/err.h"
#include "bus/bus.h"
#include "bus/redis_id.h"
#include "bus/redis_outbox.h"
#include "bus/redis_script.h"
#include "tap.h"

static redisReply word(const char *s, size_t n)
{
	return (redisReply){ .type = REDIS_REPLY_STRING, .str = (char *)(uintptr_t)s, .len = n };
}

static void test_ids(void)
{
	static const char *const bad[] = { "", "1", "-", "1-", "-1", "1-x", "1-2-3", "+1-2", " 1-2",
		"18446744073709551616-0" };
	struct buf b = { 0 };
	struct pos p;

	ok(redis_id_parse(STR("1795510522125-3"), &p) == 0 && p.hi == 1795510522125 && p.lo == 3, "an id");
	ok(redis_id_parse(STR("18446744073709551615-18446744073709551615"), &p) == 0, "the greatest");
	redis_id_format(&b, p);
	is_text(b.p, b.n, "18446744073709551615-18446744073709551615", "... as text");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		is_int(redis_id_parse(str_of(bad[i]), &p), ERR_INVALID, "'%s' is none", bad[i]);
	p = redis_id_before((struct pos){ 1, 5, 7 });
	ok(p.epoch == 1 && p.hi == 5 && p.lo == 6, "before 5-7");
	p = redis_id_before((struct pos){ 1, 5, 0 });
	ok(p.hi == 4 && p.lo == UINT64_MAX, "before 5-0");
	p = redis_id_before((struct pos){ 1, 0, 0 });
	ok(p.hi == 0 && p.lo == 0, "before 0-0");
	buf_fini(&b);
}

/* An entry of these fields, read. */
static void is_entry(const char *const *fields, int n, const char *want, bool ours, const char *name)
{
	redisReply words[40], *list[40], id = word("7-1", 3), all, entry, *both[2] = { &id, &all };
	struct redis_entry e;
	struct buf b = { 0 };

	for (int i = 0; i < n; i++) {
		words[i] = word(fields[i], strlen(fields[i]));
		list[i] = &words[i];
	}
	all = (redisReply){ .type = REDIS_REPLY_ARRAY, .elements = (size_t)n, .element = list };
	entry = (redisReply){ .type = REDIS_REPLY_ARRAY, .elements = 2, .element = both };
	ok(redis_entry_read(&entry, &e, &b) && e.pos.hi == 7 && e.pos.lo == 1 && e.ours == ours, "%s", name);
	is_text(b.p, b.n, want, "... says %s", want);
	buf_fini(&b);
}

#define ENTRY(want, ours, name, ...) do { \
	static const char *const f_[] = { __VA_ARGS__ }; \
	is_entry(f_, (int)(sizeof f_ / sizeof *f_), want, ours, name); \
} while (0)

static void test_entries(void)
{
	redisReply nil = { .type = REDIS_REPLY_NIL }, id = word("7-1", 3), *pair[2] = { &id, &nil };
	redisReply deleted = { .type = REDIS_REPLY_ARRAY, .elements = 2, .element = pair };
	struct redis_entry e;
	struct buf b = { 0 };

	ENTRY("{\"a\":1}", true, "ours", "p", "0-0", "data", "{\"a\":1}");
	ENTRY("{}", true, "an empty one", "p", "5-3", "data", "{}");
	ENTRY("{\"_client\":\"c\",\"_key\":\"k\\\"\",\"_dedup\":\"d\",\"_attempt\":2.5,\"_from\":\"a\",\"_reason\":\"r\"}",
		true, "metadata", "p", "5-3", "data", "{}", "reason", "r", "key", "k\"", "attempt", "2.5",
		"client", "c", "dedup", "d", "from", "a");
	ENTRY("{\"a\":1}", false, "JSON of others", "data", "{\"a\":1}");
	ENTRY("{\"a\":1}", false, "... that names nothing before it", "p", "x", "data", "{\"a\":1}");
	ENTRY("[1", true, "ours, spoiled: as it is", "p", "1-1", "data", "[1");
	ENTRY("{\"x\":\"1\",\"p\":\"1-1\"}", false, "any fields", "x", "1", "p", "1-1");
	ENTRY("{\"\":\"\\\"\"}", false, "a field without a name", "", "\"");
	ENTRY("{\"x\":\"1\"}", false, "half a field is none", "x", "1", "y");
	ok(!redis_entry_read(&deleted, &e, &b) && b.n == 0, "a deleted entry is none");
	ok(!redis_entry_read(&nil, &e, &b), "nothing is none");
	buf_fini(&b);
}

static void test_fields(void)
{
	struct bus_meta m = { .client = STR("c"), .extra = STR("\"_attempt\":2,\"_from\":\"a\\\"\"") };
	struct buf scratch = { 0 }, all = { 0 };
	struct str argv[16];
	int n = 0;

	redis_entry_fields(&m, argv, &n, &scratch);
	for (int i = 0; i < n; i++) {
		buf_add_str(&all, argv[i]);
		buf_add_char(&all, ' ');
	}
	is_text(all.p, all.n, "client c attempt 2 from a\" ", "metadata as fields");
	buf_fini(&scratch);
	buf_fini(&all);
}

static struct buf told;

static void tell(void *arg, uint64_t tag, bool was_sent)
{
	(void)arg;
	buf_addf(&told, "%d%s ", (int)tag, was_sent ? "?" : "!");
}

static void add(struct redis_outbox *o, uint64_t tag, uint64_t n)
{
	const struct str argv[] = { STR("PUBLISH"), STR("c"), STR("m") };

	redis_outbox_add(o, 3, argv, tag, &(struct origin){ 1, n, 0 });
}

static void test_outbox(void)
{
	struct redis_outbox o;

	redis_outbox_init(&o);
	add(&o, 11, 1);
	add(&o, 12, 2);
	add(&o, 0, 3);
	add(&o, 14, 4);
	is_int(redis_outbox_heard(&o, &(struct origin){ 2, 1, 0 }), 0, "of another connection");
	is_int(redis_outbox_heard(&o, &(struct origin){ 1, 1, 1 }), 0, "an ephemeral one");
	ok(!redis_outbox_replied(&o), "nothing was sent");
	redis_outbox_lose(&o, tell, NULL);
	is_text(told.p, told.n, "11! 12! 14! ", "what was not sent is not in doubt");
	ok(list_empty(&o.waiting) && o.waiting_bytes == 0, "... and gone");
	redis_outbox_fini(&o);
	buf_fini(&told);
}

int main(void)
{
	test_ids();
	test_entries();
	test_fields();
	test_outbox();
	is_int(redis_script_sha(SCRIPT_PAGE).n, 40, "a script's name");
	ok(!str_eq(redis_script_sha(SCRIPT_PAGE), redis_script_sha(SCRIPT_HELLO)), "... is its own");
	return tap_done();
}
