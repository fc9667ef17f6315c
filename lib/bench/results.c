/* results.c - reading files of results, line by line */
#include "bench/results.h"

#include "base/mem.h"

#include <errno.h>
#include <stdio.h>

#define LINE_MAX_BYTES (64u << 20)

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

static int read_lines(struct results *all, FILE *f, const char *path, struct err *e)
{
	struct buf text = { 0 };
	size_t number = 1, got, before = all->n;
	int rc = 0;

	do {
		const char *end;
		size_t from = text.n;

		got = fread(buf_reserve(&text, 65536), 1, 65536, f);
		text.n += got;
		while (rc == 0 && (end = memchr(text.p + from, '\n', text.n - from))) {
			struct str line = str_trim(str_make(text.p, (size_t)(end - text.p)));
			if (line.n)
				rc = add(all, line, path, number, e);
			buf_drop(&text, (size_t)(end - text.p) + 1);
			from = 0;
			number++;
		}
		if (rc == 0 && text.n > LINE_MAX_BYTES)
			rc = err_set(e, ERR_INVALID, "'%s' line %zu: over %u bytes", path, number,
				LINE_MAX_BYTES);
	} while (got && rc == 0);
	if (rc == 0 && ferror(f))
		rc = err_set(e, ERR_IO, "cannot read '%s':", path);
	if (rc == 0 && str_trim(buf_str(&text)).n)
		rc = add(all, str_trim(buf_str(&text)), path, number, e);
	if (rc == 0 && all->n == before)
		rc = err_set(e, ERR_INVALID, "'%s' line 1: no result of rt-bench in it", path);
	buf_fini(&text);
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
