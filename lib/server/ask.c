/* ask.c - a short list: at most one question of a subscription is open */
#include "server/ask.h"

#include "base/mem.h"

struct ask {
	struct list link;
	struct sub *sub;
	uint64_t tag;
};

void asks_init(struct asks *a)
{
	a->last = 0;
	list_init(&a->list);
}

static void ask_free(struct ask *one)
{
	list_del(&one->link);
	mem_free(one);
}

void asks_fini(struct asks *a)
{
	list_for_each_safe(it, &a->list)
		ask_free(list_entry(it, struct ask, link));
}

uint64_t ask_new(struct asks *a, struct sub *s)
{
	struct ask *one = mem_new(struct ask);

	one->sub = s;
	one->tag = ++a->last;
	list_init(&one->link);
	list_add(&a->list, &one->link);
	return one->tag;
}

struct sub *ask_take(struct asks *a, uint64_t tag)
{
	list_for_each(it, &a->list) {
		struct ask *one = list_entry(it, struct ask, link);
		struct sub *s = one->sub;
		if (one->tag == tag) {
			ask_free(one);
			return s;
		}
	}
	return NULL;
}

void asks_forget(struct asks *a, const struct sub *s)
{
	list_for_each_safe(it, &a->list)
		if (list_entry(it, struct ask, link)->sub == s)
			ask_free(list_entry(it, struct ask, link));
}
