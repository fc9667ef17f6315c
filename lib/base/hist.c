/* hist.c - where a value is counted, and back */
#include "base/hist.h"

#include "base/mem.h"

#include <math.h>

#define SUB  (1u << HIST_SUB_BITS)
#define HALF (SUB / 2)

void hist_fini(struct hist *h)
{
	mem_free(h->counts);
	*h = (struct hist){ 0 };
}

void hist_clear(struct hist *h)
{
	if (h->n)
		memset(h->counts, 0, h->cap * sizeof(*h->counts));
	h->n = h->min = h->max = 0;
	h->sum = 0;
}

/* Bucket b < SUB holds the value b. Above, each doubling has HALF buckets. */
static size_t bucket_of(uint64_t value)
{
	unsigned shift;

	if (value < SUB)
		return (size_t)value;
	shift = (unsigned)(63 - __builtin_clzll(value)) - (HIST_SUB_BITS - 1);
	return (size_t)shift * HALF + (size_t)(value >> shift);
}

static uint64_t low_of(size_t bucket)
{
	size_t shift = bucket < SUB ? 0 : bucket / HALF - 1;

	return (uint64_t)(bucket - shift * HALF) << shift;
}

static uint64_t high_of(size_t bucket)
{
	return low_of(bucket + 1) - 1;
}

static void grow(struct hist *h, size_t bucket)
{
	size_t cap = (bucket / HALF + 1) * HALF;

	h->counts = mem_resize(h->counts, cap, sizeof(*h->counts));
	memset(h->counts + h->cap, 0, (cap - h->cap) * sizeof(*h->counts));
	h->cap = cap;
}

void hist_add_n(struct hist *h, uint64_t value, uint64_t n)
{
	size_t bucket;

	if (!n)
		return;
	if (value > HIST_MAX)
		value = HIST_MAX;
	bucket = bucket_of(value);
	if (bucket >= h->cap)
		grow(h, bucket);
	if (!h->n || value < h->min)
		h->min = value;
	if (!h->n || value > h->max)
		h->max = value;
	h->counts[bucket] += n;
	h->n += n;
	h->sum += (long double)value * (long double)n;
}

void hist_merge(struct hist *h, const struct hist *from)
{
	if (!from->n)
		return;
	if (from->cap > h->cap)
		grow(h, from->cap - 1);
	for (size_t i = 0; i < from->cap; i++)
		h->counts[i] += from->counts[i];
	if (!h->n || from->min < h->min)
		h->min = from->min;
	if (!h->n || from->max > h->max)
		h->max = from->max;
	h->n += from->n;
	h->sum += from->sum;
}

static uint64_t clamp(const struct hist *h, uint64_t v)
{
	return v < h->min ? h->min : v > h->max ? h->max : v;
}

uint64_t hist_percentile(const struct hist *h, double percent)
{
	uint64_t rank, seen = 0;
	/* Without the last bits, which are noise: 99.9 % of 1000 are 999 values, not 1000. */
	double want = ceil(percent * (double)h->n / 100 * (1 - 1e-15));

	if (!h->n)
		return 0;
	rank = want < 1 ? 1 : want >= (double)h->n ? h->n : (uint64_t)want;
	for (size_t i = 0; i < h->cap; i++) {
		seen += h->counts[i];
		if (seen >= rank)
			return clamp(h, high_of(i));
	}
	return h->max;
}

double hist_mean(const struct hist *h)
{
	return h->n ? (double)(h->sum / (long double)h->n) : 0;
}

bool hist_next(const struct hist *h, size_t *bucket, uint64_t *low, uint64_t *high, uint64_t *n)
{
	for (; *bucket < h->cap; ++*bucket) {
		if (!h->counts[*bucket])
			continue;
		*low = low_of(*bucket);
		*high = high_of(*bucket);
		*n = h->counts[(*bucket)++];
		return true;
	}
	return false;
}

void hist_format(const struct hist *h, struct buf *out)
{
	uint64_t low, high, n;
	const char *comma = "";

	buf_addf(out, "{\"n\":%llu,\"min\":%llu,\"max\":%llu,\"sum\":", (unsigned long long)h->n,
		(unsigned long long)h->min, (unsigned long long)h->max);
	if (h->sum < 0x1p63L)
		buf_addf(out, "%.0Lf,\"buckets\":[", h->sum);
	else /* parsers take no greater integer */
		buf_addf(out, "%.17g,\"buckets\":[", (double)h->sum);
	for (size_t b = 0; hist_next(h, &b, &low, &high, &n); comma = ",")
		buf_addf(out, "%s[%llu,%llu]", comma, (unsigned long long)low,
			(unsigned long long)n);
	buf_add_text(out, "]}");
}
