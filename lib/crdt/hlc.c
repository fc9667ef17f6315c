/* hlc.c - hybrid logical clocks
 *
 * The calendar is computed here, because timegm knows neither microseconds nor which texts to
 * refuse. */
#include "crdt/hlc.h"

#define US_PER_DAY INT64_C(86400000000)
#define COUNTER_MAX 0xffffu
#define YEAR_9999_END INT64_C(253402300800000000)

/* Days since 1970 of a date of the Gregorian calendar, and back (Hinnant's algorithms). */
static int64_t days_from(int64_t y, unsigned m, unsigned d)
{
	int64_t era;
	unsigned yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = (unsigned)(y - era * 400);
	doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	return era * 146097 + (int64_t)(yoe * 365 + yoe / 4 - yoe / 100 + doy) - 719468;
}

static void date_from(int64_t days, int64_t *y, unsigned *m, unsigned *d)
{
	int64_t era;
	unsigned doe, yoe, doy, mp;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	doe = (unsigned)(days - era * 146097);
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = (int64_t)yoe + era * 400 + (*m <= 2);
}

static int digits(struct str *s, size_t n, unsigned *out)
{
	unsigned v = 0;

	if (s->n < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return -1;
		v = v * 10 + (unsigned)(s->p[i] - '0');
	}
	*s = str_skip(*s, n);
	*out = v;
	return 0;
}

static int lit(struct str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return -1;
	*s = str_skip(*s, 1);
	return 0;
}

static unsigned month_days(unsigned y, unsigned m)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[m - 1] + (m == 2 && (y % 4 == 0 && (y % 100 != 0 || y % 400 == 0)));
}

/* "-0003", lower- or upper-case hex */
static int counter(struct str *s, uint32_t *c)
{
	*c = 0;
	if (s->n < 5 || s->p[0] != '-')
		return -1;
	for (int i = 1; i <= 4; i++) {
		char x = s->p[i];
		int d = x >= '0' && x <= '9' ? x - '0' : x >= 'a' && x <= 'f' ? x - 'a' + 10 :
			x >= 'A' && x <= 'F' ? x - 'A' + 10 : -1;

		if (d < 0)
			return -1;
		*c = *c << 4 | (uint32_t)d;
	}
	*s = str_skip(*s, 5);
	return 0;
}

static int parse_iso(struct hlc *h, struct str *s)
{
	unsigned y, mo, d, hh, mm, ss, us = 0, scale = 100000;

	if (digits(s, 4, &y) || lit(s, '-') || digits(s, 2, &mo) || lit(s, '-') ||
		digits(s, 2, &d) || lit(s, 'T') || digits(s, 2, &hh) || lit(s, ':') ||
		digits(s, 2, &mm) || lit(s, ':') || digits(s, 2, &ss))
		return -1;
	if (y < 1970 || mo < 1 || mo > 12 || d < 1 || d > month_days(y, mo) || hh > 23 || mm > 59 ||
		ss > 60)
		return -1;
	if (s->n > 0 && s->p[0] == '.') {
		size_t n = 0;

		*s = str_skip(*s, 1);
		for (; s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9'; n++, scale /= 10) {
			us += scale * (unsigned)(s->p[0] - '0');
			*s = str_skip(*s, 1);
		}
		if (n == 0 || n > 9)
			return -1;
	}
	if (lit(s, 'Z') || counter(s, &h->c))
		return -1;
	if (ss == 60) { /* a leap second: the end of the minute, after all stamps of it that carry a
		           smaller counter */
		ss = 59;
		us = 999999;
		h->c += h->c < COUNTER_MAX;
	}
	h->us = days_from(y, mo, d) * US_PER_DAY + (int64_t)((hh * 60 + mm) * 60 + ss) * 1000000 +
	        us;
	return 0;
}

int hlc_parse_stamp(struct hlc *h, struct str text, struct err *e)
{
	struct str rest = text;
	char brief[STR_BRIEF];

	*h = (struct hlc){ 0 };
	if (parse_iso(h, &rest) != 0 || rest.n > 0)
		return err_set(e, ERR_INVALID,
			"'%s' is no stamp such as 2026-11-24T04:12:42.123456Z-0003",
			str_brief(text, brief, sizeof(brief)));
	return 0;
}

int hlc_parse(struct hlc *h, struct str text, struct err *e)
{
	struct str rest = text, ms, count, node;
	uint64_t a, b;

	*h = (struct hlc){ 0 };
	if (parse_iso(h, &rest) == 0 && (rest.n == 0 || (rest.n > 1 && rest.p[0] == '-'))) {
		h->node = str_skip(rest, 1);
		return 0;
	}
	*h = (struct hlc){ 0 };
	ms = str_cut(text, ':', &rest);
	if (rest.p) {
		count = str_cut(rest, ':', &node);
		if (str_u64(ms, &a) == 0 && str_u64(count, &b) == 0 && a < YEAR_9999_END / 1000 &&
			b <= COUNTER_MAX) {
			*h = (struct hlc){ (int64_t)a * 1000, (uint32_t)b, node };
			return 0;
		}
	} else if (str_u64(text, &a) == 0 && a >> 16 < YEAR_9999_END / 1000) {
		*h = (struct hlc){ (int64_t)(a >> 16) * 1000, (uint32_t)(a & COUNTER_MAX),
			{ NULL, 0 } };
		return 0;
	}
	return hlc_parse_stamp(h, text, e);
}

void hlc_format(struct buf *out, struct hlc h)
{
	int64_t y, day = h.us / US_PER_DAY, rest = h.us % US_PER_DAY;
	unsigned m, d, s;

	date_from(day, &y, &m, &d);
	s = (unsigned)(rest / 1000000);
	buf_addf(out, "%04d-%02u-%02uT%02u:%02u:%02u.%06uZ-%04x", (int)y, m, d, s / 3600,
		s / 60 % 60, s % 60, (unsigned)(rest % 1000000), h.c & COUNTER_MAX);
}

int hlc_cmp(struct hlc a, struct hlc b)
{
	return a.us != b.us ? (a.us < b.us ? -1 : 1) : (a.c > b.c) - (a.c < b.c);
}

static int carry(struct hlc *h, struct err *e)
{
	if (h->c > COUNTER_MAX) {
		h->us++;
		h->c = 0;
	}
	if (h->us >= YEAR_9999_END)
		return err_set(e, ERR_TOO_LARGE, "there is no stamp after the last of the year 9999");
	return 0;
}

int hlc_send(struct hlc *clock, int64_t now_us, struct err *e)
{
	if (now_us > clock->us) {
		clock->us = now_us;
		clock->c = 0;
	} else {
		clock->c++;
	}
	return carry(clock, e);
}

int hlc_recv(
	struct hlc *clock, struct hlc seen, int64_t now_us, int64_t max_drift_us, struct err *e)
{
	int64_t old = clock->us;

	if (max_drift_us >= 0 && seen.us > now_us && seen.us - now_us > max_drift_us)
		return err_set(e, ERR_DENIED, "the stamp is %.3f s ahead of now",
			(double)(seen.us - now_us) / 1e6);
	if (now_us > old && now_us > seen.us) {
		clock->us = now_us;
		clock->c = 0;
	} else if (old == seen.us) {
		clock->c = (clock->c > seen.c ? clock->c : seen.c) + 1;
	} else if (old > seen.us) {
		clock->c++;
	} else {
		clock->us = seen.us;
		clock->c = seen.c + 1;
	}
	return carry(clock, e);
}

uint64_t hlc_pack(struct hlc h)
{
	return (uint64_t)(h.us / 1000) << 16 | (h.c & COUNTER_MAX);
}
