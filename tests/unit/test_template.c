/* Templates, and the member paths under them. */
#include "client/field.h"
#include "client/template.h"
#include "tap.h"

static void expands(const char *template, const char *json, const char *want)
{
	struct err e = { 0 };
	struct template *t = template_new(template, &e);
	struct buf out = { 0 };

	if (!ok(t != NULL, "'%s' is a template %s", template, e.text))
		return;
	template_expand(t, str_of(json), STR("{\"pay\":1}"), true, &out);
	is_text(out.p, out.n, want, "%s of %s", template, json);
	template_free(t);
	buf_fini(&out);
}

static void refused(const char *template)
{
	struct err e = { 0 };
	struct template *t = template_new(template, &e);

	ok(!t && e.code == ERR_USAGE, "'%s' is refused: %s", template, e.text);
	template_free(t);
}

static void test_expand(void)
{
	const char *chat = "{\"_id\":\"9-1\",\"_room\":\"lobby\",\"_ts\":1700000000123,\"type\":\"chat\","
			   "\"user_id\":\"ada\",\"text\":\"say \\\"hi\\\"\"}";

	expands("{user_id}: {text}", chat, "ada: say \"hi\"");
	expands("{_ts} {_room}", chat, "1700000000123 lobby");
	expands("{_ts:time}", chat, "2023-11-14T22:13:20.123Z");
	expands("{room}", chat, "lobby");
	expands("{room}", "{\"room\":\"own\",\"_room\":\"r\"}", "own");
	expands("[{nothing}]", chat, "[]");
	expands("{}", chat, "{\"pay\":1}");
	expands("{{{type}}}", chat, "{chat}");
	expands("{type}\\t{type}\\n\\\\", chat, "chat\tchat\n\\");
	expands("\\x", chat, "\\x");
	expands("", chat, "");
	expands("{a.b} {a.c.1} {a.c.7}", "{\"a\":{\"b\":-1.50,\"c\":[true,{\"d\":null}]}}",
		"-1.50 {\"d\":null} ");
	expands("{a}", "{ \"b\" : \"{\\\"a\\\":1\" , \"a\" : [ 1, \"]\" ] }", "[ 1, \"]\" ]");
	expands("{n\xc3\xa4me}", "{\"n\\u00e4me\":\"\\ud83d\\ude00\\u00e9\"}", "\xf0\x9f\x98\x80\xc3\xa9");
	refused("{open");
	refused("close}");
	refused("{a}}b");
}

/* A value must not be able to begin a line of its own. */
static void test_one_line(void)
{
	struct buf out = { 0 };

	expands("{t}", "{\"t\":\"a\\nb\\rc\\td\\u001be\\u007f\\/\\u000A\"}",
		"a\\nb\\rc\td\\u001be\\u007f/\\u000A");
	field_text(&out, STR("\"a\\nb\\u0041\""), false);
	is_text(out.p, out.n, "a\nbA", "without one_line everything is unescaped");
	buf_fini(&out);
}

static void test_room(void)
{
	struct err e = { 0 };
	struct template *t = template_new("logs/{room}.ndjson", &e);
	struct buf out = { 0 };

	ok(t && template_check_room(t, &e) == 0, "{room} may be in a file name");
	template_expand_room(t, STR("chat.eu"), &out);
	is_text(out.p, out.n, "logs/chat.eu.ndjson", "the file of a room");
	template_free(t);
	t = template_new("logs/{user_id}", &e);
	ok(template_check_room(t, &e) == ERR_USAGE, "other members may not: %s", e.text);
	template_free(t);
	buf_fini(&out);
}

static void test_each(void)
{
	struct str rest = STR(" [ {\"a\":[1,2]} , 2,\"x,]\" ,[] ] "), v;
	const char *want[] = { "{\"a\":[1,2]}", "2", "\"x,]\"", "[]" };
	int n = 0;

	rest = str_make(rest.p + 1, rest.n - 2);
	while (field_each(&rest, &v)) {
		if (n < 4)
			is_text(v.p, v.n, want[n], "element %d", n);
		n++;
	}
	is_int(n, 4, "and no more");
	rest = STR("[]");
	ok(!field_each(&rest, &v), "an empty array has none");
}

int main(void)
{
	test_expand();
	test_one_line();
	test_room();
	test_each();
	return tap_done();
}
