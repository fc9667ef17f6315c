/* since.c - the words for a place in the history
 *
 * The forms cannot be mistaken for each other, so they are simply tried in turn. Whether the place
 * still exists is for others to say. */
#include "codec/since.h"

#include "base/clock.h"

#define SHOWN 64

static int refuse(struct str s, struct err *e)
{
	const char *more = "";

	if (s.n == 0)
		return err_set(e, ERR_INVALID,
			"since is empty: give an _id, earliest, latest, last:N, "
			"a duration (10m) or an RFC 3339 time");
	if (s.n > SHOWN) {
		s.n = SHOWN;
		while (s.n > 0 && (s.p[s.n] & 0xc0) == 0x80)
			s.n--;
		more = "...";
	}
	return err_set(e, ERR_INVALID,
		"since '" STR_FMT "%s': give an _id, earliest, latest, last:N, "
		"a duration (10m) or an RFC 3339 time",
		STR_ARG(s), more);
}

/* `back` from now; what lies before 1970 is all the same. */
static int64_t back_from(int64_t now_wall_ms, int64_t back)
{
	return back < now_wall_ms ? now_wall_ms - back : 0;
}

int since_parse(struct since *out, struct str s, int64_t now_wall_ms, struct err *e)
{
	const struct str last = STR("last:");
	int64_t back;

	*out = (struct since){ .kind = SINCE_LATEST };
	if (str_eq(s, STR("latest")))
		return 0;
	if (str_eq(s, STR("earliest"))) {
		out->kind = SINCE_EARLIEST;
		return 0;
	}
	if (str_starts(s, last)) {
		out->kind = SINCE_LAST;
		return str_u64(str_skip(s, last.n), &out->last) < 0 ? refuse(s, e) : 0;
	}
	if (pos_parse(s, &out->pos) == 0) {
		out->kind = SINCE_POS;
		return 0;
	}
	out->kind = SINCE_TIME;
	if (time_parse(s, &out->wall_ms, NULL) == 0)
		return 0;
	if (duration_parse(s, &back, NULL) < 0)
		return refuse(s, e);
	out->wall_ms = back_from(now_wall_ms, back);
	return 0;
}
