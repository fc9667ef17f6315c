/* unique.c - the sieves behind the first one
 *
 * Holds what is kept from text to text: the random bits and the table of large objects. Both belong
 * to the thread, so that nobody needs a lock. */
#include "codec/unique.h"

#include "base/mem.h"
#include "base/str.h"
#include "codec/escape.h"

#define FIRST_SLOTS 64         /* of the table when a text begins to use it */
#define KEEP_NAMES  (1u << 16) /* as many keep their memory for the next text */

struct wide_name {
	uint32_t hash, at;
	uint32_t next;   /* index + 1 of the next in the chain; 0: the last */
	uint32_t object; /* unique_object.wide */
};

/* The names of all large objects of a text. Chains are of indices and names are in order of
 * arrival, so to grow, or to begin anew with few slots, is to clear the slots and walk the names.
 */
struct wide {
	uint32_t *slots;
	struct wide_name *names;
	uint32_t n, n_slots, cap; /* cap: of both arrays */
};

static _Thread_local struct {
	uint64_t key[2];
	struct wide wide;
} kept;

void unique_begin(struct unique *u, const uint8_t *text)
{
	if (!kept.key[1]) {
		rand_bytes(kept.key, sizeof(kept.key));
		kept.key[1] |= 1;
	}
	u->text = text;
	u->key[0] = kept.key[0];
	u->key[1] = kept.key[1];
	u->n_names = u->n_wide = 0;
}

void unique_end(struct unique *u)
{
	struct wide *w = &kept.wide;

	if (u->n_wide == 0 || w->cap <= KEEP_NAMES)
		return;
	mem_free(w->slots);
	mem_free(w->names);
	*w = (struct wide){ 0 };
}

/* --- hashes ---------------------------------------------------------------------------------- */

static uint64_t hash_plain(const struct unique *u, const uint8_t *p, size_t n)
{
	uint64_t h = 0;
	uint8_t last[UNIQUE_BLOCK] = { 0 };

	for (; n > UNIQUE_BLOCK; n -= UNIQUE_BLOCK, p += UNIQUE_BLOCK)
		h = unique_hash_block(u, h, p, UNIQUE_BLOCK);
	memcpy(last, p, n);
	return unique_hash_block(u, h, last, (unsigned)n);
}

bool unique_hash(const struct unique *u, const uint8_t *p, const uint8_t *end, uint64_t *hash)
{
	uint64_t h = 0;
	uint8_t block[UNIQUE_BLOCK + 4] = { 0 }; /* an escape may go over the end */
	unsigned n = 0;

	if (!memchr(p, '\\', (size_t)(end - p))) {
		*hash = hash_plain(u, p, (size_t)(end - p));
		return true;
	}
	while (p < end) {
		unsigned k = escape_take(&p, block + n);
		if (k == 1 && block[n] == 0)
			return false;
		n += k;
		if (n > UNIQUE_BLOCK) {
			h = unique_hash_block(u, h, block, UNIQUE_BLOCK);
			n -= UNIQUE_BLOCK;
			memcpy(block, block + UNIQUE_BLOCK, n);
		}
	}
	*hash = unique_hash_block(u, h, block, n);
	return true;
}

/* --- large objects --------------------------------------------------------------------------- */

static uint32_t *slot_of(const struct wide *w, uint32_t object, uint32_t hash)
{
	return &w->slots[(hash ^ object * 0x9e3779b1u) & (w->n_slots - 1)];
}

/* Makes the table one of n_slots slots, for as many names, with those that are in it. */
static void resize(struct wide *w, uint32_t n_slots)
{
	if (n_slots > w->cap) {
		w->slots = mem_resize(w->slots, n_slots, sizeof(*w->slots));
		w->names = mem_resize(w->names, n_slots, sizeof(*w->names));
		w->cap = n_slots;
	}
	w->n_slots = n_slots;
	memset(w->slots, 0, n_slots * sizeof(*w->slots));
	for (uint32_t i = 0; i < w->n; i++) {
		struct wide_name *name = &w->names[i];
		uint32_t *slot = slot_of(w, name->object, name->hash);
		name->next = *slot;
		*slot = i + 1;
	}
}

static bool add_wide(const struct unique *u, uint32_t object, uint32_t hash, uint32_t at)
{
	struct wide *w = &kept.wide;
	uint32_t *slot = slot_of(w, object, hash);

	for (uint32_t i = *slot; i; i = w->names[i - 1].next) {
		const struct wide_name *name = &w->names[i - 1];
		if (name->hash == hash && name->object == object &&
			escape_equal(u->text + name->at, u->text + at))
			return false;
	}
	if (w->n == w->n_slots) {
		resize(w, w->n_slots * 2);
		slot = slot_of(w, object, hash);
	}
	w->names[w->n] = (struct wide_name){ hash, at, *slot, object };
	*slot = ++w->n;
	return true;
}

/* Moves the names of an object that becomes large to the table. */
static void make_wide(struct unique *u, struct unique_object *o)
{
	if (u->n_wide == 0) {
		kept.wide.n = 0;
		resize(&kept.wide, FIRST_SLOTS);
	}
	o->wide = ++u->n_wide;
	for (uint32_t i = o->first; i < u->n_names; i++)
		add_wide(u, o->wide, u->names[i].hash, u->names[i].at);
	u->n_names = o->first;
}

bool unique_add_slowly(struct unique *u, struct unique_object *o, uint32_t hash, uint32_t at)
{
	if (!o->wide && u->n_names - o->first == UNIQUE_SMALL)
		make_wide(u, o);
	if (o->wide)
		return add_wide(u, o->wide, hash, at);
	for (uint32_t i = o->first; i < u->n_names; i++) {
		if (u->names[i].hash == hash &&
			escape_equal(u->text + u->names[i].at, u->text + at))
			return false;
	}
	u->names[u->n_names++] = (struct unique_name){ hash, at };
	return true;
}
