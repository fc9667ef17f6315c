/* bench.h - what rt-bench was asked for, and what each of its scenarios does with it */
#ifndef RT_CMD_BENCH_H
#define RT_CMD_BENCH_H

#include "connect.h"

#include "bench/limits.h"
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
	const char *profile_name, *stages, *room, *output;
	struct opt_list max, min;
	int64_t subscribers, publishers, rooms, ramp_ms, pid, count, window;
	double rate, connect_rate;
	uint64_t size;
	int transport, format, reconnect;
	bool storm, strict;
	int64_t from, expect; /* verify; -1: not given */
	bool has_operand_url;

	struct limits limits;
	struct client_conf client;
	struct profile *profile;
	struct result result;
};

enum { BENCH_TABLE, BENCH_JSON };
enum { RECONNECT_SPREAD, RECONNECT_NOW };

/* Writes the report of b->result; says which limits it misses. Returns the exit status. */
int bench_finish(struct bench *b);

/* Why it came to nothing: on stderr, unless a person reads it in the report. */
void bench_complain(const struct bench *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Writes the text where it belongs. 0, or EXIT_SYSTEM and it is said. */
int bench_write(const struct bench *b, const struct buf *text);

/* The settings of a load, from the options. */
struct load_conf bench_load_conf(struct bench *b);

int bench_load(struct bench *b);
int bench_find(struct bench *b);
int bench_probe(struct bench *b);
int bench_verify(struct bench *b);

#endif
