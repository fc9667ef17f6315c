/* result.h - all that one run of a load found out
 *
 * Counts, histograms (nanoseconds) and a line of time. It is what is printed, kept as JSON, merged
 * with those of other machines, and compared; nothing else of a run is. */
#ifndef RT_BENCH_RESULT_H
#define RT_BENCH_RESULT_H

#include "base/err.h"
#include "base/hist.h"
#include "bench/verdict.h"

/* What has become of a run, the worst that applies. */
enum result_end {
	END_DONE,
	END_STOPPED,   /* by a signal, before its time */
	END_GENERATOR, /* void: the tool fell behind its own schedule, or ran out of something */
	END_REFUSED,   /* no connection could be used: the first error says why */
	END_DENIED,    /* ... for want of a permission */
	ENDS,
};

extern const char *const result_ends[ENDS];

struct result_error {
	char *text; /* one sentence; peers and numbers of a run do not make it another */
	uint64_t n;
};

/* One second (or what is left of it). */
struct result_sample {
	double at_s, for_s; /* from the first message due */
	uint64_t sent, received, connected;
	uint64_t opened;        /* connections that became ready, again too */
	uint64_t p50, p99, max; /* ns, of corrected latency; 0: nothing arrived */
	double tool_cpu;        /* of one core */
	uint64_t tool_rss;
	double server_cpu;      /* < 0: not sampled */
	uint64_t server_rss, server_fds;
};

/* Memory in use at one moment. What the kernel holds counts for the whole machine: of a connection
 * within it, both ends. */
struct result_memory {
	bool known;
	uint64_t server_rss, tool_rss;
	uint64_t sockets; /* queued in TCP sockets (/proc/net/sockstat) */
	uint64_t slab;    /* objects of the kernel, sockets among them (SUnreclaim of meminfo) */
};

enum result_moment { MEMORY_BEFORE, MEMORY_CONNECTED, MEMORY_AFTER, MEMORY_MOMENTS };

struct result {
	char *scenario, *url, *profile, *transport; /* url without secrets */
	char *command, *version; /* as it was called, without secrets; NULL: not known */
	int64_t started_ms;                         /* wall clock */
	enum result_end end;
	char *why;    /* of an end that is not END_DONE; NULL */
	char *missed; /* limits, a line each; NULL: none */
	uint64_t subscribers, publishers, rooms, size;
	double seconds; /* of the schedule, or what it took where that is longer */
	double rate;    /* asked for, a second, over all of it; 0: none */
	uint64_t window; /* of a closed loop: messages of each publisher without answer; 0: none */

	uint64_t due, sent, acked, refused; /* messages */
	uint64_t blocked; /* were due while their publisher could not take them: they waited */
	struct verdict verdict;
	uint64_t bytes;        /* of what subscribers received */
	uint64_t foreign;      /* messages of another run */
	uint64_t unrecognised; /* neither a message nor anything that the profile knows */
	char *example;         /* of an unrecognised one; NULL */
	uint64_t gaps;         /* told by the server */
	uint64_t opened, failed, broken; /* connections: ready; given up; lost while in use */
	uint64_t retried; /* attempts to connect that failed and were made again */
	uint64_t heard;   /* messages that reached subscribers, whoever sent them (listen) */
	double connect_s; /* from the first connection due until the last was ready */
	double storm_s;   /* from the drop of all until the last was back; < 0: not all came */

	struct hist latency;     /* arrival since the message was due */
	struct hist uncorrected; /* ... since it was really sent */
	struct hist upgrade;     /* from when a connection was due until the server answered */
	struct hist connect;     /* ... and until it was subscribed */
	struct hist back;        /* from the loss of a connection until it was subscribed again */
	struct hist spacing;     /* between messages of one connection (listen) */
	struct hist sizes;       /* bytes of messages (listen) */
	struct hist ack;         /* acknowledgement since the message was due */
	struct hist lag;         /* of the tool: how late it came to what was due */

	double tool_cpu_s, server_cpu_s; /* server's: < 0: not sampled */
	struct result_memory memory[MEMORY_MOMENTS];
	struct result_error *errors;
	size_t n_errors, errors_cap;
	struct result_sample *samples;
	size_t n_samples, samples_cap;
};

void result_init(struct result *r);
void result_fini(struct result *r);
/* Counts an error of that text. */
void result_error(struct result *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void result_errors(struct result *r, const char *text, uint64_t n);
void result_add_sample(struct result *r, const struct result_sample *s);
/* The worse of what it was and `end`, with a sentence for the first of that kind. */
void result_end(struct result *r, enum result_end end, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A metric by name (p99, u_p50, lag_p99, lost, rate, received ...; rt-bench(1) lists them). Returns
 * false for a name that is none; `*known` is false where the run has no samples of it. `*unit` is
 * "ns", "/s", "%", "bytes" or "". */
bool result_metric(
	const struct result *r, struct str name, double *value, bool *known, const char **unit);
/* What each connection added, of a memory that was `before` and became `connected`; false when that
 * is not known. */
bool result_per_connection(
	const struct result *r, uint64_t before, uint64_t connected, double *bytes);
/* Names of all metrics, for messages, separated by spaces. */
const char *result_metric_names(void);

/* Appends one line of JSON. */
void result_format(const struct result *r, struct buf *out);
/* Reads such a line into an initialised result. 0, or ERR_INVALID with a sentence. */
int result_parse(struct result *r, struct str text, struct err *e);

#endif
