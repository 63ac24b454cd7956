/* kernel_encode.h - encodings of rows, vectors of features at a time, compiled once per instruction set by
 * kernels_<name>.c, which may define MASK, IS_LESS, CHOOSE and LESS_ONE_WHERE. The bits are those of the plain loops in
 * encode.c; tests/test_encode.c and the same-bits run make sure.
 *
 * Knots: a vector holds the values of LANES features of one row; the knots of these features stand side by side in a table,
 * so that one comparison with the k-th knot serves all of them. It is done on the ordered integers of the values, held at
 * the last knot. With i the last knot that is not above (0 if none is), the position is `first + i` and the share of the way
 * to the next knot; at the last knot, which may be i too, and below the first that share is 0. */
#ifndef COVEY_KERNEL_ENCODE_H
#define COVEY_KERNEL_ENCODE_H

#include "arithmetic.h"
#include "encoding.h"
#include "kernel_matrix.h"

typedef uint32_t vector_bits __attribute__((vector_size(4 * LANES)));

#ifndef MASK
#define MASK vector_int
#define IS_LESS(a, b) ((a) < (b))
#define LESS_ONE_WHERE(mask, index) ((index) + (mask))
#endif
#ifndef CHOOSE
#define CHOOSE(mask, yes, no) (((yes) & (mask)) | ((no) & ~(mask)))
#endif

enum { MOST_TABLES = 64, TABLE_NUMBERS = 8192, TOGETHER = 64, ROWS_TOGETHER = LANES > 4 ? 2 : 1 };

/* The knots of LANES features: row k of `knot` holds each one's k-th, and `span` how far the next one is as float32.
 * Features with fewer knots than others hold INT32_MAX, below which every value is. */
typedef struct {
    int32_t *knot;     /* (n_knots, LANES), then the spans likewise */
    uint32_t n_knots;
    int32_t last[LANES]; /* the last knot */
    int32_t top[LANES];  /* the position of the first knot, and n_knots - 1 more */
} knot_table;

INLINE int32_t key_of(float value)
{
    uint32_t bits = covey_float_bits(value);
    return bits >> 31 ? (int32_t)(0u - (bits & 0x7fffffffu)) : (int32_t)bits;
}

static uint32_t most_knots(const covey_encoding *e, uint32_t j, uint32_t width)
{
    uint32_t most = 0;
    for (uint32_t v = 0; v < width; v++) {
        uint32_t n = e->offset[j + v + 1] - (uint32_t)e->offset[j + v];
        most = n > most ? n : most;
    }
    return most;
}

/* The features from j on, `width` of them; lanes beyond are the first one again. */
static void fill_table(knot_table *t, const covey_encoding *e, uint32_t j, uint32_t width)
{
    float *spans = (float *)(void *)(t->knot + (size_t)t->n_knots * LANES);
    for (uint32_t v = 0; v < LANES; v++) {
        uint32_t of = j + (v < width ? v : 0), first = e->offset[of], n = e->offset[of + 1] - first;
        const float *knot = e->knot + first;
        for (uint32_t k = 0; k < t->n_knots; k++) {
            uint32_t span = k + 1 < n ? (uint32_t)key_of(knot[k + 1]) - (uint32_t)key_of(knot[k]) : 0;
            t->knot[k * LANES + v] = k < n ? key_of(knot[k]) : INT32_MAX;
            spans[k * LANES + v] = span > 0 ? (float)span : 1.0f; /* no value lies within a span of 0 */
        }
        t->last[v] = key_of(knot[n - 1]);
        t->top[v] = (int32_t)(first + t->n_knots - 1);
    }
}

INLINE vector_int load_ints(const int32_t *at)
{
    return (vector_int)load((const float *)(const void *)at);
}

/* NaN and -infinity read as the lowest finite value; +infinity is above all knots, as the highest is above or at them. */
INLINE vector_int held_key(vector x, vector_int last)
{
    const vector_int zero = {0}, infinity = zero + 0x7f800000, sign = zero + INT32_MIN;
    const vector_int lowest = zero - (int32_t)COVEY_FLOAT_MAX_BITS;
    vector_int bits = (vector_int)x, mirrored = (vector_int)((vector_bits)sign - (vector_bits)bits);
    vector_int key = CHOOSE(IS_LESS(bits, zero), mirrored, bits);
    key = CHOOSE(IS_LESS(infinity, key), sign, key);
    key = CHOOSE(IS_LESS(key, lowest), lowest, key);
    return CHOOSE(IS_LESS(last, key), last, key);
}

/* The values of `height` rows become positions: rows together wait less for each other. */
INLINE void place_vectors(const knot_table *t, vector *x, const uint32_t height)
{
    const int32_t *knots = t->knot, *spans = knots + (size_t)t->n_knots * LANES;
    const vector_int last = load_ints(t->last);
    vector_int key[ROWS_TOGETHER], low[ROWS_TOGETHER], span[ROWS_TOGETHER], index[ROWS_TOGETHER];
#pragma GCC unroll 4
    for (uint32_t r = 0; r < height; r++) {
        key[r] = held_key(x[r], last);
        low[r] = load_ints(knots);
        span[r] = load_ints(spans);
        index[r] = load_ints(t->top);
    }
    for (uint32_t k = 1; k < t->n_knots; k++) {
        vector_int knot = load_ints(knots + k * LANES), next = load_ints(spans + k * LANES);
#pragma GCC unroll 4
        for (uint32_t r = 0; r < height; r++) {
            MASK is_below = IS_LESS(key[r], knot);
            low[r] = CHOOSE(is_below, low[r], knot);
            span[r] = CHOOSE(is_below, span[r], next);
            index[r] = LESS_ONE_WHERE(is_below, index[r]);
        }
    }
#pragma GCC unroll 4
    for (uint32_t r = 0; r < height; r++) {
        key[r] = CHOOSE(IS_LESS(key[r], low[r]), low[r], key[r]);
        vector above = __builtin_convertvector((vector_bits)key[r] - (vector_bits)low[r], vector);
        x[r] = __builtin_convertvector(index[r], vector) + above / (vector)span[r];
    }
}

INLINE vector load_some(const float *at, uint32_t n)
{
    float lanes[LANES] = {0};
#pragma GCC unroll 1
    for (uint32_t i = 0; i < LANES && i < n; i++)
        lanes[i] = at[i];
    return load(lanes);
}

/* `height` rows of `width` features. The last vector of a row reaches into what follows, which may not be read of `is_last`. */
INLINE void place_some(const knot_table *table, const float *raw, float *out, size_t stride, uint32_t width, int is_last,
                       const uint32_t height)
{
    vector x[ROWS_TOGETHER];
    for (uint32_t j = 0; j < width; j += LANES, table++) {
        uint32_t n = width - j;
#pragma GCC unroll 4
        for (uint32_t r = 0; r < height; r++) {
            const float *at = raw + r * stride + j;
            x[r] = n >= LANES || !is_last ? load(at) : load_some(at, n);
        }
        place_vectors(table, x, height);
#pragma GCC unroll 4
        for (uint32_t r = 0; r < height; r++) {
            float *at = out + r * stride + j;
            if (n >= LANES)
                store(at, x[r]);
            else
                store_some(at, x[r], n);
        }
    }
}

static void place_block(const knot_table *table, const float *raw, float *out, size_t stride, uint32_t width, size_t n_rows)
{
    size_t r = 0, readable = n_rows - (stride < LANES ? (LANES + stride - 1) / stride : 1);
    for (; n_rows >= LANES && r + ROWS_TOGETHER <= readable; r += ROWS_TOGETHER)
        place_some(table, raw + r * stride, out + r * stride, stride, width, 0, ROWS_TOGETHER);
    for (; r < n_rows; r++)
        place_some(table, raw + r * stride, out + r * stride, stride, width, 1, 1);
}

/* A few rows at a time, so that each is in the nearest cache once, over as many features as there is room for tables. */
static void place_rows(const covey_encoding *e, const float *raw, float *out, size_t n_rows)
{
    knot_table tables[MOST_TABLES];
    int32_t numbers[TABLE_NUMBERS];
    const size_t stride = e->inputs;
    for (uint32_t j = 0, next = 0; j < e->inputs; j = next) {
        uint32_t n = 0, used = 0;
        while (n < MOST_TABLES && next < e->inputs) {
            uint32_t width = e->inputs - next < LANES ? e->inputs - next : LANES, knots = most_knots(e, next, width);
            if (2 * knots * LANES > TABLE_NUMBERS - used)
                break;
            tables[n] = (knot_table){.knot = numbers + used, .n_knots = knots};
            fill_table(&tables[n++], e, next, width);
            used += 2 * knots * LANES;
            next += width;
        }
        if (n == 0) { /* more knots than a table holds */
            next = e->inputs - j < LANES ? e->inputs : j + LANES;
            covey_encode_columns(e, raw, out, j, next, n_rows);
            continue;
        }
        place_block(tables, raw + j, out + j, stride, next - j, n_rows);
    }
}

INLINE float clamped_inline(float x, float limit)
{
    x = x > limit ? limit : x;
    return x < -limit ? -limit : x;
}

INLINE float sanitised_inline(float x)
{
    x = x >= -FLT_MAX ? x : -FLT_MAX;
    return x > FLT_MAX ? FLT_MAX : x;
}

INLINE float signed_log_inline(float x)
{
    float a = x < 0 ? -x : x, u = 1.0f + a;
    float y = covey_log_inline(u) * (a / (u - 1.0f));
    y = u != 1.0f ? y : a;
    return x < 0 ? -y : y;
}

/* `n` values of one row; in a buffer of its own, so that compilers need not wonder whether it is one of the others. */
INLINE void scale_values(const covey_encoding *e, uint32_t j, uint32_t n, const int is_log, float *values)
{
    const float *center = e->center + j, *scale = e->scale + j, limit = e->limit > 0 ? e->limit : FLT_MAX;
    for (uint32_t i = 0; i < n; i++) {
        float x = sanitised_inline(values[i]);
        x = is_log ? signed_log_inline(x) : x;
        values[i] = clamped_inline(clamped_inline(x - center[i], FLT_MAX) * scale[i], limit);
    }
}

static void scale_rows(const covey_encoding *e, const float *raw, float *out, size_t n_rows)
{
    float values[TOGETHER];
    for (size_t r = 0; r < n_rows; r++, raw += e->inputs, out += e->inputs)
        for (uint32_t j = 0; j < e->inputs; j += TOGETHER) {
            uint32_t n = e->inputs - j < TOGETHER ? e->inputs - j : TOGETHER;
            memcpy(values, raw + j, n * sizeof(float));
            if (e->kind == COVEY_ENCODE_SIGNED_LOG)
                scale_values(e, j, n, 1, values);
            else
                scale_values(e, j, n, 0, values);
            memcpy(out + j, values, n * sizeof(float));
        }
}

/* KNOTS, STANDARD and SIGNED_LOG, for an encoding that has been checked. */
static void encode_rows(const covey_encoding *e, const float *raw, float *out, size_t n_rows)
{
    if (e->kind == COVEY_ENCODE_KNOTS)
        place_rows(e, raw, out, n_rows);
    else
        scale_rows(e, raw, out, n_rows);
}

#endif
