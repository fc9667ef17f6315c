/* bench_probe.c - `rt-bench probe`: what passes between here and the server */
#include "bench.h"

#include "bench/probe.h"

static void on_ended(void *arg)
{
	uv_stop(&((struct bench *)arg)->cmd.loop);
}

static void on_stop(void *arg, int nth)
{
	(void)nth;
	on_ended(arg);
}

static int status_of(const struct bench *b, const struct probe_found *f)
{
	int status = EXIT_DONE, n_tried = 0;

	if (f->unreachable) {
		bench_complain(&b->out, "%s", f->unreachable);
		return cmd_status(f->code);
	}
	for (int i = 0; i < TRANSPORTS; i++) {
		n_tried += f->ways[i].tried;
		if (!f->ways[i].problem)
			continue;
		bench_complain(&b->out, "%s: %s", transport_names[i], f->ways[i].problem);
		status = EXIT_NEGATIVE;
	}
	return n_tried ? status : EXIT_NEGATIVE; /* it was stopped */
}

int bench_probe(struct bench *b)
{
	struct probe_found found = { 0 };
	struct probe_conf conf = {
		.client = b->client,
		.profile = b->profile,
		.transport = b->transport,
		.room = b->room,
		.patience_ms = b->cmd.timeout_ms >= 0 ? b->cmd.timeout_ms : 3000,
	};
	struct buf text = { 0 };
	struct err e = { 0 };
	struct probe *p = probe_new(&b->cmd.loop, &conf, &found, on_ended, b, &e);
	int status;

	if (!p)
		cmd_bad_setting(&b->cmd, &e);
	if (b->transport >= 0 && !b->profile->ways[b->transport].path)
		cmd_usage(&b->cmd, "profile '%s' does not subscribe by %s", b->profile->name,
			transport_names[b->transport]);
	cmd_signals(&b->cmd, on_stop, NULL, b);
	probe_start(p);
	uv_run(&b->cmd.loop, UV_RUN_DEFAULT);
	probe_free(p);
	if (b->out.format == BENCH_JSON)
		probe_format(&found, &text);
	else
		probe_table(&found, &text);
	status = bench_write(b->out.output, &text);
	if (!status)
		status = status_of(b, &found);
	buf_fini(&text);
	probe_found_fini(&found);
	return status;
}
