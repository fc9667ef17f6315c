/* rt-serve.c - starts, stops and reloads one instance; what it does is in lib/server */
#include "program.h"
#include "systemd.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/sig.h"
#include "bus/bus.h"
#include "server/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define FILES_KEPT_BACK (32 + NET_REFUSALS_MAX)
#define DRAIN_MS        5000

struct serve {
	struct conf conf;
	struct worker worker;
	uv_loop_t loop;
	uv_signal_t sigterm, sigint, sighup;
	uv_timer_t drain_timer, watchdog_timer;
	int argc, n_stops;
	char *bus; /* where it is not in argv any more; or NULL */
	char **argv;
	int64_t drain_until_ms;
};

/* A bus's URL may hold a password: it moves to memory of ours, and is overwritten where `ps` looks.
 * What is read again at SIGHUP has lost it, but a bus does not change. */
static void hide_secrets(struct serve *s)
{
	for (int i = 1; i < s->argc; i++) {
		char *arg = s->argv[i], *end = arg + strlen(arg), *url = (char *)(uintptr_t)s->conf.bus;

		if (url < arg || url >= end)
			continue;
		s->bus = mem_strdup(url);
		url_hide_secret(url);
		s->conf.bus = s->bus;
		return;
	}
}

static void set_log(const struct conf *c)
{
	log_init("rt-serve", c->quiet ? LOG_LEVEL_ERROR : c->verbose > 1 ? LOG_LEVEL_DEBUG
		: c->verbose			  ? LOG_LEVEL_INFO
						  : LOG_LEVEL_WARNING,
		c->log == 1);
}

static void on_watchdog(uv_timer_t *timer)
{
	(void)timer;
	systemd_notify("WATCHDOG=1");
}

static void start_watchdog(struct serve *s)
{
	uint64_t every = systemd_watchdog_ms();

	if (every)
		uv_timer_start(&s->watchdog_timer, on_watchdog, 0, every);
}

/* --- limits ----------------------------------------------------------------------------------- */

/* As many files as allowed; connections fit below that with some in reserve. */
static void fit_connections(struct conf *c)
{
	struct rlimit lim;
	int64_t room = 1024;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		if (lim.rlim_cur != lim.rlim_max) {
			lim.rlim_cur = lim.rlim_max;
			setrlimit(RLIMIT_NOFILE, &lim);
			getrlimit(RLIMIT_NOFILE, &lim);
		}
		room = lim.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)lim.rlim_cur;
	}
	room -= FILES_KEPT_BACK;
	if (room < 1)
		room = 1;
	if (c->max_connections == 0)
		c->max_connections = room < 10000 ? room : 10000;
	else if (c->max_connections > room) {
		log_warn("--max-connections %lld: the file limit allows %lld",
			(long long)c->max_connections, (long long)room);
		c->max_connections = room;
	}
}

/* --- what it prints --------------------------------------------------------------------------- */

static void print_version(void)
{
	const struct bus_ops *ops;

	printf("rt-serve %s\n", RT_VERSION);
	printf("transports: ws sse stream poll\n");
	for (int i = 0; (ops = bus_engine(i)); i++)
		printf("bus %s: %s\n", ops->scheme, ops->what);
}

static int print_check(struct conf *c)
{
	struct buf b = { 0 };
	const struct bus_ops *ops;
	struct bus *bus;
	struct err e = { 0 };

	if (bus_open(&bus, str_of(c->bus), NULL, NULL, NULL, &e) != 0) {
		log_error("%s", e.text);
		return EXIT_USAGE;
	}
	ops = bus->ops;
	bus_close(bus);
	conf_print(c, &b);
	buf_addf(&b, "# bus %s: order %s, replay %s, durable %s, deduplication %s, groups %s\n",
		ops->scheme, ops->caps & BUS_ORDERED ? "bus" : "worker",
		ops->caps & BUS_REPLAY ? "yes" : "ring only",
		ops->caps & BUS_DURABLE ? "yes" : "no", ops->caps & BUS_DEDUP ? "bus" : "worker",
		ops->caps & BUS_GROUPS ? "yes" : "no");
	fwrite(b.p, 1, b.n, stdout);
	buf_fini(&b);
	return fflush(stdout) == 0 ? 0 : EXIT_SYSTEM;
}

/* Whoever waits for the line must not wait for ever: false when it cannot be written (a stdout that
 * was closed, or nobody reads, is no failure). */
static bool print_ready(const struct serve *s)
{
	struct buf b = { 0 };
	bool good;

	buf_add_text(&b, "{\"ready\":true,\"listen\":[");
	for (int i = 0; i < s->worker.n_listeners; i++) {
		if (i)
			buf_add_char(&b, ',');
		buf_add_json(&b, str_of(listen_address(s->worker.listeners[i])));
	}
	buf_addf(&b, "],\"bus\":\"%s\",\"max_connections\":%lld,\"pid\":%ld,\"version\":\"%s\"}\n",
		s->worker.bus->ops->scheme, (long long)s->conf.max_connections, (long)getpid(),
		RT_VERSION);
	good = fwrite(b.p, 1, b.n, stdout) == b.n && fflush(stdout) == 0;
	buf_fini(&b);
	return good || errno == EBADF || errno == EPIPE;
}

static void warn_open(const struct serve *s)
{
	for (int i = 0; i < s->worker.n_listeners; i++)
		if (!listen_is_loopback(s->worker.listeners[i]))
			log_warn("'%s' is open to everybody who can reach it: "
				 "there are no tokens yet",
				listen_address(s->worker.listeners[i]));
}

/* --- the end ---------------------------------------------------------------------------------- */

static void close_all(struct serve *s)
{
	uv_handle_t *const handles[] = {
		(uv_handle_t *)&s->sigterm, (uv_handle_t *)&s->sigint, (uv_handle_t *)&s->sighup,
		(uv_handle_t *)&s->drain_timer, (uv_handle_t *)&s->watchdog_timer,
	};

	for (size_t i = 0; i < sizeof handles / sizeof *handles; i++)
		uv_close(handles[i], NULL);
	/* What asked to re-read the settings a moment too late must not make the end
	 * look like a crash. */
	signal(SIGHUP, SIG_IGN);
	uv_stop(&s->loop);
}

static void on_drain_timer(uv_timer_t *timer)
{
	struct serve *s = timer->data;

	if (worker_is_drained(&s->worker) || clock_ms() >= s->drain_until_ms)
		close_all(s);
}

static void drain(struct serve *s)
{
	worker_drain(&s->worker);
	s->drain_until_ms = clock_ms() + DRAIN_MS;
	uv_timer_start(&s->drain_timer, on_drain_timer, 10, 10);
}

static void on_stop(uv_signal_t *handle, int signo)
{
	struct serve *s = handle->data;

	if (s->n_stops++) {
		if (s->n_stops == 2)
			close_all(s);
		return;
	}
	log_info("%s: draining", signo == SIGTERM ? "SIGTERM" : "SIGINT");
	systemd_notify("STOPPING=1");
	drain(s);
}

static void say_fixed(const char *name)
{
	log_warn("'%s' cannot change while the server runs: ignored until a restart", name);
}

static void reload(struct serve *s)
{
	struct conf old = s->conf;
	struct err e = { 0 };

	conf_init(&s->conf);
	if (conf_read(&s->conf, s->argc, s->argv, &e) != 0) {
		log_error("not reloaded: %s", e.text);
		conf_fini(&s->conf);
		s->conf = old;
	} else {
		set_log(&s->conf);
		fit_connections(&s->conf);
		conf_keep_fixed(&old, &s->conf, say_fixed);
		worker_reload(&s->worker, &s->conf);
		conf_fini(&old);
		log_info("reloaded");
	}
	conf_program(&s->conf);
}

static void on_reload(uv_signal_t *handle, int signo)
{
	struct serve *s = handle->data;

	(void)signo;
	systemd_notify_reloading();
	if (s->conf.config)
		reload(s);
	else
		log_warn("SIGHUP: nothing to read again without --config");
	systemd_notify("READY=1");
}

static void start_handles(struct serve *s)
{
	uv_signal_t *const signals[] = { &s->sigterm, &s->sigint, &s->sighup };

	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		uv_signal_init(&s->loop, signals[i]);
		signals[i]->data = s;
	}
	uv_signal_start(&s->sigterm, on_stop, SIGTERM);
	uv_signal_start(&s->sigint, on_stop, SIGINT);
	uv_signal_start(&s->sighup, on_reload, SIGHUP);
	uv_timer_init(&s->loop, &s->drain_timer);
	uv_timer_init(&s->loop, &s->watchdog_timer);
	s->drain_timer.data = s->watchdog_timer.data = s;
	start_watchdog(s);
}

static int serve(struct serve *s)
{
	struct err e = { 0 };
	int status = 0;

	uv_loop_init(&s->loop);
	fit_connections(&s->conf);
	s->conf.n_inherited = systemd_sockets();
	if (worker_open(&s->worker, &s->loop, &s->conf, &e) != 0) {
		log_error("%s", e.text);
		return e.code == ERR_USAGE || e.code == ERR_UNSUPPORTED || e.code == ERR_INVALID
		               ? EXIT_USAGE
		               : EXIT_SYSTEM;
	}
	start_handles(s);
	warn_open(s);
	if (print_ready(s)) {
		systemd_notify("READY=1");
	} else {
		log_error("cannot write to stdout: %s", strerror(errno));
		status = EXIT_SYSTEM;
		drain(s);
	}
	uv_run(&s->loop, UV_RUN_DEFAULT);
	worker_close(&s->worker);
	uv_loop_close(&s->loop);
	conf_fini(&s->conf);
	mem_free(s->bus);
	return status;
}

int main(int argc, char **argv)
{
	static struct serve s;
	struct err e = { 0 };

	program_open_standard_files();
	log_init("rt-serve", LOG_LEVEL_WARNING, false);
	sig_ignore_pipe();
	s.argc = argc;
	s.argv = argv;
	conf_init(&s.conf);
	if (conf_read(&s.conf, argc, argv, &e) != 0) {
		bool unread = e.code == ERR_IO || e.code == ERR_NOTFOUND;
		fprintf(stderr, "rt-serve: %s\n%s", e.text, unread ? "" : "try 'rt-serve -h'\n");
		return unread ? EXIT_SYSTEM : EXIT_USAGE;
	}
	set_log(&s.conf);
	if (s.conf.help)
		opt_help(conf_program(&s.conf));
	else if (s.conf.version)
		print_version();
	else if (s.conf.completion)
		return opt_completion(conf_program(&s.conf), s.conf.completion) == 0 ? 0
		                                                                     : EXIT_USAGE;
	else if (s.conf.dump)
		opt_dump(conf_program(&s.conf));
	else if (s.conf.check)
		return print_check(&s.conf);
	else {
		hide_secrets(&s);
		return serve(&s);
	}
	return fflush(stdout) == 0 ? 0 : EXIT_SYSTEM;
}
