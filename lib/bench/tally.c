/* tally.c - the table of streams, and the clock */
#include "bench/tally.h"

#include <stdio.h>
#include <uv.h>

#include "base/mem.h"

#include <time.h>

#define RUN_BITS     36
#define MACHINE_BITS 16 /* the upper ones of a run */

#define DRAWN_BITS (RUN_BITS - MACHINE_BITS)

/* Times of the monotonic clock count from the boot, so that is what a machine is to a mark. */
static uint64_t this_machine(void)
{
	static const uint64_t key[2] = { 0x72742d62656e6368, 0x6d616368696e6573 };
	static uint64_t hash;
	char id[64] = "";
	FILE *f;

	if (hash)
		return hash;
	f = fopen("/proc/sys/kernel/random/boot_id", "r");
	if (!f || !fgets(id, sizeof(id), f))
		rand_bytes(id, sizeof(id) - 1);
	if (f)
		fclose(f);
	hash = str_siphash(key, str_of(id)) & ((1u << MACHINE_BITS) - 1);
	hash = hash ? hash : 1;
	return hash;
}

void tally_init(struct tally *t, struct result *r, unsigned n_publishers, unsigned n_rooms)
{
	*t = (struct tally){ .result = r, .n_publishers = n_publishers, .n_rooms = n_rooms,
		.due_ns = UINT64_MAX, .begin_ns = tally_now_ns() };
	rand_bytes(&t->run, sizeof(t->run));
	t->run &= (1u << DRAWN_BITS) - 1;
	t->run |= this_machine() << DRAWN_BITS;
	t->sent = mem_array((size_t)n_publishers * n_rooms + 1, sizeof(*t->sent));
	memset(t->sent, 0, ((size_t)n_publishers * n_rooms + 1) * sizeof(*t->sent));
}

void tally_fini(struct tally *t)
{
	mem_free(t->sent);
	mem_free(t->excused);
	hist_fini(&t->interval);
}

void tally_late(struct tally *t, const struct mark *m, uint64_t now_ns)
{
	struct result *r = t->result;
	uint64_t late_ns = now_ns > m->due_ns ? now_ns - m->due_ns : 0;

	hist_add(&r->latency, late_ns);
	hist_add(&t->interval, late_ns);
	hist_add(&r->uncorrected, late_ns > m->after_ns ? late_ns - m->after_ns : 0);
}

/* Is it as it was sent? Its times too: they must lie between the beginning and now. */
static bool is_intact(
	const struct tally *t, const struct mark *m, struct str rest, uint64_t now_ns)
{
	return m->due_ns >= t->begin_ns && m->due_ns + m->after_ns <= now_ns &&
	       (!t->message || message_is_intact(t->message, rest, m->number));
}

void tally_count(struct tally *t, struct follow *f, const struct mark *m, struct str rest,
	uint64_t now_ns)
{
	struct verdict *v = &t->result->verdict;
	enum follow_result what = follow_see(f, m->number, t->sent[m->stream], v);

	if (!is_intact(t, m, rest, now_ns))
		v->corrupt++; /* and its times may be anything */
	else if (what == FOLLOW_NEW || what == FOLLOW_LATE)
		tally_late(t, m, now_ns);
}

void tally_excuse(struct tally *t, uint32_t stream, uint64_t number)
{
	if (t->n_excused == t->excused_cap) {
		t->excused_cap = t->excused_cap ? 2 * t->excused_cap : 16;
		t->excused = mem_resize(t->excused, t->excused_cap, sizeof(*t->excused));
	}
	t->excused[t->n_excused++] = (struct tally_excused){ stream, number };
}

void tally_ready(struct tally *t, bool again, uint64_t since_ns)
{
	t->last_ready_ns = tally_now_ns();
	t->opened++;
	t->n_ready++;
	if (again)
		hist_add(&t->result->back, t->last_ready_ns - since_ns);
}

/* The client says it in the words of the system, and nothing else: a server may have its own. */
static bool is_fault(struct str why, int code)
{
	struct buf b = { 0 };
	bool is;

	buf_addf(&b, "': %s", uv_strerror(code));
	is = why.n >= b.n && str_eq(str_skip(why, why.n - b.n), buf_str(&b));
	buf_fini(&b);
	return is;
}

static void look_for_own_fault(struct tally *t, struct str why)
{
	static const struct {
		int code;
		const char *what, *mend;
	} faults[] = {
		{ UV_EADDRNOTAVAIL, "local ports",
			", give more --sources, or widen net.ipv4.ip_local_port_range" },
		{ UV_EMFILE, "open files", ", or raise ulimit -n" },
		{ UV_ENFILE, "open files", ", or raise fs.file-max" },
		{ UV_ENOBUFS, "memory for sockets", ", or raise net.ipv4.tcp_mem" },
		{ UV_ENOMEM, "memory", "" },
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (is_fault(why, faults[i].code))
			result_end(t->result, END_GENERATOR,
				"this machine ran out of %s: ask for fewer connections%s",
				faults[i].what, faults[i].mend);
	}
}

/* The same error in another room is no other error: what it quotes first is the URL. */
static void count_error(struct tally *t, struct str why)
{
	struct str url, rest, before = str_cut(why, '\'', &rest);

	url = str_cut(rest, '\'', &rest);
	if (t->peer && url.p && rest.p)
		result_error(t->result, STR_FMT "'%s'" STR_FMT, STR_ARG(before), t->peer,
			STR_ARG(rest));
	else
		result_error(t->result, STR_FMT, STR_ARG(why));
}

void tally_trouble(struct tally *t, struct str why)
{
	count_error(t, why);
	look_for_own_fault(t, why);
}

void tally_failed(struct tally *t, const struct err *e)
{
	t->result->failed++;
	t->denied = t->denied || e->code == ERR_DENIED;
	tally_trouble(t, str_of(e->text));
}

bool tally_is_local(const struct mark *m)
{
	return m->run >> DRAWN_BITS == this_machine();
}

uint64_t tally_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}
