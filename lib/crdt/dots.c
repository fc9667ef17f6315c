/* dots.c - which dot was seen where, over all documents of a run
 *
 * A hash table without keys: 128 bits of keyed hash stand for id and dot, 64 for the place. A dot is 40 bytes here,
 * whatever its node is called. */
#include "crdt/dots.h"
#include "base/mem.h"

struct seen {
	uint64_t dot[2], place;
	const char *file;
	uint64_t line;
};

struct crdt_dots {
	struct seen *v;
	size_t n, cap; /* cap: 0 or a power of two; a free place has dot[0] == 0 */
	uint64_t keys[3][2];
};

struct crdt_dots *dots_new(void)
{
	struct crdt_dots *d = mem_new(struct crdt_dots);

	rand_bytes(d->keys, sizeof(d->keys));
	return d;
}

void dots_free(struct crdt_dots *d)
{
	if (!d)
		return;
	mem_free(d->v);
	mem_free(d);
}

size_t dots_count(const struct crdt_dots *d)
{
	return d->n;
}

static struct seen *place_of(struct seen *v, size_t cap, const uint64_t dot[2])
{
	size_t i = dot[0] & (cap - 1);

	while (v[i].dot[0] && (v[i].dot[0] != dot[0] || v[i].dot[1] != dot[1]))
		i = (i + 1) & (cap - 1);
	return &v[i];
}

static void grow(struct crdt_dots *d)
{
	size_t cap = d->cap ? 2 * d->cap : 64;
	struct seen *v = mem_zalloc(cap * sizeof(*v));

	for (size_t i = 0; i < d->cap; i++)
		if (d->v[i].dot[0])
			*place_of(v, cap, d->v[i].dot) = d->v[i];
	mem_free(d->v);
	d->v = v;
	d->cap = cap;
}

static int report(struct crdt_report *r, const struct crdt_state *s, const struct crdt_leaf *l, const struct seen *at)
{
	struct crdt_dot dot;
	struct buf node = { 0 }, path = { 0 };
	int rc;

	key_dot(leaf_key(l), &dot);
	key_decode(&node, dot.node);
	crdt_path(&path, s->type, leaf_key(l));
	rc = crdt_find(r, E_DOT_REUSE, s->line, buf_cstr(&path), "the dot [%s,%llu] also stands elsewhere (%s:%llu)",
		buf_cstr(&node), (unsigned long long)dot.seq, at->file ? at->file : "-", (unsigned long long)at->line);
	buf_fini(&node);
	buf_fini(&path);
	return rc;
}

int dots_add(struct crdt_dots *d, struct crdt_report *r, const struct crdt_state *s)
{
	struct buf name = { 0 };
	int rc = 0;

	if (!s->type || !s->type->causal)
		return 0;
	key_add(&name, s->id);
	buf_add_char(&name, (char)('0' + s->has_id));
	for (size_t i = 0, id_n = name.n; i < s->leaves.n && rc == 0; i++) {
		const struct crdt_leaf *l = &s->leaves.v[i];
		struct crdt_dot dot;
		size_t path_n = key_dot(leaf_key(l), &dot);
		struct seen *at, now = { .file = s->file, .line = s->line };

		name.n = id_n;
		buf_add(&name, l->key + path_n, l->key_n - path_n);
		now.dot[0] = str_siphash(d->keys[0], buf_str(&name)) | 1;
		now.dot[1] = str_siphash(d->keys[1], buf_str(&name));
		now.place = str_siphash(d->keys[2], str_make(l->key, path_n));
		if (2 * d->n >= d->cap)
			grow(d);
		at = place_of(d->v, d->cap, now.dot);
		if (at->dot[0] == 0) {
			*at = now;
			d->n++;
		} else if (at->place != now.place) {
			rc = report(r, s, l, at);
		}
	}
	buf_fini(&name);
	return rc;
}
