/* sources.c - addresses and ranges of them, written out */
#include "bench/sources.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <stdio.h>

static int parse_four(struct str text, uint32_t *address)
{
	char copy[INET_ADDRSTRLEN];
	struct in_addr a;

	if (text.n >= sizeof(copy))
		return ERR_USAGE;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	if (inet_pton(AF_INET, copy, &a) != 1)
		return ERR_USAGE;
	*address = ntohl(a.s_addr);
	return 0;
}

static void add(struct sources *s, char *text)
{
	s->v = mem_resize(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = text;
}

static int add_range(struct sources *s, uint32_t from, uint32_t to)
{
	char text[INET_ADDRSTRLEN];

	if (to < from || to - from >= SOURCES_MAX - s->n)
		return ERR_USAGE;
	for (uint64_t a = from; a <= to; a++) {
		const struct in_addr one = { htonl((uint32_t)a) };
		inet_ntop(AF_INET, &one, text, sizeof(text));
		add(s, mem_strdup(text));
	}
	return 0;
}

/* Of IPv6 single ones only: ranges there are longer than anybody means. */
static int add_part(struct sources *s, struct str text)
{
	struct str last, first = str_cut(text, '-', &last);
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr six;
	uint32_t from, to;

	if (parse_four(first, &from) == 0) {
		if (last.p && parse_four(last, &to) < 0)
			return ERR_USAGE;
		return add_range(s, from, last.p ? to : from);
	}
	if (text.n >= sizeof(copy) || s->n >= SOURCES_MAX)
		return ERR_USAGE;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	if (inet_pton(AF_INET6, copy, &six) != 1)
		return ERR_USAGE;
	add(s, mem_strdup(copy));
	return 0;
}

int sources_parse(struct sources *s, const char *text, struct err *e)
{
	struct str rest = str_of(text);

	while (rest.p) {
		struct str one = str_trim(str_cut(rest, ',', &rest));
		if (add_part(s, one) < 0)
			return err_set(e, ERR_USAGE,
				"'" STR_FMT "' is no address or range of at most %d "
				"(127.0.0.2-127.0.0.9)",
				STR_ARG(one), SOURCES_MAX);
	}
	return 0;
}

const char *sources_of(const struct sources *s, unsigned i)
{
	return s && s->n ? s->v[i % s->n] : NULL;
}

void sources_fini(struct sources *s)
{
	for (unsigned i = 0; i < s->n; i++)
		mem_free(s->v[i]);
	mem_free(s->v);
	*s = (struct sources){ 0 };
}
