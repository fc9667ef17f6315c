/* replay.c - runs a fuzz target over its corpus as an ordinary test, without a fuzzer
 *
 *   fuzz_x DIR      every file of DIR once, and every prefix of the short ones; speaks TAP. A finding ends the process by its sanitizer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define PREFIXES_UP_TO 256

/* At the end of an exactly sized block, so that a read beyond it is seen. */
static void run(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (n)
		memcpy(copy, data, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static int run_file(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		return 0;
	n = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	run(bytes, n);
	if (n <= PREFIXES_UP_TO)
		for (size_t i = 0; i < n; i++)
			run(bytes, i);
	return 1;
}

int main(int argc, char **argv)
{
	DIR *dir = argc == 2 ? opendir(argv[1]) : NULL;
	struct dirent *d;
	int n = 0;

	while (dir && (d = readdir(dir))) {
		char path[1024];
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", argv[1], d->d_name);
		n += run_file(path);
	}
	if (dir)
		closedir(dir);
	printf("1..1\n%s 1 - %d inputs of %s pass\n", n ? "ok" : "not ok", n, argc == 2 ? argv[1] : "(no corpus)");
	return n == 0;
}
