/* world.h - a bus in memory and the workers that listen to it, for histories of rooms
 *
 * Three kinds of bus: MEM (one worker, which assigns the positions; a restart is a new epoch; nothing can be replayed), REDIS (as
 * MEM with several workers, each with positions and an epoch of its own, and holes) and LOG (one order for all workers, which
 * may lag; trimmed from the front; may be made anew). What was published is the truth, and `world_order` says how much of it lies
 * at or before a position, of whatever epoch. Answers of the bus come when world_answer is called, not before. */
#ifndef RT_TESTS_WORLD_H
#define RT_TESTS_WORLD_H

#include "room/sub.h"

enum world_kind { WORLD_MEM, WORLD_REDIS, WORLD_LOG, WORLD_KINDS };

#define WORLD_ROOMS   5
#define WORLD_WORKERS 3
extern const char *const world_rooms[WORLD_ROOMS];

struct truth {
	uint8_t room, key, client; /* key, client: 0: none */
	int64_t ts_ms;
};

struct world_epoch {
	uint64_t epoch;
	uint32_t *order; /* [n]: messages of the truth at or before position n */
	size_t n, cap;
};

struct log_entry {
	uint64_t n;      /* position */
	uint32_t truth;
};

struct worker {
	struct world *world;
	struct table table;
	uint64_t heard;       /* LOG: position */
	uint64_t counter;     /* MEM, REDIS: the last position given */
	struct list asks;     /* questions to the bus */
	bool missed;          /* REDIS: something was lost since the last delivery */
};

struct world {
	enum world_kind kind;
	uint64_t rng;
	int64_t now_ms;
	struct truth *truth;
	size_t n_truth, cap_truth;
	struct world_epoch *epochs;
	size_t n_epochs;
	struct log_entry *log;
	size_t log_first, log_n, log_cap;
	uint64_t epoch, head, trimmed; /* LOG */
	uint32_t n_ephemeral;
	struct worker workers[WORLD_WORKERS];
	int n_workers;
	struct table_conf conf;
	void (*wake)(struct table *t, struct feed *f);
};

uint64_t world_random(struct world *w);
/* In [0, n). */
uint64_t world_below(struct world *w, uint64_t n);
bool world_chance(struct world *w, double p);

/* `conf`: the limits; what depends on the kind is set here. */
void world_init(struct world *w, enum world_kind kind, int n_workers, uint64_t seed,
	const struct table_conf *conf, void (*wake)(struct table *t, struct feed *f));
/* Every feed must be closed. */
void world_fini(struct world *w);

struct pos world_pos(uint64_t epoch, uint64_t n);
uint64_t world_n(struct pos p);
size_t world_order(const struct world *w, struct pos p);

/* REDIS: a worker may miss it, which it will tell by a hole. */
void world_publish(struct world *w, int room, int key, int client);
void world_publish_ephemeral(struct world *w, int room);
void world_trim(struct world *w, uint64_t keep);
void world_recreate(struct world *w);
/* LOG: delivers what the worker has not heard, up to position `upto`. REDIS: tells a hole. */
void worker_hear(struct worker *k, uint64_t upto);
/* Its feeds must be closed. */
void worker_restart(struct worker *k);
/* Lets the bus look at each question (its answer is what is true now) with probability p, and deliver what it found with probability p. */
void world_answer(struct world *w, double p);

#endif
