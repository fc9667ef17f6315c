/* message.c - a JSON object around a mark, and comparing what comes behind that */
#include "bench/message.h"

#define WHOLE_BYTES 256 /* compared in full; of more: so many in all */
#define END_BYTES   64

static const char before_mark[] = "{\"bench\":\"";
static const char before_pad[] = "\",\"pad\":\"";

#define N(literal) (sizeof(literal) - 1)

void message_init(struct message *m, size_t size)
{
	struct buf *b = &m->text;
	size_t bare = N(before_mark) + MARK_BYTES + N("\"}");

	*m = (struct message){ .mark_at = N(before_mark) };
	buf_add_text(b, before_mark);
	memset(buf_reserve(b, MARK_BYTES), 'A', MARK_BYTES);
	b->n += MARK_BYTES;
	if (size > bare + N(",\"pad\":\"\"")) {
		m->n_pad = size - bare - N(",\"pad\":\"\"");
		buf_add_text(b, before_pad);
		memset(buf_reserve(b, m->n_pad), 'x', m->n_pad);
		b->n += m->n_pad;
	}
	buf_add_text(b, "\"}");
}

struct str message_stamp(struct message *m, const struct mark *mark)
{
	mark_write(m->text.p + m->mark_at, mark);
	return str_make(m->text.p + m->mark_at, MARK_BYTES);
}

void message_fini(struct message *m)
{
	buf_fini(&m->text);
}

/* --- comparing -------------------------------------------------------------------------------- */

static bool same(const char *text, const char *want, size_t n, uint64_t number)
{
	size_t part = WHOLE_BYTES - 2 * END_BYTES, last = n - END_BYTES - part, at;

	if (n <= WHOLE_BYTES)
		return memcmp(text, want, n) == 0;
	at = END_BYTES + (size_t)(number * part % (n - 2 * END_BYTES));
	at = at < last ? at : last;
	return memcmp(text, want, END_BYTES) == 0 && memcmp(text + at, want + at, part) == 0 &&
	       memcmp(text + n - END_BYTES, want + n - END_BYTES, END_BYTES) == 0;
}

/* Takes `literal`, whose quotes may be escaped and which may have blanks between its tokens. */
static bool take(struct str *text, const char *literal)
{
	for (; *literal; literal++) {
		size_t n = 0;
		while (n < text->n &&
			(text->p[n] == ' ' || (text->p[n] == '\\' && *literal == '"')))
			n++;
		if (n == text->n || text->p[n] != *literal)
			return false;
		*text = str_skip(*text, n + 1);
	}
	return true;
}

static bool is_respelt(const struct message *m, struct str rest, uint64_t number)
{
	const char *pad = m->text.p + m->mark_at + MARK_BYTES + N(before_pad);

	if (m->n_pad) {
		if (!take(&rest, before_pad) || rest.n < m->n_pad ||
			!same(rest.p, pad, m->n_pad, number))
			return false;
		rest = str_skip(rest, m->n_pad);
	}
	return take(&rest, "\"}");
}

bool message_is_intact(const struct message *m, struct str rest, uint64_t number)
{
	size_t at = m->mark_at + MARK_BYTES, n = m->text.n - at;

	return (rest.n >= n && same(rest.p, m->text.p + at, n, number)) ||
	       is_respelt(m, rest, number);
}
