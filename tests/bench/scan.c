/* scan.c - how fast scan_json and msg_parse are on a file of JSON lines
 *
 * Usage: scan FILE [RUNS]. Prints the median of RUNS passes over the whole file, a line at a time,
 * and of a memchr for its line ends as a yardstick from the same run. Time is the processor's, so
 * that other programs on the machine disturb little. */
#include "base/mem.h"
#include "codec/msg.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PASS_MS 100 /* a run repeats the file until it has taken that long */

struct input {
	struct buf text;
	struct str *lines;
	size_t n;
};

static int64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void input_read(struct input *in, const char *path)
{
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f) {
		perror(path);
		exit(2);
	}
	do {
		n = fread(buf_reserve(&in->text, 1 << 16), 1, 1 << 16, f);
		in->text.n += n;
	} while (n > 0);
	fclose(f);
	for (struct str rest = buf_str(&in->text); rest.n > 0;) {
		in->lines = mem_resize(in->lines, in->n + 1, sizeof(*in->lines));
		in->lines[in->n++] = str_cut(rest, '\n', &rest);
	}
}

static void pass_scan(const struct input *in)
{
	static struct scan s;
	struct err e;

	for (size_t i = 0; i < in->n; i++) {
		if (scan_json(&s, in->lines[i], SCAN_DEPTH_MAX, &e) < 0) {
			fprintf(stderr, "line %zu: %s\n", i + 1, e.text);
			exit(1);
		}
	}
}

static void pass_msg(const struct input *in)
{
	static struct msg m;
	struct err e;

	for (size_t i = 0; i < in->n; i++) {
		if (msg_parse(&m, in->lines[i], MSG_FROM_CLIENT, &e) < 0) {
			fprintf(stderr, "line %zu: %s\n", i + 1, e.text);
			exit(1);
		}
	}
}

static volatile size_t sink;

static void pass_memchr(const struct input *in)
{
	size_t found = 0;

	for (size_t i = 0; i < in->n; i++)
		found += memchr(in->lines[i].p, '\n', in->lines[i].n) != NULL;
	sink = found;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(
	const char *what, void (*pass)(const struct input *), const struct input *in, int runs)
{
	double *mb_s = mem_array((size_t)runs, sizeof(*mb_s));

	for (int i = 0; i < runs; i++) {
		int64_t begin = cpu_us(), took;
		double bytes = 0;
		do {
			pass(in);
			bytes += (double)in->text.n;
			took = cpu_us() - begin;
		} while (took < PASS_MS * 1000);
		mb_s[i] = bytes / (double)took;
	}
	qsort(mb_s, (size_t)runs, sizeof(*mb_s), by_value);
	printf("%-10s %8.0f MB/s (median of %d; %.0f to %.0f)\n", what, mb_s[runs / 2], runs,
		mb_s[0], mb_s[runs - 1]);
	mem_free(mb_s);
}

int main(int argc, char **argv)
{
	struct input in = { 0 };
	int runs = argc > 2 ? atoi(argv[2]) : 9;

	if (argc < 2 || runs < 1) {
		fprintf(stderr, "usage: scan FILE [RUNS]\n");
		return 2;
	}
	input_read(&in, argv[1]);
	printf("%zu bytes, %zu lines\n", in.text.n, in.n);
	measure("memchr", pass_memchr, &in, runs);
	measure("scan_json", pass_scan, &in, runs);
	measure("msg_parse", pass_msg, &in, runs);
	mem_free(in.lines);
	buf_fini(&in.text);
	return 0;
}
