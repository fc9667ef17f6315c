/* connect.h - the options of programs that connect to a server */
#ifndef RT_CMD_CONNECT_H
#define RT_CMD_CONNECT_H

#include "cmd.h"
#include "client/client.h"

/* Rows for the table of a program that connects; `c` is its static struct cmd. */
#define CONNECT_OPTIONS(c) \
	OPTION('w', "timeout", OPT_DURATION, &(c).timeout_ms, NULL, "deadline"), \
	OPTION('d', "for", OPT_DURATION, &(c).for_ms, NULL, "stop after that time"), \
	OPTION(0, "profile", OPT_CHOICE, &(c).profile, "rt|raw", "raw: any WebSocket or SSE server"), \
	CONNECT_SERVER_OPTIONS(c)

/* ... of these, the ones that say where the server is and who we are. */
#define CONNECT_SERVER_OPTIONS(c) \
	OPTION('u', "url", OPT_STRING, &(c).url, "URL", \
		"server, or @NAME of a profile (default $RT_URL)"), \
	{ .name = "retry", .type = OPT_DURATION, .target = &(c).retry_ms, .words = "forever", \
	  .help = "how long one outage may last, or forever" }, \
	OPTION_FILE(0, "token-file", &(c).token_file, "holds the token (else $RT_TOKEN)"), \
	OPTION('H', "header", OPT_LIST, &(c).headers, "'N: V'", NULL), \
	OPTION_FILE(0, "ca", &(c).ca_file, NULL), \
	OPTION('k', "insecure", OPT_FLAG, &(c).insecure, NULL, NULL), \
	OPTION_FILE(0, "cert", &(c).cert_file, NULL), \
	OPTION_FILE(0, "key-file", &(c).key_file, NULL)

/* The struct cmd of such a program: static struct cmd cmd = CONNECT_INIT; */
#define CONNECT_INIT { CMD_INIT, .about = connect_about }

const char *connect_about(void);
/* Fills what the shared options say; reads token and header files (a failure ends the program). */
void connect_conf(struct cmd *c, struct client_conf *conf);

#endif
