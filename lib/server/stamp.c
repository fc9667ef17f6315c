/* stamp.c - part of hop 2: the room, the metadata and the bytes of a message, out of
 * what a client sent */
#include "server/stamp.h"

#include "base/clock.h"
#include "codec/name.h"
#include "net/conn.h"

#define EXTRA_MAX 2048 /* bytes of _attempt, _from and _reason, each */

int stamp_room(struct worker *w, const struct publication *p, struct str *room, struct err *e)
{
	w->room.n = 0;
	*room = p->room;
	if ((!p->room_first || !p->room.n) && msg_string(p->msg, MSG_ROOM, &w->room))
		*room = buf_str(&w->room);
	if (room->n == 0)
		return err_set(e, ERR_INVALID, "no room: name one in the path or in '_room'");
	return room_name_check(*room, e);
}

static int take_key(struct worker *w, const struct msg *m, struct bus_meta *meta, struct err *e)
{
	w->key.n = 0;
	if (!msg_string(m, MSG_KEY, &w->key))
		return 0;
	if (w->key.n == 0 || w->key.n > KEY_MAX_BYTES)
		return err_set(e, ERR_INVALID, "'_key' must have 1 to %d bytes", KEY_MAX_BYTES);
	meta->key = buf_str(&w->key);
	return 0;
}

static int take_dedup(
	struct worker *w, const struct publication *p, struct bus_meta *meta, struct err *e)
{
	w->dedup_id.n = 0;
	if (msg_string(p->msg, MSG_DEDUP, &w->dedup_id))
		meta->dedup = buf_str(&w->dedup_id);
	else
		meta->dedup = p->dedup;
	return msg_has(p->msg, MSG_DEDUP) ? dedup_check(meta->dedup, e) : 0;
}

/* Members that are carried as given. */
static int take_extra(struct worker *w, const struct msg *m, struct bus_meta *meta, struct err *e)
{
	static const enum msg_member carried[] = { MSG_ATTEMPT, MSG_FROM, MSG_REASON };

	w->extra.n = 0;
	for (size_t i = 0; i < sizeof carried / sizeof *carried; i++) {
		struct str raw = msg_raw(m, carried[i]);
		if (raw.n == 0)
			continue;
		if (raw.n > EXTRA_MAX)
			return err_set(e, ERR_TOO_LARGE, "'%s' is over %d bytes",
				msg_member_name(carried[i]), EXTRA_MAX);
		buf_addf(
			&w->extra, "%s\"%s\":", w->extra.n ? "," : "", msg_member_name(carried[i]));
		buf_add_str(&w->extra, raw);
	}
	meta->extra = buf_str(&w->extra);
	return 0;
}

/* Who is there is what the server knows, not what somebody says. */
static int check_type(const struct msg *m, struct err *e)
{
	static const char *const ours[] = { "user_joined", "user_left" };

	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		if (msg_has(m, MSG_TYPE) && msg_is(m, MSG_TYPE, str_of(ours[i])))
			return err_set(e, ERR_DENIED,
				"type '%s' is said by the server only (another type goes through)",
				ours[i]);
	return 0;
}

/* Typing is news, not history. */
static bool is_ephemeral(const struct msg *m)
{
	return msg_has(m, MSG_TYPE) && msg_is(m, MSG_TYPE, STR("typing"));
}

int stamp_message(
	struct worker *w, const struct publication *p, struct bus_meta *meta, struct err *e)
{
	int rc = check_type(p->msg, e);

	if (rc == 0)
		rc = take_key(w, p->msg, meta, e);
	if (rc == 0)
		rc = take_dedup(w, p, meta, e);
	if (rc == 0)
		rc = take_extra(w, p->msg, meta, e);
	if (rc)
		return rc;
	w->payload.n = 0;
	msg_payload(p->msg, conn_user(p->conn), &w->payload);
	if (w->payload.n > w->conf->max_message)
		return err_set(e, ERR_TOO_LARGE, "message of %zu bytes, over the limit of %llu",
			w->payload.n, (unsigned long long)w->conf->max_message);
	meta->client = p->client;
	meta->ts_ms = clock_wall_ms();
	meta->live = is_ephemeral(p->msg);
	meta->no_echo = meta->live;
	return 0;
}
