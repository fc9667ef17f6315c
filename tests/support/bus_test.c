/* bus_test.c - a bus that orders, replays and deduplicates, and misbehaves on command
 *
 *      publish -> sending -> [ the log: a file, shared by instances ] -> tailed -> deliver
 *                 (delay)     (trims, holes, a new epoch)               (delay)
 *
 * The log is a file of records, appended under a lock and never rewritten: messages, trims, lost positions, new epochs. Each instance reads all of
 * it and keeps it in memory, so a restarted instance, or a second one, finds what was there. What lies between an instance and the log is
 * slow and breaks: each step waits a random time in order, a connection that breaks answers what was under way as unknown, having published a
 * random part of its front (as a cut TCP connection would), and replays come in pages of any size, or not at all.
 *
 *   test://log/path/to/log?delay=5ms&refuse=0.01&unknown=0.01&dup=0.01&fail=0.1&page=16&trim=500&seed=7&control=/path/to/fifo
 *
 * down=1h is not up before. unsure=0.01 leaves single outcomes unknown while the connection lasts; answer=1h is how long outcomes take (else as delay).
 *
 * Commands come through the FIFO, one a line, and are confirmed in control.done (a FIFO too), with the oldest kept position and the head:
 *   trim N | down [TIME] | up | hole | epoch | lag TIME | set NAME VALUE | where */
#include "support/bus_test.h"

#include "base/clock.h"
#include "base/mem.h"
#include "codec/name.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define TICK_MS 2

/* --- later ------------------------------------------------------------------------------------------------ */

static struct later *later_new(void (*fn)(struct bus_test_s *b, struct later *l), uint64_t tag, size_t text_n)
{
	struct later *l = mem_zalloc(sizeof *l + text_n + 1);

	list_init(&l->link);
	l->fn = fn;
	l->tag = tag;
	return l;
}

static void later_add(struct bus_test_s *b, struct later *l)
{
	l->at_ms = clock_ms() + bus_test_time(b);
	list_add(&b->answers, &l->link);
}

static struct str put(char **p, struct str s)
{
	struct str copy = str_make(*p, s.n);

	memcpy(*p, s.n ? s.p : "", s.n);
	*p += s.n;
	return copy;
}

static void tell_outcome(struct bus_test_s *b, struct later *l)
{
	static const char *const why[] = { "", "", "refused as ordered", "nobody knows" };

	b->bus.events->published(b->bus.arg, l->tag, l->outcome, l->pos, str_of(why[l->outcome]));
}

static void answer_outcome(struct bus_test_s *b, uint64_t tag, enum bus_outcome what, struct pos pos)
{
	struct later *l = later_new(tell_outcome, tag, 0);

	l->outcome = what != BUS_REFUSED && bus_test_happens(b, b->unsure) ? BUS_UNKNOWN : what;
	l->pos = pos;
	later_add(b, l);
	if (b->answer_ms >= 0)
		l->at_ms = clock_ms() + b->answer_ms;
}

/* --- publishing ---------------------------------------------------------------------------------------------- */

/* The publication reaches the log. */
static struct later *store(struct bus_test_s *b, struct later *l, bool answered)
{
	const struct known *first;
	enum bus_outcome what = BUS_OK;
	struct pos pos = { 0 };

	test_log_lock(b);
	first = l->meta.live ? NULL : known_find(b, l->room, l->meta.dedup);
	if (first) {
		what = BUS_DUP;
		pos = first->pos;
	} else {
		struct rec_head h = test_log_next(b, l->meta.live ? REC_LIVE : REC_MESSAGE);
		test_log_append(b, &h, l->room, l->bytes, &l->meta);
		if (!l->meta.live)
			pos = b->head;
		if (b->trim_n && b->n_kept > b->trim_n + b->trim_n / 8)
			test_log_trim(b, b->trim_n);
		if (l->meta.dedup.n && bus_test_happens(b, b->dup))
			what = BUS_DUP; /* sent twice inside; the second was noticed */
	}
	test_log_unlock(b);
	if (answered && l->tag)
		answer_outcome(b, l->tag, what, pos);
	return l;
}

void bus_test_down(struct bus_test_s *b, const char *why, int64_t for_ms, bool doubt)
{
	size_t n = 0, part;
	struct list *it;

	if (!b->up)
		return;
	/* Outcomes on their way arrive or do not; of what was being sent a front part was received. */
	list_for_each_safe(a, &b->answers) {
		struct later *l = list_entry(a, struct later, link);
		if (l->fn != tell_outcome)
			continue;
		if (doubt && bus_test_chance(b, 2))
			l->outcome = BUS_UNKNOWN;
		list_del(&l->link);
		tell_outcome(b, l);
		mem_free(l);
	}
	list_for_each(s, &b->sending)
		n++;
	part = (size_t)bus_test_chance(b, n + 1);
	while ((it = list_pop(&b->sending))) {
		struct later *l = list_entry(it, struct later, link);
		if (part) {
			part--;
			store(b, l, false);
		}
		l->outcome = BUS_UNKNOWN;
		if (l->tag)
			tell_outcome(b, l);
		mem_free(l);
	}
	b->send_ms = 0;
	b->up = false;
	b->up_at_ms = for_ms == INT64_MAX ? for_ms : clock_ms() + for_ms;
	b->bus.events->state(b->bus.arg, false, b->delivered, str_of(why));
}

struct refusal {
	struct map_node node;
	char id[];
};

/* A message that was refused, and stored when it was sent again, would come behind what was sent after it. */
static bool is_refused(struct bus_test_s *b, struct str id)
{
	struct refusal *r;

	if (id.n && map_find(&b->refused, id))
		return true;
	if (!bus_test_happens(b, b->refuse))
		return false;
	if (id.n) {
		r = mem_zalloc(sizeof *r + id.n);
		memcpy(r->id, id.p, id.n);
		map_add(&b->refused, &r->node, str_make(r->id, id.n));
	}
	return true;
}

static void free_refusal(struct map_node *node, void *arg)
{
	(void)arg;
	mem_free(map_entry(node, struct refusal, node));
}

static void reach_log(struct bus_test_s *b, struct later *l)
{
	if (l->meta.live) {
		store(b, l, true);
	} else if (is_refused(b, l->meta.dedup)) {
		if (l->tag)
			answer_outcome(b, l->tag, BUS_REFUSED, l->pos);
	} else if (bus_test_happens(b, b->unknown)) {
		/* The connection broke just here. */
		list_add(b->sending.next, &l->link); /* in front of the others */
		bus_test_down(b, "the connection broke", 5 + bus_test_time(b), true);
		return;
	} else {
		store(b, l, true);
	}
	mem_free(l);
}

static void test_publish(struct bus *bus, struct str room, struct str bytes, const struct bus_meta *m, uint64_t tag)
{
	struct bus_test_s *b = (struct bus_test_s *)bus;
	struct later *l = later_new(NULL, tag,
		room.n + bytes.n + m->key.n + m->client.n + m->dedup.n + m->extra.n);
	char *p = l->text;
	int64_t at = clock_ms() + bus_test_time(b);

	l->room = put(&p, room);
	l->bytes = put(&p, bytes);
	l->meta = *m;
	l->meta.key = put(&p, m->key);
	l->meta.client = put(&p, m->client);
	l->meta.dedup = put(&p, m->dedup);
	l->meta.extra = put(&p, m->extra);
	l->at_ms = b->send_ms = at > b->send_ms ? at : b->send_ms;
	list_add(&b->sending, &l->link);
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static bool matches(const struct later *l, const struct rec *r)
{
	return pattern_match(l->room, rec_room(r));
}

static void page_out(struct bus_test_s *b, struct later *l)
{
	struct bus_entry *page = mem_array(l->max + 1, sizeof *page);
	enum bus_page end = BUS_PAGE_END;
	struct pos from = l->after;
	size_t n = 0, max = 1 + (size_t)bus_test_chance(b, b->page < l->max ? b->page : l->max);
	bool sloppy = bus_test_chance(b, 8) == 0; /* more than was asked for */

	test_log_tail(b, false);
	if (bus_test_happens(b, b->fail) || (l->after.epoch != b->epoch && bus_test_chance(b, 2))) {
		b->bus.events->replayed(b->bus.arg, l->tag, NULL, 0, BUS_PAGE_FAILED, (struct pos){ 0 });
		mem_free(page);
		return;
	}
	if (pos_cmp(from, b->trimmed) < 0) {
		from = b->trimmed;
		end = BUS_PAGE_TRIMMED;
	}
	for (size_t i = 0; i < b->n_recs; i++) {
		struct bus_entry *e = &page[n];
		struct rec *r = b->recs[i];

		if (!test_log_has(b, i) || !matches(l, r) || pos_cmp(rec_pos(r), from) <= 0 ||
			(pos_cmp(rec_pos(r), l->upto) > 0 && !sloppy))
			continue;
		if (n == max) {
			end = end == BUS_PAGE_END ? BUS_PAGE_MORE : end;
			break;
		}
		e->room = rec_room(r);
		e->pos = rec_pos(r);
		e->bytes = rec_strings(r, &e->meta);
		n++;
	}
	if (end == BUS_PAGE_END && bus_test_chance(b, 4) == 0)
		end = BUS_PAGE_MORE; /* it did not look that far */
	b->bus.events->replayed(b->bus.arg, l->tag, page, n, end, b->trimmed);
	mem_free(page);
}

static void test_replay(struct bus *bus, const struct str *rooms, size_t n, struct pos after, struct pos upto, unsigned max,
	uint64_t tag)
{
	struct bus_test_s *b = (struct bus_test_s *)bus;
	struct later *l = later_new(page_out, tag, rooms[0].n);
	char *p = l->text;

	if (n != 1)
		abort();
	l->room = put(&p, rooms[0]);
	l->after = after;
	l->upto = upto;
	l->max = max;
	later_add(b, l);
}

static void located(struct bus_test_s *b, struct later *l)
{
	struct pos before = b->trimmed, found = b->head;
	uint64_t seen = 0;

	test_log_tail(b, false);
	found = l->kind == BUS_EARLIEST ? b->trimmed : b->head;
	if (l->kind == BUS_LAST) {
		if (l->arg)
			found = b->trimmed;
		for (size_t i = b->n_recs; l->arg && i-- > 0;) {
			if (!test_log_has(b, i))
				continue;
			if (seen == l->arg) { /* the message of any room before the n-th from the end */
				found = rec_pos(b->recs[i]);
				break;
			}
			seen += matches(l, b->recs[i]);
		}
	} else if (l->kind == BUS_TIME) {
		for (size_t i = 0; i < b->n_recs; i++) {
			if (!test_log_has(b, i))
				continue;
			if (matches(l, b->recs[i]) && (uint64_t)b->recs[i]->h.ts_ms >= l->arg) {
				found = before;
				break;
			}
			before = rec_pos(b->recs[i]);
		}
	}
	b->bus.events->located(b->bus.arg, l->tag, found, b->head);
}

static void test_locate(struct bus *bus, const struct str *rooms, size_t n, enum bus_locate kind, uint64_t arg, uint64_t tag)
{
	struct bus_test_s *b = (struct bus_test_s *)bus;
	struct later *l = later_new(located, tag, rooms[0].n);
	char *p = l->text;

	if (n != 1)
		abort();
	l->room = put(&p, rooms[0]);
	l->kind = kind;
	l->arg = arg;
	later_add(b, l);
}

/* --- delivering ---------------------------------------------------------------------------------------------------- */

/* What was trimmed before it came here is a hole. */
static void skip_trimmed(struct bus_test_s *b)
{
	if (b->delivered.epoch != b->epoch || pos_cmp(b->delivered, b->trimmed) >= 0)
		return;
	for (; b->next < b->n_recs; b->next++) {
		const struct rec *r = b->recs[b->next];
		bool past = r->h.kind == REC_LIVE || r->h.kind == REC_TRIM || pos_cmp(rec_pos(r), b->trimmed) <= 0;
		if (!past)
			break;
	}
	b->delivered = b->trimmed;
	b->bus.events->hole(b->bus.arg, b->trimmed);
}

static void begin_epoch(struct bus_test_s *b, uint64_t epoch)
{
	bus_test_down(b, "the log is another one", 0, false);
	b->delivered = (struct pos){ .epoch = epoch };
	b->up = true;
	b->bus.events->state(b->bus.arg, true, b->delivered, STR(""));
}

static void deliver_due(struct bus_test_s *b, int64_t now)
{
	while (b->up) {
		struct rec *r;
		struct bus_meta m;
		struct str bytes;

		skip_trimmed(b);
		if (b->next >= b->n_recs || b->recs[b->next]->due_ms > now)
			return;
		r = b->recs[b->next++];
		bytes = rec_strings(r, &m);
		switch (r->h.kind) {
		case REC_EPOCH: begin_epoch(b, r->h.epoch); break;
		case REC_MESSAGE:
			b->delivered = rec_pos(r);
			b->bus.events->deliver(b->bus.arg, rec_room(r), b->delivered, bytes, &m);
			break;
		case REC_LIVE: b->bus.events->deliver(b->bus.arg, rec_room(r), (struct pos){ 0 }, bytes, &m); break;
		case REC_SKIP:
			b->delivered = rec_pos(r);
			b->bus.events->head(b->bus.arg, b->delivered);
			break;
		case REC_TRIM: break;
		}
	}
}

static void come_up(struct bus_test_s *b)
{
	test_log_tail(b, false);
	/* A log that was made anew meanwhile: what the old one had is nowhere. */
	if (b->delivered.epoch != b->epoch) {
		for (size_t i = b->n_recs; i-- > b->next;)
			if (b->recs[i]->h.kind == REC_EPOCH) {
				b->next = i + 1;
				break;
			}
		b->delivered = (struct pos){ .epoch = b->epoch };
	}
	b->up = true;
	b->bus.events->state(b->bus.arg, true, b->delivered, STR(""));
}

static void run_due(struct bus_test_s *b, struct list *l, int64_t now, bool in_order)
{
	list_for_each_safe(it, l) {
		struct later *one = list_entry(it, struct later, link);
		if (one->at_ms > now && in_order)
			return;
		if (one->at_ms > now)
			continue;
		list_del(&one->link);
		if (one->fn) {
			one->fn(b, one);
			mem_free(one);
		} else {
			reach_log(b, one);
			if (!b->up)
				return;
		}
	}
}

static void on_tick(uv_timer_t *timer)
{
	struct bus_test_s *b = timer->data;
	int64_t now = clock_ms();

	if (!b->up && now >= b->up_at_ms)
		come_up(b);
	if (!b->up)
		return;
	run_due(b, &b->sending, now, true);
	if (!b->up)
		return;
	test_log_tail(b, false);
	/* Outcomes may come before or after the delivery. */
	if (bus_test_chance(b, 2))
		deliver_due(b, now);
	run_due(b, &b->answers, now, false);
	deliver_due(b, now);
}

/* --- opening and closing ------------------------------------------------------------------------------------------------ */

static int open_log(struct bus_test_s *b, const char *path, struct err *e)
{
	b->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (b->fd < 0)
		return err_set(e, ERR_IO, "cannot open the log '%s':", path);
	test_log_lock(b);
	if (b->n_recs == 0)
		test_log_epoch(b);
	test_log_unlock(b);
	b->next = b->n_recs;
	b->delivered = b->head;
	return 0;
}

static int read_query(struct bus_test_s *b, const char *query, struct err *e)
{
	static const char *const names[] = {
		"refuse", "unknown", "unsure", "dup", "fail", "delay", "answer", "page", "trim", "seed"
	};
	struct buf v = { 0 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof names / sizeof *names; i++) {
		v.n = 0;
		if (query_get(str_of(query), str_of(names[i]), 0, &v) == 1 && !bus_test_set(b, str_of(names[i]), buf_str(&v)))
			rc = err_set(e, ERR_USAGE, "test bus: %s makes no sense", names[i]);
	}
	v.n = 0;
	if (query_get(str_of(query), STR("control"), 0, &v) == 1)
		b->control_path = mem_strndup(v.p, v.n);
	v.n = 0;
	if (rc == 0 && query_get(str_of(query), STR("down"), 0, &v) == 1) {
		rc = duration_parse(buf_str(&v), &b->up_at_ms, e);
		b->up_at_ms += clock_ms();
	}
	buf_fini(&v);
	return rc;
}

static void test_free(struct bus_test_s *b)
{
	map_each(&b->refused, free_refusal, NULL);
	map_fini(&b->refused);
	list_for_each_safe(it, &b->sending)
		mem_free(list_entry(it, struct later, link));
	list_for_each_safe(it2, &b->answers)
		mem_free(list_entry(it2, struct later, link));
	map_each(&b->known, known_forget, b);
	map_fini(&b->known);
	for (size_t i = 0; i < b->n_recs; i++)
		mem_free(b->recs[i]);
	mem_free(b->recs);
	buf_fini(&b->tail);
	buf_fini(&b->line);
	mem_free(b->control_path);
	if (b->fd >= 0)
		close(b->fd);
	if (b->control >= 0)
		close(b->control);
	if (b->done >= 0)
		close(b->done);
	mem_free(b);
}

static int test_open(struct bus **out, const struct url *url, struct err *e)
{
	struct bus_test_s *b = mem_new(struct bus_test_s);
	int rc;

	list_init(&b->sending);
	list_init(&b->answers);
	b->fd = b->control = b->done = -1;
	b->seed = 88172645463325252u;
	b->answer_ms = -1;
	b->page = 16;
	rc = url->query ? read_query(b, url->query, e) : 0;
	if (rc == 0)
		rc = open_log(b, url->path, e);
	if (rc) {
		test_free(b);
		return rc;
	}
	*out = &b->bus;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct bus_test_s *b = handle->data;

	if (--b->n_handles == 0)
		test_free(b);
}

static void test_close(struct bus *bus)
{
	struct bus_test_s *b = (struct bus_test_s *)bus;

	if (!b->begun) {
		test_free(b);
		return;
	}
	uv_close((uv_handle_t *)&b->timer, on_closed);
	if (b->polled)
		uv_close((uv_handle_t *)&b->poll, on_closed);
}

/* The loop is known only after open. */
static void test_turn(struct bus *bus)
{
	struct bus_test_s *b = (struct bus_test_s *)bus;

	if (b->begun)
		return;
	b->begun = true;
	uv_timer_init(b->bus.loop, &b->timer);
	b->timer.data = b;
	b->n_handles++;
	uv_timer_start(&b->timer, on_tick, TICK_MS, TICK_MS);
	if (b->control_path)
		bus_test_open_control(b);
}

const struct bus_ops bus_test = {
	.scheme = "test",
	.what = "a log in a file that misbehaves on command; for tests",
	.caps = BUS_ORDERED | BUS_REPLAY | BUS_DURABLE | BUS_DEDUP,
	.open = test_open,
	.close = test_close,
	.publish = test_publish,
	.replay = test_replay,
	.locate = test_locate,
	.turn = test_turn,
};
