/* fuzz_msg.c - any bytes: what msg makes of a message is a message again, and nobody else's
 *
 *	clang -std=c11 -D_GNU_SOURCE -Ilib -g -O1 -fsanitize=fuzzer,address,undefined \
 *		-DRT_VERSION='"fuzz"' -o fuzz_msg tests/fuzz/fuzz_msg.c lib/codec/[a-z]*.c \
 *		lib/base/[!o]*.c -ljansson
 *
 * The first byte chooses the source and whether there is a user. */
#include "codec/msg.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
	if (!held)
		abort();
}

static void read_members(const struct msg *m)
{
	struct buf s = { 0 };

	for (int k = 0; k < MSG_MEMBERS; k++) {
		s.n = 0;
		if (msg_string(m, (enum msg_member)k, &s))
			must(msg_is(m, (enum msg_member)k, buf_str(&s)));
		must(msg_has(m, (enum msg_member)k) == (msg_raw(m, (enum msg_member)k).n > 0));
	}
	buf_fini(&s);
}

/* The payload has nothing of rt's, survives its own payload, and comes out of a splice as it was.
 */
static void check_payload(const struct buf *payload, struct str user)
{
	static struct msg m;
	struct buf again = { 0 }, spliced = { 0 };

	must(msg_parse(&m, buf_str(payload), MSG_FROM_BUS, NULL) == 0 && m.consumed == 0);
	must(!m.scan.has_newline);
	if (user.n)
		must(msg_is(&m, MSG_USER_ID, user));
	msg_payload(&m, user, &again);
	must(str_eq(buf_str(&again), buf_str(payload)));
	msg_splice(&spliced, buf_str(payload), STR("\"_id\":\"x\",\"_ts\":1"));
	must(msg_parse(&m, buf_str(&spliced), MSG_FROM_BUS, NULL) == 0 &&
		msg_is(&m, MSG_ID, STR("x")));
	again.n = 0;
	msg_payload(&m, STR(""), &again);
	must(str_eq(buf_str(&again), buf_str(payload)));
	buf_fini(&again);
	buf_fini(&spliced);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct msg m;
	struct buf payload = { 0 };
	struct err e = { 0 };
	struct str user;

	if (size == 0)
		return 0;
	user = data[0] & 1 ? STR("\"ada\"\n") : STR("");
	if (msg_parse(&m, str_make((const char *)data + 1, size - 1),
		    data[0] & 2 ? MSG_FROM_BUS : MSG_FROM_CLIENT, &e) < 0) {
		must(e.text[0] != '\0');
		return 0;
	}
	read_members(&m);
	msg_is_event(&m);
	msg_payload(&m, user, &payload);
	if (m.scan.n_marks < 28) /* room for two more, and user_id */
		check_payload(&payload, user);
	buf_fini(&payload);
	return 0;
}
