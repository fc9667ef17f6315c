/* fuzz_envelope.c - any bytes that somebody puts on a bus: what comes of them is a message, and reads as itself */
#include "bus/envelope.h"

#include "codec/name.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct envelope v, again;
	static struct msg m;
	struct buf out = { 0 };

	envelope_read(&v, str_make((const char *)data, size), 1);
	must(msg_parse(&m, v.payload, MSG_FROM_CLIENT, NULL) == 0 && m.consumed == 0);
	must(!memchr(v.payload.p, '\n', v.payload.n) && !memchr(v.payload.p, '\r', v.payload.n));
	must(v.meta.key.n <= KEY_MAX_BYTES && v.meta.client.n <= CLIENT_MAX_BYTES && v.meta.ts_ms > 0);
	envelope_write(&out, v.payload, &v.meta, v.origin);
	envelope_read(&again, buf_str(&out), 2);
	must(str_eq(again.payload, v.payload) && str_eq(again.origin, v.origin));
	must(str_eq(again.meta.key, v.meta.key) && str_eq(again.meta.client, v.meta.client));
	must(str_eq(again.meta.dedup, v.meta.dedup) && str_eq(again.meta.extra, v.meta.extra));
	must(again.meta.ts_ms == v.meta.ts_ms && again.meta.live == v.meta.live);
	buf_fini(&out);
	return 0;
}
