/* fuzz_crdt.c - fuzz target: documents of any type, read, joined and written
 *
 * Whatever is read must be written so that it is read again as the same; joining must be idempotent, commutative and absorbing. The
 * text is in a block of its exact size. Lines with E_ findings are skipped, as are pairs that cannot be joined. */
#include "crdt/compare.h"
#include "crdt/crdt.h"
#include "crdt/hlc.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct crdt_options options = { .max_depth = 64, .max_line = 1 << 20, .max_drift_us = -1 };

static void must(bool held)
{
	if (!held)
		abort();
}

static void emit(struct buf *out, const struct crdt_state *s)
{
	crdt_emit(&(struct crdt_out){ .b = out }, s, s->shape);
}

/* Written, read again, written: the same. */
static void check_round(const struct crdt_state *s)
{
	struct crdt_report report = { 0 };
	struct crdt_reader r = { .options = &options, .report = &report };
	struct crdt_options forced = options;
	struct buf once = { 0 }, twice = { 0 }, value = { 0 };
	struct crdt_state again;
	struct str text;

	forced.type = s->type;
	r.options = &forced;
	emit(&once, s);
	crdt_value(&value, s);
	text = buf_str(&once);
	must(crdt_read(&r, &text, &again) == 1 && text.n == 0);
	emit(&twice, &again);
	must(str_eq(buf_str(&once), buf_str(&twice)));
	crdt_state_fini(&again);
	crdt_reader_fini(&r);
	buf_fini(&once);
	buf_fini(&twice);
	buf_fini(&value);
}

static bool joined(struct crdt_state *to, const struct crdt_state *a, const struct crdt_state *b)
{
	struct crdt_report report = { 0 };
	struct crdt_state copy;
	int rc;

	crdt_clone(to, a);
	crdt_clone(&copy, b);
	rc = crdt_join(&report, to, &copy, NULL);
	crdt_state_fini(&copy);
	return rc == 0;
}

static void check_laws(const struct crdt_state *a, const struct crdt_state *b)
{
	struct crdt_report report = { 0 };
	struct crdt_state ab, ba, aab, d, ad;

	if (joined(&ab, a, b)) {
		must(joined(&ba, b, a) && crdt_equal(&ab, &ba));
		must(joined(&aab, a, &ab) && crdt_equal(&aab, &ab));
		if (crdt_delta(&report, &d, a, b) == 0) {
			must(joined(&ad, a, &d) && crdt_equal(&ad, &ab));
			crdt_state_fini(&ad);
		}
		crdt_state_fini(&d);
		crdt_state_fini(&aab);
		crdt_state_fini(&ba);
	}
	crdt_state_fini(&ab);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct crdt_report report = { 0 };
	struct crdt_reader r = { .options = &options, .report = &report };
	struct crdt_state states[8];
	struct str text = { (const char *)data, n };
	struct buf explained = { 0 };
	struct hlc stamp;
	size_t k = 0, same = 0;
	int rc;

	hlc_parse(&stamp, text, NULL);
	while (k < 8 && (rc = crdt_read(&r, &text, &states[k])) != 0)
		k += rc > 0;
	for (size_t i = 0; i < k; i++) {
		check_round(&states[i]);
		for (size_t j = 0; j <= i; j++)
			check_laws(&states[i], &states[j]);
	}
	for (size_t i = 0; i < k; i++)
		same += states[i].type == states[0].type;
	if (same == k)
		crdt_explain(&explained, states, k);
	for (size_t i = 0; i < k; i++)
		crdt_state_fini(&states[i]);
	buf_fini(&explained);
	crdt_reader_fini(&r);
	return 0;
}
