/* progress.c - how far a subscription is, told to the user: starts, positions, the end of what there
 * was
 *
 * rooms.h knows which position stands for what; here is when it is told, as one for all rooms or,
 * where none covers them, as one for each. */
#include "client/carrier.h"

static void tell_rooms(struct client *c, size_t lane)
{
	if (!c->events->room_position)
		return;
	for (size_t i = 0; i < c->rooms.n; i++) {
		const struct room *room = &c->rooms.v[i];
		struct str id = buf_str(room->own ? &room->since : &c->rooms.lanes[lane].pos);
		if (room->lane == lane && room->started && room->held)
			c->events->room_position(c->arg, str_of(room->name), id);
	}
}

static void tell_end(struct client *c, size_t lane, bool heartbeat)
{
	if (c->at_end || c->state != CLIENT_UP || !rooms_at_end(&c->rooms, lane, heartbeat))
		return;
	c->at_end = true;
	if (c->events->at_end)
		c->events->at_end(c->arg);
}

void client_on_start(
	struct client *c, size_t lane, struct str name, struct str start, struct str head)
{
	struct str pos;

	if (c->state != CLIENT_UP || !rooms_id_ok(start) || !rooms_id_ok(head))
		return;
	if (!rooms_start(&c->rooms, lane, name, start, head))
		return;
	client_settle(c);
	pos = rooms_position(&c->rooms);
	if (c->events->subscribed)
		c->events->subscribed(c->arg, pos, buf_str(&c->rooms.lanes[0].head));
	if (pos.n && c->events->position)
		c->events->position(c->arg, pos);
	for (size_t i = 0; !pos.n && i < c->rooms.n_lanes; i++)
		tell_rooms(c, i);
	for (size_t i = 0; i < c->rooms.n_lanes; i++)
		tell_end(c, i, false);
}

static void tell_position(struct client *c, size_t lane)
{
	struct str pos = rooms_position(&c->rooms);

	if (pos.n && c->events->position)
		c->events->position(c->arg, pos);
	else if (!pos.n)
		tell_rooms(c, lane);
}

void client_on_position(struct client *c, size_t lane, struct str id, bool heartbeat)
{
	if (c->state != CLIENT_UP || !id.n || !rooms_id_ok(id))
		return;
	if (!str_eq(id, buf_str(&c->rooms.lanes[lane].pos)) &&
		rooms_move(&c->rooms, lane, STR(""), id))
		tell_position(c, lane);
	tell_end(c, lane, heartbeat);
}

void client_on_quiet(struct client *c, size_t lane, struct str id)
{
	if (c->state == CLIENT_UP && rooms_quiet(&c->rooms, lane, id))
		tell_position(c, lane);
	client_on_position(c, lane, id, true);
}
