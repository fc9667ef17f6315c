/* json_oracle.h - is a text JSON with names of its own? What jansson says, for comparison */
#ifndef RT_TESTS_JSON_ORACLE_H
#define RT_TESTS_JSON_ORACLE_H

#include "base/str.h"

#include <jansson.h>

/* ORACLE_SILENT: jansson refuses the text only because it converts numbers, and one is too large.
 */
enum oracle { ORACLE_REFUSES, ORACLE_ACCEPTS, ORACLE_SILENT };

static inline enum oracle json_oracle(struct str text)
{
	json_error_t e;
	json_t *v;

	/* A NUL byte after a number or a literal jansson takes for its own end mark; no text that
	 * has one is JSON. */
	if (text.n && memchr(text.p, '\0', text.n))
		return ORACLE_REFUSES;
	v = json_loadb(
		text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
	if (v) {
		json_decref(v);
		return ORACLE_ACCEPTS;
	}
	return json_error_code(&e) == json_error_numeric_overflow ? ORACLE_SILENT : ORACLE_REFUSES;
}

#endif
