/* outcome.c - a ring of undecided publications, told from its front */
#include "server/outcome.h"

#include "base/mem.h"
#include "net/conn.h"

struct outcome {
	struct conn *conn;
	bool done;
	uint8_t ref_n;
	char ref[PUB_REF_MAX];
	struct pub_result result; /* its reason is owned here */
};

void outcomes_init(struct outcomes *o)
{
	*o = (struct outcomes){ .first = 1, .next = 1 };
}

static struct outcome *at(const struct outcomes *o, uint64_t tag)
{
	return &o->ring[tag & (o->cap - 1)];
}

static void free_reason(struct outcome *one)
{
	mem_free((char *)(uintptr_t)one->result.reason.p);
}

void outcomes_fini(struct outcomes *o)
{
	for (; o->first < o->next; o->first++)
		free_reason(at(o, o->first));
	mem_free(o->ring);
}

static void grow(struct outcomes *o)
{
	struct outcomes bigger = {
		.first = o->first, .next = o->next, .cap = o->cap ? o->cap * 2 : 64
	};

	bigger.ring = mem_array(bigger.cap, sizeof *bigger.ring);
	for (uint64_t tag = o->first; tag < o->next; tag++)
		*at(&bigger, tag) = *at(o, tag);
	mem_free(o->ring);
	*o = bigger;
}

uint64_t outcome_new(struct outcomes *o, struct conn *c, struct str ref)
{
	struct outcome *one;

	if (o->next - o->first == o->cap)
		grow(o);
	one = at(o, o->next);
	*one = (struct outcome){ .conn = c, .ref_n = (uint8_t)ref.n };
	memcpy(one->ref, ref.n ? ref.p : "", ref.n);
	return o->next++;
}

/* The undecided one of that tag, now decided; NULL when there is none. */
static struct outcome *decide(struct outcomes *o, uint64_t tag, enum pub_outcome what)
{
	struct outcome *one = tag >= o->first && tag < o->next ? at(o, tag) : NULL;

	if (!one || one->done)
		return NULL;
	one->done = true;
	one->result.outcome = what;
	return one;
}

void outcome_acked(struct outcomes *o, uint64_t tag, const struct pos *pos, bool dup)
{
	struct outcome *one = decide(o, tag, dup ? PUB_DUP : PUB_ACK);

	if (one && pos) {
		one->result.has_pos = true;
		one->result.pos = *pos;
	}
}

static void set_reason(struct outcome *one, enum err_code code, struct str reason)
{
	if (!one)
		return;
	one->result.code = code;
	one->result.reason = str_make(mem_strndup(reason.p, reason.n), reason.n);
}

void outcome_refused(struct outcomes *o, uint64_t tag, enum err_code code, struct str reason)
{
	set_reason(decide(o, tag, PUB_REFUSED), code, reason);
}

void outcome_lost(struct outcomes *o, uint64_t tag, enum pub_outcome what, struct str reason)
{
	set_reason(decide(o, tag, what), ERR_UNKNOWN, reason);
}

void outcomes_tell(struct outcomes *o)
{
	while (o->first < o->next && at(o, o->first)->done) {
		struct outcome one = *at(o, o->first++);
		enum pub_outcome what = one.result.outcome;

		/* What follows on this connection must not overtake what may be lost: he
		 * resends from here. What he sent before has its outcome first. */
		if (what == PUB_UNKNOWN || what == PUB_UNAVAILABLE)
			conn_wind_up(one.conn, 1013, STR("the bus is not available; try again"));
		conn_published(one.conn, str_make(one.ref, one.ref_n), &one.result);
		free_reason(&one);
	}
}
