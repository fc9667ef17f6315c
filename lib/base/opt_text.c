/* opt_text.c - the option table as text: -h, completion files, the dump for tests
 *
 * Nothing here reads arguments. Everything is built in memory and written once; whether stdout took
 * it is asked by whoever flushes it. Room names are dynamic: the shells ask `rt-sub -L`. A name
 * never goes through an expansion of the shell (bash's `compgen -W` would run "$(...)"). */
#include "base/opt.h"
#include "base/buf.h"

#include <stdio.h>

#define HELP_LINES 40
#define LEFT_MAX   32 /* columns of "  -n, --count N" */

static void print(struct buf *b)
{
	fwrite(b->p, 1, b->n, stdout);
	buf_fini(b);
}

const char *opt_arg_word(const struct opt *o)
{
	if (o->arg)
		return o->arg;
	switch (o->type) {
	case OPT_INT: return "N";
	case OPT_DURATION: return "DURATION";
	case OPT_SIZE: return "SIZE";
	case OPT_RATE: return "RATE";
	default: return "VALUE";
	}
}

static bool has_value(const struct opt *o)
{
	return o->type != OPT_FLAG && o->type != OPT_COUNT;
}

static bool repeats(const struct opt *o)
{
	return o->type == OPT_COUNT || o->type == OPT_LIST;
}

/* The table's entries, hidden ones left out. */
static const struct opt *next_shown(const struct opt *o)
{
	while (o->type != OPT_END && !o->help)
		o++;
	return o;
}

#define for_each_shown(o, p) \
	for (const struct opt *o = next_shown((p)->opts); o->type != OPT_END; o = next_shown(o + 1))

/* --- help ------------------------------------------------------------------------------------ */

static size_t add_left(struct buf *b, const struct opt *o)
{
	size_t before = b->n;

	if (o->letter)
		buf_addf(b, "  -%c, --%s", o->letter, o->name);
	else
		buf_addf(b, "      --%s", o->name);
	if (o->type == OPT_OPTIONAL)
		buf_addf(b, "[=%s]", opt_arg_word(o));
	else if (has_value(o))
		buf_addf(b, " %s", opt_arg_word(o));
	return b->n - before;
}

static size_t left_width(const struct opt_program *p)
{
	struct buf b = { 0 };
	size_t width = 0;

	for_each_shown(o, p) {
		size_t n = add_left(&b, o);
		if (n > width && n <= LEFT_MAX)
			width = n;
	}
	buf_fini(&b);
	return width;
}

static int add_lines(struct buf *b, const char *before, const char *name, const char *const *lines)
{
	int n = 0;

	for (; lines && lines[n]; n++)
		buf_addf(b, "%s%s%s%s\n", n == 0 ? before : "       ", name, *name ? " " : "",
			lines[n]);
	return n;
}

/* As many options as there are lines for; what is left out is said. */
static void add_options(struct buf *b, const struct opt_program *p, int room)
{
	size_t width = left_width(p);
	int left = 0;

	for_each_shown(o, p)
		left++;
	for_each_shown(o, p) {
		if (room == 1 && left > 1) {
			buf_addf(b, "      and %d more: man %s\n", left, p->name);
			break;
		}
		size_t n = add_left(b, o);
		buf_addf(b, "%*s  %s\n", n < width ? (int)(width - n) : 0, "", o->help);
		room--;
		left--;
	}
}

void opt_help(const struct opt_program *p)
{
	struct buf b = { 0 };
	int lines = 0;

	for (const char *const *ex = p->examples; ex && *ex; ex++, lines++)
		buf_addf(&b, "  %s\n", *ex);
	buf_add_char(&b, '\n');
	lines += 1 + add_lines(&b, "usage: ", p->name, p->usage);
	buf_addf(&b, "%s: %s\n\n", p->name, p->purpose);
	lines += 2;
	add_options(&b, p, HELP_LINES - lines - 3);
	buf_addf(&b,
		"\nThe family: " RT_FAMILY "\nMore: man %s; what all of them share: man 7 rt\n",
		p->name);
	print(&b);
}

void opt_dump(const struct opt_program *p)
{
	struct buf b = { 0 };

	for (const struct opt *o = p->opts; o->type != OPT_END; o++) {
		buf_addf(&b, "--%s\n", o->name);
		if (o->letter)
			buf_addf(&b, "-%c\n", o->letter);
	}
	print(&b);
}

/* --- completion ------------------------------------------------------------------------------ */

#define LIST_ROOMS "rt-sub -L -f \"{room}\" -w 1s 2>/dev/null"

/* "rt-sub" as the name of a shell function: "_rt_sub" */
static void add_function(struct buf *b, const struct opt_program *p)
{
	buf_add_char(b, '_');
	for (const char *c = p->name; *c; c++)
		buf_add_char(b, *c == '-' ? '_' : *c);
}

/* Text inside single quotes, with `escape` before each character of `special`. */
static void add_quoted(struct buf *b, const char *text, const char *special, const char *quote)
{
	for (; *text; text++) {
		if (*text == '\'') {
			buf_add_text(b, quote);
			continue;
		}
		if (strchr(special, *text))
			buf_add_char(b, '\\');
		buf_add_char(b, *text);
	}
}

static void add_choices(struct buf *b, const struct opt *o)
{
	for (const char *c = o->arg; *c; c++)
		buf_add_char(b, *c == '|' ? ' ' : *c);
}

/* What completes a value or operand: "room", "file", "dir", "choice" or "" for nothing. */
static const char *completer(const struct opt *o)
{
	return o->type == OPT_CHOICE ? "choice" : o->complete ? o->complete : "";
}

static void bash_action(struct buf *b, const char *kind, const struct opt *o)
{
	if (strcmp(kind, "file") == 0)
		buf_add_text(b,
			"compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")");
	else if (strcmp(kind, "dir") == 0)
		buf_add_text(b,
			"compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")");
	else if (strcmp(kind, "room") == 0)
		buf_add_text(b, "_rt_add_rooms");
	else if (strcmp(kind, "choice") == 0) {
		buf_add_text(b, "mapfile -t COMPREPLY < <(compgen -W '");
		add_choices(b, o);
		buf_add_text(b, "' -- \"$cur\")");
	}
}

static void bash_values(struct buf *b, const struct opt_program *p)
{
	for_each_shown(o, p) {
		const char *kind = completer(o);

		if (!has_value(o) || o->type == OPT_OPTIONAL)
			continue;
		buf_add_char(b, '\t');
		if (o->letter)
			buf_addf(b, "-%c|", o->letter);
		buf_addf(b, "--%s) ", o->name);
		bash_action(b, kind, o);
		buf_addf(b, "%sreturn ;;\n", *kind ? "; " : "");
	}
}

static void complete_bash(struct buf *b, const struct opt_program *p)
{
	buf_addf(b, "# bash completion of %s, generated from its option table\n\n", p->name);
	buf_add_text(b, "_rt_add_rooms()\n{\n\tlocal room rest\n\twhile read -r room rest; do\n"
			"\t\t[[ $room == \"$cur\"* ]] && COMPREPLY+=(\"$(printf %q \"$room\")\")\n"
			"\tdone < <(" LIST_ROOMS ")\n}\n\n");
	add_function(b, p);
	buf_add_text(b,
		"()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} glued=\n"
		"\tCOMPREPLY=()\n"
		"\t# \"--name=val\" arrives as three words\n"
		"\tif [[ $cur == = ]]; then\n\t\tcur= glued=1\n"
		"\telif [[ $prev == = ]]; then\n\t\tprev=${COMP_WORDS[COMP_CWORD - 2]} glued=1\n\tfi\n"
		"\tcase $prev in\n");
	bash_values(b, p);
	buf_add_text(b,
		"\tesac\n\t[[ $glued ]] && return\n\tif [[ $cur == -* ]]; then\n\t\tmapfile -t COMPREPLY < <(compgen -W '");
	for_each_shown(o, p) {
		if (o->letter)
			buf_addf(b, "-%c ", o->letter);
		buf_addf(b, "--%s ", o->name);
	}
	if (b->p[b->n - 1] == ' ')
		b->n--;
	buf_add_text(b, "' -- \"$cur\")\n\t\treturn\n\tfi\n");
	if (p->complete) {
		buf_add_char(b, '\t');
		bash_action(b, p->complete, NULL);
		buf_add_char(b, '\n');
	}
	buf_add_text(b, "}\n\ncomplete -F ");
	add_function(b, p);
	buf_addf(b, " %s\n", p->name);
}

static void zsh_action(struct buf *b, const char *kind, const struct opt *o)
{
	if (strcmp(kind, "file") == 0)
		buf_add_text(b, "_files");
	else if (strcmp(kind, "dir") == 0)
		buf_add_text(b, "_files -/");
	else if (strcmp(kind, "room") == 0)
		buf_add_text(b, "_rt_rooms");
	else if (strcmp(kind, "choice") == 0) {
		buf_add_char(b, '(');
		add_choices(b, o);
		buf_add_char(b, ')');
	} else {
		buf_add_char(b, ' ');
	}
}

/* '(-n --count)'{-n+,--count=}'[stop after N]:N: ' */
static void zsh_option(struct buf *b, const struct opt *o)
{
	const char *glue = o->type == OPT_OPTIONAL ? "-" : has_value(o) ? "+" : "";
	const char *equals = o->type == OPT_OPTIONAL ? "=-" : has_value(o) ? "=" : "";

	buf_add_text(b, " \\\n\t\t");
	if (repeats(o))
		buf_add_text(b, "'*'");
	else if (o->letter)
		buf_addf(b, "'(-%c --%s)'", o->letter, o->name);
	if (o->letter)
		buf_addf(b, "{-%c%s,--%s%s}", o->letter, glue, o->name, equals);
	else
		buf_addf(b, "--%s%s", o->name, equals);
	buf_add_text(b, "'[");
	add_quoted(b, o->help, "[]\\", "'\\''");
	buf_add_char(b, ']');
	if (has_value(o)) {
		buf_add_text(b, o->type == OPT_OPTIONAL ? "::" : ":");
		add_quoted(b, o->type == OPT_CHOICE ? o->name : opt_arg_word(o), ":\\", "'\\''");
		buf_add_char(b, ':');
		zsh_action(b, completer(o), o);
	}
	buf_add_char(b, '\'');
}

static void complete_zsh(struct buf *b, const struct opt_program *p)
{
	buf_addf(b, "#compdef %s\n# zsh completion of %s, generated from its option table\n\n",
		p->name, p->name);
	buf_add_text(b,
		"_rt_rooms() {\n\tlocal room rest\n\tlocal -a rooms\n"
		"\twhile read -r room rest; do rooms+=(\"$room\"); done < <(" LIST_ROOMS ")\n"
		"\tcompadd -a rooms\n}\n\n");
	add_function(b, p);
	buf_add_text(b, "() {\n\t_arguments -s -S");
	for_each_shown(o, p)
		zsh_option(b, o);
	if (p->complete) {
		buf_addf(b, " \\\n\t\t'*:%s:", p->complete);
		zsh_action(b, p->complete, NULL);
		buf_add_char(b, '\'');
	}
	buf_add_text(b, "\n}\n\n# Found in fpath it runs at once; sourced it registers itself.\n"
			"if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n\t");
	add_function(b, p);
	buf_add_text(b, " \"$@\"\nelse\n\tcompdef ");
	add_function(b, p);
	buf_addf(b, " %s\nfi\n", p->name);
}

static void fish_action(struct buf *b, const char *kind, const struct opt *o)
{
	if (strcmp(kind, "file") == 0)
		buf_add_text(b, " -F");
	else if (strcmp(kind, "dir") == 0)
		buf_add_text(b, " -f -a '(__fish_complete_directories)'");
	else if (strcmp(kind, "room") == 0)
		buf_add_text(b, " -f -a '(" LIST_ROOMS " | string match -r \"^\\S+\")'");
	else if (strcmp(kind, "choice") == 0) {
		buf_add_text(b, " -f -a '");
		add_choices(b, o);
		buf_add_char(b, '\'');
	} else {
		buf_add_text(b, " -f");
	}
}

static void complete_fish(struct buf *b, const struct opt_program *p)
{
	buf_addf(b, "# fish completion of %s, generated from its option table\n\n", p->name);
	buf_addf(b, "complete -c %s", p->name);
	fish_action(b, p->complete ? p->complete : "", NULL);
	buf_add_char(b, '\n');
	for_each_shown(o, p) {
		buf_addf(b, "complete -c %s", p->name);
		if (o->letter)
			buf_addf(b, " -s %c", o->letter);
		buf_addf(b, " -l %s", o->name);
		if (has_value(o)) {
			if (o->type != OPT_OPTIONAL)
				buf_add_text(b, " -r");
			fish_action(b, completer(o), o);
		}
		buf_add_text(b, " -d '");
		add_quoted(b, o->help, "\\", "\\'");
		buf_add_text(b, "'\n");
	}
}

int opt_completion(const struct opt_program *p, const char *shell)
{
	static const struct {
		const char *name;
		void (*render)(struct buf *b, const struct opt_program *p);
	} shells[] = { { "bash", complete_bash }, { "zsh", complete_zsh },
		{ "fish", complete_fish } };
	struct buf b = { 0 };

	for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
		if (strcmp(shell, shells[i].name) == 0) {
			shells[i].render(&b, p);
			print(&b);
			return 0;
		}
	}
	return ERR_USAGE;
}
