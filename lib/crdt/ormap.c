/* ormap.c - a map of causal types under one shared context
 *
 * {name:{type:state}}. Removing a key removes the dots below it, so a child needs no tombstone, and
 * a write that the remover had not seen survives. Types without dots (gcounter, lww) cannot be
 * reset and are refused as children. */
#include "crdt/causal.h"
#include "base/err.h"

static const struct crdt_type *const children[] = {
	&crdt_ccounter,
	&crdt_dwflag,
	&crdt_ewflag,
	&crdt_lwwr,
	&crdt_mvreg,
	&crdt_ormap,
	&crdt_orset,
	&crdt_rwset,
};

static const struct crdt_type *child_type(struct str name)
{
	for (size_t i = 0; i < sizeof(children) / sizeof(*children); i++)
		if (str_eq(str_of(children[i]->name), name))
			return children[i];
	return NULL;
}

static int read_ormap(struct crdt_reader *r, const struct json *v)
{
	size_t key_n = r->key.n;

	if (crdt_want_object(r, v, NULL) != 0)
		return ERR_INVALID;
	for (const struct json *m = v->first; m; m = m->next) {
		if (crdt_want_object(r, m, NULL) != 0)
			return ERR_INVALID;
		for (const struct json *c = m->first; c; c = c->next) {
			const struct crdt_type *type = child_type(c->name);
			char brief[STR_BRIEF];

			if (!type)
				return json_find(&r->json, c, E_TYPE,
					"'%s' is no type of a child%s",
					str_brief(c->name, brief, sizeof(brief)),
					crdt_type_find(c->name)
						? ": it has no dots, so it could not be removed"
						: "");
			key_add(&r->key, m->name);
			buf_add_str(&r->key, c->name);
			buf_add_char(&r->key, '\0');
			if (type->read(r, c) != 0)
				return ERR_INVALID;
			r->key.n = key_n;
		}
	}
	return 0;
}

/* The leaves from i whose keys begin alike, `n` bytes behind `skip`. */
static size_t group_end(const struct crdt_leaf *v, size_t total, size_t i, size_t skip, size_t n)
{
	struct str front = str_make(v[i].key + skip, n);
	size_t end = i + 1;

	while (end < total && str_starts(str_skip(leaf_key(&v[end]), skip), front))
		end++;
	return end;
}

/* One walk for state and value: they differ in what is written for a child. */
static void walk(struct crdt_out *o, const struct crdt_leaf *v, size_t n, size_t skip, bool value)
{
	buf_add_char(o->b, '{');
	for (size_t i = 0, end; i < n; i = end) {
		struct str head = key_head(str_skip(leaf_key(&v[i]), skip));

		end = group_end(v, n, i, skip, head.n);
		if (i > 0)
			buf_add_char(o->b, ',');
		canon_component(o->b, head);
		buf_add_text(o->b, ":{");
		for (size_t k = i, k_end; k < end; k = k_end) {
			const char *type_name = v[k].key + skip + head.n;
			size_t inner = strlen(type_name) + 1;
			const struct crdt_type *type = child_type(str_of(type_name));

			k_end = group_end(v, end, k, skip + head.n, inner);
			if (k > i)
				buf_add_char(o->b, ',');
			buf_addf(o->b, "\"%s\":", type_name);
			if (value)
				type->value(o->b, v + k, k_end - k, skip + head.n + inner);
			else
				type->emit(o, v + k, k_end - k, skip + head.n + inner);
		}
		buf_add_char(o->b, '}');
		crdt_out_turn(o);
	}
	buf_add_char(o->b, '}');
}

static void emit_ormap(struct crdt_out *o, const struct crdt_leaf *v, size_t n, size_t skip)
{
	walk(o, v, n, skip, false);
}

static void value_ormap(struct buf *out, const struct crdt_leaf *v, size_t n, size_t skip)
{
	walk(&(struct crdt_out){ .b = out }, v, n, skip, true);
}

/* The type of the child that a key leads to; `rest` is the key within it. */
static const struct crdt_type *descend(struct str key, struct str *head, struct str *rest)
{
	const struct crdt_type *type;

	*head = key_head(key);
	key = str_skip(key, head->n);
	type = child_type(str_of(key.p)); /* its name ends with a NUL */
	*rest = str_skip(key, strlen(type->name) + 1);
	return type;
}

static int join_ormap(struct crdt_leaf *a, const struct crdt_leaf *b, struct arena *arena)
{
	struct str head, rest;
	const struct crdt_type *type = descend(leaf_key(a), &head, &rest);

	while (type == &crdt_ormap)
		type = descend(rest, &head, &rest);
	return type->join ? type->join(a, b, arena) : 0;
}

static void path_ormap(struct buf *out, struct str key)
{
	struct str head, rest;
	const struct crdt_type *type = descend(key, &head, &rest);
	size_t n;

	canon_component(out, head);
	buf_addf(out, ",\"%s\",", type->name);
	n = out->n;
	type->path(out, rest);
	if (out->n == n)
		out->n--; /* the child is the place */
}

const struct crdt_type crdt_ormap = {
	.name = "ormap",
	.causal = true,
	.read = read_ormap,
	.emit = emit_ormap,
	.value = value_ormap,
	.join = join_ormap,
	.path = path_ormap,
};
