/* json.h - a document as a tree whose members are sorted
 *
 * Proves RFC 8259, UTF-8, paired surrogates, nesting and that no object has a name twice after
 * unescaping. Strings are unescaped (NUL is an ordinary character); members stand in the order of
 * their names' bytes. Numbers stay text. */
#ifndef RT_CRDT_JSON_H
#define RT_CRDT_JSON_H

#include "crdt/arena.h"
#include "crdt/find.h"

#define JSON_DEPTH_LIMIT 4096 /* the largest max_depth */

enum json_type {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_INT,
	JSON_REAL,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

struct json {
	uint8_t type;         /* enum json_type */
	uint32_t n;           /* elements or members */
	struct str name;      /* of a member, unescaped */
	struct str text;      /* string: unescaped; number: as written */
	const char *at;       /* in the document */
	struct json *up, *next, *first;
};

struct json_reader {
	struct arena *arena;  /* the tree's memory */
	struct crdt_report *report;
	unsigned max_depth;
	const char *begin, *p, *end; /* p: where to read on */
	uint64_t line;        /* of begin, from 1 */
};

/* Reads one value at r->p, which then stands behind it. NULL: reported. */
struct json *json_read(struct json_reader *r);
/* Space, tab, CR and LF. */
void json_skip_space(struct json_reader *r);
/* The line of a place in the document. */
uint64_t json_line(const struct json_reader *r, const char *at);
/* The member of that name, or NULL. */
struct json *json_get(const struct json *object, const char *name);
/* Appends the JSON pointer (RFC 6901) of a value; long names in it are cut (str_brief). */
void json_path(struct buf *out, const struct json *v);
/* Reports at a value. */
int json_find(struct json_reader *r, const struct json *v, enum crdt_code code, const char *fmt,
	...) __attribute__((format(printf, 4, 5)));

#endif
