/* corpus.h - what a fuzzer found worth keeping, as a test
 *
 * Include after the fuzz target; CORPUS is its folder. Without libFuzzer every file is run once,
 * from a block of exactly its size. The target ends the process where something is wrong. */
#ifndef RT_TESTS_CORPUS_H
#define RT_TESTS_CORPUS_H

#include "base/buf.h"
#include "tap.h"

#include <dirent.h>
#include <stdlib.h>

static void corpus_run(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf b = { 0 };
	uint8_t *copy;

	if (!f)
		return;
	do {
		b.n += fread(buf_reserve(&b, 4096), 1, 4096, f);
	} while (!feof(f) && !ferror(f));
	fclose(f);
	copy = malloc(b.n ? b.n : 1);
	if (b.n)
		memcpy(copy, b.p, b.n);
	LLVMFuzzerTestOneInput(copy, b.n);
	free(copy);
	buf_fini(&b);
}

int main(void)
{
	DIR *d = opendir(CORPUS);
	struct buf path = { 0 };
	int n = 0;

	for (struct dirent *entry; d && (entry = readdir(d));) {
		if (entry->d_name[0] == '.')
			continue;
		path.n = 0;
		buf_addf(&path, CORPUS "/%s", entry->d_name);
		corpus_run(buf_cstr(&path));
		n++;
	}
	if (d)
		closedir(d);
	buf_fini(&path);
	ok(n > 0, "%d inputs of " CORPUS " do no harm", n);
	return tap_done();
}

#endif
