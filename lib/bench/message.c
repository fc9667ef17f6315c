/* message.c - a JSON object around a mark */
#include "bench/message.h"

void message_init(struct message *m, size_t size)
{
	const size_t around = sizeof(",\"pad\":\"\"") - 1;
	struct buf *b = &m->text;

	*m = (struct message){ 0 };
	buf_add_text(b, "{\"bench\":\"");
	m->mark_at = b->n;
	memset(buf_reserve(b, MARK_BYTES), 'A', MARK_BYTES);
	b->n += MARK_BYTES;
	buf_add_char(b, '"');
	if (size > b->n + 1 + around) {
		size_t pad = size - b->n - 1 - around;
		buf_add_text(b, ",\"pad\":\"");
		memset(buf_reserve(b, pad), 'x', pad);
		b->n += pad;
		buf_add_char(b, '"');
	}
	buf_add_char(b, '}');
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
