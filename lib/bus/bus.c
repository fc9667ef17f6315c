/* bus.c - the table of engines, and the calls that every engine shares */
#include "bus/bus.h"

#include "base/mem.h"

extern const struct bus_ops bus_mem, bus_redis, bus_redis_stream;
#ifdef RT_TEST
extern const struct bus_ops bus_test; /* tests/support: an engine that misbehaves on command */
#endif

static const struct bus_ops *const engines[] = {
	&bus_mem,
	&bus_redis,
	&bus_redis_stream,
#ifdef RT_TEST
	&bus_test,
#endif
	NULL,
};

const struct bus_ops *bus_engine(int i)
{
	return engines[i];
}

const struct bus_ops *bus_find(struct str scheme)
{
	for (int i = 0; engines[i]; i++) {
		const char *const *also = engines[i]->also;

		if (str_eq(str_of(engines[i]->scheme), scheme))
			return engines[i];
		for (; also && *also; also++)
			if (str_eq(str_of(*also), scheme))
				return engines[i];
	}
	return NULL;
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
	const struct bus_ops *ops;
	int rc;

	*out = NULL;
	rc = url_parse(&url, text, e);
	if (rc)
		return rc;
	ops = bus_find(str_of(url.scheme));
	rc = ops ? ops->open(out, &url, e) : unsupported(url.scheme, e);
	if (rc == 0) {
		(*out)->ops = ops;
		(*out)->loop = loop;
		(*out)->events = events;
		(*out)->arg = arg;
	}
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
