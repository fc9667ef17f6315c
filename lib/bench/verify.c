/* verify.c - from a line to a producer and a number
 *
 * The line is proven to be JSON by the same scanner that servers use. rt-pub writes `p` and `n` in
 * front, where the search for them ends at once. */
#include "bench/verify.h"

#include "bench/mark.h"
#include "client/field.h"
#include "codec/msg.h"

void verify_init(struct verify *v, struct result *result, uint64_t from)
{
	*v = (struct verify){ .result = result };
	v->streams.fixed = from != UINT64_MAX;
	v->streams.from = from;
}

void verify_fini(struct verify *v)
{
	streams_fini(&v->streams);
	buf_fini(&v->key);
}

static int see(struct verify *v, struct str key, uint64_t number, struct err *e)
{
	enum follow_result what;

	if (!streams_see(&v->streams, key, number, &v->result->verdict, &what))
		return err_set(e, ERR_TOO_LARGE, "a producer too many, or its name is over %d bytes",
			STREAMS_KEY_MAX);
	v->result->heard++;
	return 0;
}

static bool is_control(struct verify *v, const struct msg *m)
{
	if (!msg_has(m, MSG_OP))
		return false;
	if (msg_is(m, MSG_OP, STR("gap"))) {
		v->result->gaps++;
		streams_tell_gap(&v->streams);
	}
	return true;
}

/* A mark stands in no name of a producer: those keys begin with a quote, these with 'r'. */
static int see_mark(struct verify *v, struct str line, struct err *e)
{
	struct mark m;

	if (!mark_find(&line, &m))
		return err_set(e, ERR_INVALID, "no members 'p' and 'n' (rt-pub --number)");
	v->key.n = 0;
	buf_addf(&v->key, "r%llx.%x", (unsigned long long)m.run, m.stream);
	return see(v, buf_str(&v->key), m.number, e);
}

int verify_line(struct verify *v, struct str line, struct err *e)
{
	struct str producer, number;
	struct msg m;
	uint64_t n;

	v->result->bytes += line.n;
	if (msg_parse(&m, line, MSG_FROM_BUS, e) < 0)
		return ERR_INVALID;
	if (is_control(v, &m))
		return 0;
	number = field_find(m.text, STR("n"));
	producer = number.p ? field_find(m.text, STR("p")) : number;
	if (!producer.p)
		return see_mark(v, line, e);
	if (str_u64(number, &n) < 0 || !field_is_string(producer))
		return err_set(e, ERR_INVALID, "'p' is no string or 'n' no count");
	return see(v, producer, n, e);
}

void verify_end(struct verify *v, uint64_t expect)
{
	struct verdict *d = &v->result->verdict;
	uint64_t seen;

	streams_end(&v->streams, d);
	seen = d->received + d->lost;
	if (expect && seen < expect) { /* the last of some, of which nothing told */
		d->expected += expect - seen;
		d->lost += expect - seen;
		d->undeclared += expect - seen;
	} else if (expect && d->received > expect) {
		d->phantom += d->received - expect;
	}
}
