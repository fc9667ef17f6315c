/* crdt_git.c - a merge driver for git
 *
 * The join needs no common ancestor, but the ancestor is a check: each side must have grown from
 * it. Where one did not, somebody edited the file by hand or reverted a commit, and the join undoes
 * that; so it is said. Only 0 and 1 are ever returned: git takes other numbers differently from
 * version to version. */
#include "crdt_merge.h"

#include "base/log.h"
#include "base/mem.h"
#include "crdt/compare.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Killed is a conflict too: ours is replaced by a rename or not at all. */
static void on_signal(int signo)
{
	(void)signo;
	_exit(1);
}

static void load(struct merge *m, const char *path, const char *name, struct merge_docs *d)
{
	uint64_t before = m->report.errors;
	struct buf shown = { 0 };

	/* git's temporary names say nothing to anybody. The text lives as long as the states. */
	buf_addf(&shown, "%s (%s)", m->files[3], name);
	m->shown = arena_copy(&m->texts, str_make(buf_cstr(&shown), shown.n + 1)).p;
	buf_fini(&shown);
	if (merge_load(m, path, d) != 0)
		m->report.errors++;
	if (m->report.errors > before)
		log_error("%s cannot be merged; ours is left as it is", m->shown);
}

/* Every document of the ancestor must be in the side, and there no less than it was. */
static void check_grown(struct merge *m, const struct merge_docs *base,
	const struct merge_docs *side, const char *name)
{
	struct crdt_report quiet = { 0 };

	m->report.file = m->files[3];
	for (size_t i = 0; i < base->n; i++) {
		const struct crdt_state *was = &base->v[i], *is = merge_find(side, was);
		int order = is ? crdt_order(&quiet, was, is) : ORDER_AFTER;
		struct buf id = { 0 };
		char brief[STR_BRIEF];

		if (order == ORDER_EQUAL || order == ORDER_BEFORE || !was->type)
			continue;
		if (was->has_id)
			canon_string(&id, was->id);
		crdt_find(&m->report, W_NONMONOTONE, is ? is->line : 0, was->has_id ? "/id" : "",
			"%s%s%s %s behind the common ancestor; the merge undoes that", name,
			was->has_id ? " of " : "", str_brief(buf_str(&id), brief, sizeof(brief)),
			is ? "went back" : "is gone, which is");
		buf_fini(&id);
	}
}

int verb_git_merge(struct merge *m)
{
	struct merge_docs base = { 0 }, ours = { 0 }, theirs = { 0 };
	struct merge_out o;
	struct crdt_out to = { .flush = merge_out_flush, .arg = &o };
	int rc = EXIT_NEGATIVE;

	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGHUP, on_signal);
	signal(SIGPIPE, SIG_IGN);
	load(m, m->files[0], "base", &base);
	load(m, m->files[1], "ours", &ours);
	load(m, m->files[2], "theirs", &theirs);
	if (m->report.errors > 0)
		goto out;
	check_grown(m, &base, &ours, "ours");
	check_grown(m, &base, &theirs, "theirs");
	m->report.file = m->shown;
	for (size_t i = 0; i < theirs.n; i++)
		merge_add(m, &ours, &theirs.v[i], NULL);
	if (!merge_clean(m) || merge_out_open(m, &o, m->files[1], false) != 0)
		goto out;
	to.b = &o.buf;
	rc = 0;
	for (size_t i = 0; i < ours.n && rc == 0; i++)
		rc = merge_write(m, &to, &ours.v[i]);
	if (rc == 0)
		rc = merge_out_commit(&o);
	else
		merge_out_abandon(&o);
	rc = rc == 0 ? EXIT_DONE : EXIT_NEGATIVE;
out:
	merge_docs_fini(&base);
	merge_docs_fini(&ours);
	merge_docs_fini(&theirs);
	return rc;
}

static int git(const char *const *argv)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		execvp("git", (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) ||
		WEXITSTATUS(status) != 0) {
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
		rc = git((const char *const[]){ "git", "config", global ? "--global" : "--local",
			settings[i][0], settings[i][1], NULL });
	if (rc == 0 && !m->quiet)
		printf("# add to .gitattributes:\n*.crdt.json   merge=rtcrdt diff=rtcrdt -text\n"
		       "*.crdt.ndjson merge=rtcrdt diff=rtcrdt -text\n");
	return rc;
}
