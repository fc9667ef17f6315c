/* Lines into messages: rooms, what is consumed, wrapping, refusals. */
#include "client/compose.h"
#include "client/dedup_id.h"
#include "tap.h"

static struct compose_conf conf;
static struct composed out;
static struct err e;
static struct compose *last; /* what `out` points into */

/* Composes the lines in turn with one state; the last is looked at. */
static enum compose_result compose(struct compose *c, const char *line)
{
	e = (struct err){ 0 };
	return compose_line(c, str_of(line), &out, &e);
}

static void sends(const char *line, const char *room, const char *want)
{
	compose_free(last);
	last = compose_new(&conf, &e);
	if (ok(compose(last, line) == COMPOSE_OK, "%.60s is sent %s", line, e.text)) {
		is_text(out.room.p, out.room.n, room, "to %s", room);
		is_text(out.text.p, out.text.n, want, "as %.60s", want);
	}
}

static void refuses(const char *line, const char *sentence)
{
	struct compose *c = compose_new(&conf, &e);

	is_int(compose(c, line), COMPOSE_BAD, "%.60s is refused", line);
	is_text(e.text, strlen(e.text), sentence, "with the reason");
	compose_free(c);
}

static void test_json(void)
{
	conf = (struct compose_conf){ .room = "a" };
	sends("{\"b\": 1.0}", "a", "{\"b\": 1.0}");
	sends("{\"_room\":\"x\",\"_id\":\"9-1\",\"_ts\":5,\"b\":1}", "a", "{\"b\":1}");
	ok(out.ts_ms == 5 && str_eq(out.source_room, STR("x")) && str_eq(out.source_id, STR("9-1")),
		"the source is known");
	sends("{\"_key\":\"k\",\"_from\":\"j\",\"_ref\":7,\"b\":1}", "a", "{\"_key\":\"k\",\"_from\":\"j\",\"b\":1}");
	sends("{\"a\":\r1}", "a", "{\"a\": 1}");
	refuses("hello", "not JSON: 'hello' (plain lines: --text)");
	refuses("5", "not an object: '5' (any JSON: --wrap)");
	refuses("{\"_foo\":1}",
		"unknown reserved member '_foo' (names of '_' + a lower-case letter are reserved)");
	conf = (struct compose_conf){ .prefix = "eu." };
	sends("{\"_room\":\"x\",\"b\":1}", "eu.x", "{\"b\":1}");
	refuses("{\"b\":1}", "no room: name one (rt-pub ROOM), or give lines '_room'");
	ok(!compose_new(&(struct compose_conf){ .room = "a:b" }, &e) && e.code == ERR_INVALID,
		"a bad room is no setting: %s", e.text);
}

static void test_modes(void)
{
	conf = (struct compose_conf){ .room = "a", .mode = COMPOSE_TEXT };
	sends("say \"\xff\"", "a", "{\"type\":\"message\",\"text\":\"say \\\"\xef\xbf\xbd\\\"\"}");
	ok(out.repaired, "bad UTF-8 is told");
	conf.type = "log";
	sends("x", "a", "{\"type\":\"log\",\"text\":\"x\"}");
	conf = (struct compose_conf){ .room = "a", .mode = COMPOSE_WRAP };
	sends(" [1,\r2] ", "a", "{\"_data\":[1, 2]}");
	sends("{\"_foo\":1}", "a", "{\"_data\":{\"_foo\":1}}");
	refuses("[1,", "not JSON: '[1,' (plain lines: --text)");
	conf.mode = COMPOSE_BYTES;
	sends("a\x01", "a", "{\"_b64\":\"YQE=\"}");
	sends("abc", "a", "{\"_b64\":\"YWJj\"}");
	sends("{\"x\":1}", "a", "{\"x\":1}");
	conf.mode = COMPOSE_TERMINAL;
	sends("hi", "a", "{\"type\":\"message\",\"text\":\"hi\"}");
	sends("{\"x\":1}", "a", "{\"x\":1}");
	conf.mode = COMPOSE_VERBATIM;
	sends("\x01 anything", "", "\x01 anything");
}

static void test_members(void)
{
	conf = (struct compose_conf){ .room = "a", .key_field = ".u.id", .type = "t" };
	sends("{\"u\":{\"id\":7}}", "a", "{\"_key\":\"7\",\"type\":\"t\",\"u\":{\"id\":7}}");
	sends("{\"type\":\"own\"}", "a", "{\"type\":\"own\"}");
	conf = (struct compose_conf){ .room = "a", .id_field = ".id" };
	sends("{\"id\":\"m-1\"}", "a", "{\"id\":\"m-1\"}");
	is_text(out.dedup.p, out.dedup.n, "m-1", "its own id deduplicates");
	sends("{\"id\":\"with a space\"}", "a", "{\"id\":\"with a space\"}");
	is_int(out.dedup.n, 32, "one that is no token is hashed");
	refuses("{}", "no '.id' in it (--id)");
	conf = (struct compose_conf){ .room = "a", .number = true };
	refuses("{\"n\":1}", "has members 'p' or 'n' already (--number)");
}

static void test_control(void)
{
	struct compose *c;

	conf = (struct compose_conf){ .room = "a" };
	c = compose_new(&conf, &e);
	is_int(compose(c, "{\"_op\":\"up\"}"), COMPOSE_CONTROL, "a control line is not sent");
	is_int(compose(c, "{\"_room\":null,\"_op\":\"down\"}"), COMPOSE_CONTROL, "nor one that jq touched");
	is_int(compose(c, "{\"_op\":\"gap\",\"_room\":\"r\",\"reason\":\"slow\"}"), COMPOSE_GAP, "a gap");
	is_text(e.text, strlen(e.text), "messages of 'r' are missing before this line (slow)", "is told");
	compose_free(c);
}

static void test_dedup(void)
{
	const char *line = "{\"_room\":\"r\",\"_id\":\"9-1\",\"b\":1}";
	char want[DEDUP_ID_MAX];
	struct compose *c;

	conf = (struct compose_conf){ .room = "a" };
	c = compose_new(&conf, &e);
	for (uint64_t n = 0; n < 3; n++) {
		compose(c, line);
		dedup_id_hash(want, STR("r"), STR("9-1"), n);
		is_text(out.dedup.p, out.dedup.n, want, "line %d of one source", (int)n);
	}
	compose(c, "{\"b\":1}");
	ok(out.dedup.n < 32, "a line from nowhere has no hash");
	compose(c, "{\"_dedup\":\"mine\",\"b\":1}");
	is_text(out.dedup.p, out.dedup.n, "mine", "_dedup is taken as given");
	compose_free(c);
	conf.fresh = true;
	c = compose_new(&conf, &e);
	compose(c, line);
	ok(out.dedup.n < 32, "--fresh: every line is new");
	compose_free(c);
}

int main(void)
{
	test_json();
	test_modes();
	test_members();
	test_control();
	test_dedup();
	compose_free(last);
	return tap_done();
}
