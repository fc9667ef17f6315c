/* sse.c - reads text/event-stream from bytes in pieces of any size
 *
 * Cut into lines (CR, LF or CRLF, each maybe at the edge of a piece), lines into fields, fields
 * gathered until an empty line. A block that is not finished when the stream ends is dropped, as
 * the standard says. */
#include "client/sse.h"

#include "base/err.h"

void sse_init(struct sse *s, size_t max)
{
	*s = (struct sse){ .max = max };
}

void sse_fini(struct sse *s)
{
	buf_fini(&s->line);
	buf_fini(&s->data);
	buf_fini(&s->event);
	buf_fini(&s->id);
}

static void set(struct buf *b, struct str v)
{
	b->n = 0;
	buf_add_str(b, v);
}

static int add_data(struct sse *s, struct str v)
{
	if (s->data.n + v.n + 1 > s->max)
		return ERR_TOO_LARGE;
	if (s->has_data)
		buf_add_char(&s->data, '\n');
	buf_add_str(&s->data, v);
	s->has_data = true;
	return 0;
}

static int on_field(struct sse *s, struct str line)
{
	struct str value, name = str_cut(line, ':', &value);

	if (!value.p)
		value = STR("");
	else if (value.n && value.p[0] == ' ')
		value = str_skip(value, 1);
	if (str_eq(name, STR("data")))
		return add_data(s, value);
	if (str_eq(name, STR("event"))) {
		set(&s->event, value);
	} else if (str_eq(name, STR("id")) && !memchr(value.p, '\0', value.n)) {
		set(&s->id, value);
		s->has_id = true;
	} /* comments have no name; retry is not ours to follow; others are to be ignored */
	return 0;
}

static int on_block(struct sse *s, int (*fn)(void *arg, const struct sse_event *ev), void *arg)
{
	struct sse_event ev = {
		.event = buf_str(&s->event),
		.id = buf_str(&s->id),
		.data = buf_str(&s->data),
		.has_id = s->has_id,
		.has_data = s->has_data,
	};
	int r = ev.has_data || ev.has_id ? fn(arg, &ev) : 0;

	s->data.n = s->event.n = s->id.n = 0;
	s->has_data = s->has_id = false;
	return r;
}

static int on_line(
	struct sse *s, struct str line, int (*fn)(void *arg, const struct sse_event *ev), void *arg)
{
	return line.n ? on_field(s, line) : on_block(s, fn, arg);
}

/* One byte order mark at the very beginning is skipped, whatever pieces it comes in. */
static struct str skip_bom(struct sse *s, struct str in)
{
	static const char mark[] = "\xef\xbb\xbf";

	while (s->bom < 3 && in.n) {
		if (in.p[0] != mark[s->bom]) {
			buf_add(&s->line, mark, s->bom); /* it was none */
			s->bom = 3;
		} else {
			s->bom++;
			in = str_skip(in, 1);
		}
	}
	return in;
}

static size_t line_end(struct str in)
{
	const char *lf = memchr(in.p, '\n', in.n);
	size_t n = lf ? (size_t)(lf - in.p) : in.n;
	const char *cr = memchr(in.p, '\r', n);

	return cr ? (size_t)(cr - in.p) : n;
}

int sse_feed(
	struct sse *s, struct str in, int (*fn)(void *arg, const struct sse_event *ev), void *arg)
{
	int r = 0;

	in = skip_bom(s, in);
	while (in.n && r == 0) {
		struct str line;
		size_t n;

		if (s->after_cr && in.p[0] == '\n') {
			s->after_cr = false;
			in = str_skip(in, 1);
			continue;
		}
		s->after_cr = false;
		n = line_end(in);
		line = str_make(in.p, n);
		if (s->line.n + n > s->max)
			return ERR_TOO_LARGE;
		if (n == in.n) {
			buf_add_str(&s->line, line);
			break;
		}
		s->after_cr = in.p[n] == '\r';
		in = str_skip(in, n + 1);
		if (s->line.n) {
			buf_add_str(&s->line, line);
			line = buf_str(&s->line);
		}
		r = on_line(s, line, fn, arg);
		s->line.n = 0;
	}
	return r;
}
