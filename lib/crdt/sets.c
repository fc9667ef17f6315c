/* sets.c - types that are a union: gset, 2pset
 *
 * Elements are any JSON; the canonical text is the element. Nothing is ever taken out of a list, so
 * joining needs no rule. */
#include "crdt/crdt.h"
#include "base/err.h"

static int read_elements(struct crdt_reader *r, const struct json *v)
{
	size_t key_n = r->key.n;

	if (crdt_want_array(r, v) != 0)
		return ERR_INVALID;
	for (const struct json *e = v->first; e; e = e->next) {
		if (canon_value(&r->json, &r->key, e) != 0)
			return ERR_INVALID;
		crdt_add_val(r, NULL);
		r->key.n = key_n;
	}
	return 0;
}

static void emit_elements(struct crdt_out *o, const struct crdt_leaf *v, size_t n, size_t skip)
{
	buf_add_char(o->b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(o->b, ',');
		buf_add_str(o->b, str_skip(leaf_key(&v[i]), skip));
		crdt_out_turn(o);
	}
	buf_add_char(o->b, ']');
}

static void value_gset(struct buf *out, const struct crdt_leaf *v, size_t n, size_t skip)
{
	emit_elements(&(struct crdt_out){ .b = out }, v, n, skip);
}

static void path_gset(struct buf *out, struct str key)
{
	buf_add_str(out, key);
}

const struct crdt_type crdt_gset = {
	.name = "gset",
	.read = read_elements,
	.emit = emit_elements,
	.value = value_gset,
	.path = path_gset,
};

static int read_2pset(struct crdt_reader *r, const struct json *v)
{
	static const char *const names[] = { "a", "r" };

	if (crdt_want_object(r, v, "a r") != 0)
		return ERR_INVALID;
	for (int i = 0; i < 2; i++) {
		const struct json *m = json_get(v, names[i]);
		int rc = 0;

		if (!m && !r->state->delta)
			return json_find(
				&r->json, v, E_KEY, "the member '%s' is missing", names[i]);
		buf_add_text(&r->key, names[i]);
		if (m)
			rc = read_elements(r, m);
		r->key.n = 0;
		if (rc != 0)
			return rc;
	}
	return 0;
}

static void emit_2pset(struct crdt_out *o, const struct crdt_leaf *v, size_t n, size_t skip)
{
	size_t a = leaves_half(v, n, 'a');

	buf_add_text(o->b, "{\"a\":");
	emit_elements(o, v, a, skip + 1);
	buf_add_text(o->b, ",\"r\":");
	emit_elements(o, v + a, n - a, skip + 1);
	buf_add_char(o->b, '}');
}

/* Both halves are sorted: one pass. */
static void value_2pset(struct buf *out, const struct crdt_leaf *v, size_t n, size_t skip)
{
	size_t a = leaves_half(v, n, 'a'), r = a;
	bool first = true;

	buf_add_char(out, '[');
	for (size_t i = 0; i < a; i++) {
		struct str elem = str_skip(leaf_key(&v[i]), skip + 1);

		while (r < n && canon_cmp(str_skip(leaf_key(&v[r]), skip + 1), elem) < 0)
			r++;
		if (r < n && str_eq(str_skip(leaf_key(&v[r]), skip + 1), elem))
			continue;
		if (!first)
			buf_add_char(out, ',');
		first = false;
		buf_add_str(out, elem);
	}
	buf_add_char(out, ']');
}

static void path_2pset(struct buf *out, struct str key)
{
	canon_string(out, str_make(key.p, 1));
	buf_add_char(out, ',');
	buf_add_str(out, str_skip(key, 1));
}

const struct crdt_type crdt_2pset = {
	.name = "2pset",
	.read = read_2pset,
	.emit = emit_2pset,
	.value = value_2pset,
	.path = path_2pset,
};
