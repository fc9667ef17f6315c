/* crdt_apply.c - the apply verb: operations on stdin, the new state out
 *
 * All or nothing: one bad operation, and nothing is written. */
#include "crdt_merge.h"

#include "base/line.h"
#include "base/log.h"
#include "crdt/apply.h"

#include <errno.h>
#include <unistd.h>

/* A context that knows more of this node than the file does proves that the file was restored: its
 * next dots were used before. */
static int check_witness(
	struct merge *m, const struct crdt_state *s, struct str node, const char *path)
{
	struct crdt_state w;
	struct buf key = { 0 };
	int rc = merge_one(m, path, &w);

	key_add(&key, node);
	if (rc == 0 && m->report.errors > 0)
		rc = EXIT_DATA;
	m->report.file = s->file;
	if (rc == 0 && ctx_count(&w.ctx, buf_str(&key)) > ctx_count(&s->ctx, buf_str(&key)) &&
		crdt_find(&m->report, E_ROLLBACK, s->line, "/ctx",
			"'%s' has seen newer writes of this node", path))
		rc = EXIT_DATA;
	buf_fini(&key);
	crdt_state_fini(&w);
	return rc;
}

static int apply_line(
	struct merge *m, struct crdt_state *s, struct str node, struct str line, uint64_t number)
{
	struct crdt_reader *r = &m->reader;
	struct json *op;

	arena_reset(&r->tree);
	r->json = (struct json_reader){ .arena = &r->tree,
		.report = &m->report,
		.max_depth = m->options.max_depth,
		.begin = line.p,
		.p = line.p,
		.end = line.p + line.n,
		.line = number };
	op = json_read(&r->json);
	if (!op)
		return EXIT_DATA;
	json_skip_space(&r->json);
	if (r->json.p < r->json.end &&
		json_find(&r->json, NULL, E_SYNTAX, "something follows the operation on its line"))
		return EXIT_DATA;
	return crdt_apply(r, s, node, op) == 0 ? 0 : EXIT_DATA;
}

static int refuse_long(struct merge *m, uint64_t number)
{
	crdt_find(&m->report, E_SIZE, number, "", "the line is longer than %zu bytes",
		m->options.max_line);
	return EXIT_DATA;
}

static int apply_all(struct merge *m, struct crdt_state *s, struct str node)
{
	struct line l;
	struct str line;
	enum line_result got;
	ssize_t n;
	int rc = 0;

	line_init(&l, m->options.max_line);
	m->report.file = "-";
	m->reader.options = &m->options;
	m->reader.report = &m->report;
	do {
		size_t room;
		char *space = line_space(&l, 65536, &room);

		n = read(STDIN_FILENO, space, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			rc = merge_cannot("read", "-");
			break;
		}
		line_filled(&l, (size_t)n);
		while (rc == 0 && (got = line_next(&l, n == 0, &line)) != LINE_NONE)
			rc = got == LINE_OK ? apply_line(m, s, node, line, l.number) :
				refuse_long(m, l.number);
	} while (n != 0 && rc == 0);
	line_fini(&l);
	return rc;
}

int verb_apply(struct merge *m, const char *node, const char *id, const char *witness)
{
	struct crdt_state s = { 0 };
	char brief[STR_BRIEF];
	struct merge_out o;
	struct crdt_out to = { .flush = merge_out_flush, .arg = &o };
	struct str name = str_of(node);
	int rc = m->n_files > 0 ? merge_one(m, m->files[0], &s) : 0;

	if (rc == 0 && m->report.errors > 0)
		rc = EXIT_DATA;
	if (rc == 0 && (name.n == 0 || name.n > 1024 || !str_utf8(name))) {
		merge_usage("option '--node' needs UTF-8 of 1 to 1024 bytes");
	}
	if (rc == 0 && !s.type) {
		s.type = m->options.type;
		s.shape = SHAPE_V1;
	}
	if (rc == 0 && !s.type) {
		merge_usage("the state is empty: name its type with --type");
	}
	if (rc == 0 && id && !s.has_id) {
		s.has_id = true;
		s.id = arena_copy(&s.arena, str_of(id));
	}
	if (rc == 0 && id && !str_eq(s.id, str_of(id))) {
		log_error("the document's id is not '%s'",
			str_brief(str_of(id), brief, sizeof(brief)));
		rc = EXIT_DATA;
	}
	if (rc == 0 && witness)
		rc = check_witness(m, &s, name, witness);
	if (rc == 0)
		rc = apply_all(m, &s, name);
	rc = merge_status(m, rc);
	if (rc == 0)
		rc = merge_out_open(m, &o, m->output, false);
	if (rc == 0) {
		to.b = &o.buf;
		rc = merge_write(m, &to, &s);
		if (rc == 0)
			rc = merge_out_commit(&o);
		else
			merge_out_abandon(&o);
	}
	crdt_state_fini(&s);
	return rc;
}
