/* bus_test.h - the parts of the test bus: its log, what reads and writes it, and who commands it
 *
 * bus_test.c is the bus and says what it does; bus_test_log.c is the file that instances share; bus_test_control.c takes commands. */
#ifndef RT_TESTS_BUS_TEST_H
#define RT_TESTS_BUS_TEST_H

#include "base/list.h"
#include "base/map.h"
#include "bus/bus.h"

#include <sys/types.h>

extern const struct bus_ops bus_test;

enum rec_kind {
	REC_EPOCH,   /* the log is new: nothing before it counts */
	REC_MESSAGE,
	REC_LIVE,    /* for those who listen now */
	REC_TRIM,    /* everything up to hi, lo is gone */
	REC_SKIP,    /* a position that no message has */
};

/* In the file: this, then room, payload, key, client, dedup, extra. */
struct rec_head {
	uint32_t magic, bytes_n;
	uint64_t epoch, hi, lo;
	int64_t ts_ms;
	uint32_t extra_n;
	uint16_t room_n, key_n;
	uint8_t kind, client_n, dedup_n, no_echo;
};

struct bus_test_s;

struct rec {
	struct rec_head h;
	int64_t due_ms;    /* of its delivery */
	char text[];
};

struct known {           /* a deduplication id */
	struct map_node node;
	struct pos pos;
	char key[];
};

/* Something that happens later: a publication that reaches the log, an outcome, an answer. */
struct later {
	struct list link;
	int64_t at_ms;
	void (*fn)(struct bus_test_s *b, struct later *l);
	uint64_t tag;
	enum bus_outcome outcome;
	struct pos pos, after, upto;
	enum bus_locate kind;
	uint64_t arg;
	unsigned max;
	struct bus_meta meta;   /* its strings point into text */
	struct str room, bytes;
	char text[];
};

struct bus_test_s {
	struct bus bus;
	int fd, control, done, n_handles;
	char *control_path;
	uv_timer_t timer;
	uv_poll_t poll;
	bool begun, up, polled;
	int64_t up_at_ms;            /* while down; INT64_MAX: when told */
	uint64_t seed;
	int64_t delay_ms, lag_ms;
	int64_t answer_ms;           /* of outcomes; negative: as delay_ms */
	double refuse, unknown, unsure, dup, fail;
	unsigned page;
	size_t trim_n;               /* kept at most; 0: all */
	/* the log as it is */
	off_t size;
	struct buf tail;
	struct rec **recs;
	size_t n_recs, cap_recs, n_kept;
	uint64_t epoch;
	struct pos head, trimmed;
	struct map known;
	/* what was delivered of it */
	size_t next;
	struct pos delivered;
	int64_t deliver_ms;
	struct list sending, answers; /* struct later; sending keeps its order */
	struct map refused;           /* ids: what is refused stays refused, however often it is sent */
	int64_t send_ms;
	struct buf line;
};

static inline struct str rec_room(const struct rec *r)
{
	return str_make(r->text, r->h.room_n);
}

static inline struct pos rec_pos(const struct rec *r)
{
	return (struct pos){ r->h.epoch, r->h.hi, r->h.lo };
}

/* --- bus_test_log.c ------------------------------------------------------------------------------------ */

uint64_t bus_test_chance(struct bus_test_s *b, uint64_t below);
bool bus_test_happens(struct bus_test_s *b, double p);
int64_t bus_test_time(struct bus_test_s *b);
/* The strings of a record, in the order they lie in. */
struct str rec_strings(const struct rec *r, struct bus_meta *m);
const struct known *known_find(struct bus_test_s *b, struct str room, struct str dedup);
/* A map_fn. */
void known_forget(struct map_node *node, void *arg);
/* Reads what was appended. With the lock a torn record at the end is of somebody who was killed: it is cut off. */
void test_log_tail(struct bus_test_s *b, bool locked);
/* Under the lock, with the log read to its end. */
void test_log_append(struct bus_test_s *b, struct rec_head *h, struct str room, struct str bytes, const struct bus_meta *m);
void test_log_lock(struct bus_test_s *b);
void test_log_unlock(struct bus_test_s *b);
/* Positions are not dense. */
struct rec_head test_log_next(struct bus_test_s *b, enum rec_kind kind);
void test_log_trim(struct bus_test_s *b, size_t keep);
void test_log_epoch(struct bus_test_s *b);
/* Is the i-th record a message that the log still has? */
bool test_log_has(const struct bus_test_s *b, size_t i);

/* --- bus_test.c ---------------------------------------------------------------------------------------- */

/* Where the log is lost, what it had acknowledged is not doubted as well: sent again it would come behind what was sent later. */
void bus_test_down(struct bus_test_s *b, const char *why, int64_t for_ms, bool doubt);

/* --- bus_test_control.c -------------------------------------------------------------------------------- */

/* One of the settings of the URL, or of the command `set`. False: there is none, or not with that value. */
bool bus_test_set(struct bus_test_s *b, struct str name, struct str value);
void bus_test_open_control(struct bus_test_s *b);

#endif
