/* mem.c - presence in the memory of one instance
 *
 * room -> members; a member lives while it has connections, a lease, or a grace that runs. A sweep
 * looks only at members without a connection. */
#include "presence/presence.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"

struct presence_room {
	struct map_node node;
	struct map members;
	char name[];
};

struct member {
	struct map_node node;
	struct list due;       /* presence_mem.due, while it has no connection */
	struct presence_room *room;
	unsigned connections;
	int64_t until_ms;      /* without connections: when it is gone */
	int64_t lease_ms;      /* of beats: not gone before that */
	int64_t typing_until_ms;
	int64_t last_seen_ms;
	char user[];
};

struct presence_mem {
	struct presence presence;
	struct map rooms;
	struct list due; /* members without connections, in no order: few */
};

static struct member *find(struct presence_mem *p, struct str room, struct str user)
{
	struct map_node *r = map_find(&p->rooms, room), *m;

	m = r ? map_find(&map_entry(r, struct presence_room, node)->members, user) : NULL;
	return m ? map_entry(m, struct member, node) : NULL;
}

static struct presence_room *get_room(struct presence_mem *p, struct str name)
{
	struct map_node *node = map_find(&p->rooms, name);
	struct presence_room *r;

	if (node)
		return map_entry(node, struct presence_room, node);
	r = mem_zalloc(sizeof *r + name.n);
	memcpy(r->name, name.p, name.n);
	map_add(&p->rooms, &r->node, str_make(r->name, name.n));
	return r;
}

/* The member, made and announced if new. */
static struct member *get_member(
	struct presence_mem *p, struct str room, struct str user, struct str client)
{
	struct member *m = find(p, room, user);

	if (!m) {
		struct presence_room *r = get_room(p, room);
		m = mem_zalloc(sizeof *m + user.n);
		memcpy(m->user, user.p, user.n);
		m->room = r;
		list_init(&m->due);
		map_add(&r->members, &m->node, str_make(m->user, user.n));
		p->presence.events->joined(p->presence.arg, room, user, client);
	}
	m->last_seen_ms = clock_wall_ms();
	return m;
}

static void remove_member(struct presence_mem *p, struct member *m)
{
	struct presence_room *r = m->room;

	map_del(&r->members, &m->node);
	list_del(&m->due);
	p->presence.events->left(p->presence.arg, r->node.key, m->node.key);
	mem_free(m);
	if (r->members.n == 0) {
		map_del(&p->rooms, &r->node);
		map_fini(&r->members);
		mem_free(r);
	}
}

static void mem_join(
	struct presence *base, struct str room, struct str user, struct str client, int64_t now_ms)
{
	struct presence_mem *p = (struct presence_mem *)base;
	struct member *m = get_member(p, room, user, client);

	(void)now_ms;
	m->connections++;
	list_del(&m->due);
}

static void wait_until(struct presence_mem *p, struct member *m, int64_t until_ms)
{
	m->until_ms = until_ms;
	list_del(&m->due);
	list_add(&p->due, &m->due);
	if (until_ms < p->presence.next_ms)
		p->presence.next_ms = until_ms;
}

static void mem_leave(struct presence *base, struct str room, struct str user, int64_t now_ms)
{
	struct presence_mem *p = (struct presence_mem *)base;
	struct member *m = find(p, room, user);
	int64_t until = now_ms + p->presence.grace_ms;

	if (m && m->connections && --m->connections == 0)
		wait_until(p, m, m->lease_ms > until ? m->lease_ms : until);
}

static void mem_beat(struct presence *base, struct str room, struct str user, struct str client,
	int64_t ttl_ms, int64_t now_ms)
{
	struct presence_mem *p = (struct presence_mem *)base;
	struct member *m = get_member(p, room, user, client);

	if (m->lease_ms < now_ms + ttl_ms)
		m->lease_ms = now_ms + ttl_ms;
	if (!m->connections)
		wait_until(p, m, m->lease_ms);
}

static void mem_typing(struct presence *base, struct str room, struct str user, int64_t now_ms)
{
	struct member *m = find((struct presence_mem *)base, room, user);

	if (m)
		m->typing_until_ms = now_ms + base->typing_ms;
}

static void mem_sweep(struct presence *base, int64_t now_ms)
{
	struct presence_mem *p = (struct presence_mem *)base;

	base->next_ms = INT64_MAX;
	list_for_each_safe(it, &p->due) {
		struct member *m = list_entry(it, struct member, due);

		if (m->until_ms <= now_ms)
			remove_member(p, m);
		else if (m->until_ms < base->next_ms)
			base->next_ms = m->until_ms;
	}
}

static void mem_members(struct presence *base, struct str room, int64_t now_ms,
	void (*fn)(void *arg, const struct presence_member *m), void *arg)
{
	struct presence_mem *p = (struct presence_mem *)base;
	struct map_node *r = map_find(&p->rooms, room);

	if (!r)
		return;
	map_for_each(node, &map_entry(r, struct presence_room, node)->members) {
		const struct member *m = map_entry(node, struct member, node);
		fn(arg, &(struct presence_member){
			.user = node->key,
			.last_seen_ms = m->connections ? clock_wall_ms() : m->last_seen_ms,
			.typing = m->typing_until_ms > now_ms,
		});
	}
}

static void free_member(struct map_node *node, void *arg)
{
	(void)arg;
	mem_free(map_entry(node, struct member, node));
}

static void free_room(struct map_node *node, void *arg)
{
	struct presence_room *r = map_entry(node, struct presence_room, node);

	(void)arg;
	map_each(&r->members, free_member, NULL);
	map_fini(&r->members);
	mem_free(r);
}

static void mem_close(struct presence *base)
{
	struct presence_mem *p = (struct presence_mem *)base;

	map_each(&p->rooms, free_room, NULL);
	map_fini(&p->rooms);
	mem_free(p);
}

static const struct presence_ops presence_mem = {
	.scope = "instance",
	.join = mem_join,
	.leave = mem_leave,
	.beat = mem_beat,
	.typing = mem_typing,
	.sweep = mem_sweep,
	.members = mem_members,
	.close = mem_close,
};

struct presence *presence_mem_open(const struct presence_events *events, void *arg, int64_t ttl_ms)
{
	struct presence_mem *p = mem_new(struct presence_mem);

	list_init(&p->due);
	p->presence = (struct presence){
		.ops = &presence_mem,
		.events = events,
		.arg = arg,
		.grace_ms = 2000,
		.ttl_ms = ttl_ms,
		.typing_ms = 3000,
		.next_ms = INT64_MAX,
	};
	return &p->presence;
}
