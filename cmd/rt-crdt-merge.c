/* rt-crdt-merge - joins CRDT states, offline
 *
 * The table of options and verbs. What a verb does is in crdt_verbs.c and its neighbours, what a
 * type is in lib/crdt. */
#include "crdt_merge.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static struct merge merge = {
	.options = { .max_depth = 256, .max_line = 1u << 30, .max_drift_us = -1 },
	.every_ms = 10000,
};

static struct {
	const char *type, *files0, *now, *completion, *node, *id, *witness, *state;
	int64_t max_drift_ms, max_depth;
	uint64_t max_line;
	int verbose, color;
	bool follow, global, stats, quiet, help, version, dump;
} set = { .max_drift_ms = -1, .max_depth = 256, .max_line = 1u << 30 };

static const struct opt options[] = {
	OPTION('t', "type", OPT_STRING, &set.type, "TYPE", "of documents that do not say"),
	OPTION(0, "at", OPT_STRING, &merge.options.at, ".PATH", "where a document holds the state"),
	OPTION(0, "shape", OPT_CHOICE, &merge.shape, "keep|v1|plain", "of the output"),
	OPTION(0, "value", OPT_FLAG, &merge.value, NULL, "print the value instead of the state"),
	OPTION_FILE('o', "output", &merge.output, "instead of stdout; may be an input"),
	OPTION(0, "pretty", OPT_FLAG, &merge.pretty, NULL, "a member a line"),
	OPTION('f', "format", OPT_CHOICE, &merge.format, "text|json", "of findings on stderr"),
	OPTION(0, "strict", OPT_FLAG, &merge.strict, NULL,
		"warnings fail (1) and nothing is written"),
	OPTION_FILE(0, "files0-from", &set.files0, "names of inputs, each ended by NUL"),
	OPTION(0, "max-drift", OPT_DURATION, &set.max_drift_ms, NULL,
		"refuse timestamps further in the future"),
	OPTION(0, "on-drift", OPT_CHOICE, &merge.on_drift, "reject|warn|quarantine", NULL),
	OPTION(0, "on-bad", OPT_CHOICE, &merge.on_bad, "stop|skip|quarantine",
		"what cannot be used"),
	OPTION_FILE(0, "quarantine", &merge.quarantine, NULL),
	OPTION(0, "now", OPT_STRING, &set.now, "TIME", "instead of the clock (RFC 3339)"),
	OPTION(0, "follow", OPT_FLAG, &set.follow, NULL,
		"join stdin for ever; a line for every change"),
	OPTION(0, "emit", OPT_CHOICE, &merge.emit, "state|delta|value", "what --follow prints"),
	OPTION_FILE(0, "snapshot", &merge.snapshot, "--follow: keep the state there"),
	OPTION(0, "replica", OPT_STRING, &merge.options.replica, ".PATH", NULL),
	OPTION(0, "every", OPT_DURATION, &merge.every_ms, NULL, "how often (10s)"),
	OPTION_FILE(0, "since", &merge.since, "delta: for who has seen that context"),
	OPTION(0, "int64", OPT_FLAG, &merge.int64, NULL, NULL),
	OPTION(0, "node", OPT_STRING, &set.node, "NODE", "apply: who writes"),
	OPTION(0, "id", OPT_STRING, &set.id, "ID", "apply: to which document"),
	OPTION_FILE(0, "witness", &set.witness, "apply: a newer context to be held against"),
	OPTION_FILE(0, "state", &set.state, "hlc: where the clock is kept"),
	OPTION(0, "global", OPT_FLAG, &set.global, NULL, "git-install: for all repositories"),
	{ .name = "max-depth",
		.type = OPT_INT,
		.target = &set.max_depth,
		.arg = "N",
		.min = 1,
		.max = JSON_DEPTH_LIMIT },
	OPTION(0, "max-line", OPT_SIZE, &set.max_line, NULL, NULL),
	OPTION(0, "stats", OPT_FLAG, &set.stats, NULL, NULL),
	OPTION(0, "allow-negative-ts", OPT_FLAG, &merge.options.negative_ts, NULL, NULL),
	OPTION(0, "node-id-any", OPT_FLAG, &merge.options.node_id_any, NULL, NULL),
	CMD_OPTIONS(set),
};

static const struct opt_program program = {
	.name = "rt-crdt-merge",
	.purpose = "join CRDT states; the same bytes in any order",
	.usage = (const char *const[]){ "[merge] [options] [FILE...]",
		"value|check|explain|fmt|laws FILE...", "diff|delta A B", "delta --since CONTEXT A",
		"apply --node NODE [FILE]", "hlc now|recv|cmp|parse|pack", "git-install", NULL },
	.examples = (const char *const[]){
		"rt-crdt-merge a.json b.json -o all.json # two hosts' copies of one thing, joined",
		"rt-crdt-merge explain a.json b.json     # where they differ: what wins, and why",
		"rt-sub counters | rt-crdt-merge --follow --value # the sum, as copies come in",
		NULL },
	.opts = options,
	.complete = "file",
	.words = "merge|value|check|explain|diff|delta|apply|fmt|laws|hlc|git-merge|git-install",
	.hints = (const char *const[]){ "i", "the output may be an input: -o FILE", "in-place",
		"the output may be an input: -o FILE", "u",
		"this program connects to nothing: rt-sub ROOM | rt-crdt-merge --follow", NULL },
};

enum verb {
	V_MERGE,
	V_VALUE,
	V_CHECK,
	V_EXPLAIN,
	V_DIFF,
	V_DELTA,
	V_APPLY,
	V_FMT,
	V_LAWS,
	V_HLC,
	V_GIT_MERGE,
	V_GIT_INSTALL
};

/* How many operands each verb takes behind its name; max -1: any. */
static const struct {
	const char *name;
	int min, max;
} verbs[] = {
	[V_MERGE] = { "merge", 0, -1 },
	[V_VALUE] = { "value", 0, -1 },
	[V_CHECK] = { "check", 0, -1 },
	[V_EXPLAIN] = { "explain", 0, -1 },
	[V_DIFF] = { "diff", 2, 2 },
	[V_DELTA] = { "delta", 1, 2 },
	[V_APPLY] = { "apply", 0, 1 },
	[V_FMT] = { "fmt", 0, -1 },
	[V_LAWS] = { "laws", 0, -1 },
	[V_HLC] = { "hlc", 1, 3 },
	[V_GIT_MERGE] = { "git-merge", 3, 4 },
	[V_GIT_INSTALL] = { "git-install", 0, 0 },
};

void merge_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	program_usage(fmt, ap);
	va_end(ap);
	exit(EXIT_USAGE);
}

/* The second line of -V. */
static const char *list_types(void)
{
	static struct buf b;

	buf_add_text(&b, "types:");
	for (const struct crdt_type *const *t = crdt_types(); *t; t++)
		buf_addf(&b, " %s/1", (*t)->name);
	return buf_cstr(&b);
}

static void show_something(int n, char **argv)
{
	struct err e = { 0 };

	if (!set.help && !set.version && !set.completion && !set.dump)
		return;
	if ((set.help || set.version) && n > 0)
		merge_usage("'%s' is one operand too many", argv[1]);
	if (program_show(
		    &program, set.help, set.version, set.dump, set.completion, list_types, &e) != 0)
		merge_usage("%s", e.text);
	if (fflush(stdout) != 0)
		exit(merge_cannot("write", "stdout"));
	exit(EXIT_DONE);
}

static void read_now(void)
{
	struct err e = { 0 };
	struct timespec ts;
	int64_t ms;

	if (set.now) {
		if (time_parse(str_of(set.now), &ms, &e) != 0)
			merge_usage("option '--now': %s", e.text);
		merge.options.now_us = ms * 1000;
		return;
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	merge.options.now_us = (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void unknown_type(struct str name)
{
	struct str meant = crdt_type_nearest(name);
	char brief[STR_BRIEF];

	str_brief(str_of(set.type), brief, sizeof(brief));
	if (meant.n > 0 && !str_eq(meant, name))
		merge_usage("option '--type': '%s' is not known (did you mean '" STR_FMT "'?)",
			brief, STR_ARG(meant));
	merge_usage("option '--type': '%s' is not known (-V lists the types)", brief);
}

static void read_settings(void)
{
	if (set.type) {
		struct str version, name = str_cut(str_of(set.type), '/', &version);

		merge.options.type = crdt_type_find(name);
		if (!merge.options.type || (version.p && !str_eq(version, STR("1"))))
			unknown_type(name);
	}
	read_now();
	if (set.follow && set.max_drift_ms < 0)
		set.max_drift_ms = 60000;
	if (set.max_drift_ms >= 0 && set.max_drift_ms < INT64_MAX / 1000)
		merge.options.max_drift_us = set.max_drift_ms * 1000;
	merge.options.max_depth = (unsigned)set.max_depth;
	if (set.max_line < 1 || set.max_line > UINT32_MAX / 2)
		merge_usage("option '--max-line' needs a size up to 2g");
	merge.options.max_line = (size_t)set.max_line;
	merge.report = (struct crdt_report){ .fn = merge_print_finding, .arg = &merge, 
		.drift_warns = merge.on_drift == DRIFT_WARN };
	merge.quiet = set.quiet;
	merge.value |= merge.emit == 2;
}

/* The names in a file, each ended by NUL. The block lives as long as the program. */
static struct buf names;

static void refuse_name(const char *path, int number, bool empty)
{
	char what[48] = "empty";

	if (!empty)
		snprintf(what, sizeof(what), "longer than %d bytes", PATH_MAX - 1);
	log_error("'%s': name %d is %s (names are ended by NUL, as find -print0 does)", path,
		number, what);
	exit(EXIT_DATA);
}

/* Counts the names that end in what follows `from`; `*begin` is where the next one begins. What
 * is no list of names has no end that could be waited for. */
static void count_names(const char *path, size_t from, size_t *begin, int *n)
{
	const char *nul;

	while ((nul = memchr(names.p + from, '\0', names.n - from))) {
		from = (size_t)(nul + 1 - names.p);
		if (from - 1 == *begin)
			refuse_name(path, *n + 1, true);
		if (from - *begin > PATH_MAX)
			break;
		*begin = from;
		++*n;
	}
	if (names.n - *begin >= PATH_MAX)
		refuse_name(path, *n + 1, false);
}

static const char **read_names(const char *path, int *n)
{
	int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	size_t begin = 0;
	const char **v, *name;
	ssize_t got;

	*n = 0;
	do {
		got = fd < 0 ? -1 : read(fd, buf_reserve(&names, 65536), 65536);
		names.n += got > 0 ? (size_t)got : 0;
		if (got > 0)
			count_names(path, names.n - (size_t)got, &begin, n);
	} while (got > 0);
	if (got < 0)
		exit(merge_cannot("read", path));
	if (fd > 0)
		close(fd);
	*n += begin < names.n;
	name = buf_cstr(&names);
	v = mem_array((size_t)*n + 1, sizeof(*v));
	for (int i = 0; i < *n; i++, name += strlen(name) + 1)
		v[i] = name;
	return v;
}

/* A first operand that is neither, and close to a verb, was meant to be that. */
static void check_spelling(const char *operand)
{
	struct str meant = opt_nearest(program.words, str_of(operand));

	if (meant.n > 0 && access(operand, F_OK) != 0 && errno == ENOENT)
		merge_usage("'%s' is neither a verb nor a file (did you mean '" STR_FMT "'?)",
			operand, STR_ARG(meant));
}

static enum verb find_verb(int *n, char ***operands)
{
	for (size_t i = 0; *n > 0 && i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strcmp(**operands, verbs[i].name) == 0) {
			--*n;
			++*operands;
			return (enum verb)i;
		}
	}
	if (*n > 0)
		check_spelling(**operands);
	return V_MERGE;
}

static int run(enum verb verb)
{
	switch (verb) {
	case V_MERGE: return set.follow ? verb_follow(&merge) : verb_merge(&merge);
	case V_VALUE: return verb_value(&merge);
	case V_CHECK: return verb_check(&merge);
	case V_EXPLAIN: return verb_explain(&merge);
	case V_DIFF: return verb_diff(&merge);
	case V_DELTA: return verb_delta(&merge);
	case V_APPLY: return verb_apply(&merge, set.node, set.id, set.witness);
	case V_FMT: return verb_fmt(&merge);
	case V_LAWS: return verb_laws(&merge);
	case V_HLC: return verb_hlc(&merge, set.state);
	case V_GIT_MERGE: return verb_git_merge(&merge);
	case V_GIT_INSTALL: return verb_git_install(&merge, set.global);
	}
	return EXIT_USAGE;
}

static void check_usage(enum verb verb, int n)
{
	bool passes_over = merge.on_bad != BAD_STOP || merge.on_drift == DRIFT_QUARANTINE;
	bool quarantines = merge.on_bad == BAD_QUARANTINE || merge.on_drift == DRIFT_QUARANTINE;
	int max = verb == V_DELTA && merge.since ? 1 : verbs[verb].max;
	int min = verb == V_DELTA && !merge.since ? 2 : verbs[verb].min;

	if (n != 2 && verb == V_DIFF)
		merge_usage("diff needs two states");
	if (verb == V_DELTA && (n < min || n > max))
		merge_usage("delta needs two states, or --since CONTEXT and one");
	if (n < min || (max >= 0 && n > max))
		merge_usage("%s needs %s operands", verbs[verb].name, n < min ? "more" : "fewer");
	if (verb == V_APPLY && !set.node)
		merge_usage("apply needs --node: who writes");
	if (set.follow && (verb != V_MERGE || n > 0))
		merge_usage("--follow reads stdin only");
	if (set.follow && merge.pretty)
		merge_usage("--follow prints a line for every change: not --pretty");
	if (merge.since && verb != V_DELTA)
		merge_usage("--since goes with delta");
	if (merge.options.replica && (!set.follow || !merge.options.at))
		merge_usage("--replica goes with --follow and --at");
	if (merge.int64 && verb != V_CHECK)
		merge_usage("--int64 goes with check");
	if (passes_over && verb != V_MERGE && verb != V_VALUE && verb != V_FMT)
		merge_usage("%s needs all of its input: not %s", verbs[verb].name,
			merge.on_bad != BAD_STOP ? "--on-bad" : "--on-drift quarantine");
	if (quarantines && !merge.quarantine)
		merge_usage("quarantine needs a file: --quarantine FILE");
}

static void print_stats(int64_t begun_ms)
{
	struct rusage use = { 0 };
	const struct merge_stats *s = &merge.stats;
	struct buf text = { 0 };

	getrusage(RUSAGE_SELF, &use);
	const struct {
		const char *name;
		uint64_t n;
	} rows[] = {
		{ "bytes_in", s->bytes_in },
		{ "bytes_out", s->bytes_out },
		{ "documents_in", s->documents_in },
		{ "documents_out", s->documents_out },
		{ "errors", merge.report.errors },
		{ "files", s->files },
		{ "memory_kb", (uint64_t)use.ru_maxrss },
		{ "ms", (uint64_t)(clock_ms() - begun_ms) },
		{ "skipped", merge.skipped },
		{ "streamed", s->streamed },
		{ "warnings", merge.report.warnings },
	};

	buf_add_text(&text, merge.format == 1 ? "{" : "rt-crdt-merge:");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		buf_addf(&text, merge.format == 1 ? "%s\"%s\":%llu" : "%s %s=%llu",
			merge.format == 1 && i > 0 ? "," : "", rows[i].name,
			(unsigned long long)rows[i].n);
	fprintf(stderr, "%s%s\n", buf_cstr(&text), merge.format == 1 ? "}" : "");
	buf_fini(&text);
}

int main(int argc, char **argv)
{
	static const char *const standard[] = { "-" };
	struct err e = { 0 };
	char **operands = argv + 1;
	const char *git[4] = { 0 };
	const char **listed = NULL;
	int64_t begun_ms = clock_ms();
	enum verb verb;
	int n, status;

	program_open_standard_files();
	log_init(program.name, LOG_LEVEL_WARNING, false);
	n = opt_parse(&program, argc, argv, &e);
	if (n < 0)
		merge_usage("%s", e.text);
	show_something(n, argv);
	verb = find_verb(&n, &operands);
	read_settings();
	check_usage(verb, n);
	merge.files = (const char *const *)operands;
	merge.n_files = n;
	if (set.files0) {
		if (n > 0)
			merge_usage("--files0-from and files do not go together");
		merge.files = listed = read_names(set.files0, &merge.n_files);
	} else if (n == 0 && verb != V_APPLY && verb != V_GIT_INSTALL) {
		merge.files = standard;
		merge.n_files = 1;
	}
	if (verb == V_GIT_MERGE) {
		memcpy(git, operands, (size_t)n * sizeof(*git));
		git[3] = git[3] ? git[3] : git[1];
		merge.files = git;
	}
	status = run(verb);
	if (set.stats)
		print_stats(begun_ms);
	merge_fini(&merge);
	buf_fini(&names);
	mem_free(listed);
	return status;
}
