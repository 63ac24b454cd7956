/* kernel_elements.h - loops over single elements and single columns, and the table itself, of a vector kernel.
 * Compiled once per instruction set by kernels_<name>.c. */
#ifndef COVEY_KERNEL_ELEMENTS_H
#define COVEY_KERNEL_ELEMENTS_H

#include "arithmetic.h"
#include "covey.h"
#include "kernel_encode.h"
#include "kernel_int8.h"
#include "kernel_matrix.h"
#include "kernel_spline.h"

INLINE void apply_in(float *gradient, size_t at, size_t n, const covey_step *step, const int mode)
{
    for (size_t end = at + n; at < end; at += LANES) {
        store(step->weight + at, stepped(step, mode, at, load(step->weight + at), load(gradient + at)));
        store(gradient + at, (vector){0});
    }
}

static void apply(float *gradient, size_t at, size_t n, const covey_step *how)
{
    const covey_step step = *how;
    if (step.plain)
        apply_in(gradient, at, n, &step, PLAIN_STEP);
    else
        apply_in(gradient, at, n, &step, FULL_STEP);
}

static float squares(const float *gradient, uint32_t rows, uint32_t cols, size_t stride, float sum)
{
    for (uint32_t c = 0; c < cols; c += LANES) {
        vector column = {0};
        for (uint32_t r = 0; r < rows; r++) {
            vector g = load(gradient + r * stride + c);
            column += g * g;
        }
        for (uint32_t v = 0; v < LANES && c + v < cols; v++)
            sum += column[v];
    }
    return sum;
}

/* Half away from zero, as covey_int8_quantise: truncation after adding a half of the same sign. */
static void round_int8(const float *w, uint32_t rows, uint32_t cols, size_t stride, float *out)
{
    const vector_int sign = (vector_int){0} + INT32_MIN;
    const vector half = (vector){0} + 0.5f;
    for (uint32_t c = 0; c < cols; c += LANES) {
        vector_int most = {0}; /* patterns of magnitudes are ordered like the magnitudes */
        for (uint32_t r = 0; r < rows; r++) {
            vector_int magnitude = (vector_int)load(w + r * stride + c) & ~sign, larger = magnitude > most;
            most = (magnitude & larger) | (most & ~larger);
        }
        vector largest = (vector)most;
        vector_int counts = (largest >= COVEY_NEGLIGIBLE) & (largest <= FLT_MAX);
        vector unit = (vector)((vector_int)(largest / 127.0f) & counts);
        vector inverse = (vector)((vector_int)(127.0f / largest) & counts);
        for (uint32_t r = 0; r < rows; r++) {
            vector x = (vector)((vector_int)load(w + r * stride + c) & counts) * inverse;
            x = x + (vector)((vector_int)half | ((vector_int)x & sign));
            x = __builtin_convertvector(__builtin_convertvector(x, vector_int), vector);
            store(out + r * stride + c, x * unit);
        }
    }
}

static void activate(int activation, float *y, size_t n)
{
    if (activation == COVEY_RELU)
        for (size_t i = 0; i < n; i++)
            y[i] = y[i] > 0.0f ? y[i] : 0.0f;
    else if (activation == COVEY_TANH)
        for (size_t i = 0; i < n; i++)
            y[i] = covey_tanh_inline(y[i]);
}

static void activate_back(int activation, float *restrict y, const float *restrict dy, size_t n)
{
    if (activation == COVEY_RELU)
        for (size_t i = 0; i < n; i++) {
            float d = dy[i]; /* read in any case: a condition on reading keeps compilers from vectors */
            y[i] = y[i] > 0.0f ? d : 0.0f;
        }
    else if (activation == COVEY_TANH)
        for (size_t i = 0; i < n; i++)
            y[i] = dy[i] * (1.0f - y[i] * y[i]);
    else
        memcpy(y, dy, n * sizeof(float));
}

/* `height` rows of a softmax up to the exponentials; independent chains hide each other's latency. */
INLINE void shift_rows(const covey_cross_entropy *s, uint32_t first, const uint32_t height)
{
    float *z = s->logits + first * s->stride, largest[4], sum[4] = {0};
#pragma GCC unroll 4
    for (uint32_t t = 0; t < height; t++)
        largest[t] = z[t * s->stride];
    for (uint32_t c = 1; c < s->cols; c++)
#pragma GCC unroll 4
        for (uint32_t t = 0; t < height; t++)
            largest[t] = z[t * s->stride + c] > largest[t] ? z[t * s->stride + c] : largest[t];
    for (uint32_t c = 0; s->rest != 0.0f && c < s->cols; c++)
#pragma GCC unroll 4
        for (uint32_t t = 0; t < height; t++)
            sum[t] += z[t * s->stride + c];
#pragma GCC unroll 4
    for (uint32_t t = 0; t < height; t++) {
        float *row = z + t * s->stride, logit = row[s->label[first + t]];
        if (s->rest != 0.0f)
            logit = s->own * logit + s->rest * sum[t];
        s->loss[first + t] = largest[t] - logit;
        for (uint32_t c = 0; c < s->cols; c += LANES)
            store(row + c, load(row + c) - largest[t]);
    }
}

/* One vector of one row from exponentials to gradients; padding becomes zero. */
INLINE vector softmax_gradient(const covey_cross_entropy *s, uint32_t r, uint32_t c, vector e, float sum)
{
    static const float index[LANES] = {INDEX};
    vector_int is_label = load(index) == (float)(s->label[r] - (int32_t)c);
    vector own = (vector)(is_label & (vector_int)((vector){0} + s->own));
    vector p = e / sum;
    if (s->rest != 0.0f)
        p = p - s->rest;
    p = (p - own) * s->scale[r];
    return s->cols - c < LANES ? first_lanes(p, s->cols - c) : p;
}

INLINE void finish_rows(const covey_cross_entropy *s, uint32_t first, float *sums, const uint32_t height)
{
    float *z = s->logits + first * s->stride, sum[4] = {0};
    for (uint32_t c = 0; c < s->cols; c++)
#pragma GCC unroll 4
        for (uint32_t t = 0; t < height; t++)
            sum[t] += z[t * s->stride + c];
#pragma GCC unroll 4
    for (uint32_t t = 0; t < height; t++) {
        float *row = z + t * s->stride;
        sums[t] = sum[t];
        for (uint32_t c = 0; c < s->cols; c += LANES)
            store(row + c, softmax_gradient(s, first + t, c, load(row + c), sum[t]));
    }
}

/* Exponentials are taken of the rows' padding too: one loop over all. */
static void softmax(const covey_cross_entropy *arguments)
{
    const covey_cross_entropy s = *arguments;
    float sums[COVEY_SOFTMAX_ROWS];
    uint32_t r = 0;
    for (; r + 4 <= s.rows; r += 4)
        shift_rows(&s, r, 4);
    for (; r < s.rows; r++)
        shift_rows(&s, r, 1);
    for (size_t i = 0; i < s.rows * s.stride; i++)
        s.logits[i] = covey_exp_inline(s.logits[i]);
    for (r = 0; r + 4 <= s.rows; r += 4)
        finish_rows(&s, r, sums + r, 4);
    for (; r < s.rows; r++)
        finish_rows(&s, r, sums + r, 1);
    for (r = 0; r < s.rows; r++)
        s.loss[r] += covey_log_inline(sums[r]);
}

/* Patterns of magnitudes are ordered like the magnitudes: one look at the largest. */
static int all_finite(const float *x, size_t n)
{
    int32_t most = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t magnitude = (int32_t)(covey_float_bits(x[i]) & 0x7fffffffu);
        most = magnitude > most ? magnitude : most;
    }
    return (uint32_t)most <= COVEY_FLOAT_MAX_BITS;
}

static void exponentials(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = covey_exp_inline(x[i]);
}

const covey_kernels KERNEL_TABLE = {
    .name = KERNEL_NAME,
    .lanes = LANES,
    .product = product,
    .outer = outer,
    .spline_scratch = spline_scratch,
    .spline_forward = spline_forward,
    .spline_gradient = spline_gradient,
    .apply = apply,
    .squares = squares,
    .transpose = transpose,
    .round_int8 = round_int8,
    .activate = activate,
    .activate_back = activate_back,
    .softmax = softmax,
    .finite = all_finite,
    .encode = encode_rows,
    .int8_product = int8_product,
    .exponentials = exponentials,
};

#endif
