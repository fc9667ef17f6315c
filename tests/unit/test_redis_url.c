/* test_redis_url.c - what a URL says of a Redis, and what it may not say */
#include "bus/redis_url.h"
#include "tap.h"

#include <stdlib.h>

static struct redis_url r;
static struct err e;

static int read_url(const char *text)
{
	struct url url;
	int rc = url_parse(&url, str_of(text), &e);

	redis_url_fini(&r);
	if (rc == 0)
		rc = redis_url_read(&r, &url, "room:", &e);
	url_fini(&url);
	return rc;
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void is_url(const char *text, const char *host, int port, const char *path, const char *user,
	const char *password, unsigned db, const char *prefix, const char *name)
{
	ok(read_url(text) == 0 && same(r.host, host) && r.port == port && same(r.path, path) &&
			same(r.user, user) && same(r.password, password) && r.db == db &&
			same(r.prefix, prefix) && same(r.name, name), "%s", text);
}

static void test_good(void)
{
	is_url("redis://h", "h", 6379, NULL, NULL, NULL, 0, "room:", "h:6379");
	is_url("redis://h:7000/3", "h", 7000, NULL, NULL, NULL, 3, "room:", "h:7000");
	is_url("redis://[::1]/", "::1", 6379, NULL, NULL, NULL, 0, "room:", "[::1]:6379");
	is_url("redis://:p%40w@h?prefix=", "h", 6379, NULL, NULL, "p@w", 0, "", "h:6379");
	is_url("redis://ada:p@h?db=2&prefix=x%3A", "h", 6379, NULL, "ada", "p", 2, "x:", "h:6379");
	is_url("redis+unix:///run/r.sock", NULL, 0, "/run/r.sock", NULL, NULL, 0, "room:", "/run/r.sock");
	is_url("redis+unix://u:p@/run/r.sock?db=9", NULL, 0, "/run/r.sock", "u", "p", 9, "room:",
		"/run/r.sock");
	ok(read_url("redis://ada@h?password-file=/p") == 0 && same(r.password_file, "/p"),
		"a file of a password");
}

static void is_bad(const char *text, const char *why)
{
	ok(read_url(text) != 0 && strstr(e.text, why) && !r.host && !r.prefix, "%s: %s", text, e.text);
}

static void test_bad(void)
{
	is_bad("redis://h/x", "no number of a database");
	is_bad("redis://h/1/2", "no number of a database");
	is_bad("redis://h/70000", "no number of a database");
	is_bad("redis://h/1?db=1", "given twice");
	is_bad("redis://h?db=x", "no number of a database");
	is_bad("redis://h?prefx=a", "knows no 'prefx'");
	is_bad("redis://h?prefix=%00", "broken");
	is_bad("redis://h?prefix=a%20b", "printable");
	is_bad("redis://ada@h", "no password");
	is_bad("rediss://h", "no TLS");
}

static void is_glob(const char *prefix, const char *want)
{
	struct buf b = { 0 };

	redis_url_glob(&b, prefix);
	is_text(b.p, b.n, want, "the glob of '%s'", prefix);
	buf_fini(&b);
}

int main(void)
{
	unsetenv("RT_BUS_PASSWORD");
	test_good();
	test_bad();
	is_glob("", "*");
	is_glob("room:", "room:*");
	is_glob("a*[b]?\\", "a\\*\\[b\\]\\?\\\\*");
	redis_url_fini(&r);
	return tap_done();
}
