/* tty.h - what a terminal may be shown */
#ifndef RT_BASE_TTY_H
#define RT_BASE_TTY_H

#include "base/buf.h"

enum tty_color { TTY_AUTO, TTY_ALWAYS, TTY_NEVER };

/* Colour on this descriptor? Never with NO_COLOR (unless ALWAYS was asked for), TERM=dumb, or
 * without a terminal. */
bool tty_color(int fd, enum tty_color want);
/* Columns of the terminal, or 80. */
int tty_columns(int fd);
/* Appends text with C0, C1, DEL, bidi controls (U+061C, U+200E-F, U+202A-E, U+2066-9), U+2028-9 and
 * broken UTF-8 shown as \x1b, \u202e ...; tab stays. */
void tty_escape(struct buf *out, struct str s);

#endif
