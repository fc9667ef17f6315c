#include "base/buf.h"
#include "model.h"
#include "tap.h"

#include <stdlib.h>

static void is_json(struct str in, const char *want, const char *what)
{
	struct buf b = { 0 };

	buf_add_json(&b, in);
	is_text(b.p, b.n, want, "JSON of %s", what);
	buf_fini(&b);
}

static void test_json(void)
{
	is_json((struct str){ NULL, 0 }, "\"\"", "nothing");
	is_json(STR("a/b \"c\" \\"), "\"a/b \\\"c\\\" \\\\\"", "quotes and backslash; / stays");
	is_json(STR("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"", "the short escapes");
	is_json(str_make("\0\x1f\x7f", 3), "\"\\u0000\\u001f\x7f\"", "NUL, US, DEL");
	is_json(STR("h\xc3\xa9 \xf0\x9f\x98\x80"), "\"h\xc3\xa9 \xf0\x9f\x98\x80\"", "UTF-8");
	is_json(STR("\xe2\x80\xa8"), "\"\xe2\x80\xa8\"", "U+2028");
	is_json(STR("a\xff\xfe"
		    "b"),
		"\"a\xef\xbf\xbd\xef\xbf\xbd"
		"b\"",
		"bytes that never occur");
	is_json(STR("\xe2\x82"), "\"\xef\xbf\xbd\"", "a character cut off");
	is_json(STR("\xc0\xaf"), "\"\xef\xbf\xbd\xef\xbf\xbd\"", "an overlong slash");
	is_json(STR("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", "a surrogate");
}

static void test_edges(void)
{
	struct buf b = { 0 };
	char big[5000];

	is_text(buf_cstr(&b), 0, "", "an empty buffer is a text");
	ok(buf_cstr(&b) != NULL, "never NULL");
	buf_add(&b, NULL, 0);
	buf_add_str(&b, (struct str){ NULL, 0 });
	is_int(b.n, 0, "nothing adds nothing");
	buf_add_u64(&b, 0);
	buf_add_char(&b, ' ');
	buf_add_u64(&b, UINT64_MAX);
	is_text(b.p, b.n, "0 18446744073709551615", "numbers");
	buf_drop(&b, b.n);
	is_int(b.n, 0, "all dropped");
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	buf_addf(&b, "<%s>", big);
	ok(b.n == sizeof(big) + 1 && b.p[0] == '<' && b.p[b.n - 1] == '>', "a long format");
	buf_shrink(&b, 0);
	ok(b.n > 0 && b.cap >= b.n, "what is in use is not shrunk");
	b.n = 0;
	buf_shrink(&b, 100);
	is_int(b.cap, 100, "shrunk to what to keep");
	buf_add(&b, big, 100);
	is_int(b.cap, 100, "filled to the brim");
	is_int(strlen(buf_cstr(&b)), 100, "terminated beyond the brim");
	b.n = 0;
	buf_shrink(&b, 0);
	ok(b.p == NULL && b.cap == 0, "shrunk to nothing");
	/* Formats whose length falls on every side of the room there is. */
	bool held = true;
	for (int n = 0; n < 200; n++) {
		buf_fini(&b);
		buf_addf(&b, "%*s", n, "");
		held &= b.n == (size_t)n && b.n < b.cap;
		buf_addf(&b, "%s", "tail");
		held &= b.n == (size_t)n + 4 && memcmp(b.p + n, "tail", 4) == 0;
	}
	ok(held, "formats of every length around the first capacity");
	buf_fini(&b);
	buf_fini(&b);
	ok(b.p == NULL, "twice is fine");
}

/* Against a fixed array, 60,000 operations. */
static void test_model(void)
{
	enum { MAX = 1 << 16 };
	char *model = malloc(MAX + 64), text[64];
	size_t n = 0;
	struct buf b = { 0 };
	uint64_t seed = 42;
	int i;

	for (i = 0; i < 60000; i++) {
		size_t len = draw_below(&seed, sizeof(text)), old;
		char c = (char)draw(&seed);

		if (n + sizeof(text) > MAX) {
			buf_drop(&b, n - 7);
			memmove(model, model + n - 7, 7);
			n = 7;
		}
		switch (draw_below(&seed, 7)) {
		case 0:
			buf_add_char(&b, c);
			model[n++] = c;
			break;
		case 1:
		case 2:
			for (size_t k = 0; k < len; k++)
				text[k] = (char)draw(&seed);
			buf_add(&b, text, len);
			memcpy(model + n, text, len);
			n += len;
			break;
		case 3:
			old = n;
			n += (size_t)sprintf(model + n, "%d-%zu", i, len);
			buf_addf(&b, "%d-%zu", i, len);
			if (old == n)
				goto out;
			break;
		case 4:
			len = n ? draw_below(&seed, (unsigned)n + 1) / (1 + draw_below(&seed, 8))
			        : 0;
			buf_drop(&b, len);
			memmove(model, model + len, n - len);
			n -= len;
			break;
		case 5: memcpy(buf_reserve(&b, len), "reserved", len < 8 ? len : 8); break;
		case 6:
			n += (size_t)sprintf(model + n, "%llu", (unsigned long long)seed);
			buf_add_u64(&b, seed);
			break;
		}
		if (b.n != n || b.n > b.cap || (n && memcmp(b.p, model, n) != 0))
			break;
	}
out:
	is_int(i, 60000, "random operations agree with an array (seed 42)");
	buf_fini(&b);
	free(model);
}

/* The vectors of RFC 4648, 10, and the two last digits. */
static void test_base64(void)
{
	static const char *const vectors[] = {
		"", "", "f", "Zg==", "fo", "Zm8=", "foo", "Zm9v", "foob", "Zm9vYg==", "fooba", "Zm9vYmE=",
		"foobar", "Zm9vYmFy", "\xfb\xff\xbf", "+/+/",
	};

	for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i += 2) {
		struct buf b = { 0 };

		buf_add_base64(&b, str_of(vectors[i]));
		is_text(b.p, b.n, vectors[i + 1], "'%s' in base64", vectors[i]);
		buf_fini(&b);
	}
}

int main(void)
{
	test_base64();
	test_json();
	test_edges();
	test_model();
	return tap_done();
}
