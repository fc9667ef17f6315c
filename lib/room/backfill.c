/* backfill.c - what the rings no longer have, read from the bus
 *
 *        pos                 page 1               page 2        upto = floor
 *   ------ o ==[ e ][ e ][ e ]=======[ e ][ e ]=================== o ---[ e ][ e ]   room's ring
 *
 * A backfill is a page of entries private to one sub. It is read up to the `floor` of the rings
 * (looked at again for each page), and then cursors take over exactly there. When to tell what the
 * bus no longer has is feed.c's. */
#include "room/sub.h"

#include "base/mem.h"

struct backfill {
	struct page_entry *entries;
	char *names;        /* of the rooms of the entries */
	size_t n, at;
	struct pos upto;    /* of the page asked for last */
	enum page_end end;
};

static void backfill_start(struct sub *s)
{
	struct table *t = s->feed->table;

	list_del(&s->queue);
	list_add(&t->backfilling, &s->queue);
	t->n_backfilling++;
	sub_set_state(s, SUB_PAGING);
	s->backfill->upto = sub_floor(s);
	t->ops->replay(t, s, s->pos, s->backfill->upto);
}

/* Gives the turn at the bus to the next in the queue. */
static void backfill_leave(struct sub *s)
{
	struct table *t = s->feed->table;
	struct list *next;

	if (s->state == SUB_PAGING) {
		t->n_backfilling--;
		if (t->n_backfilling < t->conf.backfills && (next = list_pop(&t->backfill_queue)))
			backfill_start(list_entry(next, struct sub, queue));
	}
	list_del(&s->queue);
}

static void page_free(struct backfill *b)
{
	for (; b->at < b->n; b->at++)
		entry_free(b->entries[b->at].entry);
	mem_free(b->entries);
	mem_free(b->names);
	b->entries = NULL;
	b->names = NULL;
	b->n = b->at = 0;
}

static void backfill_free(struct sub *s)
{
	if (!s->backfill)
		return;
	page_free(s->backfill);
	mem_free(s->backfill);
	s->backfill = NULL;
}

void backfill_stop(struct sub *s)
{
	backfill_leave(s);
	backfill_free(s);
}

void backfill_next(struct sub *s)
{
	struct table *t = s->feed->table;

	if (pos_cmp(s->pos, sub_floor(s)) >= 0) {
		backfill_free(s);
		sub_go_live(s);
		feed_ready(s->feed);
		return;
	}
	if (!s->backfill)
		s->backfill = mem_new(struct backfill);
	if (t->n_backfilling < t->conf.backfills) {
		backfill_start(s);
	} else {
		sub_set_state(s, SUB_QUEUED);
		list_del(&s->queue);
		list_add(&t->backfill_queue, &s->queue);
	}
}

/* The page was delivered to its end. */
static void page_done(struct sub *s)
{
	struct backfill *b = s->backfill;

	page_free(b);
	if (b->end == PAGE_END)
		s->pos = pos_max(s->pos, b->upto);
	backfill_next(s);
}

/* Keeps what lies in (s->pos, upto], whatever the bus thought best to send: more would pass over
 * what other rooms have yet to get. */
static void page_keep(struct sub *s, const struct page_entry *entries, size_t n)
{
	struct backfill *b = s->backfill;
	struct pos last = s->pos;
	size_t names_n = 0;
	char *p;

	for (size_t i = 0; i < n; i++)
		names_n += entries[i].room.n;
	b->entries = mem_array(n ? n : 1, sizeof *b->entries);
	p = b->names = mem_alloc(names_n + 1);
	b->n = b->at = 0;
	for (size_t i = 0; i < n; i++) {
		struct page_entry e = entries[i];
		bool beyond = pos_cmp(e.entry->pos, b->upto) > 0;

		if (beyond || pos_cmp(e.entry->pos, last) <= 0) {
			if (beyond && b->end == PAGE_MORE)
				b->end = PAGE_END;
			entry_free(e.entry);
			continue;
		}
		last = e.entry->pos;
		memcpy(p, e.room.p, e.room.n);
		b->entries[b->n++] = (struct page_entry){ str_make(p, e.room.n), e.entry };
		p += e.room.n;
	}
}

/* Positions of another epoch than the table's mean nothing to it: table_reset is on its
 * way, or was here. */
static bool page_is_foreign(
	const struct sub *s, const struct page_entry *entries, size_t n, struct pos oldest)
{
	uint64_t epoch = s->feed->table->head.epoch;

	for (size_t i = 0; i < n; i++)
		if (entries[i].entry->pos.epoch != epoch)
			return true;
	return oldest.epoch && oldest.epoch != epoch;
}

void sub_page(
	struct sub *s, struct page_entry *entries, size_t n, enum page_end end, struct pos oldest)
{
	struct backfill *b = s->backfill;

	if (s->state != SUB_PAGING || page_is_foreign(s, entries, n, oldest)) {
		for (size_t i = 0; i < n; i++)
			entry_free(entries[i].entry);
		if (s->state != SUB_PAGING)
			return;
		end = PAGE_FAILED;
		n = 0;
	}
	backfill_leave(s);
	sub_set_state(s, SUB_BACKFILL);
	b->end = end;
	page_keep(s, entries, n);
	if (end == PAGE_TRIMMED) {
		/* What lies above `upto` the rings have. */
		if (pos_cmp(oldest, b->upto) > 0)
			oldest = b->upto;
		if (pos_cmp(s->pos, oldest) < 0)
			sub_set_gap(s, GAP_HISTORY, s->pos, oldest);
	}
	if (b->n == 0 && !s->gap)
		page_done(s);
	feed_ready(s->feed);
}

void backfill_gap_told(struct sub *s, struct pos at)
{
	s->pos = pos_max(s->pos, at);
	if (s->backfill->at == s->backfill->n)
		page_done(s);
}

const struct entry *sub_backfill_next(const struct sub *s, struct str *room)
{
	const struct backfill *b = s->backfill;

	if (s->state != SUB_BACKFILL || b->at == b->n)
		return NULL;
	*room = b->entries[b->at].room;
	return b->entries[b->at].entry;
}

void sub_backfill_advance(struct sub *s)
{
	struct backfill *b = s->backfill;

	if (b->at < b->n) {
		s->pos = b->entries[b->at].entry->pos;
		entry_free(b->entries[b->at++].entry);
	}
	if (b->at == b->n)
		page_done(s);
}

void sub_fall_back(struct sub *s)
{
	sub_drop_cursors(s);
	sub_set_state(s, SUB_BACKFILL);
	backfill_next(s);
}
