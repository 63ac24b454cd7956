/* kernel_matrix.h - the matrix loops of a vector kernel, compiled once per instruction set by kernels_<name>.c, which
 * defines LANES (floats a vector), TILE (rows of a tile) and the target.
 *
 * A tile of TILE rows x 2 vectors stays in registers while a sum is made; the step of gradient descent is taken before a
 * tile leaves them. Vectors are GNU vectors of the native width: loops over lanes are not left to the vectoriser, which
 * falls off cliffs. Why so, with numbers: docs/adr/0002-training-kernels.md. */
#ifndef COVEY_KERNEL_MATRIX_H
#define COVEY_KERNEL_MATRIX_H

#include "kernels.h"

#define INLINE static inline __attribute__((always_inline))
#define MAX_TILE 8

typedef float vector __attribute__((vector_size(4 * LANES)));
typedef int32_t vector_int __attribute__((vector_size(4 * LANES)));
typedef float vector_any __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

INLINE vector load(const float *at)
{
    return *(const vector_any *)at;
}

INLINE void store(float *at, vector value)
{
    *(vector_any *)at = value;
}

INLINE void store_some(float *at, vector value, uint32_t n)
{
    float lanes[LANES];
    store(lanes, value);
#pragma GCC unroll 1
    for (uint32_t i = 0; i < LANES && i < n; i++)
        at[i] = lanes[i];
}

/* The first n lanes, zeros after. */
INLINE vector first_lanes(vector value, uint32_t n)
{
    float lanes[LANES];
    store(lanes, value);
    for (uint32_t i = n; i < LANES; i++)
        lanes[i] = 0.0f;
    return load(lanes);
}

/* One vector of parameters at offset `at` after its step. The order of operations is the contract of covey_training. */
INLINE vector stepped(const covey_step *step, size_t at, vector w, vector g)
{
    if (step->plain)
        return w - step->rate * g;
    if (step->shrink != 1.0f)
        g = g * step->shrink;
    if (step->decay != 0.0f)
        g = g + step->decay * w;
    if (step->proximal != 0.0f)
        g = g + step->proximal * (w - load(step->anchor + at));
    if (step->correction)
        g = g + load(step->correction + at);
    if (step->velocity) {
        g = step->momentum * load(step->velocity + at) + g;
        store(step->velocity + at, g);
    }
    if (step->scale)
        return w - (step->rate * load(step->scale + at)) * g;
    return w - step->rate * g;
}

/* Rows r .. r + height, columns c .. c + width * LANES of a product; height and width are constants where inlined. */
INLINE void product_tile(const covey_product *p, uint32_t r, uint32_t c, const uint32_t height, const uint32_t width)
{
    vector sum[MAX_TILE][2];
    const float *a = p->a + r * p->a_stride, *w = p->w + c;
    float *out = p->out + r * p->out_stride + c;
    uint32_t cols = p->cols - c; /* the last vector of a packed row is partly the next row's */
#pragma GCC unroll 8
    for (uint32_t t = 0; t < height; t++)
#pragma GCC unroll 2
        for (uint32_t v = 0; v < width; v++)
            sum[t][v] = p->start    ? load(p->start + c + v * LANES)
                        : p->resume ? load(out + t * p->out_stride + v * LANES)
                                    : (vector){0};
    for (uint32_t k = 0; k < p->depth; k++, w += p->w_stride) {
        vector row[2];
#pragma GCC unroll 2
        for (uint32_t v = 0; v < width; v++)
            row[v] = load(w + v * LANES);
#pragma GCC unroll 8
        for (uint32_t t = 0; t < height; t++)
#pragma GCC unroll 2
            for (uint32_t v = 0; v < width; v++)
                sum[t][v] += a[t * p->a_stride + k] * row[v];
    }
#pragma GCC unroll 8
    for (uint32_t t = 0; t < height; t++)
#pragma GCC unroll 2
        for (uint32_t v = 0; v < width; v++)
            if (cols >= (v + 1) * LANES)
                store(out + t * p->out_stride + v * LANES, sum[t][v]);
            else
                store_some(out + t * p->out_stride + v * LANES, sum[t][v], cols - v * LANES);
}

INLINE void product_columns(const covey_product *p, uint32_t c, const uint32_t width)
{
    uint32_t r = 0;
    for (; r + TILE <= p->rows; r += TILE)
        product_tile(p, r, c, TILE, width);
    if (TILE > 4 && r + 4 <= p->rows) {
        product_tile(p, r, c, 4, width);
        r += 4;
    }
    for (; r < p->rows; r++)
        product_tile(p, r, c, 1, width);
}

static void product(const covey_product *p)
{
    uint32_t c = 0;
    for (; c + LANES < p->cols; c += 2 * LANES)
        product_columns(p, c, 2);
    if (c < p->cols)
        product_columns(p, c, 1);
}

/* Weight rows i .. i + height, columns c .. c + width * LANES: their gradients, then their step. */
INLINE void outer_tile(const covey_outer *o, const covey_step *step, uint32_t i, uint32_t c, const uint32_t height,
                       const uint32_t width)
{
    vector sum[MAX_TILE][2];
    size_t at = o->at + i * o->stride + c;
    uint32_t cols = o->cols - c;
#pragma GCC unroll 8
    for (uint32_t t = 0; t < height; t++)
#pragma GCC unroll 2
        for (uint32_t v = 0; v < width; v++)
            sum[t][v] = step->gradient ? load(step->gradient + at + t * o->stride + v * LANES) : (vector){0};
    for (uint32_t b = 0; b < o->samples; b++) {
        const float *x = o->x + b * o->x_sample + i, *d = o->d + b * o->d_sample + c;
        for (uint32_t s = 0; s < o->steps; s++, x += o->x_step, d += o->d_step) {
            vector row[2];
#pragma GCC unroll 2
            for (uint32_t v = 0; v < width; v++)
                row[v] = load(d + v * LANES);
#pragma GCC unroll 8
            for (uint32_t t = 0; t < height; t++)
#pragma GCC unroll 2
                for (uint32_t v = 0; v < width; v++)
                    sum[t][v] += x[t] * row[v];
        }
    }
#pragma GCC unroll 8
    for (uint32_t t = 0; t < height; t++)
#pragma GCC unroll 2
        for (uint32_t v = 0; v < width; v++) {
            size_t place = at + t * o->stride + v * LANES;
            if (cols < (v + 1) * LANES)
                sum[t][v] = first_lanes(sum[t][v], cols - v * LANES);
            if (step->gradient)
                store(step->gradient + place, sum[t][v]);
            else
                store(step->weight + place, stepped(step, place, load(step->weight + place), sum[t][v]));
        }
}

INLINE void outer_columns(const covey_outer *o, const covey_step *step, uint32_t c, const uint32_t width)
{
    uint32_t i = 0;
    for (; i + TILE <= o->rows; i += TILE)
        outer_tile(o, step, i, c, TILE, width);
    if (TILE > 4 && i + 4 <= o->rows) {
        outer_tile(o, step, i, c, 4, width);
        i += 4;
    }
    for (; i < o->rows; i++)
        outer_tile(o, step, i, c, 1, width);
}

static void outer(const covey_outer *o, const covey_step *step)
{
    uint32_t c = 0;
    for (; c + LANES < o->cols; c += 2 * LANES)
        outer_columns(o, step, c, 2);
    if (c < o->cols)
        outer_columns(o, step, c, 1);
}

static void transpose(const float *w, uint32_t rows, uint32_t cols, size_t stride, float *twin, size_t twin_stride)
{
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t c = 0; c < cols; c++)
            twin[c * twin_stride + r] = w[r * stride + c];
}

#endif
