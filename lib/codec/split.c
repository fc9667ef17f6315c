/* split.c - brackets and quotes, nothing else
 *
 * Not a validator: it only has to find the end of every valid value, and to go on moving through
 * what is not valid, which scan_json refuses as soon as it sees it. It keeps no bytes. */
#include "codec/split.h"

enum class { PLAIN, SPACE, QUOTE, OPEN, CLOSE };

static enum class class_of(char c) {
	switch (c){
		case ' ' : case '\t' : case '\n' : case '\r' : return SPACE;
		case '"' : return QUOTE;
		case '{' : case '[' : return OPEN;
		case '}' : case ']' : return CLOSE;
		default : return PLAIN;
	}
}

static long ended(struct split *p, size_t n)
{
	*p = (struct split){ 0 };
	return (long)n;
}

/* The index after the quote that ends the string s[i] is in; s.n when that is yet to come. */
static size_t string_rest(struct split *p, struct str s, size_t i)
{
	for (; i < s.n; i++) {
		if (p->escaped) {
			p->escaped = false;
		} else if (s.p[i] == '\\') {
			p->escaped = true;
		} else if (s.p[i] == '"') {
			p->in_string = false;
			return i + 1;
		}
	}
	return i;
}

long split_feed(struct split *p, struct str s)
{
	size_t i = 0;

	while (i < s.n) {
		if (p->in_string) {
			i = string_rest(p, s, i);
			if (!p->in_string && p->depth == 0)
				return ended(p, i);
			continue;
		}
		enum class c = class_of(s.p[i]);
		if (p->scalar && c != PLAIN)
			return ended(p, i); /* before this byte */
		i++;
		if (c == SPACE)
			continue;
		p->started = true;
		if (c == QUOTE)
			p->in_string = true;
		else if (c == OPEN)
			p->depth++;
		else if (c == CLOSE && p->depth <= 1)
			return ended(
				p, i); /* with depth 0: no value at all, but it must not stop us */
		else if (c == CLOSE)
			p->depth--;
		else if (p->depth == 0)
			p->scalar = true;
	}
	return -1;
}

bool split_idle(const struct split *p)
{
	return !p->started;
}
