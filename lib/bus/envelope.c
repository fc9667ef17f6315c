/* envelope.c - metadata in front of a payload, put there and taken away */
#include "bus/envelope.h"

#include "codec/name.h"
#include "codec/scan.h"

/* --- writing ---------------------------------------------------------------------------------- */

static void add_string(struct buf *out, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	buf_addf(out, "\"%s\":", name);
	buf_add_json(out, value);
	buf_add_char(out, ',');
}

void envelope_members(struct buf *out, const struct bus_meta *m, struct str origin)
{
	add_string(out, "_origin", origin);
	if (m->ts_ms > 0) {
		buf_add_text(out, "\"_ts\":");
		buf_add_u64(out, (uint64_t)m->ts_ms);
		buf_add_char(out, ',');
	}
	add_string(out, "_client", m->client);
	add_string(out, "_key", m->key);
	add_string(out, "_dedup", m->dedup);
	if (m->live)
		buf_add_text(out, "\"_live\":true,");
	if (m->extra.n) {
		buf_add_str(out, m->extra);
		buf_add_char(out, ',');
	}
}

void envelope_write(struct buf *out, struct str payload, const struct bus_meta *m, struct str origin)
{
	struct buf members = { 0 };

	envelope_members(&members, m, origin);
	if (members.n)
		members.n--; /* the comma */
	msg_splice(out, payload, buf_str(&members));
	buf_fini(&members);
}

/* --- reading ---------------------------------------------------------------------------------- */

/* A string of the message, unescaped into v->text; n == 0 where there is none of a length that is
 * allowed. The text is reserved beforehand, so that it stays where it is. */
static struct str take_string(struct envelope *v, enum msg_member k, size_t most)
{
	size_t before = v->text.n;

	if (!msg_string(&v->msg, k, &v->text) || v->text.n - before > most)
		v->text.n = before;
	return str_make(v->text.p + before, v->text.n - before);
}

static int64_t take_time(const struct msg *m, int64_t now_ms)
{
	uint64_t ms;

	if (str_u64(msg_raw(m, MSG_TS), &ms) != 0 || ms == 0 || ms > INT64_MAX)
		return now_ms;
	return (int64_t)ms;
}

/* Members that are carried as given: a number and two strings. */
static struct str take_extra(struct envelope *v)
{
	static const enum msg_member carried[] = { MSG_ATTEMPT, MSG_FROM, MSG_REASON };
	size_t before = v->text.n;

	for (size_t i = 0; i < sizeof carried / sizeof *carried; i++) {
		struct str raw = msg_raw(&v->msg, carried[i]);

		if (raw.n == 0 || (raw.p[0] == '"') != (carried[i] != MSG_ATTEMPT) ||
			!strchr("\"-0123456789", raw.p[0]))
			continue;
		if (v->text.n > before)
			buf_add_char(&v->text, ',');
		buf_addf(&v->text, "\"%s\":", msg_member_name(carried[i]));
		buf_add_str(&v->text, raw);
	}
	return str_make(v->text.p + before, v->text.n - before);
}

/* Also of who knows nothing of _live: some kinds are news, not history. */
static bool is_live(const struct msg *m)
{
	static const char *const kinds[] = { "typing", "user_joined", "user_left" };

	if (str_eq(msg_raw(m, MSG_LIVE), STR("true")))
		return true;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (msg_is(m, MSG_TYPE, str_of(kinds[i])))
			return true;
	return false;
}

static void read_object(struct envelope *v, struct str bytes, int64_t now_ms)
{
	struct bus_meta *m = &v->meta;

	/* What is unescaped is no longer than it was, and names come on top. */
	buf_reserve(&v->text, bytes.n + 64);
	v->origin = take_string(v, MSG_ORIGIN, SIZE_MAX);
	m->client = take_string(v, MSG_CLIENT, CLIENT_MAX_BYTES);
	m->key = take_string(v, MSG_KEY, KEY_MAX_BYTES);
	m->dedup = take_string(v, MSG_DEDUP, DEDUP_MAX_BYTES);
	m->extra = take_extra(v);
	m->ts_ms = take_time(&v->msg, now_ms);
	m->live = m->no_echo = is_live(&v->msg);
	msg_payload(&v->msg, STR(""), &v->bytes);
}

/* A line end cannot be in a string of JSON, so it is whitespace, and a message is one line. */
static void add_line(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_add_char(out, s.p[i] == '\n' || s.p[i] == '\r' ? ' ' : s.p[i]);
}

static void wrap(struct envelope *v, struct str bytes, int64_t now_ms)
{
	struct scan s;

	v->meta.ts_ms = now_ms;
	if (scan_json(&s, bytes, SCAN_DEPTH_MAX - 1, NULL) == 0 && s.type != SCAN_OBJECT) {
		buf_add_text(&v->bytes, "{\"_data\":");
		add_line(&v->bytes, str_make(bytes.p + s.begin, s.end - s.begin));
		buf_add_char(&v->bytes, '}');
		return;
	}
	buf_add_text(&v->bytes, "{\"_b64\":\"");
	buf_add_base64(&v->bytes, bytes);
	buf_add_text(&v->bytes, "\"}");
}

void envelope_read(struct envelope *v, struct str bytes, int64_t now_ms)
{
	v->meta = (struct bus_meta){ 0 };
	v->origin = STR("");
	v->bytes.n = v->text.n = 0;
	if (msg_parse(&v->msg, bytes, MSG_FROM_BUS, NULL) == 0)
		read_object(v, bytes, now_ms);
	else
		wrap(v, bytes, now_ms);
	v->payload = buf_str(&v->bytes);
}

void envelope_fini(struct envelope *v)
{
	buf_fini(&v->bytes);
	buf_fini(&v->text);
}
