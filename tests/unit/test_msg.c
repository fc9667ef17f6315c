/* test_msg.c - payloads against a model that cuts one member after the other
 *
 * The model knows a text as it was made, piece by piece, and follows the header's words literally:
 * it takes members out of a list one at a time, with a comma each. */
#include "codec/msg.h"
#include "tap.h"

#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define CASES    120000
#define SEED     20241124u
#define MOST     12

static uint64_t seed;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % n);
}

/* --- random texts ---------------------------------------------------------------------------- */

/* The known ones first, by their number; then reserved ones that are unknown; then the user's. */
static const char *const names[] = {
	"_id",
	"_room",
	"_ts",
	"_key",
	"_ref",
	"_dedup",
	"_data",
	"_b64",
	"_attempt",
	"_from",
	"_reason",
	"_op",
	"_origin",
	"_client",
	"_live",
	"type",
	"user_id",
	"event",
	"data",
	"since",
	"_foo",
	"_zz_top",
	"_x1",
	"_a b",
	"_e\xc3\xa9",
	"a",
	"b",
	"text",
	"Type",
	"_",
	"_PID",
	"__CURSOR",
	"_\xc3\xa9",
	"types",
	"user",
	"dat",
	"_9",
	"",
	"id",
};
#define FIRST_UNKNOWN MSG_MEMBERS
#define FIRST_USER    (MSG_MEMBERS + 5)

static bool is_consumed(int name)
{
	return (name < MSG_TYPE && name != MSG_DATA && name != MSG_B64) ||
	       (name >= FIRST_UNKNOWN && name < FIRST_USER);
}

struct piece {
	int name;                          /* in names; -1: put in by the model */
	struct buf pre, head, value, post; /* head: the name, the colon, and whitespace about it */
};

static struct piece pieces[MOST + 1];
static int n_pieces;
static struct buf blank; /* what is between the brackets where there is no member */

static void add_space(struct buf *b)
{
	if (random_below(3))
		return;
	for (uint32_t n = random_below(4); n > 0; n--)
		buf_add_char(b, " \t\n\r"[random_below(4)]);
}

/* A string, its ASCII characters escaped now and then. */
static void add_spelt(struct buf *b, const char *s)
{
	bool escapes = random_below(3) == 0;

	buf_add_char(b, '"');
	for (; *s; s++) {
		if (escapes && (unsigned char)*s < 0x80 && random_below(3) == 0)
			buf_addf(b, random_below(2) ? "\\u%04x" : "\\u%04X", *s);
		else
			buf_add_char(b, *s);
	}
	buf_add_char(b, '"');
}

static void add_value(struct buf *b, uint32_t depth);

static void add_nested(struct buf *b, uint32_t depth)
{
	static const char *const inner[] = { "_id", "type", "user_id", "x", "_foo", "}" };
	bool object = random_below(2);
	uint32_t n = random_below(COUNT(inner));

	buf_add_char(b, object ? '{' : '[');
	add_space(b);
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			buf_add_char(b, ',');
		add_space(b);
		if (object) {
			add_spelt(b, inner[i]);
			add_space(b);
			buf_add_char(b, ':');
		}
		add_value(b, depth - 1);
		add_space(b);
	}
	buf_add_char(b, object ? '}' : ']');
}

static void add_value(struct buf *b, uint32_t depth)
{
	static const char *const plain[] = {
		"null",
		"true",
		"false",
		"0",
		"-1.5e10",
		"123456789012345678901234567890",
		"\"\"",
		"\"}, \\\"_id\\\":1\"",
		"\"\\u000a\\\\\"",
		"\"\xc3\xa9\xf0\x9f\x98\x80\"",
		"\"chat\"",
		"\"a string that is longer than a block or two of them\"",
	};

	if (depth && random_below(4) == 0)
		add_nested(b, depth);
	else
		buf_add_text(b, plain[random_below(COUNT(plain))]);
}

/* A value of a type that a client may give the member. */
static void add_fit_value(struct buf *b, int name)
{
	switch (name) {
	case MSG_TS:
	case MSG_ATTEMPT:
	case MSG_REF: buf_addf(b, "%u.%u", random_below(1000), random_below(1000)); break;
	case MSG_LIVE: buf_add_text(b, random_below(2) ? "true" : "false"); break;
	case MSG_ID:
	case MSG_ROOM:
	case MSG_KEY:
	case MSG_DEDUP:
	case MSG_B64:
	case MSG_FROM:
	case MSG_REASON:
	case MSG_OP:
	case MSG_CLIENT: add_spelt(b, "some text \xc3\xa9"); break;
	default: add_value(b, 2);
	}
}

static void piece_clear(struct piece *p)
{
	p->pre.n = p->head.n = p->value.n = p->post.n = 0;
}

/* Draws pieces: up to `most` members of different names, none of them below `first`. */
static void draw(int first, int most, bool fit)
{
	bool used[COUNT(names)] = { false };
	int n = (int)random_below((uint32_t)most + 1);

	blank.n = 0;
	add_space(&blank);
	n_pieces = 0;
	while (n_pieces < n) {
		struct piece *p = &pieces[n_pieces];
		int name = first + (int)random_below((uint32_t)(COUNT(names) - (size_t)first));
		if (used[name])
			continue;
		used[name] = true;
		n_pieces++;
		piece_clear(p);
		p->name = name;
		add_space(&p->pre);
		add_spelt(&p->head, names[name]);
		add_space(&p->head);
		buf_add_char(&p->head, ':');
		add_space(&p->head);
		if (fit)
			add_fit_value(&p->value, name);
		else
			add_value(&p->value, 2);
		add_space(&p->post);
	}
}

static void render(struct buf *out)
{
	buf_add_char(out, '{');
	if (n_pieces == 0)
		buf_add_str(out, buf_str(&blank));
	for (int i = 0; i < n_pieces; i++) {
		if (i)
			buf_add_char(out, ',');
		buf_add_str(out, buf_str(&pieces[i].pre));
		buf_add_str(out, buf_str(&pieces[i].head));
		buf_add_str(out, buf_str(&pieces[i].value));
		buf_add_str(out, buf_str(&pieces[i].post));
	}
	buf_add_char(out, '}');
}

/* --- the model ------------------------------------------------------------------------------- */

static void prepend(struct buf *b, const struct buf *before)
{
	struct buf both = { 0 };

	buf_add_str(&both, buf_str(before));
	buf_add_str(&both, buf_str(b));
	b->n = 0;
	buf_add_str(b, buf_str(&both));
	buf_fini(&both);
}

/* Takes out the name, the value and one comma, with what is between them, and nothing else. */
static void model_remove(int i)
{
	struct piece gone = pieces[i];

	if (i + 1 < n_pieces) {
		prepend(&pieces[i + 1].pre, &gone.pre);
	} else if (i > 0) {
		buf_add_str(&pieces[i - 1].post, buf_str(&gone.post));
	} else {
		blank.n = 0;
		buf_add_str(&blank, buf_str(&gone.pre));
		buf_add_str(&blank, buf_str(&gone.post));
	}
	memmove(&pieces[i], &pieces[i + 1], (size_t)(n_pieces - i - 1) * sizeof(pieces[0]));
	pieces[--n_pieces] = gone; /* its memory */
}

static void model_user(struct str user)
{
	struct piece spare;
	int at = 0;

	for (int i = 0; i < n_pieces; i++) {
		if (pieces[i].name == MSG_USER_ID) {
			pieces[i].value.n = 0;
			buf_add_json(&pieces[i].value, user);
			return;
		}
	}
	for (int i = 0; i < n_pieces; i++) {
		if (pieces[i].name == MSG_TYPE)
			at = i + 1;
	}
	spare = pieces[n_pieces];
	piece_clear(&spare);
	spare.name = -1;
	buf_add_text(&spare.head, "\"user_id\":");
	buf_add_json(&spare.value, user);
	if (n_pieces == 0)
		buf_add_str(&spare.post, buf_str(&blank));
	if (at > 0) { /* right behind the value of type */
		buf_add_str(&spare.post, buf_str(&pieces[at - 1].post));
		pieces[at - 1].post.n = 0;
	}
	memmove(&pieces[at + 1], &pieces[at], (size_t)(n_pieces - at) * sizeof(pieces[0]));
	pieces[at] = spare;
	n_pieces++;
}

static void spaces_for_newlines(struct buf *b)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->p[i] == '\n' || b->p[i] == '\r')
			b->p[i] = ' ';
	}
}

static void model_payload(struct str user, struct buf *out)
{
	for (int i = 0; i < n_pieces;) {
		if (is_consumed(pieces[i].name))
			model_remove(i);
		else
			i++;
	}
	if (user.n)
		model_user(user);
	render(out);
	spaces_for_newlines(out);
}

/* --- properties ------------------------------------------------------------------------------ */

static struct msg m;
static struct err why;

/* Parses a copy at the very end of its block, which the caller frees. */
static char *parse(struct str text, enum msg_source source, int *r)
{
	char *copy = malloc(text.n ? text.n : 1);

	if (text.n)
		memcpy(copy, text.p, text.n);
	why.text[0] = '\0';
	*r = msg_parse(&m, str_make(copy, text.n), source, &why);
	return copy;
}

/* Does each member that rt knows have the value it was given, and no other any? */
static bool members_right(void)
{
	struct buf s = { 0 };
	bool right = true;

	for (int k = 0; k < MSG_MEMBERS; k++) {
		const struct piece *p = NULL;
		struct str raw = msg_raw(&m, (enum msg_member)k);
		bool string;
		for (int i = 0; i < n_pieces; i++) {
			if (pieces[i].name == k)
				p = &pieces[i];
		}
		right &= msg_has(&m, (enum msg_member)k) == (p != NULL);
		right &= str_eq(raw, p ? buf_str(&p->value) : STR(""));
		s.n = 0;
		string = msg_string(&m, (enum msg_member)k, &s);
		right &= string == (p && p->value.p[0] == '"');
		right &= msg_is(&m, (enum msg_member)k, buf_str(&s)) == string;
		buf_add_char(&s, 'x');
		right &= !msg_is(&m, (enum msg_member)k, buf_str(&s));
	}
	buf_fini(&s);
	return right;
}

static int wrong;

static void report(const char *what, struct str text, struct str got, struct str want)
{
	if (wrong++ < 5)
		printf("# %s\n#  text '" STR_FMT "'\n#   got '" STR_FMT "'\n#  want '" STR_FMT
		       "'\n",
			what, STR_ARG(text), STR_ARG(got), STR_ARG(want));
}

static void test_payload(enum msg_source source)
{
	static const struct str users[] = { { "", 0 }, { "ada", 3 }, { "\"\\\n\xc3\xa9", 5 } };
	struct buf text = { 0 }, around = { 0 }, got = { 0 }, want = { 0 };
	int refused = 0;

	wrong = 0;
	for (int i = 0; i < CASES; i++) {
		struct str user = users[random_below(COUNT(users))];
		bool unknown = false;
		char *copy;
		int r;
		draw(0, MOST, source == MSG_FROM_CLIENT);
		text.n = around.n = want.n = 0;
		render(&text);
		add_space(&around);
		buf_add_str(&around, buf_str(&text));
		add_space(&around);
		copy = parse(buf_str(&around), source, &r);
		for (int k = 0; k < n_pieces; k++)
			unknown |= pieces[k].name >= FIRST_UNKNOWN && pieces[k].name < FIRST_USER;
		if (source == MSG_FROM_CLIENT && unknown) {
			refused++;
			if (r != ERR_INVALID || !strstr(why.text, "unknown reserved member '_"))
				report("not refused", buf_str(&text), STR(""), STR(""));
			free(copy);
			continue;
		}
		if (r < 0 || !str_eq(m.text, buf_str(&text)) || !members_right())
			report(r < 0 ? why.text : "misread", buf_str(&text), STR(""), STR(""));
		got.n = 0;
		buf_add_text(&got, "before");
		if (r == 0)
			msg_payload(&m, user, &got);
		model_payload(user, &want);
		if (!str_starts(buf_str(&got), STR("before")) ||
			!str_eq(str_skip(buf_str(&got), 6), buf_str(&want)))
			report("payload", buf_str(&text), str_skip(buf_str(&got), 6),
				buf_str(&want));
		free(copy);
	}
	is_int(wrong, 0,
		"%d random messages from a %s: members and payload as by the model (seed %u)",
		CASES, source == MSG_FROM_CLIENT ? "client" : "bus", SEED);
	if (source == MSG_FROM_CLIENT)
		ok(refused > CASES / 10 && refused < CASES * 9 / 10, "... of which %d are refused",
			refused);
	buf_fini(&text);
	buf_fini(&around);
	buf_fini(&got);
	buf_fini(&want);
}

/* What was spliced in comes out, and leaves the bytes that were there. */
static void test_splice(void)
{
	struct buf payload = { 0 }, spliced = { 0 }, text = { 0 }, got = { 0 };

	wrong = 0;
	for (int i = 0; i < CASES; i++) {
		char *copy;
		int r;
		uint32_t k = random_below(4);
		draw(FIRST_USER, i % 4 ? MOST : 0, false);
		payload.n = spliced.n = text.n = got.n = 0;
		render(&payload);
		if (k > 0)
			buf_add_text(&spliced, "\"_id\":\"9f3c5a7d12e4b6c8-47\"");
		if (k > 1)
			buf_add_text(&spliced, ",\"_room\":\"a\",\"_ts\":1795510522125");
		if (k > 2)
			buf_add_text(&spliced, ",\"_origin\":{\"a\":[1]},\"_live\":true");
		msg_splice(&text, buf_str(&payload), buf_str(&spliced));
		copy = parse(buf_str(&text), MSG_FROM_BUS, &r);
		if (r == 0)
			msg_payload(&m, STR(""), &got);
		spaces_for_newlines(&payload);
		if (r < 0 || !str_eq(buf_str(&got), buf_str(&payload)) ||
			(k > 0 && !msg_is(&m, MSG_ID, STR("9f3c5a7d12e4b6c8-47"))))
			report("spliced", buf_str(&text), buf_str(&got), buf_str(&payload));
		free(copy);
	}
	is_int(wrong, 0, "%d payloads come back as they were before the splice (seed %u)", CASES,
		SEED);
	buf_fini(&payload);
	buf_fini(&spliced);
	buf_fini(&text);
	buf_fini(&got);
}

/* --- by hand --------------------------------------------------------------------------------- */

static void test_examples(void)
{
	static const struct {
		const char *text, *user, *want;
	} cases[] = {
		{ "{}", "", "{}" },
		{ "{ }", "", "{ }" },
		{ "{\n}", "", "{ }" },
		{ " {} ", "", "{}" },
		{ "{\"_id\":1}", "", "{}" },
		{ "{ \"_id\" : 1 }", "", "{  }" },
		{ "{\"_id\":1,\"_ts\":2}", "", "{}" },
		{ "{\"a\":1,\"_ts\":2}", "", "{\"a\":1}" },
		{ "{\"a\":1 , \"_id\":2 , \"_ts\":3 }", "", "{\"a\":1  }" },
		{ "{\"_id\":1 , \"a\":1, \"_ts\":2,\"b\":3}", "", "{ \"a\":1, \"b\":3}" },
		{ "{\"_data\":[1,\n2],\"_b64\":\"\",\"_op\":1}", "",
			"{\"_data\":[1, 2],\"_b64\":\"\"}" },
		{ "{\"\\u005fid\":1,\"x\":{\"_id\":2}}", "", "{\"x\":{\"_id\":2}}" },
		{ "{\"_PID\":1,\"__CURSOR\":2,\"_\":3}", "",
			"{\"_PID\":1,\"__CURSOR\":2,\"_\":3}" },
		{ "{}", "ada", "{\"user_id\":\"ada\"}" },
		{ "{ }", "ada", "{\"user_id\":\"ada\" }" },
		{ "{\"_id\":1}", "ada", "{\"user_id\":\"ada\"}" },
		{ "{ \"a\":1}", "ada", "{\"user_id\":\"ada\", \"a\":1}" },
		{ "{\"a\":1,\"type\":\"t\" ,\"b\":2}", "ada",
			"{\"a\":1,\"type\":\"t\",\"user_id\":\"ada\" ,\"b\":2}" },
		{ "{\"type\":\"t\",\"_id\":1}", "ada", "{\"type\":\"t\",\"user_id\":\"ada\"}" },
		{ "{\"user_id\":\"eve\",\"type\":\"t\"}", "ada",
			"{\"user_id\":\"ada\",\"type\":\"t\"}" },
		{ "{\"us\\u0065r_id\" : {\"a\":1} }", "ada", "{\"us\\u0065r_id\" : \"ada\" }" },
	};
	struct buf out = { 0 };

	for (size_t i = 0; i < COUNT(cases); i++) {
		int r;
		char *copy = parse(str_of(cases[i].text), MSG_FROM_BUS, &r);
		out.n = 0;
		msg_payload(&m, str_of(cases[i].user), &out);
		is_text(out.p, out.n, cases[i].want, "payload: case %zu", i);
		free(copy);
	}
	out.n = 0;
	msg_splice(&out, STR("{\r\n}"), STR("\"_id\":1"));
	is_text(out.p, out.n, "{\"_id\":1\r\n}", "splice into nothing");
	out.n = 0;
	msg_splice(&out, STR(" { \"a\":1} "), STR("\"_id\":1"));
	is_text(out.p, out.n, " {\"_id\":1, \"a\":1} ", "splice with space around");
	buf_fini(&out);
}

static void test_refusals(void)
{
	static const struct {
		const char *text, *want;
		int code;
	} cases[] = {
		{ "", "not JSON: empty", ERR_INVALID },
		{ "{\"a\":}", "not JSON: unexpected '}' at byte 5", ERR_INVALID },
		{ "[1]", "not an object: an array", ERR_INVALID },
		{ "\"x\"", "not an object: a string", ERR_INVALID },
		{ "12", "not an object: a number", ERR_INVALID },
		{ "null", "not an object: null", ERR_INVALID },
		{ "{\"_foo\":1}",
			"unknown reserved member '_foo' (names of '_' + a lower-case letter are reserved)",
			ERR_INVALID },
		{ "{\"\\u005ffoo\":1}",
			"unknown reserved member '_foo' (names of '_' + a lower-case letter are reserved)",
			ERR_INVALID },
		{ "{\"_ts\":\"1\"}", "'_ts' must be a number", ERR_INVALID },
		{ "{\"_attempt\":null}", "'_attempt' must be a number", ERR_INVALID },
		{ "{\"_ref\":[]}", "'_ref' must be a string or a number", ERR_INVALID },
		{ "{\"_live\":1}", "'_live' must be true or false", ERR_INVALID },
		{ "{\"_id\":1}", "'_id' must be a string", ERR_INVALID },
		{ "{\"_ro\\u006fm\":{}}", "'_room' must be a string", ERR_INVALID },
		{ "{\"_b64\":true}", "'_b64' must be a string", ERR_INVALID },
		{ "{\"a\":1,\"a\":1}", "duplicate name 'a' at byte 8", ERR_INVALID },
	};
	struct buf deep = { 0 };
	int r;
	char *copy;

	for (size_t i = 0; i < COUNT(cases); i++) {
		copy = parse(str_of(cases[i].text), MSG_FROM_CLIENT, &r);
		is_int(r, cases[i].code, "refused: %s", cases[i].text);
		is_text(why.text, strlen(why.text), cases[i].want, "... with the reason");
		free(copy);
		copy = parse(str_of(cases[i].text), MSG_FROM_BUS, &r);
		ok((r == 0) == (cases[i].want[0] == '\'' || cases[i].want[0] == 'u'),
			"... %s from a bus", r == 0 ? "not" : "and");
		free(copy);
	}
	buf_add_text(&deep, "{\"_foo");
	for (int i = 0; i < 100; i++)
		buf_add_text(&deep, "\xc3\xa9");
	buf_add_text(&deep, "\":1}");
	free(parse(buf_str(&deep), MSG_FROM_CLIENT, &r));
	ok(r == ERR_INVALID && str_utf8(str_of(why.text)) && strlen(why.text) < 160,
		"a long name is cut");
	deep.n = 0;
	buf_add_text(&deep, "{\"a\":");
	for (int i = 0; i < 64; i++)
		buf_add_char(&deep, '[');
	free(parse(buf_str(&deep), MSG_FROM_BUS, &r));
	is_int(r, ERR_TOO_LARGE, "nesting over 64 is refused, from a bus too");
	buf_fini(&deep);
}

static void test_event(void)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
		{ "{\"event\":\"x\",\"data\":1}", true },
		{ "{\"data\":null,\"event\":\"\"}", true },
		{ "{\"_id\":\"1\",\"event\":\"x\",\"_ts\":1,\"\\u0064ata\":{}}", true },
		{ "{\"event\":1,\"data\":1}", false },
		{ "{\"event\":\"x\"}", false },
		{ "{\"data\":1}", false },
		{ "{\"event\":\"x\",\"data\":1,\"a\":1}", false },
		{ "{\"event\":\"x\",\"data\":1,\"type\":1}", false },
		{ "{\"event\":\"x\",\"data\":1,\"_data\":1}", false },
		{ "{\"event\":\"x\",\"a\":1,\"_id\":1}", false },
		{ "{}", false },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		int r;
		char *copy = parse(str_of(cases[i].text), MSG_FROM_BUS, &r);
		ok(r == 0 && msg_is_event(&m) == cases[i].want, "%s%s", cases[i].want ? "" : "not ",
			cases[i].text);
		free(copy);
	}
	is_text(msg_member_name(MSG_EVENT_DATA), 4, "data", "members have names");
	is_text(msg_member_name(MSG_LIVE), 5, "_live", "... each its own");
}

static void pieces_free(void)
{
	for (size_t i = 0; i < COUNT(pieces); i++) {
		buf_fini(&pieces[i].pre);
		buf_fini(&pieces[i].head);
		buf_fini(&pieces[i].value);
		buf_fini(&pieces[i].post);
	}
	buf_fini(&blank);
}

int main(void)
{
	seed = SEED;
	test_examples();
	test_refusals();
	test_event();
	test_payload(MSG_FROM_BUS);
	test_payload(MSG_FROM_CLIENT);
	test_splice();
	pieces_free();
	return tap_done();
}
