/* What comes behind a mark is known: whatever is not that shows. */
#include "bench/message.h"
#include "bench/publisher.h"
#include "tap.h"

#include <stdio.h>

static struct str tail(const struct message *p)
{
	return str_skip(buf_str(&p->text), p->mark_at + MARK_BYTES);
}

static void sizes(void)
{
	static const size_t asked[] = { 0, 1, 51, 52, 61, 62, 63, 64, 128, 4096, 100000 };

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct message p = { 0 };
		char what[64];
		message_init(&p, asked[i]);
		snprintf(what, sizeof(what), "%zu bytes asked for", asked[i]);
		ok(p.text.n == asked[i] ||
				(asked[i] < PUBLISHER_SIZE_MIN && p.text.n <= PUBLISHER_SIZE_MIN),
			"%s", what);
		ok(message_is_intact(&p, tail(&p), i), "and it is intact");
		message_fini(&p);
	}
}

/* Any byte, in a message that is looked at in full. */
static void every_byte(void)
{
	struct message p = { 0 };
	struct buf copy = { 0 };
	size_t missed = 0, cut_missed = 0, n;

	message_init(&p, 256);
	n = tail(&p).n;
	buf_add_str(&copy, tail(&p));
	for (size_t i = 0; i < n; i++) {
		for (int bit = 0; bit < 8; bit++) {
			copy.p[i] ^= (char)(1 << bit);
			missed += message_is_intact(&p, buf_str(&copy), 7);
			copy.p[i] ^= (char)(1 << bit);
		}
		cut_missed += message_is_intact(&p, str_make(copy.p, i), 7);
	}
	is_int((long long)missed, 0, "any bit of %zu bytes", n);
	is_int((long long)cut_missed, 0, "any length that is too short");
	copy.n = 0;
	buf_addf(&copy, STR_FMT ",{\"more\":1}", STR_ARG(tail(&p)));
	ok(message_is_intact(&p, buf_str(&copy), 7), "what follows the message is none of it");
	copy.n = 0;
	buf_addf(&copy, "\",\"pad\":\"%.*sx\"}", (int)p.n_pad, p.text.p + p.text.n - 2 - p.n_pad);
	ok(!message_is_intact(&p, buf_str(&copy), 7), "one byte of padding too many");
	buf_fini(&copy);
	message_fini(&p);
}

/* Of a large one a part is looked at, and with other numbers other parts. */
static void large(void)
{
	struct message p = { 0 };
	struct buf copy = { 0 };
	size_t seen = 0, n;

	message_init(&p, 8192);
	n = tail(&p).n;
	buf_add_str(&copy, tail(&p));
	for (size_t i = 0; i < n; i++) {
		bool found = false;
		copy.p[i] = 'y';
		for (uint64_t number = 0; number < 2 * n && !found; number++)
			found = !message_is_intact(&p, buf_str(&copy), number);
		seen += found;
		copy.p[i] = tail(&p).p[i];
	}
	is_int((long long)seen, (long long)n, "no byte of a large message is safe for ever");
	buf_fini(&copy);
	message_fini(&p);
}

static void other_spellings(void)
{
	struct message p = { 0 }, bare = { 0 };
	char text[256], xs[128];

	message_init(&p, 128);
	message_init(&bare, 0);
	snprintf(xs, sizeof(xs), "%.*s", (int)p.n_pad, p.text.p + p.text.n - 2 - p.n_pad);
	snprintf(text, sizeof(text), "\\\",\\\"pad\\\":\\\"%s\\\"}\"", xs);
	ok(message_is_intact(&p, str_of(text), 1), "inside a string");
	snprintf(text, sizeof(text), "\\\\\\\",\\\\\\\"pad\\\\\\\":\\\\\\\"%s\\\\\\\"}", xs);
	ok(message_is_intact(&p, str_of(text), 1), "... inside a string");
	snprintf(text, sizeof(text), "\", \"pad\": \"%s\" }", xs);
	ok(message_is_intact(&p, str_of(text), 1), "spaced out");
	snprintf(text, sizeof(text), "\", \"pad\": \"%s\"", xs);
	ok(!message_is_intact(&p, str_of(text), 1), "spaced out and cut off");
	snprintf(text, sizeof(text), "\", \"bad\": \"%s\" }", xs);
	ok(!message_is_intact(&p, str_of(text), 1), "another name");
	ok(!message_is_intact(&p, STR(""), 1), "nothing");
	ok(!message_is_intact(&p, STR("\"}"), 1), "no padding");
	ok(message_is_intact(&bare, STR("\"}"), 1), "none was sent");
	ok(message_is_intact(&bare, STR("\\\" }"), 1), "none was sent, in a string");
	message_fini(&p);
	message_fini(&bare);
}

int main(void)
{
	sizes();
	every_byte();
	large();
	other_spellings();
	return tap_done();
}
