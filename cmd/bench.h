/* bench.h - what rt-bench was asked for, and what each of its scenarios does with it */
#ifndef RT_CMD_BENCH_H
#define RT_CMD_BENCH_H

#include "bench_out.h"
#include "connect.h"

#include "bench/load.h"

struct bench;

/* A row of the table. What is not given; -1: the scenario makes no use of it. */
struct scenario {
	const char *name;
	int (*run)(struct bench *b); /* returns the exit status */
	unsigned plan;               /* of enum plan, for bench_load */
	const char *profile;         /* NULL: rt */
	int64_t subscribers, publishers, rooms;
	double rate;                 /* 0: one a second for each publisher */
	int64_t window;              /* 0: none, an open loop */
	int64_t for_ms;
};

struct bench {
	struct cmd cmd;
	const struct scenario *scenario;
	struct bench_out out;
	const char *profile_name, *stages, *room, *sources_text;
	struct sources sources;
	int64_t subscribers, publishers, rooms, ramp_ms, pid, count, window;
	double rate, connect_rate;
	uint64_t size;
	int transport, reconnect;
	bool storm, strict;
	int64_t from, expect; /* verify; -1: not given */
	bool has_operand_url;

	struct client_conf client;
	struct profile *profile;
	struct result result;
};

enum { RECONNECT_SPREAD, RECONNECT_NOW };

/* As bench_finish, and what the scenario itself was to do. */
int bench_end(struct bench *b);

/* The settings of a load, from the options. */
struct load_conf bench_load_conf(struct bench *b);

int bench_load(struct bench *b);
int bench_bus(struct bench *b);
int bench_find(struct bench *b);
int bench_probe(struct bench *b);
int bench_verify(struct bench *b);

#endif
