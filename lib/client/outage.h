/* outage.h - what a person is told about the connection of a running program
 *
 * Before the first connection nothing is said in a pipe, where a server may be about to start; on a
 * terminal it is said once that there is none yet, for how long it is tried, and when it is there.
 * Later each loss and each attempt in vain is told, and the end of it. Through the log. */
#ifndef RT_CLIENT_OUTAGE_H
#define RT_CLIENT_OUTAGE_H

#include "base/err.h"
#include "base/str.h"

struct outage {
	bool terminal;         /* somebody sits before stderr */
	int64_t first_ms;      /* how long the first connection is tried; INT64_MAX: for ever */
	bool was_up, told;     /* ever; that there is no connection */
	bool told_stalled;
	char why[ERR_TEXT_MAX]; /* the last failure, "" for none */
};

/* `first_ms` as in client_conf; asks whether stderr is a terminal. */
void outage_init(struct outage *o, int64_t first_ms);
/* As the client's callbacks of these names. */
void outage_down(struct outage *o, struct str why, int64_t retry_in_ms);
void outage_up(struct outage *o, struct str url_safe);
/* Said once: what may keep acknowledgements back. */
void outage_stalled(struct outage *o, struct str url_safe, int64_t waited_ms);

#endif
