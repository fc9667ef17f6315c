/* unique.h - are the names of an object, and of every object in it, all different?
 *
 * Two equal names are found by three sieves, each rarer and dearer than the one before:
 *
 *   unique_object.seen  512 bits for each open object, one set for each name: only a bit that is
 *                       already set leads further
 *   unique.names        hash and place of the names of all open objects, at most UNIQUE_SMALL for
 *                       each, those of an object after those of the one it is in: searched
 *   escape_equal        the names themselves, unescaped as they are compared
 *
 * The names of a larger object move to a chained table, so no text costs more than linear time.
 * Hashes depend on bits drawn at random, so nobody can choose names that collide. */
#ifndef RT_CODEC_UNIQUE_H
#define RT_CODEC_UNIQUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define UNIQUE_SMALL 32
#define UNIQUE_DEPTH 64 /* objects open at a time, at most */
#define UNIQUE_BLOCK 16 /* bytes hashed at a time */
#define UNIQUE_SEEN  8

struct unique_object {
	uint64_t seen[UNIQUE_SEEN];
	uint32_t first; /* where its names begin in unique.names */
	uint32_t wide;  /* its number in the table; 0: not there */
};

struct unique_name {
	uint32_t hash, at; /* at: offset of the first byte after the quote */
};

/* Not to be cleared: what is read was written. */
struct unique {
	const uint8_t *text;
	uint64_t key[2];
	uint32_t n_names, n_wide;
	struct unique_name names[UNIQUE_DEPTH * UNIQUE_SMALL];
};

/* For each text; `text` is borrowed until unique_end. */
void unique_begin(struct unique *u, const uint8_t *text);
void unique_end(struct unique *u);

static inline void unique_open(const struct unique *u, struct unique_object *o)
{
	memset(o->seen, 0, sizeof(o->seen));
	o->first = u->n_names;
	o->wide = 0;
}

static inline void unique_close(struct unique *u, const struct unique_object *o)
{
	u->n_names = o->first;
}

/* The product of two words folded to one: both halves depend on all bits. */
static inline uint64_t unique_fold(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
	unsigned __int128 r = (unsigned __int128)a * b;
	return (uint64_t)r ^ (uint64_t)(r >> 64);
#else
	uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
	uint64_t mid = a1 * b0 + (a0 * b0 >> 32), mid2 = a0 * b1 + (uint32_t)mid;
	return (a * b) ^ (a1 * b1 + (mid >> 32) + (mid2 >> 32));
#endif
}

/* The hash of what `h` is the hash of and n <= UNIQUE_BLOCK bytes at p; all of UNIQUE_BLOCK can be
 * read. A name has no NUL, so zeros in place of what lies behind it make it no other name. */
static inline uint64_t unique_hash_block(
	const struct unique *u, uint64_t h, const uint8_t *p, unsigned n)
{
	static const uint8_t keep[2 * UNIQUE_BLOCK] = {
		255,
		255,
		255,
		255,
		255,
		255,
		255,
		255,
		255,
		255,
		255,
		255,
		255,
		255,
		255,
		255,
	};
	uint64_t v[2], mask[2];

	memcpy(v, p, sizeof(v));
	memcpy(mask, keep + UNIQUE_BLOCK - n, sizeof(mask));
	return unique_fold(h ^ u->key[0] ^ (v[0] & mask[0]), u->key[1] ^ (v[1] & mask[1]));
}

/* The hash of the proved string content [p, end), unescaped; false where it holds a NUL. */
bool unique_hash(const struct unique *u, const uint8_t *p, const uint8_t *end, uint64_t *hash);

/* What unique_add leaves to a closer look: names that may be there already, large objects. */
bool unique_add_slowly(struct unique *u, struct unique_object *o, uint32_t hash, uint32_t at);

/* Adds the name at that offset to the object opened last; false where it has that name. */
static inline bool unique_add(struct unique *u, struct unique_object *o, uint64_t hash, uint32_t at)
{
	uint64_t *seen = &o->seen[hash >> 61];
	uint64_t bit = (uint64_t)1 << (hash >> 55 & 63);
	bool simple = !(*seen & bit) && !o->wide && u->n_names - o->first < UNIQUE_SMALL;

	*seen |= bit;
	if (__builtin_expect(!simple, 0))
		return unique_add_slowly(u, o, (uint32_t)hash, at);
	u->names[u->n_names++] = (struct unique_name){ (uint32_t)hash, at };
	return true;
}

#endif
