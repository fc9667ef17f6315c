/* chart.c - scales, grids, curves, and what is said of them to those who cannot see them */
#include "bench/chart.h"

#include "bench/figure.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define WIDTH     1000 /* of the drawing; the screen stretches it */
#define HEIGHT    1000
#define Y_TICKS   5
#define TICKS_MAX 16
#define LOG_FROM  20 /* the greatest over the least value, for a logarithmic scale */

struct scale {
	double low, high;
	bool log;
	double ticks[TICKS_MAX];
	int n;
};

struct range {
	double low, high; /* of what is positive; high < 0: nothing is there */
};

/* Controls, what turns the direction of the text behind it, and what is no character. */
static bool is_text(uint32_t rune)
{
	return rune >= 0x20 && !(rune >= 0x7f && rune < 0xa0) && rune != 0x61c && rune != 0x200e &&
	       rune != 0x200f && !(rune >= 0x2028 && rune <= 0x202e) &&
	       !(rune >= 0x2066 && rune <= 0x2069) && rune != STR_BROKEN &&
	       (rune & 0xfffe) != 0xfffe;
}

void chart_escape(struct buf *out, struct str text)
{
	uint32_t rune;

	for (size_t n; text.n; text = str_skip(text, n)) {
		n = str_rune(text, &rune);
		switch (rune) {
		case '&': buf_add_text(out, "&amp;"); break;
		case '<': buf_add_text(out, "&lt;"); break;
		case '>': buf_add_text(out, "&gt;"); break;
		case '"': buf_add_text(out, "&quot;"); break;
		case '\'': buf_add_text(out, "&#39;"); break;
		default:
			if (is_text(rune))
				buf_add(out, text.p, n);
			else
				buf_add_text(out, "\xef\xbf\xbd");
		}
	}
}

/* --- scales ----------------------------------------------------------------------------------- */

static struct range range_of(const double *v, size_t n)
{
	struct range r = { INFINITY, -1 };

	for (size_t i = 0; i < n; i++) {
		if (isnan(v[i]))
			continue;
		r.high = fmax(r.high, v[i]);
		if (v[i] > 0)
			r.low = fmin(r.low, v[i]);
	}
	return r;
}

/* The least of 1, 2, 5, 10, 20 ... that is not below v. */
static double round_up(double v)
{
	double decade = pow(10, floor(log10(v)));
	double lead = v / decade;

	return decade * (lead <= 1 + 1e-9 ? 1 : lead <= 2 + 1e-9 ? 2 : lead <= 5 + 1e-9 ? 5 : 10);
}

static void add_tick(struct scale *s, double v)
{
	if (s->n < TICKS_MAX)
		s->ticks[s->n++] = v;
}

static void scale_linear(struct scale *s, double high, double unit)
{
	double step = round_up(high / unit / Y_TICKS) * unit;

	for (double v = 0; s->n < 2 || s->high < high * (1 - 1e-9); v += step) {
		add_tick(s, v);
		s->high = v;
	}
}

/* Decades, and between them 2 and 5 where there is room. */
static void scale_log(struct scale *s, double low, double high)
{
	static const double leads[] = { 1, 2, 5 };
	bool room = high / low <= 1000;

	s->log = true;
	s->low = pow(10, floor(log10(low) + 1e-9));
	for (size_t i = 1; i < 3 && room; i++) {
		double v = pow(10, floor(log10(low) + 1e-9)) * leads[i];
		s->low = v <= low * (1 + 1e-9) ? v : s->low;
	}
	s->high = room ? round_up(high) : pow(10, ceil(log10(high) - 1e-9));
	for (double decade = pow(10, floor(log10(s->low) + 1e-9)); decade <= s->high * (1 + 1e-9);
		decade *= 10) {
		for (size_t i = 0; i < (room ? 3 : 1); i++) {
			double v = decade * leads[i];
			if (v >= s->low * (1 - 1e-9) && v <= s->high * (1 + 1e-9))
				add_tick(s, v);
		}
	}
}

static struct scale scale_of(const struct chart *c)
{
	struct range all = { INFINITY, -1 };
	struct scale s = { 0 };
	double unit = strcmp(c->unit, "bytes") == 0 ? 1048576 : 1;

	for (int i = 0; i < c->n_series; i++) {
		struct range r = range_of(c->series[i].y, c->n);
		all.low = fmin(all.low, r.low);
		all.high = fmax(all.high, r.high);
	}
	if (c->log_y && all.high > 0 && all.high / all.low >= LOG_FROM)
		scale_log(&s, all.low, all.high);
	else if (all.high > 0)
		scale_linear(&s, all.high, unit);
	else
		scale_linear(&s, strcmp(c->unit, "ns") == 0 ? 1e6 : unit, unit);
	return s;
}

/* Down from the top. */
static double place(const struct scale *s, double v)
{
	double share = s->log ? log(fmax(v, s->low) / s->low) / log(s->high / s->low)
	                      : (v - s->low) / (s->high - s->low);

	return 1 - fmin(fmax(share, 0), 1);
}

/* --- words of the axes ------------------------------------------------------------------------ */

/* Four digits at most, or thousands. */
static void add_short(struct buf *out, double v)
{
	if (v >= 1000)
		figure_count(out, figure_round(v));
	else
		buf_addf(out, "%.4g", v);
}

static void add_tick_text(struct buf *out, double v, const char *unit)
{
	static const struct {
		double from;
		const char *name;
	} times[] = { { 1e9, "s" }, { 1e6, "ms" }, { 1e3, "\xc2\xb5s" }, { 1, "ns" }, { 0, "s" } };
	size_t i = 0;

	if (strcmp(unit, "ns") == 0) {
		while (v < times[i].from * (1 - 1e-9))
			i++;
		add_short(out, times[i].from > 0 ? v / times[i].from : 0);
		buf_addf(out, " %s", times[i].name);
	} else if (strcmp(unit, "bytes") == 0) {
		add_short(out, v / 1048576);
		buf_add_text(out, " MiB");
	} else {
		add_short(out, v);
		buf_addf(out, strcmp(unit, "%") == 0 ? " %s" : "%s", unit);
	}
}

static void add_y_axis(struct buf *out, const struct chart *c, const struct scale *s)
{
	buf_add_text(out, "<div class=\"y\" aria-hidden=\"true\">");
	for (int i = 0; i < s->n; i++) {
		buf_addf(out, "<span style=\"top:%.2f%%\">", 100 * place(s, s->ticks[i]));
		add_tick_text(out, s->ticks[i], c->unit);
		buf_add_text(out, "</span>");
	}
	buf_add_text(out, "</div>");
}

static struct scale x_scale(const struct chart *c)
{
	struct scale s = { .high = c->x_max > 0 ? c->x_max : 1 };
	double unit = c->x_max > 7200 ? 3600 : c->x_max > 300 ? 60 : 1;

	if (c->axis == CHART_PERCENTILE) {
		for (int i = 0; i <= (int)(s.high + 1e-9); i++)
			add_tick(&s, i);
		return s;
	}
	for (double step = round_up(s.high / unit / 6) * unit, v = 0; v <= s.high * (1 + 1e-9);
		v += step)
		add_tick(&s, v);
	return s;
}

static void add_x_axis(struct buf *out, const struct chart *c, const struct scale *s)
{
	static const char *const percentiles[] = { "0", "90 %", "99 %", "99.9 %", "99.99 %",
		"99.999 %" };

	buf_add_text(out, "<div class=\"x\" aria-hidden=\"true\">");
	for (int i = 0; i < s->n; i++) {
		double v = s->ticks[i];
		buf_addf(out, "<span style=\"left:%.2f%%\">", 100 * v / s->high);
		if (c->axis == CHART_PERCENTILE)
			buf_add_text(out, percentiles[i < 5 ? i : 5]);
		else if (c->x_max > 7200)
			buf_addf(out, "%.3g h", v / 3600);
		else if (c->x_max > 300)
			buf_addf(out, "%.3g min", v / 60);
		else
			buf_addf(out, "%.3g s", v);
		buf_add_text(out, "</span>");
	}
	buf_add_text(out, "</div>");
}

/* --- curves ----------------------------------------------------------------------------------- */

static void add_grid(struct buf *out, const struct scale *x, const struct scale *y)
{
	buf_add_text(out, "<path class=\"grid\" d=\"");
	for (int i = 0; i < y->n; i++)
		buf_addf(out, "M0 %.0fH%d", HEIGHT * place(y, y->ticks[i]), WIDTH);
	for (int i = 0; i < x->n; i++)
		buf_addf(out, "M%.0f 0V%d", WIDTH * x->ticks[i] / x->high, HEIGHT);
	buf_add_text(out, "\"/>");
}

static bool is_alone(const double *v, size_t i, size_t n)
{
	return !isnan(v[i]) && (!i || isnan(v[i - 1])) && (i + 1 == n || isnan(v[i + 1]));
}

static void add_curve(
	struct buf *out, const struct chart *c, int which, double x_high, const struct scale *y)
{
	const double *v = c->series[which].y;
	size_t alone = 0;
	bool pen = false;

	buf_addf(out, "<path class=\"s%d\" d=\"", which + 1);
	for (size_t i = 0; i < c->n; i++) {
		if (!isnan(v[i]))
			buf_addf(out, "%c%.1f %.1f", pen ? 'L' : 'M', WIDTH * c->x[i] / x_high,
				HEIGHT * place(y, v[i]));
		pen = !isnan(v[i]);
		alone += is_alone(v, i, c->n);
	}
	buf_add_text(out, "\"/>");
	if (!alone)
		return;
	/* one without neighbours is no line: it is a point */
	buf_addf(out, "<path class=\"s%d dot\" d=\"", which + 1);
	for (size_t i = 0; i < c->n; i++) {
		if (is_alone(v, i, c->n))
			buf_addf(out, "M%.1f %.1fh0", WIDTH * c->x[i] / x_high,
				HEIGHT * place(y, v[i]));
	}
	buf_add_text(out, "\"/>");
}

/* What the curves show, in words. */
static void add_words(struct buf *out, const struct chart *c)
{
	chart_escape(out, str_of(c->title));
	for (int i = 0; i < c->n_series; i++) {
		struct range r = range_of(c->series[i].y, c->n);
		double low = INFINITY;
		for (size_t k = 0; k < c->n; k++)
			low = isnan(c->series[i].y[k]) ? low : fmin(low, c->series[i].y[k]);
		buf_add_text(out, i ? "; " : ": ");
		chart_escape(out, str_of(c->series[i].name));
		if (r.high < 0) {
			buf_add_text(out, " has no values");
			continue;
		}
		buf_add_text(out, " from ");
		figure_value(out, low, c->unit);
		buf_add_text(out, " to ");
		figure_value(out, r.high, c->unit);
	}
}

/* For the script that shows values under the pointer. */
static void add_data(struct buf *out, const struct chart *c, double x_high)
{
	buf_addf(out, " data-unit=\"%s\" data-axis=\"%s\" data-x=\"", c->unit,
		c->axis == CHART_TIME ? "time" : "percentile");
	for (size_t i = 0; i < c->n; i++)
		buf_addf(out, "%s%.4g", i ? " " : "", c->x[i] / x_high);
	buf_addf(out, "\" data-max=\"%.10g\"", x_high);
	for (int s = 0; s < c->n_series; s++) {
		buf_addf(out, " data-y%d=\"", s + 1);
		for (size_t i = 0; i < c->n; i++) {
			if (isnan(c->series[s].y[i]))
				buf_add_text(out, i ? " -" : "-");
			else
				buf_addf(out, "%s%.5g", i ? " " : "", c->series[s].y[i]);
		}
		buf_add_char(out, '"');
	}
}

static void add_legend(struct buf *out, const struct chart *c)
{
	buf_add_text(out, "<div class=\"legend\">");
	for (int i = 0; i < c->n_series; i++) {
		buf_addf(out,
			"<span><svg aria-hidden=\"true\" viewBox=\"0 0 20 8\"><path class=\"s%d\" "
			"d=\"M1 4H19\"/></svg>",
			i + 1);
		chart_escape(out, str_of(c->series[i].name));
		buf_add_text(out, " <b></b></span>");
	}
	buf_add_text(out, "</div>");
}

void chart_draw(struct buf *out, const struct chart *c)
{
	struct scale y = scale_of(c), x = x_scale(c);

	buf_add_text(out, "<figure><figcaption><h2>");
	chart_escape(out, str_of(c->title));
	buf_add_text(out, "</h2>");
	add_legend(out, c);
	buf_add_text(out, "</figcaption><div class=\"plot\"");
	add_data(out, c, x.high);
	buf_addf(out,
		"><svg role=\"img\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" aria-label=\"",
		WIDTH, HEIGHT);
	add_words(out, c);
	buf_add_text(out, "\">");
	add_grid(out, &x, &y);
	for (int i = c->n_series; i-- > 0;)
		add_curve(out, c, i, x.high, &y);
	buf_add_text(out, "</svg>");
	add_y_axis(out, c, &y);
	add_x_axis(out, c, &x);
	buf_add_text(out, "</div>");
	if (c->caption || y.log) {
		buf_add_text(out, "<p class=\"note\">");
		chart_escape(out, str_of(c->caption ? c->caption : ""));
		buf_add_text(out, y.log ? c->caption ? " The scale is logarithmic."
		                                     : "The scale is logarithmic."
					: "");
		buf_add_text(out, "</p>");
	}
	buf_add_text(out, "</figure>\n");
}
