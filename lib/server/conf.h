/* conf.h - the settings of rt-serve, and the option table they come from */
#ifndef RT_SERVER_CONF_H
#define RT_SERVER_CONF_H

#include "base/opt.h"
#include "bus/bus.h"
#include "room/room.h"

struct conf {
	struct opt_list listen;       /* empty: 127.0.0.1:8080 */
	const char *bus, *presence;
	const char *config;
	int64_t history;              /* messages of a room */
	uint64_t history_bytes, memory, max_message;
	int64_t history_age_ms;
	struct opt_list slow;         /* "skip", "ticks.>=latest" */
	struct opt_list origins;
	int64_t max_connections;      /* 0: as many as the file limit allows, 10,000 at most */
	int64_t max_rooms;            /* of a connection */
	int64_t max_patterns;         /* among them */
	int64_t timeout_ms;           /* of heads and bodies, for tests; 0: as always */
	double publish_rate;          /* messages per second of a connection; 0: any */
	int64_t address_connections;  /* of a peer's address; 0: any */
	double address_request_rate, address_publish_rate;
	int64_t ping_ms, pong_ms, heartbeat_ms, idle_ms;
	int64_t presence_ttl_ms, presence_grace_ms;
	int64_t dedup_ms, dedup_max, backfills;
	int log;                      /* 0 text, 1 json */
	int verbose;
	bool quiet, check, version, help;
	const char *completion;
	bool dump;
	int n_inherited;              /* listening sockets from descriptor 3 on (LISTEN_FDS) */

	struct slow_rule *slow_rules; /* parsed from slow */
	int n_slow;
	int slow_default;
};

/* The defaults. */
void conf_init(struct conf *c);
void conf_fini(struct conf *c);
/* The option table, with targets in `c`. */
const struct opt_program *conf_program(struct conf *c);
/* Parses argv and --config (the command line wins); checks what can be checked. Positive: operands
 * that should not be there. */
int conf_read(struct conf *c, int argc, char **argv, struct err *e);
/* The settings as a configuration file, for --check; read as one it gives the same. Only after
 * conf_read. */
void conf_print(struct conf *c, struct buf *out);
/* `c`, just read, takes over from `running` what cannot change before a restart (addresses, the bus,
 * where presence lives); `said` is given the name of each setting that differs. */
void conf_keep_fixed(struct conf *running, struct conf *c, void (*said)(const char *name));
/* What the table of rooms is told. */
struct table_conf conf_table(const struct conf *c, unsigned bus_caps);
/* What the bus is told. */
struct bus_limits conf_bus(const struct conf *c);

#endif
