/* fuzz_crdt_ormap.c - fuzz target: maps of types with dots */
#include "crdt_laws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct crdt_type *const family[] = { &crdt_ormap, NULL };

	return check_laws(family, data, n);
}
