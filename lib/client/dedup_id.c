/* dedup_id.c - ids that make a resend harmless
 *
 * FNV-1a over 128 bits: nobody gains by forging a collision within a room that he may publish
 * to anyway, and it must come out the same on every machine and in every version, which rules
 * out a keyed hash. */
#include "client/dedup_id.h"

#include <stdio.h>

__extension__ typedef unsigned __int128 u128;

static u128 hash_bytes(u128 h, const void *p, size_t n)
{
	const u128 prime = (u128)1 << 88 | 0x13b;
	const unsigned char *s = p;

	for (size_t i = 0; i < n; i++)
		h = (h ^ s[i]) * prime;
	return h;
}

void dedup_id_hash(char out[DEDUP_ID_MAX], struct str room, struct str id, uint64_t n)
{
	static const char hex[] = "0123456789abcdef";
	u128 h = (u128)0x6c62272e07bb0142u << 64 | 0x62b821756295c58du;
	unsigned char count[8];

	for (int i = 0; i < 8; i++)
		count[i] = (unsigned char)(n >> 8 * i);
	h = hash_bytes(h, room.p, room.n);
	h = hash_bytes(h, "", 1);
	h = hash_bytes(h, id.p, id.n);
	h = hash_bytes(h, "", 1);
	h = hash_bytes(h, count, sizeof(count));
	for (int i = 31; i >= 0; i--, h >>= 4)
		out[i] = hex[(unsigned)h & 15];
	out[32] = '\0';
}

void dedup_id_init(struct dedup_id *d)
{
	uint64_t r;

	memset(d, 0, sizeof(*d));
	rand_bytes(&r, sizeof(r));
	snprintf(d->process, sizeof(d->process), "%016llx", (unsigned long long)r);
}

void dedup_id_fini(struct dedup_id *d)
{
	buf_fini(&d->source);
}

static bool is_last(const struct dedup_id *d, struct str room, struct str id)
{
	struct str s = buf_str(&d->source);

	return s.n == room.n + 1 + id.n && s.p[room.n] == '\0' &&
		str_eq(str_make(s.p, room.n), room) && str_eq(str_skip(s, room.n + 1), id);
}

struct str dedup_id_of_source(struct dedup_id *d, struct str room, struct str id)
{
	if (is_last(d, room, id)) {
		d->n++;
	} else {
		d->n = 0;
		d->source.n = 0;
		buf_add_str(&d->source, room);
		buf_add_char(&d->source, '\0');
		buf_add_str(&d->source, id);
	}
	dedup_id_hash(d->text, room, id, d->n);
	return str_make(d->text, DEDUP_ID_MAX - 1);
}

void dedup_id_forget(struct dedup_id *d)
{
	d->source.n = 0;
}

struct str dedup_id_next(struct dedup_id *d)
{
	char digits[20], *p = d->text;
	uint64_t v = ++d->counter;
	int n = 0;

	dedup_id_forget(d);
	memcpy(p, d->process, 16);
	p += 16;
	*p++ = '-';
	do
		digits[n++] = (char)('0' + v % 10);
	while ((v /= 10) > 0);
	while (n > 0)
		*p++ = digits[--n];
	return str_make(d->text, (size_t)(p - d->text));
}
