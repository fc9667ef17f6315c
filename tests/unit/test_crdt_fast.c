/* test_crdt_fast.c - the ways around the tree give the answers of the tree: documents read at once,
 * and joined as streams */
#include "crdt/fast.h"
#include "crdt/stream.h"
#include "base/mem.h"
#include "tap.h"

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t below(uint64_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

static const struct crdt_options options = {
	.max_depth = 64, .max_line = 1 << 20, .max_drift_us = -1
};
static const char *const nodes[] = { "a", "b", "bb", "\xc3\xa9" };
static const char *const elems[] = { "\"\"", "\"x\"", "\"x y\"", "\"xy\"", "-1", "0.5", "12",
	"null", "true" };

static void add_dots(struct buf *b, unsigned n, const char *space)
{
	for (unsigned i = 0; i < n; i++)
		buf_addf(b, "%s%s[\"%s\",%s%u]", i ? "," : "", i ? space : "", nodes[below(4)],
			space, 1 + (unsigned)below(9));
}

static void add_entry(struct buf *b, const char *space, bool tidy)
{
	char parts[4][40];
	unsigned n = 0, last;

	if (below(5) == 0)
		snprintf(parts[n++], sizeof(*parts), "\"deleted\":%strue", space);
	snprintf(parts[n++], sizeof(*parts), "\"node_id\":%s\"%s\"", space, nodes[below(4)]);
	snprintf(parts[n++], sizeof(*parts), "\"timestamp\":%s%u", space, 10 + (unsigned)below(90));
	if (n == 2 || below(50) == 0)
		snprintf(parts[n++], sizeof(*parts), "\"value\":%s%s", space, elems[below(9)]);
	last = tidy || below(2) ? 0 : (unsigned)below(n);
	for (unsigned i = 0; i < n; i++)
		buf_addf(b, "%s%s%s", i ? "," : "{", i ? space : "", parts[(i + last) % n]);
	buf_add_char(b, '}');
}

/* Most are valid. Of an orset, many use a dot twice or one that the context does not cover. */
static void random_text(struct buf *b, unsigned type, bool tidy)
{
	static const char *const heads[] = { "", "", "{\"crdt\":\"gcounter/1\",",
		"{\"crdt\":\"lwwmap/1\",", "{\"crdt\":\"orset/1\"," };
	const char *space = tidy || below(4) ? "" : " ";
	unsigned n = (unsigned)below(5), set = type == 4;

	b->n = 0;
	buf_add_text(b, heads[type]);
	if (set) {
		buf_add_text(b, "\"ctx\":{");
		if (below(3) == 0) {
			buf_add_text(b, "\"cloud\":[");
			add_dots(b, 1 + (unsigned)below(3), "");
			buf_add_text(b, "],");
		}
		buf_add_text(b, "\"vv\":{");
		for (unsigned i = 0; i < 4; i++)
			buf_addf(b, "%s\"%s\":%u", i ? "," : "", nodes[i],
				below(20) ? 9 : (unsigned)below(9));
		buf_add_text(b, "}},");
	}
	if (type > 1)
		buf_addf(b, "%s%s\"state\":", below(8) ? "" : "\"delta\":true,",
			below(4) ? "" : "\"id\":\"d\",");
	buf_add_char(b, set ? '[' : '{');
	for (unsigned i = 0, key = 0; i < n + (type < 2); i++) {
		key = below(20) ? key + 1 + (unsigned)below(3) : (unsigned)below(9);
		buf_add_text(b, i ? "," : "");
		buf_add_text(b, i ? space : "");
		if (set) {
			buf_addf(b, "[%s,%s[", elems[key % 9], space);
			add_dots(b, 1 + (unsigned)below(2), space);
			buf_add_text(b, "]]");
		} else if (type % 2 == 0) {
			buf_addf(b, "\"k%u\":%s%u", key, space, (unsigned)below(50));
		} else {
			buf_addf(b, "\"k%u\":%s", key, space);
			add_entry(b, space, tidy);
		}
	}
	buf_add_text(b, set ? "]}" : type > 1 ? "}}" : "}");
}

static void damage(struct buf *b)
{
	size_t at = below(b->n);

	if (below(2)) {
		b->p[at] = "\"\\,:[]{} 0-.ae\n\x01\xff"[below(18)];
	} else {
		memmove(b->p + at, b->p + at + 1, b->n - at - 1);
		b->n--;
	}
}

static void note_code(void *arg, const struct crdt_finding *f)
{
	enum crdt_code *first = arg;

	if (*first == CRDT_CODES)
		*first = f->code;
}

struct reading {
	struct crdt_state s;
	enum crdt_code code; /* of the first finding */
	int rc;
};

/* From a block of its exact size. */
static struct reading read_text(struct str text, char **block)
{
	struct reading got = { .code = CRDT_CODES };
	struct crdt_report report = { .fn = note_code, .arg = &got.code };
	struct crdt_reader r = { .options = &options, .report = &report };

	*block = mem_strndup(text.p, text.n);
	*block = mem_resize(*block, text.n, 1);
	text.p = *block;
	got.rc = crdt_read(&r, &text, &got.s);
	if (got.rc <= 0)
		got.s = (struct crdt_state){ 0 };
	crdt_reader_fini(&r);
	return got;
}

static void test_read(void)
{
	struct buf text = { 0 }, slow = { 0 }, a = { 0 }, b = { 0 };
	bool agree = true;
	int fast = 0, refused = 0;

	for (int i = 0; i < 60000 && agree; i++) {
		struct crdt_report none = { 0 };
		struct crdt_reader r = { .options = &options, .report = &none };
		struct crdt_state s = { 0 };
		struct reading x, y;
		char *block_x, *block_y;

		random_text(&text, (unsigned)below(5), false);
		if (i % 3 == 2)
			damage(&text);
		slow.n = 0;
		buf_add(&slow, text.p, 1);
		buf_add_char(&slow, ' ');
		buf_add(&slow, text.p + 1, text.n - 1);
		r.json.p = text.p;
		r.json.end = text.p + text.n;
		r.state = &s;
		fast += fast_read(&r, &s);
		crdt_state_fini(&s);
		crdt_reader_fini(&r);

		x = read_text(buf_str(&text), &block_x);
		y = read_text(buf_str(&slow), &block_y);
		a.n = b.n = 0;
		agree = x.rc == y.rc && x.code == y.code;
		if (agree && x.rc > 0) {
			crdt_emit(&(struct crdt_out){ .b = &a }, &x.s, SHAPE_V1);
			crdt_emit(&(struct crdt_out){ .b = &b }, &y.s, SHAPE_V1);
			agree = crdt_equal(&x.s, &y.s) && str_eq(buf_str(&a), buf_str(&b)) &&
			        x.s.shape == y.s.shape;
		}
		refused += x.rc < 0;
		if (!agree)
			printf("# %d %d, %d %d: %.*s\n", x.rc, (int)x.code, y.rc, (int)y.code,
				(int)text.n, text.p);
		crdt_state_fini(&x.s);
		crdt_state_fini(&y.s);
		mem_free(block_x);
		mem_free(block_y);
	}
	ok(agree, "a document read at once is what its tree says, and so is what is wrong with it");
	ok(fast > 20000 && refused > 10000, "many were read so (%d), and many refused (%d)", fast,
		refused);
	buf_fini(&text);
	buf_fini(&slow);
	buf_fini(&a);
	buf_fini(&b);
}

/* --- streams ---------------------------------------------------------------------------------- */

static long read_some(void *arg, char *p, size_t n)
{
	struct str *left = arg;
	size_t got = 1 + below(40);

	got = got < n ? got : n;
	got = got < left->n ? got : left->n;
	memcpy(p, left->p, got);
	*left = str_skip(*left, got);
	return (long)got;
}

static void test_streams(void)
{
	struct buf texts[3] = { { 0 } }, streamed = { 0 }, joined = { 0 }, text = { 0 };
	bool agree = true;
	int done[5] = { 0 }, not_done = 0;

	for (int i = 0; i < 30000 && agree; i++) {
		struct crdt_report report = { 0 };
		struct crdt_reader r = { .options = &options, .report = &report };
		struct crdt_source sources[3];
		struct crdt_state all = { 0 };
		struct str left[3];
		unsigned type = (unsigned)below(5);
		size_t n = 1 + below(3);
		int rc;

		streamed.n = joined.n = 0;
		for (size_t k = 0; k < n; k++) {
			char *block;
			struct reading x;

			random_text(&text, type, true);
			x = read_text(buf_str(&text), &block);
			texts[k].n = 0;
			if (x.rc > 0)
				crdt_emit(&(struct crdt_out){ .b = &texts[k] }, &x.s, x.s.shape);
			else
				buf_add_str(&texts[k], buf_str(&text));
			crdt_state_fini(&x.s);
			mem_free(block);
			left[k] = buf_str(&texts[k]);
			sources[k] = (struct crdt_source){ read_some, &left[k] };
		}
		rc = crdt_stream(sources, n, &options, -1, i % 8 > 0, &(struct crdt_out){ .b = &streamed });
		for (size_t k = 0; k < n; k++) {
			struct str rest = buf_str(&texts[k]);
			struct crdt_state s;

			if (crdt_read(&r, &rest, &s) <= 0)
				continue;
			if (k == 0) {
				all.has_id = s.has_id;
				all.id = arena_copy(&all.arena, s.id);
			} else if (s.has_id != all.has_id) {
				report.errors++; /* another document */
			}
			crdt_join(&report, &all, &s, NULL);
			crdt_state_fini(&s);
		}
		if (rc == 1) {
			agree = report.errors + report.warnings == 0 &&
			        crdt_emit(&(struct crdt_out){ .b = &joined }, &all, all.shape) == 0;
			buf_add_char(&joined, '\n');
			agree = agree && str_eq(buf_str(&streamed), buf_str(&joined));
			agree = agree && (i % 8 > 0 || type != 4);
			done[type]++;
		} else {
			not_done += report.errors + report.warnings == 0;
		}
		if (!agree)
			printf("# %.*s instead of %.*s", (int)streamed.n, streamed.p, (int)joined.n,
				joined.p);
		crdt_state_fini(&all);
		crdt_reader_fini(&r);
	}
	ok(agree, "what is joined as streams is what the general way joins, and has no finding");
	for (int t = 0; t < 5; t++)
		ok(done[t] > 1000, "type %d: %d were joined so", t, done[t]);
	ok(not_done < 3000, "%d of those without findings were left to the general way", not_done);
	for (int k = 0; k < 3; k++)
		buf_fini(&texts[k]);
	buf_fini(&streamed);
	buf_fini(&joined);
	buf_fini(&text);
}

int main(void)
{
	test_read();
	test_streams();
	return tap_done();
}
