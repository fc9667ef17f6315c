/* results.c - reading files of results, line by line */
#include "bench/results.h"

#include "base/line.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>

#define LINE_MAX_BYTES (64u << 20)
#define READ_BYTES     65536

static int add(struct results *all, struct str line, const char *path, size_t number, struct err *e)
{
	struct result *r = mem_new(struct result);
	struct err why = { 0 };

	result_init(r);
	if (result_parse(r, line, &why) < 0) {
		result_fini(r);
		mem_free(r);
		return err_set(e, ERR_INVALID, "'%s' line %zu: %s", path, number, why.text);
	}
	if (all->n == all->cap) {
		all->cap = all->cap ? 2 * all->cap : 8;
		all->v = mem_resize(all->v, all->cap, sizeof(*all->v));
	}
	all->v[all->n++] = r;
	return 0;
}

static int add_lines(
	struct results *all, struct line *l, bool eof, const char *path, struct err *e)
{
	enum line_result r;
	struct str text;
	int rc = 0;

	while (rc == 0 && (r = line_next(l, eof, &text)) != LINE_NONE) {
		if (r == LINE_TOO_LONG)
			rc = err_set(e, ERR_INVALID, "'%s' line %llu: over %u bytes", path,
				(unsigned long long)l->number, LINE_MAX_BYTES);
		else if (str_trim(text).n)
			rc = add(all, str_trim(text), path, (size_t)l->number, e);
	}
	return rc;
}

static int read_lines(struct results *all, FILE *f, const char *path, struct err *e)
{
	size_t got, room, before = all->n;
	struct line l;
	int rc = 0;

	line_init(&l, LINE_MAX_BYTES);
	do {
		char *to = line_space(&l, READ_BYTES, &room);
		got = fread(to, 1, READ_BYTES, f);
		line_filled(&l, got);
		if (got == 0 && ferror(f))
			rc = err_set(e, ERR_IO, "cannot read '%s':", path);
		else
			rc = add_lines(all, &l, got == 0, path, e);
	} while (got && rc == 0);
	if (rc == 0 && all->n == before)
		rc = err_set(e, ERR_INVALID, "'%s' line 1: no result of rt-bench in it", path);
	line_fini(&l);
	return rc;
}

int results_read(struct results *all, const char *path, struct err *e)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	int rc;

	if (!f)
		return err_set(e, ERR_IO, "cannot open '%s':", path);
	rc = read_lines(all, f, path, e);
	if (f != stdin)
		fclose(f);
	return rc;
}

void results_fini(struct results *all)
{
	for (size_t i = 0; i < all->n; i++) {
		result_fini(all->v[i]);
		mem_free(all->v[i]);
	}
	mem_free(all->v);
	*all = (struct results){ 0 };
}
