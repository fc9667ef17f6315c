#include "base/tty.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void shown(struct str s, const char *want, const char *what)
{
	struct buf b = { 0 };

	tty_escape(&b, s);
	is_text(b.p, b.n, want, "%s", what);
	buf_fini(&b);
}

static void test_escape(void)
{
	shown((struct str){ NULL, 0 }, "", "nothing");
	shown(STR("a\tb \\x"), "a\tb \\x", "plain text and tab stay");
	shown(STR("\x1b[2J"), "\\x1b[2J", "an escape sequence");
	shown(str_make("\0\n\r\x7f", 4), "\\x00\\x0a\\x0d\\x7f", "NUL, line ends, DEL");
	shown(STR("\xc2\x9b"
		  "31m"),
		"\\u009b31m", "C1 as UTF-8");
	shown(STR("\x9b"
		  "31m"),
		"\\x9b31m", "C1 as a byte");
	shown(STR("\xe2\x80\xae"
		  "evil"),
		"\\u202eevil", "right-to-left override");
	shown(STR("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\x8e\xe2\x80\x8f\xe2\x81\xa6\xe2\x81\xa9\xd8\x9c"),
		"\\u2028\\u2029\\u200e\\u200f\\u2066\\u2069\\u061c", "the other controls");
	shown(STR("\xe2\x80\x8d\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa"),
		"\xe2\x80\x8d\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa", "their neighbours stay");
	shown(STR("h\xc3\xa9 \xf0\x9f\x98\x80"), "h\xc3\xa9 \xf0\x9f\x98\x80", "letters stay");
	shown(STR("\xe2\x82"
		  "a\xff"),
		"\\xe2\\x82a\\xff", "broken UTF-8");
	shown(STR("\xc0\x9b"), "\\xc0\\x9b", "an overlong control");
}

static void test_color(int terminal, int pipe_end)
{
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	ok(!tty_color(pipe_end, TTY_AUTO), "no colour in a pipe");
	ok(tty_color(pipe_end, TTY_ALWAYS), "unless asked for");
	if (terminal >= 0) {
		ok(tty_color(terminal, TTY_AUTO), "colour on a terminal");
		ok(!tty_color(terminal, TTY_NEVER), "unless refused");
		setenv("NO_COLOR", "", 1);
		ok(tty_color(terminal, TTY_AUTO), "an empty NO_COLOR is none");
		setenv("NO_COLOR", "1", 1);
		ok(!tty_color(terminal, TTY_AUTO), "NO_COLOR");
		ok(tty_color(terminal, TTY_ALWAYS), "ALWAYS is stronger");
		unsetenv("NO_COLOR");
		setenv("TERM", "dumb", 1);
		ok(!tty_color(terminal, TTY_AUTO), "TERM=dumb");
		unsetenv("TERM");
		ok(!tty_color(terminal, TTY_AUTO), "no TERM");
	}
}

static void test_columns(int terminal, int pipe_end)
{
	struct winsize size = { .ws_col = 132, .ws_row = 40 };

	is_int(tty_columns(pipe_end), 80, "80 columns without a terminal");
	is_int(tty_columns(-1), 80, "nor without a descriptor");
	if (terminal < 0)
		return;
	ioctl(terminal, TIOCSWINSZ, &size);
	is_int(tty_columns(terminal), 132, "the terminal's columns");
	size.ws_col = 0;
	ioctl(terminal, TIOCSWINSZ, &size);
	is_int(tty_columns(terminal), 80, "a terminal that does not know");
}

int main(void)
{
	int p[2], master = posix_openpt(O_RDWR | O_NOCTTY), terminal = -1;

	if (master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0)
		terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (terminal < 0)
		printf("# no pseudo-terminal here: colour and columns half tested\n");
	if (pipe(p) < 0)
		return 1;
	test_escape();
	test_color(terminal, p[1]);
	test_columns(terminal, p[1]);
	return tap_done();
}
