/* fuzz_crdt_lww.c - fuzz target: registers of the last writer */
#include "crdt_laws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct crdt_type *const family[] = { &crdt_lww, &crdt_lwwmap, NULL };

	return check_laws(family, data, n);
}
