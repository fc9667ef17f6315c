/* test_scan.c - scan_json against lists, mutations, an independent parser, and its own other half
 *
 * Every text is scanned from the very end of a block of exactly its size, so that the address
 * sanitizer sees a byte read too many. Each is scanned twice: by the library and by the portable
 * code that machines without SSE2 use, which is compiled into this file. */
#include "codec/scan.h"
#include "json_oracle.h"
#include "scan_cases.h"
#include "tap.h"

#include "base/mem.h"

#define SCAN_PORTABLE
#define scan_json     portable_scan_json
#define scan_name_is  portable_scan_name_is
#define scan_unescape portable_scan_unescape
int scan_json(struct scan *s, struct str text, unsigned max_depth, struct err *e);
bool scan_name_is(struct str raw, struct str name);
void scan_unescape(struct buf *out, struct str raw);
#include "../../lib/codec/scan.c"
#undef scan_json
#undef scan_name_is
#undef scan_unescape

#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint64_t seed;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % n);
}

static struct scan last; /* of the last scan() */
static struct err why;
static bool halves_agree = true;

/* Fields that are not set on failure are not compared. */
static bool scans_equal(const struct scan *a, const struct scan *b)
{
	return a->type == b->type && a->begin == b->begin && a->end == b->end &&
	       a->has_newline == b->has_newline && a->n_members == b->n_members &&
	       a->n_marks == b->n_marks &&
	       memcmp(a->marks, b->marks, sizeof(a->marks[0]) * (size_t)a->n_marks) == 0;
}

static int scan(struct str text)
{
	char *copy = malloc(text.n ? text.n : 1);
	struct scan other;
	struct err other_why;
	int r, other_r;

	memset(&last, 0, sizeof(last));
	memset(&other, 0, sizeof(other));
	why.text[0] = other_why.text[0] = '\0';
	if (text.n)
		memcpy(copy, text.p, text.n);
	r = scan_json(&last, str_make(copy, text.n), SCAN_DEPTH_MAX, &why);
	other_r = portable_scan_json(&other, str_make(copy, text.n), SCAN_DEPTH_MAX, &other_why);
	if (r != other_r || (r == 0 && !scans_equal(&last, &other)) ||
		(r < 0 && (last.error_at != other.error_at ||
				  strcmp(why.text, other_why.text) != 0))) {
		halves_agree = false;
		printf("# SSE2 says %d %s, portable %d %s of '%.*s'\n", r, why.text, other_r,
			other_why.text, (int)text.n, text.p);
	}
	free(copy);
	return r;
}

/* A text for the line of its test: printable, and one line. */
static const char *shown(struct str text)
{
	static char line[256];
	size_t n = 0;

	for (size_t i = 0; i < text.n && n < sizeof(line) - 8; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c >= ' ' && c < 0x7f && c != '#')
			line[n++] = (char)c;
		else
			n += (size_t)snprintf(line + n, 5, "\\x%02x", c);
	}
	line[n] = '\0';
	return line;
}

static void test_lists(void)
{
	for (size_t i = 0; i < COUNT(accepted); i++)
		is_int(scan(accepted[i]), 0, "accepted: %s", shown(accepted[i]));
	for (size_t i = 0; i < COUNT(refused); i++) {
		is_int(scan(refused[i]), ERR_INVALID, "refused: %s", shown(refused[i]));
		if (last.error_at > refused[i].n || why.text[0] == '\0' || why.code != ERR_INVALID)
			ok(false, "... with a sentence and a place");
	}
	for (size_t i = 0; i < COUNT(decided); i++)
		is_int(scan(decided[i].text), decided[i].accept ? 0 : ERR_INVALID, "%s: %s",
			shown(decided[i].text), decided[i].why);
}

/* A number's beginning may be a number; everything else that ends early is nothing. */
static void test_truncations(void)
{
	int texts = 0, wrong = 0;

	for (size_t i = 0; i < COUNT(accepted); i++) {
		struct str t = str_trim(accepted[i]);
		while (t.n && (t.p[t.n - 1] == '\n' || t.p[t.n - 1] == '\r' ||
				      t.p[t.n - 1] == '\t' || t.p[t.n - 1] == ' '))
			t.n--;
		if (t.n && t.p[t.n - 1] >= '0' && t.p[t.n - 1] <= '9')
			continue;
		for (size_t n = 0; n < t.n; n++, texts++) {
			if (scan(str_make(t.p, n)) != ERR_INVALID) {
				printf("# accepted: %s\n", shown(str_make(t.p, n)));
				wrong++;
			}
		}
	}
	is_int(wrong, 0, "%d beginnings of valid texts are refused", texts);
}

/* --- against jansson ------------------------------------------------------------------------- */

static int compared, differ;

static void compare(struct str text)
{
	enum oracle theirs = json_oracle(text);
	int ours = scan(text);

	if (theirs == ORACLE_SILENT)
		return;
	compared++;
	if ((ours == 0) != (theirs == ORACLE_ACCEPTS) && differ++ < 10)
		printf("# ours %d (%s), jansson's %d: %s\n", ours, why.text, theirs, shown(text));
}

static const char *const samples[] = {
	"{\"type\":\"chat\",\"text\":\"hi there\",\"n\":[1,-2.5,3e8,0],\"ok\":true,\"no\":null,\"f\":false}",
	"{\"a\":{\"a\":{\"b\":1,\"c\":[{\"a\":1},{}]}},\"b\":[],\"c\":\"\"} ",
	"[\"\\u00e9\\ud83d\\ude00\\n\\\\\\\"\\/\",\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\",\"\xed\x9f\xbf\"]",
	"[0,-0,0.5,-0.5e-10,10E+2,123456789012345678,0.1234567890123456789]",
	" {\r\n\t\"user_id\" : \"ada\" ,\n \"_id\" : null , \"event\":[ 1 , 2 ] }\n",
	"{\"\\u0061\":1,\"b\":2,\"\\ud83d\\ude00\":3,\"\\u0063\":4,\"0123456789abcdef\":5,\"0123456789abcde\":6}",
	"\"0123456789abcdef0123456789abcdef0123456789\"",
	"[true,false,null,[[[[]]]],{\"\":{}}]",
};

/* Every byte replaced by every other, taken out, doubled, and every bracket put before it. */
static void test_mutations(void)
{
	static const char inserted[] = "\"\\,:{}[]0-.e \n\0\x80";
	char text[256];

	compared = differ = 0;
	for (size_t i = 0; i < COUNT(samples); i++) {
		size_t n = strlen(samples[i]);
		for (size_t at = 0; at < n; at++) {
			memcpy(text, samples[i], n);
			for (int c = 0; c < 256; c++) {
				text[at] = (char)c;
				compare(str_make(text, n));
			}
			memmove(text + at, samples[i] + at + 1, n - at - 1);
			compare(str_make(text, n - 1));
			memcpy(text + at + 1, samples[i] + at, n - at);
			for (size_t k = 0; k < sizeof(inserted) - 1; k++) {
				text[at] = inserted[k];
				compare(str_make(text, n + 1));
			}
		}
	}
	is_int(differ, 0, "%d single-byte mutations are judged as by jansson", compared);
}

/* One character of a name, plain or escaped in one of its spellings. */
static void add_spelt(struct buf *b, char c)
{
	switch (random_below(8)) {
	case 0: buf_addf(b, "\\u%04x", c); break;
	case 1: buf_addf(b, "\\u%04X", c); break;
	default: buf_add_char(b, c);
	}
}

/* A name of 0 to 33 characters that differ in the last one only: around the sizes of blocks. */
static void add_name(struct buf *b, uint32_t variety)
{
	static const uint8_t lengths[] = { 0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33 };
	uint32_t n = lengths[random_below(COUNT(lengths))];

	buf_add_char(b, '"');
	for (uint32_t i = 0; i < n; i++)
		add_spelt(b, i + 1 < n ? 'x' : (char)('A' + random_below(variety)));
	buf_add_char(b, '"');
}

static void add_object(struct buf *b, uint32_t members, uint32_t depth)
{
	buf_add_char(b, '{');
	for (uint32_t i = 0; i < members; i++) {
		if (i)
			buf_add_char(b, ',');
		if (random_below(4))
			buf_addf(b, "\"%u%s\"", i, random_below(2) ? "" : "-some-long-suffix");
		else
			add_name(b, 60);
		buf_add_char(b, ':');
		if (depth && random_below(12) == 0)
			add_object(b, random_below(60), depth - 1);
		else
			buf_add_text(b, random_below(2) ? "0" : "[{}]");
	}
	buf_add_char(b, '}');
}

static void test_names(void)
{
	struct buf b = { 0 };
	int accepts = 0;

	seed = 20240229;
	compared = differ = 0;
	for (int i = 0; i < 20000; i++) {
		b.n = 0;
		add_object(&b, random_below(i % 10 ? 24 : 80), 3);
		compare(buf_str(&b));
		accepts += why.text[0] == '\0';
	}
	is_int(differ, 0, "%d random objects: equal names are found as by jansson (seed 20240229)",
		compared);
	ok(accepts > compared / 10 && accepts < compared * 9 / 10, "... of which %d have none",
		accepts);
	buf_fini(&b);
}

/* --- size ------------------------------------------------------------------------------------ */

/* {"0":0,"1":0,...}, then `end`. */
static void wide_object(struct buf *b, uint32_t members, const char *end)
{
	b->n = 0;
	for (uint32_t i = 0; i < members; i++)
		buf_addf(b, "%c\"%u\":0", i ? ',' : '{', i);
	buf_add_text(b, end);
}

static void test_wide(void)
{
	struct buf b = { 0 };

	for (uint32_t n = 31; n <= 35; n++) {
		wide_object(&b, n, "}");
		is_int(scan(buf_str(&b)), 0, "an object of %u members", n);
		is_int(last.n_members, n, "... which are counted");
		wide_object(&b, n, ",\"\\u0030\":1}");
		is_int(scan(buf_str(&b)), ERR_INVALID, "... and the first name once more");
	}
	wide_object(&b, 100000, "}");
	is_int(scan(buf_str(&b)), 0, "an object of 100,000 members");
	wide_object(&b, 100000, ",\"99999\":1}");
	is_int(scan(buf_str(&b)), ERR_INVALID, "... one of them twice");
	wide_object(&b, 40, ",\"x\":{\"0\":0},\"39\":0}");
	is_int(scan(buf_str(&b)), ERR_INVALID,
		"a large object knows its names after a member object");
	b.n = 0;
	for (int i = 0; i < 20;
		i++) { /* large objects within each other, all with the same names */
		for (int k = 0; k < 40; k++)
			buf_addf(&b, "%c\"%d\":0", k ? ',' : '{', k);
		buf_add_text(&b, ",\"x\":");
	}
	buf_add_text(&b, "{}");
	for (int i = 0; i < 20; i++)
		buf_addf(&b, ",\"y\":{},\"40\":%d}", i);
	is_int(scan(buf_str(&b)), 0, "large objects within large ones");
	buf_add_text(&b, " ");
	b.p[b.n - 1] = '}';
	is_int(scan(buf_str(&b)), ERR_INVALID, "... and one bracket too many");
	buf_fini(&b);
}

static int scan_to(const char *text, unsigned max_depth)
{
	return scan_json(&last, str_of(text), max_depth, &why);
}

static void test_depth(void)
{
	struct buf b = { 0 };

	for (int depth = 64; depth <= 65; depth++) {
		for (int shape = 0; shape < 2; shape++) {
			b.n = 0;
			for (int i = 0; i < depth; i++)
				buf_add_text(&b, shape ? "{\"a\":" : "[");
			buf_add_text(&b, "1");
			for (int i = 0; i < depth; i++)
				buf_add_text(&b, shape ? "}" : "]");
			is_int(scan(buf_str(&b)), depth == 64 ? 0 : ERR_TOO_LARGE,
				"%d %s within each other", depth, shape ? "objects" : "arrays");
		}
	}
	b.n = 0;
	for (int i = 0; i < 1000000; i++)
		buf_add_char(&b, '[');
	is_int(scan(buf_str(&b)), ERR_TOO_LARGE, "a million brackets");
	is_text(why.text, strlen(why.text), "nested deeper than 64 levels at byte 64",
		"... are told apart");
	is_int(scan_to("1", 0), 0, "depth 0 takes a number");
	is_int(scan_to("[]", 0), ERR_TOO_LARGE, "... and no array");
	is_int(scan_to("[[],{}]", 2), 0, "depth 2 takes an array of arrays");
	is_int(scan_to("[[],{\"a\":[]}]", 2), ERR_TOO_LARGE, "... and nothing below it");
	is_int(scan_json(&last, str_make("1", (size_t)SCAN_BYTES_MAX + 1), 64, &why), ERR_TOO_LARGE,
		"a text of 1 GiB is not looked at");
	buf_fini(&b);
}

static void test_memory(void)
{
	struct buf b = { 0 };
	uint64_t before;

	wide_object(&b, 100, "}");
	scan_json(&last, buf_str(&b), 64, NULL);
	before = mem_count();
	for (int i = 0; i < 100; i++)
		scan_json(&last, buf_str(&b), 64, NULL);
	for (size_t i = 0; i < COUNT(samples); i++)
		scan_json(&last, str_of(samples[i]), 64, NULL);
	is_int(mem_count() - before, 0, "nothing is allocated");
	buf_fini(&b);
}

/* --- what is reported ------------------------------------------------------------------------ */

static void is_part(struct str text, uint32_t at, uint32_t n, const char *want, const char *what)
{
	is_text(text.p + at, n, want, "%s is %s", what, want);
}

static void test_marks(void)
{
	struct str t = STR(
		"\n { \"a\":{\"type\":1,\"_x\":2}, \"type\" : [1, 2] ,\"_id\":\"\\\"\",\"_Id\":1,\n"
		"\"_\":2, \"__\":3,\"\\u005f\\u0061\":-1.5 , \"dat\\u0061\":{\"b\":null},\"_b\":true} \n");
	const struct scan_mark *m = last.marks;

	is_int(scan(t), 0, "a text with members to report");
	is_int(last.type, SCAN_OBJECT, "it is an object");
	is_int(t.p[last.begin], '{', "it begins at its bracket");
	is_int(t.p[last.end - 1], '}', "it ends with its bracket");
	is_int(last.first_after, last.begin + 1, "its first member comes after the bracket");
	is_int(last.n_members, 9, "members are counted at the top only");
	ok(last.has_newline, "the newline inside it is reported");
	is_int(last.n_marks, 5, "five are reported");
	is_part(t, m[0].name, m[0].name_n, "type", "the first name");
	is_part(t, m[0].value, m[0].value_n, "[1, 2]", "the first value");
	is_int(m[0].type, SCAN_ARRAY, "its type");
	is_int(m[0].index, 1, "its index");
	is_int(t.p[m[0].comma_before], ',', "the comma before it");
	ok(m[0].comma_before < m[0].name && t.p[m[0].comma_before - 1] == '}',
		"... is the right one");
	is_part(t, m[0].comma_after - 1, 2, " ,", "the comma after it");
	is_part(t, m[1].value, m[1].value_n, "\"\\\"\"", "the second value");
	is_int(m[1].comma_before, m[0].comma_after, "neighbours share a comma");
	is_part(t, m[1].comma_after, 5, ",\"_Id", "what follows its own comma");
	is_part(t, m[2].name, m[2].name_n, "\\u005f\\u0061", "the third name");
	ok(m[2].name_escaped && !m[1].name_escaped, "escapes in names are noted");
	is_part(t, m[2].value, m[2].value_n, "-1.5", "the third value");
	is_int(m[2].type, SCAN_NUMBER, "its type");
	is_part(t, m[3].value, m[3].value_n, "{\"b\":null}", "the fourth value");
	is_int(m[3].type, SCAN_OBJECT, "its type");
	is_part(t, m[4].value, m[4].value_n, "true", "the fifth value");
	is_int(m[4].type, SCAN_TRUE, "its type");
	is_int(m[4].comma_after, 0, "no comma after the last");
	is_int(m[4].index, 8, "its index");

	is_int(scan(STR("{\"user_id\":\"\"}")), 0, "a single member");
	ok(last.n_marks == 1 && !m[0].comma_before && !m[0].comma_after, "... has no commas");
	is_int(scan(STR("\n[\"type\",{\"_id\":1}]\n")), 0, "an array");
	ok(last.n_marks == 0 && last.n_members == 0 && !last.has_newline, "... reports nothing");
	is_int(scan(STR(
		       "{\"a\":1,\"user_i\":1,\"user_id_\":1,\"Type\":1,\"types\":1,\"_9\":1,\"_\xc3\xa9\":1,"
		       "\"\\u005f\":1,\"typ\\u0065d\":1,\"e\":1,\"event_\":1,\"dat\":1}")),
		0, "near misses");
	is_int(last.n_marks, 0, "... are not reported");
	is_int(scan(STR(
		       "{\"_\\u0061234567890\":1,\"\\u0074ype\":1,\"use\\u0072_id\":1,\"\\u0065\\u0076ent\":1,"
		       "\"sinc\\u0065\":1}")),
		0, "escaped names");
	is_int(last.n_marks, 5, "... are reported");
}

static void test_many_marks(void)
{
	struct buf b = { 0 };

	for (int n = 32; n <= 33; n++) {
		b.n = 0;
		for (int i = 0; i < n; i++)
			buf_addf(&b, "%c\"_m%d\":0", i ? ',' : '{', i);
		buf_add_char(&b, '}');
		is_int(scan(buf_str(&b)), n == 32 ? 0 : ERR_INVALID, "%d reserved members", n);
	}
	is_text(why.text, strlen(why.text), "more than 32 reserved members", "... are too many");
	buf_fini(&b);
}

static void test_sentences(void)
{
	static const struct {
		const char *text, *want;
		uint32_t at;
	} cases[] = {
		{ "{\"a\":1,,}", "not JSON: unexpected ',' at byte 7", 7 },
		{ "[1\x01]", "not JSON: unexpected byte 0x01 at byte 2", 2 },
		{ " ", "not JSON: empty", 1 },
		{ "\xef\xbb\xbf{}", "not JSON: begins with a byte order mark", 0 },
		{ "[1.]", "not JSON: a digit is missing at byte 3", 3 },
		{ "\"a\tb\"", "not JSON: control character 0x09 in a string at byte 2", 2 },
		{ "\"a\\x\"", "not JSON: no such escape at byte 2", 2 },
		{ "\"a\\ud800\"", "not JSON: lone surrogate at byte 2", 2 },
		{ "[1,", "not JSON: ends too early, at byte 3", 3 },
		{ "\"ab\xff\"", "invalid UTF-8 at byte 3", 3 },
		{ "{\"a\\u0000\":1}", "NUL in the name at byte 2", 2 },
		{ "{\"a\":1,\"\\u0061\":1}", "duplicate name '\\u0061' at byte 8", 8 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		scan(str_of(cases[i].text));
		is_text(why.text, strlen(why.text), cases[i].want, "sentence: %s", cases[i].want);
		is_int(last.error_at, cases[i].at, "... and the offset");
	}
}

static void test_unescape(void)
{
	struct str raw = STR(
		"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\uD83D\\uDE00\xc3\xa9z\\u0000");
	struct str want = STR("a\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9z\0");
	struct buf b = { 0 };

	scan_unescape(&b, raw);
	ok(str_eq(buf_str(&b), want), "a string is unescaped");
	ok(scan_name_is(raw, want), "... and compared");
	ok(!scan_name_is(raw, str_make(want.p, want.n - 1)), "... not with its beginning");
	ok(!scan_name_is(str_make(raw.p, raw.n - 6), want), "... nor its beginning with it");
	ok(!scan_name_is(STR("\\u20ac"), STR("\xe2\x82\xad")), "... nor with another");
	ok(scan_name_is(STR(""), STR("")), "nothing is nothing");
	buf_fini(&b);
}

int main(void)
{
	test_lists();
	test_truncations();
	test_mutations();
	test_names();
	test_wide();
	test_depth();
	test_memory();
	test_marks();
	test_many_marks();
	test_sentences();
	test_unescape();
	ok(halves_agree, "SSE2 and portable code agree on all of them");
	return tap_done();
}
