/* name.c - what rooms, patterns and people may be called
 *
 * Checks only: no name is ever folded, escaped or repaired, so two that differ stay different on
 * every bus. */
#include "codec/name.h"

#include <stdio.h>

#define SHOWN 64 /* bytes of a refused name that its sentence quotes */

/* The beginning of a name for its sentence. */
static struct str shown(struct str s)
{
	if (s.n <= SHOWN)
		return s;
	s.n = SHOWN;
	while (s.n > 0 && (s.p[s.n] & 0xc0) == 0x80)
		s.n--;
	return s;
}

static bool name_char(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '@' || c == '~';
}

static int refuse(struct err *e, const char *what, struct str name, const char *why)
{
	return err_set(e, ERR_INVALID, "%s '" STR_FMT "': %s", what, STR_ARG(shown(name)), why);
}

static int refuse_char(struct err *e, const char *what, struct str name, unsigned char c)
{
	char seen[8];

	if (c > ' ' && c < 0x7f)
		snprintf(seen, sizeof(seen), "'%c'", c);
	else
		snprintf(seen, sizeof(seen), "0x%02x", c);
	return err_set(e, ERR_INVALID,
		"%s '" STR_FMT "': %s is not allowed (letters, digits, _ - @ ~ and '.')", what,
		STR_ARG(shown(name)), c == ' ' ? "a space" : seen);
}

static bool is_rest(struct str segment)
{
	return str_eq(segment, STR(">")) || str_eq(segment, STR("**"));
}

static bool is_wildcard(struct str segment)
{
	return str_eq(segment, STR("*")) || is_rest(segment);
}

static int segment_check(
	const char *what, struct str name, struct str segment, bool wildcards, struct err *e)
{
	if (segment.n == 0)
		return refuse(e, what, name, "a segment is empty");
	for (size_t i = 0; i < segment.n; i++) {
		unsigned char c = (unsigned char)segment.p[i];
		if (name_char(c))
			continue;
		if (wildcards && (c == '*' || c == '>'))
			return refuse(
				e, what, name, "a wildcard is a whole segment: '*', '>' or '**'");
		return refuse_char(e, what, name, c);
	}
	return 0;
}

/* Rooms and patterns in one: a pattern may have wildcards for segments. */
static int check(const char *what, struct str name, bool wildcards, struct err *e)
{
	struct str rest = name;

	if (name.n == 0)
		return err_set(e, ERR_INVALID, "%s is empty", what);
	if (name.n > NAME_MAX_BYTES)
		return err_set(e, ERR_INVALID, "%s '" STR_FMT "...': over %d bytes", what,
			STR_ARG(shown(name)), NAME_MAX_BYTES);
	if (name.p[0] == '-')
		return refuse(e, what, name, "begins with '-'");
	for (int n = 1; rest.p; n++) {
		struct str segment = str_cut(rest, '.', &rest);
		if (n > NAME_MAX_SEGMENTS)
			return refuse(e, what, name, "over 16 segments");
		if (wildcards && is_rest(segment) && rest.p)
			return refuse(e, what, name, "'>' and '**' come last only");
		if (wildcards && is_wildcard(segment))
			continue;
		if (segment_check(what, name, segment, wildcards, e) < 0)
			return ERR_INVALID;
	}
	return 0;
}

int room_name_check(struct str name, struct err *e)
{
	return check("room name", name, false, e);
}

int pattern_check(struct str pattern, struct err *e)
{
	bool wild = pattern.n == 0 || memchr(pattern.p, '*', pattern.n) || memchr(pattern.p, '>', pattern.n);

	return check(wild ? "pattern" : "room name", pattern, wild, e);
}

bool pattern_is(struct str s)
{
	while (s.p) {
		if (is_wildcard(str_cut(s, '.', &s)))
			return true;
	}
	return false;
}

bool pattern_match(struct str pattern, struct str name)
{
	/* The server's own rooms are for those who name them, and may be. */
	if (room_name_internal(name) && !room_name_internal(pattern))
		return false;
	while (pattern.p && name.p) {
		struct str want = str_cut(pattern, '.', &pattern);
		if (is_rest(want))
			return true; /* name.p: one segment at least is left */
		struct str have = str_cut(name, '.', &name);
		if (!str_eq(want, STR("*")) && !str_eq(want, have))
			return false;
	}
	return !pattern.p && !name.p;
}

bool room_name_internal(struct str name)
{
	return name.n > 0 && name.p[0] == '_';
}

int name_segments(struct str name)
{
	int n = 1;

	for (size_t i = 0; i < name.n; i++)
		n += name.p[i] == '.';
	return n;
}

/* C0, DEL, or C1, which in valid UTF-8 is 0xc2 and 0x80-0x9f. */
static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c < 0x20 || c == 0x7f)
			return true;
		if (c == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xa0)
			return true;
	}
	return false;
}

int user_check(struct str user, struct err *e)
{
	if (user.n == 0 || user.n > USER_MAX_BYTES)
		return err_set(e, ERR_INVALID, "user id of %zu bytes: 1 to %d are allowed", user.n,
			USER_MAX_BYTES);
	if (!str_utf8(user))
		return err_set(e, ERR_INVALID, "user id is not valid UTF-8");
	if (has_control(user))
		return err_set(e, ERR_INVALID, "user id has a control character");
	return 0;
}

/* 1 to max printable ASCII characters, without space and without those of `but`. */
static int token_check(const char *what, struct str id, size_t max, const char *but, struct err *e)
{
	if (id.n == 0 || id.n > max)
		return err_set(
			e, ERR_INVALID, "%s of %zu bytes: 1 to %zu are allowed", what, id.n, max);
	for (size_t i = 0; i < id.n; i++) {
		unsigned char c = (unsigned char)id.p[i];
		if (c <= ' ' || c >= 0x7f)
			return err_set(e, ERR_INVALID,
				"%s: only printable ASCII without spaces is allowed", what);
		if (strchr(but, c))
			return err_set(e, ERR_INVALID, "%s: '%c' is not allowed", what, c);
	}
	return 0;
}

int dedup_check(struct str id, struct err *e)
{
	return token_check("deduplication id", id, DEDUP_MAX_BYTES, "", e);
}

int client_check(struct str id, struct err *e)
{
	return token_check("client id", id, CLIENT_MAX_BYTES, "\"\\", e);
}
