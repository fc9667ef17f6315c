/* crdt_follow.c - joining a pipe that does not end
 *
 * A line goes out for every line that changed something; what was known already says nothing, so
 * replaying an input is harmless. The snapshot is the joined state, written atomically: read at the
 * start, it continues where a crash cut off. */
#include "crdt_merge.h"

#include "base/clock.h"
#include "base/line.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/sig.h"
#include "crdt/compare.h"
#include "crdt/dots.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define SEEN_DOTS_MAX 1000000
#define SENDERS_MAX   4096

static volatile sig_atomic_t stopped;

static void on_signal(int signo)
{
	stopped = signo;
}

static int write_snapshot(struct merge *m)
{
	struct merge_out o;
	struct crdt_out to = { .flush = merge_out_flush, .arg = &o };
	bool value = m->value;
	int rc;

	if (!m->snapshot)
		return 0;
	rc = merge_out_open(m, &o, m->snapshot, false);
	to.b = &o.buf;
	m->value = false;
	for (size_t i = 0; i < m->docs.n && rc == 0; i++)
		rc = merge_write(m, &to, &m->docs.v[i]);
	m->value = value;
	if (rc == 0)
		return merge_out_commit(&o);
	merge_out_abandon(&o);
	return rc;
}

static void put(struct merge *m, const struct crdt_state *s, struct buf *out)
{
	merge_write(m, &(struct crdt_out){ .b = out }, s);
}

/* --- what each replica sent last -------------------------------------------------------------- */

/* The join of what one replica has sent of one document. */
struct sender {
	struct map_node node; /* by replica and id */
	struct crdt_state state;
	char *key;
};

static struct map senders;

static void forget_sender(struct map_node *node, void *arg)
{
	struct sender *s = map_entry(node, struct sender, node);

	(void)arg;
	map_del(&senders, node);
	crdt_state_fini(&s->state);
	mem_free(s->key);
	mem_free(s);
}

static struct sender *sender_of(struct str replica, const struct crdt_state *s)
{
	struct buf key = { 0 };
	struct map_node *node;
	struct sender *found;

	key_add(&key, replica);
	buf_add_char(&key, (char)('0' + s->has_id));
	buf_add_str(&key, s->id);
	node = map_find(&senders, buf_str(&key));
	if (node) {
		buf_fini(&key);
		return map_entry(node, struct sender, node);
	}
	if (senders.n >= SENDERS_MAX)
		map_each(&senders, forget_sender, NULL);
	found = mem_new(struct sender);
	found->key = mem_strndup(key.p, key.n);
	map_add(&senders, &found->node, str_make(found->key, key.n));
	buf_fini(&key);
	return found;
}

/* A replica only ever grows. One that sends less was restored from a backup, or edited. */
static void check_grown(struct merge *m, const struct crdt_state *s)
{
	struct crdt_report quiet = { 0 };
	struct sender *from = sender_of(m->reader.replica, s);
	struct crdt_state copy;
	char brief[STR_BRIEF];
	int order =
		s->delta || !from->state.type ? ORDER_BEFORE : crdt_order(&quiet, &from->state, s);

	if (order == ORDER_AFTER || order == ORDER_CONCURRENT) {
		crdt_find(&m->report, W_NONMONOTONE, s->line, "",
			"replica '%s' went back behind what it sent before; the join undoes that",
			str_brief(m->reader.replica, brief, sizeof(brief)));
		crdt_state_fini(&from->state);
	}
	crdt_clone(&copy, s);
	crdt_join(&quiet, &from->state, &copy, NULL);
	crdt_state_fini(&copy);
	crdt_compact(&from->state);
}

/* --- lines ------------------------------------------------------------------------------------ */

/* Joins one document and appends what is to be told. 0, or reported. */
static int join_line(struct merge *m, const struct crdt_state *s, struct buf *out)
{
	struct crdt_state copy, delta = { 0 };
	struct crdt_state *doc = merge_find(&m->docs, s);
	bool changed, want_delta = m->emit == 1 && !m->value;
	int rc;

	if (want_delta && doc && (!doc->type || doc->type == s->type)) {
		crdt_delta(&delta, doc, s);
		crdt_compact(&delta);
	}
	crdt_clone(&copy, s);
	copy.file = s->file;
	copy.line = s->line;
	rc = merge_add(m, &m->docs, &copy, &changed);
	doc = merge_find(&m->docs, s);
	if (rc == 0 && changed)
		put(m, want_delta && delta.type ? &delta : doc, out);
	if (doc->arena.bytes > (1u << 20)) {
		size_t live = 0;

		for (size_t i = 0; i < doc->leaves.n; i++)
			live += doc->leaves.v[i].key_n +
				(doc->leaves.v[i].val_n == LEAF_COUNT ? 0 : doc->leaves.v[i].val_n);
		if (doc->arena.bytes > 4 * live + (1u << 20))
			crdt_compact(doc);
	}
	crdt_state_fini(&delta);
	return rc;
}

static int take(struct merge *m, struct str line, struct buf *out)
{
	struct str whole = line;
	struct crdt_state s;
	uint64_t errors = m->report.errors;
	int rc = crdt_read(&m->reader, &line, &s);

	if (rc == 0)
		return 0;
	m->stats.documents_in++;
	if (rc > 0) {
		rc = join_line(m, &s, out);
		if (rc == 0 && m->options.replica)
			check_grown(m, &s);
		crdt_state_fini(&s);
	}
	if (m->reader.dots && dots_count(m->reader.dots) > SEEN_DOTS_MAX) {
		dots_free(m->reader.dots);
		m->reader.dots = NULL;
	}
	if (rc < 0)
		rc = merge_refused(m, &whole, errors);
	return rc ? rc : m->report.errors > 0 ? EXIT_DATA : 0;
}

static int refuse_long(struct merge *m, uint64_t number)
{
	uint64_t errors = m->report.errors;
	int rc;

	crdt_find(&m->report, E_SIZE, number, "", "the line is longer than %zu bytes",
		m->options.max_line);
	rc = merge_refused(m, NULL, errors);
	return rc ? rc : m->report.errors > 0 ? EXIT_DATA : 0;
}

static int write_out(struct merge *m, struct buf *out)
{
	if (merge_write_all(STDOUT_FILENO, out->p, out->n) != 0)
		return merge_cannot("write", "stdout");
	m->stats.bytes_out += out->n;
	out->n = 0;
	return 0;
}

/* Waits for input; false when the reader of our output has gone. */
static bool wait_input(int timeout_ms)
{
	struct pollfd fds[] = { { STDIN_FILENO, POLLIN, 0 }, { STDOUT_FILENO, 0, 0 } };

	poll(fds, 2, timeout_ms);
	return !(fds[1].revents & POLLERR);
}

static int run(struct merge *m, struct line *l)
{
	struct buf out = { 0 };
	int64_t saved = clock_ms();
	bool eof = false, dirty = false;
	int rc = 0;

	while (rc == 0 && !eof && !stopped) {
		int64_t wait = m->snapshot && dirty ? saved + m->every_ms - clock_ms() : -1;
		struct str line;
		enum line_result got;
		size_t room;
		ssize_t n;
		char *space;

		if (!wait_input(wait < 0 && dirty && m->snapshot ? 0 : (int)wait))
			sig_die(SIGPIPE);
		if (stopped)
			break;
		if (dirty && m->snapshot && clock_ms() - saved >= m->every_ms) {
			rc = write_snapshot(m);
			saved = clock_ms();
			dirty = false;
			continue;
		}
		space = line_space(l, 65536, &room);
		n = read(STDIN_FILENO, space, room);
		if (n < 0 && errno != EINTR)
			rc = merge_cannot("read", "-");
		if (n < 0)
			continue;
		eof = n == 0;
		m->stats.bytes_in += (size_t)n;
		line_filled(l, (size_t)n);
		while (rc == 0 && (got = line_next(l, eof, &line)) != LINE_NONE) {
			m->report.line = l->number;
			rc = got == LINE_TOO_LONG ? refuse_long(m, l->number) : take(m, line, &out);
			dirty = true;
		}
		if (rc == 0)
			rc = write_out(m, &out);
	}
	buf_fini(&out);
	return rc;
}

/* What is bad in there is never passed over: the next snapshot would be written without it. */
static int read_snapshot(struct merge *m)
{
	int on_bad = m->on_bad, on_drift = m->on_drift, rc;

	m->on_bad = BAD_STOP;
	m->on_drift = DRIFT_REJECT;
	m->files = &m->snapshot;
	m->n_files = 1;
	rc = merge_all(m);
	for (size_t i = 0; i < m->docs.n; i++)
		crdt_compact(&m->docs.v[i]);
	arena_fini(&m->texts);
	m->on_bad = on_bad;
	m->on_drift = on_drift;
	return rc ? rc : m->report.errors ? EXIT_DATA : 0;
}

int verb_follow(struct merge *m)
{
	struct sigaction act = { .sa_handler = on_signal };
	struct line l;
	int rc = m->snapshot && access(m->snapshot, F_OK) == 0 ? read_snapshot(m) : 0;

	m->report.file = "-";
	m->reader.report = &m->report;
	m->reader.options = &m->options;
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	line_init(&l, m->options.max_line);
	if (rc == 0)
		rc = run(m, &l);
	line_fini(&l);
	if (rc == 0)
		rc = write_snapshot(m);
	map_each(&senders, forget_sender, NULL);
	map_fini(&senders);
	if (stopped && rc == 0) {
		merge_fini(m);
		sig_die(stopped);
	}
	return merge_status(m, rc);
}
