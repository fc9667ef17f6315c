/* Cursor files: what is written is found again, whole or not at all. */
#include "client/cursor.h"
#include "tap.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[64];

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
}

static const char *read_file(void)
{
	static char text[4096];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	return text;
}

static void is_found(struct cursor *c, const char *room, const char *want)
{
	const char *got = cursor_find(c, str_of(room));

	ok(want ? got && strcmp(got, want) == 0 : !got, "'%s' stands at %s", room,
		want ? want : "nothing");
}

static void test_write(void)
{
	struct cursor *c = cursor_open(path, NULL);
	struct stat st;

	ok(c && !cursor_find(c, STR("a")), "a missing file is empty");
	is_int(cursor_due_ms(c), -1, "clean");
	is_int(cursor_flush(c, NULL), 0, "nothing to write");
	ok(access(path, F_OK) != 0, "and nothing written");
	cursor_set(c, STR("a"), STR("e-1"));
	cursor_set(c, STR("b"), STR("e-2"));
	cursor_set(c, STR("a"), STR("e-3"));
	ok(cursor_due_ms(c) >= 0 && cursor_due_ms(c) <= 100, "due within 100 ms");
	is_int(cursor_flush(c, NULL), 0, "written");
	is_int(cursor_due_ms(c), -1, "clean again");
	cursor_set(c, STR("a"), STR("e-3"));
	is_int(cursor_due_ms(c), -1, "the same position is no change");
	is_int(stat(path, &st), 0, "the file is there");
	is_int(st.st_mode & 0777, 0600, "a new file is its owner's alone");
	cursor_free(c);

	c = cursor_open(path, NULL);
	is_found(c, "a", "e-3");
	is_found(c, "b", "e-2");
	is_found(c, "c", NULL);
	cursor_set(c, STR("*"), STR("e-9"));
	is_found(c, "a", "e-9");
	is_found(c, "c", "e-9");
	cursor_set(c, STR("a"), STR("e-11"));
	is_found(c, "a", "e-11");
	is_found(c, "b", "e-9");
	chmod(path, 0640);
	is_int(cursor_flush(c, NULL), 0, "written");
	is_text(read_file(), strlen(read_file()),
		"{\"room\":\"*\",\"id\":\"e-9\"}\n{\"room\":\"a\",\"id\":\"e-11\"}\n",
		"a covering position replaces those of rooms");
	stat(path, &st);
	is_int(st.st_mode & 0777, 0640, "the mode is kept");
	cursor_free(c);
}

static void test_broken(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "hello\n", "line 1: not a JSON object" },
		{ "{\"room\":\"a\",\"id\":\"x\"}\n[]\n", "line 2: not a JSON object" },
		{ "{\"room\":\"a:b\",\"id\":\"x\"}\n", "line 1: no room" },
		{ "\n{\"room\":\"a\"}\n", "line 2: no id" },
		{ "{\"room\":\"a\",\"id\":\"x y\"}\n", "line 1: no id" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = { 0 };
		write_file(cases[i].text);
		ok(!cursor_open(path, &e) && e.code == ERR_INVALID &&
				strstr(e.text, cases[i].want) && strstr(e.text, path),
			"refused: %s", e.text);
	}
}

static void test_lenient(void)
{
	struct cursor *c;

	write_file(
		"\r\n{\"room\":\"a\",\"id\":\"1\",\"more\":true}\r\n\n{\"room\":\"chat.>\",\"id\":\"2\"}");
	c = cursor_open(path, NULL);
	ok(c != NULL, "CRLF, empty lines, other members, no last LF");
	is_found(c, "a", "1");
	is_found(c, "chat.>", "2");
	cursor_free(c);
}

static void test_failure(const char *dir)
{
	struct err e = { 0 };
	struct cursor *c = cursor_open("/nonexistent/dir/x", &e);

	ok(c != NULL, "a missing directory is a missing file");
	cursor_set(c, STR("a"), STR("1"));
	is_int(cursor_flush(c, &e), ERR_IO, "it cannot be written: %s", e.text);
	ok(cursor_due_ms(c) >= 0, "and stays to be written");
	cursor_free(c);
	ok(!cursor_open(dir, &e) && e.code == ERR_IO, "a directory is no file: %s", e.text);
}

int main(void)
{
	char dir[] = "/tmp/rt-cursor-XXXXXX";

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/cursor", dir);
	test_write();
	test_broken();
	test_lenient();
	test_failure(dir);
	unlink(path);
	ok(rmdir(dir) == 0, "no temporary file is left");
	cursor_free(NULL);
	return tap_done();
}
