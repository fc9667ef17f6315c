/* address.h - the rooms of a run, and the URLs under which a profile reaches them */
#ifndef RT_BENCH_ADDRESS_H
#define RT_BENCH_ADDRESS_H

#include "bench/load.h"

struct addresses {
	unsigned n;
	char **rooms, **listen; /* name of each room, and the URL that subscribes to it */
	char *publish;
	char *safe; /* the server's, for people */
};

/* Zeroed before. 0; else a sentence: ERR_USAGE, ERR_UNSUPPORTED. addresses_fini in any case. */
int addresses_make(
	struct addresses *a, const struct load_conf *conf, uint64_t run, struct err *e);
/* The name of the i-th room of a run. The caller's. */
char *address_room(const struct load_conf *conf, uint64_t run, unsigned i);
void addresses_fini(struct addresses *a);

#endif
