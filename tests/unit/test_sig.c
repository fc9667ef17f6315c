#include "base/sig.h"
#include "child.h"
#include "tap.h"

#include <errno.h>
#include <signal.h>

static struct child c;

static void caught(int signo)
{
	(void)signo;
}

static void die_plainly(void *arg)
{
	sig_die(*(int *)arg);
}

/* Ignored, then handled, and blocked: none of it may matter. */
static void die_blocked(void *arg)
{
	int signo = *(int *)arg;
	sigset_t set;

	signal(signo, caught);
	sigemptyset(&set);
	sigaddset(&set, signo);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sig_die(signo);
}

static void die_ignored(void *arg)
{
	signal(*(int *)arg, SIG_IGN);
	sig_die(*(int *)arg);
}

static void write_to_nobody(void *arg)
{
	int p[2];

	(void)arg;
	sig_ignore_pipe();
	if (pipe(p) < 0)
		_exit(9);
	close(p[0]);
	_exit(write(p[1], "x", 1) < 0 && errno == EPIPE ? 42 : 1);
}

int main(void)
{
	int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE };
	int harmless = SIGCHLD;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		child_run(&c, STDERR_FILENO, die_plainly, &signals[i]);
		ok(WIFSIGNALED(c.status) && WTERMSIG(c.status) == signals[i], "dies of %d",
			signals[i]);
		child_run(&c, STDERR_FILENO, die_blocked, &signals[i]);
		ok(WIFSIGNALED(c.status) && WTERMSIG(c.status) == signals[i],
			"blocked and handled too");
		child_run(&c, STDERR_FILENO, die_ignored, &signals[i]);
		ok(WIFSIGNALED(c.status) && WTERMSIG(c.status) == signals[i], "and ignored");
	}
	child_run(&c, STDERR_FILENO, die_plainly, &harmless);
	is_int(WIFEXITED(c.status) ? WEXITSTATUS(c.status) : -1, 128 + SIGCHLD,
		"a signal that does not kill ends with 128 + its number");
	child_run(&c, STDERR_FILENO, write_to_nobody, NULL);
	is_int(WIFEXITED(c.status) ? WEXITSTATUS(c.status) : -1, 42, "EPIPE instead of SIGPIPE");
	return tap_done();
}
