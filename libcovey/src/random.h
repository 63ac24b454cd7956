/* random.h - value i of a SplitMix64 stream, inline for loops that draw many (random.c has the rules). */
#ifndef COVEY_RANDOM_H
#define COVEY_RANDOM_H

#include <stdint.h>

static inline uint64_t covey_random_mixed(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline uint64_t covey_random_inline(uint64_t seed, uint64_t index)
{
    return covey_random_mixed(seed + (index + 1) * 0x9e3779b97f4a7c15u);
}

#endif
