/* crdt_output.c - writing results and findings of rt-crdt-merge
 *
 * A result is whole or not there: a file is written beside its target, synced and renamed; what
 * goes to stdout waits in memory, and beyond that in a nameless file, while an error may still turn
 * up. */
#include "crdt_merge.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOLD_BYTES (4u << 20)

int merge_cannot(const char *what, const char *path)
{
	struct err e = { 0 };

	err_set(&e, ERR_IO, "cannot %s '%s':", what, path);
	log_error("%s", e.text);
	return EXIT_SYSTEM;
}

static int complain(struct merge_out *o, const char *what)
{
	o->failed = true;
	return merge_cannot(what, o->path ? o->path : "stdout");
}

static void forget(struct merge_out *o);

static int not_opened(struct merge_out *o, const char *what)
{
	int rc = complain(o, what);

	forget(o);
	return rc;
}

int merge_write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno != EINTR)
			return -1;
		if (put > 0) {
			p += put;
			n -= (size_t)put;
		}
	}
	return 0;
}

int merge_out_open(struct merge *m, struct merge_out *o, const char *path, bool careful)
{
	struct stat st;
	mode_t mask = umask(0);
	int fd = -1;

	umask(mask);
	*o = (struct merge_out){ .m = m, .fd = STDOUT_FILENO, .spool = careful };
	if (!path || strcmp(path, "-") == 0)
		return 0;
	o->spool = false;
	o->path = realpath(path, NULL); /* through links: the file itself is replaced */
	if (!o->path)
		o->path = mem_strdup(path);
	if (stat(o->path, &st) == 0 && !S_ISREG(st.st_mode)) {
		o->spool = careful;
		o->fd = open(o->path, O_WRONLY | O_CLOEXEC);
		return o->fd < 0 ? not_opened(o, "open") : 0;
	}
	o->temp = mem_alloc(strlen(o->path) + 8);
	sprintf(o->temp, "%s.XXXXXX", o->path);
	fd = mkostemp(o->temp, O_CLOEXEC);
	o->fd = fd;
	if (fd < 0)
		return not_opened(o, "write beside");
	(void)!fchmod(fd, stat(o->path, &st) == 0 ? st.st_mode & 07777 : 0666 & ~mask);
	return 0;
}

int merge_spool_open(void)
{
	const char *dir = getenv("TMPDIR");
	char name[] = "/tmp/rt-crdt-merge.XXXXXX";
	int fd = open(dir && *dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0) {
		fd = mkostemp(name, O_CLOEXEC);
		if (fd >= 0)
			unlink(name);
	}
	return fd;
}

static int spool_fd = -1;

void merge_out_flush(void *out, struct buf *b)
{
	struct merge_out *o = out;
	int fd = o->fd;

	if (o->m->pretty) {
		pretty_add(&o->pretty, &o->shown, buf_str(b));
		b->n = 0;
		b = &o->shown;
	}
	if (o->failed || (o->spool && spool_fd < 0 && b->n < HOLD_BYTES))
		return;
	if (o->spool && spool_fd < 0)
		spool_fd = merge_spool_open();
	if (o->spool)
		fd = spool_fd;
	if (fd < 0 || merge_write_all(fd, b->p, b->n) != 0)
		complain(o, "write");
	o->m->stats.bytes_out += b->n;
	b->n = 0;
}

static int copy_spool(struct merge_out *o)
{
	char *block = mem_alloc(1u << 20);
	ssize_t n;
	int rc = 0;

	if (lseek(spool_fd, 0, SEEK_SET) < 0)
		rc = -1;
	while (rc == 0 && (n = read(spool_fd, block, 1u << 20)) != 0)
		rc = n < 0 ? -1 : merge_write_all(o->fd, block, (size_t)n);
	mem_free(block);
	close(spool_fd);
	spool_fd = -1;
	return rc;
}

static void forget(struct merge_out *o)
{
	if (o->path && o->fd >= 0)
		close(o->fd);
	if (spool_fd >= 0)
		close(spool_fd);
	spool_fd = -1;
	buf_fini(&o->buf);
	buf_fini(&o->shown);
	mem_free(o->temp);
	free(o->path);
	*o = (struct merge_out){ .fd = -1 };
}

int merge_out_commit(struct merge_out *o)
{
	int rc = 0;

	o->spool &= spool_fd >= 0; /* what fitted into memory goes out directly */
	merge_out_flush(o, &o->buf);
	if (!o->failed && spool_fd >= 0 && copy_spool(o) != 0)
		complain(o, "write");
	if (!o->failed && o->temp && (fsync(o->fd) != 0 || rename(o->temp, o->path) != 0))
		complain(o, "write");
	else if (!o->failed && o->temp)
		o->temp[0] = '\0';
	if (o->failed) {
		rc = EXIT_SYSTEM;
		merge_out_abandon(o);
	} else {
		forget(o);
	}
	return rc;
}

void merge_out_abandon(struct merge_out *o)
{
	if (o->temp && o->temp[0])
		unlink(o->temp);
	forget(o);
}

/* --- findings --------------------------------------------------------------------------------- */

void merge_print_finding(void *merge, const struct crdt_finding *f)
{
	struct merge *m = merge;
	struct buf line = { 0 }, shown = { 0 };

	if (m->quiet && !crdt_code_is_error(f->code) && !m->findings_on_stdout)
		return;
	if (m->format == 1) {
		crdt_finding_json(&shown, f);
	} else {
		buf_addf(&line, "%s:%llu: %s%s%s: %s (%s)", f->file ? f->file : "-",
			(unsigned long long)f->line, crdt_code_name(f->code),
			*f->path ? " at " : "", f->path, f->text, crdt_code_advice(f->code));
		if (!m->findings_on_stdout)
			buf_add_text(&shown, "rt-crdt-merge: ");
		tty_escape(&shown, buf_str(&line));
	}
	buf_add_char(&shown, '\n');
	fflush(stdout);
	if (m->findings_on_stdout && !m->lost_findings &&
		merge_write_all(STDOUT_FILENO, shown.p, shown.n) != 0) {
		merge_cannot("write", "stdout");
		m->lost_findings = true;
	} else if (!m->findings_on_stdout) {
		(void)merge_write_all(STDERR_FILENO, shown.p, shown.n);
	}
	buf_fini(&line);
	buf_fini(&shown);
}

int merge_shape(const struct merge *m)
{
	return m->shape == MERGE_V1 ? SHAPE_V1 : m->shape == MERGE_PLAIN ? SHAPE_PLAIN : -1;
}

int merge_write(struct merge *m, struct crdt_out *to, const struct crdt_state *s)
{
	int wanted = merge_shape(m);
	enum crdt_shape shape = wanted < 0 ? s->shape : (enum crdt_shape)wanted;
	size_t begin = to->b->n;

	if (crdt_check(&m->report, s) != 0)
		return EXIT_DATA;
	if (m->value) {
		crdt_value(to->b, s);
	} else if (crdt_emit(to, s, shape) != 0) {
		to->b->n = begin;
		crdt_find(&m->report, E_SHAPE, s->line, "",
			"the plain shape of %s cannot say all of it", s->type->name);
		return EXIT_DATA;
	}
	buf_add_char(to->b, '\n');
	m->stats.documents_out++;
	if (to->flush)
		to->flush(to->arg, to->b);
	return 0;
}

bool merge_clean(const struct merge *m)
{
	return m->report.errors == 0 && !(m->strict && m->report.warnings > 0);
}

int merge_status(const struct merge *m, int status)
{
	if (status != EXIT_DONE && status != EXIT_NEGATIVE)
		return status;
	if (m->report.errors > 0)
		return EXIT_DATA;
	return !merge_clean(m) || m->skipped > 0 ? EXIT_NEGATIVE : status;
}
