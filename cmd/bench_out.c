/* bench_out.c - tables, lines of JSON and pages: where they go, and what status they leave */
#include "bench_out.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/tty.h"
#include "bench/compare.h"
#include "bench/html.h"
#include "bench/merge.h"
#include "bench/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void bench_limits(struct cmd *c, struct bench_out *o)
{
	struct err e = { 0 };

	for (int i = 0; i < o->max.n; i++) {
		if (limits_parse(&o->limits, o->max.v[i], true, &e) < 0)
			cmd_usage(c, "option '--max': %s", e.text);
	}
	for (int i = 0; i < o->min.n; i++) {
		if (limits_parse(&o->limits, o->min.v[i], false, &e) < 0)
			cmd_usage(c, "option '--min': %s", e.text);
	}
}

char *bench_command(int argc, char **argv)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "_@%+=:,./-";
	struct buf b = { 0 };
	char *text;

	buf_add_text(&b, "rt-bench");
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];
		buf_add_char(&b, ' ');
		if (*arg && !arg[strspn(arg, plain)]) {
			buf_add_text(&b, arg);
			continue;
		}
		buf_add_char(&b, '\'');
		for (; *arg; arg++) {
			if (*arg == '\'')
				buf_add_text(&b, "'\\'");
			buf_add_char(&b, *arg);
		}
		buf_add_char(&b, '\'');
	}
	text = mem_strdup(buf_cstr(&b));
	buf_fini(&b);
	return text;
}

/* --- files and terminals ---------------------------------------------------------------------- */

int bench_write(const char *path, const struct buf *text)
{
	FILE *f = path ? fopen(path, "we") : stdout;
	bool good = f && fwrite(text->p, 1, text->n, f) == text->n;
	struct err e;

	if (f && path)
		good &= fclose(f) == 0;
	if (good || !path)
		return EXIT_DONE;
	err_set(&e, ERR_IO, "cannot write '%s':", path);
	return cmd_fail(&e);
}

static bool colored(const struct cmd *c, const struct bench_out *o)
{
	return tty_color(o->output ? -1 : STDOUT_FILENO, (enum tty_color)c->color);
}

static bool shows_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *value = NULL;

	for (size_t i = 0; i < 3 && !(value && *value); i++)
		value = getenv(names[i]);
	return value && (strcasestr(value, "utf-8") || strcasestr(value, "utf8"));
}

static int write_report(const struct cmd *c, const struct bench_out *o, const struct result *r)
{
	const struct report_style style = { .color = colored(c, o),
		.blocks = !o->output && isatty(STDOUT_FILENO) && shows_utf8() };
	struct buf text = { 0 };
	int status;

	if (o->format == BENCH_JSON)
		result_format(r, &text);
	else
		report_table(r, &style, &text);
	status = bench_write(o->output, &text);
	buf_fini(&text);
	return status;
}

static int write_html(const struct bench_out *o, const struct result *r)
{
	struct buf page = { 0 };
	int status;

	if (!o->html)
		return EXIT_DONE;
	html_report(r, &page);
	status = bench_write(o->html, &page);
	buf_fini(&page);
	return status;
}

void bench_complain(const struct bench_out *o, const char *fmt, ...)
{
	struct buf text = { 0 };
	va_list ap;

	if (o->format == BENCH_TABLE && !o->output)
		return;
	va_start(ap, fmt);
	buf_addv(&text, fmt, ap);
	va_end(ap);
	log_error("%s", buf_cstr(&text));
	buf_fini(&text);
}

static void say_missed(const struct bench_out *o, const struct result *r)
{
	struct str rest = str_of(r->missed);

	while (rest.p) {
		struct str line = str_cut(rest, '\n', &rest);
		bench_complain(o, "missed: " STR_FMT, STR_ARG(line));
	}
}

int bench_finish(struct cmd *c, const struct bench_out *o, struct result *r)
{
	int missed = limits_check(&o->limits, r);
	int report = write_report(c, o, r), page = write_html(o, r);

	if (r->end >= END_GENERATOR)
		bench_complain(o, "%s%s", r->end == END_GENERATOR ? "void: " : "", r->why);
	say_missed(o, r);
	if (report || page)
		return report ? report : page;
	switch (r->end) {
	case END_DENIED: return EXIT_DENIED;
	case END_REFUSED: return EXIT_OFFLINE;
	case END_GENERATOR: return EXIT_SYSTEM;
	default: return missed ? EXIT_NEGATIVE : EXIT_DONE;
	}
}

/* --- verbs ------------------------------------------------------------------------------------ */

int bench_merge(struct cmd *c, const struct bench_out *o, int n, char **files)
{
	struct results all = { 0 };
	struct result r;
	struct err e = { 0 };
	int status = EXIT_DONE;

	if (n < 1)
		cmd_usage(c, "which results? rt-bench merge a.json b.json");
	result_init(&r);
	for (int i = 0; i < n && !status; i++)
		status = results_read(&all, files[i], &e) < 0 ? cmd_fail(&e) : EXIT_DONE;
	if (!status) {
		results_merge(&r, all.v, all.n);
		status = bench_finish(c, o, &r);
	}
	result_fini(&r);
	results_fini(&all);
	return status;
}

static int write_comparison(
	const struct cmd *c, const struct bench_out *o, const struct comparison *cmp)
{
	struct buf text = { 0 };
	int status;

	if (o->format == BENCH_JSON)
		compare_json(cmp, &text);
	else
		compare_table(cmp, colored(c, o), &text);
	status = bench_write(o->output, &text);
	buf_fini(&text);
	return status ? status : cmp->n_worse ? EXIT_NEGATIVE : EXIT_DONE;
}

int bench_compare(struct cmd *c, const struct bench_out *o, int n, char **files)
{
	struct results old = { 0 }, new = { 0 };
	struct comparison cmp = { 0 };
	struct err e = { 0 };
	double tolerance = 0.1;
	int status;

	if (n != 2)
		cmd_usage(c, "two files, please: rt-bench compare old.json new.json");
	if (o->tolerance && compare_tolerance(o->tolerance, &tolerance, &e) < 0)
		cmd_usage(c, "option '--tolerance': %s", e.text);
	if (o->limits.n || o->html)
		cmd_usage(c, "compare takes no --max, --min or --html");
	if (results_read(&old, files[0], &e) < 0 || results_read(&new, files[1], &e) < 0 ||
		compare_make(&cmp, files[0], &old, files[1], &new, tolerance, &e) < 0)
		status = cmd_fail(&e);
	else
		status = write_comparison(c, o, &cmp);
	compare_fini(&cmp);
	results_fini(&old);
	results_fini(&new);
	return status;
}
