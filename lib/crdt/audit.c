/* audit.c - what `check` looks for in states that are valid as such
 *
 * Sums are exact at any size here. Who reads them with 64 bits wants to know where that ends. */
#include "crdt/audit.h"
#include "crdt/number.h"

static bool is_counter(struct str type)
{
	return str_eq(type, STR("gcounter")) || str_eq(type, STR("pncounter")) ||
		str_eq(type, STR("bcounter")) || str_eq(type, STR("ccounter"));
}

static void audit_sum(
	struct crdt_report *r, const struct crdt_state *s, struct str value, const char *path)
{
	struct number n;

	if (number_parse(&n, value) == 0 && n.u <= (uint64_t)INT64_MAX + n.negative)
		return;
	crdt_find(r, E_SUM_RANGE, s->line, path, "the value " STR_FMT " does not fit into 64 bits",
		STR_ARG(value));
}

/* The value of a map: {name:{type:value}}. `path` ends with what leads here. */
static void audit_map(
	struct crdt_report *r, const struct crdt_state *s, const struct json *map, struct buf *path)
{
	size_t n = path->n;

	for (const struct json *m = map->first; m; m = m->next) {
		for (const struct json *c = m->first; c; c = c->next) {
			buf_add_text(path, n > 1 ? "," : "");
			canon_string(path, m->name);
			buf_add_char(path, ',');
			canon_string(path, c->name);
			if (str_eq(c->name, STR("ormap"))) {
				audit_map(r, s, c, path);
			} else if (is_counter(c->name)) {
				buf_add_char(path, ']');
				audit_sum(r, s, c->text, buf_cstr(path));
			}
			path->n = n;
		}
	}
}

void audit_sums(struct crdt_report *r, const struct crdt_state *s)
{
	struct buf value = { 0 }, path = { 0 };
	struct arena tree = { 0 };
	struct json_reader reader = { .arena = &tree, .report = &(struct crdt_report){ 0 },
		.max_depth = JSON_DEPTH_LIMIT, .line = 1 };
	const struct json *v;

	if (s->type)
		crdt_value(&value, s);
	if (s->type && is_counter(str_of(s->type->name))) {
		audit_sum(r, s, buf_str(&value), "");
	} else if (s->type == &crdt_ormap) {
		reader.begin = reader.p = value.p;
		reader.end = value.p + value.n;
		v = json_read(&reader);
		buf_add_char(&path, '[');
		if (v)
			audit_map(r, s, v, &path);
	}
	arena_fini(&tree);
	buf_fini(&value);
	buf_fini(&path);
}
