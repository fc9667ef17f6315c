/* bookmark.c - the timer between a cursor and its file */
#include "client/bookmark.h"

#include "base/mem.h"

struct bookmark {
	uv_timer_t timer;
	struct cursor *cursor;
	void (*failed)(void *arg, const struct err *e);
	void *arg;
};

struct bookmark *bookmark_open(uv_loop_t *loop, const char *path,
	void (*failed)(void *arg, const struct err *e), void *arg, struct err *e)
{
	struct cursor *c = cursor_open(path, e);
	struct bookmark *b;

	if (!c)
		return NULL;
	b = mem_new(struct bookmark);
	b->cursor = c;
	b->failed = failed;
	b->arg = arg;
	uv_timer_init(loop, &b->timer);
	/* A position that waits to be written keeps nobody from ending: bookmark_close writes
	 * it. */
	uv_unref((uv_handle_t *)&b->timer);
	b->timer.data = b;
	return b;
}

const struct cursor *bookmark_cursor(const struct bookmark *b)
{
	return b->cursor;
}

static void on_due(uv_timer_t *timer)
{
	struct bookmark *b = timer->data;
	struct err e = { 0 };

	if (cursor_flush(b->cursor, &e) != 0)
		b->failed(b->arg, &e);
}

void bookmark_set(struct bookmark *b, struct str room, struct str id)
{
	int64_t due;

	cursor_set(b->cursor, room, id);
	if (uv_is_active((uv_handle_t *)&b->timer))
		return;
	due = cursor_due_ms(b->cursor);
	if (due >= 0)
		uv_timer_start(&b->timer, on_due, (uint64_t)due, 0);
}

static void on_closed(uv_handle_t *handle)
{
	mem_free(handle->data);
}

int bookmark_close(struct bookmark *b, struct err *e)
{
	int rc;

	if (!b)
		return 0;
	rc = cursor_flush(b->cursor, e);
	cursor_free(b->cursor);
	uv_close((uv_handle_t *)&b->timer, on_closed);
	return rc;
}
