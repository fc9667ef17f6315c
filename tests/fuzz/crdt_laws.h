/* crdt_laws.h - what holds of any states that were read, for the fuzz targets of all types
 *
 * The first byte picks a type of the family; lines of the rest are documents of it. Those with E_
 * findings are skipped, as are pairs that cannot be joined. What was read is written so that it is
 * read again as the same, plain and pretty; joins commute, associate, repeat and absorb; deltas
 * make up the difference. The text is in a block of its exact size. */
#ifndef RT_TESTS_FUZZ_CRDT_LAWS_H
#define RT_TESTS_FUZZ_CRDT_LAWS_H

#include "crdt/audit.h"
#include "crdt/compare.h"
#include "crdt/pretty.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define LAWS_STATES 5

static inline void must(bool held)
{
	if (!held)
		abort();
}

/* Reads a canonical or pretty text of s again: the same. */
static inline void check_read(
	const struct crdt_state *s, const struct crdt_options *o, struct str text, struct str once)
{
	struct crdt_report report = { 0 };
	struct crdt_options forced = *o;
	struct crdt_reader r = { .options = &forced, .report = &report };
	struct crdt_state again;
	struct buf twice = { 0 };

	forced.type = s->type;
	must(crdt_read(&r, &text, &again) == 1 && text.n == 0);
	crdt_emit(&(struct crdt_out){ .b = &twice }, &again, again.shape);
	must(str_eq(once, buf_str(&twice)));
	crdt_state_fini(&again);
	crdt_reader_fini(&r);
	buf_fini(&twice);
}

static inline void check_round(const struct crdt_state *s, const struct crdt_options *o)
{
	struct crdt_report report = { 0 };
	struct buf once = { 0 }, shown = { 0 }, value = { 0 };
	struct pretty p = { 0 };

	crdt_emit(&(struct crdt_out){ .b = &once }, s, s->shape);
	must(crdt_is_canonical(s, buf_str(&once)));
	pretty_add(&p, &shown, buf_str(&once));
	must(p.depth == 0);
	check_read(s, o, buf_str(&once), buf_str(&once));
	check_read(s, o, buf_str(&shown), buf_str(&once));
	crdt_value(&value, s);
	audit_sums(&report, s);
	buf_fini(&once);
	buf_fini(&shown);
	buf_fini(&value);
}

/* *warned: a dot with two contents, which only the join of both settles. */
static inline bool joined(
	struct crdt_state *to, const struct crdt_state *a, const struct crdt_state *b, bool *warned)
{
	struct crdt_report report = { 0 };
	struct crdt_state copy;
	int can = crdt_can_join(&report, a, b), rc;

	crdt_clone(to, a);
	crdt_clone(&copy, b);
	rc = crdt_join(&report, to, &copy, NULL);
	must((can == 0) == (rc == 0));
	crdt_state_fini(&copy);
	if (warned)
		*warned = report.warnings > 0;
	return rc == 0;
}

/* a joined with d is ab. */
static inline void check_delta(
	const struct crdt_state *a, struct crdt_state *d, const struct crdt_state *ab)
{
	struct crdt_state ad;

	must(joined(&ad, a, d, NULL) && crdt_equal(&ad, ab));
	crdt_state_fini(&ad);
	crdt_state_fini(d);
}

static inline void check_pair(
	const struct crdt_state *a, const struct crdt_state *b, const struct crdt_options *o)
{
	struct crdt_report report = { 0 };
	struct crdt_state ab, ba, again, d = { 0 };
	struct buf text = { 0 };
	bool warned;

	if (joined(&ab, a, b, &warned)) {
		must(joined(&ba, b, a, NULL) && crdt_equal(&ab, &ba));
		must(joined(&again, a, &ab, NULL) && crdt_equal(&again, &ab));
		crdt_state_fini(&again);
		must(joined(&again, &ab, b, NULL) && crdt_equal(&again, &ab));
		crdt_state_fini(&again);
		crdt_state_fini(&ba);
		crdt_delta(&d, a, b);
		check_delta(a, &d, &ab);
		if (!warned && b->type && b->type->causal) {
			if (crdt_delta_since(&report, &d, &a->ctx, b) == 0)
				check_delta(a, &d, &ab);
			else
				crdt_state_fini(&d);
		}
		must(crdt_order(&report, a, &ab) <= ORDER_BEFORE);
		crdt_diff(&text, a, b);
		if (crdt_check(&report, &ab) == 0)
			check_round(&ab, o);
	}
	crdt_state_fini(&ab);
	buf_fini(&text);
}

static inline void check_triple(
	const struct crdt_state *a, const struct crdt_state *b, const struct crdt_state *c)
{
	struct crdt_state ab = { 0 }, bc = { 0 }, left = { 0 }, right = { 0 };

	if (joined(&ab, a, b, NULL) && joined(&bc, b, c, NULL) && joined(&left, &ab, c, NULL))
		must(joined(&right, a, &bc, NULL) && crdt_equal(&left, &right));
	crdt_state_fini(&ab);
	crdt_state_fini(&bc);
	crdt_state_fini(&left);
	crdt_state_fini(&right);
}

/* `family` ends with NULL; NULL alone: documents say what they are. */
static inline int check_laws(const struct crdt_type *const *family, const uint8_t *data, size_t n)
{
	struct crdt_options options = { .max_depth = 64, .max_line = 1 << 20, .max_drift_us = -1 };
	struct crdt_report report = { 0 };
	struct crdt_reader r = { .options = &options, .report = &report };
	struct crdt_state s[LAWS_STATES];
	struct str text = { (const char *)data, n };
	struct buf explained = { 0 };
	size_t types = 0, k = 0, same = 0;
	int rc;

	while (family[types])
		types++;
	if (types > 0 && n > 0) {
		options.type = family[data[0] % types];
		text = str_skip(text, 1);
	}
	while (k < LAWS_STATES && (rc = crdt_read(&r, &text, &s[k])) != 0)
		k += rc > 0;
	for (size_t i = 0; i < k; i++) {
		check_round(&s[i], &options);
		for (size_t j = 0; j < k; j++)
			check_pair(&s[i], &s[j], &options);
		same += s[i].type == s[0].type;
	}
	for (size_t i = 0; i + 2 < k; i++)
		check_triple(&s[i], &s[i + 1], &s[i + 2]);
	if (same == k)
		crdt_explain(&explained, s, k);
	for (size_t i = 0; i < k; i++)
		crdt_state_fini(&s[i]);
	buf_fini(&explained);
	crdt_reader_fini(&r);
	return 0;
}

#endif
