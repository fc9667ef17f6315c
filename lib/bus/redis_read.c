/* redis_read.c - pages and places of streams, by the scripts of redis_script.c */
#include "bus/redis_read.h"

#include "base/mem.h"
#include "bus/redis_script.h"

#include <stdio.h>
#include <stdlib.h>

#define PART        128         /* streams of a script */
#define PART_BYTES  (4u << 20)  /* of a stream */
#define SENT_MOST   8
#define LAST_MOST   10000       /* entries that last:N looks back */

static const struct pos far_away = { 0, UINT64_MAX, UINT64_MAX };

uint64_t redis_epoch_parse(const redisReply *r)
{
	struct str s = r->type == REDIS_REPLY_STRING ? str_make(r->str, r->len) : STR("");
	unsigned long long epoch = 0;
	char text[17] = "";

	if (s.n != 16)
		return 0;
	memcpy(text, s.p, 16);
	return sscanf(text, "%16llx", &epoch) == 1 ? epoch : 0;
}

/* --- one read --------------------------------------------------------------------------------- */

struct redis_read *redis_read_new(enum read_kind kind,
	void (*done)(void *arg, struct redis_read *r), void *arg, uint64_t tag)
{
	struct redis_read *r = mem_new(struct redis_read);

	list_init(&r->link);
	r->kind = (uint8_t)kind;
	r->done = done;
	r->arg = arg;
	r->tag = tag;
	r->upto = far_away;
	return r;
}

void redis_read_key(struct redis_read *r, struct str prefix, struct str name)
{
	buf_add_str(&r->names, prefix);
	buf_add_str(&r->names, name);
	buf_add_char(&r->names, '\0');
	r->n_keys++;
}

static void read_free(struct redis_read *r)
{
	list_del(&r->link);
	buf_fini(&r->names);
	buf_fini(&r->entries);
	buf_fini(&r->text);
	mem_free(r);
}

static void begin(struct redis_read *r)
{
	r->at_name = r->n_part = 0;
	r->entries.n = r->text.n = 0;
	r->epoch = 0;
	r->horizon = far_away;
	r->oldest = r->pos = r->head = (struct pos){ 0 };
}

static int by_pos(const void *a, const void *b)
{
	const struct read_entry *x = a, *y = b;

	return pos_cmp(x->pos, y->pos);
}

/* In order, and no more than what is certain and was asked for. */
static void settle(struct redis_read *r)
{
	struct read_entry *e = (struct read_entry *)(void *)r->entries.p;
	size_t n = redis_read_n(r);

	if (n)
		qsort(e, n, sizeof *e, by_pos);
	while (n && pos_cmp(e[n - 1].pos, r->horizon) > 0)
		n--;
	if (n > r->max) {
		n = r->max;
		r->horizon = e[n - 1].pos;
	}
	r->entries.n = n * sizeof *e;
}

static void finish_page(struct redis_read *r)
{
	struct read_entry *e;
	size_t n, below = 0;

	settle(r);
	e = (struct read_entry *)(void *)r->entries.p;
	n = redis_read_n(r);
	r->end = pos_cmp(r->horizon, r->upto) < 0 ? BUS_PAGE_MORE : BUS_PAGE_END;
	while (n && pos_cmp(e[n - 1].pos, r->upto) > 0)
		n--;
	if (pos_cmp(r->oldest, r->after) > 0) {
		r->end = BUS_PAGE_TRIMMED;
		while (below < n && pos_cmp(e[below].pos, r->oldest) <= 0)
			below++;
		n -= below;
		if (n)
			memmove(e, e + below, n * sizeof *e);
	}
	r->entries.n = n * sizeof *e;
}

static void finish_locate(struct redis_read *r)
{
	const struct read_entry *e;
	size_t n;

	r->max = UINT32_MAX;
	settle(r);
	n = redis_read_n(r);
	e = redis_read_entry(r, 0);
	r->pos = r->head;
	if (r->where == BUS_LAST && r->count == 0)
		return;
	if (n && r->where == BUS_LAST && n > r->count)
		r->pos = redis_id_before(e[n - r->count].pos);
	else if (n && r->where != BUS_HEAD)
		r->pos = redis_id_before(e[0].pos);
}

/* --- replies ---------------------------------------------------------------------------------- */

static void add_entry(struct redis_read *r, struct str key, const redisReply *reply)
{
	struct read_entry e = { .key = key, .at = r->text.n };
	struct redis_entry one;

	if (!redis_entry_read(reply, &one, &r->text))
		return;
	e.pos = one.pos;
	e.ours = one.ours;
	e.pos.epoch = r->epoch;
	e.n = r->text.n - e.at;
	buf_add(&r->entries, &e, sizeof e);
}

static void take_gap(struct redis_read *r, const redisReply *reply)
{
	struct str s = reply->type == REDIS_REPLY_STRING ? str_make(reply->str, reply->len) : STR("");
	bool before = str_starts(s, STR("<"));
	struct pos p;

	if (s.n == 0 || redis_id_parse(before ? str_skip(s, 1) : s, &p) != 0)
		return;
	if (before)
		p = redis_id_before(p);
	p.epoch = r->epoch;
	r->oldest = pos_max(r->oldest, p);
}

static void take_page(struct redis_read *r, struct str key, const redisReply *reply)
{
	const redisReply *list;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3)
		return;
	take_gap(r, reply->element[0]);
	list = reply->element[2];
	for (size_t i = 0; i < list->elements; i++)
		add_entry(r, key, list->element[i]);
	if (reply->element[1]->integer && list->elements && redis_read_n(r)) {
		struct pos last = redis_read_entry(r, redis_read_n(r) - 1)->pos;

		if (pos_cmp(last, r->horizon) < 0)
			r->horizon = last;
	}
}

static void take_places(struct redis_read *r, struct str key, const redisReply *reply)
{
	for (size_t i = 0; i < reply->elements; i++) {
		const redisReply *id = reply->element[i];
		struct read_entry e = { .key = key };

		if (id->type != REDIS_REPLY_STRING ||
			redis_id_parse(str_make(id->str, id->len), &e.pos) != 0)
			continue;
		e.pos.epoch = r->epoch;
		if (i == 0)
			r->head = pos_max(r->head, e.pos);
		else
			buf_add(&r->entries, &e, sizeof e);
	}
}

/* The keys of the part, in turn, are what the elements of the reply behind `first` are of. */
static bool take_part(struct redis_read *r, const redisReply *reply, size_t first)
{
	const char *name = r->names.p + r->at_name;
	uint64_t epoch;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != first + r->n_part)
		return false;
	epoch = redis_epoch_parse(reply->element[0]);
	if (r->epoch && epoch != r->epoch)
		return false; /* the data became another meanwhile */
	r->epoch = epoch;
	r->head.epoch = r->oldest.epoch = epoch;
	if (r->kind == READ_LOCATE) {
		struct pos last;

		if (reply->element[1]->type == REDIS_REPLY_STRING &&
			redis_id_parse(str_make(reply->element[1]->str, reply->element[1]->len),
				&last) == 0) {
			last.epoch = epoch;
			r->head = pos_max(r->head, last);
		}
	}
	for (size_t i = 0; i < r->n_part; i++, name += strlen(name) + 1) {
		const redisReply *one = reply->element[first + i];

		if (r->kind == READ_PAGE)
			take_page(r, str_of(name), one);
		else
			take_places(r, str_of(name), one);
	}
	r->at_name = (size_t)(name - r->names.p);
	if (r->kind == READ_PAGE)
		settle(r);
	return true;
}

static void on_part(redisAsyncContext *ac, void *data, void *arg)
{
	struct redis_reads *all = arg;
	const redisReply *reply = data;
	struct list *it;
	struct redis_read *r;

	(void)ac;
	if (!reply || !(it = list_pop(&all->sent)))
		return;
	r = list_entry(it, struct redis_read, link);
	if (reply->type == REDIS_REPLY_ERROR) {
		begin(r);
		list_add(&all->waiting, &r->link);
		if (strncmp(reply->str, "NOSCRIPT", 8) == 0)
			all->wants_scripts = true;
		else
			redis_conn_fine(all->conn, reply);
		return;
	}
	if (!take_part(r, reply, r->kind == READ_PAGE ? 1 : 2)) {
		begin(r);
		list_add(&all->waiting, &r->link);
		return;
	}
	if (r->at_name < r->names.n) {
		list_add_first(&all->waiting, &r->link);
		return;
	}
	if (r->kind == READ_PAGE)
		finish_page(r);
	else
		finish_locate(r);
	r->done(r->arg, r);
	read_free(r);
}

/* --- sending ---------------------------------------------------------------------------------- */

static const char *where_of(const struct redis_read *r)
{
	return r->where == BUS_EARLIEST ? "earliest" : r->where == BUS_LAST ? "last"
		: r->where == BUS_TIME ? "time" : "head";
}

static void add_keys(struct redis_read *r, struct str *argv, int *n)
{
	const char *name = r->names.p + r->at_name, *end = r->names.p + r->names.n;

	for (r->n_part = 0; name < end && r->n_part < PART; r->n_part++) {
		argv[(*n)++] = str_of(name);
		name += strlen(name) + 1;
	}
}

static void send_part(struct redis_reads *all, struct redis_read *r)
{
	struct str argv[PART + 16] = { STR("EVALSHA"),
		redis_script_sha(r->kind == READ_PAGE ? SCRIPT_PAGE : SCRIPT_LOCATE) };
	struct buf after = { 0 };
	char count[24], bytes[24], max[24];
	int n = 3;

	argv[n++] = STR("rt:epoch");
	argv[n++] = r->kind == READ_PAGE ? STR("rt:rooms") : STR("rt:last");
	add_keys(r, argv, &n);
	snprintf(count, sizeof count, "%zu", r->n_part + 2);
	argv[2] = str_of(count);
	if (r->kind == READ_PAGE) {
		redis_id_format(&after, r->after);
		argv[n++] = buf_str(&after);
		snprintf(max, sizeof max, "%u", r->max);
		snprintf(bytes, sizeof bytes, "%u", PART_BYTES);
		argv[n++] = str_of(max);
		argv[n++] = str_of(bytes);
	} else {
		uint64_t arg = r->where == BUS_LAST && r->count > LAST_MOST ? LAST_MOST : r->count;

		snprintf(max, sizeof max, "%llu", (unsigned long long)(arg ? arg : 1));
		argv[n++] = str_of(where_of(r));
		argv[n++] = str_of(max);
	}
	redis_link_send(all->conn->command, on_part, all, n, argv);
	buf_fini(&after);
	list_add(&all->sent, &r->link);
}

void redis_reads_turn(struct redis_reads *all)
{
	size_t n = 0;
	struct list *it;

	list_for_each(s, &all->sent)
		n++;
	while (n < SENT_MOST && (it = list_pop(&all->waiting))) {
		send_part(all, list_entry(it, struct redis_read, link));
		n++;
	}
}

void redis_read_start(struct redis_reads *all, struct redis_read *r)
{
	r->reads = all;
	begin(r);
	list_add(&all->waiting, &r->link);
}

void redis_reads_down(struct redis_reads *all)
{
	list_splice(&all->sent, &all->waiting);
	list_splice(&all->waiting, &all->sent);
	list_for_each(it, &all->waiting)
		begin(list_entry(it, struct redis_read, link));
}

void redis_reads_init(struct redis_reads *all, struct redis_conn *conn)
{
	all->conn = conn;
	list_init(&all->waiting);
	list_init(&all->sent);
	all->wants_scripts = false;
}

void redis_reads_fini(struct redis_reads *all)
{
	redis_reads_down(all);
	list_for_each_safe(it, &all->waiting)
		read_free(list_entry(it, struct redis_read, link));
}
