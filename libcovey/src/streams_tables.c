/* streams_tables.c - tables of streams in fixed memory: found by key, kept in order of use. */
#include <string.h>

#include "random.h"
#include "streams.h"

#if defined(__GNUC__)
#define FETCH(address) __builtin_prefetch(address, 1)
#else
#define FETCH(address) ((void)(address))
#endif

static inline stream *stream_at(const streams_block *all, const streams_table *in, uint32_t index)
{
    return (stream *)((uint8_t *)(uintptr_t)all + in->first + (size_t)index * in->stream_bytes);
}

static inline uint16_t *bucket_of(const streams_block *all, const streams_table *in, uint64_t key)
{
    return (uint16_t *)((uint8_t *)(uintptr_t)all + in->at) + (key & (in->buckets - 1));
}

static void take_out_of_order(const streams_block *all, streams_table *in, const stream *one)
{
    if (one->newer == NO_STREAM)
        in->newest = one->older;
    else
        stream_at(all, in, one->newer)->older = one->older;
    if (one->older == NO_STREAM)
        in->oldest = one->newer;
    else
        stream_at(all, in, one->older)->newer = one->newer;
}

static void put_newest(const streams_block *all, streams_table *in, stream *one, uint32_t index)
{
    one->newer = NO_STREAM;
    one->older = in->newest;
    if (in->newest == NO_STREAM)
        in->oldest = (uint16_t)index;
    else
        stream_at(all, in, in->newest)->newer = (uint16_t)index;
    in->newest = (uint16_t)index;
}

/* Takes the stream least recently used out of its bucket and of the order. */
static uint32_t evict(streams_block *all, streams_table *in)
{
    uint32_t index = in->oldest;
    stream *one = stream_at(all, in, index);
    uint16_t *link = bucket_of(all, in, one->key);
    while (*link != index)
        link = &stream_at(all, in, *link)->next;
    *link = one->next;
    take_out_of_order(all, in, one);
    all->evictions++;
    return index;
}

stream *covey_streams_find(streams_block *all, uint32_t which, uint64_t key)
{
    streams_table *in = &all->tables[which];
    uint16_t *bucket = bucket_of(all, in, key);
    for (uint32_t index = *bucket; index != NO_STREAM;) {
        stream *one = stream_at(all, in, index);
        if (one->key == key) {
            if (in->newest != index) {
                take_out_of_order(all, in, one);
                put_newest(all, in, one, index);
            }
            return one;
        }
        index = one->next;
    }
    uint32_t index = in->used < all->capacity ? in->used++ : evict(all, in);
    stream *one = stream_at(all, in, index);
    memset(one, 0, in->stream_bytes);
    one->key = key;
    one->next = *bucket;
    *bucket = (uint16_t)index;
    put_newest(all, in, one, index);
    return one;
}

/* ---------------------------------------------------------------- memory */

static void fetch_buckets(const streams_block *all, const places *at)
{
    for (uint32_t which = 0; which < TABLES; which++)
        FETCH(bucket_of(all, &all->tables[which], at->key[which]));
}

static void fetch_streams(const streams_block *all, const places *at)
{
    for (uint32_t which = 0; which < TABLES; which++) {
        const streams_table *in = &all->tables[which];
        uint32_t index = *bucket_of(all, in, at->key[which]);
        if (index == NO_STREAM)
            continue;
        const uint8_t *bytes = (const uint8_t *)stream_at(all, in, index);
        for (uint32_t i = 0; i < in->stream_bytes; i += 64)
            FETCH(bytes + i);
    }
}

void covey_streams_fetch(const streams_block *all, const places *at, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        fetch_buckets(all, &at[i]);
    for (uint32_t i = 0; i < n; i++)
        fetch_streams(all, &at[i]);
}

static uint32_t stream_size(uint32_t which)
{
    return (uint32_t)(which < HH_STREAMS ? sizeof(host_stream) : which == HH_STREAMS ? sizeof(channel_stream) : sizeof(pair_stream));
}

static uint32_t buckets_for(uint32_t capacity)
{
    uint32_t buckets = 4; /* whole words of memory */
    while (buckets < capacity)
        buckets *= 2;
    return buckets;
}

size_t covey_streams_size(uint32_t capacity)
{
    if (capacity == 0 || capacity > COVEY_MAX_STREAMS)
        return 0;
    size_t size = sizeof(streams_block);
    for (uint32_t which = 0; which < TABLES; which++)
        size += buckets_for(capacity) * sizeof(uint16_t) + (size_t)capacity * stream_size(which);
    return size;
}

int covey_streams_init(void *streams, size_t size, uint32_t capacity, uint64_t seed)
{
    size_t needed = covey_streams_size(capacity);
    if (!streams || needed == 0 || (uintptr_t)streams % 8 != 0)
        return COVEY_E_ARGUMENT;
    if (size < needed)
        return COVEY_E_ARENA;
    memset(streams, 0, needed);
    streams_block *all = streams;
    all->magic = STREAMS_MAGIC;
    all->capacity = capacity;
    all->seed[0] = covey_random_inline(seed, 0);
    all->seed[1] = covey_random_inline(seed, 1);
    size_t at = sizeof(streams_block);
    for (uint32_t which = 0; which < TABLES; which++) {
        streams_table *in = &all->tables[which];
        in->buckets = buckets_for(capacity);
        in->newest = in->oldest = NO_STREAM;
        in->stream_bytes = stream_size(which);
        in->at = (uint32_t)at;
        in->first = (uint32_t)(at + in->buckets * sizeof(uint16_t));
        memset((uint8_t *)streams + at, 0xff, in->buckets * sizeof(uint16_t));
        at = in->first + (size_t)capacity * in->stream_bytes;
    }
    return COVEY_OK;
}

int covey_streams_count(const void *streams, covey_streams_counts *counts)
{
    const streams_block *all = streams;
    if (!covey_streams_is(streams) || !counts)
        return COVEY_E_ARGUMENT;
    memset(counts, 0, sizeof *counts);
    counts->packets = all->packets;
    counts->backwards = all->backwards;
    counts->evictions = all->evictions;
    counts->capacity = all->capacity;
    for (uint32_t which = 0; which < TABLES; which++)
        counts->streams[which] = all->tables[which].used;
    return COVEY_OK;
}
