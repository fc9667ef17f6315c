/* test_fuzz_scan.c - the corpus of fuzz_scan, run once */
#include "../fuzz/fuzz_scan.c"

#define CORPUS "tests/fuzz/corpus/fuzz_scan"
#include "corpus.h"
