/* kernel_elements.h - loops over single elements and single columns, and the table itself, of a vector kernel.
 * Compiled once per instruction set by kernels_<name>.c. */
#ifndef COVEY_KERNEL_ELEMENTS_H
#define COVEY_KERNEL_ELEMENTS_H

#include "arithmetic.h"
#include "covey.h"
#include "kernel_matrix.h"
#include "kernel_spline.h"

static void apply(float *gradient, size_t at, size_t n, const covey_step *step)
{
    for (size_t end = at + n; at < end; at += LANES) {
        store(step->weight + at, stepped(step, at, load(step->weight + at), load(gradient + at)));
        store(gradient + at, (vector){0});
    }
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

static void round_int8(const float *w, uint32_t rows, uint32_t cols, size_t stride, float *out)
{
    for (uint32_t c = 0; c < cols; c += LANES) {
        float largest[LANES] = {0}, unit[LANES], inverse[LANES];
        for (uint32_t r = 0; r < rows; r++)
            for (uint32_t v = 0; v < LANES; v++) {
                float x = w[r * stride + c + v], magnitude = x < 0.0f ? -x : x;
                largest[v] = magnitude > largest[v] ? magnitude : largest[v];
            }
        for (uint32_t v = 0; v < LANES; v++) {
            unit[v] = largest[v] < 1e-30f ? 0.0f : largest[v] / 127.0f;
            inverse[v] = largest[v] < 1e-30f ? 0.0f : 127.0f / largest[v];
        }
        for (uint32_t r = 0; r < rows; r++)
            for (uint32_t v = 0; v < LANES; v++) {
                float x = w[r * stride + c + v] * inverse[v];
                out[r * stride + c + v] = (float)(int32_t)(x + (x < 0.0f ? -0.5f : 0.5f)) * unit[v];
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

static void activate_back(int activation, float *y, const float *dy, size_t n)
{
    if (activation == COVEY_RELU)
        for (size_t i = 0; i < n; i++)
            y[i] = y[i] > 0.0f ? dy[i] : 0.0f;
    else if (activation == COVEY_TANH)
        for (size_t i = 0; i < n; i++)
            y[i] = dy[i] * (1.0f - y[i] * y[i]);
    else
        memcpy(y, dy, n * sizeof(float));
}

/* Rows are padded to whole vectors, so exponentials are taken of the padding too, and it is zero again at the end. */
static void softmax(float *z, size_t stride, uint32_t rows, uint32_t cols, float *loss)
{
    for (uint32_t r = 0; r < rows; r++) {
        float *row = z + r * stride, largest = row[0], sum = 0.0f;
        for (uint32_t c = 1; c < cols; c++)
            largest = row[c] > largest ? row[c] : largest;
        for (uint32_t c = 0; c < cols; c += LANES)
            store(row + c, load(row + c) - largest);
        for (size_t c = 0; c < stride; c++)
            row[c] = covey_exp_inline(row[c]);
        for (uint32_t c = 0; c < cols; c++)
            sum += row[c];
        for (uint32_t c = 0; c < cols; c += LANES)
            store(row + c, load(row + c) / sum);
        memset(row + cols, 0, (stride - cols) * sizeof(float));
        loss[r] = (largest - loss[r]) + covey_log_inline(sum);
    }
}

static int all_finite(const float *x, size_t n)
{
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++)
        bad |= (covey_float_bits(x[i]) & 0x7fffffffu) > COVEY_FLOAT_MAX_BITS;
    return !bad;
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
};

#endif
