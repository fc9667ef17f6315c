/* verdict.c - holes, and what becomes of them */
#include "bench/verdict.h"

#include "base/mem.h"

enum kind { LOST, DECLARED, AWAY };

struct hole {
	uint64_t from, to; /* [from, to) */
	enum kind kind;
};

struct holes {
	size_t n, cap;
	struct hole v[]; /* in order */
};

void follow_init(struct follow *f, uint64_t number)
{
	*f = (struct follow){ .start = number, .next = number };
}

void follow_fini(struct follow *f)
{
	mem_free(f->holes);
	f->holes = NULL;
}

/* --- holes ------------------------------------------------------------------------------------ */

static void settle(const struct hole *h, struct verdict *v)
{
	uint64_t n = h->to - h->from;

	if (h->kind == AWAY) {
		v->away += n;
		return;
	}
	v->expected += n;
	v->lost += n;
	if (h->kind == LOST)
		v->undeclared += n;
}

static void make_room(struct follow *f)
{
	struct holes *s = f->holes;
	size_t cap = s ? s->cap : 0;

	if (s && s->n < cap)
		return;
	cap = cap ? cap * 2 : 4;
	s = mem_resize(s, sizeof(*s) + cap * sizeof(s->v[0]), 1);
	if (!f->holes)
		s->n = 0;
	s->cap = cap;
	f->holes = s;
}

static void remove_at(struct holes *s, size_t at)
{
	s->n--;
	memmove(s->v + at, s->v + at + 1, (s->n - at) * sizeof(s->v[0]));
}

static void insert(struct follow *f, size_t at, struct hole h, struct verdict *v)
{
	make_room(f);
	memmove(f->holes->v + at + 1, f->holes->v + at,
		(f->holes->n - at) * sizeof(f->holes->v[0]));
	f->holes->v[at] = h;
	if (++f->holes->n > VERDICT_HOLES_MAX) {
		settle(&f->holes->v[0], v);
		remove_at(f->holes, 0);
	}
}

/* From `next` to there. */
static void add_hole(struct follow *f, uint64_t to, enum kind kind, struct verdict *v)
{
	size_t n = f->holes ? f->holes->n : 0;
	struct hole *last = n ? &f->holes->v[n - 1] : NULL;

	if (last && last->to == f->next && last->kind == kind)
		last->to = to;
	else
		insert(f, n, (struct hole){ f->next, to, kind }, v);
}

/* The hole that `number` lies in, or NULL. */
static struct hole *find(struct follow *f, uint64_t number)
{
	size_t low = 0, high = f->holes ? f->holes->n : 0;

	while (low < high) {
		size_t mid = (low + high) / 2;
		if (f->holes->v[mid].to <= number)
			low = mid + 1;
		else
			high = mid;
	}
	return f->holes && low < f->holes->n && f->holes->v[low].from <= number
	               ? &f->holes->v[low]
	               : NULL;
}

static void fill(struct follow *f, struct hole *h, uint64_t number, struct verdict *v)
{
	size_t at = (size_t)(h - f->holes->v);
	struct hole rest = { number + 1, h->to, h->kind };

	h->to = number;
	if (h->from == h->to)
		remove_at(f->holes, at--);
	if (rest.from < rest.to)
		insert(f, at + 1, rest, v);
}

/* --- messages --------------------------------------------------------------------------------- */

static void count(struct follow *f, uint64_t number, struct verdict *v)
{
	v->expected++;
	v->received++;
	if (number < f->newest)
		v->reordered++;
	else
		f->newest = number + 1;
}

static enum follow_result seen_before(struct follow *f, uint64_t number, struct verdict *v)
{
	struct hole *h = find(f, number);
	bool away;

	if (number < f->start) {
		v->early++;
		return FOLLOW_EARLY;
	}
	if (!h) {
		v->dup++;
		return FOLLOW_DUP;
	}
	away = h->kind == AWAY;
	count(f, number, v);
	v->resumed += away;
	fill(f, h, number, v);
	return away ? FOLLOW_RESUMED : FOLLOW_LATE;
}

enum follow_result follow_see(struct follow *f, uint64_t number, uint64_t sent, struct verdict *v)
{
	if (number >= sent) {
		v->phantom++;
		return FOLLOW_PHANTOM;
	}
	if (number < f->next)
		return seen_before(f, number, v);
	if (number > f->next)
		add_hole(f, number, f->told ? DECLARED : LOST, v);
	f->told = false;
	f->next = number + 1;
	count(f, number, v);
	return FOLLOW_NEW;
}

void follow_tell_gap(struct follow *f)
{
	f->told = true;
}

void follow_return(struct follow *f, uint64_t number, struct verdict *v)
{
	if (number > f->next) {
		add_hole(f, number, AWAY, v);
		f->next = number;
	}
	f->told = false; /* it spoke of what is excused now */
}

void follow_excuse(struct follow *f, uint64_t number, struct verdict *v)
{
	struct hole *h;
	size_t at = 0;

	if (number < f->start)
		return;
	if (number >= f->next) {
		if (number > f->next)
			add_hole(f, number, f->told ? DECLARED : LOST, v);
		f->next = number;
		add_hole(f, number + 1, AWAY, v);
		f->next = number + 1;
		return;
	}
	h = find(f, number);
	if (!h || h->kind == AWAY)
		return;
	fill(f, h, number, v);
	while (at < f->holes->n && f->holes->v[at].from < number)
		at++;
	insert(f, at, (struct hole){ number, number + 1, AWAY }, v);
}

void follow_end(struct follow *f, uint64_t number, struct verdict *v)
{
	if (number > f->next)
		add_hole(f, number, f->told ? DECLARED : LOST, v);
	for (size_t i = 0; f->holes && i < f->holes->n; i++)
		settle(&f->holes->v[i], v);
	follow_fini(f);
	if (number > f->next)
		f->next = number;
	f->start = f->next;
}

bool follow_complete(const struct follow *f, uint64_t number)
{
	if (f->next < number)
		return false;
	for (size_t i = 0; f->holes && i < f->holes->n; i++) {
		if (f->holes->v[i].kind == LOST)
			return false;
	}
	return true;
}

void verdict_merge(struct verdict *v, const struct verdict *from)
{
	v->expected += from->expected;
	v->received += from->received;
	v->lost += from->lost;
	v->undeclared += from->undeclared;
	v->dup += from->dup;
	v->reordered += from->reordered;
	v->phantom += from->phantom;
	v->corrupt += from->corrupt;
	v->resumed += from->resumed;
	v->away += from->away;
	v->early += from->early;
}
