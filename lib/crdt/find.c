/* find.c - the table of findings
 *
 * Names and advice, and the one place through which every finding passes. Who prints it is the
 * program's business. */
#include "crdt/find.h"
#include "base/err.h"

#define PATH_SHOWN 400 /* bytes of where a finding is: keys may be megabytes */

static const struct {
	const char *name, *advice;
} table[CRDT_CODES] = {
	[E_SYNTAX] = { "E_SYNTAX", "mend or drop the document; take it again from its replica" },
	[E_UTF8] = { "E_UTF8", "write the document as UTF-8" },
	[E_DEPTH] = { "E_DEPTH", "raise --max-depth if the nesting is meant" },
	[E_SIZE] = { "E_SIZE", "raise --max-line if the size is meant" },
	[E_LIMIT] = { "E_LIMIT", "write it shorter; no option raises that limit" },
	[E_DUPKEY] = { "E_DUPKEY",
		"find the writer that repeats keys; other tools keep one of them silently" },
	[E_TYPE] = { "E_TYPE", 
		"merge documents of one type; --type names it, rt-crdt(5) shows its shape" },
	[E_VERSION] = { "E_VERSION", "use a newer rt-crdt-merge" },
	[E_KEY] = { "E_KEY", "correct the member; see rt-crdt(5)" },
	[E_AMBIGUOUS] = { "E_AMBIGUOUS", "say which it is with --type" },
	[E_SHAPE] = { "E_SHAPE", "use --shape v1" },
	[E_EPOCH] = { "E_EPOCH", "bring every replica to the same epoch first" },
	[E_NEG] = { "E_NEG", "counts never go below 0; use pncounter to count down" },
	[E_NOT_INT] = { "E_NOT_INT",
		"write counts as integers, without fraction, quotes or exponent" },
	[E_RANGE] = { "E_RANGE",
		"counts are at most 9223372036854775807, other numbers what a double holds" },
	[E_SUM_RANGE] = { "E_SUM_RANGE", "read the value with a tool that knows big integers" },
	[E_RIGHTS] = { "E_RIGHTS", "a replica spent rights it did not hold; find out which" },
	[E_TS] = { "E_TS",
		"write the timestamp as a finite number not below 0, or as an HLC string" },
	[E_TS_MIXED] = { "E_TS_MIXED", "let all writers of a slot use one kind of timestamp" },
	[E_HLC] = { "E_HLC", "write it as 2026-11-24T04:12:42.123456Z-0003" },
	[E_DRIFT] = { "E_DRIFT", "set the writer's clock, or raise --max-drift" },
	[E_DOT_REUSE] = { "E_DOT_REUSE",
		"a replica was restored or cloned: give it a new node id before it writes again" },
	[E_DOT_UNCOVERED] = { "E_DOT_UNCOVERED", "the context must cover every dot of the state" },
	[E_CTX] = { "E_CTX", "correct it; rt-crdt(5) explains dots and contexts" },
	[E_NODE] = { "E_NODE", "node ids are strings of 1 to 1024 bytes" },
	[E_OP] = { "E_OP", "correct the operation; see rt-crdt-merge(1)" },
	[E_ROLLBACK] = { "E_ROLLBACK",
		"the file is older than the replica: merge the newer state into it first" },
	[W_UNSAFE_INT] = { "W_UNSAFE_INT",
		"keep other JSON tools away: they round integers above 2^53-1" },
	[W_LWW_TIE] = { "W_LWW_TIE",
		"two writers share a node id or a clock stands still; look for a clone" },
	[W_TS_UNIT] = { "W_TS_UNIT", "let all writers use the same unit of time" },
	[W_DOT_VALUE] = { "W_DOT_VALUE",
		"one dot was written twice; look for a restored or cloned replica" },
	[W_NONMONOTONE] = { "W_NONMONOTONE",
		"a state went back; a join undoes that, so write the change as an operation" },
	[W_NONCANON] = { "W_NONCANON", "rt-crdt-merge fmt writes it canonically" },
	[W_DRIFT] = { "W_DRIFT", "set the writer's clock" },
};

const char *crdt_code_name(enum crdt_code c)
{
	return table[c].name;
}

const char *crdt_code_advice(enum crdt_code c)
{
	return table[c].advice;
}

int crdt_find(struct crdt_report *r, enum crdt_code c, uint64_t line, const char *path,
	const char *fmt, ...)
{
	struct buf text = { 0 };
	char where[PATH_SHOWN];
	va_list ap;

	if (crdt_code_is_error(c)) {
		r->errors++;
		r->error = c;
	} else {
		r->warnings++;
	}
	if (r->fn) {
		struct crdt_finding f = { .code = c, .file = r->file, .line = line };

		f.path = str_brief(str_of(path), where, sizeof(where));
		va_start(ap, fmt);
		buf_addv(&text, fmt, ap);
		va_end(ap);
		f.text = buf_cstr(&text);
		r->fn(r->arg, &f);
		buf_fini(&text);
	}
	return crdt_code_is_error(c) ? ERR_INVALID : 0;
}

void crdt_finding_json(struct buf *out, const struct crdt_finding *f)
{
	buf_add_text(out, "{\"advice\":");
	buf_add_json(out, str_of(table[f->code].advice));
	buf_addf(out, ",\"code\":\"%s\",\"file\":", table[f->code].name);
	if (f->file)
		buf_add_json(out, str_of(f->file));
	else
		buf_add_text(out, "null");
	buf_addf(out, ",\"line\":%llu,\"path\":", (unsigned long long)f->line);
	buf_add_json(out, str_of(f->path));
	buf_add_text(out, ",\"text\":");
	buf_add_json(out, str_of(f->text));
	buf_add_char(out, '}');
}
