/* ring.c - the bounded memory of one room
 *
 * Slots live in one power-of-two array that grows by doubling and is indexed by sequence number, so
 * that a cursor's next entry is one masked load. This file knows nothing of subscribers: cursors
 * hold a sequence number and a generation and look after themselves (sub.c). */
#include "room/ring.h"

#include "base/mem.h"
#include "codec/name.h"

#define SLOTS_MIN   8u
#define SLOTS_SPARE 16u /* an array more than so many times too large is made smaller */

/* Of the newest entry of a key; owns a copy of the key because the entry may be dropped first. */
struct keyed {
	struct map_node node;
	struct pos pos;
	char key[];
};

uint64_t entry_client_bit(struct str client)
{
	return client.n ? UINT64_C(1) << (str_hash(client) & 63) : 0;
}

struct entry *entry_new(enum entry_kind kind, struct pos pos, int64_t now_ms, struct str payload,
	const struct entry_meta *meta)
{
	static const struct entry_meta none;
	const struct entry_meta *m = meta ? meta : &none;
	/* A bus may say anything; no client of ours has a longer name, so nothing is lost for
	 * echo. */
	struct str client = m->client.n <= CLIENT_MAX_BYTES ? m->client : STR("");
	struct entry *e = mem_alloc(sizeof *e + payload.n + m->key.n + m->extra.n + client.n);
	char *p = e->bytes;
	const struct str parts[] = { payload, m->key, m->extra, client };

	*e = (struct entry){
		.pos = pos,
		.ts_ms = m->ts_ms,
		.arrived_ms = now_ms,
		.payload_n = (uint32_t)payload.n,
		.key_n = (uint32_t)m->key.n,
		.extra_n = (uint32_t)m->extra.n,
		.client_n = (uint8_t)client.n,
		.kind = (uint8_t)kind,
		.no_echo = m->no_echo,
		.client_bit = entry_client_bit(client),
	};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (parts[i].n)
			memcpy(p, parts[i].p, parts[i].n);
		p += parts[i].n;
	}
	return e;
}

void entry_free(struct entry *e)
{
	mem_free(e);
}

size_t entry_bytes(const struct entry *e)
{
	return sizeof *e + sizeof(struct ring_slot) + e->payload_n + e->key_n + e->extra_n +
	       e->client_n;
}

void ring_init(struct ring *r, struct pos floor)
{
	*r = (struct ring){ .floor = floor };
}

static void keyed_free(struct map_node *node, void *arg)
{
	(void)arg;
	mem_free(map_entry(node, struct keyed, node));
}

static void ring_clear(struct ring *r)
{
	for (uint64_t s = r->first; s < r->next; s++)
		entry_free(ring_at(r, s)->entry);
	map_each(&r->keys, keyed_free, NULL);
	map_fini(&r->keys);
	r->keys = (struct map){ 0 };
	r->first = r->next;
	r->n_kept = r->bytes = r->n_ephemeral = r->n_holes = 0;
}

void ring_fini(struct ring *r)
{
	ring_clear(r);
	mem_free(r->slots);
	r->slots = NULL;
	r->cap = 0;
}

void ring_reset(struct ring *r, struct pos floor)
{
	ring_clear(r);
	r->floor = floor;
	r->generation++;
}

static void ring_resize(struct ring *r, uint32_t cap)
{
	struct ring_slot *slots = mem_array(cap, sizeof *slots);

	for (uint64_t s = r->first; s < r->next; s++)
		slots[s & (cap - 1)] = *ring_at(r, s);
	mem_free(r->slots);
	r->slots = slots;
	r->cap = cap;
}

/* Removes the entry of a slot from the accounts and from the slot. */
static void slot_bury(struct ring *r, struct ring_slot *slot)
{
	struct entry *e = slot->entry;

	if (!e)
		return;
	if (e->kind != ENTRY_EPHEMERAL) {
		r->n_kept--;
		r->n_holes -= e->kind == ENTRY_HOLE;
		r->bytes -= entry_bytes(e);
	}
	entry_free(e);
	slot->entry = NULL;
}

/* The older entry of the key becomes a tombstone; the key now stands for `e`. */
static void key_supersede(struct ring *r, const struct entry *e)
{
	struct str key = entry_key(e);
	struct map_node *node = map_find(&r->keys, key);
	struct keyed *k;

	if (node) {
		k = map_entry(node, struct keyed, node);
		uint64_t s = ring_seek(r, k->pos);
		/* The slot before the first one above pos is the one at pos, behind ephemerals
		 * of the same pos. */
		while (s > r->first && pos_cmp(ring_at(r, s - 1)->pos, k->pos) == 0) {
			struct ring_slot *slot = ring_at(r, --s);
			if (slot->entry && slot->entry->kind == ENTRY_MESSAGE) {
				slot_bury(r, slot);
				break;
			}
		}
	} else {
		k = mem_alloc(sizeof *k + key.n);
		memcpy(k->key, key.p, key.n);
		map_add(&r->keys, &k->node, str_make(k->key, key.n));
	}
	k->pos = e->pos;
}

/* Forgets the key of an entry that is about to be dropped, where it is still the newest of its
 * key. */
static void key_forget(struct ring *r, const struct entry *e)
{
	struct map_node *node = e->key_n ? map_find(&r->keys, entry_key(e)) : NULL;
	struct keyed *k = node ? map_entry(node, struct keyed, node) : NULL;

	if (k && pos_eq(k->pos, e->pos)) {
		map_del(&r->keys, node);
		mem_free(k);
	}
}

void ring_append(struct ring *r, struct entry *e)
{
	if (e->kind == ENTRY_EPHEMERAL)
		e->pos = ring_newest(r);
	else if (e->key_n)
		key_supersede(r, e);
	if (r->next - r->first == r->cap)
		ring_resize(r, r->cap ? r->cap * 2 : SLOTS_MIN);
	r->total_bytes += entry_bytes(e);
	e->total_bytes = r->total_bytes;
	*ring_at(r, r->next) = (struct ring_slot){ e->pos, e };
	r->next++;
	if (e->kind == ENTRY_EPHEMERAL) {
		r->n_ephemeral++;
	} else {
		r->n_kept++;
		r->n_holes += e->kind == ENTRY_HOLE;
		r->bytes += entry_bytes(e);
	}
}

static void drop_first(struct ring *r)
{
	struct ring_slot *slot = ring_at(r, r->first);
	struct entry *e = slot->entry;

	if (e && e->kind != ENTRY_EPHEMERAL) {
		key_forget(r, e);
		r->floor = slot->pos;
	}
	slot_bury(r, slot);
	r->first++;
}

static void drop_ephemeral(struct ring *r)
{
	for (uint64_t s = r->next; r->n_ephemeral && s > r->first; s--) {
		struct ring_slot *slot = ring_at(r, s - 1);
		if (slot->entry && slot->entry->kind == ENTRY_EPHEMERAL) {
			slot_bury(r, slot);
			r->n_ephemeral--;
		}
	}
	r->n_ephemeral = 0;
}

/* The array keeps its size unless far too large: a room that was busy once must not keep the
 * memory for ever. */
static void ring_shrink(struct ring *r)
{
	uint64_t n = r->next - r->first;
	uint32_t cap = SLOTS_MIN;

	if (r->cap <= SLOTS_MIN || n * SLOTS_SPARE > r->cap)
		return;
	while (cap < n * 2)
		cap *= 2;
	ring_resize(r, cap);
}

/* Closes the gaps that tombstones leave. */
static void ring_compact(struct ring *r)
{
	uint64_t to = r->first;

	for (uint64_t s = r->first; s < r->next; s++)
		if (ring_at(r, s)->entry)
			*ring_at(r, to++) = *ring_at(r, s);
	r->next = to;
	r->generation++;
}

static void drop_leading_tombstones(struct ring *r)
{
	while (r->first < r->next && !ring_at(r, r->first)->entry)
		r->first++;
}

size_t ring_trim(struct ring *r, const struct ring_limits *l, int64_t now_ms)
{
	uint64_t before;

	if (r->n_ephemeral)
		drop_ephemeral(r);
	before = r->n_kept;
	drop_leading_tombstones(r);
	while (r->n_kept) {
		const struct entry *e = ring_at(r, r->first)->entry;
		if (r->n_kept <= l->count && r->bytes <= l->bytes &&
			now_ms - e->arrived_ms < l->age_ms)
			break;
		drop_first(r);
		drop_leading_tombstones(r);
	}
	if (r->next - r->first > 2 * r->n_kept + 64)
		ring_compact(r);
	ring_shrink(r);
	return before - r->n_kept;
}

void ring_cut(struct ring *r, uint64_t bytes)
{
	while (r->n_kept && r->bytes > bytes)
		drop_first(r);
	drop_leading_tombstones(r);
}

struct pos ring_newest(const struct ring *r)
{
	return r->next > r->first ? pos_max(ring_at(r, r->next - 1)->pos, r->floor) : r->floor;
}

uint64_t ring_seek(const struct ring *r, struct pos after)
{
	uint64_t lo = r->first, hi = r->next;

	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;
		if (pos_cmp(ring_at(r, mid)->pos, after) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool ring_message_after(const struct ring *r, struct pos after, struct pos *at)
{
	for (uint64_t s = ring_seek(r, after); s < r->next; s++) {
		const struct entry *e = ring_at(r, s)->entry;
		if (e && e->kind == ENTRY_MESSAGE) {
			*at = e->pos;
			return true;
		}
	}
	return false;
}

struct pos ring_before_last(const struct ring *r, uint64_t n)
{
	struct pos at = ring_newest(r);

	for (uint64_t s = r->next; n && s > r->first; s--) {
		const struct ring_slot *slot = ring_at(r, s - 1);
		if (!slot->entry || slot->entry->kind != ENTRY_MESSAGE)
			continue;
		at = s - 1 > r->first ? pos_max(ring_at(r, s - 2)->pos, r->floor) : r->floor;
		n--;
	}
	return at;
}

struct pos ring_before_time(const struct ring *r, int64_t wall_ms)
{
	struct pos at = r->floor;

	/* A scan, not a search: `_ts` is the publishers' wall clocks, and they may step back. */
	for (uint64_t s = r->first; s < r->next; s++) {
		const struct ring_slot *slot = ring_at(r, s);
		if (slot->entry && slot->entry->kind == ENTRY_MESSAGE &&
			slot->entry->ts_ms >= wall_ms)
			return at;
		at = pos_max(slot->pos, r->floor);
	}
	return at;
}
