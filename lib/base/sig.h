/* sig.h - dying as a Unix program should */
#ifndef RT_BASE_SIG_H
#define RT_BASE_SIG_H

/* Restores the default action of `signo`, unblocks it and raises it, so that the parent sees the
 * true cause; exits with 128 + signo should that not end the process. */
void sig_die(int signo) __attribute__((noreturn));
/* Ignores SIGPIPE: writes report EPIPE instead. */
void sig_ignore_pipe(void);

#endif
