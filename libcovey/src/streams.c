/* streams.c - features of streams: damped windows, one update a packet. What streams are: streams.h. */
#include "canonical.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bytes.h"
#include "streams.h"

#if defined(__GNUC__) && (defined(__SSE2__) || defined(__aarch64__))
#define HAS_VECTORS 1
#define INLINE static inline __attribute__((always_inline))
#define BATCH 8 /* packets whose streams are fetched together */
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
#define NOT_VECTORS() ((void)0)
#endif

#define NEGLIGIBLE 8.67361738e-19f /* 2^-60 */
#define OLDEST 60.0f               /* -log2 of it */
#define REORDER_NS 1000000000u     /* further back than this, the clock was set and not a packet late */

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

static inline void relate(pair_stream *pair, uint32_t way, const decay *kept, const decay *sum_kept, float *out)
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

static void update_host(streams_block *all, uint32_t which, const places *at, float value, float *values)
{
    host_stream *one = (host_stream *)covey_streams_find(all, which, at->key[which]);
    decay kept = decay_after(seconds_between(one->last_ns, all->clock_ns));
    add(one->windows, &kept, value, values);
    one->last_ns = all->clock_ns;
}

/* `jitter`: where its values go, or NULL. The first packet of a direction has none. */
static void update_pair(streams_block *all, uint32_t which, const places *at, float value, float *values, float *jitter)
{
    uint32_t way = at->way[which];
    pair_stream *pair = (pair_stream *)covey_streams_find(all, which, at->key[which]);
    uint64_t now_ns = all->clock_ns, then_ns = pair->last_ns[way], peer_ns = pair->last_ns[!way];
    float seconds = seconds_between(then_ns, now_ns);
    decay kept = decay_after(seconds), peer_kept = decay_after(seconds_between(peer_ns, now_ns));
    if (jitter) {
        float *windows = ((channel_stream *)pair)->jitter[way];
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
static void tick(streams_block *all, int64_t time_ns)
{
    if (all->packets++ == 0)
        all->latest_ns = time_ns;
    if (time_ns >= all->latest_ns) {
        all->clock_ns += (uint64_t)time_ns - (uint64_t)all->latest_ns;
        all->latest_ns = time_ns;
    } else {
        all->backwards++;
        if (time_ns != 0 && (uint64_t)all->latest_ns - (uint64_t)time_ns > REORDER_NS)
            all->latest_ns = time_ns;
    }
}

static void update(streams_block *all, const covey_packet *packet, uint32_t does, const places *at, float *values)
{
    float size = (float)packet->size_bytes;
    tick(all, packet->time_ns);
    if (does & DOES_MI)
        update_host(all, MI_STREAMS, at, size, values + AT_MI);
    if (does & DOES_H)
        update_host(all, H_STREAMS, at, size, values + AT_H);
    if (does & (DOES_HH | DOES_JITTER))
        update_pair(all, HH_STREAMS, at, size, values + AT_HH, does & DOES_JITTER ? values + AT_JITTER : NULL);
    if (does & DOES_HPHP)
        update_pair(all, HPHP_STREAMS, at, size, values + AT_HPHP, NULL);
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

int covey_streams_update(void *streams, const covey_packet *packets, size_t n, const uint8_t *columns, uint32_t n_columns,
                         float *rows)
{
    streams_block *all = streams;
    uint8_t value_of[COVEY_FEATURES];
    if (!covey_streams_is(streams) || (n > 0 && (!packets || !rows)) || n_columns == 0 || n_columns > COVEY_FEATURES ||
        (!columns && n_columns != COVEY_FEATURES))
        return COVEY_E_ARGUMENT;
    int32_t does = choose(columns, n_columns, value_of);
    if (does < 0)
        return does;
    places at[BATCH] = {0};
    float values[COVEY_FEATURES];
    for (size_t done = 0; done < n; done += BATCH) {
        uint32_t several = n - done < BATCH ? (uint32_t)(n - done) : BATCH;
        for (uint32_t i = 0; i < several; i++)
            covey_streams_place(all->seed, packets + done + i, (uint32_t)does, &at[i]);
        if (BATCH > 1)
            covey_streams_fetch(all, at, several);
        for (uint32_t i = 0; i < several; i++, rows += n_columns) {
            update(all, packets + done + i, (uint32_t)does, &at[i], values);
            pick_row(values, value_of, n_columns, rows);
        }
    }
    return COVEY_OK;
}
