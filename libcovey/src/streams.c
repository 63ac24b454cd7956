/* streams.c - features of streams: a table of damped windows for each kind of stream, one update a packet.
 *
 * Four tables: MI (source MAC and address), H (source address), HH (channel) and HpHp (socket). A channel or socket is one
 * record with both directions. A record is found by a 64-bit SipHash-1-3 of its addresses under the table's own key, which
 * is its identity too: two of n live streams are taken for one with odds n / 2^64 at each new stream. Each table keeps its
 * records in order of use; a full one gives the oldest away. Features, formulas, deviations: docs/SPEC.md. */
#include "canonical.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bytes.h"
#include "covey_watch.h"
#include "random.h"

#if defined(__GNUC__) && (defined(__SSE2__) || defined(__aarch64__))
#define HAS_VECTORS 1
#define INLINE static inline __attribute__((always_inline))
#define BATCH 8 /* packets whose records are fetched together */
#define FETCH(address) __builtin_prefetch(address, 1)
#define NOT_VECTORS() __asm__ volatile("" ::: "memory")
#if defined(__SSE2__)
#include <emmintrin.h>
#else
#include <arm_neon.h>
#endif
#else
#define HAS_VECTORS 0
#define INLINE static /* small code: called in loops */
#define BATCH 1
#define FETCH(address) ((void)(address))
#define NOT_VECTORS() ((void)0)
#endif

#define MAGIC 0x53565943u /* "CYVS" */
#define NONE 0xffffu      /* no record */
#define WINDOWS COVEY_WINDOWS
#define NEGLIGIBLE 8.67361738e-19f /* 2^-60 */
#define OLDEST 60.0f               /* -log2 of it */
#define REORDER_NS 1000000000u     /* further back than this, the clock was set and not a packet late */

enum { MI, H, HH, HPHP, TABLES };
enum { DOES_MI = 1, DOES_H = 2, DOES_HH = 4, DOES_JITTER = 8, DOES_HPHP = 16 };

/* Every record begins so. `newer` and `older` chain all of a table, `next` those of a bucket. */
typedef struct {
    uint64_t key;
    uint16_t newer, older, next, reserved;
} record;

typedef struct {
    record head;
    uint64_t last_ns; /* of the table's clock */
    float windows[3 * WINDOWS];
} host;

typedef struct {
    record head;
    uint64_t last_ns[2];
    float last[2]; /* sizes: with the mean they give the last residual */
    float sum[WINDOWS];
    float windows[2][3 * WINDOWS];
} socket_pair;

typedef struct {
    socket_pair pair;
    float jitter[2][3 * WINDOWS];
} channel;

typedef struct {
    uint32_t used, buckets; /* buckets: a power of two */
    uint16_t newest, oldest;
    uint32_t at, first; /* bytes from the start of the block to the buckets and to the records */
    uint32_t record_bytes;
} table;

typedef struct {
    uint32_t magic, capacity;
    uint64_t seed[2];
    uint64_t packets, backwards, evictions;
    uint64_t clock_ns; /* runs from 0, never backwards */
    int64_t latest_ns; /* the packet's time that clock_ns stands for */
    table tables[TABLES];
} block;

static const float decays[WINDOWS] = {5.0f, 3.0f, 1.0f, 0.1f, 0.01f};

/* ---------------------------------------------------------------- windows */

#if HAS_VECTORS
typedef float four __attribute__((vector_size(16)));
typedef uint32_t four_bits __attribute__((vector_size(16)));
typedef float four_any __attribute__((vector_size(16), aligned(4), may_alias));

INLINE four load_four(const float *at)
{
    return *(const four_any *)at;
}

INLINE void store_four(float *at, four value)
{
    *(four_any *)at = value;
}

INLINE four root_four(four x)
{
#if defined(__SSE2__)
    return (four)_mm_sqrt_ps((__m128)x);
#else
    return (four)vsqrtq_f32((float32x4_t)x);
#endif
}

#define T four
#define NAME(x) x##_four
#define GET(at) load_four(at)
#define PUT(at, value) store_four(at, value)
#define BITS(x) ((four_bits)(x))
#define FLOAT(x) ((four)(x))
#define ROOT(x) root_four(x)
#define PICK(c, a, b) ((four)(((four_bits)(c) & (four_bits)(a)) | (~(four_bits)(c) & (four_bits)(b))))
#include "streams_window.h"
#endif

#define T float
#define NAME(x) x##_one
#define GET(at) (*(at))
#define PUT(at, value) (*(at) = (value))
#define BITS(x) covey_float_bits(x)
#define FLOAT(x) covey_bits_float(x)
#define ROOT(x) sqrtf(x)
#define PICK(c, a, b) ((c) ? (a) : (b))
#include "streams_window.h"

/* What is left of each window's weight. */
typedef struct {
    float share[WINDOWS];
} decay;

static inline float seconds_between(uint64_t then_ns, uint64_t now_ns)
{
    uint64_t age = now_ns - then_ns;
    return (float)(int64_t)(age > INT64_MAX ? INT64_MAX : age) * 1e-9f;
}

static inline decay decay_after(float seconds)
{
    decay kept;
    uint32_t i = 0;
#if HAS_VECTORS
    store_four(kept.share, decay_four(load_four(decays), seconds));
    i = 4;
#endif
    for (; i < WINDOWS; i++)
        kept.share[i] = decay_one(decays[i], seconds);
    return kept;
}

static inline void add(float *windows, const decay *kept, float value, float *out)
{
    uint32_t i = 0;
#if HAS_VECTORS
    add_four(windows, load_four(kept->share), value, out);
    i = 4;
#endif
    for (; i < WINDOWS; i++)
        add_one(windows + i, kept->share[i], value, out + i);
}

static inline void relate(socket_pair *pair, uint32_t way, const decay *kept, const decay *sum_kept, float *out)
{
    const float *own = pair->windows[way], *peer = pair->windows[!way];
    float value = pair->last[way], peer_value = pair->last[!way];
    uint32_t i = 0;
#if HAS_VECTORS
    relate_four(own, peer, pair->sum, load_four(kept->share), load_four(sum_kept->share), value, peer_value, out);
    i = 4;
#endif
    for (; i < WINDOWS; i++)
        relate_one(own + i, peer + i, pair->sum + i, kept->share[i], sum_kept->share[i], value, peer_value, out + i);
}

/* ---------------------------------------------------------------- addresses */

static inline uint64_t load_u64(const uint8_t *at)
{
    return (uint64_t)covey_load_u32(at) | (uint64_t)covey_load_u32(at + 4) << 32;
}

static inline uint64_t load_mac(const uint8_t *at)
{
    return (uint64_t)covey_load_u32(at) | (uint64_t)covey_load_u16(at + 4) << 32;
}

static inline uint64_t rotated(uint64_t x, uint32_t n)
{
    return x << n | x >> (64 - n);
}

INLINE void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[2] += v[3];
    v[1] = rotated(v[1], 13) ^ v[0], v[3] = rotated(v[3], 16) ^ v[2];
    v[0] = rotated(v[0], 32);
    v[2] += v[1], v[0] += v[3];
    v[1] = rotated(v[1], 17) ^ v[2], v[3] = rotated(v[3], 21) ^ v[0];
    v[2] = rotated(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein, 2012) of n whole words; the last holds the message's length in its top byte. */
INLINE uint64_t sip_hash(const uint64_t seed[2], const uint64_t *words, uint32_t n)
{
    uint64_t v[4] = {seed[0] ^ 0x736f6d6570736575u, seed[1] ^ 0x646f72616e646f6du, seed[0] ^ 0x6c7967656e657261u,
                     seed[1] ^ 0x7465646279746573u};
    for (uint32_t i = 0; i < n; i++) {
        v[3] ^= words[i];
        sip_round(v);
        v[0] ^= words[i];
    }
    v[2] ^= 0xff;
    for (uint32_t i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Which streams a packet belongs to. way: 1 where the source is the higher end of a channel, socket. */
typedef struct {
    uint64_t key[TABLES];
    uint8_t way[TABLES];
} places;

typedef struct {
    uint64_t first, second; /* eight bytes each */
} address;

static inline address address_of(const uint8_t *bytes, const uint8_t *mac, int by_mac)
{
    address result = {by_mac ? load_mac(mac) : load_u64(bytes), by_mac ? 0 : load_u64(bytes + 8)};
    return result;
}

/* Key of a channel or socket: its two ends, the lower number first, 16 bytes each; their ports, 4 bytes; then `tail`. */
static void place_pair(const uint64_t seed[2], address source, address destination, uint32_t source_port,
                       uint32_t destination_port, uint32_t tail, uint32_t tail_bytes, places *out, uint32_t which)
{
    int above = source.first != destination.first     ? source.first > destination.first
                : source.second != destination.second ? source.second > destination.second
                                                      : source_port > destination_port;
    address low = above ? destination : source, high = above ? source : destination;
    uint32_t ports = above ? destination_port | source_port << 16 : source_port | destination_port << 16;
    uint64_t last = ports | (uint64_t)tail << 32 | (uint64_t)(36 + tail_bytes) << 56;
    const uint64_t words[5] = {low.first, low.second, high.first, high.second, last};
    out->key[which] = sip_hash(seed, words, 5);
    out->way[which] = (uint8_t)above;
}

/* MI is the address, 16 bytes, the MAC, 6, and the family, 1; H the address and the family; HH a pair with ports 0 and the
 * family; HpHp a pair with protocol and kind. ARP's addresses are of IPv4's family. MACs stand in for the addresses of
 * kind OTHER, and for those of ARP in HpHp, as in Kitsune. */
static void place(const uint64_t seed[2], const covey_packet *packet, uint32_t does, places *out)
{
    uint32_t kind = packet->kind, family = kind == COVEY_PACKET_ARP ? COVEY_PACKET_IPV4 : kind;
    int by_mac = kind == COVEY_PACKET_OTHER;
    address source = address_of(packet->source, packet->source_mac, by_mac);
    address destination = address_of(packet->destination, packet->destination_mac, by_mac);
    if (does & DOES_MI) {
        uint64_t last = load_mac(packet->source_mac) | (uint64_t)family << 48 | (uint64_t)23 << 56;
        const uint64_t words[3] = {source.first, source.second, last};
        out->key[MI] = sip_hash(seed, words, 3);
    }
    if (does & DOES_H) {
        const uint64_t words[3] = {source.first, source.second, family | (uint64_t)17 << 56};
        out->key[H] = sip_hash(seed, words, 3);
    }
    if (does & (DOES_HH | DOES_JITTER))
        place_pair(seed, source, destination, 0, 0, family, 1, out, HH);
    if (does & DOES_HPHP) {
        by_mac |= kind == COVEY_PACKET_ARP;
        source = address_of(packet->source, packet->source_mac, by_mac);
        destination = address_of(packet->destination, packet->destination_mac, by_mac);
        place_pair(seed, source, destination, packet->source_port, packet->destination_port,
                   packet->protocol | kind << 8, 2, out, HPHP);
    }
}

/* ---------------------------------------------------------------- tables */

static inline record *record_of(const block *all, const table *in, uint32_t index)
{
    return (record *)((uint8_t *)(uintptr_t)all + in->first + (size_t)index * in->record_bytes);
}

static inline uint16_t *bucket_of(const block *all, const table *in, uint64_t key)
{
    return (uint16_t *)((uint8_t *)(uintptr_t)all + in->at) + (key & (in->buckets - 1));
}

static void take_out_of_order(const block *all, table *in, const record *one)
{
    if (one->newer == NONE)
        in->newest = one->older;
    else
        record_of(all, in, one->newer)->older = one->older;
    if (one->older == NONE)
        in->oldest = one->newer;
    else
        record_of(all, in, one->older)->newer = one->newer;
}

static void put_newest(const block *all, table *in, record *one, uint32_t index)
{
    one->newer = NONE;
    one->older = in->newest;
    if (in->newest == NONE)
        in->oldest = (uint16_t)index;
    else
        record_of(all, in, in->newest)->newer = (uint16_t)index;
    in->newest = (uint16_t)index;
}

/* Takes the record least recently used out of its bucket and of the order. */
static uint32_t evict(block *all, table *in)
{
    uint32_t index = in->oldest;
    record *one = record_of(all, in, index);
    uint16_t *link = bucket_of(all, in, one->key);
    while (*link != index)
        link = &record_of(all, in, *link)->next;
    *link = one->next;
    take_out_of_order(all, in, one);
    all->evictions++;
    return index;
}

/* The record of that key, a new one of zeros where there is none; it is now the one most recently used. */
static record *find(block *all, uint32_t which, uint64_t key)
{
    table *in = &all->tables[which];
    uint16_t *bucket = bucket_of(all, in, key);
    for (uint32_t index = *bucket; index != NONE;) {
        record *one = record_of(all, in, index);
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
    record *one = record_of(all, in, index);
    memset(one, 0, in->record_bytes);
    one->key = key;
    one->next = *bucket;
    *bucket = (uint16_t)index;
    put_newest(all, in, one, index);
    return one;
}

/* ---------------------------------------------------------------- packets */

/* Where a row's groups begin among its values, which are (statistic, window) in each group; columns are (window, statistic). */
enum { AT_MI = 0, AT_H = 15, AT_HH = 30, AT_JITTER = 65, AT_HPHP = 80 };
static const struct {
    uint8_t at, statistics, does;
} groups[] = {{AT_MI, 3, DOES_MI}, {AT_H, 3, DOES_H}, {AT_HH, 7, DOES_HH}, {AT_JITTER, 3, DOES_JITTER}, {AT_HPHP, 7, DOES_HPHP}};

/* Which value each column is, and what must be done for these columns; negative: one that there is not. */
static int32_t choose(const uint8_t *columns, uint32_t n_columns, uint8_t *value_of)
{
    uint32_t does = 0;
    for (uint32_t i = 0; i < n_columns; i++) {
        uint32_t column = columns ? columns[i] : i, group = 4;
        if (column >= COVEY_FEATURES)
            return COVEY_E_ARGUMENT;
        while (column < groups[group].at)
            group--;
        uint32_t at = column - groups[group].at, statistics = groups[group].statistics;
        value_of[i] = (uint8_t)(groups[group].at + at % statistics * WINDOWS + at / statistics);
        does |= groups[group].does;
    }
    return (int32_t)does;
}

static void update_host(block *all, uint32_t which, const places *at, float value, float *values)
{
    host *one = (host *)find(all, which, at->key[which]);
    decay kept = decay_after(seconds_between(one->last_ns, all->clock_ns));
    add(one->windows, &kept, value, values);
    one->last_ns = all->clock_ns;
}

/* `jitter`: where its values go, or NULL. The first packet of a direction has none. */
static void update_pair(block *all, uint32_t which, const places *at, float value, float *values, float *jitter)
{
    uint32_t way = at->way[which];
    socket_pair *pair = (socket_pair *)find(all, which, at->key[which]);
    uint64_t now_ns = all->clock_ns, then_ns = pair->last_ns[way], peer_ns = pair->last_ns[!way];
    float seconds = seconds_between(then_ns, now_ns);
    decay kept = decay_after(seconds), peer_kept = decay_after(seconds_between(peer_ns, now_ns));
    if (jitter) {
        float *windows = ((channel *)pair)->jitter[way];
        if (pair->windows[way][0] > 0.0f)
            add(windows, &kept, seconds, jitter);
        else
            memset(jitter, 0, 3 * WINDOWS * sizeof(float));
    }
    add(pair->windows[way], &kept, value, values);
    pair->last[way] = value;
    pair->last_ns[way] = now_ns;
    relate(pair, way, &peer_kept, then_ns > peer_ns ? &kept : &peer_kept, values + 2 * WINDOWS);
}

/* The table's clock goes on with the packets' time and stands still for one that is late, or whose time nobody knows (0).
 * One later than REORDER_NS says that the clock was set back: time goes on from there. */
static void tick(block *all, int64_t time_ns)
{
    if (all->packets == 0 || time_ns >= all->latest_ns) {
        all->clock_ns += all->packets == 0 ? 0 : (uint64_t)time_ns - (uint64_t)all->latest_ns;
        all->latest_ns = time_ns;
    } else {
        all->backwards++;
        if (time_ns != 0 && (uint64_t)all->latest_ns - (uint64_t)time_ns > REORDER_NS)
            all->latest_ns = time_ns;
    }
    all->packets++;
}

static void update(block *all, const covey_packet *packet, uint32_t does, const places *at, float *values)
{
    float size = (float)packet->size_bytes;
    tick(all, packet->time_ns);
    if (does & DOES_MI)
        update_host(all, MI, at, size, values + AT_MI);
    if (does & DOES_H)
        update_host(all, H, at, size, values + AT_H);
    if (does & (DOES_HH | DOES_JITTER))
        update_pair(all, HH, at, size, values + AT_HH, does & DOES_JITTER ? values + AT_JITTER : NULL);
    if (does & DOES_HPHP)
        update_pair(all, HPHP, at, size, values + AT_HPHP, NULL);
}

/* Asks for the memory that a batch of packets will touch: tables are larger than the caches near the processor. */
static void fetch_buckets(const block *all, const places *at)
{
    for (uint32_t which = 0; which < TABLES; which++)
        FETCH(bucket_of(all, &all->tables[which], at->key[which]));
}

static void fetch_records(const block *all, const places *at)
{
    for (uint32_t which = 0; which < TABLES; which++) {
        const table *in = &all->tables[which];
        uint32_t index = *bucket_of(all, in, at->key[which]);
        if (index == NONE)
            continue;
        const uint8_t *bytes = (const uint8_t *)record_of(all, in, index);
        for (uint32_t i = 0; i < in->record_bytes; i += 64)
            FETCH(bytes + i);
    }
}

/* One value after the other: as vectors, which compilers make of this loop, they take twice the instructions. */
static void pick_row(const float *values, const uint8_t *value_of, uint32_t n_columns, float *row)
{
#pragma GCC unroll 8
    for (uint32_t column = 0; column < n_columns; column++) {
        row[column] = values[value_of[column]];
        NOT_VECTORS();
    }
}

/* ---------------------------------------------------------------- interface */

static uint32_t record_size(uint32_t which)
{
    return (uint32_t)(which < HH ? sizeof(host) : which == HH ? sizeof(channel) : sizeof(socket_pair));
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
    size_t size = sizeof(block);
    for (uint32_t which = 0; which < TABLES; which++)
        size += buckets_for(capacity) * sizeof(uint16_t) + (size_t)capacity * record_size(which);
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
    block *all = streams;
    all->magic = MAGIC;
    all->capacity = capacity;
    all->seed[0] = covey_random_inline(seed, 0);
    all->seed[1] = covey_random_inline(seed, 1);
    size_t at = sizeof(block);
    for (uint32_t which = 0; which < TABLES; which++) {
        table *in = &all->tables[which];
        in->buckets = buckets_for(capacity);
        in->newest = in->oldest = NONE;
        in->record_bytes = record_size(which);
        in->at = (uint32_t)at;
        in->first = (uint32_t)(at + in->buckets * sizeof(uint16_t));
        memset((uint8_t *)streams + at, 0xff, in->buckets * sizeof(uint16_t));
        at = in->first + (size_t)capacity * in->record_bytes;
    }
    return COVEY_OK;
}

int covey_streams_update(void *streams, const covey_packet *packets, size_t n, const uint8_t *columns, uint32_t n_columns,
                         float *rows)
{
    block *all = streams;
    uint8_t value_of[COVEY_FEATURES];
    if (!all || (uintptr_t)streams % 8 != 0 || all->magic != MAGIC || (n > 0 && (!packets || !rows)) || n_columns == 0 ||
        n_columns > COVEY_FEATURES || (!columns && n_columns != COVEY_FEATURES))
        return COVEY_E_ARGUMENT;
    int32_t does = choose(columns, n_columns, value_of);
    if (does < 0)
        return does;
    places at[BATCH] = {0};
    float values[COVEY_FEATURES];
    for (size_t done = 0; done < n; done += BATCH) {
        uint32_t several = n - done < BATCH ? (uint32_t)(n - done) : BATCH;
        for (uint32_t i = 0; i < several; i++) {
            place(all->seed, packets + done + i, (uint32_t)does, &at[i]);
            fetch_buckets(all, &at[i]);
        }
        for (uint32_t i = 0; i < several; i++)
            fetch_records(all, &at[i]);
        for (uint32_t i = 0; i < several; i++) {
            update(all, packets + done + i, (uint32_t)does, &at[i], values);
            pick_row(values, value_of, n_columns, rows);
            rows += n_columns;
        }
    }
    return COVEY_OK;
}

int covey_streams_count(const void *streams, covey_streams_counts *counts)
{
    const block *all = streams;
    if (!all || !counts || (uintptr_t)streams % 8 != 0 || all->magic != MAGIC)
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
