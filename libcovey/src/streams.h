/* streams.h - the block of memory behind features of streams, and what its three files have of each other.
 *
 * Four tables: MI (source MAC and address), H (source address), HH (channel) and HpHp (socket). A channel or socket is one
 * stream with both directions. A stream is found by a 64-bit SipHash-1-3 of its addresses under the block's own key, which
 * is its identity too: two of n live streams are taken for one with odds n / 2^64 at each new stream. A table keeps its
 * streams in order of use; a full one gives the oldest away. Features, formulas, deviations: docs/SPEC.md.
 *
 * streams.c makes rows of packets, streams_places.c keys of addresses, streams_tables.c keeps what has a key. */
#ifndef COVEY_STREAMS_H
#define COVEY_STREAMS_H

#include <stddef.h>
#include <stdint.h>

#include "covey_watch.h"

#define WINDOWS COVEY_WINDOWS
#define NO_STREAM 0xffffu
#define STREAMS_MAGIC 0x53565943u /* "CYVS" */

enum { MI_STREAMS, H_STREAMS, HH_STREAMS, HPHP_STREAMS, TABLES };
enum { DOES_MI = 1, DOES_H = 2, DOES_HH = 4, DOES_JITTER = 8, DOES_HPHP = 16 }; /* groups that columns ask for */

/* Every stream begins so. `newer` and `older` chain all of a table, `next` those of a bucket. */
typedef struct {
    uint64_t key;
    uint16_t newer, older, next, reserved;
} stream;

typedef struct {
    stream head;
    uint64_t last_ns; /* of the table's clock */
    float windows[3 * WINDOWS];
} host_stream;

typedef struct {
    stream head;
    uint64_t last_ns[2];
    float last[2]; /* sizes: with the mean they give the last residual */
    float sum[WINDOWS];
    float windows[2][3 * WINDOWS];
} pair_stream;

typedef struct {
    pair_stream pair;
    float jitter[2][3 * WINDOWS];
} channel_stream;

typedef struct {
    uint32_t used, buckets; /* buckets: a power of two */
    uint16_t newest, oldest;
    uint32_t at, first; /* bytes from the start of the block to the buckets and to the streams */
    uint32_t stream_bytes;
} streams_table;

typedef struct {
    uint32_t magic, capacity;
    uint64_t seed[2];
    uint64_t packets, backwards, evictions;
    uint64_t clock_ns; /* runs from 0, never backwards */
    int64_t latest_ns; /* the packet's time that clock_ns stands for */
    streams_table tables[TABLES];
} streams_block;

/* Which streams a packet belongs to. way: 1 where the source is the higher end of a channel or socket. */
typedef struct {
    uint64_t key[TABLES];
    uint8_t way[TABLES];
} places;

static inline int covey_streams_is(const void *streams)
{
    return streams && (uintptr_t)streams % 8 == 0 && ((const streams_block *)streams)->magic == STREAMS_MAGIC;
}

void covey_streams_place(const uint64_t seed[2], const covey_packet *packet, uint32_t does, places *out);
/* The stream of that key, a new one of zeros where there is none; it is now the one most recently used. */
stream *covey_streams_find(streams_block *all, uint32_t which, uint64_t key);
/* Asks for the memory that packets at `at` will touch, n of them: tables are larger than the caches near the processor. */
void covey_streams_fetch(const streams_block *all, const places *at, uint32_t n);

#endif
