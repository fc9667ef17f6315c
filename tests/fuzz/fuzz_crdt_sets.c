/* fuzz_crdt_sets.c - fuzz target: sets that are a union */
#include "crdt_laws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct crdt_type *const family[] = { &crdt_gset, &crdt_2pset, NULL };

	return check_laws(family, data, n);
}
