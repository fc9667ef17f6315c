/* template.c - cut into parts once, expanded for every message
 *
 * A part is a run of plain text or the path of a member. Knows nothing of terminals: who shows the
 * result escapes it. */
#include "client/template.h"

#include "base/clock.h"
#include "base/mem.h"
#include "client/field.h"

struct part {
	bool is_member;
	bool as_time;
	size_t at, n; /* in `text` */
};

struct template {
	struct buf text; /* of all parts, one behind the other */
	struct part *parts;
	size_t n;
};

static struct part *add_part(struct template *t, bool is_member)
{
	t->parts = mem_resize(t->parts, t->n + 1, sizeof(*t->parts));
	t->parts[t->n] = (struct part){ .is_member = is_member, .at = t->text.n };
	return &t->parts[t->n++];
}

static void add_plain(struct template *t, char c)
{
	struct part *last = t->n > 0 ? &t->parts[t->n - 1] : NULL;

	if (!last || last->is_member)
		last = add_part(t, false);
	buf_add_char(&t->text, c);
	last->n++;
}

/* `p` is behind the '{'; returns what follows the '}', or NULL. */
static const char *add_member(struct template *t, const char *p)
{
	const char *q = strchr(p, '}');
	struct part *m;
	size_t n;

	if (!q)
		return NULL;
	n = (size_t)(q - p);
	m = add_part(t, true);
	if (n > 5 && memcmp(q - 5, ":time", 5) == 0) {
		m->as_time = true;
		n -= 5;
	}
	m->n = n;
	buf_add(&t->text, p, n);
	return q + 1;
}

static char escaped(char c)
{
	return c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : c;
}

struct template *template_new(const char *text, struct err *e)
{
	struct template *t = mem_new(struct template);
	const char *p = text;

	while (*p) {
		if (p[0] == '\\' && p[1] && strchr("nt0\\", p[1])) {
			add_plain(t, escaped(p[1]));
			p += 2;
		} else if ((p[0] == '{' || p[0] == '}') && p[1] == p[0]) {
			add_plain(t, p[0]);
			p += 2;
		} else if (p[0] == '{') {
			p = add_member(t, p + 1);
			if (!p)
				goto unbalanced;
		} else if (p[0] == '}') {
			goto unbalanced;
		} else {
			add_plain(t, *p++);
		}
	}
	return t;
unbalanced:
	err_set(e, ERR_USAGE, "template '%s': a brace without its partner (write {{ or }} for "
			      "the character itself)", text);
	template_free(t);
	return NULL;
}

static struct str part_text(const struct template *t, const struct part *m)
{
	return m->n ? str_make(t->text.p + m->at, m->n) : STR("");
}

static void expand_member(const struct part *m, struct str path, struct str json,
	struct str payload, bool one_line, struct buf *out)
{
	struct str raw;
	uint64_t ms;

	if (path.n == 0) {
		buf_add_str(out, payload);
		return;
	}
	raw = field_find(json, path);
	if (!raw.p && str_eq(path, STR("room")))
		raw = field_find(json, STR("_room"));
	if (!raw.p)
		return;
	if (m->as_time && str_u64(raw, &ms) == 0 && ms < INT64_MAX / 2)
		time_format(out, (int64_t)ms);
	else
		field_text(out, raw, one_line);
}

void template_expand(const struct template *t, struct str json, struct str payload, bool one_line,
	struct buf *out)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct part *m = &t->parts[i];

		if (m->is_member)
			expand_member(m, part_text(t, m), json, payload, one_line, out);
		else
			buf_add_str(out, part_text(t, m));
	}
}

int template_check_room(const struct template *t, struct err *e)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct part *m = &t->parts[i];
		struct str name = part_text(t, m);

		/* Room names hold no '/' and are never '.' or '..'; other members
		 * could name any file. */
		if (m->is_member && (m->as_time || !str_eq(name, STR("room"))))
			return err_set(e, ERR_USAGE, "'{" STR_FMT "}' cannot be part of a file "
						     "name, only {room} can", STR_ARG(name));
	}
	return 0;
}

void template_expand_room(const struct template *t, struct str room, struct buf *out)
{
	for (size_t i = 0; i < t->n; i++)
		buf_add_str(out, t->parts[i].is_member ? room : part_text(t, &t->parts[i]));
}

void template_free(struct template *t)
{
	if (!t)
		return;
	buf_fini(&t->text);
	mem_free(t->parts);
	mem_free(t);
}
