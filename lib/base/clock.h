/* clock.h - time, and the words for it
 *
 * Two clocks: clock_ms never goes back and serves every deadline; clock_wall_ms is for people and
 * for `_ts`. In the test variant RT_CLOCK_OFFSET_MS shifts the wall clock, and RT_CLOCK_SKIP names
 * a file with an int64_t, milliseconds by which the other one is ahead: a test that writes there
 * lets time pass. */
#ifndef RT_BASE_CLOCK_H
#define RT_BASE_CLOCK_H

#include "base/buf.h"
#include "base/err.h"

int64_t clock_ms(void);      /* monotonic, milliseconds */
int64_t clock_us(void);      /* monotonic, microseconds */
int64_t clock_wall_ms(void); /* since 1970 */

/* A time that the environment may set in the test variant, by that name. */
int64_t clock_test_ms(const char *name, int64_t otherwise);

/* "250ms" "10s" "5m" "1h" "2d", "1h30m"; a bare number is refused ("give a unit: 10s"); "0" is
 * allowed. "forever" gives INT64_MAX. */
int duration_parse(struct str s, int64_t *ms, struct err *e);
/* "64k" "1m" "2g" or plain bytes; powers of 1024. */
int size_parse(struct str s, uint64_t *bytes, struct err *e);
/* "500/s" "10k/s" "600/m"; powers of 1000; a number without a unit is per second. */
int rate_parse(struct str s, double *per_second, struct err *e);
/* RFC 3339 with zone: "2026-11-24T08:55:22.125Z", "2026-11-24T10:00:00+01:00". */
int time_parse(struct str s, int64_t *wall_ms, struct err *e);
/* Appends RFC 3339 in UTC with milliseconds. */
void time_format(struct buf *b, int64_t wall_ms);
/* Appends "1.2s", "250ms", "5m", "2h05m": for people. */
void duration_format(struct buf *b, int64_t ms);
/* Append what the parsers above read back as the same: "1h30m", "1s500ms"; "64k", "1500"; "10k/s",
 * "100/m" (of a rate that no such number gives, the nearest with nine decimals). */
void duration_write(struct buf *b, int64_t ms);
void size_write(struct buf *b, uint64_t bytes);
void rate_write(struct buf *b, double per_second);

#endif
