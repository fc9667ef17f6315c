/* str.c - looking at bytes, hashing them, and randomness
 *
 * Nothing here allocates or keeps a pointer. The hash is SipHash-1-3 (Aumasson, Bernstein:
 * "SipHash: a fast short-input PRF"), the generator xoshiro256** (Blackman, Vigna). */
#include "base/str.h"
#include "base/err.h"
#include "base/log.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

struct str str_head(struct str s, size_t max)
{
	size_t n = max;

	if (s.n <= max)
		return s;
	while (n > 0 && max - n < 4 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return (struct str){ s.p, n };
}

const char *str_brief(struct str s, char *space, size_t size)
{
	char length[48] = "";
	size_t length_n = 0;

	if (s.n >= size) {
		length_n = (size_t)snprintf(length, sizeof(length), "… (%zu bytes)", s.n);
		s = str_head(s, size - 1 - length_n);
	}
	memcpy(space, s.n ? s.p : "", s.n);
	memcpy(space + s.n, length, length_n);
	space[s.n + length_n] = '\0';
	return space;
}

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

bool str_case_eq(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
	while (s.n > 0 && blank(s.p[0]))
		s = str_skip(s, 1);
	while (s.n > 0 && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str str_cut(struct str s, char sep, struct str *rest)
{
	const char *at = s.n > 0 ? memchr(s.p, sep, s.n) : NULL;
	size_t n = at ? (size_t)(at - s.p) : s.n;

	if (rest)
		*rest = at ? str_skip(s, n + 1) : (struct str){ NULL, 0 };
	return (struct str){ s.p, n };
}

long str_find(struct str s, struct str needle)
{
	const char *at;

	if (needle.n == 0)
		return 0;
	if (s.n < needle.n)
		return -1;
	at = memmem(s.p, s.n, needle.p, needle.n);
	return at ? (long)(at - s.p) : -1;
}

int str_u64(struct str s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return ERR_INVALID;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned char)s.p[i] - '0';
		if (digit > 9 || __builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, digit, &v))
			return ERR_INVALID;
	}
	*out = v;
	return 0;
}

/* --- UTF-8 ----------------------------------------------------------------------------------- */

size_t str_rune(struct str s, uint32_t *rune)
{
	const unsigned char *p = (const unsigned char *)s.p;
	unsigned char low = 0x80, high = 0xbf; /* of the second byte: RFC 3629, section 4 */
	uint32_t r;
	size_t need;

	*rune = p[0];
	if (p[0] < 0x80)
		return 1;
	*rune = STR_BROKEN;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 1;
	need = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	r = p[0] & (0x7fu >> need);
	switch (p[0]) {
	case 0xe0: low = 0xa0; break;  /* else overlong */
	case 0xed: high = 0x9f; break; /* else a surrogate */
	case 0xf0: low = 0x90; break;  /* else overlong */
	case 0xf4: high = 0x8f; break; /* else above U+10FFFF */
	}
	for (size_t i = 1; i < need; i++) {
		if (i >= s.n || p[i] < low || p[i] > high)
			return i;
		r = r << 6 | (p[i] & 0x3fu);
		low = 0x80;
		high = 0xbf;
	}
	*rune = r;
	return need;
}

bool str_utf8(struct str s)
{
	const char *p = s.p, *end;
	uint64_t word;
	uint32_t rune;

	if (s.n == 0)
		return true;
	end = p + s.n;
	while (p < end) {
		/* Most text is ASCII: eight bytes at a time. */
		while ((size_t)(end - p) >= sizeof(word)) {
			memcpy(&word, p, sizeof(word));
			if (word & 0x8080808080808080u)
				break;
			p += sizeof(word);
		}
		if (p == end)
			break;
		p += str_rune((struct str){ p, (size_t)(end - p) }, &rune);
		if (rune == STR_BROKEN)
			return false;
	}
	return true;
}

/* --- the hash -------------------------------------------------------------------------------- */

static uint64_t rotl(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

uint64_t str_siphash(const uint64_t key[2], struct str s)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
		key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u };
	uint64_t word;
	size_t i;

	for (i = 0; i + 8 <= s.n; i += 8) {
		memcpy(&word, s.p + i, 8);
		sip_word(v, le64toh(word));
	}
	word = (uint64_t)s.n << 56;
	for (int shift = 0; i < s.n; i++, shift += 8)
		word |= (uint64_t)(unsigned char)s.p[i] << shift;
	sip_word(v, word);
	v[2] ^= 0xff;
	for (int r = 0; r < 3; r++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint64_t hash_key[2];

static void draw_hash_key(void)
{
	rand_bytes(hash_key, sizeof(hash_key));
}

uint64_t str_hash(struct str s)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, draw_hash_key);
	return str_siphash(hash_key, s);
}

/* --- randomness ------------------------------------------------------------------------------ */

void rand_bytes(void *p, size_t n)
{
	char *at = p;

	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);
		if (got < 0 && errno != EINTR) {
			log_error("no random bytes from the kernel: %s", strerror(errno));
			_exit(6);
		}
		if (got > 0) {
			at += got;
			n -= (size_t)got;
		}
	}
}

static _Thread_local struct {
	uint64_t s[4];
	bool seeded;
} gen;

/* A child must not walk the same road as its parent and siblings. */
static void forget_seed(void)
{
	gen.seeded = false;
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, forget_seed);
}

static uint64_t next_random(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint64_t *s = gen.s, result, t;

	if (!gen.seeded) {
		pthread_once(&once, watch_forks);
		rand_bytes(s, sizeof(gen.s));
		gen.seeded = true;
	}
	result = rotl(s[1] * 5, 7) * 9;
	t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

uint64_t rand_below(uint64_t n)
{
	uint64_t skewed = -n % n; /* 2^64 mod n: so many values at the bottom would favour some */
	uint64_t r;

	do
		r = next_random();
	while (r < skewed);
	return r % n;
}
