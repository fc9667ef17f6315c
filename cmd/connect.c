/* connect.c - what the shared options say about the server, for the client
 *
 * Headers and tokens may come from files; nothing of them is ever said on stderr. */
#include "connect.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

const char *connect_about(void)
{
	static char text[256];

	snprintf(text, sizeof(text), "url schemes: %s", client_schemes());
	return text;
}

static void add_header(struct cmd *c, struct opt_list *to, struct str line)
{
	struct str value, name = str_cut(line, ':', &value);

	for (size_t i = 0; i < line.n; i++) {
		if ((unsigned char)line.p[i] < 0x20 && line.p[i] != '\t')
			cmd_usage(c, "a control character in header '" STR_FMT "'", STR_ARG(name));
	}
	if (!value.p || name.n == 0 || memchr(name.p, ' ', name.n))
		cmd_usage(
			c, "header '" STR_FMT "' is not of the form 'Name: value'", STR_ARG(name));
	to->v = mem_resize(to->v, (size_t)to->n + 1, sizeof(*to->v));
	to->v[to->n++] = mem_strndup(line.p, line.n);
}

/* Replaces @FILE by the lines of that file. */
static void read_headers(struct cmd *c)
{
	struct opt_list all = { 0 };
	struct buf text = { 0 };
	struct err e = { 0 };

	for (int i = 0; i < c->headers.n; i++) {
		struct str rest = str_of(c->headers.v[i]);

		text.n = 0;
		if (rest.n > 0 && rest.p[0] == '@') {
			if (cmd_read_file(rest.p + 1, &text, NULL, &e) != 0)
				cmd_usage(c, "%s", e.text);
			rest = buf_str(&text);
		}
		while (rest.p) {
			struct str line = str_cut(rest, '\n', &rest);

			if (line.n > 0 && line.p[line.n - 1] == '\r')
				line.n--;
			if (line.n > 0)
				add_header(c, &all, line);
		}
		mem_free((void *)(uintptr_t)c->headers.v[i]);
	}
	buf_fini(&text);
	opt_list_free(&c->headers);
	c->headers = all;
}

static void read_token(struct cmd *c)
{
	const char *from_env = getenv("RT_TOKEN");
	struct buf text = { 0 };
	struct err e = { 0 };
	struct str token;

	if (!c->token_file) {
		c->token = from_env && *from_env ? mem_strdup(from_env) : NULL;
		return;
	}
	if (cmd_read_file(c->token_file, &text, NULL, &e) != 0)
		cmd_usage(c, "%s", e.text);
	token = str_cut(buf_str(&text), '\n', NULL);
	while (token.n > 0 && (token.p[token.n - 1] == '\r' || token.p[token.n - 1] == ' '))
		token.n--;
	if (token.n == 0)
		cmd_usage(c, "'%s' holds no token", c->token_file);
	c->token = mem_strndup(token.p, token.n);
	buf_fini(&text);
}

void connect_conf(struct cmd *c, struct client_conf *conf)
{
	read_headers(c);
	read_token(c);
	conf->url = c->url;
	conf->token = c->token;
	conf->headers = c->headers.v;
	conf->n_headers = c->headers.n;
	conf->ca_file = c->ca_file;
	conf->cert_file = c->cert_file;
	conf->key_file = c->key_file;
	conf->insecure = c->insecure;
	conf->raw = c->profile == PROFILE_RAW;
	conf->retry_first_ms = c->retry_ms >= 0 ? c->retry_ms : 10000;
	conf->retry_ms = c->retry_ms >= 0 ? c->retry_ms : INT64_MAX;
}
