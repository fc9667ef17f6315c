/* control.h - the members of a control message, of an answer to POST, or of a line of a cursor file
 *
 * For the rare ones: acks over WebSocket are read from the scanner's marks. */
#ifndef RT_CLIENT_CONTROL_H
#define RT_CLIENT_CONTROL_H

#include "base/str.h"

struct control {
	void *json; /* owns what the strings below point into */
	struct str room, id, head, after, at, next, reason, code, error,
		detail;                    /* "" where absent or no string */
	struct str cursor_room, cursor_id; /* "room", "id" */
	const char *wrong; /* the first of these that is there and no string; NULL: none */
	bool dup;
	bool summary; /* has "accepted": the last line of an answer to POST */
};

/* 0, or ERR_INVALID (not an object, duplicate names) or ERR_TOO_LARGE. control_fini in any case. */
int control_read(struct control *k, struct str text);
void control_fini(struct control *k);

#endif
