/* beside.c - a child process that opens, asks for and keeps things, and then only waits */
#include "beside.h"

#include "base/mem.h"
#include "peers.h"
#include "target.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define UNANSWERED     256  /* handshakes at a time */
#define PATTERNS_EACH  32   /* of one connection: no server need allow more */
#define ASKED_AT_ONCE  100

static pid_t child;

static struct peer *new_peers(unsigned n)
{
	struct peer *p = mem_array(n ? n : 1, sizeof *p);

	memset(p, 0, n * sizeof *p);
	return p;
}

static void wait_open(unsigned n)
{
	while (peers.n_open < n)
		peers_turn(100);
}

static void open_idle(unsigned n)
{
	struct peer *idle = new_peers(n);
	unsigned before = peers.n_open;
	char room[32];

	for (unsigned i = 0; i < n; i++) {
		snprintf(room, sizeof room, "idle%u", i);
		peer_open(&idle[i], WS, target_port(), room, 0);
		if (i >= UNANSWERED)
			wait_open(before + i - UNANSWERED);
	}
	wait_open(before + n);
}

/* Sends n texts, with the number of each between both parts, and waits for their answers. */
static void ask(struct peer *p, const char *before_number, const char *behind, unsigned first, unsigned n)
{
	uint64_t before = peers.answered;
	struct buf b = { 0 };
	char text[128];
	int text_n;

	for (unsigned i = 0; i < n; i++) {
		b.n = 0;
		text_n = snprintf(text, sizeof text, "%s%u%s", before_number, first + i, behind);
		peer_frame(&b, text, (size_t)text_n);
		peer_send(p, &b);
		while (peers.answered + ASKED_AT_ONCE < before + i)
			peers_turn(100);
	}
	while (peers.answered < before + n)
		peers_turn(100);
	buf_fini(&b);
}

static struct peer *open_asker(void)
{
	struct peer *p = new_peers(1);
	unsigned before = peers.n_open;

	p->asks = true;
	peer_open(p, WS, target_port(), "", 0);
	wait_open(before + 1);
	return p;
}

static void subscribe_patterns(unsigned n)
{
	for (unsigned i = 0; i < n; i += PATTERNS_EACH) {
		unsigned left = n - i;
		ask(open_asker(), "{\"_op\":\"subscribe\",\"_room\":\"pattern", ".*\"}", i,
			left < PATTERNS_EACH ? left : PATTERNS_EACH);
	}
}

static _Noreturn void be_beside(const struct beside *b, int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	peers_begin();
	peers.rooms = 1;
	open_idle(b->idle);
	subscribe_patterns(b->patterns);
	if (b->rooms)
		ask(open_asker(), "{\"_ref\":1,\"_room\":\"beside", "\",\"text\":\"kept\"}", 0, b->rooms);
	if (write(ready, "", 1) != 1)
		exit(1);
	for (;;)
		pause();
}

unsigned beside_files(const struct beside *b)
{
	return b->idle + b->patterns / PATTERNS_EACH + 2;
}

void beside_start(const struct beside *b)
{
	int ready[2];
	char c;

	if (!b->idle && !b->rooms && !b->patterns)
		return;
	if (pipe(ready) != 0)
		target_void("pipe: %s", strerror(errno));
	child = fork();
	if (child == 0) {
		close(ready[0]);
		be_beside(b, ready[1]);
	}
	close(ready[1]);
	if (child < 0 || read(ready[0], &c, 1) != 1)
		target_void("what is to be beside could not be made");
	close(ready[0]);
}

void beside_drop(void)
{
	if (child > 0)
		kill(child, SIGKILL); /* and whoever waited for it would read nothing meanwhile */
	child = 0;
}
