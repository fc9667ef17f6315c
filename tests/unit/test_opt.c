#include "base/opt.h"
#include "child.h"
#include "tap.h"

#include <stdlib.h>

static struct child c;

static struct {
	bool meta, help, hidden;
	int verbose, color;
	const char *url;
	struct opt_list headers;
	int64_t count, delta, port, timeout;
	uint64_t size;
	double rate;
	struct opt_optional retry;
} o;

#define ROW(l, n, t, where, word, text)                                                       \
	{                                                                                     \
		.letter = l, .name = n, .type = t, .target = where, .arg = word, .help = text \
	}

static const struct opt options[] = {
	ROW('u', "url", OPT_STRING, &o.url, "URL", "where the gateway is"),
	ROW('H', "header", OPT_LIST, &o.headers, "'N: V'",
		"one more header; it's [repeatable]: yes"),
	{ 'n', "count", OPT_INT, &o.count, NULL, "stop after N messages", .min = 1,
		.max = INT64_MAX },
	{ 'p', "port", OPT_INT, &o.port, NULL, "a port", .min = 1, .max = 65535 },
	ROW(0, "delta", OPT_INT, &o.delta, NULL, "any number"),
	ROW('w', "timeout", OPT_DURATION, &o.timeout, NULL, "a deadline"),
	ROW(0, "max-message", OPT_SIZE, &o.size, NULL, "largest message"),
	ROW('r', "rate", OPT_RATE, &o.rate, NULL, "at most so many"),
	ROW(0, "color", OPT_CHOICE, &o.color, "auto|always|never", "when to colour"),
	ROW('R', "retry", OPT_OPTIONAL, &o.retry, "WHY", "maybe with a value"),
	ROW('m', "meta", OPT_FLAG, &o.meta, NULL, "with metadata"),
	ROW('v', "verbose", OPT_COUNT, &o.verbose, NULL, "say more"),
	{ 0, "dead-letter", OPT_STRING, &o.url, "ROOM", "where failures go", .complete = "room" },
	{ 'o', "output", OPT_STRING, &o.url, "FILE", "write there", .complete = "file" },
	ROW(0, "hidden", OPT_FLAG, &o.hidden, NULL, NULL),
	ROW(0, "test-only", OPT_FLAG, &o.hidden, NULL, NULL),
	ROW('h', "help", OPT_FLAG, &o.help, NULL, "this"),
	{ .type = OPT_END },
};

static const struct opt_program program = {
	.name = "rt-sub",
	.purpose = "print what is published to rooms",
	.usage = (const char *const[]){ "[options] ROOM...", "-L [PATTERN]", NULL },
	.examples = (const char *const[]){ "rt-sub lobby", "rt-sub -m lobby | jq .",
		"rt-sub -n 1 a", NULL },
	.opts = options,
	.complete = "room",
	.hints = (const char *const[]){ "b", "rooms are operands: rt-sub lobby", "topic",
		"rooms are operands", NULL },
};

static char *args[16];
static int n_args;
static struct err e;

/* Parses words separated by spaces; "_" stands for an empty argument. */
static int parse(const char *line)
{
	static char text[400];

	opt_list_free(&o.headers);
	memset(&o, 0, sizeof(o));
	memset(&e, 0, sizeof(e));
	snprintf(text, sizeof(text), "%s", line);
	n_args = 0;
	args[n_args++] = (char[]){ "rt-sub" };
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		args[n_args++] = strcmp(word, "_") ? word : word + 1;
	args[n_args] = NULL;
	return opt_parse(&program, n_args, args, &e);
}

static void fails(const char *line, const char *want)
{
	is_int(parse(line), ERR_USAGE, "'%s' is refused", line);
	is_text(e.text, strlen(e.text), want, "with its sentence");
}

static void test_forms(void)
{
	is_int(parse(""), 0, "no arguments");
	is_int(opt_parse(&program, 0, (char *[]){ NULL }, &e), 0, "not even a name");
	is_int(parse("a -n 5 b --url=x c"), 3, "operands and options mix");
	ok(!strcmp(args[1], "a") && !strcmp(args[2], "b") && !strcmp(args[3], "c"),
		"operands in order");
	ok(o.count == 5 && !strcmp(o.url, "x"), "and the values");
	is_int(parse("-n5 -mvvu x"), 0, "glued and combined");
	ok(o.count == 5 && o.meta && o.verbose == 2 && !strcmp(o.url, "x"), "all four");
	parse("-mn7");
	ok(o.meta && o.count == 7, "a flag, a letter, its value");
	is_int(parse("-- -m --x --"), 3, "-- ends options");
	ok(!o.meta && !strcmp(args[1], "-m") && !strcmp(args[3], "--"), "what follows is operands");
	is_int(parse("- -m"), 1, "a dash is an operand");
	is_int(parse("_ a"), 2, "so is an empty argument");
	parse("--url -m");
	ok(!strcmp(o.url, "-m") && !o.meta, "a value may look like an option");
	parse("--url --");
	ok(!strcmp(o.url, "--"), "even like --");
	parse("--url=");
	ok(o.url && !*o.url, "an empty value by =");
	parse("--url _");
	ok(o.url && !*o.url, "and as an argument");
	parse("--url=a=b");
	ok(!strcmp(o.url, "a=b"), "the first = cuts");
	parse("-H a -Hb --header c --header=d");
	ok(o.headers.n == 4 && !strcmp(o.headers.v[0], "a") && !strcmp(o.headers.v[3], "d"),
		"a list");
	parse("--retry x");
	ok(o.retry.given && !o.retry.value, "an optional value does not take the next argument");
	parse("--retry=x");
	ok(o.retry.given && !strcmp(o.retry.value, "x"), "but the glued one");
	parse("-Rx");
	ok(o.retry.given && !strcmp(o.retry.value, "x"), "short too");
	parse("-mR");
	ok(o.meta && o.retry.given && !o.retry.value, "short without");
	is_int(parse("--verb --verbo --verbose"), 0, "unique beginnings");
	is_int(o.verbose, 3, "count");
	is_int(parse("--hidden"), 0, "a hidden option is taken");
}

static void test_values(void)
{
	parse("--delta -5");
	is_int(o.delta, -5, "a negative number");
	parse("--delta -9223372036854775808");
	ok(o.delta == INT64_MIN, "the least");
	parse("--delta=9223372036854775807 -n 9223372036854775807");
	ok(o.delta == INT64_MAX && o.count == INT64_MAX, "the greatest");
	fails("--delta 9223372036854775808", "option '--delta' needs a number");
	fails("--delta -9223372036854775809", "option '--delta' needs a number");
	fails("--delta --5", "option '--delta' needs a number");
	fails("--delta=", "option '--delta' needs a number");
	fails("--delta=-", "option '--delta' needs a number");
	fails("-p 0", "option '-p' needs a number from 1 to 65535");
	fails("--port 65536", "option '--port' needs a number from 1 to 65535");
	fails("--port 80x", "option '--port' needs a number from 1 to 65535");
	fails("--port", "option '--port' needs a number from 1 to 65535");
	fails("--count 0", "option '--count' needs a number of at least 1");
	parse("-w 1h30m --max-message 64k -r 10k/s --color never");
	ok(o.timeout == 5400000 && o.size == 65536 && o.rate == 10000 && o.color == 2, "measures");
	fails("--timeout 10", "option '--timeout': '10' has no unit (give a unit: 10s)");
	fails("-w", "option '-w' needs a value (DURATION)");
	fails("--max-message x", "option '--max-message': 'x' is not a size (512, 64k, 1m, 2g)");
	fails("--rate x", "option '--rate': 'x' is not a rate (500/s, 10k/s, 600/m)");
	fails("--color alw", "option '--color' needs one of auto, always, never");
	fails("--color", "option '--color' needs one of auto, always, never");
	fails("--color=auto|always", "option '--color' needs one of auto, always, never");
	fails("--url", "option '--url' needs a value (URL)");
	fails("-mu", "option '-u' needs a value (URL)");
	fails("--meta=yes", "option '--meta' takes no value");
	fails("--verbose=2", "option '--verbose' takes no value");
	parse("-n 5 --port 0");
	is_int(o.port, 0, "a failure leaves the target");
}

static void test_unknown(void)
{
	fails("-b lobby", "unknown option '-b' (rooms are operands: rt-sub lobby)");
	fails("-mb", "unknown option '-b' (rooms are operands: rt-sub lobby)");
	fails("--topic=x", "unknown option '--topic' (rooms are operands)");
	fails("-Z", "unknown option '-Z'");
	fails("-\xc3\xa9", "unknown option '-\xc3\xa9'");
	fails("-m=x", "unknown option '-='");
	fails("--cuont", "unknown option '--cuont' (did you mean '--count'?)");
	fails("--colour", "unknown option '--colour' (did you mean '--color'?)");
	fails("--max_message 1", "unknown option '--max_message' (did you mean '--max-message'?)");
	fails("--ulr x", "unknown option '--ulr' (did you mean '--url'?)");
	fails("--zzzz", "unknown option '--zzzz'");
	is_text(opt_nearest("merge|value|hlc", STR("valeu")).p, 5, "value", "a word is found too");
	is_int((int)opt_nearest("merge|value|hlc", STR("a.json")).n, 0, "or none");
	is_int((int)opt_nearest("merge|value|hlc", STR("")).n, 0, "not by nothing");
	fails("--=x", "unknown option '--'");
	fails("--h", "option '--h' is ambiguous ('--header' or '--hidden')");
	fails("--co", "option '--co' is ambiguous ('--count' or '--color')");
	char line[300] = "--";
	memset(line + 2, 'q', 250);
	is_int(parse(line), ERR_USAGE, "a long name");
	ok(strlen(e.text) < 120, "is not repeated whole");
	is_int(opt_parse(&program, 2, (char *[]){ (char[]){ "x" }, (char[]){ "-Z" }, NULL }, NULL),
		ERR_USAGE, "nobody wants the sentence");
}

static void test_set(void)
{
	parse("");
	is_int(opt_set(&program, STR("count"), "9", &e), 0, "a setting");
	is_int(o.count, 9, "is set");
	is_int(opt_set(&program, STR("meta"), "", &e), 0, "a flag");
	ok(o.meta, "is set");
	is_int(opt_set(&program, STR("met"), "", &e), ERR_USAGE, "no abbreviations in files");
	is_int(opt_set(&program, STR("cuont"), "1", &e), ERR_USAGE, "a wrong name");
	is_text(e.text, strlen(e.text), "unknown option 'cuont' (did you mean 'count'?)",
		"is told");
	is_int(opt_set(&program, STR("url"), "", &e), ERR_USAGE, "a missing value");
	is_text(e.text, strlen(e.text), "option 'url' needs a value (URL)", "is told");
	is_int(opt_set(&program, STR("meta"), "yes", &e), ERR_USAGE, "a flag with a value");
	is_int(opt_set(&program, STR("retry"), "", &e), 0, "an optional value left out");
	ok(o.retry.given && !o.retry.value, "is left out");
}

static int read_text(const char *text, size_t n)
{
	char path[] = "/tmp/rt-test-XXXXXX";
	int r, fd = mkstemp(path);

	parse("");
	if (fd < 0 || write(fd, text, n) != (ssize_t)n)
		return -99;
	close(fd);
	r = opt_read_file(&program, path, &e);
	unlink(path);
	return r;
}

#define READ(lit) read_text(lit, sizeof(lit) - 1)

static void test_file(void)
{
	is_int(READ("# all forms\n\nurl ws://a b \ncount=5\r\n port = 80\nmeta\n--verbose\n"
		    "header X: 1\nheader=Y=2\n  # end\nrate 5/s"),
		0, "a file");
	ok(!strcmp(o.url, "ws://a b") && o.count == 5 && o.port == 80 && o.meta && o.verbose == 1 &&
			o.rate == 5,
		"its settings");
	ok(o.headers.n == 2 && !strcmp(o.headers.v[0], "X: 1") && !strcmp(o.headers.v[1], "Y=2"),
		"its list");
	is_int(READ(""), 0, "an empty file");
	is_int(READ("\n\ncount 0\n"), ERR_USAGE, "a bad value");
	ok(strstr(e.text, "' line 3: option 'count' needs a number of at least 1"),
		"has a line: %s", e.text);
	is_int(READ("url a\0b\n"), ERR_USAGE, "a NUL byte");
	is_int(READ("=x\n"), ERR_USAGE, "no name");
	is_int(READ("url\n"), ERR_USAGE, "no value");
	is_int(READ("bogus"), ERR_USAGE, "an unknown name on a last line without its end");
	static char big[70000];
	memset(big, 'x', sizeof(big));
	is_int(read_text(big, sizeof(big)), ERR_USAGE, "a line without end");
	is_int(opt_read_file(&program, "/nonexistent/rt", &e), ERR_NOTFOUND, "no such file");
	is_text(e.text, strlen(e.text), "cannot open '/nonexistent/rt': no such file or directory",
		"told");
	is_int(opt_read_file(&program, "/", &e), ERR_IO, "a directory");
	parse("");
}

static void show_help(void *arg)
{
	opt_help(arg);
}

static void show_dump(void *arg)
{
	opt_dump(arg);
}

static const char *shell;

static void show_completion(void *arg)
{
	if (opt_completion(arg, shell) < 0)
		_exit(2);
}

static int lines(void)
{
	int n = 0;

	for (size_t i = 0; i < c.n; i++)
		n += c.out[i] == '\n';
	return n;
}

static void test_help(void)
{
	static struct opt many[61];
	struct opt_program crowded = program;

	child_run(&c, STDOUT_FILENO, show_help, (void *)(uintptr_t)&program);
	ok(!strncmp(c.out, "  rt-sub lobby\n  rt-sub -m lobby | jq .\n  rt-sub -n 1 a\n\n", 53),
		"-h opens with the examples");
	ok(lines() <= 40, "at most 40 lines");
	ok(strstr(c.out, "usage: rt-sub [options] ROOM...\n       rt-sub -L [PATTERN]\n"),
		"the usage");
	ok(strstr(c.out, "\nThe family: " RT_FAMILY "\n"), "the family");
	ok(strstr(c.out, "man 7 rt\n"), "the manual");
	ok(strstr(c.out, "\n  -n, --count N                  stop after N messages\n"),
		"an option");
	ok(strstr(c.out, "\n      --color auto|always|never  when to colour\n"), "its choices");
	ok(strstr(c.out, "\n  -R, --retry[=WHY]"), "an optional value");
	ok(!strstr(c.out, "hidden"), "hidden options are not shown");
	for (int i = 0; i < 60; i++)
		many[i] = (struct opt)ROW(0, "again", OPT_FLAG, &o.meta, NULL, "one of many");
	many[60].type = OPT_END;
	crowded.opts = many;
	child_run(&c, STDOUT_FILENO, show_help, &crowded);
	is_int(lines(), 40, "sixty options still make 40 lines");
	ok(strstr(c.out, "      and 32 more: man rt-sub\n"), "saying how many are missing");
	child_run(&c, STDOUT_FILENO, show_dump, (void *)(uintptr_t)&program);
	ok(!strncmp(c.out, "--url\n-u\n--header\n-H\n", 21) && strstr(c.out, "--hidden\n"),
		"the dump");
}

/* Asks a shell that is installed whether it can read the file; 0 also when there is none. */
static bool shell_accepts(const char *name, const char *command)
{
	char line[1200], path[] = "/tmp/rt-test-XXXXXX";
	int fd = mkstemp(path), r;

	if (fd < 0 || write(fd, c.out, c.n) != (ssize_t)c.n)
		return false;
	close(fd);
	snprintf(line, sizeof(line), "command -v %s >/dev/null || exit 0; %s %s", name, command,
		path);
	r = system(line);
	unlink(path);
	return r == 0;
}

static void test_completion(void)
{
	struct opt_program *p = (void *)(uintptr_t)&program;

	shell = "tcsh";
	child_run(&c, STDOUT_FILENO, show_completion, p);
	ok(WEXITSTATUS(c.status) == 2 && c.n == 0, "an unknown shell");
	shell = "bash";
	child_run(&c, STDOUT_FILENO, show_completion, p);
	ok(strstr(c.out, "rt-sub -L -f \"{room}\" -w 1s 2>/dev/null"), "bash asks for rooms");
	ok(strstr(c.out, "complete -F _rt_sub rt-sub\n") != NULL, "and registers");
	ok(strstr(c.out, "--hidden") && !strstr(c.out, "--test-only"),
		"hidden options are offered, those of test builds are not");
	ok(shell_accepts("bash", "bash -n"), "bash reads it");
	/* A gateway whose room names are commands: they are offered as text, never run. */
	ok(shell_accepts("bash",
		   "bash -c 'set -u; cd /; "
		   "rt-sub() { printf \"%s\\n\" \"lobby 3 7\" \"lo\\$(exit)\\`exit\\` 1\" other; }; . $0; "
		   "try() { COMP_WORDS=(rt-sub \"$@\") COMP_CWORD=$#; _rt_sub; echo \"${COMPREPLY[*]}\"; }; "
		   "[ \"$(try -m lob)\" = lobby ] && "
		   "[ \"$(try lo)\" = \"lobby lo\\\\\\$\\\\(exit\\\\)\\\\\\`exit\\\\\\`\" ] && "
		   "[ \"$(try --dead-letter o)\" = other ] && [ \"$(try --color a)\" = \"auto always\" ] && "
		   "[ \"$(try --color = n)\" = never ] && [ -z \"$(try -n \"\")\" ] && "
		   "[ \"$(try --me)\" = --meta ] && [ -z \"$(try --retry = lo)\" ]'"),
		"and completes rooms, choices and options");
	shell = "zsh";
	child_run(&c, STDOUT_FILENO, show_completion, p);
	ok(!strncmp(c.out, "#compdef rt-sub\n", 16), "zsh finds it");
	ok(strstr(c.out, "it'\\''s \\[repeatable\\]: yes]"),
		"what zsh would take for its own is escaped");
	ok(shell_accepts("zsh", "zsh -n"), "zsh reads it");
	shell = "fish";
	child_run(&c, STDOUT_FILENO, show_completion, p);
	ok(strstr(c.out, "complete -c rt-sub -s n -l count -r -f -d 'stop after N messages'\n"),
		"fish");
	ok(strstr(c.out, "it\\'s [repeatable]"), "escapes its quotes");
	ok(shell_accepts("fish", "fish -n"), "fish reads it");
}

int main(void)
{
	test_forms();
	test_values();
	test_unknown();
	test_set();
	test_file();
	test_help();
	test_completion();
	return tap_done();
}
