/* schedule.h - when each message is to be sent
 *
 * An open loop: the times are fixed before the first message, and do not wait for the server. What
 * a slow server delays is therefore counted in full (G. Tene calls its neglect "coordinated
 * omission"). Within a stage messages are evenly spaced. */
#ifndef RT_BENCH_SCHEDULE_H
#define RT_BENCH_SCHEDULE_H

#include "base/err.h"
#include "base/str.h"

#define SCHEDULE_STAGES_MAX 64
#define SCHEDULE_END        UINT64_MAX
#define SCHEDULE_MAX_NS     (UINT64_C(36525) * 86400 * 1000000000) /* all stages: 100 years */

struct schedule_stage {
	uint64_t for_ns;
	double rate; /* messages a second; 0: silence */
};

struct schedule {
	struct schedule_stage stages[SCHEDULE_STAGES_MAX];
	int n;
	int stage;           /* of the next message */
	uint64_t in_stage;   /* messages of that stage before it */
	uint64_t stage_at_ns; /* where that stage begins */
};

/* One stage; longer than the longest is as long. */
void schedule_init(struct schedule *s, uint64_t for_ns, double rate);
/* "10s:1k/s,30s:5k/s"; 0, or ERR_USAGE with a sentence. */
int schedule_parse(struct schedule *s, struct str text, struct err *e);
/* Offset of the next message from the beginning, ns; SCHEDULE_END when there is none. */
uint64_t schedule_due(const struct schedule *s);
/* Moves on to the message after that. */
void schedule_pass(struct schedule *s);
uint64_t schedule_length_ns(const struct schedule *s);
double schedule_mean_rate(const struct schedule *s); /* over its length */

#endif
