/* tty.c - what a terminal may be shown
 *
 * The rule for bytes from elsewhere that reach a person's screen. It decides nothing about layout,
 * widths of characters, or whether the output is a terminal at all: callers ask isatty. */
#include "base/tty.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool set_and_full(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

bool tty_color(int fd, enum tty_color want)
{
	const char *term = getenv("TERM");

	if (want != TTY_AUTO)
		return want == TTY_ALWAYS;
	if (set_and_full("NO_COLOR") || !term || !*term || strcmp(term, "dumb") == 0)
		return false;
	return isatty(fd) == 1;
}

int tty_columns(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

/* Would it move the cursor, or make text read otherwise than it is stored? */
static bool unsafe(uint32_t rune)
{
	return (rune < 0x20 && rune != '\t') || (rune >= 0x7f && rune <= 0x9f) || rune == 0x061c ||
	       rune == 0x200e || rune == 0x200f || (rune >= 0x2028 && rune <= 0x202e) ||
	       (rune >= 0x2066 && rune <= 0x2069);
}

void tty_escape(struct buf *out, struct str s)
{
	while (s.n > 0) {
		uint32_t rune;
		size_t n = str_rune(s, &rune);

		if (rune == STR_BROKEN)
			for (size_t i = 0; i < n; i++)
				buf_addf(out, "\\x%02x", (unsigned char)s.p[i]);
		else if (!unsafe(rune))
			buf_add(out, s.p, n);
		else
			buf_addf(out, rune < 0x80 ? "\\x%02x" : "\\u%04x", (unsigned)rune);
		s = str_skip(s, n);
	}
}
