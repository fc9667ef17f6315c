/* sig.c - dying as a Unix program should
 *
 * Only the end of the road is here: who waits for signals, and what is finished first, is the
 * business of the program and its loop. stdio is not flushed. */
#include "base/sig.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static void set_action(int signo, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	sigemptyset(&action.sa_mask);
	sigaction(signo, &action, NULL);
}

void sig_die(int signo)
{
	sigset_t set;

	set_action(signo, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, signo);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	raise(signo);
	_exit(128 + signo);
}

void sig_ignore_pipe(void)
{
	set_action(SIGPIPE, SIG_IGN);
}
