/* instance.c - marks go onto a bus, and are counted where it delivers them */
#include "bench/instance.h"

#include "base/clock.h"
#include "base/mem.h"

#define DEDUP_BYTES 21 /* of a mark: what tells a message from all others */

/* A message that was published, or waits until it can be. */
struct handed {
	uint64_t due_ns, number;
	unsigned publisher, room;
	bool settled; /* its outcome is known */
};

/*      under_way:  | settled | handed ... of tags first_tag to next_tag - 1, settled ones among them |
 *                            ^ first */
struct instance {
	const struct instance_conf *conf;
	struct bus *bus;
	char *down;       /* why; NULL: nothing was said */
	bool up, ever_up;
	uint64_t down_ns; /* since then */
	struct pos at;    /* of the last delivery that has one */
	struct buf under_way, waiting; /* struct handed */
	size_t first;
	uint64_t first_tag, next_tag, n_under_way;
	unsigned n_streams;
	struct follow follows[]; /* one for each stream */
};

/* --- publishing ------------------------------------------------------------------------------- */

static uint32_t stream_of(const struct instance *in, const struct handed *h)
{
	return tally_stream(in->conf->tally, h->publisher, h->room);
}

static void hand_over(struct instance *in, struct handed *h)
{
	const struct instance_conf *conf = in->conf;
	struct tally *t = conf->tally;
	uint32_t stream = stream_of(in, h);
	uint64_t now_ns = tally_now_ns();
	const struct mark mark = {
		.run = t->run,
		.stream = stream,
		.number = h->number = t->sent[stream]++,
		.due_ns = h->due_ns,
		.after_ns = now_ns > h->due_ns ? now_ns - h->due_ns : 0,
	};
	struct str text = message_stamp(conf->message, &mark);
	const struct bus_meta meta = {
		.dedup = str_make(text.p, DEDUP_BYTES),
		.ts_ms = clock_wall_ms(),
	};

	buf_add(&in->under_way, h, sizeof(*h));
	in->n_under_way++;
	t->result->sent++;
	t->interval_sent++;
	bus_publish(in->bus, str_of(conf->rooms[h->room]), buf_str(&conf->message->text), &meta,
		in->next_tag++);
}

void instance_send(struct instance *in, unsigned publisher, unsigned room, uint64_t due_ns)
{
	struct handed h = { .due_ns = due_ns, .publisher = publisher, .room = room };

	in->conf->tally->result->due++;
	if (in->up) {
		hand_over(in, &h);
		return;
	}
	in->conf->tally->result->blocked++;
	buf_add(&in->waiting, &h, sizeof(h));
}

static void send_waiting(struct instance *in)
{
	struct handed h;

	for (size_t at = 0; at < in->waiting.n; at += sizeof(h)) {
		memcpy(&h, in->waiting.p + at, sizeof(h));
		hand_over(in, &h);
	}
	in->waiting.n = 0;
}

/* --- outcomes --------------------------------------------------------------------------------- */

/* What is settled at the front is dropped, once it is most of what is kept. */
static void forget_settled(struct instance *in)
{
	struct handed h;

	for (; in->first < in->under_way.n; in->first += sizeof(h), in->first_tag++) {
		memcpy(&h, in->under_way.p + in->first, sizeof(h));
		if (!h.settled)
			break;
	}
	if (in->first <= in->under_way.n / 2)
		return;
	buf_drop(&in->under_way, in->first);
	in->first = 0;
}

/* The message of that tag, whose outcome is known now; false: it was before. */
static bool settle(struct instance *in, uint64_t tag, struct handed *h)
{
	char *at;

	if (tag < in->first_tag || tag >= in->next_tag)
		return false;
	at = in->under_way.p + in->first + (tag - in->first_tag) * sizeof(*h);
	memcpy(h, at, sizeof(*h));
	if (h->settled)
		return false;
	h->settled = true;
	memcpy(at, h, sizeof(*h));
	in->n_under_way--;
	forget_settled(in);
	in->conf->settled(in->conf->arg, h->publisher);
	return true;
}

static void acked(struct instance *in, const struct handed *h, uint64_t now_ns)
{
	struct result *r = in->conf->tally->result;

	r->acked++;
	hist_add(&r->ack, now_ns > h->due_ns ? now_ns - h->due_ns : 0);
}

static void on_published(
	void *arg, uint64_t tag, enum bus_outcome what, struct pos pos, struct str reason)
{
	struct instance *in = arg;
	struct result *r = in->conf->tally->result;
	struct handed h;

	(void)pos;
	if (!settle(in, tag, &h)) {
		result_error(r, "a message on '%s' had two outcomes", in->conf->safe);
		return;
	}
	if (what == BUS_OK || what == BUS_DUP) {
		acked(in, &h, tally_now_ns());
		return;
	}
	if (what == BUS_REFUSED) {
		r->refused++;
		result_error(r, "a message was refused: " STR_FMT, STR_ARG(reason));
	} else {
		result_error(r, "nobody knows what became of a message: " STR_FMT, STR_ARG(reason));
	}
	tally_excuse(in->conf->tally, stream_of(in, &h), h.number);
}

/* --- deliveries ------------------------------------------------------------------------------- */

static void check_order(struct instance *in, struct pos pos)
{
	if (in->at.epoch == pos.epoch && pos_cmp(pos, in->at) <= 0)
		result_error(in->conf->tally->result, "positions on '%s' went back",
			in->conf->safe);
	in->at = pos;
}

static void on_deliver(void *arg, struct str room, struct pos pos, struct str bytes,
	const struct bus_meta *meta)
{
	struct instance *in = arg;
	struct tally *t = in->conf->tally;
	bool is_ordered = in->bus->ops->caps & BUS_ORDERED;
	uint64_t now_ns = tally_now_ns();
	struct str rest = bytes;
	struct handed h;
	struct mark m;

	if (is_ordered && !meta->live)
		check_order(in, pos);
	if (!mark_find(&rest, &m) || m.run != t->run) {
		t->result->foreign++; /* it is a bus: others may use it */
		return;
	}
	t->arrived++;
	t->result->bytes += bytes.n;
	if (m.stream >= in->n_streams ||
		!str_eq(room, str_of(in->conf->rooms[m.stream % t->n_rooms])))
		t->result->verdict.phantom++;
	else
		tally_count(t, &in->follows[m.stream], &m, rest, now_ns);
	if (meta->tag && !is_ordered && settle(in, meta->tag, &h))
		acked(in, &h, now_ns);
}

static void on_hole(void *arg, struct pos at)
{
	struct instance *in = arg;

	(void)at;
	in->conf->tally->result->gaps++;
	for (unsigned i = 0; i < in->n_streams; i++)
		follow_tell_gap(&in->follows[i]);
}

/* That nothing up to there is missing says nothing of numbers. */
static void on_head(void *arg, struct pos head)
{
	(void)arg;
	(void)head;
}

/* --- up and down ------------------------------------------------------------------------------ */

static void came_up(struct instance *in)
{
	struct tally *t = in->conf->tally;
	struct result *r = t->result;

	tally_ready(t, in->ever_up, in->down_ns);
	for (unsigned i = 0; i < in->n_streams; i++) {
		if (in->ever_up)
			follow_return(&in->follows[i], t->sent[i], &r->verdict);
		else
			follow_init(&in->follows[i], t->sent[i]);
	}
	if (!in->ever_up) {
		r->opened++;
		hist_add(&r->connect, t->last_ready_ns - in->conf->start_ns);
	}
	in->up = in->ever_up = true;
	in->at = (struct pos){ 0 };
	send_waiting(in);
}

static void went_down(struct instance *in, struct str why)
{
	struct tally *t = in->conf->tally;

	mem_free(in->down);
	in->down = mem_strndup(why.p, why.n);
	if (in->up) {
		in->down_ns = tally_now_ns();
		t->n_ready--;
		t->result->broken++;
	} else {
		t->result->retried++;
	}
	in->up = false;
	tally_trouble(t, why);
}

static void on_state(void *arg, bool up, struct pos start, struct str why)
{
	struct instance *in = arg;

	(void)start;
	if (!up)
		went_down(in, why);
	else if (!in->up)
		came_up(in);
}

/* --- life ------------------------------------------------------------------------------------- */

static const struct bus_events events = {
	.deliver = on_deliver,
	.published = on_published,
	.state = on_state,
	.hole = on_hole,
	.head = on_head,
};

struct instance *instance_new(const struct instance_conf *conf, struct err *e)
{
	unsigned n = conf->tally->n_publishers * conf->tally->n_rooms;
	struct instance *in = mem_zalloc(sizeof(*in) + n * sizeof(in->follows[0]));

	in->conf = conf;
	in->n_streams = n;
	in->first_tag = in->next_tag = 1;
	if (bus_open(&in->bus, str_of(conf->url), conf->loop, &events, in, e) == 0)
		return in;
	instance_free(in);
	return NULL;
}

bool instance_is_up(const struct instance *in)
{
	return in->up;
}

bool instance_is_alone(const struct instance *in)
{
	return in->bus->ops->caps & BUS_LOCAL;
}

const char *instance_down(const struct instance *in)
{
	return in->down;
}

void instance_turn(struct instance *in)
{
	bus_turn(in->bus);
}

uint64_t instance_open(const struct instance *in)
{
	return in->n_under_way + in->waiting.n / sizeof(struct handed);
}

bool instance_is_complete(const struct instance *in)
{
	for (unsigned i = 0; i < in->n_streams && in->up; i++) {
		if (!follow_complete(&in->follows[i], in->conf->tally->sent[i]))
			return false;
	}
	return true;
}

/* One that is down missed what was sent meanwhile by no fault of the bus's. */
void instance_settle(struct instance *in)
{
	const struct tally *t = in->conf->tally;
	struct verdict *v = &t->result->verdict;

	if (in->n_under_way)
		result_errors(t->result, "a message had no outcome", in->n_under_way);
	if (!in->ever_up)
		return;
	for (size_t i = 0; i < t->n_excused; i++)
		follow_excuse(&in->follows[t->excused[i].stream], t->excused[i].number, v);
	for (unsigned i = 0; i < in->n_streams; i++) {
		if (!in->up)
			follow_return(&in->follows[i], t->sent[i], v);
		follow_end(&in->follows[i], t->sent[i], v);
	}
}

void instance_free(struct instance *in)
{
	if (!in)
		return;
	bus_close(in->bus);
	for (unsigned i = 0; i < in->n_streams; i++)
		follow_fini(&in->follows[i]);
	buf_fini(&in->under_way);
	buf_fini(&in->waiting);
	mem_free(in->down);
	mem_free(in);
}
