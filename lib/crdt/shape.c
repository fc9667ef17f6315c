/* shape.c - documents without an envelope: which type they are of
 *
 * Only what has one reading is recognised. A document that fits two types, or nearly fits one, is
 * refused with the way out. */
#include "crdt/shape.h"
#include "crdt/lww.h"

static bool all(const struct json *v, bool (*fits)(const struct json *m))
{
	for (const struct json *m = v->first; m; m = m->next)
		if (!fits(m))
			return false;
	return true;
}

static bool is_number(const struct json *m)
{
	return m->type == JSON_INT || m->type == JSON_REAL;
}

static bool is_object(const struct json *m)
{
	return m->type == JSON_OBJECT;
}

static bool is_array(const struct json *m)
{
	return m->type == JSON_ARRAY;
}

static bool has(const struct json *v, const char *a, const char *b)
{
	return v->n == 2 && json_get(v, a) && json_get(v, b);
}

/* Members in order, so that the new names are in order too. */
static void rename_two(struct json *v, const char *a, const char *b)
{
	v->first->name = str_of(a);
	v->first->next->name = str_of(b);
}

static const struct crdt_type *refuse(
	enum crdt_code *code, const char **why, enum crdt_code c, const char *text)
{
	*code = c;
	*why = text;
	return NULL;
}

/* A counter that counts both ways, of which one half was left out. */
static const char *half_of(struct str name)
{
	return str_eq(name, STR("P")) || str_eq(name, STR("N"))
		     ? "a pncounter has both halves, P and N"
	     : str_eq(name, STR("p")) || str_eq(name, STR("n"))
		     ? "a pncounter has both halves, p and n"
		     : NULL;
}

static const struct crdt_type *pick(
	struct json *v, enum crdt_shape *shape, enum crdt_code *code, const char **why)
{
	const struct json *node = json_get(v, "node_id"), *value = json_get(v, "value"),
			  *ts = json_get(v, "timestamp");

	if (v->type != JSON_OBJECT)
		return refuse(code, why, E_TYPE,
			v->type == JSON_ARRAY ? "an array may be a gset, but must be named so"
					      : "no type of state looks like this");
	if (v->n == 0)
		return refuse(code, why, CRDT_CODES, "");
	if (node && value && ts) {
		if (v->n == 3 && node->type == JSON_STRING)
			return &crdt_lww;
		if (v->n == 3 && all(v, is_number))
			return refuse(code, why, E_AMBIGUOUS,
				"it may be a register or a counter of three nodes");
		if (v->n == 3 && is_number(node))
			return &crdt_lww;
		return refuse(code, why, E_AMBIGUOUS,
			"a register with members that do not belong to one");
	}
	if (has(v, "N", "P") && all(v, is_object)) {
		*shape = SHAPE_PLAIN_UPPER;
		return &crdt_pncounter;
	}
	if (has(v, "n", "p") && all(v, is_object))
		return &crdt_pncounter;
	if (has(v, "adds", "removes") && all(v, is_array))
		return &crdt_2pset;
	if (lww_looks_like(v) && node->type == JSON_STRING)
		return &crdt_lww;
	if (all(v, lww_looks_like))
		return &crdt_lwwmap;
	if (all(v, is_number))
		return &crdt_gcounter;
	for (const struct json *m = v->first; m; m = m->next)
		if (m->type == JSON_INT)
			return refuse(code, why, E_TYPE,
				"a counter with members that are no counts, or no plain shape");
	if (v->n == 1 && is_object(v->first)) {
		const char *half = half_of(v->first->name);
		if (half)
			return refuse(code, why, E_KEY, half);
	}
	return refuse(code, why, E_TYPE, "none of the plain shapes");
}

const struct crdt_type *shape_recognise(struct json *v, const struct crdt_type *forced,
	enum crdt_shape *shape, enum crdt_code *code, const char **why)
{
	const struct crdt_type *t = forced;

	*code = CRDT_CODES;
	*shape = SHAPE_PLAIN;
	if (!t)
		t = pick(v, shape, code, why);
	else if (v->type == JSON_OBJECT && v->n == 0)
		return NULL;
	else if (t->causal || t == &crdt_bcounter)
		return refuse(code, why, E_SHAPE,
			"this type has no plain shape: it needs its envelope");
	if (t == &crdt_pncounter && has(v, "N", "P")) {
		*shape = SHAPE_PLAIN_UPPER;
		rename_two(v, "n", "p");
	} else if (t == &crdt_2pset && has(v, "adds", "removes")) {
		rename_two(v, "a", "r");
	}
	return t;
}
