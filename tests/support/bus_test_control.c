/* bus_test_control.c - what the test bus is told through its FIFO, and by the query of its URL
 *
 * bus_test.c lists the commands. */
#include "support/bus_test.h"

#include "base/clock.h"
#include "base/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- commands --------------------------------------------------------------------------------------------------------- */

/* Deliveries on their way are lost; so that the hole has a place of its own, a position is used up. */
static void make_hole(struct bus_test_s *b)
{
	struct rec_head h;

	if (!b->up)
		return;
	test_log_lock(b);
	if (b->delivered.epoch != b->epoch) {
		test_log_unlock(b);
		return;
	}
	h = test_log_next(b, REC_SKIP);
	test_log_append(b, &h, STR(""), STR(""), NULL);
	test_log_unlock(b);
	b->next = b->n_recs;
	b->delivered = b->head;
	b->bus.events->hole(b->bus.arg, b->head);
}

bool bus_test_set(struct bus_test_s *b, struct str name, struct str value)
{
	char text[32];
	const struct {
		const char *name;
		double *p;
	} of[] = { { "refuse", &b->refuse }, { "unknown", &b->unknown }, { "unsure", &b->unsure },
		{ "dup", &b->dup }, { "fail", &b->fail } };

	snprintf(text, sizeof text, STR_FMT, STR_ARG(value));
	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		if (str_eq(name, str_of(of[i].name))) {
			*of[i].p = atof(text);
			return true;
		}
	if (str_eq(name, STR("delay")))
		return duration_parse(value, &b->delay_ms, NULL) == 0;
	if (str_eq(name, STR("answer")))
		return duration_parse(value, &b->answer_ms, NULL) == 0;
	if (str_eq(name, STR("page")))
		return (b->page = (unsigned)atoi(text)) > 0;
	if (str_eq(name, STR("trim"))) {
		b->trim_n = (size_t)atol(text);
		return true;
	}
	if (str_eq(name, STR("seed"))) {
		b->seed = strtoull(text, NULL, 10) * 2654435761u + 1;
		return true;
	}
	return false;
}

static bool obey(struct bus_test_s *b, struct str line)
{
	struct str arg, what = str_cut(line, ' ', &arg), value;
	int64_t ms = INT64_MAX;

	if (str_eq(what, STR("trim"))) {
		test_log_lock(b);
		test_log_trim(b, (size_t)atol(arg.p));
		test_log_unlock(b);
	} else if (str_eq(what, STR("epoch"))) {
		test_log_lock(b);
		test_log_epoch(b);
		test_log_unlock(b);
	} else if (str_eq(what, STR("hole"))) {
		make_hole(b);
	} else if (str_eq(what, STR("down"))) {
		if (arg.n && duration_parse(arg, &ms, NULL) != 0)
			return false;
		bus_test_down(b, "down as ordered", ms, true);
	} else if (str_eq(what, STR("up"))) {
		b->up_at_ms = 0;
	} else if (str_eq(what, STR("lag"))) {
		if (duration_parse(arg, &b->lag_ms, NULL) != 0)
			return false;
		/* Less of it holds for what is on its way too. */
		b->deliver_ms = clock_ms() + b->lag_ms;
		for (size_t i = b->next; i < b->n_recs; i++)
			if (b->recs[i]->due_ms > b->deliver_ms)
				b->recs[i]->due_ms = b->deliver_ms;
	} else if (str_eq(what, STR("set"))) {
		struct str name = str_cut(arg, ' ', &value);
		return bus_test_set(b, name, value);
	} else {
		return str_eq(what, STR("where"));
	}
	return true;
}

static void confirm(struct bus_test_s *b, struct str line, bool good)
{
	struct buf out = { 0 };

	buf_addf(&out, "%s " STR_FMT "\t", good ? "ok" : "bad", STR_ARG(line));
	test_log_tail(b, false);
	buf_add_pos(&out, b->trimmed);
	buf_add_char(&out, '\t');
	buf_add_pos(&out, b->head);
	buf_add_char(&out, '\n');
	if (b->done >= 0 && write(b->done, out.p, out.n) < 0)
		abort();
	buf_fini(&out);
}

static void on_control(uv_poll_t *poll, int status, int events)
{
	struct bus_test_s *b = poll->data;
	char *nl;
	ssize_t n;

	(void)status;
	(void)events;
	n = read(b->control, buf_reserve(&b->line, 4096), 4096);
	if (n > 0)
		b->line.n += (size_t)n;
	while (b->line.n && (nl = memchr(b->line.p, '\n', b->line.n))) {
		struct str line = str_make(b->line.p, (size_t)(nl - b->line.p));
		*nl = '\0';
		confirm(b, line, obey(b, line));
		buf_drop(&b->line, line.n + 1);
	}
}

void bus_test_open_control(struct bus_test_s *b)
{
	struct buf path = { 0 };

	b->control = open(b->control_path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	buf_addf(&path, "%s.done", b->control_path);
	b->done = open(buf_cstr(&path), O_RDWR | O_NONBLOCK | O_CLOEXEC);
	buf_fini(&path);
	if (b->control < 0)
		return;
	uv_poll_init(b->bus.loop, &b->poll, b->control);
	b->poll.data = b;
	b->polled = true;
	b->n_handles++;
	uv_poll_start(&b->poll, UV_READABLE, on_control);
}
