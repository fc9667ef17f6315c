/* map.h - an intrusive hash map from names to structs
 *
 * The struct embeds a `struct map_node` and keeps its own key; the map stores only links. Chained,
 * grows at load 1, shrinks at load 1/8, keyed hash (str_hash), so chosen names do not collide. */
#ifndef RT_BASE_MAP_H
#define RT_BASE_MAP_H

#include "base/list.h"
#include "base/str.h"

struct map_node {
	struct map_node *next;
	uint64_t hash;
	struct str key; /* borrowed from the struct that embeds the node; stays put
	                 * while in the map */
};

struct map {
	struct map_node **slots;
	size_t n, cap;    /* cap: 0 or a power of two */
	unsigned walking; /* map_each calls under way: no resizing meanwhile */
};

#define map_entry(node, type, member) list_entry(node, type, member)

void map_fini(struct map *m); /* frees the slots only */
/* NULL when absent. */
struct map_node *map_find(const struct map *m, struct str key);
/* `key` must not be in the map. */
void map_add(struct map *m, struct map_node *node, struct str key);
void map_del(struct map *m, struct map_node *node);
/* Iteration in no order: map_next(m, NULL) is the first, NULL after the last. Removing the node
 * just returned is allowed only through map_each. */
struct map_node *map_next(const struct map *m, const struct map_node *node);
/* Calls fn for every node; fn may remove that node (the map does not shrink meanwhile). */
void map_each(struct map *m, void (*fn)(struct map_node *node, void *arg), void *arg);

#define map_for_each(it, m) for (struct map_node *it = map_next(m, NULL); it; it = map_next(m, it))

#endif
