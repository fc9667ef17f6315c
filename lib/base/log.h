/* log.h - one line per event on stderr, as text or JSON
 *
 * Text: "rt-serve: warning: ..." ; JSON: {"ts":"...","level":"warning","msg":"..."}. Control
 * characters in arguments come out escaped, so a record is always one line. At most 100 lines a
 * second are written; what was left out is counted in the next line of log_error ... log_debug. */
#ifndef RT_BASE_LOG_H
#define RT_BASE_LOG_H

#include "base/str.h"

/* A note is for whoever sits there, neither right nor wrong: like an error it is said without the
 * word of its level. */
enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* `program` is kept (takes a string that lives for ever). Default: warning, text. */
void log_init(const char *program, enum log_level max, bool json);
const char *log_program(void);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A ready JSON object as a record of its own: text format prints it after the program's name. */
void log_record(enum log_level level, struct str json);

#endif
