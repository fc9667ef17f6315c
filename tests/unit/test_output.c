/* Where lines go: files, a file a room, a pipe that is slow or gone; and when a mark is passed. */
#include "client/output.h"
#include "base/buf.h"
#include "base/sig.h"
#include "tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static uv_loop_t loop;
static struct buf written; /* ids of the marks passed */
static int full, failed_code, drained;
static char failed_text[ERR_TEXT_MAX];

static void on_written(void *arg, struct str room, struct str id)
{
	(void)arg;
	(void)room;
	buf_add_str(&written, id);
	buf_add_char(&written, ' ');
}

static void on_full(void *arg, bool is_full)
{
	(void)arg;
	full = is_full;
}

static void on_failed(void *arg, const struct err *e)
{
	(void)arg;
	failed_code = e->code;
	snprintf(failed_text, sizeof(failed_text), "%s", e->text);
}

static void on_drained(void *arg)
{
	(void)arg;
	drained = 1;
}

static const struct output_events events = { on_written, on_full, on_failed, on_drained };

static struct output *open_output(const char *path, bool append)
{
	/* Kept by the output: one is open at a time. */
	static struct output_conf conf;
	struct err e = { 0 };
	struct output *o;

	conf = (struct output_conf){ .path = path, .append = append, .buffer = 100000 };
	written.n = 0;
	full = failed_code = drained = 0;
	o = output_new(&loop, &conf, &events, NULL, &e);
	if (!o)
		failed_code = e.code;
	return o;
}

static void line(struct output *o, const char *room, const char *text)
{
	struct buf *b = output_to(o, str_of(room));

	buf_add_text(b, text);
	buf_add_char(b, '\n');
}

static void turn(void)
{
	uv_run(&loop, UV_RUN_NOWAIT);
}

static void holds(const char *path, const char *want)
{
	char text[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : 0;

	is_text(text, (size_t)(n > 0 ? n : 0), want, "%s holds what it should", path);
	if (fd >= 0)
		close(fd);
}

static void test_file(void)
{
	struct output *o = open_output("one", false);

	line(o, "r", "first");
	output_mark(o, STR("r"), STR("1"));
	is_int(written.n, 0, "nothing is written before the turn ends");
	turn();
	is_text(written.p, written.n, "1 ", "the mark is passed when it is");
	holds("one", "first\n");
	rename("one", "old");
	output_reopen(o);
	line(o, "r", "second");
	output_finish(o);
	turn();
	ok(drained, "it is drained");
	holds("old", "first\n");
	holds("one", "second\n");
	output_free(o);
	turn();

	o = open_output("one", true);
	line(o, "r", "third");
	turn();
	holds("one", "second\nthird\n");
	output_free(o);
	turn();
	o = open_output("one", false);
	holds("one", "");
	output_free(o);
	turn();
	o = open_output("no/such/directory", false);
	ok(!o && failed_code == ERR_IO, "a file that cannot be opened is an error");
	turn();
}

static int n_open(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void test_rooms(void)
{
	struct output *o = open_output("logs/{room}.ndjson", false);
	char room[16];
	int before = n_open();

	line(o, "a", "a1");
	line(o, "b.c", "b1");
	output_mark(o, STR("a"), STR("2"));
	turn();
	is_text(written.p, written.n, "2 ", "one flush of all files passes the marks");
	for (int i = 0; i < 2 * OUTPUT_OPEN_MAX; i++) {
		snprintf(room, sizeof(room), "r%d", i);
		line(o, room, room);
	}
	turn();
	ok(n_open() <= before + OUTPUT_OPEN_MAX, "at most %d files are open", OUTPUT_OPEN_MAX);
	line(o, "a", "a2");
	turn();
	holds("logs/a.ndjson", "a1\na2\n");
	holds("logs/b.c.ndjson", "b1\n");
	holds("logs/r3.ndjson", "r3\n");
	output_free(o);
	turn();
	is_int(n_open(), before, "all are closed at the end");
	o = open_output("logs/{user_id}", false);
	ok(!o && failed_code == ERR_USAGE, "other members cannot name files");
	turn();
}

/* stdout of this process becomes a pipe for a while; TAP goes on afterwards. */
static int saved_stdout, reading_end;

static void pipe_stdout(void)
{
	int fds[2];

	fflush(stdout);
	saved_stdout = dup(1);
	if (pipe(fds) != 0 || dup2(fds[1], 1) < 0)
		abort();
	close(fds[1]);
	reading_end = fds[0];
}

static void restore_stdout(void)
{
	dup2(saved_stdout, 1);
	close(saved_stdout);
}

static void test_slow_pipe(void)
{
	static char big[200000], sink[65536];
	size_t got = 0;
	ssize_t n;
	struct output *o;
	bool was_full, early, blocking;

	memset(big, 'x', sizeof(big) - 1);
	pipe_stdout();
	o = open_output(NULL, false);
	line(o, "r", "head");
	output_mark(o, STR("r"), STR("h"));
	line(o, "r", big);
	output_mark(o, STR("r"), STR("b"));
	turn();
	was_full = full;
	early = written.n == 2;
	blocking = !(fcntl(1, F_GETFL) & O_NONBLOCK);
	output_finish(o);
	while (!drained && (n = read(reading_end, sink, sizeof(sink))) > 0) {
		got += (size_t)n;
		turn();
	}
	fcntl(reading_end, F_SETFL, O_NONBLOCK);
	while ((n = read(reading_end, sink, sizeof(sink))) > 0)
		got += (size_t)n;
	output_free(o);
	turn();
	restore_stdout();
	close(reading_end);
	ok(was_full, "more than the buffer waits: full is told");
	ok(early, "only the mark of what the pipe took is passed");
	ok(blocking, "the flags of the shared descriptor are left alone");
	ok(!full && drained, "then it is drained");
	is_int(got, 5 + sizeof(big), "every byte came through");
	is_text(written.p, written.n, "h b ", "and every mark");
}

static void test_reader_gone(void)
{
	struct output *o;
	int code;

	pipe_stdout();
	o = open_output("-", false);
	turn();
	close(reading_end);
	turn();
	code = failed_code;
	output_free(o);
	turn();
	restore_stdout();
	is_int(code, ERR_CLOSED, "a reader that leaves is noticed without a write");
}

static void test_full_disk(void)
{
	struct rlimit was, small = { 10, 10 };
	struct output *o = open_output("small", false);

	getrlimit(RLIMIT_FSIZE, &was);
	small.rlim_max = was.rlim_max;
	line(o, "r", "12345");
	turn();
	output_mark(o, STR("r"), STR("ok"));
	line(o, "r", "1");
	line(o, "r", "67890");
	output_mark(o, STR("r"), STR("lost"));
	fflush(stdout);
	setrlimit(RLIMIT_FSIZE, &small);
	turn();
	setrlimit(RLIMIT_FSIZE, &was);
	is_int(failed_code, ERR_IO, "a write that fails is told: %s", failed_text);
	is_text(failed_text, strlen(failed_text), "cannot write to 'small': file too large", "in words");
	holds("small", "12345\n1\n");
	ok(!memmem(written.p, written.n, "lost", 4), "what was not written is not passed");
	output_free(o);
	turn();
}

int main(void)
{
	char dir[] = "/tmp/test_output.XXXXXX";
	char remove[64];

	if (!mkdtemp(dir) || chdir(dir) != 0)
		return 1;
	sig_ignore_pipe();
	signal(SIGXFSZ, SIG_IGN);
	uv_loop_init(&loop);
	test_file();
	test_rooms();
	test_slow_pipe();
	test_reader_gone();
	test_full_disk();
	is_int(uv_loop_close(&loop), 0, "nothing is left in the loop");
	buf_fini(&written);
	snprintf(remove, sizeof(remove), "rm -rf %s", dir);
	if (chdir("/") != 0 || system(remove) != 0)
		return 1;
	return tap_done();
}
