/* kernel_matrix.h - the matrix loops of a vector kernel, compiled once per instruction set by kernels_<name>.c, which
 * defines LANES (floats a vector), the tiles (TILE rows of a product, OUTER_TILE of a gradient, each
 * WIDTH vectors, 1 or 2, wide) and the target.
 *
 * A tile of TILE rows x WIDTH vectors stays in registers while a sum is made; the step of gradient descent is taken before a
 * tile leaves them. Vectors are GNU vectors of the native width: loops over lanes are not left to the vectoriser, which
 * falls off cliffs. Why so, with numbers: docs/adr/0002-training-kernels.md. */
#ifndef COVEY_KERNEL_MATRIX_H
#define COVEY_KERNEL_MATRIX_H

#include "kernels.h"

#define INLINE static inline __attribute__((always_inline))

typedef float vector __attribute__((vector_size(4 * LANES)));
typedef int32_t vector_int __attribute__((vector_size(4 * LANES)));
typedef float vector_any __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

typedef float four __attribute__((vector_size(16)));
typedef float four_any __attribute__((vector_size(16), aligned(4), may_alias));

INLINE vector load(const float *at)
{
    return *(const vector_any *)at;
}

INLINE void store(float *at, vector value)
{
    *(vector_any *)at = value;
}

INLINE four load_four(const float *at)
{
    return *(const four_any *)at;
}

INLINE void store_four(float *at, four value)
{
    *(four_any *)at = value;
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
    static const int32_t edge[2 * LANES] = {EDGE};
    return (vector)((vector_int)value & (vector_int)load((const float *)edge + LANES - n));
}

/* What is done with a gradient: a constant where loops are inlined, so that each has a loop of its own. */
enum { COLLECT, PLAIN_STEP, FULL_STEP };

INLINE int mode_of(const covey_step *step)
{
    return step->gradient ? COLLECT : step->plain ? PLAIN_STEP : FULL_STEP;
}

/* One vector of parameters at offset `at` after its step. The order of operations is the contract of covey_training. */
INLINE vector stepped(const covey_step *step, const int mode, size_t at, vector w, vector g)
{
    if (mode == PLAIN_STEP)
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
    vector sum[TILE][WIDTH];
    const float *a = p->a + r * p->a_stride, *w = p->w + c;
    float *out = p->out + r * p->out_stride + c;
    uint32_t cols = p->cols - c; /* the last vector of a packed row is partly the next row's */
#pragma GCC unroll 16
    for (uint32_t t = 0; t < height; t++)
#pragma GCC unroll 2
        for (uint32_t v = 0; v < width; v++)
            sum[t][v] = p->start    ? load(p->start + c + v * LANES)
                        : p->resume ? load(out + t * p->out_stride + v * LANES)
                                    : (vector){0};
    for (uint32_t k = 0; k < p->depth; k++, w += p->w_stride) {
        vector row[WIDTH];
#pragma GCC unroll 2
        for (uint32_t v = 0; v < width; v++)
            row[v] = load(w + v * LANES);
#pragma GCC unroll 16
        for (uint32_t t = 0; t < height; t++)
#pragma GCC unroll 2
            for (uint32_t v = 0; v < width; v++)
                sum[t][v] += a[t * p->a_stride + k] * row[v];
    }
#pragma GCC unroll 16
    for (uint32_t t = 0; t < height; t++)
#pragma GCC unroll 2
        for (uint32_t v = 0; v < width; v++)
            if (cols >= (v + 1) * LANES)
                store(out + t * p->out_stride + v * LANES, sum[t][v]);
            else
                store_some(out + t * p->out_stride + v * LANES, sum[t][v], cols - v * LANES);
}

/* Whole tiles, then what is left in tiles of half the height, a quarter, ... one row. */
INLINE void product_columns(const covey_product *p, uint32_t c, const uint32_t width)
{
    uint32_t r = 0;
    for (; r + TILE <= p->rows; r += TILE)
        product_tile(p, r, c, TILE, width);
#pragma GCC unroll 4
    for (uint32_t height = TILE / 2; height > 0; height /= 2)
        for (; r + height <= p->rows; r += height)
            product_tile(p, r, c, height, width);
}

/* Arguments are copied: stores of vectors may alias anything but locals, which then stay in registers. */
static void product(const covey_product *arguments)
{
    const covey_product p = *arguments;
    uint32_t c = 0;
    for (; c + (WIDTH - 1) * LANES < p.cols; c += WIDTH * LANES)
        product_columns(&p, c, WIDTH);
    if (WIDTH > 1 && c < p.cols)
        product_columns(&p, c, 1);
}

/* Weight rows i .. i + height, columns c .. c + width * LANES: their gradients, then their step. */
INLINE void outer_tile(const covey_outer *o, const covey_step *step, const int mode, uint32_t i, uint32_t c,
                       const uint32_t height, const uint32_t width)
{
    vector sum[OUTER_TILE][WIDTH];
    size_t at = o->at + i * o->stride + c;
    uint32_t cols = o->cols - c;
#pragma GCC unroll 16
    for (uint32_t t = 0; t < height; t++)
#pragma GCC unroll 2
        for (uint32_t v = 0; v < width; v++)
            sum[t][v] = mode == COLLECT ? load(step->gradient + at + t * o->stride + v * LANES) : (vector){0};
    for (uint32_t b = 0; b < o->samples; b++) {
        const float *x = o->x + b * o->x_sample + i, *d = o->d + b * o->d_sample + c;
        for (uint32_t s = 0; s < o->steps; s++, x += o->x_step, d += o->d_step) {
            vector row[WIDTH];
#pragma GCC unroll 2
            for (uint32_t v = 0; v < width; v++)
                row[v] = load(d + v * LANES);
#pragma GCC unroll 16
            for (uint32_t t = 0; t < height; t++)
#pragma GCC unroll 2
                for (uint32_t v = 0; v < width; v++)
                    sum[t][v] += x[t] * row[v];
        }
    }
#pragma GCC unroll 16
    for (uint32_t t = 0; t < height; t++)
#pragma GCC unroll 2
        for (uint32_t v = 0; v < width; v++) {
            size_t place = at + t * o->stride + v * LANES;
            if (cols < (v + 1) * LANES)
                sum[t][v] = first_lanes(sum[t][v], cols - v * LANES);
            if (mode == COLLECT)
                store(step->gradient + place, sum[t][v]);
            else
                store(step->weight + place, stepped(step, mode, place, load(step->weight + place), sum[t][v]));
        }
}

INLINE void outer_columns(const covey_outer *o, const covey_step *step, const int mode, uint32_t c, const uint32_t width)
{
    uint32_t i = 0;
    for (; i + OUTER_TILE <= o->rows; i += OUTER_TILE)
        outer_tile(o, step, mode, i, c, OUTER_TILE, width);
#pragma GCC unroll 4
    for (uint32_t height = OUTER_TILE / 2; height > 0; height /= 2)
        for (; i + height <= o->rows; i += height)
            outer_tile(o, step, mode, i, c, height, width);
}

INLINE void outer_in(const covey_outer *o, const covey_step *step, const int mode)
{
    uint32_t c = 0;
    for (; c + (WIDTH - 1) * LANES < o->cols; c += WIDTH * LANES)
        outer_columns(o, step, mode, c, WIDTH);
    if (WIDTH > 1 && c < o->cols)
        outer_columns(o, step, mode, c, 1);
}

static void outer(const covey_outer *arguments, const covey_step *how)
{
    const covey_outer o = *arguments;
    const covey_step step = *how;
    if (mode_of(&step) == COLLECT)
        outer_in(&o, &step, COLLECT);
    else if (mode_of(&step) == PLAIN_STEP)
        outer_in(&o, &step, PLAIN_STEP);
    else
        outer_in(&o, &step, FULL_STEP);
}

/* Blocks of 4 x 4, four floats a row whatever the width of vectors; then what is left over. */
static void transpose(const float *w, uint32_t rows, uint32_t cols, size_t stride, float *twin, size_t twin_stride)
{
    uint32_t r = 0;
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
    for (; r + 4 <= rows; r += 4)
        for (uint32_t c = 0; c < cols; c += 4) { /* rows are padded to whole vectors, so is the twin's number of rows */
            const float *from = w + r * stride + c;
            float *to = twin + c * twin_stride + r;
            four a = load_four(from), b = load_four(from + stride), d = load_four(from + 2 * stride),
                 e = load_four(from + 3 * stride);
            four ad = __builtin_shufflevector(a, d, 0, 4, 1, 5), be = __builtin_shufflevector(b, e, 0, 4, 1, 5);
            four ad_high = __builtin_shufflevector(a, d, 2, 6, 3, 7), be_high = __builtin_shufflevector(b, e, 2, 6, 3, 7);
            store_four(to, __builtin_shufflevector(ad, be, 0, 4, 1, 5));
            store_four(to + twin_stride, __builtin_shufflevector(ad, be, 2, 6, 3, 7));
            store_four(to + 2 * twin_stride, __builtin_shufflevector(ad_high, be_high, 0, 4, 1, 5));
            store_four(to + 3 * twin_stride, __builtin_shufflevector(ad_high, be_high, 2, 6, 3, 7));
        }
#endif
#endif
    for (; r < rows; r++)
        for (uint32_t c = 0; c < cols; c++)
            twin[c * twin_stride + r] = w[r * stride + c];
}

#endif
