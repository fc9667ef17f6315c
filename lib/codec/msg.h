/* msg.h - one message: whose members are rt's, and its bytes with and without them
 *
 * A message is a JSON object and its bytes are the user's. Reserved are exactly the top-level
 * members '_' + lower-case letter; everything else passes byte for byte. Removing a member takes
 * its name, value and one comma (the following one, else the one before) with what lies between
 * them, and no other byte, the first member first; so what msg_splice put in front comes out again
 * and leaves the bytes that were there. */
#ifndef RT_CODEC_MSG_H
#define RT_CODEC_MSG_H

#include "base/buf.h"
#include "base/err.h"
#include "codec/scan.h"

enum msg_member {
	MSG_ID, MSG_ROOM, MSG_TS, MSG_KEY, MSG_REF, MSG_DEDUP, MSG_DATA, MSG_B64, MSG_ATTEMPT,
	MSG_FROM, MSG_REASON, MSG_OP, MSG_ORIGIN, MSG_CLIENT, MSG_LIVE, /* the reserved ones */
	MSG_TYPE, MSG_USER_ID, MSG_EVENT, MSG_EVENT_DATA, MSG_SINCE, /* known, the user's */
	MSG_MEMBERS
};

/* Who sent it decides what is refused: from a client an unknown reserved member, or a known one of
 * the wrong JSON type, refuses the message; from a bus nothing is refused for reserved members,
 * they are read and removed. */
enum msg_source { MSG_FROM_CLIENT, MSG_FROM_BUS };

struct msg {
	struct str text;          /* borrowed: the object, whitespace around it cut off */
	struct scan scan;         /* its offsets are into `base`: use the functions below */
	const char *base;         /* the text given to msg_parse */
	int8_t mark[MSG_MEMBERS]; /* index into scan.marks, or -1 */
	uint32_t consumed;        /* a bit for each of scan.marks that is no part of the payload */
};

/* 0, or ERR_INVALID / ERR_TOO_LARGE with a sentence fit for the sender ("not JSON: ...", "not an
 * object: ...", "unknown reserved member '_foo' (names of '_' + a lower-case letter are reserved)",
 * "'_ts' must be a number"). `text` is borrowed while m is used. Values are checked by the caller
 * (room_name_check etc.), types here: _ts _attempt numbers; _ref a string or number; _data and
 * _origin anything; _live true or false; _id _room _key _dedup _b64 _from _reason _op _client
 * strings. */
int msg_parse(struct msg *m, struct str text, enum msg_source source, struct err *e);

bool msg_has(const struct msg *m, enum msg_member k);
/* The raw JSON of the value; n == 0 when absent. */
struct str msg_raw(const struct msg *m, enum msg_member k);
/* Appends the unescaped string; false when absent or not a string. */
bool msg_string(const struct msg *m, enum msg_member k, struct buf *out);
/* True when the value is that string; absent: false. */
bool msg_is(const struct msg *m, enum msg_member k, struct str s);
const char *msg_member_name(enum msg_member k);

/* Appends the payload: the text without the reserved members that rt consumes (all but _data and
 * _b64), CR and LF in whitespace as spaces. With user.n > 0 the value of user_id is replaced in
 * place by `user` (UTF-8), else the member is inserted after `type`, else first. Without anything
 * to do it is a plain copy. */
void msg_payload(const struct msg *m, struct str user, struct buf *out);

/* Appends `payload` (an object) with `members` ("\"_id\":\"x\",\"_ts\":1", no comma at either end)
 * spliced in after its '{'. */
void msg_splice(struct buf *out, struct str payload, struct str members);

/* True when the payload is an object of exactly the members "event" (a string) and "data", in any
 * order: what services that publish to Redis for SSE write. */
bool msg_is_event(const struct msg *m);

#endif
