/* What is done in unbroken order, and the ids derived from a source. */
#include "client/dedup_id.h"
#include "client/order.h"
#include "base/mem.h"
#include "tap.h"

#include <stdlib.h>

static struct order o;

static void add(uint64_t number, const char *id)
{
	order_add(&o, number, STR("r"), str_of(id));
}

static void takes(const char *want, const char *why)
{
	struct str room, id = STR("");

	order_take(&o, &room, &id);
	is_text(id.p, id.n, want, "%s", why);
}

static void test_plain(void)
{
	order_init(&o, false);
	add(1, "a");
	add(5, "b");
	add(9, "c");
	takes("", "nothing is done");
	order_done(&o, 5);
	order_done(&o, 77);
	takes("", "the first is not done");
	order_done(&o, 1);
	takes("a", "the first");
	takes("b", "what was done before it");
	takes("", "the third is not");
	order_done(&o, 9);
	takes("c", "the third");
	takes("", "then it is empty");
	order_fini(&o);
}

static void test_grouped(void)
{
	order_init(&o, true);
	add(1, "a");
	add(2, "a");
	order_done(&o, 1);
	order_done(&o, 2);
	takes("", "another line of a may follow");
	add(3, "a");
	add(4, "b");
	takes("", "and did");
	order_done(&o, 4);
	order_done(&o, 3);
	takes("a", "all of a, once");
	takes("", "b may go on");
	order_quiet(&o);
	takes("b", "silence says it does not");
	add(5, "");
	add(6, "");
	order_done(&o, 5);
	order_done(&o, 6);
	takes("", "lines without a source");
	add(7, "c");
	order_done(&o, 7);
	while (order_take(&o, &(struct str){ 0 }, &(struct str){ 0 }))
		;
	order_quiet(&o);
	takes("c", "the end of input");
	order_fini(&o);
}

/* Random orders against the definition: taken is exactly the longest prefix that is done. */
static void test_random(void)
{
	enum { N = 2000 };
	bool done[N + 1] = { false };
	size_t taken = 0, added = 0;
	bool good = true;
	struct str room, id;

	srand(7);
	order_init(&o, false);
	for (int step = 0; step < 20000 && good; step++) {
		if (rand() % 3 == 0 && added < N) {
			char text[16];

			snprintf(text, sizeof(text), "%zu", ++added);
			add(added, text);
		} else {
			size_t k = taken + (size_t)rand() % (added - taken + 1);

			done[k] = true;
			order_done(&o, k);
		}
		while (order_take(&o, &room, &id)) {
			uint64_t n = 0;

			good &= str_u64(id, &n) == 0 && n == ++taken && done[taken];
		}
		good &= taken == added || !done[taken + 1];
	}
	ok(good && taken > 500, "random orders: %zu taken", taken);
	order_fini(&o);
}

static void test_dedup(void)
{
	struct dedup_id d;
	char a[DEDUP_ID_MAX], b[DEDUP_ID_MAX];
	struct str s;

	dedup_id_init(&d);
	dedup_id_hash(a, STR("r"), STR("x"), 0);
	dedup_id_hash(b, STR("r"), STR("x"), 1);
	ok(strlen(a) == 32 && strcmp(a, b) != 0, "n makes another id");
	s = dedup_id_of_source(&d, STR("r"), STR("x"));
	is_text(s.p, s.n, a, "the first line of a source has n 0");
	s = dedup_id_of_source(&d, STR("r"), STR("x"));
	is_text(s.p, s.n, b, "the second n 1");
	dedup_id_hash(b, STR("rx"), STR(""), 0);
	ok(strcmp(a, b) != 0, "room and id do not run together");
	dedup_id_of_source(&d, STR("r"), STR("y"));
	s = dedup_id_of_source(&d, STR("r"), STR("x"));
	is_text(s.p, s.n, a, "after another source it counts anew");
	is_text(a, 32, "2a235b17af0e12f2ca0494dfb7d8eca7", "it is the same for ever");
	s = dedup_id_next(&d);
	ok(s.n == 18 && s.p[16] == '-' && s.p[17] == '1', "other lines: process and counter");
	dedup_id_fini(&d);
}

int main(void)
{
	test_plain();
	test_grouped();
	test_random();
	test_dedup();
	return tap_done();
}
