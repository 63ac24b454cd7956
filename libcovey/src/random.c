/* random.c - SplitMix64 as a counter generator (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
 *
 * Value i needs no state, so any thread or device can compute it alone. A child stream's seed is a value of a stream that
 * nobody draws from: that of the parent with TWIST applied. */
#include "covey.h"

#include "random.h"

#define TWIST 0xd1b54a32d192ed03u

uint64_t covey_random_u64(uint64_t seed, uint64_t index)
{
    return covey_random_inline(seed, index);
}

uint64_t covey_seed(uint64_t parent, uint64_t label)
{
    return covey_random_u64(covey_random_mixed(parent ^ TWIST), label);
}
