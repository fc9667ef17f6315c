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

/* Hidden options are offered too: they are rare, not secret. Those of test builds are not, so that
 * the files are the same from every build. */
static const struct opt *next_offered(const struct opt *o)
{
	while (o->type != OPT_END && str_starts(str_of(o->name), STR("test-")))
		o++;
	return o;
}

#define for_each_offered(o, p)                                              \
	for (const struct opt *o = next_offered((p)->opts); o->type != OPT_END; \
		o = next_offered(o + 1))

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

static void add_words(struct buf *b, const char *words)
{
	for (const char *c = words; *c; c++)
		buf_add_char(b, *c == '|' ? ' ' : *c);
}

/* What completes a value or operand. */
struct completer {
	const char *kind;  /* "room", "file", "dir", or "" for nothing */
	const char *words; /* "a|b", or NULL; beside what `kind` gives */
};

static struct completer of_value(const struct opt *o)
{
	return (struct completer){ o->complete ? o->complete : "",
		o->type == OPT_CHOICE ? o->arg : o->words };
}

static struct completer of_operand(const struct opt_program *p)
{
	return (struct completer){ p->complete ? p->complete : "", NULL };
}

static bool takes_next(const struct opt *o)
{
	return has_value(o) && o->type != OPT_OPTIONAL;
}

/* "-n|--count" */
static void add_spellings(struct buf *b, const struct opt *o)
{
	if (o->letter)
		buf_addf(b, "-%c|", o->letter);
	buf_addf(b, "--%s", o->name);
}

static void bash_action(struct buf *b, struct completer c)
{
	const char *sep = "";

	if (strcmp(c.kind, "file") == 0)
		buf_add_text(b, "_rt_add_files -f");
	else if (strcmp(c.kind, "dir") == 0)
		buf_add_text(b, "_rt_add_files -d");
	else if (strcmp(c.kind, "room") == 0)
		buf_add_text(b, "_rt_add_rooms");
	if (*c.kind)
		sep = "; ";
	if (c.words) {
		buf_addf(b, "%s_rt_add_words '", sep);
		add_words(b, c.words);
		buf_add_char(b, '\'');
	}
}

static void bash_values(struct buf *b, const struct opt_program *p)
{
	for_each_offered(o, p) {
		struct completer c = of_value(o);

		if (!takes_next(o))
			continue;
		buf_add_char(b, '\t');
		add_spellings(b, o);
		buf_add_text(b, ") ");
		bash_action(b, c);
		buf_addf(b, "%sreturn ;;\n", *c.kind || c.words ? "; " : "");
	}
}

/* Whether the word before the cursor is the first operand: then words are offered as well. */
static void bash_first_operand(struct buf *b, const struct opt_program *p)
{
	const char *sep = "";

	buf_add_text(b, "\tlocal i operands=0\n\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
			"\t\tcase ${COMP_WORDS[i]} in\n\t\t");
	for_each_offered(o, p) {
		if (!takes_next(o))
			continue;
		buf_add_text(b, sep);
		add_spellings(b, o);
		sep = "|";
	}
	buf_add_text(b, ")\n\t\t\t[[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))\n\t\t\t((i++)) ;;\n"
			"\t\t-*) ;;\n\t\t*) ((operands++)) ;;\n\t\tesac\n\tdone\n"
			"\t((operands)) || _rt_add_words '");
	add_words(b, p->words);
	buf_add_text(b, "'\n");
}

static const char bash_functions[] =
	"_rt_add_rooms()\n{\n\tlocal room rest\n\twhile read -r room rest; do\n"
	"\t\t[[ $room == \"$cur\"* ]] && COMPREPLY+=(\"$(printf %q \"$room\")\")\n"
	"\tdone < <(" LIST_ROOMS ")\n}\n\n"
	"_rt_add_files()\n{\n\tlocal file\n\tcompopt -o filenames\n"
	"\twhile read -r file; do COMPREPLY+=(\"$file\"); done "
	"< <(compgen \"$1\" -- \"$cur\")\n}\n\n"
	"_rt_add_words()\n{\n\tlocal word\n\tfor word in $1; do\n"
	"\t\t[[ $word == \"$cur\"* ]] && COMPREPLY+=(\"$word\")\n\tdone\n}\n\n";

static void complete_bash(struct buf *b, const struct opt_program *p)
{
	struct completer operand = of_operand(p);

	buf_addf(b, "# bash completion of %s, generated from its option table\n\n", p->name);
	buf_add_text(b, bash_functions);
	add_function(b, p);
	buf_add_text(b,
		"()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} glued=\n"
		"\tCOMPREPLY=()\n"
		"\t# \"--name=val\" arrives as three words\n"
		"\tif [[ $cur == = ]]; then\n\t\tcur= glued=1\n"
		"\telif [[ $prev == = ]]; then\n\t\tprev=${COMP_WORDS[COMP_CWORD - 2]} glued=1\n\tfi\n"
		"\tcase $prev in\n");
	bash_values(b, p);
	buf_add_text(b, "\tesac\n\t[[ $glued ]] && return\n\tif [[ $cur == -* ]]; then\n"
			"\t\t_rt_add_words '");
	for_each_offered(o, p) {
		if (o->letter)
			buf_addf(b, "-%c ", o->letter);
		buf_addf(b, "--%s ", o->name);
	}
	if (b->p[b->n - 1] == ' ')
		b->n--;
	buf_add_text(b, "'\n\t\treturn\n\tfi\n");
	if (p->words)
		bash_first_operand(b, p);
	if (*operand.kind) {
		buf_add_char(b, '\t');
		bash_action(b, operand);
		buf_add_char(b, '\n');
	}
	buf_add_text(b, "}\n\ncomplete -F ");
	add_function(b, p);
	buf_addf(b, " %s\n", p->name);
}

static const char *zsh_function(const char *kind)
{
	return strcmp(kind, "file") == 0  ? "_files"
	       : strcmp(kind, "dir") == 0 ? "_files -/"
	       : strcmp(kind, "room") == 0 ? "_rt_rooms"
					   : " ";
}

static void zsh_action(struct buf *b, struct completer c)
{
	if (!c.words) {
		buf_add_text(b, zsh_function(c.kind));
		return;
	}
	if (*c.kind)
		buf_add_text(b, "{ _alternative \"words:word:");
	buf_add_char(b, '(');
	add_words(b, c.words);
	buf_add_char(b, ')');
	if (*c.kind)
		buf_addf(b, "\" \"%ss:%s:%s\" }", c.kind, c.kind, zsh_function(c.kind));
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
	buf_add_char(b, '\'');
	if (o->help) {
		buf_add_char(b, '[');
		add_quoted(b, o->help, "[]\\", "'\\''");
		buf_add_char(b, ']');
	}
	if (has_value(o)) {
		buf_add_text(b, o->type == OPT_OPTIONAL ? "::" : ":");
		add_quoted(b, o->type == OPT_CHOICE ? o->name : opt_arg_word(o), ":\\", "'\\''");
		buf_add_char(b, ':');
		zsh_action(b, of_value(o));
	}
	buf_add_char(b, '\'');
}

static void complete_zsh(struct buf *b, const struct opt_program *p)
{
	struct completer operand = of_operand(p);

	buf_addf(b, "#compdef %s\n# zsh completion of %s, generated from its option table\n\n",
		p->name, p->name);
	buf_add_text(b,
		"_rt_rooms() {\n\tlocal room rest\n\tlocal -a rooms\n"
		"\twhile read -r room rest; do rooms+=(\"$room\"); done < <(" LIST_ROOMS ")\n"
		"\tcompadd -a rooms\n}\n\n");
	add_function(b, p);
	buf_add_text(b, "() {\n\t_arguments -s -S");
	for_each_offered(o, p)
		zsh_option(b, o);
	if (p->words) {
		struct completer first = { operand.kind, p->words };

		buf_add_text(b, " \\\n\t\t'1:operand:");
		zsh_action(b, first);
		buf_add_char(b, '\'');
	}
	if (*operand.kind) {
		buf_addf(b, " \\\n\t\t'*:%s:", operand.kind);
		zsh_action(b, operand);
		buf_add_char(b, '\'');
	}
	buf_add_text(b, "\n}\n\n# Found in fpath it runs at once; sourced it registers itself.\n"
			"if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n\t");
	add_function(b, p);
	buf_add_text(b, " \"$@\"\nelse\n\tcompdef ");
	add_function(b, p);
	buf_addf(b, " %s\nfi\n", p->name);
}

static void fish_action(struct buf *b, struct completer c)
{
	const char *list = "";

	if (strcmp(c.kind, "dir") == 0)
		list = "(__fish_complete_directories)";
	else if (strcmp(c.kind, "room") == 0)
		list = "(" LIST_ROOMS " | string match -r \"^\\S+\")";
	buf_add_text(b, strcmp(c.kind, "file") == 0 ? " -F" : " -f");
	if (!*list && !c.words)
		return;
	buf_addf(b, " -a '%s", list);
	if (c.words) {
		buf_add_text(b, *list ? " " : "");
		add_words(b, c.words);
	}
	buf_add_char(b, '\'');
}

static void complete_fish(struct buf *b, const struct opt_program *p)
{
	buf_addf(b, "# fish completion of %s, generated from its option table\n\n", p->name);
	buf_addf(b, "complete -c %s", p->name);
	fish_action(b, of_operand(p));
	buf_add_char(b, '\n');
	if (p->words) {
		buf_addf(b, "complete -c %s -n __fish_use_subcommand -a '", p->name);
		add_words(b, p->words);
		buf_add_text(b, "'\n");
	}
	for_each_offered(o, p) {
		buf_addf(b, "complete -c %s", p->name);
		if (o->letter)
			buf_addf(b, " -s %c", o->letter);
		buf_addf(b, " -l %s", o->name);
		if (has_value(o)) {
			if (o->type != OPT_OPTIONAL)
				buf_add_text(b, " -r");
			fish_action(b, of_value(o));
		}
		if (o->help) {
			buf_add_text(b, " -d '");
			add_quoted(b, o->help, "\\", "\\'");
			buf_add_char(b, '\'');
		}
		buf_add_char(b, '\n');
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
