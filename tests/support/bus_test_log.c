/* bus_test_log.c - the log of the test bus: a file of records, appended under a lock and never rewritten
 *
 * What was appended is read to its end and kept in memory. Chance, which everything here and behind it is up to, has its seed in the URL. */
#include "support/bus_test.h"

#include "base/clock.h"
#include "base/mem.h"
#include "codec/name.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x72743162u

/* --- chance ------------------------------------------------------------------------------------------- */

uint64_t bus_test_chance(struct bus_test_s *b, uint64_t below)
{
	b->seed ^= b->seed << 13;
	b->seed ^= b->seed >> 7;
	b->seed ^= b->seed << 17;
	return below ? b->seed % below : 0;
}

bool bus_test_happens(struct bus_test_s *b, double p)
{
	return p > 0 && (double)bus_test_chance(b, 1u << 20) < p * (1u << 20);
}

int64_t bus_test_time(struct bus_test_s *b)
{
	return b->delay_ms ? (int64_t)bus_test_chance(b, (uint64_t)b->delay_ms + 1) : 0;
}

/* --- the log ---------------------------------------------------------------------------------------- */

struct str rec_strings(const struct rec *r, struct bus_meta *m)
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

void known_forget(struct map_node *node, void *arg)
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

const struct known *known_find(struct bus_test_s *b, struct str room, struct str dedup)
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
	if (m.dedup.n == 0 || known_find(b, rec_room(r), m.dedup))
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
	int64_t due = clock_ms() + bus_test_time(b) + b->lag_ms;

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
		map_each(&b->known, known_forget, b);
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

void test_log_tail(struct bus_test_s *b, bool locked)
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

void test_log_append(struct bus_test_s *b, struct rec_head *h, struct str room, struct str bytes, const struct bus_meta *m)
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
	test_log_tail(b, true);
}

void test_log_lock(struct bus_test_s *b)
{
	while (flock(b->fd, LOCK_EX) != 0 && errno == EINTR)
		;
	test_log_tail(b, true);
}

void test_log_unlock(struct bus_test_s *b)
{
	flock(b->fd, LOCK_UN);
}

struct rec_head test_log_next(struct bus_test_s *b, enum rec_kind kind)
{
	struct rec_head h = { .kind = (uint8_t)kind, .epoch = b->epoch, .hi = b->head.hi, .lo = b->head.lo };

	if (h.hi == 0 || bus_test_chance(b, 8) == 0) {
		h.hi += 1 + bus_test_chance(b, 3);
		h.lo = bus_test_chance(b, 2);
	} else {
		h.lo += 1 + bus_test_chance(b, 3);
	}
	return h;
}

void test_log_trim(struct bus_test_s *b, size_t keep)
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
		test_log_append(b, &h, STR(""), STR(""), NULL);
}

void test_log_epoch(struct bus_test_s *b)
{
	struct rec_head h = { .kind = REC_EPOCH };

	rand_bytes(&h.epoch, sizeof h.epoch);
	test_log_append(b, &h, STR(""), STR(""), NULL);
}

bool test_log_has(const struct bus_test_s *b, size_t i)
{
	const struct rec *r = b->recs[i];

	return r->h.kind == REC_MESSAGE && r->h.epoch == b->epoch && pos_cmp(rec_pos(r), b->trimmed) > 0;
}
