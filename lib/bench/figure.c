/* figure.c - rounding, and where the commas go */
#include "bench/figure.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

void figure_count(struct buf *out, uint64_t n)
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n);

	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf_add_char(out, ',');
		buf_add_char(out, digits[i]);
	}
}

uint64_t figure_round(double v)
{
	return v < 1e18 ? (uint64_t)(v + 0.5) : UINT64_C(1000000000000000000);
}

/* Three digits, or all that stand before the point. */
static void add_three(struct buf *out, double v)
{
	if (v >= 999.5)
		figure_count(out, figure_round(v));
	else
		buf_addf(out, "%.*f", v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2, v);
}

static void add_scaled(struct buf *out, double v, double step, const char *const *units)
{
	/* what would be rounded up to a step is one */
	while (v >= step * 0.9995 && units[1]) {
		v /= step;
		units++;
	}
	add_three(out, v);
	buf_addf(out, " %s", *units);
}

static void add_percent(struct buf *out, double v)
{
	buf_addf(out, "%.*g %%", v > 99.99 && v < 100 ? 8 : 4,
		v > 99.99 && v < 100 ? floor(v * 1e6) / 1e6 : v);
}

void figure_value(struct buf *out, double v, const char *unit)
{
	static const char *const times[] = { "us", "ms", "s", NULL };
	static const char *const sizes[] = { "KiB", "MiB", "GiB", "TiB", NULL };

	if (strcmp(unit, "ns") == 0 && v < 999.5)
		buf_addf(out, "%.0f ns", v);
	else if (strcmp(unit, "ns") == 0)
		add_scaled(out, v / 1e3, 1e3, times);
	else if (strcmp(unit, "bytes") == 0 && v < 1024)
		buf_addf(out, "%.0f bytes", v);
	else if (strcmp(unit, "bytes") == 0)
		add_scaled(out, v / 1024, 1024, sizes);
	else if (strcmp(unit, "%") == 0)
		add_percent(out, v);
	else if (v >= 99.5 || v == floor(v))
		figure_count(out, figure_round(v));
	else
		buf_addf(out, "%.3g", v);
	if (strcmp(unit, "/s") == 0)
		buf_add_text(out, unit);
}
