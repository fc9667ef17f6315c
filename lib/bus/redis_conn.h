/* redis_conn.h - an instance's two connections to its Redis: one commands, one listens
 *
 *      idle -> resolving -> greeting -> listening -> up
 *        ^         |            |           |         |
 *        `---------+--- broken -+-----------+---------'     tried again by the rule of retry.h
 *
 * They live and die together. While up, a token goes round once a second: published on one, heard on
 * the other; when three are out, the Redis is dead or frozen, whatever the kernel says. Events run
 * from redis_conn_turn and from replies. */
#ifndef RT_BUS_REDIS_CONN_H
#define RT_BUS_REDIS_CONN_H

#include "bus/redis_link.h"
#include "bus/redis_url.h"
#include "bus/reconnect.h"

struct redis_conn_events {
	/* Everything published from now on is heard. The owner may send on `command`; when it has
	 * what it needs, it calls redis_conn_up. */
	void (*listening)(void *arg);
	void (*heard)(void *arg, struct str channel, struct str bytes);
	/* Both connections are gone, and replies under way came as NULL. Also when an attempt
	 * failed, once for each reason. */
	void (*down)(void *arg, struct str why);
	void (*closed)(void *arg); /* after redis_conn_close: nothing is left */
};

enum redis_state { REDIS_IDLE, REDIS_RESOLVING, REDIS_GREETING, REDIS_LISTENING, REDIS_UP };

struct redis_conn {
	uv_loop_t *loop;
	const struct redis_url *url;
	const struct redis_conn_events *events;
	void *arg;
	struct redis_link *command, *listen;
	uint8_t state;
	bool greeted, hears_all, hears_token, alone; /* alone: no cluster is allowed */
	bool resolving, closing;
	uv_getaddrinfo_t resolve;
	uv_timer_t retry_timer, watch_timer;
	struct reconnect reconnect;
	unsigned n_attempts, n_ticks, n_handles;
	uint64_t tokens_out, tokens_in;
	char token_channel[32];
	char broken[240], told[240];
};

/* Begins to connect with the next turn. `url` is borrowed. `alone`: a cluster will not do. */
void redis_conn_open(struct redis_conn *c, uv_loop_t *loop, const struct redis_url *url,
	bool alone, const struct redis_conn_events *events, void *arg);
/* Calls `closed` when all of it is gone. */
void redis_conn_close(struct redis_conn *c);
void redis_conn_up(struct redis_conn *c);
/* To be called at the end of each turn of the loop. */
void redis_conn_turn(struct redis_conn *c);
/* It is of no use any more: both connections will be closed by the turn, and `down` called. The
 * first reason holds. */
void redis_conn_break(struct redis_conn *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Breaks it where the reply is an error or none; true: it is neither. */
bool redis_conn_fine(struct redis_conn *c, const redisReply *reply);
/* Is the error about this command alone, and would be the same the next time? */
bool redis_refuses_for_good(const redisReply *reply);

#endif
