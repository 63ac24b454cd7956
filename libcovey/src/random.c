/* random.c - SplitMix64 as a counter generator (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
 *
 * Value i needs no state, so any thread or device can compute it alone. A child stream's seed is a value of a stream that
 * nobody draws from: that of the parent with TWIST applied. */
#include "covey.h"

#define GOLDEN 0x9e3779b97f4a7c15u
#define TWIST 0xd1b54a32d192ed03u

static uint64_t mixed(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t covey_random_u64(uint64_t seed, uint64_t index)
{
    return mixed(seed + (index + 1) * GOLDEN);
}

uint64_t covey_seed(uint64_t parent, uint64_t label)
{
    return covey_random_u64(mixed(parent ^ TWIST), label);
}
