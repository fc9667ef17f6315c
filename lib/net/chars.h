/* chars.h - the characters of HTTP, for head.c and body.c; ASCII only, whatever the locale */
#ifndef RT_NET_CHARS_H
#define RT_NET_CHARS_H

#include <stdbool.h>
#include <string.h>

static inline bool char_is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static inline bool char_is_alnum(unsigned char c)
{
	return char_is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static inline bool char_in(unsigned char c, const char *set)
{
	return c != '\0' && strchr(set, c);
}

static inline bool char_is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

/* What a line may hold: field-vchar, space and tab (RFC 9110 5.5). */
static inline bool char_is_text(unsigned char c)
{
	return !char_is_control(c) || c == '\t';
}

/* tchar, RFC 9110 5.6.2 */
static inline bool char_is_token(unsigned char c)
{
	return char_is_alnum(c) || char_in(c, "-!#$%&'*+.^_`|~");
}

/* unreserved, RFC 3986 2.3 */
static inline bool char_is_unreserved(unsigned char c)
{
	return char_is_alnum(c) || char_in(c, "-._~");
}

/* pchar without escapes, and '/', RFC 3986 3.3 */
static inline bool char_is_path(unsigned char c)
{
	return char_is_alnum(c) || char_in(c, "/-._~!$&'()*+,;=:@");
}

/* 0 to 15, or -1. */
static inline int char_hex(unsigned char c)
{
	if (char_is_digit(c))
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
