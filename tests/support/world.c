/* world.c - the bus in memory: truth, positions, a log, and late answers */
#include "support/world.h"

#include "base/mem.h"
#include "codec/name.h"

const char *const world_rooms[WORLD_ROOMS] = { "a", "b", "c.x", "c.y", "d" };

struct ask {
	struct list link;
	struct sub *sub;
	bool replay, answered;
	enum locate_kind kind;
	uint64_t arg;
	struct pos after, upto;
	struct pos pos, head, oldest; /* the answer */
	enum page_end end;
	struct page_entry *entries;
	size_t n;
};

uint64_t world_random(struct world *w)
{
	uint64_t z = w->rng += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t world_below(struct world *w, uint64_t n)
{
	return world_random(w) % n;
}

bool world_chance(struct world *w, double p)
{
	return (double)(world_random(w) >> 11) < p * (double)(UINT64_C(1) << 53);
}

/* --- positions --------------------------------------------------------------------------------- */

struct pos world_pos(uint64_t epoch, uint64_t n)
{
	return (struct pos){ epoch, n >> 2, n & 3 };
}

uint64_t world_n(struct pos p)
{
	return p.hi << 2 | p.lo;
}

static struct world_epoch *epoch_find(const struct world *w, uint64_t epoch)
{
	for (size_t i = 0; i < w->n_epochs; i++)
		if (w->epochs[i].epoch == epoch)
			return &w->epochs[i];
	return NULL;
}

size_t world_order(const struct world *w, struct pos p)
{
	const struct world_epoch *e = epoch_find(w, p.epoch);
	uint64_t n = world_n(p);

	if (!e)
		return 0;
	return e->order[n < e->n ? n : e->n - 1];
}

/* Positions up to n now stand for all of the truth there is. */
static void epoch_note(struct world *w, uint64_t epoch, uint64_t n)
{
	struct world_epoch *e = epoch_find(w, epoch);

	while (e->n <= n) {
		if (e->n == e->cap) {
			e->cap = e->cap ? e->cap * 2 : 64;
			e->order = mem_resize(e->order, e->cap, sizeof *e->order);
		}
		/* Those between two messages stand for what was before. */
		e->order[e->n] = e->n < n && e->n > 0 ? e->order[e->n - 1] : (uint32_t)w->n_truth;
		e->n++;
	}
}

static uint64_t epoch_new(struct world *w)
{
	uint64_t epoch = world_random(w) | 1;

	w->epochs = mem_resize(w->epochs, w->n_epochs + 1, sizeof *w->epochs);
	w->epochs[w->n_epochs++] = (struct world_epoch){ .epoch = epoch };
	epoch_note(w, epoch, 0);
	return epoch;
}

/* --- the bus --------------------------------------------------------------------------------- */

static void ask_free(struct ask *a)
{
	list_del(&a->link);
	for (size_t i = 0; i < a->n; i++)
		entry_free(a->entries[i].entry);
	mem_free(a->entries);
	mem_free(a);
}

static struct ask *ask_new(struct table *t, struct sub *s)
{
	struct worker *k = t->arg;
	struct ask *a = mem_new(struct ask);

	a->sub = s;
	list_init(&a->link);
	list_add(&k->asks, &a->link);
	return a;
}

static void on_locate(struct table *t, struct sub *s, enum locate_kind kind, uint64_t arg)
{
	struct ask *a = ask_new(t, s);
	a->kind = kind;
	a->arg = arg;
}

static void on_replay(struct table *t, struct sub *s, struct pos after, struct pos upto)
{
	struct ask *a = ask_new(t, s);
	a->replay = true;
	a->after = after;
	a->upto = upto;
}

static void on_forget(struct table *t, struct sub *s)
{
	struct worker *k = t->arg;

	list_for_each_safe(it, &k->asks) {
		struct ask *a = list_entry(it, struct ask, link);
		if (a->sub == s)
			ask_free(a);
	}
}

static void on_wake(struct table *t, struct feed *f)
{
	struct worker *k = t->arg;
	k->world->wake(t, f);
}

static const struct table_ops ops = {
	.locate = on_locate, .replay = on_replay, .forget = on_forget, .wake = on_wake,
};

static struct entry *truth_entry(struct world *w, struct pos pos, uint32_t i)
{
	const struct truth *m = &w->truth[i];
	char key[] = { 'k', (char)('0' + m->key) }, client[] = { 'c', (char)('0' + m->client) };
	struct entry_meta meta = { .ts_ms = m->ts_ms };

	if (m->key)
		meta.key = str_make(key, sizeof key);
	if (m->client)
		meta.client = str_make(client, sizeof client);
	return entry_new(ENTRY_MESSAGE, pos, w->now_ms, str_make((const char *)&i, sizeof i), &meta);
}

static void append(struct worker *k, struct pos pos, uint32_t i)
{
	struct world *w = k->world;
	struct room *r = room_get(&k->table, str_of(world_rooms[w->truth[i].room]), w->now_ms);

	room_append(&k->table, r, truth_entry(w, pos, i), w->now_ms);
}

static void worker_start(struct worker *k)
{
	struct world *w = k->world;
	struct pos start;

	if (w->kind == WORLD_LOG) {
		start = world_pos(w->epoch, w->head);
		k->heard = w->head;
	} else {
		start = world_pos(epoch_new(w), 0);
		k->counter = 0;
	}
	k->missed = false;
	list_init(&k->asks);
	table_init(&k->table, &w->conf, &ops, k, start);
}

void world_init(struct world *w, enum world_kind kind, int n_workers, uint64_t seed,
	const struct table_conf *conf, void (*wake)(struct table *t, struct feed *f))
{
	*w = (struct world){ .kind = kind, .rng = seed, .now_ms = 1000, .n_workers = n_workers,
		.conf = *conf, .wake = wake };
	w->conf.replay = kind == WORLD_LOG;
	w->conf.epoch_of_data = kind != WORLD_REDIS;
	if (kind == WORLD_LOG)
		w->epoch = epoch_new(w);
	for (int i = 0; i < n_workers; i++) {
		w->workers[i].world = w;
		worker_start(&w->workers[i]);
	}
}

static void worker_stop(struct worker *k)
{
	list_for_each_safe(it, &k->asks)
		ask_free(list_entry(it, struct ask, link));
	table_fini(&k->table);
}

void worker_restart(struct worker *k)
{
	worker_stop(k);
	worker_start(k);
}

void world_fini(struct world *w)
{
	for (int i = 0; i < w->n_workers; i++)
		worker_stop(&w->workers[i]);
	for (size_t i = 0; i < w->n_epochs; i++)
		mem_free(w->epochs[i].order);
	mem_free(w->epochs);
	mem_free(w->truth);
	mem_free(w->log);
}

static void hole(struct worker *k)
{
	uint64_t epoch = k->table.head.epoch;

	k->missed = false;
	epoch_note(k->world, epoch, ++k->counter);
	table_hole(&k->table, world_pos(epoch, k->counter), k->world->now_ms);
}

static void worker_deliver(struct worker *k, uint32_t i)
{
	struct world *w = k->world;
	uint64_t epoch = k->table.head.epoch;

	if (w->kind == WORLD_REDIS && world_chance(w, .03)) {
		k->missed = true;
		return;
	}
	if (k->missed) {
		/* The hole is told with the next message, and stands for what was before it. */
		w->n_truth--;
		hole(k);
		w->n_truth++;
	}
	k->counter += 1 + world_below(w, 3);
	epoch_note(w, epoch, k->counter);
	append(k, world_pos(epoch, k->counter), i);
}

void world_publish(struct world *w, int room, int key, int client)
{
	uint32_t i = (uint32_t)w->n_truth;

	if (w->n_truth == w->cap_truth) {
		w->cap_truth = w->cap_truth ? w->cap_truth * 2 : 64;
		w->truth = mem_resize(w->truth, w->cap_truth, sizeof *w->truth);
	}
	w->truth[w->n_truth++] = (struct truth){ (uint8_t)room, (uint8_t)key, (uint8_t)client, w->now_ms };
	if (w->kind != WORLD_LOG) {
		for (int k = 0; k < w->n_workers; k++)
			worker_deliver(&w->workers[k], i);
		return;
	}
	w->head += 1 + world_below(w, 3);
	epoch_note(w, w->epoch, w->head);
	if (w->log_n == w->log_cap) {
		w->log_cap = w->log_cap ? w->log_cap * 2 : 64;
		w->log = mem_resize(w->log, w->log_cap, sizeof *w->log);
	}
	w->log[w->log_n++] = (struct log_entry){ w->head, i };
}

void world_publish_ephemeral(struct world *w, int room)
{
	uint32_t i = ++w->n_ephemeral;

	for (int k = 0; k < w->n_workers; k++) {
		struct table *t = &w->workers[k].table;
		room_append(t, room_get(t, str_of(world_rooms[room]), w->now_ms),
			entry_new(ENTRY_EPHEMERAL, (struct pos){ 0 }, w->now_ms, str_make((char *)&i, sizeof i), NULL),
			w->now_ms);
	}
}

void world_trim(struct world *w, uint64_t keep)
{
	while (w->log_n - w->log_first > keep)
		w->trimmed = w->log[w->log_first++].n;
}

void world_recreate(struct world *w)
{
	w->epoch = epoch_new(w);
	w->head = w->trimmed = 0;
	w->log_first = w->log_n = 0;
}

void worker_hear(struct worker *k, uint64_t upto)
{
	struct world *w = k->world;

	if (w->kind != WORLD_LOG) {
		if (k->missed)
			hole(k);
		return;
	}
	if (k->table.head.epoch != w->epoch) {
		table_reset(&k->table, world_pos(w->epoch, 0), w->now_ms);
		k->heard = 0;
	}
	if (w->trimmed > k->heard) {
		table_hole(&k->table, world_pos(w->epoch, w->trimmed), w->now_ms);
		k->heard = w->trimmed;
	}
	for (size_t i = w->log_first; i < w->log_n && w->log[i].n <= upto; i++)
		if (w->log[i].n > k->heard) {
			append(k, world_pos(w->epoch, w->log[i].n), w->log[i].truth);
			k->heard = w->log[i].n;
		}
	if (upto >= w->head) {
		table_head(&k->table, world_pos(w->epoch, w->head));
		k->heard = w->head;
	}
}

/* --- answers --------------------------------------------------------------------------------- */

static bool concerns(const struct world *w, const struct ask *a, size_t i)
{
	return pattern_match(str_of(a->sub->name), str_of(world_rooms[w->truth[w->log[i].truth].room]));
}

static void find_place(struct world *w, struct ask *a)
{
	uint64_t at = w->head;

	switch (a->kind) {
	case LOCATE_HEAD:
		break;
	case LOCATE_EARLIEST:
		at = w->trimmed;
		break;
	case LOCATE_LAST:
		for (size_t i = w->log_n; a->arg && i > w->log_first; i--)
			if (concerns(w, a, i - 1)) {
				at = w->log[i - 1].n - 1;
				a->arg--;
			}
		break;
	case LOCATE_TIME:
		for (size_t i = w->log_n; i > w->log_first; i--)
			if (concerns(w, a, i - 1) && w->truth[w->log[i - 1].truth].ts_ms >= (int64_t)a->arg)
				at = w->log[i - 1].n - 1;
		break;
	}
	a->pos = world_pos(w->epoch, at);
	a->head = world_pos(w->epoch, w->head);
}

static void find_page(struct world *w, struct ask *a)
{
	uint64_t after = world_n(a->after), upto = world_n(a->upto);
	size_t max = world_below(w, 6) + (world_chance(w, .9) ? 1 : 0);

	if (a->after.epoch != w->epoch) {
		if (world_chance(w, .4)) {
			a->end = PAGE_FAILED;
			return;
		}
		/* A careless bus reads on in the log that is there now; it names the epoch. */
		a->oldest.epoch = w->epoch;
	}
	if (world_chance(w, .1)) {
		a->end = PAGE_FAILED;
		return;
	}
	a->end = PAGE_END;
	if (a->after.epoch == w->epoch && after < w->trimmed) {
		a->end = PAGE_TRIMMED;
		a->oldest = world_pos(w->epoch, w->trimmed);
	}
	if (world_chance(w, .1))
		upto += 5; /* more than was asked for */
	a->entries = mem_array(max + 1, sizeof *a->entries);
	for (size_t i = w->log_first; i < w->log_n && w->log[i].n <= upto; i++) {
		if (w->log[i].n <= after || !concerns(w, a, i))
			continue;
		if (a->n == max) {
			a->end = a->end == PAGE_END ? PAGE_MORE : a->end;
			break;
		}
		a->entries[a->n++] = (struct page_entry){
			str_of(world_rooms[w->truth[w->log[i].truth].room]),
			truth_entry(w, world_pos(w->epoch, w->log[i].n), w->log[i].truth),
		};
	}
}

static void deliver(struct ask *a)
{
	if (a->replay)
		sub_page(a->sub, a->entries, a->n, a->end, a->oldest);
	else
		sub_located(a->sub, a->pos, a->head);
	a->n = 0;
	ask_free(a);
}

void world_answer(struct world *w, double p)
{
	for (int k = 0; k < w->n_workers; k++) {
		struct list *asks = &w->workers[k].asks;
		size_t n = 0;
		struct list *it;

		list_for_each(a, asks) {
			struct ask *ask = list_entry(a, struct ask, link);
			if (!ask->answered && world_chance(w, p)) {
				ask->answered = true;
				(ask->replay ? find_page : find_place)(w, ask);
			}
			n++;
		}
		/* Delivering one may ask another, or forget others. */
		for (; n && (it = list_pop(asks)); n--) {
			struct ask *ask = list_entry(it, struct ask, link);
			if (ask->answered && world_chance(w, p))
				deliver(ask);
			else
				list_add(asks, it);
		}
	}
}
