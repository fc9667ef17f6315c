/* crdt_follow.c - joining a pipe that does not end
 *
 * A line goes out for every line that changed something; what was known already says nothing, so replaying an input is
 * harmless. The snapshot is the joined state, written atomically: read at the start, it continues where a crash cut off. */
#include "crdt_merge.h"

#include "base/clock.h"
#include "base/line.h"
#include "base/log.h"
#include "base/sig.h"
#include "crdt/compare.h"
#include "crdt/dots.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define SEEN_DOTS_MAX 1000000

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
	rc = merge_out_open(&o, m->snapshot, false);
	to.b = &o.buf;
	m->value = false;
	for (size_t i = 0; i < m->n_docs && rc == 0; i++)
		rc = merge_write(m, &to, &m->docs[i]);
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

static struct crdt_state *find_doc(struct merge *m, const struct crdt_state *s)
{
	for (size_t i = 0; i < m->n_docs; i++)
		if (m->docs[i].has_id == s->has_id && str_eq(m->docs[i].id, s->id))
			return &m->docs[i];
	return NULL;
}

/* Joins one line and appends what is to be told. */
static int take(struct merge *m, struct str line, struct buf *out)
{
	struct crdt_state s, copy, delta = { 0 };
	struct crdt_state *doc;
	bool changed, want_delta = m->emit == 1 && !m->value;
	struct str id;
	int rc = crdt_read(&m->reader, &line, &s);

	if (rc <= 0)
		return rc == 0 ? 0 : EXIT_DATA;
	/* The line is gone with the next one. */
	crdt_clone(&copy, &s);
	copy.file = s.file;
	copy.line = s.line;
	crdt_state_fini(&s);
	doc = find_doc(m, &copy);
	if (want_delta && doc && crdt_delta(&m->report, &delta, doc, &copy) == 0)
		crdt_compact(&delta);
	crdt_clone(&s, &copy);
	id = s.id;
	rc = merge_add(m, &copy, &changed);
	doc = find_doc(m, &(struct crdt_state){ .has_id = s.has_id, .id = id });
	if (rc == 0 && changed)
		put(m, want_delta && delta.type ? &delta : doc, out);
	if (doc && doc->arena.bytes > (1u << 20)) {
		size_t live = 0;

		for (size_t i = 0; i < doc->leaves.n; i++)
			live += doc->leaves.v[i].key_n + (doc->leaves.v[i].val_n == LEAF_COUNT ? 0 : doc->leaves.v[i].val_n);
		if (doc->arena.bytes > 4 * live + (1u << 20))
			crdt_compact(doc);
	}
	if (m->reader.dots && dots_count(m->reader.dots) > SEEN_DOTS_MAX) {
		dots_free(m->reader.dots);
		m->reader.dots = NULL;
	}
	crdt_state_fini(&s);
	crdt_state_fini(&delta);
	return rc == 0 ? 0 : EXIT_DATA;
}

static int write_out(struct buf *out)
{
	size_t done = 0;

	while (done < out->n) {
		ssize_t n = write(STDOUT_FILENO, out->p + done, out->n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			log_error("cannot write 'stdout': %m");
			return EXIT_SYSTEM;
		}
		done += (size_t)n;
	}
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
		if (n < 0 && errno != EINTR) {
			log_error("cannot read '-': %m");
			rc = EXIT_SYSTEM;
		}
		if (n < 0)
			continue;
		eof = n == 0;
		line_filled(l, (size_t)n);
		while (rc == 0 && (got = line_next(l, eof, &line)) != LINE_NONE) {
			m->report.line = l->number;
			if (got == LINE_TOO_LONG)
				rc = crdt_find(&m->report, E_SIZE, l->number, "", "the line is too long") ? EXIT_DATA : 0;
			else
				rc = take(m, line, &out);
			dirty = true;
		}
		if (rc == 0)
			rc = write_out(&out);
	}
	buf_fini(&out);
	return rc;
}

int verb_follow(struct merge *m)
{
	struct sigaction act = { .sa_handler = on_signal };
	struct line l;
	int rc = 0;

	if (m->snapshot && access(m->snapshot, F_OK) == 0) {
		m->files = &m->snapshot;
		m->n_files = 1;
		rc = merge_all(m);
		rc = rc ? rc : m->report.errors ? EXIT_DATA : 0;
		for (size_t i = 0; i < m->n_docs; i++)
			crdt_compact(&m->docs[i]);
		arena_fini(&m->texts);
	}
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
	if (stopped && rc == 0) {
		merge_fini(m);
		sig_die(stopped);
	}
	return merge_status(m, rc);
}
