/* limits.c - reading limits, and holding a result against them */
#include "bench/limits.h"

#include "base/clock.h"
#include "base/mem.h"
#include "bench/figure.h"

#include <stdlib.h>

/* Digits and a point, which strtod is not content with. */
static bool parse_number(struct str text, double *value)
{
	char number[32], *end;

	if (!text.n || text.n >= sizeof(number))
		return false;
	memcpy(number, text.p, text.n);
	number[text.n] = '\0';
	if (number[strspn(number, "0123456789.")] || *number == '.')
		return false;
	*value = strtod(number, &end);
	return !*end;
}

static int parse_percent(struct str text, double *value, struct err *e)
{
	struct str number = text;

	if (number.n > 0 && number.p[number.n - 1] == '%')
		number.n--;
	if (!parse_number(number, value))
		return err_set(
			e, ERR_USAGE, "'" STR_FMT "' is not a percentage (99.9%%)", STR_ARG(text));
	return 0;
}

/* Milliseconds are too coarse for a limit: "500us" and "1.5ms" are taken as well. */
static int parse_duration(struct str text, double *ns, struct err *e)
{
	static const struct {
		struct str unit;
		double ns;
	} units[] = { { STR("us"), 1e3 }, { STR("ms"), 1e6 }, { STR("ns"), 1 }, { STR("s"), 1e9 } };
	int64_t ms;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t n = text.n - units[i].unit.n;
		if (text.n <= units[i].unit.n || !str_eq(str_skip(text, n), units[i].unit) ||
			!parse_number(str_make(text.p, n), ns))
			continue;
		*ns *= units[i].ns;
		return 0;
	}
	if (duration_parse(text, &ms, e) < 0)
		return ERR_USAGE;
	*ns = (double)ms * 1e6;
	return 0;
}

static int parse_size(struct str text, double *value, struct err *e)
{
	uint64_t bytes;

	if (size_parse(text, &bytes, e) < 0)
		return ERR_USAGE;
	*value = (double)bytes;
	return 0;
}

static int parse_count(struct str text, double *value, struct err *e)
{
	uint64_t n;

	if (str_u64(text, &n) < 0)
		return err_set(e, ERR_USAGE, "'" STR_FMT "' is not a count", STR_ARG(text));
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
	if (strcmp(unit, "bytes") == 0)
		return parse_size(limit->text, &limit->value, e);
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

static void add_missed(
	struct buf *out, const struct limit *limit, double value, bool known, const char *unit)
{
	if (out->n)
		buf_add_char(out, '\n');
	buf_addf(out, STR_FMT " is ", STR_ARG(limit->name));
	if (known)
		figure_value(out, value, unit);
	else
		buf_add_text(out, "unknown, nothing was measured");
	buf_addf(out, ", at %s " STR_FMT " is wanted", limit->max ? "most" : "least",
		STR_ARG(limit->text));
}

int limits_check(const struct limits *l, struct result *r)
{
	struct buf out = { 0 };
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
		add_missed(&out, limit, value, known, unit);
	}
	mem_free(r->missed);
	r->missed = missed ? mem_strdup(buf_cstr(&out)) : NULL;
	buf_fini(&out);
	return missed;
}
