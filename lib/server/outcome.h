/* outcome.h - publications whose outcome is not yet told
 *
 * Each publication gets a tag; tags are dense, so the queue is a ring. Outcomes are told in the
 * order of the publications, whatever order the bus decides them in, so that a publisher can resend
 * from the first one that has none. */
#ifndef RT_SERVER_OUTCOME_H
#define RT_SERVER_OUTCOME_H

#include "net/net.h"

struct outcome;

struct outcomes {
	struct outcome *ring;   /* of tags [first, next); cap is 0 or a power of two */
	uint64_t first, next;
	size_t cap;
};

void outcomes_init(struct outcomes *o);
void outcomes_fini(struct outcomes *o);
/* The tag of a publication of that connection; `ref` (at most PUB_REF_MAX bytes) is
 * copied. Never 0. */
uint64_t outcome_new(struct outcomes *o, struct conn *c, struct str ref);
/* Stored, or seen before. `pos` NULL: an ephemeral message. A tag that has its outcome
 * already is left alone. */
void outcome_acked(struct outcomes *o, uint64_t tag, const struct pos *pos, bool dup);
/* Permanently refused. */
void outcome_refused(struct outcomes *o, uint64_t tag, enum err_code code, struct str reason);
/* PUB_UNKNOWN or PUB_UNAVAILABLE: the publisher is told, nothing more is read of him, and he is cut
 * when everything he sent has its outcome, so that nothing later overtakes it. */
void outcome_lost(struct outcomes *o, uint64_t tag, enum pub_outcome what, struct str reason);
/* Tells what is decided, in order, as far as that goes. */
void outcomes_tell(struct outcomes *o);

#endif
