/* redis_id.c - what a stream holds, read and written */
#include "bus/redis_id.h"

#include "base/err.h"
#include "bus/bus.h"
#include "codec/msg.h"

int redis_id_parse(struct str s, struct pos *p)
{
	struct str lo, hi = str_cut(s, '-', &lo);

	p->epoch = 0;
	if (str_u64(hi, &p->hi) != 0 || !lo.p || str_u64(lo, &p->lo) != 0)
		return ERR_INVALID;
	return 0;
}

void redis_id_format(struct buf *out, struct pos p)
{
	buf_add_u64(out, p.hi);
	buf_add_char(out, '-');
	buf_add_u64(out, p.lo);
}

struct pos redis_id_before(struct pos p)
{
	if (p.lo) {
		p.lo--;
	} else if (p.hi) {
		p.hi--;
		p.lo = UINT64_MAX;
	}
	return p;
}

/* --- reading ---------------------------------------------------------------------------------- */

static struct str text_of(const redisReply *r)
{
	return r->type == REDIS_REPLY_STRING ? str_make(r->str, r->len) : STR("");
}

static struct str field(const redisReply *fields, const char *name)
{
	for (size_t i = 0; i + 1 < fields->elements; i += 2)
		if (str_eq(text_of(fields->element[i]), str_of(name)))
			return text_of(fields->element[i + 1]);
	return str_make(NULL, 0);
}

static void add_string(struct buf *out, const redisReply *fields, const char *name)
{
	struct str value = field(fields, name);

	if (value.n == 0)
		return;
	buf_addf(out, "\"_%s\":", name);
	buf_add_json(out, value);
	buf_add_char(out, ',');
}

/* Metadata in front of `data`, which is an object and ours. */
static void add_envelope(struct buf *out, const redisReply *fields, struct str data)
{
	struct str attempt = field(fields, "attempt");
	struct scan number;

	buf_add_char(out, '{');
	add_string(out, fields, "client");
	add_string(out, fields, "key");
	add_string(out, fields, "dedup");
	if (scan_json(&number, attempt, 0, NULL) == 0 && number.type == SCAN_NUMBER) {
		buf_add_text(out, "\"_attempt\":");
		buf_add_str(out, attempt);
		buf_add_char(out, ',');
	}
	add_string(out, fields, "from");
	add_string(out, fields, "reason");
	data = str_skip(data, 1);
	if (str_starts(data, STR("}")) && out->p[out->n - 1] == ',')
		out->n--;
	buf_add_str(out, data);
}

static void add_strings(struct buf *out, const redisReply *fields)
{
	buf_add_char(out, '{');
	for (size_t i = 0; i + 1 < fields->elements; i += 2) {
		if (i)
			buf_add_char(out, ',');
		buf_add_json(out, text_of(fields->element[i]));
		buf_add_char(out, ':');
		buf_add_json(out, text_of(fields->element[i + 1]));
	}
	buf_add_char(out, '}');
}

bool redis_entry_read(const redisReply *r, struct redis_entry *e, struct buf *out)
{
	const redisReply *fields;
	struct str data;

	*e = (struct redis_entry){ 0 };
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 ||
		redis_id_parse(text_of(r->element[0]), &e->pos) != 0)
		return false;
	fields = r->element[1];
	if (fields->type != REDIS_REPLY_ARRAY)
		return false; /* deleted while it was looked at */
	data = field(fields, "data");
	e->ours = data.p && redis_id_parse(field(fields, REDIS_PREVIOUS), &e->previous) == 0;
	if (!data.p)
		add_strings(out, fields);
	else if (e->ours && str_starts(data, STR("{")))
		add_envelope(out, fields, data);
	else
		buf_add_str(out, data);
	return true;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void add_field(struct str *argv, int *n, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	argv[(*n)++] = str_of(name);
	argv[(*n)++] = value;
}

void redis_entry_fields(const struct bus_meta *m, struct str *argv, int *n, struct buf *scratch)
{
	static const struct {
		const char *name;
		enum msg_member member;
	} strings[] = { { "from", MSG_FROM }, { "reason", MSG_REASON } };
	struct msg msg;
	size_t at;

	add_field(argv, n, "client", m->client);
	add_field(argv, n, "key", m->key);
	add_field(argv, n, "dedup", m->dedup);
	if (m->extra.n == 0)
		return;
	/* The text, and its strings behind it: together not longer than twice the text. */
	buf_reserve(scratch, 2 * m->extra.n + 2);
	at = scratch->n;
	buf_add_char(scratch, '{');
	buf_add_str(scratch, m->extra);
	buf_add_char(scratch, '}');
	if (msg_parse(&msg, str_make(scratch->p + at, scratch->n - at), MSG_FROM_BUS, NULL) != 0)
		return;
	add_field(argv, n, "attempt", msg_raw(&msg, MSG_ATTEMPT));
	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
		at = scratch->n;
		if (msg_string(&msg, strings[i].member, scratch))
			add_field(argv, n, strings[i].name,
				str_make(scratch->p + at, scratch->n - at));
	}
}
