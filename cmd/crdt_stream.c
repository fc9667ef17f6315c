/* crdt_stream.c - merging large sorted inputs without holding them
 *
 * Tried where an input is large or a pipe. If it turns out not to be for a stream, the general way begins anew: files are opened
 * again, and what was read of a pipe was held for that, up to a limit. */
#include "crdt_merge.h"

#include "base/log.h"
#include "base/mem.h"
#include "crdt/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE_BYTES (8 << 20)
#define HOLD_BYTES  (4u << 20)

struct tap {
	const char *path;
	struct merge_held *held; /* of a pipe; NULL: a file */
	int fd;
};

static long tap_read(void *arg, char *p, size_t n)
{
	struct tap *t = arg;
	ssize_t got;

	do {
		got = read(t->fd, p, n);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		log_error("cannot read '%s': %s", t->path, strerror(errno));
	if (got > 0 && t->held && !t->held->lost) {
		if (t->held->text.n + (size_t)got > HOLD_BYTES) {
			t->held->lost = true;
			buf_fini(&t->held->text);
		} else {
			buf_add(&t->held->text, p, (size_t)got);
		}
	}
	return got;
}

/* Opens all; returns whether one is large or a pipe, and none is missing. */
static bool open_all(struct merge *m, struct tap *taps)
{
	bool worth = false, all = true;

	for (int i = 0; i < m->n_files; i++) {
		struct stat st;
		struct tap *t = &taps[i];

		t->path = m->files[i];
		t->fd = strcmp(t->path, "-") == 0 ? STDIN_FILENO : open(t->path, O_RDONLY | O_CLOEXEC);
		if (t->fd < 0 || fstat(t->fd, &st) != 0) {
			all = false;
			continue;
		}
		worth |= !S_ISREG(st.st_mode) || st.st_size >= LARGE_BYTES;
		if (!S_ISREG(st.st_mode) || t->fd == STDIN_FILENO) {
			m->held[i] = (struct merge_held){ .fd = t->fd, .used = true };
			t->held = &m->held[i];
		}
	}
	return worth && all;
}

int merge_stream(struct merge *m)
{
	struct tap taps[STREAM_INPUTS_MAX] = { { 0 } };
	struct crdt_source sources[STREAM_INPUTS_MAX];
	struct merge_out o;
	struct crdt_out to = { .flush = merge_out_flush, .arg = &o };
	int rc = 0, shape = m->shape == MERGE_V1 ? SHAPE_V1 : m->shape == MERGE_PLAIN ? SHAPE_PLAIN : -1;
	bool lost = false;

	if (m->n_files > STREAM_INPUTS_MAX || m->value)
		return -1;
	if (open_all(m, taps)) {
		for (int i = 0; i < m->n_files; i++)
			sources[i] = (struct crdt_source){ tap_read, &taps[i] };
		rc = merge_out_open(&o, m->output, true);
		to.b = &o.buf;
		if (rc != 0)
			goto out;
		rc = crdt_stream(sources, (size_t)m->n_files, &m->options, shape, &to);
		for (int i = 0; i < m->n_files; i++)
			lost |= m->held[i].used && m->held[i].lost;
		if (rc == 1) {
			rc = merge_out_commit(&o);
			goto out;
		}
		merge_out_abandon(&o);
		if (rc < 0) {
			rc = EXIT_SYSTEM;
			goto out;
		}
		if (lost) {
			log_error("a pipe of more than %u MiB is not sorted, or something in it is to be reported: use a file",
				HOLD_BYTES >> 20);
			rc = EXIT_DATA;
			goto out;
		}
	}
	rc = -1;
out:
	for (int i = 0; i < m->n_files; i++)
		if (taps[i].fd > 0 && (!taps[i].held || rc >= 0))
			close(taps[i].fd);
	for (int i = 0; i < STREAM_INPUTS_MAX && rc >= 0; i++)
		buf_fini(&m->held[i].text);
	return rc;
}
