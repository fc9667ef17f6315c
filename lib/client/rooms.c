/* rooms.c - what a client subscribes to, and the positions it holds
 *
 * Pure bookkeeping: no I/O, no clock. Nothing here trusts the server further than that a wrong
 * position resumes at a wrong place. In the steady state, one lane and no own rooms, a message
 * costs a copy of its id. */
#include "client/rooms.h"

#include "base/mem.h"
#include "base/pos.h"
#include "codec/name.h"

enum order { BEFORE, SAME, AFTER, APART };

static void set(struct buf *b, struct str s)
{
	b->n = 0;
	buf_add_str(b, s);
}

bool rooms_id_ok(struct str id)
{
	if (id.n > ROOMS_ID_MAX)
		return false;
	for (size_t i = 0; i < id.n; i++) {
		if (id.p[i] <= ' ' || id.p[i] > '~')
			return false;
	}
	return true;
}

static enum order compare(struct str a, struct str b)
{
	struct pos x, y;
	int d;

	if (str_eq(a, b))
		return SAME;
	if (pos_parse(a, &x) < 0 || pos_parse(b, &y) < 0 || x.epoch != y.epoch)
		return APART;
	d = pos_cmp(x, y);
	return d < 0 ? BEFORE : d > 0 ? AFTER : SAME;
}

static void lane_fini(struct lane *l)
{
	buf_fini(&l->pos);
	buf_fini(&l->head);
	buf_fini(&l->since);
}

static void lanes_fini(struct rooms *r)
{
	for (size_t i = 0; i < r->n_lanes; i++)
		lane_fini(&r->lanes[i]);
	mem_free(r->lanes);
	r->lanes = NULL;
	r->n_lanes = 0;
}

void rooms_fini(struct rooms *r)
{
	lanes_fini(r);
	for (size_t i = 0; i < r->n; i++) {
		mem_free(r->v[i].name);
		buf_fini(&r->v[i].since);
	}
	mem_free(r->v);
	*r = (struct rooms){ 0 };
}

void rooms_add(struct rooms *r, struct str name, struct str since)
{
	struct room *room;

	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 8;
		r->v = mem_resize(r->v, r->cap, sizeof(*r->v));
	}
	room = &r->v[r->n++];
	*room = (struct room){ .name = mem_strndup(name.p, name.n), .pattern = pattern_is(name) };
	set(&room->since, since);
}

/* --- one connection after the other ---------------------------------------------------------- */

static void keep_positions(struct rooms *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct room *room = &r->v[i];
		if (room->started && !room->own && r->lanes[room->lane].pos.n)
			set(&room->since, buf_str(&r->lanes[room->lane].pos));
		room->started = room->own = false;
	}
}

static size_t lane_for(struct rooms *r, struct str since, bool one)
{
	struct lane *l;

	for (size_t i = 0; i < r->n_lanes; i++) {
		if (one || str_eq(buf_str(&r->lanes[i].since), since))
			return i;
	}
	r->lanes = mem_resize(r->lanes, r->n_lanes + 1, sizeof(*r->lanes));
	l = &r->lanes[r->n_lanes];
	*l = (struct lane){ 0 };
	set(&l->since, since);
	return r->n_lanes++;
}

void rooms_plan(struct rooms *r, bool one)
{
	keep_positions(r);
	lanes_fini(r);
	for (size_t i = 0; i < r->n; i++) {
		struct str since = buf_str(&r->v[i].since);
		r->v[i].lane = lane_for(r, since, one);
		r->v[i].leads = str_eq(since, buf_str(&r->lanes[r->v[i].lane].since));
		r->lanes[r->v[i].lane].n_rooms++;
		r->lanes[r->v[i].lane].n_unstarted++;
	}
}

/* A connection may be planned over several heads; the furthest is the end. */
static void keep_head(struct lane *l, struct str head)
{
	if (head.n && (!l->head.n || compare(head, buf_str(&l->head)) != BEFORE))
		set(&l->head, head);
}

static void start_room(struct rooms *r, struct room *room, struct str start)
{
	struct lane *l = &r->lanes[room->lane];

	if (!room->started)
		l->n_unstarted--;
	if (!room->own)
		l->n_own++;
	room->started = room->own = true;
	if (start.n) {
		set(&room->since, start);
		room->held = true;
	}
}

/* Rooms that stand where the lane does are the lane's; with `passed` also those that it has passed.
 */
static void settle(struct rooms *r, size_t lane, bool passed)
{
	struct lane *l = &r->lanes[lane];

	for (size_t i = 0; i < r->n && l->n_own; i++) {
		struct room *room = &r->v[i];
		enum order order;

		if (room->lane != lane || !room->own)
			continue;
		order = compare(buf_str(&room->since), buf_str(&l->pos));
		if (order == SAME || (passed && order != AFTER)) {
			room->own = false;
			room->held = true;
			l->n_own--;
		}
	}
}

/* The lane begins with the earliest of the rooms its request asks for: the server merges them from
 * there. */
static void start_lane(struct lane *l, struct str start)
{
	if (start.n && (!l->pos.n || compare(start, buf_str(&l->pos)) == BEFORE))
		set(&l->pos, start);
}

bool rooms_start(struct rooms *r, size_t lane, struct str name, struct str start, struct str head)
{
	struct lane *l = &r->lanes[lane];
	bool before = rooms_started(r);

	for (size_t i = 0; i < r->n; i++) {
		struct room *room = &r->v[i];
		if (room->lane != lane || (name.n && !str_eq(str_of(room->name), name)))
			continue;
		start_room(r, room, start);
		if (room->leads)
			start_lane(l, start);
	}
	keep_head(l, head);
	settle(r, lane, false);
	return !before && rooms_started(r);
}

/* --- moving ---------------------------------------------------------------------------------- */

static void move_own(struct rooms *r, size_t lane, struct str name, struct str id)
{
	for (size_t i = 0; i < r->n; i++) {
		struct room *room = &r->v[i];
		if (room->lane != lane || !room->own)
			continue;
		if (room->pattern ? pattern_match(str_of(room->name), name)
				  : str_eq(str_of(room->name), name)) {
			set(&room->since, id);
			room->held = true;
		}
	}
}

bool rooms_move(struct rooms *r, size_t lane, struct str name, struct str id)
{
	struct lane *l = &r->lanes[lane];

	if (l->n_own && l->pos.n) {
		enum order order = compare(id, buf_str(&l->pos));
		if (order == BEFORE || (order == SAME && name.n)) {
			move_own(r, lane, name, id);
			return false;
		}
		if (order == SAME)
			return false; /* told again it proves nothing: see rooms_quiet */
	}
	set(&l->pos, id);
	if (l->n_own)
		settle(r, lane, true);
	return true;
}

bool rooms_quiet(struct rooms *r, size_t lane, struct str id)
{
	struct lane *l = &r->lanes[lane];

	if (!l->n_own || compare(id, buf_str(&l->pos)) != SAME)
		return false; /* rooms_move sees to a later one */
	settle(r, lane, true);
	return true;
}

bool rooms_started(const struct rooms *r)
{
	for (size_t i = 0; i < r->n_lanes; i++) {
		if (r->lanes[i].n_unstarted)
			return false;
	}
	return r->n > 0;
}

struct str rooms_position(const struct rooms *r)
{
	struct str pos;

	if (!rooms_started(r))
		return STR("");
	pos = buf_str(&r->lanes[0].pos);
	for (size_t i = 0; i < r->n_lanes; i++) {
		if (r->lanes[i].n_own || !str_eq(buf_str(&r->lanes[i].pos), pos))
			return STR("");
	}
	return pos;
}

bool rooms_at_end(struct rooms *r, size_t lane, bool heartbeat)
{
	struct lane *l = &r->lanes[lane];

	if (!l->at_head && !l->n_unstarted && !l->n_own && l->head.n) {
		enum order order = compare(buf_str(&l->pos), buf_str(&l->head));
		l->at_head = order == SAME || order == AFTER || (order == APART && heartbeat);
	} else if (heartbeat && !l->head.n && !l->n_unstarted) {
		l->at_head = true;
	}
	for (size_t i = 0; i < r->n_lanes; i++) {
		if (!r->lanes[i].at_head)
			return false;
	}
	return r->n_lanes > 0;
}

struct str rooms_only(const struct rooms *r, size_t lane)
{
	if (lane >= r->n_lanes || r->lanes[lane].n_rooms != 1)
		return STR("");
	for (size_t i = 0; i < r->n; i++) {
		if (r->v[i].lane == lane)
			return r->v[i].pattern ? STR("") : str_of(r->v[i].name);
	}
	return STR("");
}
