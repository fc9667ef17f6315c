/* name.h - room names, patterns and other identifiers of the wire
 *
 * A room name: 1-128 bytes of A-Z a-z 0-9 _ - @ ~ and '.' between segments, no empty segment, not
 * beginning with '-', at most 16 segments. The intersection of what Redis channels, NATS subjects
 * and Kafka keys carry, so a name is never escaped. A pattern has `*` for one segment and `>` or
 * `**` for the rest (one segment at least; last only). */
#ifndef RT_CODEC_NAME_H
#define RT_CODEC_NAME_H

#include "base/err.h"
#include "base/str.h"

#define NAME_MAX_BYTES    128
#define NAME_MAX_SEGMENTS 16
#define KEY_MAX_BYTES     256 /* of `_key` */
#define DEDUP_MAX_BYTES   64
#define CLIENT_MAX_BYTES  32
#define USER_MAX_BYTES    128

/* 0, or ERR_INVALID with "room name 'a:b': ':' is not allowed (letters, digits, _ - @ ~ and '.')"
 * and the like. */
int room_name_check(struct str name, struct err *e);
/* As above with wildcards allowed. */
int pattern_check(struct str pattern, struct err *e);
bool pattern_is(struct str s); /* has a wildcard segment */
/* A wildcard in front does not match rt's own rooms: '>' is everything of the user's. */
bool pattern_match(struct str pattern, struct str name);
bool room_name_internal(struct str name); /* begins with '_': rt's own */
int name_segments(struct str name);

int user_check(struct str user, struct err *e); /* 1-128 bytes UTF-8, no control characters */
int dedup_check(struct str id, struct err *e);  /* 1-64 printable ASCII, no space */
/* 1-32 printable ASCII, no space, no quote or backslash. */
int client_check(struct str id, struct err *e);

#endif
