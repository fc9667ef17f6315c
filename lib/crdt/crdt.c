/* crdt.c - the table of types, and reading one document
 *
 * A document is an envelope {"crdt":"type/1",...} or one of the plain shapes (shape.c). The fast
 * paths (fast.c) are asked first; whatever they do not know comes here, where every fault has a
 * code and a place. */
#include "crdt/crdt.h"
#include "crdt/causal.h"
#include "crdt/dots.h"
#include "crdt/fast.h"
#include "crdt/number.h"
#include "crdt/shape.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/opt.h"

static const struct crdt_type *const types[] = {
	&crdt_gcounter,
	&crdt_pncounter,
	&crdt_bcounter,
	&crdt_max,
	&crdt_min,
	&crdt_gset,
	&crdt_2pset,
	&crdt_lww,
	&crdt_lwwmap,
	&crdt_orset,
	&crdt_rwset,
	&crdt_ewflag,
	&crdt_dwflag,
	&crdt_mvreg,
	&crdt_ccounter,
	&crdt_ormap,
	NULL,
};

const struct crdt_type *const *crdt_types(void)
{
	return types;
}

const struct crdt_type *crdt_type_find(struct str name)
{
	for (size_t i = 0; types[i]; i++)
		if (str_eq(str_of(types[i]->name), name))
			return types[i];
	return NULL;
}

const char *crdt_article(const struct crdt_type *t)
{
	bool vowel = strchr("aeio", t->name[0]) || t == &crdt_mvreg; /* an em-v register */

	return vowel ? "an" : "a";
}

struct str crdt_type_nearest(struct str name)
{
	struct buf words = { 0 };
	struct str nearest;

	for (size_t i = 0; types[i]; i++)
		buf_addf(&words, i > 0 ? "|%s" : "%s", types[i]->name);
	nearest = opt_nearest(buf_cstr(&words), name);
	for (size_t i = 0; types[i]; i++)
		if (str_eq(nearest, str_of(types[i]->name)))
			nearest = str_of(types[i]->name);
	if (nearest.n == 0)
		nearest = STR("");
	buf_fini(&words);
	return nearest;
}

void crdt_state_fini(struct crdt_state *s)
{
	leaves_fini(&s->leaves);
	ctx_fini(&s->ctx);
	arena_fini(&s->arena);
	*s = (struct crdt_state){ 0 };
}

void crdt_reader_fini(struct crdt_reader *r)
{
	arena_fini(&r->tree);
	buf_fini(&r->key);
	buf_fini(&r->val);
	dots_free(r->dots);
	r->dots = NULL;
}

/* --- for the types ---------------------------------------------------------------------------- */

void crdt_add_val(struct crdt_reader *r, const struct str *val)
{
	struct crdt_state *s = r->state;
	struct str key = arena_copy(&s->arena, buf_str(&r->key));
	struct str copy = val ? arena_copy(&s->arena, *val) : (struct str){ NULL, 0 };

	leaves_add(&s->leaves, (struct crdt_leaf){
		.key = key.p, .key_n = (uint32_t)key.n, .val = copy.p, .val_n = (uint32_t)copy.n });
}

void crdt_add_count(struct crdt_reader *r, uint64_t count)
{
	struct str key = arena_copy(&r->state->arena, buf_str(&r->key));

	leaves_add(&r->state->leaves, (struct crdt_leaf){
		.key = key.p, .key_n = (uint32_t)key.n, .num = count, .val_n = LEAF_COUNT });
}

int crdt_count(struct crdt_reader *r, const struct json *v, uint64_t *out)
{
	struct number n;
	char brief[STR_BRIEF];

	if (v->type != JSON_INT)
		return json_find(&r->json, v, E_NOT_INT, "a count is an integer");
	if (number_parse(&n, v->text) != 0)
		return json_find(&r->json, v, v->text.p[0] == '-' ? E_NEG : E_RANGE,
			"the count %s is out of range", str_brief(v->text, brief, sizeof(brief)));
	if (n.negative)
		return json_find(&r->json, v, E_NEG, "the count is " STR_FMT, STR_ARG(v->text));
	if (n.u > INT64_MAX)
		return json_find(&r->json, v, E_RANGE,
			"the count " STR_FMT " is above 9223372036854775807", STR_ARG(v->text));
	if (n.u > NUMBER_SAFE_MAX)
		json_find(&r->json, v, W_UNSAFE_INT, "the integer " STR_FMT " is above 2^53-1",
			STR_ARG(v->text));
	*out = n.u;
	return 0;
}

int crdt_node(struct crdt_reader *r, const struct json *at, struct str node)
{
	if (node.n > 0 && node.n <= NODE_MAX)
		return 0;
	return json_find(&r->json, at, E_NODE,
		node.n ? "the node id is longer than 1024 bytes" : "the node id is empty");
}

static bool listed(const char *members, struct str name)
{
	for (struct str rest = str_of(members); rest.p;)
		if (str_eq(str_cut(rest, ' ', &rest), name))
			return true;
	return false;
}

int crdt_want_object(struct crdt_reader *r, const struct json *v, const char *members)
{
	char brief[STR_BRIEF];

	if (v->type != JSON_OBJECT)
		return json_find(&r->json, v, E_KEY, "an object was expected");
	for (const struct json *m = v->first; m && members; m = m->next)
		if (!listed(members, m->name))
			return json_find(&r->json, m, E_KEY, "unknown member '%s' (there are: %s)",
				str_brief(m->name, brief, sizeof(brief)), members);
	return 0;
}

int crdt_want_array(struct crdt_reader *r, const struct json *v)
{
	return v->type == JSON_ARRAY ? 0 : json_find(&r->json, v, E_KEY, "an array was expected");
}

/* --- the document ----------------------------------------------------------------------------- */

static struct json *walk_to(
	struct crdt_reader *r, struct json *v, const char *path, const char *option)
{
	struct str rest = str_of(path + (*path == '.')), name;
	char brief[STR_BRIEF], whole[STR_BRIEF];

	while (rest.p && v) {
		struct json *m = v->type == JSON_OBJECT ? v->first : NULL;

		name = str_cut(rest, '.', &rest);
		while (m && !str_eq(m->name, name))
			m = m->next;
		if (!m)
			json_find(&r->json, v, E_KEY, "there is no member '%s' (%s %s)",
				str_brief(name, brief, sizeof(brief)), option,
				str_brief(str_of(path), whole, sizeof(whole)));
		v = m;
	}
	return v;
}

static int read_replica(struct crdt_reader *r, struct json *v)
{
	v = walk_to(r, v, r->options->replica, "--replica");
	if (!v)
		return ERR_INVALID;
	r->replica = v->text;
	return v->type == JSON_STRING ? 0 :
		json_find(&r->json, v, E_KEY, "the name of a replica is a string (--replica)");
}

int crdt_read_ctx(struct crdt_reader *r, struct str text, struct crdt_state *out)
{
	const struct json *v, *ctx;

	*out = (struct crdt_state){ .file = r->report->file, .line = r->report->line };
	r->state = out;
	arena_reset(&r->tree);
	r->json = (struct json_reader){ .arena = &r->tree, .report = r->report,
		.max_depth = r->options->max_depth, .begin = text.p, .p = text.p,
		.end = text.p + text.n, .line = r->report->line };
	v = json_read(&r->json);
	if (!v)
		return ERR_INVALID;
	json_skip_space(&r->json);
	if (r->json.p < r->json.end)
		return json_find(&r->json, NULL, E_SYNTAX, "something follows the context");
	ctx = v->type == JSON_OBJECT ? json_get(v, "ctx") : NULL;
	if (!ctx && v->type == JSON_OBJECT && json_get(v, "crdt"))
		return json_find(&r->json, v, E_KEY, "the document has no context");
	return causal_context(r, ctx ? ctx : v);
}

/* "type/1" */
static const struct crdt_type *find_type(struct crdt_reader *r, const struct json *v)
{
	struct str version, name;
	const struct crdt_type *t;
	char brief[STR_BRIEF];
	uint64_t number;

	name = str_cut(v->text, '/', &version);
	t = crdt_type_find(name);
	if (!t || !version.p || str_u64(version, &number) != 0) {
		str_brief(v->text, brief, sizeof(brief));
		name = t ? name : crdt_type_nearest(name);
		if (name.n > 0)
			json_find(&r->json, v, E_TYPE,
				"unknown type '%s' (did you mean '" STR_FMT "/1'?)", brief,
				STR_ARG(name));
		else
			json_find(&r->json, v, E_TYPE,
				"unknown type '%s' (rt-crdt-merge -V lists the types)", brief);
		return NULL;
	}
	if (number != 1 || version.n != 1) {
		json_find(&r->json, v, E_VERSION, "version '%s' of %s is not known (1 is)",
			str_brief(version, brief, sizeof(brief)), t->name);
		return NULL;
	}
	if (r->options->type && r->options->type != t) {
		json_find(&r->json, v, E_TYPE, "the type is %s, not %s", t->name,
			r->options->type->name);
		return NULL;
	}
	return t;
}

static int read_head(struct crdt_reader *r, const struct json *v)
{
	struct crdt_state *s = r->state;
	const struct json *delta = json_get(v, "delta"), *epoch = json_get(v, "epoch"),
			  *id = json_get(v, "id");

	if (crdt_want_object(r, v, "crdt ctx delta epoch id state") != 0)
		return ERR_INVALID;
	if (delta && delta->type != JSON_TRUE)
		return json_find(&r->json, delta, E_KEY, "'delta' is true or absent");
	if (id && id->type != JSON_STRING)
		return json_find(&r->json, id, E_KEY, "'id' is a string");
	s->delta = delta != NULL;
	s->has_id = id != NULL;
	if (id)
		s->id = arena_copy(&s->arena, id->text);
	s->has_epoch = epoch != NULL;
	return epoch ? crdt_count(r, epoch, &s->epoch) : 0;
}

static int read_envelope(struct crdt_reader *r, struct json *v)
{
	struct crdt_state *s = r->state;
	const struct json *ctx = json_get(v, "ctx"), *state = json_get(v, "state");

	s->shape = SHAPE_V1;
	s->type = find_type(r, json_get(v, "crdt"));
	if (!s->type || read_head(r, v) != 0)
		return ERR_INVALID;
	if (!state)
		return json_find(&r->json, v, E_KEY, "the member 'state' is missing");
	if (s->type->causal && !ctx)
		return json_find(&r->json, v, E_KEY,
			"%s %s needs the member 'ctx', as in {\"vv\":{\"node\":1}}",
			crdt_article(s->type), s->type->name);
	if (!s->type->causal && ctx)
		return json_find(&r->json, ctx, E_KEY, "%s has no context", s->type->name);
	if (ctx && causal_context(r, ctx) != 0)
		return ERR_INVALID;
	return s->type->read(r, state);
}

/* Many programs keep a state beside other things. */
static int no_shape(
	struct crdt_reader *r, const struct json *v, enum crdt_code code, const char *why)
{
	const struct json *m = v->type == JSON_OBJECT ? v->first : NULL;
	char brief[STR_BRIEF];

	while (m && m->type != JSON_OBJECT)
		m = m->next;
	if (!m || code != E_TYPE || r->options->at)
		return json_find(&r->json, v, code, "%s", why);
	return json_find(&r->json, v, code, "%s; is the state in a member of it? (--at .%s)", why,
		str_brief(m->name, brief, sizeof(brief)));
}

static int read_plain(struct crdt_reader *r, struct json *v)
{
	struct crdt_state *s = r->state;
	enum crdt_code code;
	const char *why = "";

	s->type = shape_recognise(v, r->options->type, &s->shape, &code, &why);
	if (s->type)
		return s->type->read(r, v);
	return code == CRDT_CODES ? 0 : no_shape(r, v, code, why);
}

/* Equal keys: a set may name an element twice; a dot may not have two contents. */
static int drop_repeats(struct crdt_reader *r, struct crdt_state *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->leaves.n; i++) {
		struct crdt_leaf *l = &s->leaves.v[i], *last = n > 0 ? &s->leaves.v[n - 1] : NULL;

		if (!last || leaf_cmp(last, l) != 0) {
			s->leaves.v[n++] = *l;
			continue;
		}
		if (!str_eq(leaf_val(last), leaf_val(l))) {
			struct buf path = { 0 };
			int rc;

			crdt_path(&path, s->type, leaf_key(l));
			rc = crdt_find(r->report, E_DOT_REUSE, s->line, buf_cstr(&path),
				"one dot stands twice with different contents");
			buf_fini(&path);
			return rc;
		}
	}
	s->leaves.n = n;
	return 0;
}

static int check_dots(struct crdt_reader *r, struct crdt_state *s)
{
	for (size_t i = 0; i < s->leaves.n; i++) {
		struct crdt_dot dot;

		key_dot(leaf_key(&s->leaves.v[i]), &dot);
		if (!ctx_covers(&s->ctx, dot)) {
			struct buf path = { 0 }, node = { 0 };
			char brief[STR_BRIEF];
			int rc;

			crdt_path(&path, s->type, leaf_key(&s->leaves.v[i]));
			key_decode(&node, dot.node);
			rc = crdt_find(r->report, E_DOT_UNCOVERED, s->line, buf_cstr(&path),
				"the context does not cover the dot [%s,%llu]",
				str_brief(buf_str(&node), brief, sizeof(brief)),
				(unsigned long long)dot.seq);
			buf_fini(&path);
			buf_fini(&node);
			return rc;
		}
	}
	if (!r->dots)
		r->dots = dots_new();
	return dots_add(r->dots, r->report, s);
}

static int read_slow(struct crdt_reader *r, struct crdt_state *s)
{
	struct json *v;
	int rc;

	arena_reset(&r->tree);
	r->key.n = 0;
	v = json_read(&r->json);
	r->whole = v != NULL;
	if (v) {
		const char *end = r->json.p;

		while (end < r->json.end && (*end == ' ' || *end == '\t' || *end == '\r'))
			end++;
		r->json.p = end;
		if (end < r->json.end && *end != '\n') {
			json_find(&r->json, NULL, E_SYNTAX,
				"something follows the document on its line");
			v = NULL;
		}
	}
	if (v && r->options->replica && read_replica(r, v) != 0)
		v = NULL;
	if (v && r->options->at)
		v = walk_to(r, v, r->options->at, "--at");
	if (!v)
		return ERR_INVALID;
	if (v->type == JSON_OBJECT && json_get(v, "crdt") &&
		json_get(v, "crdt")->type == JSON_STRING)
		rc = read_envelope(r, v);
	else
		rc = read_plain(r, v);
	if (rc == 0 && leaves_sort(&s->leaves))
		rc = drop_repeats(r, s);
	return rc == 0 ? crdt_check(r->report, s) : rc;
}

static bool too_long(const struct crdt_reader *r, struct str text)
{
	size_t max = r->options->max_line;

	return text.n > max && !memchr(text.p, '\n', max);
}

static const char *line_after(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));

	return nl ? nl + 1 : end;
}

/* Where to read on behind a fault: at the next line. A value that was not read to its end may have
 * run on into the documents behind it; they begin a line. */
static const char *recover(const struct crdt_reader *r)
{
	const struct json_reader *j = &r->json;
	const char *next = line_after(j->begin, j->end);

	if (r->whole)
		return line_after(j->p, j->end);
	for (bool ran_on = next <= j->p; ran_on && next < j->end && *next != '{' && *next != '[';)
		next = line_after(next, j->end);
	return next;
}

static uint64_t lines_in(const char *p, const char *end)
{
	uint64_t n = 0;

	for (; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
		n++;
	return n;
}

int crdt_read(struct crdt_reader *r, struct str *text, struct crdt_state *out)
{
	struct json_reader *j = &r->json;
	const char *begin = text->p, *end = text->p + text->n, *next;
	int rc;

	if (text->n == 0)
		return 0;
	*j = (struct json_reader){ .arena = &r->tree,
		.report = r->report,
		.max_depth = r->options->max_depth,
		.begin = begin,
		.p = begin,
		.end = end,
		.line = r->report->line };
	json_skip_space(j);
	r->report->line += lines_in(begin, j->p);
	*text = str_make(j->p, (size_t)(end - j->p));
	if (text->n == 0)
		return 0;
	j->begin = j->p;
	j->line = r->report->line;
	*out = (struct crdt_state){ .file = r->report->file, .line = r->report->line };
	r->state = out;
	if (too_long(r, *text)) {
		json_find(
			j, NULL, E_SIZE, "the line is longer than %zu bytes", r->options->max_line);
		next = memchr(text->p, '\n', text->n);
		next = next ? next + 1 : end;
		rc = ERR_TOO_LARGE;
	} else {
		rc = 0;
		if (!fast_read(r, out)) {
			crdt_state_fini(out);
			out->file = r->report->file;
			out->line = r->report->line;
			rc = read_slow(r, out);
		}
		if (rc == 0 && out->type && out->type->causal)
			rc = check_dots(r, out);
		next = rc == 0 ? j->p : recover(r);
	}
	if (next < end && *next == '\n' && rc == 0)
		next++;
	if (rc == 0 && (size_t)(next - text->p) > r->options->max_line)
		rc = json_find(j, NULL, E_SIZE, "the document is longer than %zu bytes",
			r->options->max_line);
	r->report->line += lines_in(j->begin, next);
	*text = str_make(next, (size_t)(end - next));
	if (rc == 0)
		return 1;
	crdt_state_fini(out);
	return ERR_INVALID;
}
