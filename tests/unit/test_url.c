#include "base/mem.h"
#include "base/url.h"
#include "model.h"
#include "tap.h"

/* "scheme|user|password|host|port|path|query", with - for NULL */
static void parses(const char *text, const char *want)
{
	struct url u;
	struct err e = { 0 };
	struct buf b = { 0 };

	if (url_parse(&u, str_of(text), &e) < 0)
		buf_add_text(&b, e.text);
	else
		buf_addf(&b, "%s|%s|%s|%s|%d|%s|%s", u.scheme, u.user ? u.user : "-",
			u.password ? u.password : "-", u.host, u.port, u.path,
			u.query ? u.query : "-");
	is_text(b.p, b.n, want, "%s", text);
	url_fini(&u);
	buf_fini(&b);
}

static void refused(const char *text, const char *part)
{
	struct url u;
	struct err e = { 0 };

	is_int(url_parse(&u, str_of(text), &e), ERR_INVALID, "'%s' is refused", text);
	ok(strstr(e.text, part) != NULL, "saying '%s': %s", part, e.text);
	ok(!strstr(e.text, "hunter") && !strstr(e.text, "s3cret"), "and no secret");
	ok(u.scheme == NULL && u.host == NULL, "leaving nothing");
}

static void test_parse(void)
{
	parses("ws://localhost:8080", "ws|-|-|localhost|8080||-");
	parses("localhost:8080", "ws|-|-|localhost|8080||-");
	parses("localhost", "ws|-|-|localhost|0||-");
	parses("127.0.0.1:80/ws?x=1", "ws|-|-|127.0.0.1|80|/ws|x=1");
	parses("WSS://Host/p", "wss|-|-|Host|0|/p|-");
	parses("http://h?q", "http|-|-|h|0||q");
	parses("http://h?", "http|-|-|h|0||");
	parses("http://h/a?b?c", "http|-|-|h|0|/a|b?c");
	parses("[::1]:80", "ws|-|-|::1|80||-");
	parses("redis://[fe80::1%eth0]/0", "redis|-|-|fe80::1%eth0|0|/0|-");
	parses("sse+http://h/events", "sse+http|-|-|h|0|/events|-");
	parses("redis://u:p%40%3a@h:6379/1", "redis|u|p@:|h|6379|/1|-");
	parses("redis://:pw@h", "redis||pw|h|0||-");
	parses("redis://u+v:p%2bq@h", "redis|u+v|p+q|h|0||-");
	parses("redis://u:@h", "redis|u||h|0||-");
	parses("nats://s3@h", "nats|s3|-|h|0||-");
	parses("http://a@b@c", "http|a@b|-|c|0||-");
	parses("http://h/@x:1", "http|-|-|h|0|/@x:1|-");
	parses("unix:/run/rt.sock", "unix|-|-||0|/run/rt.sock|-");
	parses("unix:rt sock?", "unix|-|-||0|rt sock?|-");
	parses("redis+unix:///run/r.sock?db=1", "redis+unix|-|-||0|/run/r.sock|db=1");
	parses("mem:", "mem|-|-||0||-");
	parses("h:65535", "ws|-|-|h|65535||-");
	parses("x/http://y", "ws|-|-|x|0|/http://y|-");
}

static void test_refused(void)
{
	char text[6000];

	refused("", "it is empty");
	refused("ws://", "there is no host");
	refused("ws:///x", "there is no host");
	refused(":80", "there is no host");
	refused("ws://u:hunter@", "there is no host");
	refused("h:0", "the port");
	refused("h:65536", "the port");
	refused("h:-1", "the port");
	refused("ws://h:", "the port");
	refused("h:99999999999", "the port");
	refused("h:8a", "the port");
	refused("::1", "IPv6 goes into []");
	refused("fe80::1", "IPv6 goes into []");
	refused("[::1", "not IPv6");
	refused("[1.2.3.4]", "not IPv6");
	refused("[::1]80", "only a port");
	refused("[::1%]", "not IPv6");
	refused("[::1::2]", "not IPv6");
	refused("8191", "a number alone is no host (try '127.0.0.1:8191')");
	refused(":8191", "there is no host (try '127.0.0.1:8191')");
	refused("ws://8191", "a number alone is no host");
	refused("8191/x", "a number alone is no host");
	refused("hunter@8191", "a number alone is no host");
	refused("http//x", "after a scheme comes '://' (try 'http://x')");
	refused("poll+http//x:80/y", "(try 'poll+http://x:80/y')");
	refused("ws:/host", "after a scheme comes '://' (try 'ws://host')");
	refused("redis:/u:hunter@h", "(try 'redis://***@h')");
	refused("redis//u:hunter@h", "(try 'redis://***@h')");
	refused("ws:host", "after a scheme comes '://'");
	refused("localhost:notaport", "the port is not a number from 1 to 65535");
	refused("ws://h ", "white space around it (try 'ws://h')");
	refused(" ws://u:hunter@h\n", "white space around it (try 'ws://***@h')");
	refused(" ", "white space");
	refused("my.host:/x", "the port");
	refused("h//x", "after a scheme");
	refused("ws://a b", "% escapes");
	refused("ws://h/\xc3\xa9", "% escapes");
	refused("ws://h/\x1b", "% escapes");
	refused("ws://h/#x", "'#'");
	refused("ws://h_\\", "no host has");
	refused("ws://h*", "no host has");
	refused("1ws://h", "the scheme");
	refused("w_s://h", "the scheme");
	refused("/run/rt.sock", "unix:PATH");
	refused("./rt.sock", "unix:PATH");
	refused("unix:", "no path");
	refused("unix:a\nb", "control character");
	refused("redis+unix://", "no path");
	refused("http://u%zz:hunter@h", "% escape");
	refused("http://u:hunter%00@h", "% escape");
	refused("http://u:hunter%4@h", "% escape");
	/* A password with a raw slash: everything up to the last @ is hidden. */
	refused("redis://:hunter/s3cret@h", "'redis://***@h'");
	refused("redis://u:hun#s3cret@h", "'redis://***@h'");
	refused("u:hunter@h:x", "'***@h:x'");
	refused("ws://h:x/?token=s3cret", "'ws://h:x/?***'");
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	refused(text, "longer than 4096");
	text[254] = '\0';
	refused(text, "no host has");
	memcpy(text, "unix:", 5);
	refused(text, "107");
	struct url u;
	is_int(url_parse(&u, str_make("h\0x", 3), NULL), ERR_INVALID, "NUL in a host");
	is_int(url_parse(&u, str_make("unix:a\0x", 8), NULL), ERR_INVALID, "NUL in a path");
	is_int(url_parse(&u, str_make("w\0s://h", 7), NULL), ERR_INVALID, "NUL in a scheme");
	is_int(url_parse(&u, (struct str){ NULL, 0 }, NULL), ERR_INVALID, "nothing");
	url_fini(&u);
}

static void safe(const char *text, const char *want)
{
	struct url u;
	struct buf b = { 0 };

	if (url_parse(&u, str_of(text), NULL) == 0)
		url_format_safe(&b, &u);
	is_text(b.p, b.n, want, "%s as it may be shown", text);
	url_fini(&u);
	buf_fini(&b);
}

static void hidden(const char *text, const char *want)
{
	char arg[200];

	snprintf(arg, sizeof(arg), "%s", text);
	url_hide_secret(arg);
	is_text(arg, strlen(arg), want, "%s in the list of processes", text);
}

static void test_secrets(void)
{
	safe("ws://h:80/p?x=1", "ws://h:80/p?x=1");
	safe("h:80", "ws://h:80");
	safe("[::1]:80", "ws://[::1]:80");
	safe("redis://u:pw@h/0", "redis://u:***@h/0");
	safe("redis://:pw@h/0", "redis://:***@h/0");
	safe("nats://tok@h", "nats://***@h");
	safe("redis://a%40b:pw@h", "redis://a%40b:***@h");
	safe("ws://h?token=x&a=b&Password=y&client_secret=z&access_token=1",
		"ws://h?token=***&a=b&Password=***&client_secret=***&access_token=***");
	safe("ws://h?%74oken=x&b", "ws://h?%74oken=***&b");
	safe("ws://h?token%zz=x", "ws://h?token%zz=***");
	safe("ws://h?token", "ws://h?token");
	safe("ws://h?", "ws://h?");
	safe("unix:/a?b", "unix:/a?b");
	safe("mem:", "mem:");
	safe("redis+unix:///r.sock?db=1", "redis+unix:///r.sock?db=1");
	hidden("redis://u:pw@h/0", "redis://u:**@h/0");
	hidden("redis://:p:w@h", "redis://:***@h");
	hidden("nats://tok@h", "nats://***@h");
	hidden("u:pw@h:1", "u:**@h:1");
	hidden("ws://h:8080/@me", "ws://h:8080/@me");
	hidden("ws://h/p?a=1&token=abc&b", "ws://h/p?a=1&token=***&b");
	hidden("--url=redis://u:pw@h", "--url=redis://u:**@h");
	hidden("", "");
	hidden("ws://", "ws://");
}

static void query_is(const char *query, const char *name, int nth, int r, const char *want)
{
	struct buf b = { 0 };

	buf_add_char(&b, '<');
	is_int(query_get(str_of(query), str_of(name), nth, &b), r, "%s[%d] of '%s'", name, nth,
		query);
	is_text(b.p + 1, b.n - 1, want, "its value");
	buf_fini(&b);
}

static void test_query(void)
{
	struct buf b = { 0 };

	query_is("a=1&b=2&a=3", "a", 0, 1, "1");
	query_is("a=1&b=2&a=3", "a", 1, 1, "3");
	query_is("a=1&b=2&a=3", "a", 2, 0, "");
	query_is("a=1", "b", 0, 0, "");
	query_is("", "a", 0, 0, "");
	query_is("", "", 0, 1, "");
	query_is("&&a", "a", 0, 1, "");
	query_is("a=", "a", 0, 1, "");
	query_is("a=b=c", "a", 0, 1, "b=c");
	query_is("a=x+y%2B%26", "a", 0, 1, "x y+&");
	query_is("%61=1", "a", 0, 1, "1");
	query_is("A=1", "a", 0, 0, "");
	query_is("a=%", "a", 0, ERR_INVALID, "");
	query_is("a=%4", "a", 0, ERR_INVALID, "");
	query_is("a=xx%zz", "a", 0, ERR_INVALID, "");
	query_is("a=x%00y", "a", 0, ERR_INVALID, "");
	query_is("b=%zz&a=1", "a", 0, 1, "1");
	query_is("%zz=1&a=2", "a", 0, 1, "2");
	query_is("a=%zz&a=1", "a", 1, 1, "1");
	is_int(query_get((struct str){ NULL, 0 }, STR("a"), 0, &b), 0, "no query at all");
	/* An escape cut off where the memory ends, too. */
	char *tight = mem_alloc(4);
	memcpy(tight, "a=%4", 4);
	is_int(query_get(str_make(tight, 4), STR("a"), 0, &b), ERR_INVALID, "half an escape");
	is_int(query_get(str_make(tight, 3), STR("a"), 0, &b), ERR_INVALID, "a third of one");
	mem_free(tight);
	is_int((int64_t)b.n, 0, "leave the target");
	url_encode(&b, str_make("aZ0-._~ /%\0\xff", 12));
	is_text(b.p, b.n, "aZ0-._~%20%2F%25%00%FF", "encoded");
	buf_fini(&b);
}

/* Whatever is thrown at them, they neither crash nor leak, and encode is undone by decode. */
static void test_random(void)
{
	static const char alphabet[] = "ah1:/?@[]%&=#.-+ \0\xc3*";
	uint64_t seed = 23;
	char text[60], plain[40];
	struct buf b = { 0 }, back = { 0 };
	int i, taken = 0;

	for (i = 0; i < 60000; i++) {
		size_t n = draw_below(&seed, sizeof(text) - 8);
		struct url u;
		struct err e = { 0 };

		memcpy(text, "ws://", 5);
		for (size_t k = draw_below(&seed, 2) ? 5 : 0; k < n; k++)
			text[k] = draw_below(&seed, 2)
			                  ? 'h'
			                  : alphabet[draw_below(&seed, sizeof(alphabet) - 1)];
		b.n = 0;
		if (url_parse(&u, str_make(text, n), &e) == 0) {
			taken++;
			url_format_safe(&b, &u);
			if (!*u.scheme ||
				(*u.path && *u.path != '/' && strcmp(u.scheme, "unix") != 0))
				break;
		} else if (e.code != ERR_INVALID || !*e.text || !str_utf8(str_of(e.text))) {
			/* What was broken before may be broken after. */
			if (str_utf8(str_make(text, n)))
				break;
		}
		url_fini(&u);
		text[n] = '\0';
		url_hide_secret(text);
		for (size_t k = 0; k < sizeof(plain); k++)
			plain[k] = (char)(1 + draw_below(&seed, 255));
		b.n = back.n = 0;
		buf_add_text(&b, "x=");
		url_encode(&b, str_make(plain, sizeof(plain)));
		if (query_get(buf_str(&b), STR("x"), 0, &back) != 1 ||
			!str_eq(buf_str(&back), str_make(plain, sizeof(plain))))
			break;
	}
	is_int(i, 60000, "random addresses (seed 23)");
	ok(taken > 1000, "of which %d were taken", taken);
	buf_fini(&b);
	buf_fini(&back);
}

int main(void)
{
	test_parse();
	test_refused();
	test_secrets();
	test_query();
	test_random();
	return tap_done();
}
