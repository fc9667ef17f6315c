/* fuzz_crdt.c - fuzz target: documents of any type, which say themselves what they are
 *
 * Plain shapes, envelopes and types side by side; and stamps of clocks. */
#include "crdt_laws.h"

#include "crdt/hlc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const struct crdt_type *const any[] = { NULL };
	struct hlc stamp;

	hlc_parse(&stamp, str_make((const char *)data, n), NULL);
	return check_laws(any, data, n);
}
