/* apply.c - operations on a state
 *
 * Every operation is turned into the delta it means: a grown slot, an element, an entry, or fresh
 * dots together with the dots they replace. Then the delta is joined, so that what a replica does
 * to itself and what others see of it is one rule. */
#include "crdt/apply.h"
#include "crdt/causal.h"
#include "crdt/hlc.h"
#include "crdt/lww.h"
#include "crdt/number.h"
#include "base/err.h"

struct act {
	struct crdt_reader *r;
	struct crdt_state *s;     /* to be changed */
	struct crdt_state delta;
	struct str node;
	const struct json *op;
	struct str name;          /* of the operation */
	struct buf prefix;        /* of the keys it is about: the path in an ormap */
};

static int bad(struct act *a, const char *why)
{
	return json_find(&a->r->json, a->op, E_OP, "%s", why);
}

/* What each type can do, besides clear for those with dots. */
static const char *operations(const struct crdt_type *t)
{
	static const struct {
		const struct crdt_type *type;
		const char *names;
	} rows[] = {
		{ &crdt_gcounter, "inc" },
		{ &crdt_pncounter, "inc dec" },
		{ &crdt_bcounter, "inc dec transfer" },
		{ &crdt_max, "set" },
		{ &crdt_min, "set" },
		{ &crdt_gset, "add" },
		{ &crdt_2pset, "add rm" },
		{ &crdt_lww, "set del" },
		{ &crdt_lwwmap, "put del" },
		{ &crdt_orset, "add rm clear" },
		{ &crdt_rwset, "add rm clear" },
		{ &crdt_ewflag, "on off clear" },
		{ &crdt_dwflag, "on off clear" },
		{ &crdt_mvreg, "set clear" },
		{ &crdt_lwwr, "set clear" },
		{ &crdt_ccounter, "inc dec clear" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].type == t)
			return rows[i].names;
	return NULL;
}

/* Of an ormap that is asked of the child. */
static int check_operation(struct act *a, const struct crdt_type *t)
{
	const char *names = operations(t);
	char brief[STR_BRIEF];

	for (struct str rest = str_of(names); rest.p;)
		if (str_eq(str_cut(rest, ' ', &rest), a->name))
			return 0;
	if (!names)
		return 0;
	if (!a->name.p)
		return json_find(&a->r->json, a->op, E_OP,
			"the member 'op' is missing (%s %s has: %s)", crdt_article(t), t->name,
			names);
	return json_find(&a->r->json, a->op, E_OP, "%s %s has no operation '%s' (it has: %s)",
		crdt_article(t), t->name, str_brief(a->name, brief, sizeof(brief)), names);
}

static bool is(const struct act *a, const char *name)
{
	return str_eq(a->name, str_of(name));
}

/* "by" or "amount"; 1 when there is none. */
static int amount(struct act *a, uint64_t *out)
{
	const struct json *v = json_get(a->op, "by");

	v = v ? v : json_get(a->op, "amount");
	*out = 1;
	if (!v)
		return 0;
	if (crdt_count(a->r, v, out) != 0)
		return ERR_INVALID;
	return *out > 0 ? 0 : bad(a, "the amount is 0");
}

static uint64_t slot(const struct crdt_state *s, struct str key)
{
	struct crdt_leaf want = { .key = key.p, .key_n = (uint32_t)key.n };
	size_t at = leaves_find(&s->leaves, 0, &want);

	return at < s->leaves.n && leaf_cmp(&s->leaves.v[at], &want) == 0 ? s->leaves.v[at].num : 0;
}

/* Adds to the slot whose key stands in r->key. */
static int grow(struct act *a, uint64_t by)
{
	uint64_t now = slot(a->s, buf_str(&a->r->key));

	if (now + by > INT64_MAX)
		return bad(a, "the slot would pass 9223372036854775807");
	crdt_add_count(a->r, now + by);
	return 0;
}

/* What a replica may still spend of a bounded counter. */
static __int128 rights(const struct crdt_state *s, struct str node)
{
	struct buf own = { 0 };
	__int128 left = 0;

	key_add(&own, node);
	for (size_t i = 0; i < s->leaves.n; i++) {
		struct str key = str_skip(leaf_key(&s->leaves.v[i]), 1), from;

		if (s->leaves.v[i].key[0] == 'u') {
			left -= str_eq(key, node) ? s->leaves.v[i].num : 0;
			continue;
		}
		from = key_head(key);
		if (str_eq(str_skip(key, from.n), node))
			left += s->leaves.v[i].num;
		else if (str_eq(from, buf_str(&own)))
			left -= s->leaves.v[i].num;
	}
	buf_fini(&own);
	return left;
}

static int apply_counter(struct act *a)
{
	struct buf *key = &a->r->key;
	const struct crdt_type *t = a->s->type;
	const struct json *to = json_get(a->op, "to");
	uint64_t by;

	if (amount(a, &by) != 0)
		return ERR_INVALID;
	if (t == &crdt_gcounter) {
		buf_add_str(key, a->node);
	} else if (t == &crdt_pncounter) {
		buf_add_text(key, is(a, "inc") ? "p" : "n");
		buf_add_str(key, a->node);
	} else if (is(a, "inc") || is(a, "transfer")) {
		if (is(a, "transfer") && (!to || to->type != JSON_STRING || to->text.n == 0 ||
						 str_eq(to->text, a->node)))
			return bad(a, "a transfer needs another node in 'to'");
		buf_add_char(key, 'r');
		key_add(key, a->node);
		buf_add_str(key, is(a, "inc") ? a->node : to->text);
	} else {
		buf_add_char(key, 'u');
		buf_add_str(key, a->node);
	}
	if (t == &crdt_bcounter && !is(a, "inc") && rights(a->s, a->node) < by)
		return json_find(
			&a->r->json, a->op, E_RIGHTS, "the replica does not hold that many rights");
	return grow(a, by);
}

static int apply_set(struct act *a)
{
	const struct json *elem = json_get(a->op, "elem");
	const struct crdt_type *t = a->s->type;

	if (!elem)
		return bad(a, "the member 'elem' is missing");
	if (t == &crdt_2pset)
		buf_add_text(&a->r->key, is(a, "add") ? "a" : "r");
	if (canon_value(&a->r->json, &a->r->key, elem) != 0)
		return ERR_INVALID;
	crdt_add_val(a->r, NULL);
	return 0;
}

/* The newest stamp of all entries, and one behind it: what a write without a timestamp gets. */
static int fresh_stamp(struct act *a, struct buf *out)
{
	struct hlc clock = { 0 }, h;
	struct err err = { 0 };
	struct lww_entry e;

	for (size_t i = 0; i < a->s->leaves.n; i++) {
		if (!lww_split(leaf_val(&a->s->leaves.v[i]), &e))
			continue;
		if (e.timestamp.p[0] != '"')
			return bad(
				a, "the state counts time in numbers: the member 'ts' is needed");
		if (hlc_parse_stamp(&h, str_make(e.timestamp.p + 1, e.timestamp.n - 2), NULL) ==
				0 &&
			hlc_cmp(h, clock) > 0)
			clock = h;
	}
	if (hlc_send(&clock, a->r->options->now_us, &err) != 0)
		return bad(a, err.text);
	hlc_format(out, clock);
	return 0;
}

/* An entry as a document would hold it, so that one reader judges both. */
static int add_entry(struct act *a, const struct json *value)
{
	struct json *ts =
		json_get(a->op, "ts") ? (struct json *)(uintptr_t)json_get(a->op, "ts") : NULL;
	struct json stamp = { .type = JSON_STRING, .at = a->op->at },
		    node = { .type = JSON_STRING, .text = a->node, .at = a->op->at };
	struct json time, val, yes = { .type = JSON_TRUE },
			       entry = { .type = JSON_OBJECT, .n = 3, .at = a->op->at };
	struct buf text = { 0 };
	struct str out;
	int rc = ts ? 0 : fresh_stamp(a, &text);

	stamp.text = buf_str(&text);
	time = ts ? *ts : stamp;
	time.name = STR("timestamp");
	node.name = STR("node_id");
	node.next = &time;
	time.next = NULL;
	if (value) {
		val = *value;
		val.name = STR("value");
		val.next = NULL;
		time.next = &val;
		entry.first = &node;
	} else {
		yes.name = STR("deleted");
		yes.next = &node;
		entry.first = &yes;
	}
	a->r->val.n = 0;
	if (rc == 0)
		rc = lww_read(a->r, &entry, &a->r->val, true);
	out = buf_str(&a->r->val);
	if (rc == 0)
		crdt_add_val(a->r, &out);
	buf_fini(&text);
	return rc ? ERR_INVALID : 0;
}

static int apply_lww(struct act *a)
{
	const struct json *key = json_get(a->op, "key"), *value = json_get(a->op, "value");
	bool map = a->s->type == &crdt_lwwmap, del = is(a, "del");

	if (!del && !value)
		return bad(a, "the member 'value' is missing");
	if (map && (!key || key->type != JSON_STRING))
		return bad(a, "the member 'key' is missing or no string");
	if (map)
		buf_add_str(&a->r->key, key->text);
	return add_entry(a, del ? NULL : value);
}

/* --- causal types ----------------------------------------------------------------------------- */

static uint64_t last_seq(const struct crdt_ctx *c, struct str node)
{
	uint64_t seq = ctx_count(c, node);

	for (size_t i = 0; i < c->cloud.n; i++)
		if (str_eq(c->cloud.v[i].node, node) && c->cloud.v[i].seq > seq)
			seq = c->cloud.v[i].seq;
	return seq;
}

/* Covers every dot below a key: the join removes them. With `own`, only dots of that node. */
static void replace(
	struct act *a, struct str below, const struct str *own, __int128 *up, __int128 *down)
{
	for (size_t i = 0; i < a->s->leaves.n; i++) {
		const struct crdt_leaf *l = &a->s->leaves.v[i];
		struct str rest, first;
		struct crdt_dot dot;
		uint64_t n = 0;

		key_dot(leaf_key(l), &dot);
		if (!str_starts(leaf_key(l), below) || (own && !str_eq(dot.node, *own)))
			continue;
		ctx_list_add(&a->delta.ctx.cloud, dot);
		if (own && l->val) {
			first = str_cut(str_make(l->val + 1, l->val_n - 2), ',', &rest);
			str_u64(first, &n);
			*up += n;
			str_u64(rest, &n);
			*down += n;
		}
	}
}

/* A fresh dot at r->key. */
static int write_dot(struct act *a, const struct str *val)
{
	struct buf node = { 0 };
	struct crdt_dot dot;

	key_add(&node, a->node);
	dot = (struct crdt_dot){ arena_copy(&a->delta.arena, buf_str(&node)),
		last_seq(&a->s->ctx, buf_str(&node)) + 1 };
	buf_fini(&node);
	if (dot.seq > INT64_MAX)
		return bad(a, "the replica has used all its dots");
	ctx_list_add(&a->delta.ctx.cloud, dot);
	key_add_dot(&a->r->key, dot.node, dot.seq);
	crdt_add_val(a->r, val);
	return 0;
}

static int apply_elem(struct act *a, bool tagged)
{
	const struct json *elem = json_get(a->op, "elem");

	if (!elem)
		return bad(a, "the member 'elem' is missing");
	if (canon_value(&a->r->json, &a->r->key, elem) != 0)
		return ERR_INVALID;
	buf_add_char(&a->r->key, '\0');
	replace(a, buf_str(&a->r->key), NULL, NULL, NULL);
	if (tagged)
		buf_add_text(&a->r->key, is(a, "add") ? "a" : "r");
	return tagged || is(a, "add") ? write_dot(a, NULL) : 0;
}

static int apply_count(struct act *a)
{
	struct buf node = { 0 }, text = { 0 };
	__int128 up = 0, down = 0;
	struct str own, val;
	uint64_t by;
	int rc;

	if (amount(a, &by) != 0)
		return ERR_INVALID;
	key_add(&node, a->node);
	own = buf_str(&node);
	replace(a, buf_str(&a->r->key), &own, &up, &down);
	up += is(a, "inc") ? by : 0;
	down += is(a, "dec") ? by : 0;
	buf_addf(&text, "[%llu,%llu]", (unsigned long long)up, (unsigned long long)down);
	val = buf_str(&text);
	if (up > INT64_MAX || down > INT64_MAX)
		rc = bad(a, "the count would pass 9223372036854775807");
	else
		rc = write_dot(a, &val);
	buf_fini(&node);
	buf_fini(&text);
	return rc;
}

static int apply_register(struct act *a, const struct crdt_type *t)
{
	const struct json *value = json_get(a->op, "value");
	size_t at = a->r->key.n;
	struct str val;
	int rc;

	if (!value)
		return bad(a, "the member 'value' is missing");
	replace(a, buf_str(&a->r->key), NULL, NULL, NULL);
	if (t == &crdt_lwwr) { /* the entry is made as a leaf, and its text taken out again */
		rc = add_entry(a, value);
		if (rc != 0)
			return rc;
		val = leaf_val(&a->delta.leaves.v[--a->delta.leaves.n]);
	} else {
		a->r->val.n = 0;
		if (canon_value(&a->r->json, &a->r->val, value) != 0)
			return ERR_INVALID;
		val = buf_str(&a->r->val);
	}
	a->r->key.n = at;
	return write_dot(a, &val);
}

/* r->key holds the path of the child, or nothing. */
static int apply_causal(struct act *a, const struct crdt_type *t)
{
	if (is(a, "clear")) {
		replace(a, buf_str(&a->r->key), NULL, NULL, NULL);
		return 0;
	}
	if (t == &crdt_orset || t == &crdt_rwset)
		return apply_elem(a, t == &crdt_rwset);
	if (t == &crdt_ccounter)
		return apply_count(a);
	if (t == &crdt_mvreg || t == &crdt_lwwr)
		return apply_register(a, t);
	replace(a, buf_str(&a->r->key), NULL, NULL, NULL);
	return is(a, "on") == (t == &crdt_ewflag) ? write_dot(a, NULL) : 0;
}

/* "at":["u","s"] names the way, "type" what stands at its end. */
static int apply_map(struct act *a)
{
	const struct json *at = json_get(a->op, "at"), *type = json_get(a->op, "type");
	const struct crdt_type *t = NULL;

	if (!at || at->type != JSON_ARRAY || at->n == 0)
		return bad(a, "the member 'at' is missing or no list of names");
	if (type && type->type == JSON_STRING)
		t = str_eq(type->text, STR("lwwr")) ? &crdt_lwwr : crdt_type_find(type->text);
	if ((type || !is(a, "clear")) && (!t || !t->causal || t == &crdt_ormap))
		return bad(a, "the member 'type' is missing or no type of a child");
	if (t && check_operation(a, t) != 0)
		return ERR_INVALID;
	for (const struct json *name = at->first; name; name = name->next) {
		if (name->type != JSON_STRING)
			return bad(a, "'at' is a list of names");
		key_add(&a->r->key, name->text);
		if (name->next || t) {
			buf_add_text(&a->r->key, name->next ? "ormap" : t->name);
			buf_add_char(&a->r->key, '\0');
		}
	}
	return apply_causal(a, t);
}

int crdt_apply(struct crdt_reader *r, struct crdt_state *s, struct str node, const struct json *op)
{
	struct act a = { .r = r, .s = s, .node = node, .op = op };
	const struct json *name = json_get(op, "op");
	const struct crdt_type *t = s->type;
	int rc;

	if (name && name->type == JSON_STRING)
		a.name = name->text;
	if (check_operation(&a, t) != 0)
		return ERR_INVALID;
	if (!a.name.p)
		return bad(&a, "the member 'op' is missing");
	a.delta = (struct crdt_state){ .type = t,
		.shape = s->shape,
		.delta = s->delta,
		.has_epoch = s->has_epoch,
		.epoch = s->epoch };
	r->state = &a.delta;
	r->key.n = 0;
	if (t == &crdt_gcounter || t == &crdt_pncounter || t == &crdt_bcounter)
		rc = apply_counter(&a);
	else if (t == &crdt_max || t == &crdt_min)
		rc = json_get(op, "value") ? t->read(r, json_get(op, "value"))
					   : bad(&a, "the member 'value' is missing");
	else if (t == &crdt_gset || t == &crdt_2pset)
		rc = apply_set(&a);
	else if (t == &crdt_lww || t == &crdt_lwwmap)
		rc = apply_lww(&a);
	else
		rc = t == &crdt_ormap ? apply_map(&a) : apply_causal(&a, t);
	if (rc == 0) {
		ctx_normalise(&a.delta.ctx, NULL);
		rc = crdt_join(r->report, s, &a.delta, NULL);
	}
	crdt_state_fini(&a.delta);
	return rc;
}
