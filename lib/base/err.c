/* err.c - sentences for people
 *
 * Formats into a buffer of its own first, because a caller may wrap the very sentence it hands in:
 * err_set(e, e->code, "room '%s': %s", room, e->text). Knows nothing of where the sentence is
 * shown; whoever prints it escapes it (tty_escape). */
#include "base/err.h"
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* " connection refused": lower case, so that it reads on after the colon ("RPC ..." stays). */
static size_t reason_of(int number, char *out, size_t size)
{
	char store[128];
	const char *text = strerror_r(number, store, sizeof(store));
	int n = snprintf(out, size, " %s", text);

	if (isupper((unsigned char)out[1]) && !isupper((unsigned char)out[2]))
		out[1] = (char)tolower((unsigned char)out[1]);
	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX + 4], reason[128] = ""; /* 4 more: what a cut would split */
	int saved = errno, want;
	size_t n, room, reason_n = 0, fmt_n = strlen(fmt);
	va_list ap;

	if (!e)
		return code;
	if (fmt_n > 0 && fmt[fmt_n - 1] == ':')
		reason_n = reason_of(saved, reason, sizeof(reason));

	/* The reason is worth more than the end of a long subject. */
	room = ERR_TEXT_MAX - 1 - reason_n;
	va_start(ap, fmt);
	want = vsnprintf(text, room + 5, fmt, ap);
	va_end(ap);
	n = want < 0 ? 0 : strlen(text);
	if (n > room) {
		n = str_head(str_make(text, n), room - (reason_n > 0)).n;
		if (reason_n > 0)
			text[n++] = ':';
	}
	memcpy(text + n, reason, reason_n);
	n += reason_n;

	e->code = code;
	memcpy(e->text, text, n);
	e->text[n] = '\0';
	errno = saved;
	return code;
}
