/* outbox.c - published messages that have no outcome yet, in order */
#include "client/outbox.h"

#include "base/err.h"
#include "base/mem.h"
#include "codec/msg.h"

#define KEEP_BYTES 65536 /* dead text below this is not worth moving memory for */

void outbox_fini(struct outbox *o)
{
	buf_fini(&o->bytes);
	buf_fini(&o->scratch);
	buf_fini(&o->members);
	mem_free(o->items);
	*o = (struct outbox){ 0 };
}

static struct outbox_item *item(const struct outbox *o, uint64_t ref)
{
	return &o->items[ref & (o->cap - 1)];
}

static void grow(struct outbox *o)
{
	struct outbox bigger = { .cap = o->cap ? 2 * o->cap : 64 };

	bigger.items = mem_array(bigger.cap, sizeof(*bigger.items));
	for (uint64_t ref = o->head; ref < o->tail; ref++)
		*item(&bigger, ref) = *item(o, ref);
	mem_free(o->items);
	o->items = bigger.items;
	o->cap = bigger.cap;
}

/* --- the text -------------------------------------------------------------------------------- */

static void member(struct buf *b, const char *name, struct str value)
{
	if (b->n)
		buf_add_char(b, ',');
	buf_addf(b, "\"%s\":", name);
	buf_add_json(b, value);
}

static struct str front_members(struct outbox *o, struct str room, struct str dedup, bool with_ref)
{
	struct buf *b = &o->members;

	b->n = 0;
	if (with_ref) {
		buf_add_text(b, "\"_ref\":");
		buf_add_u64(b, o->tail);
	}
	if (room.n)
		member(b, "_room", room);
	if (dedup.n)
		member(b, "_dedup", dedup);
	return buf_str(b);
}

static void consume(struct msg *m, enum msg_member k)
{
	if (msg_has(m, k))
		m->consumed |= 1u << m->mark[k];
}

/* Proves that it is an object (a server could not name the ref of one that is not) and cuts the
 * members that are to be replaced, and only these. */
static int prepare(struct outbox *o, struct str *text, bool room, bool dedup)
{
	struct msg m;

	if (msg_parse(&m, *text, MSG_FROM_BUS, NULL) < 0)
		return ERR_INVALID;
	*text = m.text;
	m.consumed = 0;
	consume(&m, MSG_REF);
	if (room)
		consume(&m, MSG_ROOM);
	if (dedup)
		consume(&m, MSG_DEDUP);
	if (!m.consumed && !m.scan.has_newline)
		return 0;
	o->scratch.n = 0;
	msg_payload(&m, STR(""), &o->scratch);
	*text = buf_str(&o->scratch);
	return 0;
}

/* Memory is moved only when at least half of it is dead: O(1) a byte. */
static void reclaim(struct outbox *o)
{
	uint64_t first = o->head < o->tail ? item(o, o->head)->at : o->base + o->bytes.n;
	size_t dead = (size_t)(first - o->base);

	if (dead == o->bytes.n || (dead >= KEEP_BYTES && dead >= o->bytes.n / 2)) {
		buf_drop(&o->bytes, dead);
		o->base = first;
	}
}

int outbox_add(struct outbox *o, struct str room, struct str text, struct str dedup, uint64_t tag,
	bool with_ref, bool raw)
{
	struct outbox_item *it;
	size_t before;

	if (!raw && prepare(o, &text, room.n > 0, dedup.n > 0) < 0)
		return ERR_INVALID;
	if (text.n > UINT32_MAX / 2)
		return ERR_TOO_LARGE;
	reclaim(o);
	if (o->tail - o->head == o->cap)
		grow(o);
	before = o->bytes.n;
	if (raw)
		buf_add_str(&o->bytes, text);
	else
		msg_splice(&o->bytes, text, front_members(o, room, dedup, with_ref));
	it = item(o, o->tail++);
	*it = (struct outbox_item){
		.tag = tag, .at = o->base + before, .n = (uint32_t)(o->bytes.n - before)
	};
	o->n_open++;
	return 0;
}

struct str outbox_text(const struct outbox *o, uint64_t ref)
{
	const struct outbox_item *it = item(o, ref);

	return str_make(o->bytes.p + (it->at - o->base), it->n);
}

bool outbox_finish(struct outbox *o, uint64_t ref, uint64_t *tag)
{
	struct outbox_item *it;

	if (ref < o->head || ref >= o->next || item(o, ref)->done)
		return false;
	it = item(o, ref);
	it->done = true;
	*tag = it->tag;
	o->n_open--;
	o->head = outbox_open(o, o->head);
	return true;
}

uint64_t outbox_open(const struct outbox *o, uint64_t ref)
{
	if (ref < o->head)
		ref = o->head;
	while (ref < o->next && item(o, ref)->done)
		ref++;
	return ref;
}

void outbox_rewind(struct outbox *o)
{
	o->next = o->head;
}

bool outbox_waiting(struct outbox *o)
{
	while (o->next < o->tail && item(o, o->next)->done)
		o->next++;
	o->head = outbox_open(o, o->head); /* it follows over what was finished before a rewind */
	return o->next < o->tail;
}
