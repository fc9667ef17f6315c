/* emit.c - writing a state: canonical documents and values */
#include "crdt/crdt.h"
#include "base/err.h"

/* Never NULL: the types do arithmetic with it. */
static const struct crdt_leaf *leaves_of(const struct crdt_state *s)
{
	static const struct crdt_leaf none;

	return s->leaves.v ? s->leaves.v : &none;
}

/* Two lists under names of their own. */
static void emit_two(struct crdt_out *o, const struct crdt_state *s, const struct crdt_type *part,
	char first, const char *a, const char *b)
{
	size_t n = leaves_half(leaves_of(s), s->leaves.n, first);

	buf_addf(o->b, "{\"%s\":", a);
	part->emit(o, leaves_of(s), n, 1);
	buf_addf(o->b, ",\"%s\":", b);
	part->emit(o, leaves_of(s) + n, s->leaves.n - n, 1);
	buf_add_char(o->b, '}');
}

static int emit_plain(struct crdt_out *o, const struct crdt_state *s)
{
	if (s->type->causal || s->type == &crdt_bcounter || s->delta || s->has_id || s->has_epoch)
		return ERR_UNSUPPORTED;
	if (s->type == &crdt_pncounter && s->shape == SHAPE_PLAIN_UPPER)
		emit_two(o, s, &crdt_gcounter, 'n', "N", "P");
	else if (s->type == &crdt_2pset)
		emit_two(o, s, &crdt_gset, 'a', "adds", "removes");
	else
		s->type->emit(o, leaves_of(s), s->leaves.n, 0);
	return 0;
}

int crdt_emit(struct crdt_out *o, const struct crdt_state *s, enum crdt_shape shape)
{
	if (!s->type) {
		buf_add_text(o->b, "{}");
		return 0;
	}
	if (shape != SHAPE_V1)
		return emit_plain(o, s);
	buf_addf(o->b, "{\"crdt\":\"%s/1\"", s->type->name);
	if (s->type->causal) {
		buf_add_text(o->b, ",\"ctx\":");
		ctx_emit(o->b, &s->ctx);
	}
	if (s->delta)
		buf_add_text(o->b, ",\"delta\":true");
	if (s->has_epoch)
		buf_addf(o->b, ",\"epoch\":%llu", (unsigned long long)s->epoch);
	if (s->has_id) {
		buf_add_text(o->b, ",\"id\":");
		canon_string(o->b, s->id);
	}
	buf_add_text(o->b, ",\"state\":");
	s->type->emit(o, leaves_of(s), s->leaves.n, 0);
	buf_add_char(o->b, '}');
	return 0;
}

void crdt_value(struct buf *out, const struct crdt_state *s)
{
	if (s->type)
		s->type->value(out, leaves_of(s), s->leaves.n, 0);
	else
		buf_add_text(out, "null");
}

bool crdt_is_canonical(const struct crdt_state *s, struct str text)
{
	struct buf b = { 0 };
	bool same;

	crdt_emit(&(struct crdt_out){ .b = &b }, s, s->shape);
	same = str_eq(buf_str(&b), text);
	buf_fini(&b);
	return same;
}
