/* lww.c - last writer wins: lww, lwwmap
 *
 * Timestamp and node id alone leave two writes of one node in one tick undecided, and then every
 * replica keeps its own for ever. So the value's bytes decide last, and the tie is reported: it is
 * the trace of a broken clock or a cloned node. */
#include "crdt/lww.h"
#include "crdt/hlc.h"
#include "crdt/number.h"
#include "base/err.h"

#include <math.h>

/* --- reading ---------------------------------------------------------------------------------- */

/* Microseconds of a number that counts in a unit nobody told: its size does. */
static double guess_us(double t)
{
	return t < 1e11 ? t * 1e6 : t < 1e14 ? t * 1e3 : t < 1e17 ? t : t / 1e3;
}

static int check_drift(struct crdt_reader *r, const struct json *v, double us)
{
	const struct crdt_options *o = r->options;

	if (o->max_drift_us < 0 || us <= (double)o->now_us + (double)o->max_drift_us)
		return 0;
	return json_find(&r->json, v, r->report->drift_warns ? W_DRIFT : E_DRIFT,
		"the timestamp is %.3f s ahead of now", (us - (double)o->now_us) / 1e6);
}

static int read_stamp(struct crdt_reader *r, const struct json *v, struct buf *out)
{
	struct err e = { 0 };
	struct hlc h;

	if (hlc_parse_stamp(&h, v->text, &e) != 0)
		return json_find(&r->json, v, E_HLC, "%s", e.text);
	buf_add_char(out, '"');
	hlc_format(out, h);
	buf_add_char(out, '"');
	return check_drift(r, v, (double)h.us);
}

static int read_timestamp(struct crdt_reader *r, const struct json *v, struct buf *out)
{
	struct number n;
	double t;

	if (v->type == JSON_STRING)
		return read_stamp(r, v, out);
	if (v->type != JSON_INT && v->type != JSON_REAL)
		return json_find(&r->json, v, E_TS, "a timestamp is a number or an HLC string");
	if (number_parse(&n, v->text) != 0 || (!n.real && n.u > INT64_MAX))
		return json_find(&r->json, v, E_TS, "the timestamp is out of range");
	if ((n.negative || (n.real && n.d < 0)) && !r->options->negative_ts)
		return json_find(&r->json, v, E_TS, "the timestamp is negative");
	t = n.real ? n.d : n.negative ? -(double)n.u : (double)n.u;
	if (n.real && n.d == trunc(n.d) && fabs(n.d) < (double)NUMBER_SAFE_MAX + 1) {
		buf_addf(out, "%lld",
			(long long)n.d); /* 5.0 is 5, so that equal stamps have equal bytes */
	} else if (canon_value(&r->json, out, v) != 0) {
		return ERR_INVALID;
	}
	return check_drift(r, v, guess_us(t));
}

static int read_node_id(struct crdt_reader *r, const struct json *v, struct buf *out)
{
	struct buf text = { 0 };
	int rc;

	if (v->type == JSON_STRING) {
		rc = crdt_node(r, v, v->text);
		if (rc == 0)
			canon_string(out, v->text);
		return rc;
	}
	if ((v->type != JSON_INT && v->type != JSON_REAL) || !r->options->node_id_any)
		return json_find(&r->json, v, E_NODE, "node_id is not a string%s",
			v->type == JSON_INT || v->type == JSON_REAL
				? " (--node-id-any takes numbers)"
				: "");
	rc = canon_value(&r->json, &text, v);
	canon_string(out, buf_str(&text));
	buf_fini(&text);
	return rc;
}

/* {"node_id":"","timestamp":0.0,"value":null}: nobody has written yet. */
static bool is_empty(const struct json *node, const struct json *ts, const struct json *value)
{
	struct number n;

	return value && value->type == JSON_NULL && node->type == JSON_STRING &&
	       node->text.n == 0 && (ts->type == JSON_INT || ts->type == JSON_REAL) &&
	       number_parse(&n, ts->text) == 0 && n.u == 0 && n.d == 0;
}

int lww_read(struct crdt_reader *r, const struct json *v, struct buf *out, bool may_delete)
{
	const char *members =
		may_delete ? "deleted node_id timestamp value" : "node_id timestamp value";
	const struct json *node, *ts, *value, *deleted;

	if (crdt_want_object(r, v, members) != 0)
		return ERR_INVALID;
	node = json_get(v, "node_id");
	ts = json_get(v, "timestamp");
	value = json_get(v, "value");
	deleted = json_get(v, "deleted");
	if (!node || !ts)
		return json_find(&r->json, v, E_KEY, "the member '%s' is missing",
			node ? "timestamp" : "node_id");
	if (deleted && (deleted->type != JSON_TRUE || value))
		return json_find(&r->json, deleted, E_KEY, deleted->type != JSON_TRUE ?
			"'deleted' is true or absent" : "a deleted entry has no value");
	if (!deleted && !value)
		return json_find(&r->json, v, E_KEY, "the member 'value' is missing");
	if (is_empty(node, ts, value))
		return 1;
	buf_add_text(out, deleted ? "{\"deleted\":true,\"node_id\":" : "{\"node_id\":");
	if (read_node_id(r, node, out) != 0)
		return ERR_INVALID;
	buf_add_text(out, ",\"timestamp\":");
	if (read_timestamp(r, ts, out) != 0)
		return ERR_INVALID;
	if (value) {
		buf_add_text(out, ",\"value\":");
		if (canon_value(&r->json, out, value) != 0)
			return ERR_INVALID;
	}
	buf_add_char(out, '}');
	return 0;
}

void lww_write(struct buf *out, const struct lww_entry *e)
{
	buf_add_text(out, e->deleted ? "{\"deleted\":true,\"node_id\":" : "{\"node_id\":");
	buf_add_str(out, e->node);
	buf_add_text(out, ",\"timestamp\":");
	buf_add_str(out, e->timestamp);
	if (!e->deleted) {
		buf_add_text(out, ",\"value\":");
		buf_add_str(out, e->value);
	}
	buf_add_char(out, '}');
}

bool lww_looks_like(const struct json *v)
{
	const struct json *node = json_get(v, "node_id"), *deleted = json_get(v, "deleted");

	return v->type == JSON_OBJECT && v->n == 3 && json_get(v, "timestamp") && node &&
		(json_get(v, "value") || (deleted && deleted->type == JSON_TRUE));
}

/* --- order ------------------------------------------------------------------------------------ */

/* The end of the string that begins at s. */
static size_t string_end(struct str s)
{
	size_t i = 1;

	while (i < s.n && s.p[i] != '"')
		i += s.p[i] == '\\' ? 2 : 1;
	return i + 1;
}

bool lww_split(struct str text, struct lww_entry *e)
{
	static const struct str deleted = { "{\"deleted\":true,", 16 };
	size_t n;

	*e = (struct lww_entry){ .deleted = str_starts(text, deleted) };
	if (!str_starts(text, STR("{")))
		return false;
	text = str_skip(text, e->deleted ? deleted.n : 1);
	if (!str_starts(text, STR("\"node_id\":\"")))
		return false;
	text = str_skip(text, 10);
	n = string_end(text);
	e->node = str_make(text.p, n);
	text = str_skip(text, n);
	if (!str_starts(text, STR(",\"timestamp\":")))
		return false;
	text = str_skip(text, 13);
	for (n = 0; n < text.n && text.p[n] != ',' && text.p[n] != '}';)
		n++; /* an HLC string holds neither */
	e->timestamp = str_make(text.p, n);
	text = str_skip(text, n);
	if (str_starts(text, STR(",\"value\":")))
		e->value = str_make(text.p + 9, text.n - 10);
	return true;
}

/* Do two clocks count in different units? Only where both look like time since 1970. */
static bool other_unit(struct number a, struct number b)
{
	double x = a.real ? a.d : (double)a.u, y = b.real ? b.d : (double)b.u, ratio;

	if (x < 1e8 || y < 1e8)
		return false;
	ratio = x > y ? x / y : y / x;
	return (ratio > 3e2 && ratio < 3e3) || (ratio > 3e5 && ratio < 3e6) ||
	       (ratio > 3e8 && ratio < 3e9);
}

/* Integers of equally many digits are in the order of their bytes, and count in one unit. */
static bool alike(struct str a, struct str b)
{
	for (size_t i = 0; i < a.n && a.n == b.n; i++)
		if ((unsigned char)(a.p[i] - '0') > 9 || (unsigned char)(b.p[i] - '0') > 9)
			return false;
	return a.n == b.n;
}

static int cmp_timestamp(struct str a, struct str b, int *flags)
{
	bool text_a = a.p[0] == '"', text_b = b.p[0] == '"';
	struct number x, y;

	if (text_a != text_b) {
		*flags |= JOIN_MIXED;
		return text_a ? 1 : -1;
	}
	if (str_eq(a, b))
		return 0;
	if (text_a || alike(a, b))
		return canon_cmp(a, b);
	if (number_parse(&x, a) != 0 || number_parse(&y, b) != 0)
		return canon_cmp(a, b);
	if (other_unit(x, y))
		*flags |= JOIN_UNITS;
	return number_cmp(x, y);
}

/* By the bytes that the strings stand for. */
static int cmp_string(struct str a, struct str b)
{
	struct json_reader r = { .report = &(struct crdt_report){ 0 }, .max_depth = 1 };
	struct arena arena = { 0 };
	const struct json *x, *y;
	int c;

	if (!memchr(a.p, '\\', a.n) && !memchr(b.p, '\\', b.n))
		return canon_cmp(str_make(a.p + 1, a.n - 2), str_make(b.p + 1, b.n - 2));
	r.arena = &arena;
	r.begin = r.p = a.p;
	r.end = a.p + a.n;
	x = json_read(&r);
	r.begin = r.p = b.p;
	r.end = b.p + b.n;
	y = json_read(&r);
	c = x && y ? canon_cmp(x->text, y->text) : canon_cmp(a, b);
	arena_fini(&arena);
	return c;
}

int lww_cmp(struct str a, struct str b, const char **rule, int *flags)
{
	struct lww_entry x, y;
	const char *unused;
	int c, none = 0;

	rule = rule ? rule : &unused;
	flags = flags ? flags : &none;
	if (!lww_split(a, &x) || !lww_split(b, &y)) {
		*rule = "value-bytes";
		return canon_cmp(a, b);
	}
	*rule = "timestamp";
	c = cmp_timestamp(x.timestamp, y.timestamp, flags);
	if (c)
		return c;
	*rule = "node_id";
	c = cmp_string(x.node, y.node);
	if (c)
		return c;
	*rule = "deleted";
	c = x.deleted - y.deleted;
	if (!c) {
		*rule = "value-bytes";
		c = canon_cmp(x.value, y.value);
	}
	if (c)
		*flags |= JOIN_TIE;
	/* One write whose instant was written as an integer and as a real of equal value. */
	return c ? c : canon_cmp(x.timestamp, y.timestamp);
}

static int join_entry(struct crdt_leaf *a, const struct crdt_leaf *b, struct arena *arena)
{
	int flags = 0;

	(void)arena;
	if (a->val_n == b->val_n && memcmp(a->val, b->val, a->val_n) == 0)
		return 0;
	if (lww_cmp(leaf_val(a), leaf_val(b), NULL, &flags) < 0) {
		a->val = b->val;
		a->val_n = b->val_n;
		flags |= JOIN_RIGHT;
	}
	return flags;
}

/* --- lww -------------------------------------------------------------------------------------- */

static int add_entry(struct crdt_reader *r, const struct json *v)
{
	struct str val;
	int rc;

	r->val.n = 0;
	rc = lww_read(r, v, &r->val, true);
	val = buf_str(&r->val);
	if (rc == 0)
		crdt_add_val(r, &val);
	return rc < 0 ? rc : 0;
}

static int read_lww(struct crdt_reader *r, const struct json *v)
{
	return v->type == JSON_OBJECT && v->n == 0 ? 0 : add_entry(r, v);
}

static void emit_lww(struct crdt_out *o, const struct crdt_leaf *v, size_t n, size_t skip)
{
	(void)skip;
	if (n > 0)
		buf_add_str(o->b, leaf_val(v));
	else
		buf_add_text(o->b, "{\"node_id\":\"\",\"timestamp\":0,\"value\":null}");
}

static void value_lww(struct buf *out, const struct crdt_leaf *v, size_t n, size_t skip)
{
	struct lww_entry e;

	(void)skip;
	if (n > 0 && lww_split(leaf_val(v), &e) && !e.deleted)
		buf_add_str(out, e.value);
	else
		buf_add_text(out, "null");
}

const struct crdt_type crdt_lww = {
	.name = "lww",
	.read = read_lww,
	.emit = emit_lww,
	.value = value_lww,
	.join = join_entry,
	.path = crdt_path_none,
};

/* --- lwwmap ----------------------------------------------------------------------------------- */

static int read_lwwmap(struct crdt_reader *r, const struct json *v)
{
	if (crdt_want_object(r, v, NULL) != 0)
		return ERR_INVALID;
	for (const struct json *m = v->first; m; m = m->next) {
		int rc;

		buf_add_str(&r->key, m->name);
		rc = add_entry(r, m);
		r->key.n = 0;
		if (rc != 0)
			return rc;
	}
	return 0;
}

static void emit_lwwmap(struct crdt_out *o, const struct crdt_leaf *v, size_t n, size_t skip)
{
	buf_add_char(o->b, '{');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(o->b, ',');
		leaves_prefetch(v, n, i);
		canon_string(o->b, str_skip(leaf_key(&v[i]), skip));
		buf_add_char(o->b, ':');
		buf_add_str(o->b, leaf_val(&v[i]));
		crdt_out_turn(o);
	}
	buf_add_char(o->b, '}');
}

static void value_lwwmap(struct buf *out, const struct crdt_leaf *v, size_t n, size_t skip)
{
	struct lww_entry e;
	bool first = true;

	buf_add_char(out, '{');
	for (size_t i = 0; i < n; i++) {
		if (!lww_split(leaf_val(&v[i]), &e) || e.deleted)
			continue;
		if (!first)
			buf_add_char(out, ',');
		first = false;
		canon_string(out, str_skip(leaf_key(&v[i]), skip));
		buf_add_char(out, ':');
		buf_add_str(out, e.value);
	}
	buf_add_char(out, '}');
}

static void path_lwwmap(struct buf *out, struct str key)
{
	canon_string(out, key);
}

const struct crdt_type crdt_lwwmap = {
	.name = "lwwmap",
	.read = read_lwwmap,
	.emit = emit_lwwmap,
	.value = value_lwwmap,
	.join = join_entry,
	.path = path_lwwmap,
};
