/* cursor.c - positions that survive the program
 *
 * A map from room to id, written whole: FILE.tmp beside it, fsync, rename. So a reader sees the old
 * file or the new one, and a crash between leaves only FILE.tmp behind. */
#include "client/cursor.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/pos.h"
#include "client/control.h"
#include "client/rooms.h"
#include "codec/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLUSH_MS       100
#define FILE_BYTES_MAX (64u << 20)

struct entry {
	struct map_node node;
	char *room, *id;
};

struct cursor {
	char *path;
	struct map entries;
	char *all; /* the position that covers every room; NULL: none */
	bool dirty;
	int64_t flush_at; /* not before */
};

/* --- entries ---------------------------------------------------------------------------------- */

static void entry_free(struct cursor *c, struct entry *n)
{
	map_del(&c->entries, &n->node);
	mem_free(n->room);
	mem_free(n->id);
	mem_free(n);
}

static void drop_entry(struct map_node *node, void *arg)
{
	entry_free(arg, map_entry(node, struct entry, node));
}

static bool replace(char **old, struct str id)
{
	if (*old && str_eq(str_of(*old), id))
		return false;
	mem_free(*old);
	*old = mem_strndup(id.p, id.n);
	return true;
}

/* Returns whether anything changed. */
static bool put(struct cursor *c, struct str room, struct str id)
{
	struct map_node *node = map_find(&c->entries, room);
	struct entry *n;

	if (node)
		return replace(&map_entry(node, struct entry, node)->id, id);
	n = mem_new(struct entry);
	n->room = mem_strndup(room.p, room.n);
	n->id = mem_strndup(id.p, id.n);
	map_add(&c->entries, &n->node, str_of(n->room));
	return true;
}

void cursor_set(struct cursor *c, struct str room, struct str id)
{
	bool changed;

	if (str_eq(room, STR("*"))) {
		changed = c->entries.n > 0 || !c->all;
		map_each(
			&c->entries, drop_entry, c); /* it covers them: none may hold a room back */
		changed = replace(&c->all, id) || changed;
	} else {
		changed = put(c, room, id);
	}
	if (changed && !c->dirty) {
		c->dirty = true;
		c->flush_at = clock_ms() + FLUSH_MS;
	}
}

/* The oldest position of a room that matches; NULL when there is none, or they cannot be
 * compared. */
static const char *oldest(const struct cursor *c, struct str pattern)
{
	const char *found = NULL;
	struct pos pos, least = { 0 };

	map_for_each(node, &c->entries) {
		struct entry *n = map_entry(node, struct entry, node);

		if (!pattern_match(pattern, node->key))
			continue;
		if (pos_parse(str_of(n->id), &pos) != 0 || (found && pos.epoch != least.epoch))
			return NULL;
		if (!found || pos_cmp(pos, least) < 0) {
			found = n->id;
			least = pos;
		}
	}
	return found;
}

const char *cursor_find(const struct cursor *c, struct str room)
{
	struct map_node *node = map_find(&c->entries, room);

	if (node)
		return map_entry(node, struct entry, node)->id;
	return c->all || !pattern_is(room) ? c->all : oldest(c, room);
}

int64_t cursor_due_ms(const struct cursor *c)
{
	int64_t left = c->flush_at - clock_ms();

	return !c->dirty ? -1 : left < 0 ? 0 : left;
}

void cursor_free(struct cursor *c)
{
	if (!c)
		return;
	map_each(&c->entries, drop_entry, c);
	map_fini(&c->entries);
	mem_free(c->all);
	mem_free(c->path);
	mem_free(c);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int read_all(const char *path, struct buf *text, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r = 0;
	ssize_t n = 1;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, ERR_IO, "cannot open '%s':", path);
	while (n > 0 && r == 0) {
		n = read(fd, buf_reserve(text, 65536), 65536);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			r = err_set(e, ERR_IO, "cannot read '%s':", path);
		else
			text->n += (size_t)n;
		if (text->n > FILE_BYTES_MAX)
			r = err_set(e, ERR_INVALID, "'%s' is too large to be a cursor file", path);
	}
	close(fd);
	return r;
}

static int read_line(struct cursor *c, struct str line, size_t number, struct err *e)
{
	struct control k;
	int r = control_read(&k, line);
	bool all = str_eq(k.cursor_room, STR("*"));

	if (r < 0)
		r = err_set(e, ERR_INVALID, "'%s', line %zu: not a JSON object", c->path, number);
	else if (!all && room_name_check(k.cursor_room, NULL) < 0 &&
		 pattern_check(k.cursor_room, NULL) < 0)
		r = err_set(e, ERR_INVALID, "'%s', line %zu: no room", c->path, number);
	else if (!k.cursor_id.n || !rooms_id_ok(k.cursor_id))
		r = err_set(e, ERR_INVALID, "'%s', line %zu: no id", c->path, number);
	else if (all)
		replace(&c->all, k.cursor_id);
	else
		put(c, k.cursor_room, k.cursor_id);
	control_fini(&k);
	return r;
}

/* What a symbolic link names is replaced, not the link. */
static char *file_of(const char *path)
{
	struct stat st;
	char *real, *file;

	if (lstat(path, &st) < 0 || !S_ISLNK(st.st_mode) || !(real = realpath(path, NULL)))
		return mem_strdup(path);
	file = mem_strdup(real);
	free(real);
	return file;
}

struct cursor *cursor_open(const char *path, struct err *e)
{
	struct cursor *c = mem_new(struct cursor);
	struct buf text = { 0 };
	struct str rest;
	int r;

	c->path = file_of(path);
	r = read_all(path, &text, e);
	rest = buf_str(&text);
	for (size_t number = 1; r == 0 && rest.p && rest.n; number++) {
		struct str line = str_trim(str_cut(rest, '\n', &rest));
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n)
			r = read_line(c, line, number, e);
	}
	buf_fini(&text);
	if (r < 0) {
		cursor_free(c);
		return NULL;
	}
	return c;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void format_line(struct buf *out, struct str room, const char *id)
{
	buf_add_text(out, "{\"room\":");
	buf_add_json(out, room);
	buf_add_text(out, ",\"id\":");
	buf_add_json(out, str_of(id));
	buf_add_text(out, "}\n");
}

static int write_all(int fd, struct str text)
{
	while (text.n) {
		ssize_t n = write(fd, text.p, text.n);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			text = str_skip(text, (size_t)n);
	}
	return 0;
}

/* The mode of the file that is replaced, or 0600. */
static mode_t mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_mode & 0777 : 0600;
}

static int replace_file(const struct cursor *c, struct str text, struct err *e)
{
	struct buf tmp = { 0 };
	int fd, r = 0;

	buf_addf(&tmp, "%s.tmp", c->path);
	/* In a directory of everybody's, somebody may have put a link there. */
	fd = open(buf_cstr(&tmp), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fchmod(fd, mode_of(c->path)) < 0 || write_all(fd, text) < 0 || fsync(fd) < 0)
		r = err_set(e, ERR_IO, "cannot write '%s':", tmp.p);
	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = err_set(e, ERR_IO, "cannot write '%s':", tmp.p);
	if (r == 0 && rename(tmp.p, c->path) < 0)
		r = err_set(e, ERR_IO, "cannot rename '%s':", tmp.p);
	if (r < 0 && fd >= 0)
		unlink(tmp.p);
	buf_fini(&tmp);
	return r;
}

int cursor_flush(struct cursor *c, struct err *e)
{
	struct buf text = { 0 };
	int r;

	if (!c->dirty)
		return 0;
	if (c->all)
		format_line(&text, STR("*"), c->all);
	map_for_each(node, &c->entries)
		format_line(&text, node->key, map_entry(node, struct entry, node)->id);
	r = replace_file(c, buf_str(&text), e);
	if (r == 0)
		c->dirty = false;
	else
		c->flush_at = clock_ms() + FLUSH_MS;
	buf_fini(&text);
	return r;
}
