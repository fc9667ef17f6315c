/* compose.c - from a line of input to what client_publish takes
 *
 * The common line, an object without reserved members, goes out as it came in: one scan, no copy.
 * Everything else is built in `text` by splicing: the payload's bytes stay the user's. */
#include "client/compose.h"

#include "base/mem.h"
#include "client/dedup_id.h"
#include "client/field.h"
#include "codec/msg.h"
#include "codec/name.h"

#include <stdio.h>

/* Of the reserved members these travel on; the others are consumed here or are not a
 * client's to set. */
static const enum msg_member carried[] = { MSG_KEY, MSG_ATTEMPT, MSG_FROM, MSG_REASON };

struct compose {
	struct compose_conf conf;
	struct dedup_id dedup;
	struct buf room, text, payload, members; /* of the line in work */
	struct buf source_room, source_id, id;
	char producer[17]; /* `p` of --number */
	uint64_t n;        /* `n` of --number */
};

struct compose *compose_new(const struct compose_conf *conf, struct err *e)
{
	struct compose *c;

	if (conf->room && conf->mode != COMPOSE_VERBATIM &&
			room_name_check(str_of(conf->room), e) != 0)
		return NULL;
	c = mem_new(struct compose);
	c->conf = *conf;
	dedup_id_init(&c->dedup);
	memcpy(c->producer, c->dedup.process, sizeof(c->producer));
	return c;
}

void compose_free(struct compose *c)
{
	if (!c)
		return;
	dedup_id_fini(&c->dedup);
	buf_fini(&c->room);
	buf_fini(&c->text);
	buf_fini(&c->payload);
	buf_fini(&c->members);
	buf_fini(&c->source_room);
	buf_fini(&c->source_id);
	buf_fini(&c->id);
	mem_free(c);
}

/* --- lines that are no objects -------------------------------------------------------------- */

static void make_text(struct compose *c, struct str line, struct composed *out)
{
	buf_add_text(&c->payload, "{\"type\":");
	buf_add_json(&c->payload, str_of(c->conf.type ? c->conf.type : "message"));
	buf_add_text(&c->payload, ",\"text\":");
	buf_add_json(&c->payload, line);
	buf_add_char(&c->payload, '}');
	out->repaired = !str_utf8(line);
}

static int make_data(struct compose *c, struct str line, struct err *e)
{
	struct scan s;
	size_t at;

	/* One level less: the object around it is one. */
	if (scan_json(&s, line, SCAN_DEPTH_MAX - 1, e) != 0)
		return ERR_INVALID;
	buf_add_text(&c->payload, "{\"_data\":");
	at = c->payload.n;
	buf_add(&c->payload, line.p + s.begin, s.end - s.begin);
	/* A line break cannot stand in a JSON string, so all of them are white space. */
	for (size_t i = at; s.has_newline && i < c->payload.n; i++) {
		if (c->payload.p[i] == '\n' || c->payload.p[i] == '\r')
			c->payload.p[i] = ' ';
	}
	buf_add_char(&c->payload, '}');
	return 0;
}

static void make_bytes(struct compose *c, struct str line)
{
	struct msg m;

	if (msg_parse(&m, line, MSG_FROM_CLIENT, NULL) == 0 && m.text.n == line.n &&
			!m.scan.has_newline && !m.consumed) {
		buf_add_str(&c->payload, line);
		return;
	}
	buf_add_text(&c->payload, "{\"_b64\":\"");
	buf_add_base64(&c->payload, line);
	buf_add_text(&c->payload, "\"}");
}

/* --- what a line says about itself ---------------------------------------------------------- */

/* "not JSON: 'hello' (plain lines: --text)": the sentence a user needs who forgot --text. */
static enum compose_result not_json(struct str line, struct err *e)
{
	struct str head = str_head(line, 40);
	const char *more = head.n < line.n ? "..." : "";
	struct err why = *e;

	if (str_starts(str_of(why.text), STR("not an object")))
		err_set(e, ERR_INVALID, "not an object: '" STR_FMT "%s' (any JSON: --wrap)",
			STR_ARG(head), more);
	else if (str_starts(str_of(why.text), STR("not JSON")) && line.n > 0 && line.p[0] != '{')
		err_set(e, ERR_INVALID, "not JSON: '" STR_FMT "%s' (plain lines: --text)",
			STR_ARG(head), more);
	return COMPOSE_BAD;
}

/* A line with `_op` need not pass as a message: jq may have put anything into it. */
static enum compose_result control_or_bad(struct str line, struct err *e)
{
	struct msg m;

	if (msg_parse(&m, line, MSG_FROM_BUS, NULL) == 0 && msg_has(&m, MSG_OP))
		return msg_is(&m, MSG_OP, STR("gap")) ? COMPOSE_GAP : COMPOSE_CONTROL;
	return not_json(line, e);
}

static void describe_gap(struct str line, struct err *e)
{
	struct buf room = { 0 }, reason = { 0 };

	field_text(&room, field_find(line, STR("_room")), true);
	field_text(&reason, field_find(line, STR("reason")), true);
	err_set(e, ERR_INVALID, "messages of '%.128s' are missing before this line (%.32s)",
		buf_cstr(&room), buf_cstr(&reason));
	buf_fini(&room);
	buf_fini(&reason);
}

static int64_t read_ts(struct str raw)
{
	uint64_t ms;

	raw = str_cut(raw, '.', NULL);
	return raw.n > 0 && str_u64(raw, &ms) == 0 && ms < INT64_MAX / 4 ? (int64_t)ms : -1;
}

static void read_source(struct compose *c, const struct msg *m, struct composed *out)
{
	if (msg_string(m, MSG_ROOM, &c->source_room))
		out->source_room = buf_str(&c->source_room);
	if (msg_string(m, MSG_ID, &c->source_id))
		out->source_id = buf_str(&c->source_id);
	out->ts_ms = msg_has(m, MSG_TS) ? read_ts(msg_raw(m, MSG_TS)) : -1;
}

static int choose_room(struct compose *c, struct composed *out, struct err *e)
{
	if (c->conf.room) {
		out->room = str_of(c->conf.room);
		return 0;
	}
	if (out->source_room.n == 0)
		return err_set(
			e, ERR_INVALID, "no room: name one (rt-pub ROOM), or give lines '_room'");
	if (!c->conf.prefix) {
		out->room = out->source_room;
	} else {
		buf_add_text(&c->room, c->conf.prefix);
		buf_add_str(&c->room, out->source_room);
		out->room = buf_str(&c->room);
	}
	return room_name_check(out->room, e);
}

/* --- deduplication -------------------------------------------------------------------------- */

static int id_of_field(struct compose *c, struct composed *out, struct err *e)
{
	struct str raw = field_find(out->text, str_of(c->conf.id_field));
	char hash[DEDUP_ID_MAX];

	if (!raw.p)
		return err_set(e, ERR_INVALID, "no '%s' in it (--id)", c->conf.id_field);
	field_text(&c->id, raw, false);
	if (dedup_check(buf_str(&c->id), NULL) != 0) {
		dedup_id_hash(hash, STR(""), buf_str(&c->id), 0);
		c->id.n = 0;
		buf_add_text(&c->id, hash);
	}
	out->dedup = buf_str(&c->id);
	return 0;
}

static int choose_dedup(struct compose *c, const struct msg *m, struct composed *out, struct err *e)
{
	if (c->conf.id_field)
		return id_of_field(c, out, e);
	if (m && msg_string(m, MSG_DEDUP, &c->id)) {
		out->dedup = buf_str(&c->id);
		return dedup_check(out->dedup, e);
	}
	if (!c->conf.fresh && out->source_room.n > 0 && out->source_id.n > 0)
		out->dedup = dedup_id_of_source(&c->dedup, out->source_room, out->source_id);
	else
		out->dedup = dedup_id_next(&c->dedup);
	return 0;
}

/* --- members that go in front --------------------------------------------------------------- */

static void member(struct compose *c, const char *name)
{
	buf_addf(&c->members, "%s\"%s\":", c->members.n ? "," : "", name);
}

static int add_key(struct compose *c, struct str payload, struct err *e)
{
	struct str raw = field_find(payload, str_of(c->conf.key_field));
	struct buf key = { 0 };
	int rc = 0;

	if (!raw.p)
		return 0;
	field_text(&key, raw, false);
	if (key.n == 0 || key.n > KEY_MAX_BYTES)
		rc = err_set(e, ERR_INVALID, "'%s' is no key (1 to %d bytes)", c->conf.key_field,
			KEY_MAX_BYTES);
	if (rc == 0) {
		member(c, "_key");
		buf_add_json(&c->members, buf_str(&key));
	}
	buf_fini(&key);
	return rc;
}

static int add_number(struct compose *c, struct str payload, struct err *e)
{
	if (field_find(payload, STR("p")).p || field_find(payload, STR("n")).p)
		return err_set(e, ERR_INVALID, "has members 'p' or 'n' already (--number)");
	member(c, "p");
	buf_addf(&c->members, "\"%s\"", c->producer);
	member(c, "n");
	buf_add_u64(&c->members, ++c->n);
	return 0;
}

/* m: NULL for a payload made here. */
static int collect_members(
	struct compose *c, const struct msg *m, struct str payload, struct err *e)
{
	for (size_t i = 0; m && i < sizeof(carried) / sizeof(*carried); i++) {
		if (!msg_has(m, carried[i]) || (carried[i] == MSG_KEY && c->conf.key_field))
			continue;
		member(c, msg_member_name(carried[i]));
		buf_add_str(&c->members, msg_raw(m, carried[i]));
	}
	if (c->conf.key_field && add_key(c, payload, e) != 0)
		return ERR_INVALID;
	if (c->conf.number && add_number(c, payload, e) != 0)
		return ERR_INVALID;
	if (c->conf.type && m && !msg_has(m, MSG_TYPE) && !msg_has(m, MSG_DATA) &&
			!msg_has(m, MSG_B64)) {
		member(c, "type");
		buf_add_json(&c->members, str_of(c->conf.type));
	}
	return 0;
}

static enum compose_result finish(struct compose *c, const struct msg *m, struct str payload,
	struct composed *out, struct err *e)
{
	if (collect_members(c, m, payload, e) != 0)
		return COMPOSE_BAD;
	out->text = payload;
	if (c->members.n > 0) {
		msg_splice(&c->text, payload, buf_str(&c->members));
		out->text = buf_str(&c->text);
	}
	if (choose_room(c, out, e) != 0 || choose_dedup(c, m, out, e) != 0)
		return COMPOSE_BAD;
	return COMPOSE_OK;
}

static enum compose_result compose_object(struct compose *c, struct str line, struct composed *out,
	struct err *e)
{
	enum compose_result r;
	struct msg m;

	if (msg_parse(&m, line, MSG_FROM_CLIENT, e) != 0 || msg_has(&m, MSG_OP)) {
		r = control_or_bad(line, e);
		if (r == COMPOSE_GAP)
			describe_gap(line, e);
		return r;
	}
	if (!m.consumed && !m.scan.has_newline)
		return finish(c, &m, m.text, out, e);
	read_source(c, &m, out);
	msg_payload(&m, (struct str){ 0 }, &c->payload);
	return finish(c, &m, buf_str(&c->payload), out, e);
}

enum compose_result compose_line(struct compose *c, struct str line, struct composed *out,
	struct err *e)
{
	struct buf *used[] = { &c->room, &c->text, &c->payload, &c->members, &c->source_room,
		&c->source_id, &c->id };
	enum compose_mode mode = c->conf.mode;

	for (size_t i = 0; i < sizeof(used) / sizeof(*used); i++)
		used[i]->n = 0;
	*out = (struct composed){ .room = STR(""), .text = line, .dedup = STR(""), .ts_ms = -1 };
	if (mode == COMPOSE_VERBATIM)
		return COMPOSE_OK;
	if (mode == COMPOSE_TERMINAL)
		mode = line.n > 0 && line.p[0] == '{' ? COMPOSE_JSON : COMPOSE_TEXT;
	if (mode == COMPOSE_JSON)
		return compose_object(c, line, out, e);
	if (mode == COMPOSE_TEXT)
		make_text(c, line, out);
	else if (mode == COMPOSE_BYTES)
		make_bytes(c, line);
	else if (make_data(c, line, e) != 0)
		return not_json(line, e);
	return finish(c, NULL, buf_str(&c->payload), out, e);
}
