/* bench_verify.c - `rt-bench verify`: from stdin to a status */
#include "bench.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "bench/verify_pipe.h"

#include <inttypes.h>
#include <time.h>

static void on_ended(void *arg)
{
	uv_stop(&((struct bench *)arg)->cmd.loop);
}

static void on_stop(void *arg, int nth)
{
	struct bench *b = arg;

	(void)nth;
	result_end(&b->result, END_STOPPED, "stopped by a signal");
	uv_stop(&b->cmd.loop);
}

static void on_timer(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static void read_all(struct bench *b, struct verify_pipe *p)
{
	uv_timer_t timer;

	uv_timer_init(&b->cmd.loop, &timer);
	if (b->cmd.for_ms >= 0)
		uv_timer_start(&timer, on_timer, (uint64_t)b->cmd.for_ms, 0);
	cmd_signals(&b->cmd, on_stop, NULL, b);
	verify_pipe_open(p);
	uv_run(&b->cmd.loop, UV_RUN_DEFAULT);
	verify_pipe_close(p);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&b->cmd.loop, UV_RUN_DEFAULT);
}

static int status_of(const struct bench *b, const struct verify_pipe *p, int status)
{
	const struct verdict *v = &b->result.verdict;

	if (p->err.code == ERR_IO)
		return cmd_fail(&p->err);
	if (p->err.code)
		return EXIT_DATA;
	if (p->n_bad)
		log_error("%" PRIu64 " bad lines", p->n_bad);
	if (!b->result.heard)
		log_error("no numbered message came");
	if (!b->result.heard || v->lost || v->dup || v->reordered || v->phantom || v->early || p->n_bad)
		return EXIT_NEGATIVE;
	return status;
}

int bench_verify(struct bench *b)
{
	struct result *r = &b->result;
	struct verify verify;
	struct verify_pipe p = {
		.loop = &b->cmd.loop,
		.verify = &verify,
		.strict = b->strict,
		.ended = on_ended,
		.arg = b,
	};
	int64_t began_us = clock_us();
	clock_t began_cpu = clock();

	if (b->has_operand_url)
		cmd_usage(&b->cmd, "'verify' reads stdin: no URL");
	r->scenario = mem_strdup("verify");
	r->started_ms = clock_wall_ms();
	verify_init(&verify, r, b->from >= 0 ? (uint64_t)b->from : UINT64_MAX);
	read_all(b, &p);
	r->publishers = verify.streams.map.n;
	verify_end(&verify, b->expect > 0 ? (uint64_t)b->expect : 0);
	r->seconds = (double)(clock_us() - began_us) / 1e6;
	r->tool_cpu_s = (double)(clock() - began_cpu) / CLOCKS_PER_SEC;
	verify_fini(&verify);
	return status_of(b, &p, bench_end(b));
}
