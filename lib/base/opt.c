/* opt.c - options as data: parsing, and settings by name
 *
 * Values are checked here, where the table is; what they mean together is the program's business.
 * The same table is rendered for people and shells in opt_text.c. No getopt: its sentences cannot
 * be ours, and it knows neither types nor hints. */
#include "base/opt.h"
#include "base/clock.h"
#include "base/line.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_LINE_MAX 65536

/* An option as the user wrote it, for sentences: "--count", "-n" or "count". */
struct spelled {
	const char *dashes, *name;
	char letter; /* instead of the name, when not 0 */
};

#define OPT_FMT    "option '%s%.*s'"
#define OPT_ARG(s) (s).dashes, (s).letter ? 1 : 100, (s).letter ? &(s).letter : (s).name

static bool takes_value(const struct opt *o)
{
	return o->type != OPT_FLAG && o->type != OPT_COUNT && o->type != OPT_OPTIONAL;
}

/* --- values ---------------------------------------------------------------------------------- */

static int set_int(const struct opt *o, struct spelled s, const char *value, struct err *e)
{
	bool any = o->min == 0 && o->max == 0, negative = value && *value == '-';
	int64_t v = 0;
	uint64_t digits;

	if (!value || str_u64(str_of(value + negative), &digits) < 0 ||
		digits > (uint64_t)INT64_MAX + negative)
		goto bad;
	v = negative ? (int64_t)(0 - digits) : (int64_t)digits;
	if (any || (v >= o->min && v <= o->max)) {
		*(int64_t *)o->target = v;
		return 0;
	}
bad:
	if (any)
		return err_set(e, ERR_USAGE, OPT_FMT " needs a number", OPT_ARG(s));
	if (o->max == INT64_MAX)
		return err_set(e, ERR_USAGE, OPT_FMT " needs a number of at least %lld", OPT_ARG(s),
			(long long)o->min);
	return err_set(e, ERR_USAGE, OPT_FMT " needs a number from %lld to %lld", OPT_ARG(s),
		(long long)o->min, (long long)o->max);
}

static int set_choice(const struct opt *o, struct spelled s, const char *value, struct err *e)
{
	struct str rest = str_of(o->arg);
	char words[160];
	size_t n = 0;

	for (int i = 0; value && rest.p; i++) {
		if (str_eq(str_cut(rest, '|', &rest), str_of(value))) {
			*(int *)o->target = i;
			return 0;
		}
	}
	for (const char *p = o->arg; *p && n < sizeof(words) - 3; p++) {
		words[n++] = *p == '|' ? ',' : *p;
		if (*p == '|')
			words[n++] = ' ';
	}
	words[n] = '\0';
	return err_set(e, ERR_USAGE, OPT_FMT " needs one of %s", OPT_ARG(s), words);
}

/* Durations, sizes, rates: their parsers know the sentence. */
static int set_measure(const struct opt *o, struct spelled s, const char *value, struct err *e)
{
	struct err why = { 0 };
	struct str v = str_of(value);
	int r;

	if (o->type == OPT_DURATION)
		r = duration_parse(v, o->target, &why);
	else if (o->type == OPT_SIZE)
		r = size_parse(v, o->target, &why);
	else
		r = rate_parse(v, o->target, &why);
	return r == 0 ? 0 : err_set(e, ERR_USAGE, OPT_FMT ": %s", OPT_ARG(s), why.text);
}

static void list_add_value(struct opt_list *l, const char *value)
{
	l->v = mem_resize(l->v, (size_t)l->n + 1, sizeof(*l->v));
	l->v[l->n++] = value;
}

void opt_list_free(struct opt_list *l)
{
	mem_free(l->v);
	*l = (struct opt_list){ 0 };
}

/* value: NULL when none was given. */
static int set(const struct opt *o, struct spelled s, const char *value, struct err *e)
{
	if (!value && takes_value(o) && o->type != OPT_INT && o->type != OPT_CHOICE)
		return err_set(
			e, ERR_USAGE, OPT_FMT " needs a value (%s)", OPT_ARG(s), opt_arg_word(o));
	if (value && !takes_value(o) && o->type != OPT_OPTIONAL)
		return err_set(e, ERR_USAGE, OPT_FMT " takes no value", OPT_ARG(s));
	switch (o->type) {
	case OPT_FLAG: *(bool *)o->target = true; return 0;
	case OPT_COUNT: ++*(int *)o->target; return 0;
	case OPT_STRING: *(const char **)o->target = value; return 0;
	case OPT_LIST: list_add_value(o->target, value); return 0;
	case OPT_INT: return set_int(o, s, value, e);
	case OPT_CHOICE: return set_choice(o, s, value, e);
	case OPT_DURATION:
	case OPT_SIZE:
	case OPT_RATE: return set_measure(o, s, value, e);
	case OPT_OPTIONAL:
		*(struct opt_optional *)o->target = (struct opt_optional){ true, value };
		return 0;
	case OPT_END: break;
	}
	return ERR_USAGE;
}

/* --- finding --------------------------------------------------------------------------------- */

#define NAME_LEN_MAX 40

/* Edits (insert, remove, replace, swap neighbours) between two names; large when either is long. */
static int distance(struct str a, struct str b)
{
	int d[3][NAME_LEN_MAX + 1]; /* rows i - 2, i - 1, i */

	if (a.n > NAME_LEN_MAX || b.n > NAME_LEN_MAX)
		return NAME_LEN_MAX;
	for (size_t j = 0; j <= b.n; j++)
		d[0][j] = (int)j;
	for (size_t i = 1; i <= a.n; i++) {
		int *row = d[i % 3], *above = d[(i + 2) % 3], *two_above = d[(i + 1) % 3];

		row[0] = (int)i;
		for (size_t j = 1; j <= b.n; j++) {
			int best = above[j - 1] + (a.p[i - 1] != b.p[j - 1]);

			if (best > above[j] + 1)
				best = above[j] + 1;
			if (best > row[j - 1] + 1)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
				a.p[i - 2] == b.p[j - 1] && best > two_above[j - 2] + 1)
				best = two_above[j - 2] + 1;
			row[j] = best;
		}
	}
	return d[a.n % 3][b.n];
}

/* At most one edit in a short name, two in others. */
static int edits_below(struct str name)
{
	return name.n < 4 ? 2 : 3;
}

struct str opt_nearest(const char *words, struct str name)
{
	struct str best = { "", 0 }, rest = str_of(words);
	int best_d = edits_below(name);

	while (rest.p) {
		struct str word = str_cut(rest, '|', &rest);
		int d = distance(name, word);

		if (d < best_d) {
			best_d = d;
			best = word;
		}
	}
	return best;
}

/* The option whose name is meant most likely, or NULL. */
static const struct opt *nearest(const struct opt_program *p, struct str name)
{
	const struct opt *best = NULL;
	int best_d = edits_below(name);

	for (const struct opt *o = p->opts; o->type != OPT_END; o++) {
		int d = distance(name, str_of(o->name));
		if (d < best_d) {
			best_d = d;
			best = o;
		}
	}
	return best;
}

static const char *hint_for(const struct opt_program *p, struct str name)
{
	for (const char *const *h = p->hints; h && h[0] && h[1]; h += 2)
		if (str_eq(name, str_of(h[0])))
			return h[1];
	return NULL;
}

static int unknown(const struct opt_program *p, const char *dashes, struct str name, struct err *e)
{
	const char *hint = hint_for(p, name);
	bool letter = strcmp(dashes, "-") == 0;
	const struct opt *o = letter ? NULL : nearest(p, name);

	name = str_head(name, 80);
	if (hint)
		return err_set(e, ERR_USAGE, "unknown option '%s" STR_FMT "' (%s)", dashes,
			STR_ARG(name), hint);
	if (o)
		return err_set(e, ERR_USAGE,
			"unknown option '%s" STR_FMT "' (did you mean '%s%s'?)", dashes,
			STR_ARG(name), dashes, o->name);
	return err_set(e, ERR_USAGE, "unknown option '%s" STR_FMT "'", dashes, STR_ARG(name));
}

static const struct opt *find_exact(const struct opt_program *p, struct str name)
{
	for (const struct opt *o = p->opts; o->type != OPT_END; o++)
		if (str_eq(name, str_of(o->name)))
			return o;
	return NULL;
}

static const struct opt *find_letter(const struct opt_program *p, char letter)
{
	for (const struct opt *o = p->opts; o->type != OPT_END; o++)
		if (letter && o->letter == letter)
			return o;
	return NULL;
}

/* By its name or a unique beginning of it; NULL with a sentence. */
static const struct opt *find_long(const struct opt_program *p, struct str name, struct err *e)
{
	const struct opt *found = find_exact(p, name);

	if (found)
		return found;
	for (const struct opt *o = p->opts; o->type != OPT_END && name.n > 0; o++) {
		if (!str_starts(str_of(o->name), name))
			continue;
		if (found) {
			err_set(e, ERR_USAGE,
				"option '--" STR_FMT "' is ambiguous ('--%s' or '--%s')",
				STR_ARG(name), found->name, o->name);
			return NULL;
		}
		found = o;
	}
	if (!found)
		unknown(p, "--", name, e);
	return found;
}

/* --- the command line ------------------------------------------------------------------------ */

struct args {
	char **v;
	int n, at; /* at: the argument being read */
};

/* The value of an option that is not glued to it: the next argument, whatever it looks like. */
static const char *next_value(struct args *a)
{
	return a->at + 1 < a->n ? a->v[++a->at] : NULL;
}

static int parse_long(const struct opt_program *p, struct args *a, struct err *e)
{
	const char *text = a->v[a->at] + 2, *value = NULL;
	struct str rest, name = str_cut(str_of(text), '=', &rest);
	const struct opt *o = find_long(p, name, e);

	if (!o)
		return ERR_USAGE;
	if (rest.p)
		value = rest.p;
	else if (takes_value(o))
		value = next_value(a);
	return set(o, (struct spelled){ "--", o->name, 0 }, value, e);
}

/* "-n5", "-n 5", "-me", "-men5" */
static int parse_letters(const struct opt_program *p, struct args *a, struct err *e)
{
	const char *text = a->v[a->at] + 1;
	int r = 0;

	while (*text && r == 0) {
		const struct opt *o = find_letter(p, *text);
		struct spelled s = { "-", NULL, *text };
		const char *value = NULL;
		uint32_t rune;

		if (!o)
			return unknown(p, "-", str_make(text, str_rune(str_of(text), &rune)), e);
		text++;
		if ((takes_value(o) || o->type == OPT_OPTIONAL) && *text) {
			value = text;
			text = "";
		} else if (takes_value(o)) {
			value = next_value(a);
		}
		r = set(o, s, value, e);
	}
	return r;
}

int opt_parse(const struct opt_program *p, int argc, char **argv, struct err *e)
{
	struct args a = { argv, argc, 1 };
	int operands = 0, r = 0;
	bool only_operands = false;

	for (; a.at < argc && r == 0; a.at++) {
		char *arg = argv[a.at];

		if (only_operands || arg[0] != '-' || arg[1] == '\0')
			argv[++operands] = arg; /* never past a.at */
		else if (strcmp(arg, "--") == 0)
			only_operands = true;
		else if (arg[1] == '-')
			r = parse_long(p, &a, e);
		else
			r = parse_letters(p, &a, e);
	}
	return r < 0 ? r : operands;
}

/* --- settings from elsewhere ----------------------------------------------------------------- */

int opt_set(const struct opt_program *p, struct str name, const char *value, struct err *e)
{
	const struct opt *o = find_exact(p, name);

	if (!o)
		return unknown(p, "", name, e);
	return set(o, (struct spelled){ "", o->name, 0 }, value && *value ? value : NULL, e);
}

/* Values of files, kept to the end; the list is what holds them. */
struct kept {
	struct kept *next;
	char text[];
};

static struct kept *kept;

static const char *keep(struct str s)
{
	struct kept *k = mem_alloc(sizeof(*k) + s.n + 1);

	if (s.n > 0)
		memcpy(k->text, s.p, s.n);
	k->text[s.n] = '\0';
	k->next = kept;
	kept = k;
	return k->text;
}

void opt_split_setting(struct str line, struct str *name, struct str *value)
{
	size_t n = 0;

	if (str_starts(line, STR("--")))
		line = str_skip(line, 2);
	while (n < line.n && line.p[n] != '=' && line.p[n] != ' ' && line.p[n] != '\t')
		n++;
	*name = str_make(line.p, n);
	*value = str_trim(str_skip(line, n));
	if (str_starts(*value, STR("=")))
		*value = str_trim(str_skip(*value, 1));
}

static int read_setting(const struct opt_program *p, struct str line, struct err *e)
{
	struct str name, value;

	line = str_trim(line);
	if (line.n == 0 || line.p[0] == '#')
		return 0;
	if (memchr(line.p, '\0', line.n))
		return err_set(e, ERR_USAGE, "there is a NUL byte in it");
	opt_split_setting(line, &name, &value);
	return opt_set(p, name, keep(value), e);
}

static int read_settings(
	const struct opt_program *p, struct line *l, bool eof, const char *path, struct err *e)
{
	struct err why = { 0 };
	struct str line;
	enum line_result r;

	while ((r = line_next(l, eof, &line)) != LINE_NONE) {
		if (r == LINE_TOO_LONG)
			err_set(&why, ERR_USAGE, "longer than %d bytes", FILE_LINE_MAX);
		else
			read_setting(p, line, &why);
		if (why.code < 0)
			return err_set(e, ERR_USAGE, "'%s' line %llu: %s", path,
				(unsigned long long)l->number, why.text);
	}
	return 0;
}

int opt_read_file(const struct opt_program *p, const char *path, struct err *e)
{
	struct line l;
	ssize_t n;
	/* A server reads again while it serves: a FIFO must not hold it up. */
	int r = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	line_init(&l, FILE_LINE_MAX);
	if (fd < 0) {
		r = err_set(e, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, "cannot open '%s':", path);
		goto out;
	}
	if (fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode)) {
		r = err_set(e, ERR_USAGE, "'%s' is a pipe, not a file", path);
		goto out;
	}
	do {
		size_t room;
		char *space = line_space(&l, 4096, &room);

		n = read(fd, space, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = err_set(e, ERR_IO, "cannot read '%s':", path);
			goto out;
		}
		line_filled(&l, (size_t)n);
		r = read_settings(p, &l, n == 0, path, e);
	} while (n != 0 && r == 0);
out:
	if (fd >= 0)
		close(fd);
	line_fini(&l);
	return r;
}
