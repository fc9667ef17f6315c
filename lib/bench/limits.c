/* limits.c - reading limits, and holding a result against them */
#include "bench/limits.h"

#include "base/clock.h"

#include <math.h>
#include <stdlib.h>

static int parse_percent(struct str text, double *value, struct err *e)
{
	char number[32], *end;

	if (text.n > 0 && text.p[text.n - 1] == '%')
		text.n--;
	if (text.n == 0 || text.n >= sizeof(number))
		return err_set(e, ERR_USAGE, "'" STR_FMT "' is no percentage", STR_ARG(text));
	memcpy(number, text.p, text.n);
	number[text.n] = '\0';
	*value = strtod(number, &end);
	if (*end || !(*value >= 0 && *value <= 100))
		return err_set(e, ERR_USAGE, "'%s' is no percentage (99.9%%)", number);
	return 0;
}

/* Milliseconds are too coarse for a limit: "500us" and "1.5ms" are taken as well. */
static int parse_duration(struct str text, double *ns, struct err *e)
{
	static const struct {
		struct str unit;
		double ns;
	} units[] = { { STR("us"), 1e3 }, { STR("ms"), 1e6 }, { STR("ns"), 1 }, { STR("s"), 1e9 } };
	char number[32], *end;
	int64_t ms;

	for (size_t i = 0; i < 4; i++) {
		size_t n = text.n - units[i].unit.n;
		if (text.n <= units[i].unit.n || n >= sizeof(number) ||
			!str_eq(str_skip(text, n), units[i].unit))
			continue;
		memcpy(number, text.p, n);
		number[n] = '\0';
		*ns = strtod(number, &end) * units[i].ns;
		if (!*end && *ns >= 0 && number[0] >= '0' && number[0] <= '9')
			return 0;
	}
	if (duration_parse(text, &ms, e) < 0)
		return ERR_USAGE;
	*ns = (double)ms * 1e6;
	return 0;
}

static int parse_count(struct str text, double *value, struct err *e)
{
	uint64_t n;

	if (str_u64(text, &n) < 0)
		return err_set(e, ERR_USAGE, "'" STR_FMT "' is no count", STR_ARG(text));
	*value = (double)n;
	return 0;
}

static int parse_one(struct limit *limit, struct str text, struct err *e)
{
	static const struct result nothing;
	const char *unit;
	bool known;

	limit->name = str_trim(str_cut(text, '=', &limit->text));
	limit->text = str_trim(limit->text);
	if (!limit->text.p || !limit->text.n)
		return err_set(e, ERR_USAGE, "limit '" STR_FMT "' is not of the form p99=50ms",
			STR_ARG(text));
	if (!result_metric(&nothing, limit->name, &limit->value, &known, &unit))
		return err_set(e, ERR_USAGE, "no metric '" STR_FMT "' (there are: %s)",
			STR_ARG(limit->name), result_metric_names());
	if (strcmp(unit, "ns") == 0)
		return parse_duration(limit->text, &limit->value, e);
	if (strcmp(unit, "/s") == 0)
		return rate_parse(limit->text, &limit->value, e) < 0 ? ERR_USAGE : 0;
	if (strcmp(unit, "%") == 0)
		return parse_percent(limit->text, &limit->value, e);
	return parse_count(limit->text, &limit->value, e);
}

int limits_parse(struct limits *l, const char *text, bool max, struct err *e)
{
	struct str rest = str_of(text);

	while (rest.p) {
		struct str one = str_cut(rest, ',', &rest);
		struct limit *limit = &l->v[l->n];
		if (l->n == LIMITS_MAX)
			return err_set(e, ERR_USAGE, "more than %d limits", LIMITS_MAX);
		*limit = (struct limit){ .max = max };
		if (parse_one(limit, one, e) < 0)
			return ERR_USAGE;
		l->n++;
	}
	return 0;
}

void metric_format(struct buf *out, double value, const char *unit)
{
	if (strcmp(unit, "ns") == 0) {
		if (value < 1e3)
			buf_addf(out, "%.0f ns", value);
		else if (value < 1e6)
			buf_addf(out, "%.*f us", value < 1e4 ? 1 : 0, value / 1e3);
		else if (value < 1e9)
			buf_addf(out, "%.*f ms", value < 1e7 ? 2 : value < 1e8 ? 1 : 0, value / 1e6);
		else
			buf_addf(out, "%.*f s", value < 1e10 ? 2 : 1, value / 1e9);
	} else if (strcmp(unit, "%") == 0) {
		/* never 100 for what is not whole */
		buf_addf(out, value < 100 && value > 99.99 ? "%.6f %%" : "%.4g %%",
			value < 100 && value > 99.99 ? floor(value * 1e6) / 1e6 : value);
	} else if (strcmp(unit, "/s") == 0) {
		buf_addf(out, value < 100 ? "%.3g/s" : "%.0f/s", value);
	} else {
		buf_addf(out, "%.0f", value);
	}
}

int limits_check(const struct limits *l, const struct result *r, struct buf *out)
{
	int missed = 0;

	for (int i = 0; i < l->n; i++) {
		const struct limit *limit = &l->v[i];
		const char *unit;
		double value = 0;
		bool known;

		result_metric(r, limit->name, &value, &known, &unit);
		if (known && (limit->max ? value <= limit->value : value >= limit->value))
			continue;
		missed++;
		buf_addf(out, STR_FMT " is ", STR_ARG(limit->name));
		if (known)
			metric_format(out, value, unit);
		else
			buf_add_text(out, "unknown, nothing was measured");
		buf_addf(out, ", %s " STR_FMT " is wanted\n", limit->max ? "at most" : "at least",
			STR_ARG(limit->text));
	}
	return missed;
}
