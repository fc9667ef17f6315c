/* bus.c - the table of engines, and the calls that every engine shares */
#include "bus/bus.h"

#include "base/mem.h"

extern const struct bus_ops bus_mem;
#ifdef RT_TEST
extern const struct bus_ops bus_test; /* tests/support: an engine that misbehaves on command */
#endif

static const struct bus_ops *const engines[] = {
	&bus_mem,
#ifdef RT_TEST
	&bus_test,
#endif
	NULL,
};

const struct bus_ops *bus_engine(int i)
{
	return engines[i];
}

static int unsupported(const char *scheme, struct err *e)
{
	struct buf names = { 0 };

	for (int i = 0; engines[i]; i++)
		buf_addf(&names, "%s%s:", i ? ", " : "", engines[i]->scheme);
	err_set(e, ERR_UNSUPPORTED, "no bus '%s:' is built in (there is %s)", scheme,
		buf_cstr(&names));
	buf_fini(&names);
	return ERR_UNSUPPORTED;
}

int bus_open(struct bus **out, struct str text, uv_loop_t *loop, const struct bus_events *events,
	void *arg, struct err *e)
{
	struct url url = { 0 };
	int rc;

	*out = NULL;
	rc = url_parse(&url, text, e);
	if (rc)
		return rc;
	rc = ERR_UNSUPPORTED;
	for (int i = 0; engines[i]; i++) {
		if (strcmp(engines[i]->scheme, url.scheme) != 0)
			continue;
		rc = engines[i]->open(out, &url, e);
		if (rc == 0) {
			(*out)->ops = engines[i];
			(*out)->loop = loop;
			(*out)->events = events;
			(*out)->arg = arg;
		}
		goto out;
	}
	unsupported(url.scheme, e);
out:
	url_fini(&url);
	return rc;
}

void bus_close(struct bus *b)
{
	if (b)
		b->ops->close(b);
}

void bus_publish(
	struct bus *b, struct str room, struct str bytes, const struct bus_meta *meta, uint64_t tag)
{
	b->ops->publish(b, room, bytes, meta, tag);
}

void bus_turn(struct bus *b)
{
	if (b->ops->turn)
		b->ops->turn(b);
}
