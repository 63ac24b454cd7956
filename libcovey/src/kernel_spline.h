/* kernel_spline.h - the spline layer of a vector kernel, compiled once per instruction set by kernels_<name>.c.
 *
 * A position t lies between knots i = floor(t) and i + 1: it touches two rows of the weight, with shares 1 - (t - i) and
 * t - i. Places are worked out once a batch, for all features at a time, and serve both passes. */
#ifndef COVEY_KERNEL_SPLINE_H
#define COVEY_KERNEL_SPLINE_H

#include "kernel_matrix.h"

typedef struct {
    uint32_t *row; /* (samples, features) offset of the lower knot's row */
    float *low, *high; /* (samples, features) shares of the lower and the upper knot */
} places;

INLINE places places_of(const covey_spline *s)
{
    size_t n = (size_t)s->samples * s->features;
    float *low = (float *)s->scratch;
    return (places){(uint32_t *)(low + 2 * n), low, low + n};
}

static size_t spline_scratch(uint32_t samples, uint32_t features, uint32_t knots, uint32_t cols)
{
    (void)knots;
    (void)cols;
    return (size_t)samples * features * 3 * sizeof(float);
}

static void find_places(const covey_spline *s, places p)
{
    const float last = (float)(s->knots - 1);
    const int32_t top = (int32_t)s->knots - 2;
    const uint32_t stride = (uint32_t)s->stride;
    for (uint32_t r = 0; r < s->samples; r++, p.row += s->features, p.low += s->features, p.high += s->features) {
        const float *x = s->x + r * s->x_stride;
        for (uint32_t f = 0; f < s->features; f++) {
            float t = x[f] > 0.0f ? x[f] : 0.0f;
            t = t > last ? last : t;
            int32_t i = (int32_t)t;
            i = i > top ? top : i;
            float share = t - (float)i;
            p.row[f] = (uint32_t)i * stride;
            p.high[f] = share;
            p.low[f] = 1.0f - share;
        }
    }
}

INLINE void spline_tile(const covey_spline *s, places p, uint32_t r, uint32_t c, const uint32_t height,
                        const uint32_t width)
{
    vector sum[4][2];
    const size_t n = s->features;
    const uint32_t *row = p.row + r * n;
    const float *low = p.low + r * n, *high = p.high + r * n, *weight = s->weight + c, *above = weight + s->stride;
#pragma GCC unroll 8
    for (uint32_t t = 0; t < height; t++)
#pragma GCC unroll 2
        for (uint32_t v = 0; v < width; v++)
            sum[t][v] = load(s->bias + c + v * LANES);
    for (size_t f = 0; f < n; f++)
#pragma GCC unroll 8
        for (uint32_t t = 0; t < height; t++) {
            size_t at = row[t * n + f];
#pragma GCC unroll 2
            for (uint32_t v = 0; v < width; v++) {
                sum[t][v] += low[t * n + f] * load(weight + at + v * LANES);
                sum[t][v] += high[t * n + f] * load(above + at + v * LANES);
            }
        }
#pragma GCC unroll 8
    for (uint32_t t = 0; t < height; t++)
#pragma GCC unroll 2
        for (uint32_t v = 0; v < width; v++)
            store(s->out + (r + t) * s->out_stride + c + v * LANES, sum[t][v]);
}

INLINE void spline_columns(const covey_spline *s, places p, uint32_t c, const uint32_t width)
{
    uint32_t r = 0;
    for (; r + 4 <= s->samples; r += 4)
        spline_tile(s, p, r, c, 4, width);
    for (; r < s->samples; r++)
        spline_tile(s, p, r, c, 1, width);
}

static void spline_forward(const covey_spline *arguments)
{
    const covey_spline local = *arguments, *s = &local;
    places p = places_of(s);
    uint32_t c = 0;
    find_places(s, p);
    for (; c + LANES < s->cols; c += 2 * LANES)
        spline_columns(s, p, c, 2);
    if (c < s->cols)
        spline_columns(s, p, c, 1);
}

INLINE void scatter_columns(const covey_spline *s, float *gradient, places p, uint32_t c, const uint32_t width)
{
    for (uint32_t r = 0; r < s->samples; r++, p.row += s->features, p.low += s->features, p.high += s->features) {
        vector d[2];
#pragma GCC unroll 2
        for (uint32_t v = 0; v < width; v++)
            d[v] = load(s->out + r * s->out_stride + c + v * LANES);
        for (uint32_t f = 0; f < s->features; f++) {
            float *lower = gradient + p.row[f] + c, *upper = lower + s->stride;
#pragma GCC unroll 2
            for (uint32_t v = 0; v < width; v++) {
                store(lower + v * LANES, load(lower + v * LANES) + p.low[f] * d[v]);
                store(upper + v * LANES, load(upper + v * LANES) + p.high[f] * d[v]);
            }
        }
    }
}

static void spline_gradient(const covey_spline *arguments, const covey_step *step)
{
    const covey_spline local = *arguments, *s = &local;
    places p = places_of(s);
    uint32_t c = 0;
    for (; c + LANES < s->cols; c += 2 * LANES)
        scatter_columns(s, step->gradient, p, c, 2);
    if (c < s->cols)
        scatter_columns(s, step->gradient, p, c, 1);
}

#endif
