/* crdt_git.c - a merge driver for git
 *
 * The join needs no common ancestor, but the ancestor is a check: each side must have grown from it. Where one did not,
 * somebody edited the file by hand or reverted a commit, and the join undoes that; so it is said. Only 0 and 1 are ever returned: git takes
 * other numbers differently from version to version. */
#include "crdt_merge.h"

#include "base/log.h"
#include "base/mem.h"
#include "crdt/compare.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Killed is a conflict too: ours stays untouched, because it is replaced by a rename or not at all. */
static void on_signal(int signo)
{
	(void)signo;
	_exit(1);
}

static void load(struct merge *m, const char *path, const char *name, struct crdt_state *s)
{
	uint64_t before = m->report.errors;

	if (merge_one(m, path, s) != 0)
		m->report.errors++;
	if (m->report.errors > before)
		log_error("%s: the %s side cannot be merged; ours is left as it is", m->files[3], name);
	s->file = m->files[3];
}

static void check_grown(struct merge *m, const struct crdt_state *base, const struct crdt_state *s, const char *name)
{
	struct crdt_report quiet = { 0 };
	int order = crdt_order(&quiet, base, s);

	m->report.file = m->files[3];
	if (order != ORDER_EQUAL && order != ORDER_BEFORE)
		crdt_find(&m->report, W_NONMONOTONE, s->line, "", "%s went back behind the common ancestor; the merge undoes that", name);
}

int verb_git_merge(struct merge *m)
{
	struct crdt_state base, ours, theirs;
	struct merge_out o;
	struct crdt_out to = { .flush = merge_out_flush, .arg = &o };
	int rc;

	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGHUP, on_signal);
	signal(SIGPIPE, SIG_IGN);
	load(m, m->files[0], "common", &base);
	load(m, m->files[1], "our", &ours);
	load(m, m->files[2], "their", &theirs);
	if (m->report.errors > 0)
		goto conflict;
	check_grown(m, &base, &ours, "ours");
	check_grown(m, &base, &theirs, "theirs");
	crdt_join(&m->report, &ours, &theirs, NULL);
	if (merge_status(m, EXIT_DONE) != EXIT_DONE || merge_out_open(&o, m->files[1], false) != 0)
		goto conflict;
	to.b = &o.buf;
	rc = merge_write(m, &to, &ours);
	if (rc != 0) {
		merge_out_abandon(&o);
		goto conflict;
	}
	rc = merge_out_commit(&o);
	crdt_state_fini(&base);
	crdt_state_fini(&ours);
	crdt_state_fini(&theirs);
	return rc == 0 ? EXIT_DONE : EXIT_NEGATIVE;
conflict:
	crdt_state_fini(&base);
	crdt_state_fini(&ours);
	crdt_state_fini(&theirs);
	return EXIT_NEGATIVE;
}

static int git(const char *const *argv)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		execvp("git", (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		log_error("cannot run 'git config' here");
		return EXIT_SYSTEM;
	}
	return 0;
}

int verb_git_install(struct merge *m, bool global)
{
	static const char *const settings[][2] = {
		{ "merge.rtcrdt.name", "join of CRDT states" },
		{ "merge.rtcrdt.driver", "rt-crdt-merge git-merge %O %A %B %P" },
		{ "diff.rtcrdt.textconv", "rt-crdt-merge value" },
	};
	int rc = 0;

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings) && rc == 0; i++)
		rc = git((const char *const[]){ "git", "config", global ? "--global" : "--local", settings[i][0],
			settings[i][1], NULL });
	if (rc == 0 && !m->quiet)
		printf("# add to .gitattributes:\n*.crdt.json   merge=rtcrdt diff=rtcrdt -text\n"
		       "*.crdt.ndjson merge=rtcrdt diff=rtcrdt -text\n");
	return rc;
}
