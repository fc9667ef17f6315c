/* program.c - what all programs show their user alike
 *
 * Prints and returns: how a program ends is its own affair. */
#include "program.h"

#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* Without this the next file opened would become stdin or stdout. The wrong direction on purpose:
 * using it fails. */
void program_open_standard_files(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
	}
}

int program_show(const struct opt_program *p, bool help, bool version, bool dump,
	const char *completion, const char *(*about)(void), struct err *e)
{
	if (completion && opt_completion(p, completion) != 0)
		return err_set(
			e, ERR_USAGE, "no completion for '%s' (bash, zsh, fish)", completion);
	if (dump)
		opt_dump(p);
	if (help)
		opt_help(p);
	if (version)
		printf("%s %s\n", p->name, RT_VERSION);
	if (version && about)
		printf("%s\n", about());
	return 0;
}

void program_usage(const char *fmt, va_list ap)
{
	struct buf text = { 0 };

	buf_addv(&text, fmt, ap);
	log_error("%s", buf_cstr(&text));
	buf_fini(&text);
	fprintf(stderr, "try '%s -h'\n", log_program());
}
