/* run.c - /bin/sh -c, with its descriptors and its clock */
#include "client/run.h"

#include "base/buf.h"
#include "base/mem.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#define KILL_AFTER_MS 5000
#define READ_BYTES    65536
#define BLOCKS_MAX    32

struct run {
	const struct run_events *ev;
	void *arg;
	uv_process_t process;
	uv_poll_t poll;
	uv_timer_t timer;
	int fd; /* our end of the command's stdout */
	int n_handles;
	size_t output_max, n_output;
	bool timed_out, too_much;
	char block[READ_BYTES];
};

static void on_closed(uv_handle_t *handle)
{
	struct run *r = handle->data;

	if (--r->n_handles == 0)
		mem_free(r);
}

void run_abandon(struct run *r)
{
	uv_close((uv_handle_t *)&r->process, on_closed);
	uv_close((uv_handle_t *)&r->poll, on_closed);
	uv_close((uv_handle_t *)&r->timer, on_closed);
	close(r->fd);
}

void run_terminate(struct run *r)
{
	kill(-r->process.pid, SIGTERM);
}

static void read_output(struct run *r)
{
	ssize_t n = -1;

	/* Bounded: a command that never stops writing must not keep the loop. A whole pipe
	 * is less than that. */
	for (int i = 0; i < BLOCKS_MAX && !r->too_much; i++) {
		n = read(r->fd, r->block, READ_BYTES);
		if (n <= 0)
			break;
		r->n_output += (size_t)n;
		r->ev->output(r->arg, str_make(r->block, (size_t)n));
		if (r->output_max && r->n_output > r->output_max) {
			r->too_much = true;
			kill(-r->process.pid, SIGKILL);
		}
	}
	/* At the end of the pipe too: that it is over is what the process tells. */
	if (n == 0 || r->too_much)
		uv_poll_stop(&r->poll);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	read_output(poll->data);
}

void run_pause(struct run *r, bool paused)
{
	if (paused || r->too_much)
		uv_poll_stop(&r->poll);
	else
		uv_poll_start(&r->poll, UV_READABLE, on_readable);
}

static void on_exit(uv_process_t *process, int64_t status, int signal)
{
	struct run *r = process->data;
	struct run_end end;

	read_output(r);
	end = (struct run_end){ (int)status, signal, r->timed_out, r->too_much };
	run_abandon(r);
	r->ev->ended(r->arg, &end);
}

static void on_timeout(uv_timer_t *timer)
{
	struct run *r = timer->data;

	kill(-r->process.pid, r->timed_out ? SIGKILL : SIGTERM);
	r->timed_out = true;
	uv_timer_start(timer, on_timeout, KILL_AFTER_MS, 0);
}

static int memory_file(struct str s)
{
	int fd = memfd_create("message", MFD_CLOEXEC);
	size_t at = 0;

	while (fd >= 0 && at < s.n) {
		ssize_t n = write(fd, s.p + at, s.n - at);

		if (n <= 0) {
			close(fd);
			return -1;
		}
		at += (size_t)n;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

/* Is `variable` replaced by one in `list`? */
static bool is_replaced(const char *variable, struct str list)
{
	size_t name = strcspn(variable, "=") + 1;

	for (const char *p = list.p; p < list.p + list.n; p += strlen(p) + 1) {
		if (strncmp(p, variable, name) == 0)
			return true;
	}
	return false;
}

/* The pointers are the caller's to free, the texts are borrowed. */
static char **environment(char *variables, size_t n)
{
	struct str list = str_make(variables, n);
	size_t have = 0, at = 0, more = 0;
	char **env;

	while (environ[have])
		have++;
	for (size_t i = 0; i < n; i++)
		more += variables[i] == '\0';
	env = mem_array(have + more + 1, sizeof(*env));
	for (size_t i = 0; i < have; i++) {
		if (!is_replaced(environ[i], list))
			env[at++] = environ[i];
	}
	for (char *p = variables; p < variables + n; p += strlen(p) + 1)
		env[at++] = p;
	env[at] = NULL;
	return env;
}

static int spawn(uv_loop_t *loop, struct run *r, const struct run_conf *conf, int in, int out)
{
	char shell[] = "/bin/sh", option[] = "-c";
	char *command = mem_strdup(conf->command);
	char *variables = mem_strndup(conf->variables.p, conf->variables.n);
	char *args[] = { shell, option, command, NULL };
	uv_stdio_container_t stdio[] = {
		{ .flags = UV_INHERIT_FD, .data.fd = in },
		{ .flags = UV_INHERIT_FD, .data.fd = out },
		{ .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO },
	};
	uv_process_options_t options = {
		.exit_cb = on_exit,
		.file = shell,
		.args = args,
		.env = environment(variables, conf->variables.n),
		.flags = UV_PROCESS_DETACHED,
		.stdio_count = 3,
		.stdio = stdio,
	};
	int rc = uv_spawn(loop, &r->process, &options);

	mem_free(options.env);
	mem_free(variables);
	mem_free(command);
	return rc;
}

struct run *run_start(uv_loop_t *loop, const struct run_conf *conf, const struct run_events *events,
	void *arg)
{
	int in = memory_file(conf->input), fds[2] = { -1, -1 };
	struct run *r = NULL;

	if (in < 0 || pipe2(fds, O_CLOEXEC) != 0)
		goto out;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	r = mem_new(struct run);
	r->ev = events;
	r->arg = arg;
	r->fd = fds[0];
	r->output_max = conf->output_max;
	r->n_handles = 3;
	r->process.data = r->poll.data = r->timer.data = r;
	uv_timer_init(loop, &r->timer);
	uv_poll_init(loop, &r->poll, r->fd);
	if (spawn(loop, r, conf, in, fds[1]) != 0) {
		run_abandon(r);
		r = NULL;
		goto out;
	}
	uv_poll_start(&r->poll, UV_READABLE, on_readable);
	if (conf->timeout_ms < INT64_MAX)
		uv_timer_start(&r->timer, on_timeout, (uint64_t)conf->timeout_ms, 0);
out:
	if (in >= 0)
		close(in);
	if (fds[1] >= 0)
		close(fds[1]);
	return r;
}
