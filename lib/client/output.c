/* output.c - buffers, marks and descriptors behind rt-sub's lines
 *
 * There is one stream (stdout or a file) or one file for each room; both are a `struct out`. Only
 * stdout can be slow: its backlog is `buf` from `head` on. Files are written until done, so a flush
 * of files leaves nothing behind, or fails.
 *
 * Marks stand in one queue in the order of the calls, each with the offset in the stream it stands
 * for. With files all offsets are 0: the flush that wrote every file passes all of them. */
#include "client/output.h"

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "client/template.h"
#include "client/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum out_kind { OUT_FILE, OUT_STREAM, OUT_SOCKET, OUT_SHARED };

struct out {
	struct map_node node; /* by room */
	struct list open;     /* those with a descriptor, least recently used first */
	struct list dirty;    /* those with something in buf */
	char *room, *path;
	struct buf buf;
	size_t head;          /* written, not yet dropped */
	int fd;
	enum out_kind kind;
	bool opened;          /* before: the next open appends */
};

struct mark {
	uint64_t end;
	uint32_t room_n, id_n; /* the texts follow */
};

struct output {
	struct output_conf conf;
	struct output_events ev;
	void *arg;
	struct template *name; /* NULL: one stream */
	struct out one;
	struct map rooms;
	struct list open, dirty;
	size_t n_open;
	struct buf marks;
	size_t marks_head;
	uint64_t written;      /* of the one stream */
	uv_prepare_t prepare;
	uv_loop_t *loop;
	struct watch *watch;
	bool blocked;          /* stdout takes nothing for now */
	bool is_full, finishing, dead;
};

/* `what` reads on: "cannot open", "cannot write to". The reason is in errno. */
static void fail(struct output *o, int code, const char *path, const char *what)
{
	struct err e = { 0 };

	if (o->dead)
		return;
	if (path)
		err_set(&e, code, "cannot %s '%s':", what, path);
	else
		err_set(&e, code, "cannot %s stdout:", what);
	o->dead = true;
	uv_prepare_stop(&o->prepare);
	if (o->watch)
		watch_want(o->watch, 0);
	o->ev.failed(o->arg, &e);
}

/* --- descriptors ---------------------------------------------------------------------------- */

/* The directories of `path` that do not exist yet. */
static void make_directories(const char *path)
{
	char *copy = mem_strdup(path);

	for (char *p = strchr(copy + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		mkdir(copy, 0777);
		*p = '/';
	}
	mem_free(copy);
}

static int open_file(struct output *o, struct out *f)
{
	int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;

	if (!o->conf.append && !f->opened)
		flags |= O_TRUNC;
	f->fd = open(f->path, flags, 0666);
	if (f->fd < 0 && errno == ENOENT && o->name) {
		make_directories(f->path);
		f->fd = open(f->path, flags, 0666);
	}
	if (f->fd < 0)
		return ERR_IO;
	f->opened = true;
	f->kind = OUT_FILE;
	return 0;
}

static void close_file(struct output *o, struct out *f)
{
	if (f->fd < 0)
		return;
	close(f->fd);
	f->fd = -1;
	if (!list_empty(&f->open)) {
		list_del(&f->open);
		o->n_open--;
	}
}

/* Opens the file of a room, or moves it to the recent end; closes the one unused for longest. */
static int use_file(struct output *o, struct out *f)
{
	if (f->fd < 0 && o->n_open >= OUTPUT_OPEN_MAX)
		close_file(o, list_entry(o->open.next, struct out, open));
	if (f->fd < 0) {
		if (open_file(o, f) != 0)
			return ERR_IO;
		o->n_open++;
	}
	list_del(&f->open);
	list_add(&o->open, &f->open);
	return 0;
}

/* A pipe or terminal can be opened a second time, with flags of its own. */
static void open_stdout(struct output *o)
{
	struct stat st;

	o->one.fd = STDOUT_FILENO;
	o->one.kind = OUT_FILE;
	if (fstat(STDOUT_FILENO, &st) != 0 || !o->watch)
		return;
	if (S_ISSOCK(st.st_mode)) {
		o->one.kind = OUT_SOCKET;
		return;
	}
	o->one.kind = OUT_SHARED;
	if (S_ISFIFO(st.st_mode) || isatty(STDOUT_FILENO)) {
		int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

		if (fd >= 0) {
			o->one.fd = fd;
			o->one.kind = OUT_STREAM;
		}
	}
}

static ssize_t write_some(const struct out *f, const char *p, size_t n)
{
	struct pollfd ready = { .fd = f->fd, .events = POLLOUT };

	if (f->kind == OUT_SOCKET)
		return send(f->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (f->kind != OUT_SHARED)
		return write(f->fd, p, n);
	/* A writable pipe takes PIPE_BUF bytes without blocking. */
	if (poll(&ready, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(f->fd, p, n < PIPE_BUF ? n : PIPE_BUF);
}

/* After a write that failed half way into a line: a torn line must not stay in the file. */
static void cut_torn_line(const struct out *f, size_t written)
{
	const char *nl = written ? memrchr(f->buf.p + f->head - written, '\n', written) : NULL;
	size_t torn = nl ? (size_t)(f->buf.p + f->head - nl - 1) : written;
	int saved = errno;
	struct stat st;

	if (torn > 0 && fstat(f->fd, &st) == 0 && S_ISREG(st.st_mode) &&
		st.st_size >= (off_t)torn && ftruncate(f->fd, st.st_size - (off_t)torn) != 0)
		saved = errno;
	errno = saved;
}

/* 0: all written, ERR_BUSY: the rest must wait, else -1 and errno. */
static int write_out(struct output *o, struct out *f)
{
	size_t begin = f->head;
	int rc = 0;

	while (f->head < f->buf.n) {
		ssize_t n = write_some(f, f->buf.p + f->head, f->buf.n - f->head);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			rc = errno == EAGAIN ? ERR_BUSY : -1;
			break;
		}
		f->head += (size_t)n;
		if (f == &o->one)
			o->written += (uint64_t)n;
	}
	if (rc == -1 && f->kind == OUT_FILE)
		cut_torn_line(f, f->head - begin);
	if (f->head == f->buf.n || f->head > f->buf.n / 2) {
		buf_drop(&f->buf, f->head);
		f->head = 0;
	}
	buf_shrink(&f->buf, 256 << 10);
	return rc;
}

/* --- marks ---------------------------------------------------------------------------------- */

void output_mark(struct output *o, struct str room, struct str id)
{
	struct mark m = {
		.end = o->written + (o->one.buf.n - o->one.head),
		.room_n = (uint32_t)room.n,
		.id_n = (uint32_t)id.n,
	};

	buf_add(&o->marks, &m, sizeof(m));
	buf_add_str(&o->marks, room);
	buf_add_str(&o->marks, id);
}

static void pass_marks(struct output *o)
{
	struct mark m;

	while (o->marks_head < o->marks.n) {
		const char *p = o->marks.p + o->marks_head;

		memcpy(&m, p, sizeof(m));
		if (m.end > o->written)
			break;
		p += sizeof(m);
		o->marks_head += sizeof(m) + m.room_n + m.id_n;
		o->ev.written(o->arg, str_make(p, m.room_n), str_make(p + m.room_n, m.id_n));
	}
	if (o->marks_head == o->marks.n || o->marks_head > (1 << 20)) {
		buf_drop(&o->marks, o->marks_head);
		o->marks_head = 0;
	}
}

/* --- flushing ------------------------------------------------------------------------------- */

static void tell_full(struct output *o)
{
	size_t waiting = o->one.buf.n - o->one.head;
	bool full = o->is_full ? waiting > o->conf.buffer / 2 : waiting > o->conf.buffer;

	if (full == o->is_full)
		return;
	o->is_full = full;
	o->ev.full(o->arg, full);
}

static int flush_one(struct output *o)
{
	int rc = write_out(o, &o->one);

	if (rc == -1) {
		fail(o, errno == EPIPE || errno == ECONNRESET ? ERR_CLOSED : ERR_IO,
			output_is_stdout(o) ? NULL : o->one.path, "write to");
		return rc;
	}
	o->blocked = rc == ERR_BUSY;
	if (o->watch)
		watch_want(o->watch, o->blocked ? WATCH_ERROR | WATCH_WRITE : WATCH_ERROR);
	tell_full(o);
	return 0;
}

static int flush_rooms(struct output *o)
{
	struct list *it;

	while ((it = list_pop(&o->dirty))) {
		struct out *f = list_entry(it, struct out, dirty);

		if (use_file(o, f) != 0) {
			fail(o, ERR_IO, f->path, "open");
			return ERR_IO;
		}
		if (write_out(o, f) != 0) {
			fail(o, ERR_IO, f->path, "write to");
			return ERR_IO;
		}
	}
	return 0;
}

static void flush(struct output *o)
{
	if (o->dead || (o->name ? flush_rooms(o) : flush_one(o)) != 0)
		return;
	pass_marks(o);
	if (o->finishing && !o->dead && o->one.buf.n == o->one.head) {
		o->finishing = false;
		if (o->watch)
			watch_want(o->watch, 0);
		o->ev.drained(o->arg);
	}
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct output *o = prepare->data;

	if (o->blocked)
		tell_full(o);
	else if (o->one.buf.n > o->one.head || !list_empty(&o->dirty) || o->finishing ||
			o->marks_head < o->marks.n)
		flush(o);
}

static void on_stdout(void *arg, unsigned events)
{
	struct output *o = arg;

	if (events & WATCH_ERROR) {
		errno = EPIPE;
		fail(o, ERR_CLOSED, NULL, "write to");
	} else if (events & WATCH_WRITE) {
		flush(o);
	}
}

/* --- life ----------------------------------------------------------------------------------- */

static int open_one(struct output *o, struct err *e)
{
	if (output_is_stdout(o)) {
		o->watch = watch_new(o->loop, STDOUT_FILENO, on_stdout, o);
		open_stdout(o);
		if (o->watch)
			watch_want(o->watch, WATCH_ERROR);
		return 0;
	}
	o->one.path = mem_strdup(o->conf.path);
	if (open_file(o, &o->one) != 0)
		return err_set(e, ERR_IO, "cannot open '%s':", o->conf.path);
	return 0;
}

struct output *output_new(uv_loop_t *loop, const struct output_conf *conf,
	const struct output_events *events, void *arg, struct err *e)
{
	struct output *o = mem_new(struct output);

	o->conf = *conf;
	o->ev = *events;
	o->arg = arg;
	o->loop = loop;
	o->one.fd = -1;
	list_init(&o->one.open);
	list_init(&o->one.dirty);
	list_init(&o->open);
	list_init(&o->dirty);
	uv_prepare_init(loop, &o->prepare);
	o->prepare.data = o;
	uv_prepare_start(&o->prepare, on_prepare);
	if (conf->path && strchr(conf->path, '{')) {
		o->name = template_new(conf->path, e);
		if (!o->name || template_check_room(o->name, e) != 0)
			goto bad;
	} else if (open_one(o, e) != 0) {
		goto bad;
	}
	return o;
bad:
	output_free(o);
	return NULL;
}

bool output_is_stdout(const struct output *o)
{
	return !o->conf.path || strcmp(o->conf.path, "-") == 0;
}

static struct out *room_file(struct output *o, struct str room)
{
	struct map_node *node = map_find(&o->rooms, room);
	struct buf path = { 0 };
	struct out *f;

	if (node)
		return map_entry(node, struct out, node);
	template_expand_room(o->name, room, &path);
	f = mem_new(struct out);
	f->room = mem_strndup(room.p, room.n);
	f->path = mem_strndup(path.p, path.n);
	f->fd = -1;
	list_init(&f->open);
	list_init(&f->dirty);
	map_add(&o->rooms, &f->node, str_make(f->room, room.n));
	buf_fini(&path);
	return f;
}

struct buf *output_to(struct output *o, struct str room)
{
	struct out *f;

	if (!o->name)
		return &o->one.buf;
	f = room_file(o, room);
	if (list_empty(&f->dirty))
		list_add(&o->dirty, &f->dirty);
	return &f->buf;
}

static void reopen_one(struct output *o)
{
	if (flush_one(o) != 0)
		return;
	close(o->one.fd);
	if (open_file(o, &o->one) != 0)
		fail(o, ERR_IO, o->one.path, "open");
}

void output_reopen(struct output *o)
{
	if (o->dead || output_is_stdout(o))
		return;
	if (!o->name) {
		reopen_one(o);
		return;
	}
	if (flush_rooms(o) != 0)
		return;
	while (!list_empty(&o->open))
		close_file(o, list_entry(o->open.next, struct out, open));
}

void output_finish(struct output *o)
{
	o->finishing = true;
}

static void free_room(struct map_node *node, void *arg)
{
	struct output *o = arg;
	struct out *f = map_entry(node, struct out, node);

	map_del(&o->rooms, node);
	close_file(o, f);
	buf_fini(&f->buf);
	mem_free(f->room);
	mem_free(f->path);
	mem_free(f);
}

static void on_closed(uv_handle_t *handle)
{
	mem_free(handle->data);
}

void output_free(struct output *o)
{
	if (!o)
		return;
	map_each(&o->rooms, free_room, o);
	map_fini(&o->rooms);
	if (o->one.fd >= 0 && o->one.fd != STDOUT_FILENO)
		close(o->one.fd);
	buf_fini(&o->one.buf);
	buf_fini(&o->marks);
	mem_free(o->one.path);
	template_free(o->name);
	watch_free(o->watch);
	uv_prepare_stop(&o->prepare);
	uv_close((uv_handle_t *)&o->prepare, on_closed);
}
