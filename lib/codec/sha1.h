/* sha1.h - SHA-1 (RFC 3174), for the handshake of WebSocket and nothing else
 *
 * Broken as a signature; RFC 6455 4.2.2 uses it as a check that both ends speak WebSocket. */
#ifndef RT_CODEC_SHA1_H
#define RT_CODEC_SHA1_H

#include <stddef.h>

#define SHA1_BYTES 20

void sha1(const void *p, size_t n, unsigned char out[SHA1_BYTES]);

#endif
