/* busload.h - one run straight on a bus (bus/bus.h), with no server and no client between
 *
 *      CONNECT --all instances up--> RUN --schedule over--> DRAIN --all came, or quiet--> END
 *
 * Instances are what an rt-serve is to its bus: each gets everything, and publisher i sends through
 * instance i % instances. What is measured are the bus's deliveries and outcomes; everything else, from
 * marks to verdicts, is as in load.h. */
#ifndef RT_BENCH_BUSLOAD_H
#define RT_BENCH_BUSLOAD_H

#include "bench/load.h"

struct busload;

/* Of `conf` the bus is client.url, and the instances are the subscribers; plan, profile, transport,
 * ramp and sources mean nothing. Else as load_new. */
struct busload *busload_new(uv_loop_t *loop, const struct load_conf *conf,
	const struct load_events *events, void *arg, struct result *result, struct err *e);
void busload_start(struct busload *l);
/* As load_stop. */
void busload_stop(struct busload *l);
/* Not from a callback. NULL is fine. Run the loop until it is empty afterwards. */
void busload_free(struct busload *l);

#endif
