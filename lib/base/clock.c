/* clock.c - time, and the words for it
 *
 * Strict grammars without scanf or strtod: no sign, no spaces, no hex, no locale. Numbers are kept
 * as whole and billionths until their unit is known. */
#include "base/clock.h"

#include <stdlib.h>
#include <time.h>
#ifdef RT_TEST
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

#define SECOND 1000
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * INT64_C(3600000))

/* Long enough for anybody, short enough that now + duration never overflows. */
#define DURATION_MAX (36525 * DAY)
#define RATE_MAX     1e12

static int64_t read_clock(clockid_t id, int64_t per_second)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * per_second + ts.tv_nsec / (1000000000 / per_second);
}

#ifdef RT_TEST
static int64_t skipped_ms(void)
{
	static const volatile int64_t *skip;
	static bool known;
	const char *path = known ? NULL : getenv("RT_CLOCK_SKIP");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	known = true;
	if (fd >= 0) {
		void *p = mmap(NULL, sizeof *skip, PROT_READ, MAP_SHARED, fd, 0);
		skip = p == MAP_FAILED ? NULL : p;
		close(fd);
	}
	return skip ? *skip : 0;
}
#else
static int64_t skipped_ms(void)
{
	return 0;
}
#endif

int64_t clock_ms(void)
{
	return read_clock(CLOCK_MONOTONIC, 1000) + skipped_ms();
}

int64_t clock_us(void)
{
	return read_clock(CLOCK_MONOTONIC, 1000000) + skipped_ms() * 1000;
}

int64_t clock_test_ms(const char *name, int64_t otherwise)
{
#ifdef RT_TEST
	const char *text = getenv(name);
	if (text)
		return strtoll(text, NULL, 10);
#endif
	(void)name;
	return otherwise;
}

int64_t clock_wall_ms(void)
{
	return read_clock(CLOCK_REALTIME, 1000) + clock_test_ms("RT_CLOCK_OFFSET_MS", 0);
}

/* --- numbers --------------------------------------------------------------------------------- */

struct number {
	uint64_t whole;
	uint32_t billionths;
	bool fraction; /* had a '.' */
};

/* Takes digits, and '.' with one to nine more, off the front of s. */
static bool take_number(struct str *s, struct number *out)
{
	struct number v = { 0 };
	size_t n = 0, start;
	uint32_t unit = 100000000;

	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	if (str_u64(str_make(s->p, n), &v.whole) < 0)
		return false;
	if (n < s->n && s->p[n] == '.') {
		v.fraction = true;
		start = ++n;
		for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++, unit /= 10)
			v.billionths += (uint32_t)(s->p[n] - '0') * unit;
		if (n == start || n - start > 9)
			return false;
	}
	*s = str_skip(*s, n);
	*out = v;
	return true;
}

static struct str take_letters(struct str *s)
{
	size_t n = 0;

	while (n < s->n && s->p[n] >= 'a' && s->p[n] <= 'z')
		n++;
	struct str word = { s->p, n };
	*s = str_skip(*s, n);
	return word;
}

/* What a sentence quotes: never so long that it pushes the advice out. */
#define QUOTE_MAX 60
static struct str quoted(struct str s)
{
	return s.n > 0 ? str_head(s, QUOTE_MAX) : STR("");
}

/* --- durations ------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int64_t ms;
} units[] = { { "d", DAY }, { "h", HOUR }, { "m", MINUTE }, { "s", SECOND }, { "ms", 1 } };

#define N_UNITS (sizeof(units) / sizeof(units[0]))

static size_t find_unit(struct str name)
{
	size_t i = 0;

	while (i < N_UNITS && !str_eq(name, str_of(units[i].name)))
		i++;
	return i;
}

static int bad_duration(struct str s, struct err *e)
{
	s = quoted(s);
	return err_set(e, ERR_INVALID,
		"'" STR_FMT "' is not a duration (250ms, 10s, 5m, 1h30m, 2d)", STR_ARG(s));
}

int duration_parse(struct str s, int64_t *ms, struct err *e)
{
	struct str rest = s, q = quoted(s);
	size_t next = 0; /* units come largest first, each once */
	int64_t total = 0;

	if (str_eq(s, STR("forever"))) {
		*ms = INT64_MAX;
		return 0;
	}
	if (str_eq(s, STR("0"))) {
		*ms = 0;
		return 0;
	}
	do {
		struct number v;
		struct str name;
		size_t unit;

		if (!take_number(&rest, &v))
			return bad_duration(s, e);
		name = take_letters(&rest);
		if (name.n == 0 && rest.n == 0)
			return err_set(e, ERR_INVALID,
				"'" STR_FMT "' has no unit (give a unit: " STR_FMT "s)", STR_ARG(q),
				STR_ARG(q));
		unit = find_unit(name);
		if (unit == N_UNITS || unit < next)
			return bad_duration(s, e);
		next = unit + 1;
		if (v.whole > (uint64_t)(DURATION_MAX / units[unit].ms))
			goto too_long;
		total += (int64_t)v.whole * units[unit].ms +
		         (int64_t)v.billionths * units[unit].ms / 1000000000;
		if (total > DURATION_MAX)
			goto too_long;
	} while (rest.n > 0);
	*ms = total;
	return 0;

too_long:
	return err_set(e, ERR_TOO_LARGE, "'" STR_FMT "' is more than a hundred years (say forever)",
		STR_ARG(q));
}

void duration_format(struct buf *b, int64_t ms)
{
	uint64_t t = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
	unsigned long long big, small;

	if (ms == INT64_MAX) {
		buf_add_text(b, "forever");
		return;
	}
	if (ms < 0)
		buf_add_char(b, '-');
	if (t < SECOND) {
		buf_addf(b, "%ums", (unsigned)t);
		return;
	}
	if (t < MINUTE) {
		buf_addf(b, t % SECOND >= 100 ? "%u.%us" : "%us", (unsigned)(t / SECOND),
			(unsigned)(t % SECOND / 100));
		return;
	}
	/* Two neighbouring units; the smaller one only when it says something. */
	size_t unit = t >= DAY ? 0 : t >= HOUR ? 1 : 2;
	big = t / (uint64_t)units[unit].ms;
	small = t % (uint64_t)units[unit].ms / (uint64_t)units[unit + 1].ms;
	buf_addf(b, "%llu%s", big, units[unit].name);
	if (small > 0)
		buf_addf(b, "%02llu%s", small, units[unit + 1].name);
}

void duration_write(struct buf *b, int64_t ms)
{
	size_t before = b->n;

	if (ms == INT64_MAX) {
		buf_add_text(b, "forever");
		return;
	}
	for (size_t i = 0; i < N_UNITS; i++) {
		if (ms >= units[i].ms)
			buf_addf(b, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
		ms %= units[i].ms;
	}
	if (b->n == before)
		buf_add_char(b, '0');
}

/* --- sizes and rates ------------------------------------------------------------------------- */

int size_parse(struct str s, uint64_t *bytes, struct err *e)
{
	static const char letters[] = "kmgt";
	struct str rest = s, q = quoted(s);
	struct number v;
	const char *letter;
	int shift = 0;

	if (!take_number(&rest, &v) || v.fraction || rest.n > 1)
		goto bad;
	if (rest.n == 1) {
		letter = strchr(letters, rest.p[0] | 0x20); /* K is as good as k */
		if (!letter)
			goto bad;
		shift = 10 * (int)(letter - letters + 1);
	}
	if (v.whole > UINT64_MAX >> shift)
		return err_set(e, ERR_TOO_LARGE, "'" STR_FMT "' is too large", STR_ARG(q));
	*bytes = v.whole << shift;
	return 0;
bad:
	return err_set(
		e, ERR_INVALID, "'" STR_FMT "' is not a size (512, 64k, 1m, 2g)", STR_ARG(q));
}

void size_write(struct buf *b, uint64_t bytes)
{
	static const char letters[] = "\0kmgt";
	size_t i = 0;

	while (bytes && bytes % 1024 == 0 && i < 4) {
		bytes /= 1024;
		i++;
	}
	buf_add_u64(b, bytes);
	if (letters[i])
		buf_add_char(b, letters[i]);
}

/* "/s", "/m", "/h" or nothing: in how many seconds. */
static double rate_period(struct str s)
{
	if (s.n == 0 || str_eq(s, STR("/s")))
		return 1;
	if (str_eq(s, STR("/m")))
		return 60;
	return str_eq(s, STR("/h")) ? 3600 : 0;
}

int rate_parse(struct str s, double *per_second, struct err *e)
{
	struct str rest = s, q = quoted(s);
	struct number v;
	double count, period;

	if (!take_number(&rest, &v))
		goto bad;
	count = (double)v.whole + v.billionths / 1e9;
	if (rest.n > 0 && (rest.p[0] == 'k' || rest.p[0] == 'm')) {
		count *= rest.p[0] == 'k' ? 1e3 : 1e6;
		rest = str_skip(rest, 1);
	}
	period = rate_period(rest);
	if (period == 0)
		goto bad;
	if (count / period > RATE_MAX)
		return err_set(e, ERR_TOO_LARGE, "'" STR_FMT "' is too large", STR_ARG(q));
	*per_second = count / period;
	return 0;
bad:
	return err_set(
		e, ERR_INVALID, "'" STR_FMT "' is not a rate (500/s, 10k/s, 600/m)", STR_ARG(q));
}

void rate_write(struct buf *b, double per_second)
{
	static const struct {
		double seconds;
		const char *name;
	} periods[] = { { 1, "/s" }, { 60, "/m" }, { 3600, "/h" } };

	for (size_t i = 0; i < 3; i++) {
		uint64_t n = (uint64_t)(per_second * periods[i].seconds + 0.5);
		if (n == 0 || (double)n / periods[i].seconds != per_second)
			continue;
		if (n % 1000000 == 0)
			buf_addf(b, "%llum", (unsigned long long)n / 1000000);
		else if (n % 1000 == 0)
			buf_addf(b, "%lluk", (unsigned long long)n / 1000);
		else
			buf_add_u64(b, n);
		buf_add_text(b, periods[i].name);
		return;
	}
	buf_addf(b, "%.9f/s", per_second);
}

/* --- points in time -------------------------------------------------------------------------- */

/* Days from 1970-01-01 in the Gregorian calendar; a year here begins in March, so that the day
 * which comes and goes is its last. */
static int64_t days_from_civil(int year, int month, int day)
{
	int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400, of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int days_in_month(int year, int month)
{
	static const signed char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Takes exactly `digits` digits within [min, max] and then the character `end` (0: none). */
static bool take_field(struct str *s, size_t digits, int min, int max, char end, int *out)
{
	uint64_t v;
	size_t n = digits + (end != 0);

	if (s->n < n || str_u64(str_make(s->p, digits), &v) < 0 || (end && s->p[digits] != end))
		return false;
	*s = str_skip(*s, n);
	*out = (int)v;
	return *out >= min && *out <= max;
}

/* ".125": milliseconds; finer digits are cut off. */
static bool take_fraction(struct str *s, int *ms)
{
	int unit = 100;
	size_t n = 1;

	*ms = 0;
	if (s->n == 0 || s->p[0] != '.')
		return true;
	for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++, unit /= 10)
		*ms += (s->p[n] - '0') * unit;
	*s = str_skip(*s, n);
	return n > 1;
}

/* "Z" or "+01:00": minutes east of UTC. */
static bool take_zone(struct str *s, int *minutes)
{
	int h, m;
	char sign;

	*minutes = 0;
	if (s->n == 1 && (s->p[0] == 'Z' || s->p[0] == 'z')) {
		*s = str_skip(*s, 1);
		return true;
	}
	if (s->n == 0 || (s->p[0] != '+' && s->p[0] != '-'))
		return false;
	sign = s->p[0];
	*s = str_skip(*s, 1);
	if (!take_field(s, 2, 0, 23, ':', &h) || !take_field(s, 2, 0, 59, 0, &m))
		return false;
	*minutes = (h * 60 + m) * (sign == '-' ? -1 : 1);
	return true;
}

int time_parse(struct str s, int64_t *wall_ms, struct err *e)
{
	struct str rest = s, q = quoted(s);
	int year, month, day, h, m, sec, ms, zone;
	int64_t t;

	if (!take_field(&rest, 4, 0, 9999, '-', &year) ||
		!take_field(&rest, 2, 1, 12, '-', &month) ||
		!take_field(&rest, 2, 1, days_in_month(year, month), 0, &day))
		goto bad;
	if (rest.n == 0 || !memchr("Tt ", rest.p[0], 3))
		goto bad;
	rest = str_skip(rest, 1);
	if (!take_field(&rest, 2, 0, 23, ':', &h) || !take_field(&rest, 2, 0, 59, ':', &m) ||
		!take_field(&rest, 2, 0, 60, 0, &sec) || !take_fraction(&rest, &ms))
		goto bad;
	if (rest.n == 0)
		return err_set(e, ERR_INVALID,
			"time '" STR_FMT "' has no zone (end it with Z or +01:00)", STR_ARG(q));
	if (!take_zone(&rest, &zone) || rest.n > 0)
		goto bad;
	t = days_from_civil(year, month, day) * 86400 + h * 3600 + m * 60 + sec - zone * 60;
	if (sec == 60 && t % 86400 != 0) /* a leap second is the last of a day */
		goto bad;
	*wall_ms = t * 1000 + ms;
	return 0;
bad:
	return err_set(
		e, ERR_INVALID, "'" STR_FMT "' is not a time (2026-11-24T08:55:22Z)", STR_ARG(q));
}

static void add_digits(struct buf *b, int v, int digits, char end)
{
	char *p = buf_reserve(b, 8);

	for (int i = digits - 1; i >= 0; i--, v /= 10)
		p[i] = (char)('0' + v % 10);
	p[digits] = end;
	b->n += (size_t)digits + 1;
}

void time_format(struct buf *b, int64_t wall_ms)
{
	const int64_t first = -62167219200000, last = 253402300799999; /* four digits of year */
	int64_t t = wall_ms < first ? first : wall_ms > last ? last : wall_ms;
	int ms = (int)((t % 1000 + 1000) % 1000);
	time_t seconds = (time_t)((t - ms) / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	add_digits(b, tm.tm_year + 1900, 4, '-');
	add_digits(b, tm.tm_mon + 1, 2, '-');
	add_digits(b, tm.tm_mday, 2, 'T');
	add_digits(b, tm.tm_hour, 2, ':');
	add_digits(b, tm.tm_min, 2, ':');
	add_digits(b, tm.tm_sec, 2, '.');
	add_digits(b, ms, 3, 'Z');
}
