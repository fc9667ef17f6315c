#include "net/addr.h"
#include "tap.h"

#include <stdio.h>

static struct buf said;

static void on_say(void *arg, const struct addr *a, enum addr_limit limit, uint64_t n)
{
	(void)arg;
	buf_add_addr(&said, a);
	buf_addf(&said, " %d %llu;", limit, (unsigned long long)n);
}

static void is_said(const char *want, const char *what)
{
	is_text(said.p ? said.p : "", said.n, want, "%s", what);
	said.n = 0;
}

static struct str number(unsigned i)
{
	static unsigned char bytes[8];

	bytes[0] = 0x20;
	for (int b = 0; b < 4; b++)
		bytes[4 + b] = (unsigned char)(i >> (24 - 8 * b));
	return str_make((char *)bytes, 8);
}

static void test_life(void)
{
	struct addrs as;
	struct addr *a, *b;

	addrs_init(&as, on_say, NULL, 1000);
	a = addr_get(&as, STR("\xc0\0\2\1"));
	addr_join(&as, a);
	ok(addr_get(&as, STR("\xc0\0\2\1")) == a, "an address has one entry");
	b = addr_get(&as, STR("\x20\1\xd\xb8\0\1\0\2"));
	ok(a != b, "another has another");
	addr_settle(&as, b, 1000);
	is_int(as.map.n, 1, "what nothing is known of is forgotten");
	addr_join(&as, a);
	addr_leave(&as, a, 1000);
	is_int(a->n_conns, 1, "connections are counted");
	addr_leave(&as, a, 1000);
	is_int(as.map.n, 0, "it goes with the last connection");

	a = addr_get(&as, STR("\xc0\0\2\1"));
	addr_join(&as, a);
	rate_take(&a->requests, 0.5, 2000); /* paid for at 4000 */
	addr_leave(&as, a, 2000);
	addrs_run(&as, 3900);
	is_int(as.map.n, 1, "who is ahead of his rate is remembered");
	addrs_run(&as, 4100);
	is_int(as.map.n, 0, "until it is paid for");
	is_int(as.n_idle, 0, "and counted out");
	addrs_fini(&as);
}

static void test_records(void)
{
	struct addrs as;
	struct addr *a;

	addrs_init(&as, on_say, NULL, 0);
	a = addr_get(&as, STR("\xc0\0\2\1"));
	addr_refused(&as, a, ADDR_REQUESTS, 0);
	addr_settle(&as, a, 0);
	is_said("192.0.2.1 1 1;", "the first refusal is told at once");
	for (int i = 0; i < 5; i++)
		addr_refused(&as, a, i == 4 ? ADDR_CONNECTIONS : ADDR_REQUESTS, 1000);
	addrs_run(&as, ADDR_PERIOD_MS - 100);
	is_said("", "the others wait");
	addrs_run(&as, ADDR_PERIOD_MS + 100);
	is_said("192.0.2.1 0 1;192.0.2.1 1 4;", "until the period is over");
	addr_refused(&as, a, ADDR_REQUESTS, ADDR_PERIOD_MS + 200);
	is_said("", "which begins another");
	addrs_run(&as, 2 * ADDR_PERIOD_MS + 200);
	is_said("192.0.2.1 1 1;", "that ends as well");
	addrs_run(&as, 3 * ADDR_PERIOD_MS + 300);
	is_said("", "one without a refusal is the last");
	is_int(as.map.n, 0, "and then it is forgotten");
	a = addr_get(&as, STR("\x20\1\xd\xb8\0\1\0\2"));
	addr_refused(&as, a, ADDR_CONNECTIONS, 100000);
	is_said("2001:db8:1:2::/64 0 1;", "a network of IPv6");
	addrs_fini(&as);
}

static void test_bound(void)
{
	struct addrs as;
	struct addr *kept;

	addrs_init(&as, on_say, NULL, 0);
	kept = addr_get(&as, STR("\xc0\0\2\1"));
	addr_join(&as, kept);
	for (unsigned i = 0; i < ADDR_IDLE_MAX + 1000; i++) {
		struct addr *a = addr_get(&as, number(i));
		rate_take(&a->requests, 0.001, 0);
		addr_settle(&as, a, 0);
	}
	is_int(as.map.n, ADDR_IDLE_MAX + 1, "idle ones are bounded, connected ones stay");
	is_int(as.n_idle, ADDR_IDLE_MAX, "and counted");
	addr_settle(&as, addr_get(&as, number(999)), 0);
	is_int(as.map.n, ADDR_IDLE_MAX + 1, "the oldest are gone");
	ok(addr_get(&as, number(1000))->requests.due_ms > 0, "the others are not");
	addr_leave(&as, kept, 0);
	addrs_fini(&as);
}

int main(void)
{
	test_life();
	test_records();
	test_bound();
	buf_fini(&said);
	return tap_done();
}
