#include "base/err.h"
#include "base/str.h"
#include "tap.h"

#include <errno.h>

static void test_codes(void)
{
	struct err e = { 0 };

	is_int(err_set(NULL, ERR_IO, "%s", "x"), ERR_IO, "without a struct the code comes back");
	is_int(err_set(&e, ERR_DENIED, "room '%s' is closed", "a"), ERR_DENIED,
		"the code comes back");
	is_int(e.code, ERR_DENIED, "the code is kept");
	is_text(e.text, strlen(e.text), "room 'a' is closed", "the sentence");
	err_set(&e, ERR_INVALID, "%s", "");
	is_text(e.text, strlen(e.text), "", "an empty sentence");
}

static void test_errno(void)
{
	struct err e = { 0 };

	errno = ECONNREFUSED;
	err_set(&e, ERR_IO, "cannot connect to '%s':", "x");
	is_text(e.text, strlen(e.text), "cannot connect to 'x': connection refused",
		"errno appended");
	is_int(errno, ECONNREFUSED, "errno survives");
	errno = ENOENT;
	err_set(&e, ERR_IO, "ends in an argument %s", ":");
	is_text(e.text, strlen(e.text), "ends in an argument :", "only the format's colon counts");
	errno = EIO;
	err_set(&e, ERR_IO, "read:");
	is_text(e.text, strlen(e.text), "read: input/output error", "lower case");
}

static void test_wrap(void)
{
	struct err e = { 0 };

	err_set(&e, ERR_INVALID, "not JSON");
	err_set(&e, e.code, "line %d: %s", 3, e.text);
	is_text(e.text, strlen(e.text), "line 3: not JSON", "a sentence may wrap itself");
}

/* Every offset of every width of character at the cut. */
static void test_cut(void)
{
	static const char *const runes[] = { "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };
	char text[2000];
	struct err e;
	bool whole = true, end = true, full = true, reason = true;

	for (size_t r = 0; r < 4; r++) {
		for (size_t pad = 0; pad < 8; pad++) {
			size_t n = pad, width = strlen(runes[r]);

			memset(text, 'x', pad);
			for (; n + width < sizeof(text); n += width)
				memcpy(text + n, runes[r], width);
			text[n] = '\0';
			err_set(&e, ERR_IO, "%s", text);
			whole &= str_utf8(str_of(e.text));
			full &= strlen(e.text) > ERR_TEXT_MAX - 1 - width &&
			        strlen(e.text) < ERR_TEXT_MAX;
			errno = ENOENT;
			err_set(&e, ERR_IO, "open '%s':", text);
			whole &= str_utf8(str_of(e.text));
			/* Not strlen: the compiler knows how long that can be. */
			end &= memchr(e.text, '\0', sizeof(e.text)) != NULL;
			reason &= str_find(str_of(e.text), STR(": no such file or directory")) ==
			          (long)strlen(e.text) - 27;
		}
	}
	ok(whole, "a cut never splits a character");
	ok(full, "a cut sentence uses the room there is");
	ok(end, "nor runs over the end");
	ok(reason, "the reason survives a long subject");
	memset(text, 'x', ERR_TEXT_MAX - 1);
	text[ERR_TEXT_MAX - 1] = '\0';
	err_set(&e, ERR_IO, "%s", text);
	is_int(strlen(e.text), ERR_TEXT_MAX - 1, "what just fits is not cut");
	err_set(&e, ERR_IO, "%sy", text);
	is_int(strlen(e.text), ERR_TEXT_MAX - 1, "one more byte is");
}

int main(void)
{
	test_codes();
	test_errno();
	test_wrap();
	test_cut();
	return tap_done();
}
