/* siphash.h - SipHash-1-3 (Aumasson and Bernstein, INDOCRYPT 2012), inline: a keyed hash that nobody without the key can aim. */
#ifndef COVEY_SIPHASH_H
#define COVEY_SIPHASH_H

#include <stdint.h>

static inline uint64_t covey_rotated(uint64_t x, uint32_t n)
{
    return x << n | x >> (64 - n);
}

static inline void covey_sip_round(uint64_t v[4])
{
    v[0] += v[1], v[2] += v[3];
    v[1] = covey_rotated(v[1], 13) ^ v[0], v[3] = covey_rotated(v[3], 16) ^ v[2];
    v[0] = covey_rotated(v[0], 32);
    v[2] += v[1], v[0] += v[3];
    v[1] = covey_rotated(v[1], 17) ^ v[2], v[3] = covey_rotated(v[3], 21) ^ v[0];
    v[2] = covey_rotated(v[2], 32);
}

/* Of n words of 8 bytes, little-endian; the last holds the message's length in its top byte. */
static inline uint64_t covey_sip_hash(const uint64_t seed[2], const uint64_t *words, uint32_t n)
{
    uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575u, seed[1] ^ 0x646f72616e646f6du, seed[0] ^ 0x6c7967656e657261u,
                     seed[1] ^ 0x7465646279746573u};
    for (uint32_t i = 0; i < n; i++) {
        v[3] ^= words[i];
        covey_sip_round(v);
        v[0] ^= words[i];
    }
    v[2] ^= 0xff;
    for (uint32_t i = 0; i < 3; i++)
        covey_sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

#endif
