/* model.h - the same random numbers in every run, for tests against naive models (splitmix64) */
#ifndef RT_TESTS_MODEL_H
#define RT_TESTS_MODEL_H

#include <stdint.h>

static inline uint64_t draw(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline unsigned draw_below(uint64_t *seed, unsigned n)
{
	return (unsigned)(draw(seed) % n);
}

#endif
