#include "base/list.h"
#include "model.h"
#include "tap.h"

struct item {
	int id;
	struct list link;
};

enum { ITEMS = 64, LISTS = 3 };

static struct item items[ITEMS];
static struct list lists[LISTS];
/* The model: the ids of each list in order. */
static int model[LISTS][ITEMS], count[LISTS], home[ITEMS];

static void model_remove(int id)
{
	int *m, at = 0;

	if (home[id] < 0)
		return;
	m = model[home[id]];
	while (m[at] != id)
		at++;
	memmove(m + at, m + at + 1, sizeof(*m) * (size_t)(--count[home[id]] - at));
	home[id] = -1;
}

static bool agrees(int l)
{
	int i = 0;
	struct list *back = lists[l].prev;

	list_for_each(it, &lists[l]) {
		if (i >= count[l] || list_entry(it, struct item, link)->id != model[l][i])
			return false;
		i++;
	}
	if (i != count[l] || list_empty(&lists[l]) != (i == 0))
		return false;
	while (i-- > 0) {
		if (list_entry(back, struct item, link)->id != model[l][i])
			return false;
		back = back->prev;
	}
	return back == &lists[l];
}

static void step(uint64_t *seed)
{
	int id = (int)draw_below(seed, ITEMS), l = (int)draw_below(seed, LISTS), to;
	struct list *popped;

	switch (draw_below(seed, 6)) {
	case 0:
	case 1:
		if (home[id] >= 0)
			break;
		list_add(&lists[l], &items[id].link);
		model[l][count[l]++] = id;
		home[id] = l;
		break;
	case 2:
		if (home[id] >= 0)
			break;
		list_add(lists[l].next, &items[id].link); /* before the first */
		memmove(model[l] + 1, model[l], sizeof(int) * (size_t)count[l]++);
		model[l][0] = id;
		home[id] = l;
		break;
	case 3:
		list_del(&items[id].link);
		model_remove(id);
		break;
	case 4:
		popped = list_pop(&lists[l]);
		if (popped)
			model_remove(list_entry(popped, struct item, link)->id);
		break;
	case 5:
		to = (l + 1) % LISTS;
		if (draw_below(seed, 8))
			break;
		list_splice(&lists[to], &lists[l]);
		for (int i = 0; i < count[l]; i++) {
			model[to][count[to]++] = model[l][i];
			home[model[l][i]] = to;
		}
		count[l] = 0;
		break;
	}
}

static void test_model(void)
{
	uint64_t seed = 7;
	int i;

	for (int l = 0; l < LISTS; l++)
		list_init(&lists[l]);
	for (int id = 0; id < ITEMS; id++) {
		items[id].id = id;
		list_init(&items[id].link);
		home[id] = -1;
	}
	for (i = 0; i < 60000; i++) {
		step(&seed);
		if (!agrees(0) || !agrees(1) || !agrees(2))
			break;
	}
	is_int(i, 60000, "random operations agree with arrays (seed 7)");
}

int main(void)
{
	struct list head = LIST_INIT(head);
	struct item a = { .id = 1 }, b = { .id = 2 };
	int n = 0;

	ok(list_empty(&head), "empty at first");
	ok(list_pop(&head) == NULL, "nothing to pop");
	list_splice(&head, &head);
	ok(list_empty(&head), "nothing into itself");
	list_init(&a.link);
	list_del(&a.link);
	list_add(&head, &a.link);
	list_add(&head, &b.link);
	list_for_each_safe(it, &head) {
		n += list_entry(it, struct item, link)->id;
		list_del(it);
		list_del(it);
	}
	ok(n == 3 && list_empty(&head), "all removed while walking, each twice");
	test_model();
	return tap_done();
}
