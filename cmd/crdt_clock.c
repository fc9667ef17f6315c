/* crdt_clock.c - the hlc verb: now, recv, cmp, parse, pack
 *
 * With --state FILE the last stamp is kept there under a lock, so that neither a restart nor a
 * clock set back issues a stamp again. */
#include "crdt_merge.h"

#include "base/log.h"
#include "crdt/hlc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

static int print(struct hlc h)
{
	struct buf b = { 0 };
	int rc = 0;

	hlc_format(&b, h);
	if (puts(buf_cstr(&b)) < 0 || fflush(stdout) != 0)
		rc = merge_cannot("write", "stdout");
	buf_fini(&b);
	return rc;
}

static int parse(const char *text, struct hlc *h)
{
	struct err e = { 0 };

	if (hlc_parse(h, str_of(text), &e) == 0)
		return 0;
	log_error("E_HLC: %s", e.text);
	return EXIT_DATA;
}

static int load(int fd, const char *path, struct hlc *h)
{
	char text[64];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	*h = (struct hlc){ 0 };
	if (n < 0)
		return merge_cannot("read", path);
	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	return n == 0 ? 0 : parse(text, h);
}

static int store(int fd, const char *path, struct hlc h)
{
	struct buf b = { 0 };
	int rc = 0;

	hlc_format(&b, h);
	buf_add_char(&b, '\n');
	if (pwrite(fd, b.p, b.n, 0) != (ssize_t)b.n || ftruncate(fd, (off_t)b.n) != 0 ||
		fsync(fd) != 0)
		rc = merge_cannot("write", path);
	buf_fini(&b);
	return rc;
}

/* now, recv STAMP */
static int tick(struct merge *m, const char *path, const struct hlc *seen)
{
	struct hlc clock = { 0 };
	struct err e = { 0 };
	int fd = -1, rc = 0;

	if (path) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
		if (fd < 0 || flock(fd, LOCK_EX) != 0)
			rc = merge_cannot("open", path);
		if (rc == 0)
			rc = load(fd, path, &clock);
	}
	if (rc == 0 &&
		(seen ? hlc_recv(&clock, *seen, m->options.now_us, m->options.max_drift_us, &e)
		      : hlc_send(&clock, m->options.now_us, &e)) != 0) {
		log_error("%s: %s", e.code == ERR_DENIED ? "E_DRIFT" : "E_HLC", e.text);
		rc = EXIT_DATA;
	}
	if (rc == 0 && fd >= 0)
		rc = store(fd, path, clock);
	if (fd >= 0)
		close(fd);
	return rc ? rc : print(clock);
}

int verb_hlc(struct merge *m, const char *state_file)
{
	const char *verb = m->n_files > 0 ? m->files[0] : "";
	struct hlc a, b;
	int rc;

	if (strcmp(verb, "now") == 0 && m->n_files == 1)
		return tick(m, state_file, NULL);
	if (m->n_files < 2 || (strcmp(verb, "cmp") == 0) != (m->n_files == 3)) {
		merge_usage("hlc needs now, recv STAMP, cmp A B, parse STAMP or pack STAMP");
	}
	rc = parse(m->files[1], &a);
	if (rc != 0)
		return rc;
	if (strcmp(verb, "recv") == 0)
		return tick(m, state_file, &a);
	if (strcmp(verb, "cmp") == 0) {
		rc = parse(m->files[2], &b);
		if (rc != 0)
			return rc;
		rc = hlc_cmp(a, b);
		printf("%s\n", rc < 0 ? "before" : rc > 0 ? "after" : "equal");
	} else if (strcmp(verb, "parse") == 0) {
		return print(a);
	} else if (strcmp(verb, "pack") == 0) {
		printf("%llu\n", (unsigned long long)hlc_pack(a));
	} else {
		merge_usage("unknown '%s' (now, recv, cmp, parse, pack)", verb);
	}
	return fflush(stdout) == 0 ? EXIT_DONE : EXIT_SYSTEM;
}
