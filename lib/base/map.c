/* map.c - an intrusive hash map from names to structs
 *
 *      slots[hash & (cap - 1)] -> node -> node -> NULL
 *
 * It allocates nothing but the slots; nodes and keys belong to whoever adds them. Chains are singly
 * linked: with a load of at most 1 a removal walks one or two nodes. */
#include "base/map.h"
#include "base/mem.h"

#define CAP_MIN 8

void map_fini(struct map *m)
{
	mem_free(m->slots);
	*m = (struct map){ 0 };
}

static struct map_node **slot_of(const struct map *m, uint64_t hash)
{
	return &m->slots[hash & (m->cap - 1)];
}

static void put(struct map *m, struct map_node *node)
{
	struct map_node **slot = slot_of(m, node->hash);

	node->next = *slot;
	*slot = node;
}

static void resize(struct map *m, size_t cap)
{
	struct map old = *m;

	m->slots = mem_array(cap, sizeof(*m->slots));
	m->cap = cap;
	for (size_t i = 0; i < cap; i++)
		m->slots[i] = NULL;
	for (size_t i = 0; i < old.cap; i++) {
		for (struct map_node *node = old.slots[i], *next; node; node = next) {
			next = node->next;
			put(m, node);
		}
	}
	mem_free(old.slots);
}

/* Brings cap to where n wants it. Growing at 1 and shrinking at 1/8 leaves room between the two, so
 * a name that comes and goes does not resize each time. */
static void fit(struct map *m)
{
	size_t cap = m->cap;

	if (m->walking > 0)
		return;
	while (cap < m->n)
		cap *= 2;
	while (cap > CAP_MIN && m->n < cap / 8)
		cap /= 2;
	if (cap != m->cap)
		resize(m, cap);
}

struct map_node *map_find(const struct map *m, struct str key)
{
	uint64_t hash;

	if (m->n == 0)
		return NULL;
	hash = str_hash(key);
	for (struct map_node *node = *slot_of(m, hash); node; node = node->next)
		if (node->hash == hash && str_eq(node->key, key))
			return node;
	return NULL;
}

void map_add(struct map *m, struct map_node *node, struct str key)
{
	if (m->cap == 0)
		resize(m, CAP_MIN);
	node->key = key;
	node->hash = str_hash(key);
	put(m, node);
	m->n++;
	fit(m);
}

void map_del(struct map *m, struct map_node *node)
{
	struct map_node **at = slot_of(m, node->hash);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	node->next = NULL;
	m->n--;
	fit(m);
}

struct map_node *map_next(const struct map *m, const struct map_node *node)
{
	size_t i = 0;

	if (node) {
		if (node->next)
			return node->next;
		i = (node->hash & (m->cap - 1)) + 1;
	}
	for (; i < m->cap; i++)
		if (m->slots[i])
			return m->slots[i];
	return NULL;
}

void map_each(struct map *m, void (*fn)(struct map_node *node, void *arg), void *arg)
{
	m->walking++;
	for (size_t i = 0; i < m->cap; i++) {
		for (struct map_node *node = m->slots[i], *next; node; node = next) {
			next = node->next;
			fn(node, arg);
		}
	}
	m->walking--;
	if (m->cap > 0)
		fit(m);
}
