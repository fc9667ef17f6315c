/* outage.c - what a person is told about the connection of a running program */
#include "client/outage.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <unistd.h>

void outage_init(struct outage *o, int64_t first_ms)
{
	*o = (struct outage){ .terminal = isatty(STDERR_FILENO) == 1, .first_ms = first_ms };
}

static void tell_first(struct outage *o)
{
	struct buf time = { 0 };

	if (o->first_ms == INT64_MAX)
		buf_add_text(&time, "ever");
	else
		duration_format(&time, o->first_ms);
	log_note("%s, trying for %s (Ctrl-C stops)", o->why, buf_cstr(&time));
	buf_fini(&time);
}

void outage_down(struct outage *o, struct str why, int64_t retry_in_ms)
{
	snprintf(o->why, sizeof(o->why), STR_FMT, STR_ARG(why));
	if (o->was_up) {
		log_warn("%s, again in %.1f s", o->why, (double)retry_in_ms / 1000);
		o->told = true;
	} else if (o->terminal && !o->told && o->first_ms > 0) {
		tell_first(o);
		o->told = true;
	} else {
		log_debug("%s, again in %.1f s", o->why, (double)retry_in_ms / 1000);
	}
}

void outage_up(struct outage *o, struct str url_safe)
{
	if (o->told)
		log_note(o->was_up ? "connected again" : "connected");
	else
		log_info("connected to '" STR_FMT "'", STR_ARG(url_safe));
	o->was_up = true;
	o->told = false;
}

void outage_stalled(struct outage *o, struct str url_safe, int64_t waited_ms)
{
	if (o->told_stalled)
		return;
	o->told_stalled = true;
	log_warn("no acknowledgement from '" STR_FMT "' for %.3g s: a proxy may gather the request, "
		 "so that messages go in batches (nginx: proxy_request_buffering off, "
		 "proxy_http_version 1.1)",
		STR_ARG(url_safe), (double)waited_ms / 1000);
}
