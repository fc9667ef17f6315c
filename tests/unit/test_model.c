/* test_model.c - what wire.md promises of positions and gaps, tried on random histories against lib/room
 *
 * test_model [SEEDS [FIRST]]. Each history publishes, trims, evicts, restarts workers, lets them lag, makes the log anew and loses
 * what the bus loses (support/world.h), while clients are cut at any point between two peeks and come back on any worker with what
 * they were handed: one position for all rooms (as SSE does), or one for each subscription (as WebSocket does), those added later among them. What
 * each was told is checked against the truth: nothing lost undeclared, doubled, out of order or made up, and at the end everything
 * arrived. A history is known by its kind and seed; a failure prints both.
 *
 * These are the lines that must not go; each of them, changed so, turned this test red:
 *   room.c  room_evict: no evicted_floor; room_get: ring_init with a floor of 0; table_hole: no entries, or no evicted_floor
 *   feed.c  peek_merged: no PEEK_WAIT; feed_top: any cursor first; gap_moves: always true; cursor_next: an overrun under the floor's key;
 *           peek_first_gap: has_id with every gap; feed_moved: f->merged = pos; run_taken: the position of an ephemeral entry;
 *           peek_merged: no feed_behind
 *   sub.c   feed_restart: known with a gap to tell; sub_start_other_epoch: the head for epochs of the data; start_is: f->pos stays; sub_start_pos: a foreign epoch is not asked about
 *   backfill.c  page_keep: no cut at upto; page_is_foreign: false */
#include "base/mem.h"
#include "codec/name.h"
#include "support/world.h"
#include "tap.h"

#include <stdlib.h>

#define CLIENTS   4
#define SUBS_MAX  4
#define UNKNOWN   SIZE_MAX

/* Some overlap: what one subscription delivers the other has then, too. */
static const char *const sub_names[][SUBS_MAX] = {
	{ "a", "b", "c.x", "c.y" }, { "c.*", "a", "d", "b" }, { ">" }, { "c.*" }, { "d", "c.y", "a" }, { "*", "c.*" },
	{ "a", ">" }, { "c.*", "*", "c.x", ">" },
};
#define N_NAMES (sizeof sub_names / sizeof *sub_names)

struct told {
	int room;         /* -1: every one of the subscription */
	size_t from, to;  /* messages of the truth in [from, to) */
};

/* What a client knows of one of its subscriptions, over all its connections. */
struct view {
	const char *name;
	bool active, based;
	struct pos pos;
	bool has_pos;
	enum since_kind kind;             /* of the first time */
	size_t base;                      /* the first message it must get or be told of, in every room */
	size_t next[WORLD_ROOMS];         /* ... in this room; UNKNOWN: nothing of it came yet */
	uint32_t ephemeral[WORLD_ROOMS];
	struct told *told;
	size_t n_told, cap_told;
};

struct client {
	struct history *h;
	struct feed feed;
	int worker;           /* -1: not connected */
	bool per_sub;         /* one position for each subscription */
	bool idle, dead;      /* owes nothing; to be cut when the turn ends */
	int name;             /* of its own messages; 0: none */
	char label[2];        /* of that name */
	bool no_echo;
	struct pos pos;       /* of the connection */
	bool has_pos;
	struct view views[SUBS_MAX];
	int n_views;
};

enum bad { LOST, DOUBLED, DISORDERED, PHANTOM, STUCK, BADS };
static const char *const bad_names[] = { "lost", "doubled", "disordered", "phantom", "stuck" };

struct history {
	struct world w;
	struct client clients[CLIENTS];
	unsigned bad[BADS];
};

static unsigned long gaps_told[4], gaps_true[4], n_delivered, n_ephemeral, n_closed, n_backfilled;
static bool tracing;

#define TRACE(...) do { if (tracing) { printf("# " __VA_ARGS__); printf("\n"); } } while (0)

/* --- the checker ------------------------------------------------------------------------------- */

static bool superseded(const struct world *w, size_t i)
{
	if (w->truth[i].key)
		for (size_t j = i + 1; j < w->n_truth; j++)
			if (w->truth[j].room == w->truth[i].room && w->truth[j].key == w->truth[i].key)
				return true;
	return false;
}

static bool was_told(const struct view *v, int room, size_t i)
{
	for (size_t g = v->n_told; g-- > 0;)
		if ((v->told[g].room < 0 || v->told[g].room == room) && v->told[g].from <= i && i < v->told[g].to)
			return true;
	return false;
}

static void check_missing(struct client *c, struct view *v, int room, size_t from, size_t to)
{
	const struct world *w = &c->h->w;

	for (size_t i = from; i < to; i++) {
		if (w->truth[i].room != room || was_told(v, room, i) || superseded(w, i))
			continue;
		if (c->no_echo && w->truth[i].client == c->name)
			continue;
		TRACE("LOST client %td %s room %s message %zu", c - c->h->clients, v->name, world_rooms[room], i);
		c->h->bad[LOST]++;
	}
}

static void on_ephemeral(struct client *c, struct view *v, int room, const struct entry *e)
{
	uint32_t i;

	memcpy(&i, entry_payload(e).p, sizeof i);
	n_ephemeral++;
	TRACE("client %td %s got ephemeral %u of %s at %llx-%llu", c - c->h->clients, v->name, i, world_rooms[room],
		(unsigned long long)e->pos.epoch, (unsigned long long)world_n(e->pos));
	if (i <= v->ephemeral[room])
		TRACE("AGAIN");
	if (i <= v->ephemeral[room])
		c->h->bad[DOUBLED]++;
	v->ephemeral[room] = i;
}

static void on_message(struct client *c, struct view *v, struct str name, const struct entry *e)
{
	const struct world *w = &c->h->w;
	uint32_t i;
	int room = 0;
	size_t next;

	while (room < WORLD_ROOMS && !str_eq(name, str_of(world_rooms[room])))
		room++;
	if (room == WORLD_ROOMS || !pattern_match(str_of(v->name), name)) {
		c->h->bad[PHANTOM]++;
		return;
	}
	if (e->kind == ENTRY_EPHEMERAL) {
		on_ephemeral(c, v, room, e);
		return;
	}
	memcpy(&i, entry_payload(e).p, sizeof i);
	TRACE("client %td %s got %u of %s at %llx-%llu", c - c->h->clients, v->name, i, world_rooms[room],
		(unsigned long long)e->pos.epoch, (unsigned long long)world_n(e->pos));
	n_delivered++;
	if (e->kind != ENTRY_MESSAGE || i >= w->n_truth || w->truth[i].room != room ||
		world_order(w, e->pos) != i + 1u || (c->no_echo && w->truth[i].client == c->name)) {
		c->h->bad[PHANTOM]++;
		return;
	}
	next = v->next[room];
	if (next == UNKNOWN)
		next = i < v->base ? i : v->base;
	if (i + 1u == next && v->next[room] != UNKNOWN)
		c->h->bad[DOUBLED]++;
	else if (i < next)
		c->h->bad[DISORDERED]++;
	if (i < next)
		TRACE("AGAIN");
	check_missing(c, v, room, next, i);
	v->next[room] = i + 1u > next ? i + 1u : next;
}

static struct pos highest_floor(const struct client *c, const struct view *v)
{
	const struct table *t = c->feed.table;
	struct pos floor = pattern_is(str_of(v->name)) ? t->evicted_floor : (struct pos){ 0 };

	for (int i = 0; i < WORLD_ROOMS; i++) {
		struct room *r = room_find(t, str_of(world_rooms[i]));
		if (r && pattern_match(str_of(v->name), room_name(r)))
			floor = pos_max(floor, r->ring.floor);
	}
	return floor;
}

static void on_gap(struct client *c, struct view *v, const struct gap *g)
{
	const struct world *w = &c->h->w;
	struct told t = { -1, world_order(w, g->after), world_order(w, g->at) };
	bool lost = false;

	for (int r = 0; r < WORLD_ROOMS; r++)
		if (str_eq(g->room, str_of(world_rooms[r])))
			t.room = r;
	TRACE("client %td %s gap %s of %.*s (%llx-%llu, %llx-%llu] is [%zu, %zu) id %d %llu", c - c->h->clients, v->name,
		gap_reason_name(g->reason), (int)g->room.n, g->room.p,
		(unsigned long long)g->after.epoch, (unsigned long long)world_n(g->after),
		(unsigned long long)g->at.epoch, (unsigned long long)world_n(g->at), t.from, t.to,
		g->has_id, (unsigned long long)world_n(g->id));
	for (size_t i = t.from; i < t.to && !lost; i++)
		lost = pattern_match(g->room, str_of(world_rooms[w->truth[i].room])) &&
			(v->next[w->truth[i].room] == UNKNOWN || i >= v->next[w->truth[i].room]);
	gaps_told[g->reason]++;
	gaps_true[g->reason] += lost;
	/* Where the epoch belongs to the data, what is kept of the new one is not lost. */
	if (g->reason == GAP_EPOCH && w->kind != WORLD_REDIS && pos_cmp(g->at, highest_floor(c, v)) > 0)
		c->h->bad[PHANTOM]++;
	if (g->after.epoch == g->at.epoch && pos_cmp(g->after, g->at) > 0 && g->reason != GAP_BUS)
		c->h->bad[PHANTOM]++;
	if (v->n_told == v->cap_told) {
		v->cap_told = v->cap_told ? v->cap_told * 2 : 8;
		v->told = mem_resize(v->told, v->cap_told, sizeof *v->told);
	}
	v->told[v->n_told++] = t;
}

/* --- clients ------------------------------------------------------------------------------------ */

static struct view *view_of(struct client *c, const struct sub *s)
{
	return &c->views[s->tag];
}

static void keep(struct pos *pos, bool *has, struct pos p)
{
	if (!*has || pos->epoch != p.epoch || pos_cmp(*pos, p) < 0)
		*pos = p;
	*has = true;
}

/* A position of the subscription's own. */
static void got_sub_pos(struct client *c, struct view *v, struct pos p)
{
	if (c->per_sub)
		keep(&v->pos, &v->has_pos, p);
}

/* A position of the connection: an `id:` of SSE, or the heartbeat that covers every room of a WebSocket. */
static void got_pos(struct client *c, struct pos p)
{
	if (!c->per_sub) {
		c->pos = p;
		c->has_pos = true;
		return;
	}
	for (int i = 0; i < c->n_views; i++) {
		struct sub *s = c->views[i].active ? sub_find(&c->feed, str_of(c->views[i].name)) : NULL;
		if (s && s->announced)
			keep(&c->views[i].pos, &c->views[i].has_pos, p);
	}
}

static void set_base(struct client *c, struct view *v, const struct sub *s)
{
	if (v->based)
		return;
	v->based = true;
	if (v->kind == SINCE_LATEST)
		v->base = world_order(&c->h->w, s->start);
	else if (v->kind != SINCE_POS)
		v->base = c->h->w.n_truth;
	for (int r = 0; r < WORLD_ROOMS; r++)
		v->next[r] = v->kind == SINCE_LATEST || v->kind == SINCE_POS ? v->base : UNKNOWN;
}

static void on_start(struct client *c, struct sub *s)
{
	struct view *v = view_of(c, s);

	TRACE("client %td %s starts at %llu", c - c->h->clients, v->name, (unsigned long long)world_n(s->start));
	set_base(c, v, s);
	if (c->per_sub) {
		got_sub_pos(c, v, s->start);
		return;
	}
	list_for_each(it, &c->feed.subs) {
		struct sub *other = list_entry(it, struct sub, of_feed);
		set_base(c, view_of(c, other), other);
	}
	got_pos(c, c->feed.pos);
}

/* Is what came through another subscription for this one, too? Not what it got itself before the other was added. */
static bool is_for(const struct client *c, const struct view *v, struct str name, const struct entry *e)
{
	const struct sub *s = v->active ? sub_find(&c->feed, str_of(v->name)) : NULL;
	uint32_t i;

	if (!s || !s->announced || !pattern_match(str_of(v->name), name))
		return false;
	memcpy(&i, entry_payload(e).p, sizeof i);
	for (int r = 0; r < WORLD_ROOMS; r++)
		if (str_eq(name, str_of(world_rooms[r]))) {
			if (e->kind == ENTRY_EPHEMERAL)
				return i > v->ephemeral[r];
			return pos_cmp(e->pos, s->start) > 0 && (v->next[r] == UNKNOWN || i >= v->next[r]);
		}
	return false;
}

static void on_delivered(struct client *c, const struct sub *s, struct str name, const struct entry *e)
{
	for (int i = 0; i < c->n_views; i++) {
		struct view *v = &c->views[i];
		if (v != view_of(c, s) && !is_for(c, v, name, e))
			continue;
		on_message(c, v, name, e);
		if (e->kind != ENTRY_EPHEMERAL)
			got_sub_pos(c, v, e->pos);
	}
}

static uint64_t take_run(struct client *c, const struct peek *p, uint64_t max)
{
	uint64_t to = p->from;

	while (to < p->to && max--) {
		const struct entry *e = ring_at(p->ring, to++)->entry;
		if (!e || feed_skips(&c->feed, e))
			continue;
		on_delivered(c, p->sub, p->room, e);
		if (e->kind != ENTRY_EPHEMERAL && !c->per_sub)
			got_pos(c, e->pos);
	}
	return to;
}

static void take_gap(struct client *c, const struct peek *p)
{
	struct view *v = view_of(c, p->sub);

	on_gap(c, v, &p->gap);
	if (!c->per_sub && p->gap.has_id)
		got_pos(c, p->gap.id);
	else if (c->per_sub && (!p->sub->pattern || p->gap.has_id))
		got_sub_pos(c, v, p->gap.at);
}

/* Writes up to `budget` things. */
static void drain(struct client *c, unsigned budget)
{
	struct world *w = &c->h->w;
	struct peek p;
	uint64_t to;

	while (budget-- && !c->dead) {
		c->idle = false;
		switch (feed_peek(&c->feed, &p)) {
		case PEEK_EMPTY:
		case PEEK_WAIT:
			c->idle = true;
			if (c->feed.started && world_chance(w, .3))
				got_pos(c, c->feed.pos);
			return;
		case PEEK_CLOSE:
			n_closed++;
			c->dead = true;
			return;
		case PEEK_RUN:
			to = take_run(c, &p, 1 + world_below(w, 8));
			feed_advance(&c->feed, &p, to);
			break;
		case PEEK_ENTRY:
			n_backfilled++;
			if (!feed_skips(&c->feed, p.entry)) {
				on_delivered(c, p.sub, p.room, p.entry);
				if (!c->per_sub)
					got_pos(c, p.entry->pos);
			}
			feed_advance(&c->feed, &p, 0);
			break;
		case PEEK_GAP:
			take_gap(c, &p);
			feed_advance(&c->feed, &p, 0);
			break;
		case PEEK_START:
			feed_advance(&c->feed, &p, 0);
			on_start(c, p.sub);
			break;
		}
		if (c->feed.started && world_chance(w, .05))
			got_pos(c, c->feed.pos);
		if (world_chance(w, .01))
			c->dead = true;
	}
}

static void on_wake(struct table *t, struct feed *f)
{
	struct client *c = f->owner;
	struct world *w = &c->h->w;

	(void)t;
	c->idle = false;
	if (world_chance(w, .7))
		drain(c, 1 + (unsigned)world_below(w, 20));
}

/* Where a subscription that holds no position begins. */
static struct since first_since(struct client *c, struct view *v)
{
	struct world *w = &c->h->w;
	struct since s = { .kind = SINCE_LATEST };

	switch (world_below(w, 8)) {
	case 0:
		s.kind = SINCE_EARLIEST;
		break;
	case 1:
		s.kind = SINCE_LAST;
		s.last = world_below(w, 6);
		break;
	case 2:
		s.kind = SINCE_TIME;
		s.wall_ms = w->now_ms - (int64_t)world_below(w, 40);
		break;
	case 3:
	case 4: { /* an older position, as of a sub added later */
		struct table *t = &w->workers[c->worker].table;
		uint64_t head = w->kind == WORLD_LOG ? w->head : world_n(t->head);
		s.kind = SINCE_POS;
		s.pos = world_pos(w->kind == WORLD_LOG ? w->epoch : t->head.epoch, world_below(w, head + 1));
		v->base = world_order(w, s.pos);
		break;
	}
	}
	v->kind = s.kind;
	return s;
}

static void open_sub(struct client *c, struct view *v, const struct since *all)
{
	struct since s = { .kind = SINCE_POS, .pos = c->per_sub ? v->pos : c->pos };

	if (all)
		s = *all;
	else if (c->per_sub ? !v->has_pos : !c->has_pos)
		s = first_since(c, v);
	sub_open(&c->feed, str_of(v->name), &s, (uint64_t)(v - c->views), c->h->w.now_ms);
}

static void connect_to(struct client *c, int worker)
{
	struct since all = { 0 };
	bool fresh = !c->per_sub && !c->has_pos;

	c->worker = worker;
	c->dead = c->idle = false;
	TRACE("client %td connects to %d with %llx-%llu", c - c->h->clients, worker,
		(unsigned long long)c->pos.epoch, (unsigned long long)world_n(c->pos));
	c->label[0] = 'c';
	c->label[1] = (char)('0' + c->name);
	feed_init(&c->feed, &c->h->w.workers[worker].table, c,
		str_make(c->label, c->name ? sizeof c->label : 0), c->no_echo);
	if (fresh)
		all = first_since(c, &c->views[0]);
	for (int i = 0; i < c->n_views; i++) {
		if (fresh) {
			c->views[i].kind = all.kind;
			c->views[i].base = c->views[0].base;
		}
		if (c->views[i].active)
			open_sub(c, &c->views[i], fresh ? &all : NULL);
	}
}

static void disconnect(struct client *c)
{
	if (c->worker < 0)
		return;
	feed_fini(&c->feed);
	c->worker = -1;
	/* Nothing was handed out: whoever comes back begins anew. */
	for (int i = 0; i < c->n_views; i++)
		if (c->per_sub ? !c->views[i].has_pos : !c->has_pos)
			c->views[i].based = false;
}

static void change_subs(struct client *c)
{
	struct view *v = &c->views[world_below(&c->h->w, (uint64_t)c->n_views)];

	if (!c->per_sub || c->worker < 0)
		return;
	TRACE("client %td %s %s", c - c->h->clients, v->active ? "leaves" : "enters", v->name);
	if (v->active)
		sub_close(sub_find(&c->feed, str_of(v->name)));
	v->active = !v->active;
	if (!v->has_pos)
		v->based = false;
	if (v->active)
		open_sub(c, v, NULL);
	feed_ready(&c->feed);
}

/* --- histories ---------------------------------------------------------------------------------- */

static void init_client(struct history *h, struct client *c)
{
	struct world *w = &h->w;
	const char *const *names = sub_names[world_below(w, N_NAMES)];

	*c = (struct client){ .h = h, .worker = -1 };
	c->per_sub = world_chance(w, .5);
	c->name = (int)world_below(w, 3);
	c->no_echo = c->name && world_chance(w, .5);
	for (uint64_t n = 1 + world_below(w, SUBS_MAX); n && c->n_views < SUBS_MAX && names[c->n_views]; n--) {
		int i = c->n_views++;
		c->views[i].name = names[i];
		c->views[i].active = !c->per_sub || i == 0 || world_chance(w, .5);
	}
}

static void cut_all(struct history *h, int worker)
{
	for (int i = 0; i < CLIENTS; i++)
		if (h->clients[i].worker == worker)
			disconnect(&h->clients[i]);
}

static void evict_one(struct world *w)
{
	struct table *t = &w->workers[world_below(w, (uint64_t)w->n_workers)].table;
	struct room *r = room_find(t, str_of(world_rooms[world_below(w, WORLD_ROOMS)]));

	if (r && list_empty(&r->cursors) == (r->n_cursors == 0))
		room_evict(t, r);
}

static void something_happens(struct history *h)
{
	struct world *w = &h->w;
	double x = (double)world_below(w, 1000) / 1000;
	int k = (int)world_below(w, (uint64_t)w->n_workers);

	w->now_ms += (int64_t)world_below(w, 4);
	if (x < .5) {
		for (uint64_t n = 1 + world_below(w, 6); n; n--) {
			if (world_chance(w, .1))
				world_publish_ephemeral(w, (int)world_below(w, WORLD_ROOMS));
			world_publish(w, (int)world_below(w, WORLD_ROOMS),
				world_chance(w, .15) ? 1 + (int)world_below(w, 2) : 0, (int)world_below(w, 4));
		}
	} else if (x < .58 && w->kind == WORLD_LOG) {
		world_trim(w, 1 + world_below(w, 40));
	} else if (x < .66) {
		evict_one(w);
	} else if (x < .68) {
		TRACE("worker %d restarts", k);
		cut_all(h, k);
		worker_restart(&w->workers[k]);
	} else if (x < .69 && w->kind == WORLD_LOG) {
		TRACE("the log is made anew");
		world_recreate(w);
	} else if (x < .75) {
		table_sweep(&w->workers[k].table, w->now_ms);
	} else if (x < .80) {
		change_subs(&h->clients[world_below(w, CLIENTS)]);
	}
}

static void hear_all(struct world *w, double lag)
{
	for (int i = 0; i < w->n_workers; i++) {
		struct worker *k = &w->workers[i];
		if (!world_chance(w, lag))
			worker_hear(k, UINT64_MAX);
		else if (world_chance(w, .5))
			worker_hear(k, k->heard + world_below(w, 8));
	}
}

/* The end of a turn of every worker: wake, write, trim. */
static void end_turn(struct history *h, double choked)
{
	struct world *w = &h->w;

	for (int i = 0; i < w->n_workers; i++)
		table_wake(&w->workers[i].table);
	for (int i = 0; i < CLIENTS; i++) {
		struct client *c = &h->clients[i];
		if (c->worker >= 0 && !c->idle && !c->dead && !world_chance(w, choked))
			drain(c, 1 + (unsigned)world_below(w, 12));
	}
	for (int i = 0; i < CLIENTS; i++)
		if (h->clients[i].dead)
			disconnect(&h->clients[i]);
	for (int i = 0; i < w->n_workers; i++)
		table_trim(&w->workers[i].table, w->now_ms);
}

static void settle(struct history *h)
{
	struct world *w = &h->w;

	for (int turn = 0; turn < 5000; turn++) {
		bool quiet = true;
		for (int i = 0; i < CLIENTS; i++)
			if (h->clients[i].worker < 0)
				connect_to(&h->clients[i], (int)world_below(w, (uint64_t)w->n_workers));
		hear_all(w, 0);
		world_answer(w, .7);
		end_turn(h, .1);
		for (int i = 0; i < CLIENTS; i++) {
			struct client *c = &h->clients[i];
			quiet &= c->worker >= 0 && c->idle && list_empty(&c->feed.link) && c->feed.n_waiting == 0 &&
				list_empty(&c->feed.table->awake);
		}
		if (quiet)
			return;
	}
	TRACE("STUCK");
	h->bad[STUCK]++;
}

static void check_end(struct history *h)
{
	for (int i = 0; i < CLIENTS; i++) {
		struct client *c = &h->clients[i];
		struct peek p;

		/* It was woken for all there was, and stands at the head now. */
		if (!c->feed.table || feed_peek(&c->feed, &p) != PEEK_EMPTY ||
			(c->feed.n_subs && !feed_at_head(&c->feed)) || c->feed.n_gaps || c->feed.n_unannounced)
			h->bad[STUCK]++;
		for (int v = 0; v < c->n_views; v++)
			for (int r = 0; r < WORLD_ROOMS; r++) {
				struct view *view = &c->views[v];
				size_t from = view->next[r] == UNKNOWN ? view->base : view->next[r];
				if (view->active && view->based && pattern_match(str_of(view->name), str_of(world_rooms[r])))
					check_missing(c, view, r, from, h->w.n_truth);
			}
	}
}

static bool run(enum world_kind kind, uint64_t seed)
{
	static const uint64_t counts[] = { 3, 8, 30 };
	struct history *h = mem_new(struct history);
	struct world *w = &h->w;
	uint64_t rng = seed * 3 + kind;
	struct table_conf conf = { .memory = 4000 + rng % 7 * 3000, .backfills = 1 + (unsigned)(rng % 3) };
	bool good = true;

	w->rng = rng;
	conf.limits = (struct ring_limits){ counts[world_below(w, 3)], world_chance(w, .3) ? 900 : 1 << 20,
		world_chance(w, .3) ? 30 : 1000000 };
	conf.scan = world_below(w, 3) * 4;
	conf.slow_default = (enum slow_policy)world_below(w, 3);
	world_init(w, kind, kind == WORLD_MEM ? 1 : 1 + (int)world_below(w, WORLD_WORKERS), world_random(w), &conf, on_wake);
	for (int i = 0; i < CLIENTS; i++)
		init_client(h, &h->clients[i]);
	for (uint64_t steps = 30 + world_below(w, 150); steps; steps--) {
		something_happens(h);
		hear_all(w, .4);
		for (int i = 0; i < CLIENTS; i++) {
			struct client *c = &h->clients[i];
			if (c->worker >= 0 && world_chance(w, .06))
				disconnect(c);
			if (c->worker < 0 && world_chance(w, .5))
				connect_to(c, (int)world_below(w, (uint64_t)w->n_workers));
		}
		world_answer(w, .5);
		end_turn(h, .4);
	}
	settle(h);
	check_end(h);
	for (int b = 0; b < BADS; b++)
		good &= !h->bad[b];
	if (!good) {
		printf("# kind %d seed %llu:", kind, (unsigned long long)seed);
		for (int b = 0; b < BADS; b++)
			printf(" %s %u", bad_names[b], h->bad[b]);
		printf("\n");
	}
	for (int i = 0; i < CLIENTS; i++) {
		disconnect(&h->clients[i]);
		for (int v = 0; v < h->clients[i].n_views; v++)
			mem_free(h->clients[i].views[v].told);
	}
	world_fini(w);
	mem_free(h);
	return good;
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = { "mem", "redis", "log" };
	uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

	tracing = getenv("TRACE") != NULL;
	for (int kind = 0; kind < WORLD_KINDS; kind++) {
		uint64_t failed = 0;
		if (argc > 3 && atoi(argv[3]) != kind)
			continue;
		memset(gaps_told, 0, sizeof gaps_told);
		memset(gaps_true, 0, sizeof gaps_true);
		n_delivered = n_ephemeral = n_closed = n_backfilled = 0;
		for (uint64_t s = first; s < first + seeds && failed < 10; s++)
			failed += !run((enum world_kind)kind, s);
		printf("# %s: %lu delivered (%lu from the log), %lu ephemeral, %lu closed; gaps, of them with a loss:", kinds[kind],
			n_delivered, n_backfilled, n_ephemeral, n_closed);
		for (int r = 0; r < 4; r++)
			printf(" %s %lu %lu", gap_reason_name((enum gap_reason)r), gaps_told[r], gaps_true[r]);
		printf("\n");
		is_int(failed, 0, "%s: %llu histories", kinds[kind], (unsigned long long)seeds);
	}
	return tap_done();
}
