/* log.c - one line per event on stderr
 *
 * Each record is one write(2), so lines of several processes do not mix. No files, no syslog, no
 * rotation: what runs the program collects its stderr. A program logs from one thread. */
#include "base/log.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/tty.h"

#include <errno.h>
#include <unistd.h>

#define LINES_PER_SECOND 100
#define KEEP_BYTES       4096

static struct {
	const char *program;
	enum log_level max;
	bool json;
	int64_t second; /* the one that `lines` counts */
	unsigned lines;
	uint64_t left_out; /* since the last line that told */
	struct buf text, line;
} state = { .program = "rt", .max = LOG_LEVEL_WARNING };

static const char *const names[] = { "error", "warning", "note", "info", "debug" };

void log_init(const char *program, enum log_level max, bool json)
{
	state.program = program;
	state.max = max;
	state.json = json;
}

const char *log_program(void)
{
	return state.program;
}

/* Is there room for one more line in this second? */
static bool admitted(enum log_level level)
{
	int64_t now;

	if (level > state.max)
		return false;
	now = clock_ms() / 1000;
	if (now != state.second) {
		state.second = now;
		state.lines = 0;
	}
	if (state.lines >= LINES_PER_SECOND) {
		state.left_out++;
		return false;
	}
	state.lines++;
	return true;
}

/* A full pipe that does not block loses the line: a log never holds up a loop. */
static void put_line(void)
{
	const char *p;
	size_t left;

	buf_add_char(&state.line, '\n');
	p = state.line.p;
	left = state.line.n;
	while (left > 0) {
		ssize_t n = write(STDERR_FILENO, p, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		p += n;
		left -= (size_t)n;
	}
	state.line.n = state.text.n = 0;
	buf_shrink(&state.line, KEEP_BYTES);
	buf_shrink(&state.text, KEEP_BYTES);
}

static void format_json(enum log_level level)
{
	struct buf *b = &state.line;

	buf_add_text(b, "{\"ts\":\"");
	time_format(b, clock_wall_ms());
	buf_addf(b, "\",\"level\":\"%s\",\"msg\":", names[level]);
	buf_add_json(b, buf_str(&state.text));
	if (state.left_out > 0) {
		buf_add_text(b, ",\"left_out\":");
		buf_add_u64(b, state.left_out);
	}
	buf_add_char(b, '}');
}

/* An error needs no word: it is what programs say. */
static void format_text(enum log_level level)
{
	struct buf *b = &state.line;

	buf_addf(b, "%s: ", state.program);
	if (level != LOG_LEVEL_ERROR && level != LOG_LEVEL_NOTE)
		buf_addf(b, "%s: ", names[level]);
	tty_escape(b, buf_str(&state.text));
	if (state.left_out > 0) {
		buf_add_text(b, " (");
		buf_add_u64(b, state.left_out);
		buf_add_text(b, " lines left out before this one)");
	}
}

static void log_v(enum log_level level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void log_v(enum log_level level, const char *fmt, va_list ap)
{
	int saved = errno;

	if (!admitted(level))
		return;
	buf_addv(&state.text, fmt, ap);
	if (state.json)
		format_json(level);
	else
		format_text(level);
	state.left_out = 0;
	put_line();
	errno = saved;
}

#define LOG_BODY(level)                \
	do {                           \
		va_list ap;            \
		va_start(ap, fmt);     \
		log_v(level, fmt, ap); \
		va_end(ap);            \
	} while (0)

void log_error(const char *fmt, ...)
{
	LOG_BODY(LOG_LEVEL_ERROR);
}

void log_warn(const char *fmt, ...)
{
	LOG_BODY(LOG_LEVEL_WARNING);
}

void log_note(const char *fmt, ...)
{
	LOG_BODY(LOG_LEVEL_NOTE);
}

void log_info(const char *fmt, ...)
{
	LOG_BODY(LOG_LEVEL_INFO);
}

void log_debug(const char *fmt, ...)
{
	LOG_BODY(LOG_LEVEL_DEBUG);
}

void log_record(enum log_level level, struct str json)
{
	int saved = errno;
	struct buf *b = &state.line;

	if (!admitted(level))
		return;
	if (state.json) {
		/* Raw control characters in JSON are white space between its tokens. */
		for (size_t i = 0; i < json.n; i++)
			buf_add_char(b, (unsigned char)json.p[i] < 0x20 ? ' ' : json.p[i]);
	} else {
		buf_addf(b, "%s: ", state.program);
		tty_escape(b, json);
	}
	put_line();
	errno = saved;
}
