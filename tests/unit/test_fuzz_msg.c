/* test_fuzz_msg.c - the corpus of fuzz_msg, run once */
#include "../fuzz/fuzz_msg.c"

#define CORPUS "tests/fuzz/corpus/fuzz_msg"
#include "corpus.h"
