/* msg.c - the members that are rt's, read out of a message and cut from it
 *
 * Everything here works on offsets that scan_json found. No value is parsed and printed again: the
 * payload is the sender's bytes with pieces left out, and at most one user_id put in. */
#include "codec/msg.h"

#define T(type) (1u << (type))
#define ANY     (~0u)

struct member {
	const char *name;
	uint8_t n;
	bool kept;          /* stays in the payload */
	unsigned types;     /* the JSON types it may have, as T() */
	const char *wanted; /* the words for them */
};

#define NAME(lit) .name = lit, .n = sizeof(lit) - 1
#define A_STRING  .types = T(SCAN_STRING), .wanted = "a string"
#define A_NUMBER  .types = T(SCAN_NUMBER), .wanted = "a number"
#define ANYTHING  .types = ANY

static const struct member members[MSG_MEMBERS] = {
	[MSG_ID] = { NAME("_id"), A_STRING },
	[MSG_ROOM] = { NAME("_room"), A_STRING },
	[MSG_TS] = { NAME("_ts"), A_NUMBER },
	[MSG_KEY] = { NAME("_key"), A_STRING },
	[MSG_REF] = { NAME("_ref"), .types = T(SCAN_STRING) | T(SCAN_NUMBER),
		.wanted = "a string or a number" },
	[MSG_DEDUP] = { NAME("_dedup"), A_STRING },
	[MSG_DATA] = { NAME("_data"), ANYTHING, .kept = true },
	[MSG_B64] = { NAME("_b64"), A_STRING, .kept = true },
	[MSG_ATTEMPT] = { NAME("_attempt"), A_NUMBER },
	[MSG_FROM] = { NAME("_from"), A_STRING },
	[MSG_REASON] = { NAME("_reason"), A_STRING },
	[MSG_OP] = { NAME("_op"), A_STRING },
	[MSG_ORIGIN] = { NAME("_origin"), ANYTHING },
	[MSG_CLIENT] = { NAME("_client"), A_STRING },
	[MSG_LIVE] = { NAME("_live"), .types = T(SCAN_TRUE) | T(SCAN_FALSE),
		.wanted = "true or false" },
	[MSG_TYPE] = { NAME("type"), ANYTHING, .kept = true },
	[MSG_USER_ID] = { NAME("user_id"), ANYTHING, .kept = true },
	[MSG_EVENT] = { NAME("event"), ANYTHING, .kept = true },
	[MSG_EVENT_DATA] = { NAME("data"), ANYTHING, .kept = true },
	[MSG_SINCE] = { NAME("since"), ANYTHING, .kept = true },
};

static const char *const type_names[] = {
	[SCAN_NULL] = "null",
	[SCAN_FALSE] = "false",
	[SCAN_TRUE] = "true",
	[SCAN_NUMBER] = "a number",
	[SCAN_STRING] = "a string",
	[SCAN_ARRAY] = "an array",
	[SCAN_OBJECT] = "an object",
};

/* --- reading --------------------------------------------------------------------------------- */

static struct str raw_name(const struct msg *m, const struct scan_mark *mark)
{
	return str_make(m->base + mark->name, mark->name_n);
}

/* MSG_MEMBERS for a reserved name that rt does not know. */
static enum msg_member member_find(const struct msg *m, const struct scan_mark *mark)
{
	struct str raw = raw_name(m, mark);

	for (int k = 0; k < MSG_MEMBERS; k++) {
		struct str name = str_make(members[k].name, members[k].n);
		if (mark->name_escaped ? scan_name_is(raw, name) : str_eq(raw, name))
			return (enum msg_member)k;
	}
	return MSG_MEMBERS;
}

static int refuse_unknown(const struct msg *m, const struct scan_mark *mark, struct err *e)
{
	struct buf name = { 0 };

	scan_unescape(&name, raw_name(m, mark));
	err_set(e, ERR_INVALID,
		"unknown reserved member '%.*s' (names of '_' + a lower-case letter "
		"are reserved)",
		(int)(name.n < 64 ? name.n : 64), name.p);
	buf_fini(&name);
	return ERR_INVALID;
}

static int mark_check(
	const struct msg *m, const struct scan_mark *mark, enum msg_member k, struct err *e)
{
	if (k == MSG_MEMBERS)
		return refuse_unknown(m, mark, e);
	if (!(members[k].types & T(mark->type)))
		return err_set(
			e, ERR_INVALID, "'%s' must be %s", members[k].name, members[k].wanted);
	return 0;
}

int msg_parse(struct msg *m, struct str text, enum msg_source source, struct err *e)
{
	int r = scan_json(&m->scan, text, SCAN_DEPTH_MAX, e);

	if (r < 0)
		return r;
	if (m->scan.type != SCAN_OBJECT)
		return err_set(e, ERR_INVALID, "not an object: %s", type_names[m->scan.type]);
	m->base = text.p;
	m->text = str_make(text.p + m->scan.begin, m->scan.end - m->scan.begin);
	memset(m->mark, -1, sizeof(m->mark));
	m->consumed = 0;
	for (int i = 0; i < m->scan.n_marks; i++) {
		const struct scan_mark *mark = &m->scan.marks[i];
		enum msg_member k = member_find(m, mark);
		if (source == MSG_FROM_CLIENT && (r = mark_check(m, mark, k, e)) < 0)
			return r;
		if (k < MSG_MEMBERS)
			m->mark[k] = (int8_t)i;
		if (k == MSG_MEMBERS || !members[k].kept)
			m->consumed |= 1u << i;
	}
	return 0;
}

static const struct scan_mark *mark_of(const struct msg *m, enum msg_member k)
{
	return m->mark[k] < 0 ? NULL : &m->scan.marks[m->mark[k]];
}

bool msg_has(const struct msg *m, enum msg_member k)
{
	return m->mark[k] >= 0;
}

struct str msg_raw(const struct msg *m, enum msg_member k)
{
	const struct scan_mark *mark = mark_of(m, k);

	return mark ? str_make(m->base + mark->value, mark->value_n) : str_make(NULL, 0);
}

/* The content of a string member without its quotes; p == NULL when it is none. */
static struct str content(const struct msg *m, enum msg_member k)
{
	const struct scan_mark *mark = mark_of(m, k);

	if (!mark || mark->type != SCAN_STRING)
		return str_make(NULL, 0);
	return str_make(m->base + mark->value + 1, mark->value_n - 2);
}

bool msg_string(const struct msg *m, enum msg_member k, struct buf *out)
{
	struct str s = content(m, k);

	if (s.p)
		scan_unescape(out, s);
	return s.p != NULL;
}

bool msg_is(const struct msg *m, enum msg_member k, struct str s)
{
	struct str have = content(m, k);

	return have.p && scan_name_is(have, s);
}

const char *msg_member_name(enum msg_member k)
{
	return members[k].name;
}

bool msg_is_event(const struct msg *m)
{
	const struct scan_mark *event = mark_of(m, MSG_EVENT);
	int kept = (int)m->scan.n_members - __builtin_popcount(m->consumed);

	return kept == 2 && event && event->type == SCAN_STRING && msg_has(m, MSG_EVENT_DATA);
}

/* --- writing --------------------------------------------------------------------------------- */

/* A payload in the making: text is copied up to an offset, then something is skipped or added. */
struct cutter {
	const struct msg *m;
	struct buf *out;
	uint32_t at; /* the text before this offset is done with */
};

static void copy_to(struct cutter *c, uint32_t offset)
{
	buf_add(c->out, c->m->base + c->at, offset - c->at);
	c->at = offset;
}

static uint32_t name_begin(const struct scan_mark *mark)
{
	return mark->name - 1; /* the quote */
}

static uint32_t value_end(const struct scan_mark *mark)
{
	return mark->value + mark->value_n;
}

/* The first of the consumed members that stand together at the end of the object; n_marks when the
 * last member stays. Only there a following comma is missing: together they take the one before
 * them, which is what removing one after the other comes to. */
static int tail_begin(const struct msg *m)
{
	const struct scan_mark *marks = m->scan.marks;
	uint32_t index = m->scan.n_members;
	int i = m->scan.n_marks;

	while (i > 0 && (m->consumed >> (i - 1) & 1) && marks[i - 1].index + 1 == index) {
		i--;
		index--;
	}
	return i;
}

static void cut(struct cutter *c, int i, int tail)
{
	const struct scan_mark *mark = &c->m->scan.marks[i];

	if (i == tail && mark->comma_before) {
		copy_to(c, mark->comma_before);
		c->at = value_end(&c->m->scan.marks[c->m->scan.n_marks - 1]);
	} else if (name_begin(mark) >= c->at) { /* else it went with the tail */
		copy_to(c, name_begin(mark));
		c->at = mark->comma_after ? mark->comma_after + 1 : value_end(mark);
	}
}

static void add_user(struct buf *out, struct str user)
{
	buf_add_text(out, "\"user_id\":");
	buf_add_json(out, user);
}

/* CR and LF are nowhere in a proved text but in its whitespace. */
static void newlines_to_spaces(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n' || p[i] == '\r')
			p[i] = ' ';
	}
}

/* What msg_payload does when there is something to do. */
static void payload_cut(const struct msg *m, struct str user, struct buf *out)
{
	const struct scan *s = &m->scan;
	struct cutter c = { .m = m, .out = out, .at = s->begin };
	bool insert = user.n && !msg_has(m, MSG_USER_ID);
	int tail = tail_begin(m);

	if (insert && !msg_has(m, MSG_TYPE)) {
		copy_to(&c, s->first_after);
		add_user(out, user);
		if (s->n_members > (uint32_t)__builtin_popcount(m->consumed))
			buf_add_char(out, ',');
	}
	for (int i = 0; i < s->n_marks; i++) {
		if (m->consumed >> i & 1) {
			cut(&c, i, tail);
		} else if (user.n && i == m->mark[MSG_USER_ID]) {
			copy_to(&c, s->marks[i].value);
			buf_add_json(out, user);
			c.at = value_end(&s->marks[i]);
		} else if (insert && i == m->mark[MSG_TYPE]) {
			copy_to(&c, value_end(&s->marks[i]));
			buf_add_char(out, ',');
			add_user(out, user);
		}
	}
	copy_to(&c, s->end);
}

void msg_payload(const struct msg *m, struct str user, struct buf *out)
{
	size_t begin = out->n;

	if (!m->consumed && !user.n)
		buf_add_str(out, m->text);
	else
		payload_cut(m, user, out);
	if (m->scan.has_newline)
		newlines_to_spaces(out->p + begin, out->n - begin);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void msg_splice(struct buf *out, struct str payload, struct str spliced)
{
	size_t brace = 0, next;

	while (is_space(payload.p[brace]))
		brace++;
	next = brace + 1;
	while (is_space(payload.p[next]))
		next++;
	buf_reserve(out, payload.n + spliced.n + 1);
	buf_add(out, payload.p, brace + 1);
	buf_add_str(out, spliced);
	if (spliced.n && payload.p[next] != '}')
		buf_add_char(out, ',');
	buf_add_str(out, str_skip(payload, brace + 1));
}
