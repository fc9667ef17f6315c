/* fuzz_scan.c - any bytes: scan_json reads nothing else, agrees with jansson, and reports what is
 *so
 *
 *	clang -std=c11 -D_GNU_SOURCE -Ilib -g -O1 -fsanitize=fuzzer,address,undefined \
 *		-DRT_VERSION='"fuzz"' -o fuzz_scan tests/fuzz/fuzz_scan.c lib/codec/[a-z]*.c \
 *		lib/base/[!o]*.c -ljansson
 */
#include "codec/scan.h"

#include "../unit/json_oracle.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void check_mark(const struct scan *s, struct str text, const struct scan_mark *m)
{
	static struct scan inner;
	struct str value = str_make(text.p + m->value, m->value_n);

	must(m->name > s->begin && text.p[m->name - 1] == '"' &&
		text.p[m->name + m->name_n] == '"');
	must(m->value > m->name + m->name_n && m->value + m->value_n < s->end);
	must(m->index < s->n_members);
	must(m->comma_before ? text.p[m->comma_before] == ',' && m->comma_before < m->name
			     : m->index == 0);
	must(m->comma_after
			? text.p[m->comma_after] == ',' && m->comma_after >= m->value + m->value_n
			: m->index + 1 == s->n_members);
	must(scan_json(&inner, value, SCAN_DEPTH_MAX, NULL) == 0);
	must(inner.type == m->type && inner.begin == 0 && inner.end == m->value_n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scan s;
	struct str text = str_make((const char *)data, size);
	struct err e = { 0 };
	int r = scan_json(&s, text, SCAN_DEPTH_MAX, &e);
	enum oracle theirs = json_oracle(text);

	must((r < 0) == (e.text[0] != '\0') && (r == 0 || s.error_at <= size));
	if (r == 0)
		must(theirs != ORACLE_REFUSES);
	else if (theirs == ORACLE_ACCEPTS) /* rt's own limits */
		must(r == ERR_TOO_LARGE || strncmp(e.text, "more than 32", 12) == 0);
	for (int i = 0; r == 0 && i < s.n_marks; i++)
		check_mark(&s, text, &s.marks[i]);
	return 0;
}
