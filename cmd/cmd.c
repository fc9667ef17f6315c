/* cmd.c - start and finish shared by the programs
 *
 * Only this file and the programs themselves end the process. What a program does
 * is not known here. */
#include "cmd.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sig.h"
#include "base/url.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_FILE_MAX 65536

/* --- the end -------------------------------------------------------------------------------- */

int cmd_status(int code)
{
	switch (code) {
	case ERR_NONE: return EXIT_DONE;
	case ERR_USAGE:
	case ERR_UNSUPPORTED: return EXIT_USAGE;
	case ERR_INVALID:
	case ERR_TOO_LARGE: return EXIT_DATA;
	case ERR_DENIED: return EXIT_DENIED;
	case ERR_IO: return EXIT_SYSTEM;
	default: return EXIT_OFFLINE;
	}
}

int cmd_fail(const struct err *e)
{
	log_error("%s", e->text);
	return cmd_status(e->code);
}

void cmd_end_quietly(struct cmd *c)
{
	c->quiet_end = true;
}

/* Frees what cmd_start took, so that a leak checker speaks of real ones only. */
static void close_loop(struct cmd *c)
{
	if (!c->loop_open)
		return;
	for (size_t i = 0; i < sizeof(c->signals) / sizeof(*c->signals); i++) {
		if (c->signals[i].data)
			uv_close((uv_handle_t *)&c->signals[i], NULL);
	}
	for (int i = 0; i < 100 && uv_loop_close(&c->loop) == UV_EBUSY; i++)
		uv_run(&c->loop, UV_RUN_NOWAIT);
}

void cmd_exit(struct cmd *c, int status)
{
	close_loop(c);
	for (int i = 0; i < c->headers.n; i++)
		mem_free((void *)(uintptr_t)c->headers.v[i]);
	opt_list_free(&c->headers);
	mem_free(c->token);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		c->quiet_end |= errno == EPIPE;
		if (!c->quiet_end) {
			struct err e;

			err_set(&e, ERR_IO, "cannot write to stdout:");
			status = cmd_fail(&e);
		}
	}
	if (c->signo)
		sig_die(c->signo);
	if (c->quiet_end)
		sig_die(SIGPIPE);
	_exit(status);
}

void cmd_usage(struct cmd *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	program_usage(fmt, ap);
	va_end(ap);
	cmd_exit(c, EXIT_USAGE);
}

void cmd_bad_setting(struct cmd *c, const struct err *e)
{
	if (e->code == ERR_IO)
		cmd_exit(c, cmd_fail(e));
	cmd_usage(c, "%s", e->text);
}

/* --- signals -------------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *signal, int signo)
{
	struct cmd *c = signal->data;

	if (signo == SIGHUP && c->hang_up) {
		c->hang_up(c->arg);
		return;
	}
	if (c->signo) {
		c->stop(c->arg, 2);
		sig_die(signo);
	}
	c->signo = signo;
	log_info("SIG%s: finishing what is in flight", sigabbrev_np(signo));
	c->stop(c->arg, 1);
}

void cmd_signals(
	struct cmd *c, void (*stop)(void *arg, int nth), void (*hang_up)(void *arg), void *arg)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

	c->stop = stop;
	c->hang_up = hang_up;
	c->arg = arg;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct sigaction was;

		/* What nohup or a background shell ignores stays ignored. */
		if (sigaction(numbers[i], NULL, &was) == 0 && was.sa_handler == SIG_IGN)
			continue;
		uv_signal_init(&c->loop, &c->signals[i]);
		c->signals[i].data = c;
		uv_signal_start(&c->signals[i], on_signal, numbers[i]);
		uv_unref((uv_handle_t *)&c->signals[i]);
	}
}

/* --- profiles ------------------------------------------------------------------------------- */

int cmd_read_file(const char *path, struct buf *out, mode_t *mode, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	struct stat st;
	ssize_t n = -1;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		do {
			n = read(fd, buf_reserve(out, 4096), 4096);
			out->n += n > 0 ? (size_t)n : 0;
		} while (n > 0 && out->n <= SECRET_FILE_MAX);
	}
	if (n < 0)
		rc = err_set(e, ERR_USAGE, "cannot read '%s':", path);
	else if (out->n > SECRET_FILE_MAX)
		rc = err_set(e, ERR_USAGE, "'%s' is larger than %d bytes", path, SECRET_FILE_MAX);
	else if (mode)
		*mode = st.st_mode;
	if (fd >= 0)
		close(fd);
	return rc;
}

static bool url_has_secret(struct str text)
{
	struct buf safe = { 0 };
	struct url u = { 0 };
	bool has = false;

	if (url_parse(&u, text, NULL) == 0) {
		url_format_safe(&safe, &u);
		has = str_find(buf_str(&safe), STR("***")) >= 0;
	}
	url_fini(&u);
	buf_fini(&safe);
	return has;
}

static bool header_has_secret(struct str text)
{
	static const char *const words[] = { "authorization", "cookie", "token", "key", "secret",
		"password" };
	struct str name = str_cut(text, ':', NULL);
	struct buf lower = { 0 };
	bool has = false;

	for (size_t i = 0; i < name.n; i++)
		buf_add_char(&lower, (char)tolower((unsigned char)name.p[i]));
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		has |= str_find(buf_str(&lower), str_of(words[i])) >= 0;
	buf_fini(&lower);
	return has;
}

static bool profile_has_secret(struct str text)
{
	while (text.p) {
		struct str name, value;

		opt_split_setting(str_trim(str_cut(text, '\n', &text)), &name, &value);
		if ((str_eq(name, STR("url")) && url_has_secret(value)) ||
				(str_eq(name, STR("header")) && header_has_secret(value)))
			return true;
	}
	return false;
}

static int profile_path(const char *name, struct buf *path, struct err *e)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (*name == '\0' || *name == '.' || strchr(name, '/'))
		return err_set(e, ERR_USAGE, "'@%s' is no name of a profile", name);
	if (config && *config == '/')
		buf_addf(path, "%s/rt/%s", config, name);
	else if (home && *home)
		buf_addf(path, "%s/.config/rt/%s", home, name);
	else
		return err_set(e, ERR_USAGE,
			"profile '@%s': neither XDG_CONFIG_HOME nor HOME is set", name);
	return 0;
}

/* Settings of the file become those of the options, the URL among them. */
static int read_profile(struct cmd *c, const char *name, struct err *e)
{
	struct buf path = { 0 }, text = { 0 };
	mode_t mode = 0;
	int rc = profile_path(name, &path, e);

	if (rc == 0)
		rc = cmd_read_file(buf_cstr(&path), &text, &mode, e);
	if (rc == 0 && (mode & 077) && profile_has_secret(buf_str(&text)))
		rc = err_set(e, ERR_USAGE, "'%s' holds a secret and others can read it (chmod 600)",
			buf_cstr(&path));
	if (rc == 0)
		rc = opt_read_file(c->program, buf_cstr(&path), e);
	if (rc == 0 && c->url && c->url[0] == '@')
		rc = err_set(
			e, ERR_USAGE, "'%s': a profile cannot name another one", buf_cstr(&path));
	buf_fini(&path);
	buf_fini(&text);
	return rc;
}

/* --- the start ------------------------------------------------------------------------------ */

/* Lists and counters grow with each parse; a second one begins anew. */
static void reset_growing(const struct opt_program *p)
{
	for (const struct opt *o = p->opts; o->type != OPT_END; o++) {
		if (o->type == OPT_LIST)
			opt_list_free(o->target);
		else if (o->type == OPT_COUNT)
			*(int *)o->target = 0;
	}
}

/* The command line beats the profile that it names, so it is read before and after that. */
static int parse(struct cmd *c, int argc, char **argv, struct err *e)
{
	char **copy = mem_array((size_t)argc + 1, sizeof(*copy));
	const char *named, *url;
	int n;

	memcpy(copy, argv, ((size_t)argc + 1) * sizeof(*copy));
	n = opt_parse(c->program, argc, argv, e);
	if (n < 0 || c->help || c->version || c->completion || c->dump)
		goto out;
	named = c->url ? c->url : getenv("RT_URL");
	if (named && *named == '@') {
		c->url = NULL;
		reset_growing(c->program);
		n = read_profile(c, named + 1, e);
		if (n < 0)
			goto out;
		url = c->url;
		n = opt_parse(c->program, argc, copy, e);
		memcpy(argv, copy, ((size_t)argc + 1) * sizeof(*copy));
		c->url = url;
	} else if (named && *named) {
		c->url = named;
	}
out:
	mem_free(copy);
	return n;
}

/* Values that may be secret move to memory of ours; in argv they are overwritten, for `ps` to
 * see. */
static void hide_secrets(struct cmd *c)
{
	if (c->url) {
		char *in_argv = (char *)(uintptr_t)c->url;

		c->url = mem_strdup(in_argv);
		url_hide_secret(in_argv);
	}
	for (int i = 0; i < c->headers.n; i++) {
		char *in_argv = (char *)(uintptr_t)c->headers.v[i], *colon = strchr(in_argv, ':');

		c->headers.v[i] = mem_strdup(in_argv);
		if (colon && header_has_secret(str_of(in_argv)))
			memset(colon + 1, '*', strlen(colon + 1));
	}
}

int cmd_start(struct cmd *c, const struct opt_program *p, int argc, char **argv)
{
	struct err e = { 0 };
	int n;

	program_open_standard_files();
	sig_ignore_pipe();
	log_init(p->name, LOG_LEVEL_WARNING, false);
	c->program = p;
	n = parse(c, argc, argv, &e);
	if (n < 0)
		cmd_usage(c, "%s", e.text);
	if ((c->help || c->version) && n > 0)
		cmd_usage(c, "'%s' is one operand too many", argv[1]);
	if (c->help || c->version || c->completion || c->dump) {
		n = program_show(p, c->help, c->version, c->dump, c->completion, c->about, &e);
		if (n != 0)
			cmd_usage(c, "%s", e.text);
		cmd_exit(c, EXIT_DONE);
	}
	log_init(p->name, c->quiet ? LOG_LEVEL_ERROR : c->verbose > 1 ? LOG_LEVEL_DEBUG :
		c->verbose ? LOG_LEVEL_INFO : LOG_LEVEL_NOTE, false);
	hide_secrets(c);
	uv_loop_init(&c->loop);
	c->loop_open = true;
	return n;
}
