/* redis_script.h - what Redis does for us in one step
 *
 *   rt:epoch   of the data, random, made by whoever finds none
 *   rt:begin   the id after which this epoch holds (a log that lost its end goes on in another one)
 *   rt:last    the id given last, over all streams
 *   rt:rooms   hash: stream -> id given there last, which outlives the stream
 *   rt:dedup:STREAM:ID   the id that the message got
 */
#ifndef RT_BUS_REDIS_SCRIPT_H
#define RT_BUS_REDIS_SCRIPT_H

#include "base/str.h"

enum redis_script { SCRIPT_HELLO, SCRIPT_PUBLISH, SCRIPT_PAGE, SCRIPT_LOCATE, SCRIPTS };

struct str redis_script_text(enum redis_script which);
/* Its SHA-1 in hex, as EVALSHA takes it. */
struct str redis_script_sha(enum redis_script which);

#endif
