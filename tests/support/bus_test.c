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
#include "bus/bus.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "codec/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TICK_MS 2
#define MAGIC   0x72743162u

extern const struct bus_ops bus_test;

enum rec_kind {
	REC_EPOCH,   /* the log is new: nothing before it counts */
	REC_MESSAGE,
	REC_LIVE,    /* for those who listen now */
	REC_TRIM,    /* everything up to hi, lo is gone */
	REC_SKIP,    /* a position that no message has */
};

/* In the file: this, then room, payload, key, client, dedup, extra. */
struct rec_head {
	uint32_t magic, bytes_n;
	uint64_t epoch, hi, lo;
	int64_t ts_ms;
	uint32_t extra_n;
	uint16_t room_n, key_n;
	uint8_t kind, client_n, dedup_n, no_echo;
};

struct bus_test_s;

struct rec {
	struct rec_head h;
	int64_t due_ms;    /* of its delivery */
	char text[];
};

struct known {           /* a deduplication id */
	struct map_node node;
	struct pos pos;
	char key[];
};

/* Something that happens later: a publication that reaches the log, an outcome, an answer. */
struct later {
	struct list link;
	int64_t at_ms;
	void (*fn)(struct bus_test_s *b, struct later *l);
	uint64_t tag;
	enum bus_outcome outcome;
	struct pos pos, after, upto;
	enum bus_locate kind;
	uint64_t arg;
	unsigned max;
	struct bus_meta meta;   /* its strings point into text */
	struct str room, bytes;
	char text[];
};

struct bus_test_s {
	struct bus bus;
	int fd, control, done, n_handles;
	char *control_path;
	uv_timer_t timer;
	uv_poll_t poll;
	bool begun, up, polled;
	int64_t up_at_ms;            /* while down; INT64_MAX: when told */
	uint64_t seed;
	int64_t delay_ms, lag_ms;
	int64_t answer_ms;           /* of outcomes; negative: as delay_ms */
	double refuse, unknown, unsure, dup, fail;
	unsigned page;
	size_t trim_n;               /* kept at most; 0: all */
	/* the log as it is */
	off_t size;
	struct buf tail;
	struct rec **recs;
	size_t n_recs, cap_recs, n_kept;
	uint64_t epoch;
	struct pos head, trimmed;
	struct map known;
	/* what was delivered of it */
	size_t next;
	struct pos delivered;
	int64_t deliver_ms;
	struct list sending, answers; /* struct later; sending keeps its order */
	struct map refused;           /* ids: what is refused stays refused, however often it is sent */
	int64_t send_ms;
	struct buf line;
};

/* --- chance ------------------------------------------------------------------------------------------- */

static uint64_t chance(struct bus_test_s *b, uint64_t below)
{
	b->seed ^= b->seed << 13;
	b->seed ^= b->seed >> 7;
	b->seed ^= b->seed << 17;
	return below ? b->seed % below : 0;
}

static bool happens(struct bus_test_s *b, double p)
{
	return p > 0 && (double)chance(b, 1u << 20) < p * (1u << 20);
}

static int64_t some_time(struct bus_test_s *b)
{
	return b->delay_ms ? (int64_t)chance(b, (uint64_t)b->delay_ms + 1) : 0;
}

/* --- the log -------------------------------------------------------------------------------------------- */

static struct str rec_room(const struct rec *r)
{
	return str_make(r->text, r->h.room_n);
}

static struct pos rec_pos(const struct rec *r)
{
	return (struct pos){ r->h.epoch, r->h.hi, r->h.lo };
}

/* The strings of a record, in the order they lie in. */
static struct str rec_strings(const struct rec *r, struct bus_meta *m)
{
	const char *p = r->text + r->h.room_n;
	struct str bytes = str_make(p, r->h.bytes_n);

	p += r->h.bytes_n;
	*m = (struct bus_meta){ .ts_ms = r->h.ts_ms, .live = r->h.kind == REC_LIVE, .no_echo = r->h.no_echo };
	m->key = str_make(p, r->h.key_n);
	p += r->h.key_n;
	m->client = str_make(p, r->h.client_n);
	p += r->h.client_n;
	m->dedup = str_make(p, r->h.dedup_n);
	p += r->h.dedup_n;
	m->extra = str_make(p, r->h.extra_n);
	return bytes;
}

static size_t rec_text_n(const struct rec_head *h)
{
	return (size_t)h->room_n + h->bytes_n + h->key_n + h->client_n + h->dedup_n + h->extra_n;
}

static void forget_known(struct map_node *node, void *arg)
{
	struct bus_test_s *b = arg;

	map_del(&b->known, node);
	mem_free(map_entry(node, struct known, node));
}

static size_t known_key(char key[NAME_MAX_BYTES + DEDUP_MAX_BYTES + 2], struct str room, struct str dedup)
{
	memcpy(key, room.p, room.n);
	key[room.n] = '\0';
	memcpy(key + room.n + 1, dedup.p, dedup.n);
	return room.n + 1 + dedup.n;
}

static const struct known *find_known(struct bus_test_s *b, struct str room, struct str dedup)
{
	char key[NAME_MAX_BYTES + DEDUP_MAX_BYTES + 2];
	struct map_node *node;

	if (dedup.n == 0)
		return NULL;
	node = map_find(&b->known, str_make(key, known_key(key, room, dedup)));
	return node ? map_entry(node, struct known, node) : NULL;
}

static void note_known(struct bus_test_s *b, const struct rec *r)
{
	char key[NAME_MAX_BYTES + DEDUP_MAX_BYTES + 2];
	struct bus_meta m;
	struct known *k;
	size_t n;

	rec_strings(r, &m);
	if (m.dedup.n == 0 || find_known(b, rec_room(r), m.dedup))
		return;
	n = known_key(key, rec_room(r), m.dedup);
	k = mem_zalloc(sizeof *k + n + 1);
	memcpy(k->key, key, n);
	k->pos = rec_pos(r);
	map_add(&b->known, &k->node, str_make(k->key, n));
}

/* The log has one more record. */
static void take_rec(struct bus_test_s *b, const char *p, const struct rec_head *h)
{
	struct rec *r = mem_alloc(sizeof *r + rec_text_n(h) + 1);
	int64_t due = clock_ms() + some_time(b) + b->lag_ms;

	r->h = *h;
	memcpy(r->text, p + sizeof *h, rec_text_n(h));
	r->due_ms = b->deliver_ms = due > b->deliver_ms ? due : b->deliver_ms;
	if (b->n_recs == b->cap_recs) {
		b->cap_recs = b->cap_recs ? b->cap_recs * 2 : 256;
		b->recs = mem_resize(b->recs, b->cap_recs, sizeof *b->recs);
	}
	b->recs[b->n_recs++] = r;
	switch (h->kind) {
	case REC_EPOCH:
		b->epoch = h->epoch;
		b->head = b->trimmed = (struct pos){ .epoch = h->epoch };
		b->n_kept = 0;
		map_each(&b->known, forget_known, b);
		break;
	case REC_MESSAGE:
		b->head = rec_pos(r);
		b->n_kept++;
		note_known(b, r);
		break;
	case REC_SKIP:
		b->head = rec_pos(r);
		break;
	case REC_TRIM:
		b->trimmed = rec_pos(r);
		b->n_kept = 0;
		for (size_t i = b->n_recs; i-- > 0 && b->recs[i]->h.kind != REC_EPOCH;)
			b->n_kept += b->recs[i]->h.kind == REC_MESSAGE && pos_cmp(rec_pos(b->recs[i]), b->trimmed) > 0;
		break;
	}
}

/* Reads what was appended. With the lock a torn record at the end is of somebody who was killed: it is cut off. */
static void tail_log(struct bus_test_s *b, bool locked)
{
	struct stat st;
	size_t at = 0;
	struct rec_head h;

	if (fstat(b->fd, &st) != 0 || st.st_size == b->size)
		return;
	b->tail.n = 0;
	while (b->size + (off_t)b->tail.n < st.st_size) {
		size_t n = (size_t)(st.st_size - b->size) - b->tail.n;
		ssize_t got = pread(b->fd, buf_reserve(&b->tail, n), n, b->size + (off_t)b->tail.n);
		if (got <= 0)
			break;
		b->tail.n += (size_t)got;
	}
	while (b->tail.n - at >= sizeof h) {
		memcpy(&h, b->tail.p + at, sizeof h);
		if (h.magic != MAGIC || b->tail.n - at < sizeof h + rec_text_n(&h))
			break;
		take_rec(b, b->tail.p + at, &h);
		at += sizeof h + rec_text_n(&h);
	}
	b->size += (off_t)at;
	if (locked && at < b->tail.n && ftruncate(b->fd, b->size) != 0)
		abort();
}

/* Under the lock, with the log read to its end. */
static void append(struct bus_test_s *b, struct rec_head *h, struct str room, struct str bytes, const struct bus_meta *m)
{
	static const struct bus_meta none;
	struct buf out = { 0 };

	m = m ? m : &none;
	h->magic = MAGIC;
	h->room_n = (uint16_t)room.n;
	h->bytes_n = (uint32_t)bytes.n;
	h->key_n = (uint16_t)m->key.n;
	h->client_n = (uint8_t)m->client.n;
	h->dedup_n = (uint8_t)m->dedup.n;
	h->extra_n = (uint32_t)m->extra.n;
	h->no_echo = m->no_echo;
	h->ts_ms = m->ts_ms;
	buf_add(&out, h, sizeof *h);
	buf_add_str(&out, room);
	buf_add_str(&out, bytes);
	buf_add_str(&out, m->key);
	buf_add_str(&out, m->client);
	buf_add_str(&out, m->dedup);
	buf_add_str(&out, m->extra);
	for (size_t at = 0; at < out.n;) {
		ssize_t n = pwrite(b->fd, out.p + at, out.n - at, b->size + (off_t)at);
		if (n <= 0)
			abort();
		at += (size_t)n;
	}
	buf_fini(&out);
	tail_log(b, true);
}

static void lock_log(struct bus_test_s *b)
{
	while (flock(b->fd, LOCK_EX) != 0 && errno == EINTR)
		;
	tail_log(b, true);
}

static void unlock_log(struct bus_test_s *b)
{
	flock(b->fd, LOCK_UN);
}

/* Positions are not dense. */
static struct rec_head next_head(struct bus_test_s *b, enum rec_kind kind)
{
	struct rec_head h = { .kind = (uint8_t)kind, .epoch = b->epoch, .hi = b->head.hi, .lo = b->head.lo };

	if (h.hi == 0 || chance(b, 8) == 0) {
		h.hi += 1 + chance(b, 3);
		h.lo = chance(b, 2);
	} else {
		h.lo += 1 + chance(b, 3);
	}
	return h;
}

static void add_trim(struct bus_test_s *b, size_t keep)
{
	struct rec_head h = { .kind = REC_TRIM, .epoch = b->epoch, .hi = b->head.hi, .lo = b->head.lo };

	for (size_t i = b->n_recs; i-- > 0 && b->recs[i]->h.kind != REC_EPOCH;) {
		if (b->recs[i]->h.kind != REC_MESSAGE)
			continue;
		h.hi = b->recs[i]->h.hi;
		h.lo = b->recs[i]->h.lo;
		if (keep-- == 0)
			break;
	}
	if (keep != SIZE_MAX)
		return; /* there are no more than that */
	if (pos_cmp((struct pos){ 0, h.hi, h.lo }, b->trimmed) > 0)
		append(b, &h, STR(""), STR(""), NULL);
}

static void add_epoch(struct bus_test_s *b)
{
	struct rec_head h = { .kind = REC_EPOCH };

	rand_bytes(&h.epoch, sizeof h.epoch);
	append(b, &h, STR(""), STR(""), NULL);
}

/* Is the i-th record a message that the log still has? */
static bool has_message(const struct bus_test_s *b, size_t i)
{
	const struct rec *r = b->recs[i];

	return r->h.kind == REC_MESSAGE && r->h.epoch == b->epoch && pos_cmp(rec_pos(r), b->trimmed) > 0;
}

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
	l->at_ms = clock_ms() + some_time(b);
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

	l->outcome = what != BUS_REFUSED && happens(b, b->unsure) ? BUS_UNKNOWN : what;
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

	lock_log(b);
	first = l->meta.live ? NULL : find_known(b, l->room, l->meta.dedup);
	if (first) {
		what = BUS_DUP;
		pos = first->pos;
	} else {
		struct rec_head h = next_head(b, l->meta.live ? REC_LIVE : REC_MESSAGE);
		append(b, &h, l->room, l->bytes, &l->meta);
		if (!l->meta.live)
			pos = b->head;
		if (b->trim_n && b->n_kept > b->trim_n + b->trim_n / 8)
			add_trim(b, b->trim_n);
		if (l->meta.dedup.n && happens(b, b->dup))
			what = BUS_DUP; /* sent twice inside; the second was noticed */
	}
	unlock_log(b);
	if (answered && l->tag)
		answer_outcome(b, l->tag, what, pos);
	return l;
}

/* Where the log is lost, what it had acknowledged is not doubted as well: sent again it would come behind what was sent later. */
static void go_down(struct bus_test_s *b, const char *why, int64_t for_ms, bool doubt)
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
		if (doubt && chance(b, 2))
			l->outcome = BUS_UNKNOWN;
		list_del(&l->link);
		tell_outcome(b, l);
		mem_free(l);
	}
	list_for_each(s, &b->sending)
		n++;
	part = (size_t)chance(b, n + 1);
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
	if (!happens(b, b->refuse))
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
	} else if (happens(b, b->unknown)) {
		/* The connection broke just here. */
		list_add_first(&b->sending, &l->link);
		go_down(b, "the connection broke", 5 + some_time(b), true);
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
	int64_t at = clock_ms() + some_time(b);

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
	size_t n = 0, max = 1 + (size_t)chance(b, b->page < l->max ? b->page : l->max);
	bool sloppy = chance(b, 8) == 0; /* more than was asked for */

	tail_log(b, false);
	if (happens(b, b->fail) || (l->after.epoch != b->epoch && chance(b, 2))) {
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

		if (!has_message(b, i) || !matches(l, r) || pos_cmp(rec_pos(r), from) <= 0 ||
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
	if (end == BUS_PAGE_END && chance(b, 4) == 0)
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

	tail_log(b, false);
	found = l->kind == BUS_EARLIEST ? b->trimmed : b->head;
	if (l->kind == BUS_LAST) {
		if (l->arg)
			found = b->trimmed;
		for (size_t i = b->n_recs; l->arg && i-- > 0;) {
			if (!has_message(b, i))
				continue;
			if (seen == l->arg) { /* the message of any room before the n-th from the end */
				found = rec_pos(b->recs[i]);
				break;
			}
			seen += matches(l, b->recs[i]);
		}
	} else if (l->kind == BUS_TIME) {
		for (size_t i = 0; i < b->n_recs; i++) {
			if (!has_message(b, i))
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
	go_down(b, "the log is another one", 0, false);
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
	tail_log(b, false);
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
	tail_log(b, false);
	/* Outcomes may come before or after the delivery. */
	if (chance(b, 2))
		deliver_due(b, now);
	run_due(b, &b->answers, now, false);
	deliver_due(b, now);
}

/* --- commands --------------------------------------------------------------------------------------------------------- */

/* Deliveries on their way are lost; so that the hole has a place of its own, a position is used up. */
static void make_hole(struct bus_test_s *b)
{
	struct rec_head h;

	if (!b->up)
		return;
	lock_log(b);
	if (b->delivered.epoch != b->epoch) {
		unlock_log(b);
		return;
	}
	h = next_head(b, REC_SKIP);
	append(b, &h, STR(""), STR(""), NULL);
	unlock_log(b);
	b->next = b->n_recs;
	b->delivered = b->head;
	b->bus.events->hole(b->bus.arg, b->head);
}

static bool set_number(struct bus_test_s *b, struct str name, struct str value)
{
	char text[32];
	const struct {
		const char *name;
		double *p;
	} of[] = { { "refuse", &b->refuse }, { "unknown", &b->unknown }, { "unsure", &b->unsure },
		{ "dup", &b->dup }, { "fail", &b->fail } };

	snprintf(text, sizeof text, STR_FMT, STR_ARG(value));
	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		if (str_eq(name, str_of(of[i].name))) {
			*of[i].p = atof(text);
			return true;
		}
	if (str_eq(name, STR("delay")))
		return duration_parse(value, &b->delay_ms, NULL) == 0;
	if (str_eq(name, STR("answer")))
		return duration_parse(value, &b->answer_ms, NULL) == 0;
	if (str_eq(name, STR("page")))
		return (b->page = (unsigned)atoi(text)) > 0;
	if (str_eq(name, STR("trim"))) {
		b->trim_n = (size_t)atol(text);
		return true;
	}
	if (str_eq(name, STR("seed"))) {
		b->seed = strtoull(text, NULL, 10) * 2654435761u + 1;
		return true;
	}
	return false;
}

static bool obey(struct bus_test_s *b, struct str line)
{
	struct str arg, what = str_cut(line, ' ', &arg), value;
	int64_t ms = INT64_MAX;

	if (str_eq(what, STR("trim"))) {
		lock_log(b);
		add_trim(b, (size_t)atol(arg.p));
		unlock_log(b);
	} else if (str_eq(what, STR("epoch"))) {
		lock_log(b);
		add_epoch(b);
		unlock_log(b);
	} else if (str_eq(what, STR("hole"))) {
		make_hole(b);
	} else if (str_eq(what, STR("down"))) {
		if (arg.n && duration_parse(arg, &ms, NULL) != 0)
			return false;
		go_down(b, "down as ordered", ms, true);
	} else if (str_eq(what, STR("up"))) {
		b->up_at_ms = 0;
	} else if (str_eq(what, STR("lag"))) {
		if (duration_parse(arg, &b->lag_ms, NULL) != 0)
			return false;
		/* Less of it holds for what is on its way too. */
		b->deliver_ms = clock_ms() + b->lag_ms;
		for (size_t i = b->next; i < b->n_recs; i++)
			if (b->recs[i]->due_ms > b->deliver_ms)
				b->recs[i]->due_ms = b->deliver_ms;
	} else if (str_eq(what, STR("set"))) {
		struct str name = str_cut(arg, ' ', &value);
		return set_number(b, name, value);
	} else {
		return str_eq(what, STR("where"));
	}
	return true;
}

static void confirm(struct bus_test_s *b, struct str line, bool good)
{
	struct buf out = { 0 };

	buf_addf(&out, "%s " STR_FMT "\t", good ? "ok" : "bad", STR_ARG(line));
	tail_log(b, false);
	buf_add_pos(&out, b->trimmed);
	buf_add_char(&out, '\t');
	buf_add_pos(&out, b->head);
	buf_add_char(&out, '\n');
	if (b->done >= 0 && write(b->done, out.p, out.n) < 0)
		abort();
	buf_fini(&out);
}

static void on_control(uv_poll_t *poll, int status, int events)
{
	struct bus_test_s *b = poll->data;
	char *nl;
	ssize_t n;

	(void)status;
	(void)events;
	n = read(b->control, buf_reserve(&b->line, 4096), 4096);
	if (n > 0)
		b->line.n += (size_t)n;
	while (b->line.n && (nl = memchr(b->line.p, '\n', b->line.n))) {
		struct str line = str_make(b->line.p, (size_t)(nl - b->line.p));
		*nl = '\0';
		confirm(b, line, obey(b, line));
		buf_drop(&b->line, line.n + 1);
	}
}

/* --- opening and closing ------------------------------------------------------------------------------------------------ */

static int open_log(struct bus_test_s *b, const char *path, struct err *e)
{
	b->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (b->fd < 0)
		return err_set(e, ERR_IO, "cannot open the log '%s':", path);
	lock_log(b);
	if (b->n_recs == 0)
		add_epoch(b);
	unlock_log(b);
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
		if (query_get(str_of(query), str_of(names[i]), 0, &v) == 1 && !set_number(b, str_of(names[i]), buf_str(&v)))
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
	map_each(&b->known, forget_known, b);
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

static void open_control(struct bus_test_s *b)
{
	struct buf path = { 0 };

	b->control = open(b->control_path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	buf_addf(&path, "%s.done", b->control_path);
	b->done = open(buf_cstr(&path), O_RDWR | O_NONBLOCK | O_CLOEXEC);
	buf_fini(&path);
	if (b->control < 0)
		return;
	uv_poll_init(b->bus.loop, &b->poll, b->control);
	b->poll.data = b;
	b->polled = true;
	b->n_handles++;
	uv_poll_start(&b->poll, UV_READABLE, on_control);
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
		open_control(b);
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
