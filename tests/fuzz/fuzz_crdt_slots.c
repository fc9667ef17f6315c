/* fuzz_crdt_slots.c - fuzz target: counters and extremes */
#include "crdt_laws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct crdt_type *const family[] = { &crdt_gcounter, &crdt_pncounter,
		&crdt_bcounter, &crdt_max, &crdt_min, NULL };

	return check_laws(family, data, n);
}
