/* fuzz_upgrade.c - libFuzzer on the reader of a server's answer to an upgrade
 *
 * The first byte of the input is the size of the pieces in which the rest comes a second time: both
 * readings must say the same. The accept key is a constant, so that a 101 can be found. */
#include "client/upgrade.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static long read_all(const char *p, size_t n, size_t step, struct upgrade_answer *a)
{
	static const char *const headers[] = { "Sec-WebSocket-Protocol: chat.v1, chat.v2" };
	struct upgrade u = { .headers = headers, .n_headers = 1,
		.accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" };
	struct err e = { 0 };
	long r = 0;

	for (size_t have = 0; r == 0 && have < n;) {
		char *block;

		have = step < n - have ? have + step : n;
		block = malloc(have);
		must(block != NULL);
		memcpy(block, p, have);
		r = upgrade_read(&u, str_make(block, have), a, &e);
		free(block);
	}
	must(r <= (long)n && (r >= 0 || e.text[0]));
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct upgrade_answer whole = { 0 }, parts = { 0 };
	struct answer refusal = { 0 };
	struct buf detail = { 0 };
	long a, b;

	if (size < 2)
		return 0;
	a = read_all((const char *)data + 1, size - 1, size, &whole);
	b = read_all((const char *)data + 1, size - 1, data[0] ? data[0] : 1, &parts);
	must(a == b);
	if (a > 0) {
		must(whole.status == parts.status && whole.detail_n == parts.detail_n);
		must(whole.status >= 100 && whole.status <= 999);
		must(whole.detail_n <= UPGRADE_DETAIL_MAX);
	}
	if (a > 0)
		upgrade_refusal(str_make((const char *)data + 1, (size_t)a), &refusal);
	must(refusal.wait_ms >= 0 && refusal.wait_ms <= ANSWER_WAIT_MAX_MS);
	answer_detail(str_make((const char *)data + 1, size - 1), &detail);
	must(str_utf8(buf_str(&detail)));
	buf_fini(&detail);
	return 0;
}
