/* line.c - cuts a stream of bytes into lines
 *
 *      buf.p  ....done....|start ....no LF here....|start+scanned ....new....|n
 *
 * It never reads by itself: the caller fills, it cuts. Lines come out in place, without a copy; the
 * partial line at the end moves to the front once per line_space. */
#include "base/line.h"

void line_init(struct line *l, size_t max)
{
	*l = (struct line){ .max = max };
}

void line_fini(struct line *l)
{
	buf_fini(&l->buf);
	*l = (struct line){ .max = l->max };
}

char *line_space(struct line *l, size_t want, size_t *room)
{
	char *at;

	buf_drop(&l->buf, l->start);
	l->start = 0;
	at = buf_reserve(&l->buf, want);
	*room = l->buf.cap - l->buf.n;
	return at;
}

void line_filled(struct line *l, size_t n)
{
	l->buf.n += n;
}

/* Takes the next n bytes as a line (the LF, if any, included in n), without its end. */
static struct str take(struct line *l, size_t n, bool ended)
{
	struct str s = { l->buf.p + l->start, n - ended };

	if (s.n > 0 && s.p[s.n - 1] == '\r')
		s.n--;
	l->start += n;
	l->scanned = 0;
	return s;
}

/* Is an unfinished line of n bytes too long whatever follows? A CR may belong to its end. */
static bool hopeless(const struct line *l, const char *p, size_t n)
{
	return n > l->max && !(n - l->max == 1 && p[n - 1] == '\r');
}

static enum line_result unfinished(struct line *l, bool eof, struct str *out)
{
	size_t n = l->buf.n - l->start;

	l->scanned = n;
	if (l->skipping) {
		take(l, n, false);
		l->skipping = !eof;
		return LINE_NONE;
	}
	if (n > 0 && hopeless(l, l->buf.p + l->start, n)) {
		take(l, n, false);
		l->skipping = !eof;
		l->number++;
		return LINE_TOO_LONG;
	}
	if (!eof || n == 0)
		return LINE_NONE;
	*out = take(l, n, false);
	l->number++;
	return out->n > 0 || l->keep_empty ? LINE_OK : LINE_NONE;
}

enum line_result line_next(struct line *l, bool eof, struct str *out)
{
	*out = (struct str){ "", 0 };
	for (;;) {
		size_t from = l->start + l->scanned;
		const char *lf =
			from < l->buf.n ? memchr(l->buf.p + from, '\n', l->buf.n - from) : NULL;
		struct str s;

		if (!lf)
			return unfinished(l, eof, out);
		s = take(l, (size_t)(lf + 1 - (l->buf.p + l->start)), true);
		if (l->skipping) {
			l->skipping = false;
			continue;
		}
		l->number++;
		if (s.n > l->max)
			return LINE_TOO_LONG;
		if (s.n == 0 && !l->keep_empty)
			continue;
		*out = s;
		return LINE_OK;
	}
}
