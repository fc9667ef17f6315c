/* fuzz_crdt_causal.c - fuzz target: types of dots under a context */
#include "crdt_laws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct crdt_type *const family[] = { &crdt_orset, &crdt_rwset, &crdt_ewflag,
		&crdt_dwflag, &crdt_mvreg, &crdt_ccounter, NULL };

	return check_laws(family, data, n);
}
