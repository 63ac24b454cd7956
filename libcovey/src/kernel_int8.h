/* kernel_int8.h - the layers of an int8 model over a batch of rows, compiled once per instruction set by kernels_<name>.c,
 * which defines MULTIPLY_PAIRS, 2 * LANES products of int16, neighbours added to LANES int32, and WIDEN, 2 * LANES int8 at any
 * address as int16.
 *
 * Sums are of integers and exact (infer.c), so their order is free: two terms of every output are multiplied at once. For a
 * dense layer they are inputs 2k and 2k + 1; for a spline layer the two hats of a feature, whose rows of weights are
 * neighbours anyway. */
#ifndef COVEY_KERNEL_INT8_H
#define COVEY_KERNEL_INT8_H

#include "kernel_matrix.h"
#include "quant.h"

typedef int16_t wide_pairs __attribute__((vector_size(4 * LANES)));
INLINE wide_pairs load_weights(const int8_t *at)
{
    return (wide_pairs)WIDEN(at);
}

INLINE wide_pairs twice_of(const void *at) /* two int16, again and again */
{
    int32_t both;
    memcpy(&both, at, sizeof both);
    return (wide_pairs)((vector_int){0} + both);
}

INLINE void store_outputs(const covey_int8_product *p, float *out, uint32_t c, vector_int sum, float unit)
{
    vector scale = unit * load(p->scale + c);
    store(out + c, __builtin_convertvector(sum, vector) * scale + load(p->bias + c));
}

/* ---------------------------------------------------------------- spline */

/* Where each feature's pair of rows begins, and the weights of its two hats. */
INLINE void find_hats(const covey_int8_product *p, const float *x, uint32_t *restrict at, uint32_t *restrict hats)
{
    const float last = (float)(p->knots - 1);
    const int32_t top = (int32_t)p->knots - 2, stride = 2 * (int32_t)p->cols;
    for (uint32_t f = 0; f < p->values_in; f++) {
        float t = x[f] > 0.0f ? x[f] : 0.0f;
        t = t > last ? last : t;
        int32_t i = (int32_t)t;
        i = i > top ? top : i;
        int32_t upper = (int32_t)((t - (float)i) * COVEY_HAT + 0.5f); /* not below 0: half away from zero is half up */
        at[f] = (uint32_t)(i * stride);
        hats[f] = (uint32_t)(COVEY_HAT - upper) | (uint32_t)upper << 16;
    }
}

INLINE void hat_columns(const covey_int8_product *p, const uint32_t *at, const uint32_t *hats, float *out, uint32_t c,
                        const uint32_t width)
{
    vector_int sum[2] = {{0}};
    const int8_t *pairs = p->pairs + 2 * c;
#pragma GCC unroll 4
    for (uint32_t f = 0; f < p->values_in; f++) {
        wide_pairs both = twice_of(hats + f);
#pragma GCC unroll 2
        for (uint32_t v = 0; v < width; v++)
            sum[v] += MULTIPLY_PAIRS(load_weights(pairs + at[f] + v * 2 * LANES), both);
    }
#pragma GCC unroll 2
    for (uint32_t v = 0; v < width; v++)
        store_outputs(p, out, c + v * LANES, sum[v], 1.0f / COVEY_HAT);
}

INLINE void hat_rows(const covey_int8_product *p)
{
    uint32_t *at = p->scratch, *hats = at + p->values_in;
    for (uint32_t r = 0; r < p->samples; r++) {
        float *out = p->out + r * p->out_stride;
        uint32_t c = 0;
        find_hats(p, p->x + r * p->x_stride, at, hats);
        for (; c + LANES < p->cols; c += 2 * LANES)
            hat_columns(p, at, hats, out, c, 2);
        if (c < p->cols)
            hat_columns(p, at, hats, out, c, 1);
    }
}

/* ---------------------------------------------------------------- dense, conv1d */

/* Activations to 12 bits, and one zero behind them; returns the value of one step. */
INLINE float code_row(const float *x, uint32_t n, int16_t *restrict codes)
{
    int32_t largest = 0;
    for (uint32_t i = 0; i < n; i++) {
        int32_t magnitude = (int32_t)(covey_float_bits(x[i]) & 0x7fffffffu);
        largest = magnitude > largest ? magnitude : largest;
    }
    float limit = covey_bits_float((uint32_t)largest);
    float inverse = limit < COVEY_NEGLIGIBLE ? 0.0f : COVEY_ACTIVATION_LIMIT / limit;
    for (uint32_t i = 0; i < n; i++)
        codes[i] = (int16_t)covey_rounded(x[i] * inverse);
    codes[n] = 0;
    return limit < COVEY_NEGLIGIBLE ? 0.0f : limit / COVEY_ACTIVATION_LIMIT;
}

/* `height` samples by `width` vectors of outputs of one step; codes and units are those of the first sample. */
INLINE void code_tile(const covey_int8_product *p, const int16_t *codes, const float *units, float *out, uint32_t c,
                      const uint32_t height, const uint32_t width)
{
    vector_int sum[4][2] = {{{0}}};
    const size_t stride = p->values_in + 1;
    const int8_t *pairs = p->pairs + 2 * c;
    for (uint32_t k = 0; k < p->fan_in; k += 2, pairs += 2 * p->cols) {
        wide_pairs weights[2];
#pragma GCC unroll 2
        for (uint32_t v = 0; v < width; v++)
            weights[v] = load_weights(pairs + v * 2 * LANES);
#pragma GCC unroll 4
        for (uint32_t t = 0; t < height; t++)
#pragma GCC unroll 2
            for (uint32_t v = 0; v < width; v++)
                sum[t][v] += MULTIPLY_PAIRS(weights[v], twice_of(codes + t * stride + k));
    }
#pragma GCC unroll 4
    for (uint32_t t = 0; t < height; t++)
#pragma GCC unroll 2
        for (uint32_t v = 0; v < width; v++)
            store_outputs(p, out + t * p->out_stride, c + v * LANES, sum[t][v], units[t]);
}

INLINE void code_columns(const covey_int8_product *p, const int16_t *codes, const float *units, float *out,
                         const uint32_t height)
{
    uint32_t c = 0;
    for (; c + LANES < p->cols; c += 2 * LANES)
        code_tile(p, codes, units, out, c, height, 2);
    if (c < p->cols)
        code_tile(p, codes, units, out, c, height, 1);
}

/* Steps in ascending order: what a step writes behind its columns, the next one overwrites. */
INLINE void code_rows(const covey_int8_product *p)
{
    int16_t *codes = p->scratch;
    const size_t stride = p->values_in + 1;
    float units[COVEY_INT8_ROWS];
    for (uint32_t r = 0; r < p->samples; r++)
        units[r] = code_row(p->x + r * p->x_stride, p->values_in, codes + r * stride);
    for (uint32_t step = 0; step < p->steps; step++) {
        const int16_t *window = codes + (size_t)step * p->step_in;
        float *out = p->out + (size_t)step * p->cols;
        uint32_t r = 0;
        for (; r + 4 <= p->samples; r += 4)
            code_columns(p, window + r * stride, units + r, out + r * p->out_stride, 4);
        for (; r < p->samples; r++)
            code_columns(p, window + r * stride, units + r, out + r * p->out_stride, 1);
    }
}

static void int8_product(const covey_int8_product *arguments)
{
    const covey_int8_product local = *arguments;
    if (local.knots > 0)
        hat_rows(&local);
    else
        code_rows(&local);
}

#endif
