/* child.h - runs a function in a child process and catches what it writes and how it ends */
#ifndef RT_TESTS_CHILD_H
#define RT_TESTS_CHILD_H

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	int status; /* as from waitpid */
	size_t n;
	char out[1 << 17]; /* terminated */
};

/* Catches descriptor `fd` of the child. What does not fit is read and dropped. */
static inline void child_run(struct child *c, int fd, void (*fn)(void *arg), void *arg)
{
	int p[2];
	pid_t pid;
	ssize_t n;
	char waste[4096];

	fflush(stdout);
	c->n = 0;
	if (pipe(p) < 0 || (pid = fork()) < 0) {
		perror("child");
		_exit(99);
	}
	if (pid == 0) {
		dup2(p[1], fd);
		close(p[0]);
		close(p[1]);
		fn(arg);
		fflush(stdout);
		_exit(0);
	}
	close(p[1]);
	for (;;) {
		size_t room = sizeof(c->out) - 1 - c->n;
		n = room > 0 ? read(p[0], c->out + c->n, room) : read(p[0], waste, sizeof(waste));
		if (n <= 0)
			break;
		c->n += room > 0 ? (size_t)n : 0;
	}
	c->out[c->n] = '\0';
	close(p[0]);
	waitpid(pid, &c->status, 0);
}

#endif
