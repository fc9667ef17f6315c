/* fuzz_crdt_apply.c - fuzz target: operations on a state
 *
 * The first byte picks the type of an empty state; each line is an operation on it. Whatever they
 * were, the state that is left is one, and is not before the one it was. */
#include "crdt_laws.h"

#include "crdt/apply.h"

static void apply_line(struct crdt_reader *r, struct crdt_state *s, struct str line)
{
	const struct json *op;

	arena_reset(&r->tree);
	r->json = (struct json_reader){ .arena = &r->tree, .report = r->report, .max_depth = 64,
		.begin = line.p, .p = line.p, .end = line.p + line.n, .line = 1 };
	op = json_read(&r->json);
	if (op)
		crdt_apply(r, s, STR("node"), op);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct crdt_options options = { .max_depth = 64, .max_line = 1 << 20, .max_drift_us = -1,
		.now_us = 1700000000000000 };
	struct crdt_report report = { 0 };
	struct crdt_reader r = { .options = &options, .report = &report };
	const struct crdt_type *const *types = crdt_types();
	struct crdt_state s = { .shape = SHAPE_V1 }, before;
	struct str text = { (const char *)data, n };
	size_t count = 0;

	while (types[count])
		count++;
	s.type = n > 0 ? types[data[0] % count] : types[0];
	text = n > 0 ? str_skip(text, 1) : text;
	while (text.p && text.n > 0) {
		struct str line = str_cut(text, '\n', &text);

		crdt_clone(&before, &s);
		apply_line(&r, &s, line);
		must(crdt_order(&report, &before, &s) <= ORDER_BEFORE);
		crdt_state_fini(&before);
	}
	check_round(&s, &options);
	crdt_state_fini(&s);
	crdt_reader_fini(&r);
	return 0;
}
