/* origins.c - the last number of each publisher, of so many as were heard lately */
#include "bus/origins.h"

#include "base/err.h"
#include "base/mem.h"

#include <stdio.h>

#define ORIGINS_MAX 4096
#define ID_DIGITS   16

struct known {
	struct map_node node;
	struct list link;
	uint64_t n;
	uint64_t id; /* its bytes are the key */
};

void origin_format(struct buf *out, const struct origin *o)
{
	buf_addf(out, "%016llx.", (unsigned long long)o->id);
	buf_add_u64(out, o->n);
	if (o->live) {
		buf_add_char(out, '.');
		buf_add_u64(out, o->live);
	}
}

static int parse_id(struct str s, uint64_t *id)
{
	*id = 0;
	if (s.n != ID_DIGITS)
		return ERR_INVALID;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c >= '0' && c <= '9')
			*id = *id << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			*id = *id << 4 | (uint64_t)(c - 'a' + 10);
		else
			return ERR_INVALID;
	}
	return 0;
}

int origin_parse(struct str s, struct origin *o)
{
	struct str rest, live;
	struct str id = str_cut(s, '.', &rest), n = str_cut(rest, '.', &live);

	*o = (struct origin){ 0 };
	if (parse_id(id, &o->id) != 0 || str_u64(n, &o->n) != 0)
		return ERR_INVALID;
	if (live.p && (str_u64(live, &o->live) != 0 || o->live == 0))
		return ERR_INVALID;
	return 0;
}

void origins_init(struct origins *o)
{
	*o = (struct origins){ 0 };
	list_init(&o->order);
}

static void forget(struct origins *o, struct known *k)
{
	map_del(&o->map, &k->node);
	list_del(&k->link);
	mem_free(k);
}

void origins_clear(struct origins *o)
{
	list_for_each_safe(it, &o->order)
		forget(o, list_entry(it, struct known, link));
}

void origins_fini(struct origins *o)
{
	origins_clear(o);
	map_fini(&o->map);
}

static struct known *find(const struct origins *o, uint64_t id)
{
	struct map_node *node = map_find(&o->map, str_make((const char *)&id, sizeof id));

	return node ? map_entry(node, struct known, node) : NULL;
}

static struct known *add(struct origins *o, uint64_t id)
{
	struct known *k = mem_new(struct known);

	if (o->map.n >= ORIGINS_MAX)
		forget(o, list_entry(o->order.next, struct known, link));
	k->id = id;
	list_init(&k->link);
	map_add(&o->map, &k->node, str_make((const char *)&k->id, sizeof k->id));
	return k;
}

bool origins_heard(struct origins *o, const struct origin *of)
{
	struct known *k = find(o, of->id);
	uint64_t due;
	bool hole;

	if (!k) {
		k = add(o, of->id);
		k->n = of->n;
		list_add(&o->order, &k->link);
		return false;
	}
	due = k->n + (of->live == 0);
	hole = of->n > due;
	if (of->n > k->n)
		k->n = of->n;
	list_del(&k->link);
	list_add(&o->order, &k->link);
	return hole;
}
