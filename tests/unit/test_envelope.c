/* test_envelope.c - metadata in front of a payload and taken away again; what others write */
#include "bus/envelope.h"
#include "tap.h"

#define NOW 1795510522125

static struct envelope v;
static struct buf text;

static void wrote(const char *payload, const struct bus_meta *m, const char *origin,
	const char *want)
{
	text.n = 0;
	envelope_write(&text, str_of(payload), m, str_of(origin));
	is_text(text.p, text.n, want, "%s", want);
}

static void test_written(void)
{
	struct bus_meta m = { .ts_ms = 5, .client = STR("c7"), .key = STR("k\"1"),
		.dedup = STR("d"), .extra = STR("\"_attempt\":2,\"_from\":\"a\"") };

	wrote("{\"a\":1}", &(struct bus_meta){ 0 }, "", "{\"a\":1}");
	wrote("{\"a\":1}", &(struct bus_meta){ .live = true }, "", "{\"_live\":true,\"a\":1}");
	wrote("{}", &(struct bus_meta){ .ts_ms = 5 }, "o.1", "{\"_origin\":\"o.1\",\"_ts\":5}");
	wrote("{ \"a\" : 1.50 }", &m, "o.1",
		"{\"_origin\":\"o.1\",\"_ts\":5,\"_client\":\"c7\",\"_key\":\"k\\\"1\",\"_dedup\":\"d\","
		"\"_attempt\":2,\"_from\":\"a\", \"a\" : 1.50 }");
	envelope_read(&v, buf_str(&text), NOW);
	is_text(v.payload.p, v.payload.n, "{ \"a\" : 1.50 }", "the payload is read as it was");
	is_text(v.origin.p, v.origin.n, "o.1", "... the origin");
	is_text(v.meta.client.p, v.meta.client.n, "c7", "... the client");
	is_text(v.meta.key.p, v.meta.key.n, "k\"1", "... the key");
	is_text(v.meta.dedup.p, v.meta.dedup.n, "d", "... the deduplication id");
	is_text(v.meta.extra.p, v.meta.extra.n, "\"_attempt\":2,\"_from\":\"a\"", "... the rest");
	is_int(v.meta.ts_ms, 5, "... the time");
	ok(!v.meta.live && !v.meta.no_echo, "... and that it is kept");
}

static void foreign(const char *in, const char *want, bool live)
{
	envelope_read(&v, str_of(in), NOW);
	is_text(v.payload.p, v.payload.n, want, "%s", in);
	ok(v.meta.live == live && v.meta.no_echo == live, "... is %s", live ? "live" : "stored");
	is_int(v.origin.n + v.meta.key.n + v.meta.client.n + v.meta.dedup.n + v.meta.extra.n, 0,
		"... and has nothing beside it");
	is_int(v.meta.ts_ms, NOW, "... and the time of its arrival");
}

static void test_foreign(void)
{
	foreign("{\"_origin\":140223,\"type\":\"chat\"}", "{\"type\":\"chat\"}", false);
	foreign("{\"a\":1,\"_origin\":{\"x\":[1]},\"_key\":7,\"_client\":null,\"_zz\":0}", "{\"a\":1}", false);
	foreign("{\"_ts\":-1,\"_dedup\":\"\"}", "{}", false);
	foreign("{\"_attempt\":\"2\",\"_from\":3,\"_reason\":[\"x\"]}", "{}", false);
	foreign("{\"type\":\"typing\"}", "{\"type\":\"typing\"}", true);
	foreign("{\"type\":\"user_joined\"}", "{\"type\":\"user_joined\"}", true);
	foreign("{\"type\":\"user_left\"}", "{\"type\":\"user_left\"}", true);
	foreign("{\"_live\":\"true\"}", "{}", false);
	foreign("{\"a\":\n1}", "{\"a\": 1}", false);
	foreign("[1,\r\n2]", "{\"_data\":[1,  2]}", false);
	foreign(" \"x\" ", "{\"_data\":\"x\"}", false);
	foreign("null", "{\"_data\":null}", false);
	foreign("", "{\"_b64\":\"\"}", false);
	foreign("hello", "{\"_b64\":\"aGVsbG8=\"}", false);
	foreign("{\"a\":1,\"a\":2}", "{\"_b64\":\"eyJhIjoxLCJhIjoyfQ==\"}", false);
	foreign("\xff", "{\"_b64\":\"/w==\"}", false);
}

static void test_depth(void)
{
	char deep[200];

	memset(deep, '[', 64);
	memset(deep + 64, ']', 64);
	envelope_read(&v, str_make(deep, 128), NOW);
	ok(str_starts(v.payload, STR("{\"_b64\":")), "what would be too deep inside of _data is bytes");
	envelope_read(&v, str_make(deep + 1, 126), NOW);
	ok(str_starts(v.payload, STR("{\"_data\":[[")), "one less is JSON");
}

int main(void)
{
	test_written();
	test_foreign();
	test_depth();
	envelope_fini(&v);
	buf_fini(&text);
	return tap_done();
}
