/* fuzz_head.c - libFuzzer on the readers of heads and bodies
 *
 *	clang -std=c11 -D_GNU_SOURCE -Ilib -g -O1 -fsanitize=fuzzer,address,undefined \
 *		-DRT_VERSION='"fuzz"' -o fuzz_head tests/fuzz/fuzz_head.c \
 *		lib/net/head.c lib/net/body.c lib/base/[!o]*.c
 *
 * The first byte of the input says where the rest is cut. Pipelined requests are read from the
 * whole and from the pieces: both must say the same, and what is taken must keep the promises of
 * the headers. */
#include "base/buf.h"
#include "net/body.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

/* A copy at the end of a block of just its size. */
static char *exactly(const char *p, size_t n)
{
	char *block = malloc(n ? n : 1);

	must(block != NULL);
	if (n > 0)
		memcpy(block, p, n);
	return block;
}

static bool inside(struct str s, const char *p, size_t n)
{
	return s.p >= p && s.p + s.n <= p + n;
}

static void check_head(const struct head *h, const char *p, size_t n)
{
	struct str path = str_make(h->path, h->path_n);

	must(h->path_n > 0 && h->path_n < HEAD_PATH_MAX && strlen(h->path) == h->path_n);
	must(h->path[0] == '/' || (h->method == HTTP_OPTIONS && strcmp(h->path, "*") == 0));
	must(str_utf8(path) && str_find(path, STR("//")) < 0 && str_find(path, STR("/../")) < 0);
	must(inside(h->target, p, n) && h->host.n > 0 && inside(h->host, p, n));
	must(!h->query.p || inside(h->query, p, n));
	must(head_count(h, STR("host")) == 1 && h->n_fields <= HEAD_HEADERS_MAX);
	must(h->length <= 999999999999999 && (h->body == BODY_SIZED || h->length == 0));
	must(!(h->upgrade_websocket && h->upgrade_other));
	for (int i = 0; i < h->n_fields; i++) {
		must(h->fields[i].name.n > 0 && inside(h->fields[i].name, p, n));
		must(inside(h->fields[i].value, p, n));
		must(!memchr(h->fields[i].value.p, '\n', h->fields[i].value.n));
	}
}

static void log_head(struct buf *log, const struct head *h, long rc)
{
	buf_addf(log, "%ld %d %s %d %llu %d%d%d%d %d\n", rc, h->method, h->path, h->body,
		(unsigned long long)h->length, h->keep_alive, h->upgrade_websocket,
		h->upgrade_other, h->expect_continue, h->n_fields);
	for (int i = 0; i < h->n_fields; i++) {
		buf_add_str(log, h->fields[i].name);
		buf_add_str(log, h->fields[i].value);
	}
}

/* Reads a head from the front of `*all`, of which `cut` bytes come first. Returns whether one was
 * there. */
static bool read_head(struct str *all, size_t cut, struct head *h, struct buf *log)
{
	size_t scanned = 0;
	long rc = 0;

	for (int whole = cut >= all->n; rc == 0 && whole < 2; whole++) {
		size_t n = whole ? all->n : cut;
		char *p = exactly(all->p, n);

		rc = head_read(h, p, n, &scanned, NULL);
		must(rc <= (long)n && scanned <= n);
		if (rc > 0) {
			check_head(h, p, n);
			log_head(log, h, rc);
		} else if (rc < 0) {
			buf_addf(log, "%ld\n", rc);
		}
		free(p);
	}
	if (rc > 0)
		*all = str_skip(*all, (size_t)rc);
	return rc > 0;
}

/* The same for its body, in pieces of `step`. */
static bool read_body(struct str *all, size_t step, const struct head *h, struct buf *log)
{
	struct body b;
	int rc;

	body_init(&b, h);
	do {
		size_t n = step < all->n ? step : all->n;
		char *p = exactly(all->p, n);
		struct str in = str_make(p, n), content;

		do {
			rc = body_next(&b, &in, &content, NULL);
			must(content.n == 0 || inside(content, p, n));
			buf_add_str(log, content);
		} while (rc == 0 && in.n > 0);
		must(rc >= 0 ? b.done == (rc == 1) : rc == -400);
		*all = str_skip(*all, n - in.n);
		free(p);
	} while (rc == 0 && all->n > 0);
	buf_addf(log, "body %d\n", rc);
	return rc == 1;
}

static void read_all(struct str all, size_t cut, struct buf *log)
{
	static struct head h;

	while (read_head(&all, cut, &h, log) && read_body(&all, cut ? cut : 1, &h, log))
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = { 0 }, parts = { 0 };
	struct str all;

	if (size < 1)
		return 0;
	all = str_make((const char *)data + 1, size - 1);
	read_all(all, all.n, &whole);
	read_all(all, data[0], &parts);
	must(str_eq(buf_str(&whole), buf_str(&parts)));
	buf_fini(&whole);
	buf_fini(&parts);
	return 0;
}
