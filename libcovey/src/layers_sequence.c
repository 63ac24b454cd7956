/* layers_sequence.c - convolution and pooling over sequences, channels last.
 *
 * A window of a sequence is one run of kernel * channels values, so a convolution is the dense layer's product with
 * another stride between rows. Windows overlap in the gradient of the inputs: it is made one output step after the other,
 * each adding to where the steps before it left off. */
#include "canonical.h"

#include "bytes.h"
#include "layers.h"

#include <string.h>

void covey_conv_forward(const covey_network *network, const covey_shape *shape, const float *in, size_t in_stride,
                        float *out, uint32_t count)
{
    const float *weight = network->weights + shape->at;
    for (uint32_t b = 0; b < count; b++) {
        const covey_product product = {
            .a = in + b * in_stride,
            .a_stride = shape->step_in,
            .w = weight,
            .w_stride = shape->stride,
            .start = weight + (size_t)shape->rows * shape->stride,
            .out = out + (size_t)b * shape->out_stride,
            .out_stride = shape->cols,
            .rows = shape->steps,
            .depth = shape->rows,
            .cols = shape->cols,
        };
        network->layout->kernels->product(&product);
    }
}

void covey_conv_back(const covey_network *network, const covey_shape *shape, const float *d, uint32_t count)
{
    memset(network->back, 0, (size_t)count * shape->in_stride * sizeof(float));
    for (uint32_t p = 0; p < shape->steps; p++) {
        const covey_product product = {
            .a = d + (size_t)p * shape->cols,
            .a_stride = shape->out_stride,
            .w = network->twins ? network->twins + shape->twin : network->weights + shape->at,
            .w_stride = network->twins ? shape->twin_stride : shape->stride,
            .out = network->back + (size_t)p * shape->step_in,
            .out_stride = shape->in_stride,
            .rows = count,
            .depth = shape->cols,
            .cols = shape->rows,
            .resume = 1,
            .transposed = !network->twins,
        };
        network->layout->kernels->product(&product);
    }
}

static void pool_window(const covey_shape *shape, const float *window, float *out)
{
    uint32_t channels = shape->cols, kernel = shape->layer->kernel;
    int mean = shape->layer->kind == COVEY_MEANPOOL1D;
    memcpy(out, window, channels * sizeof(float));
    for (uint32_t k = 1; k < kernel; k++)
        for (uint32_t c = 0; c < channels; c++) {
            float x = window[(size_t)k * channels + c];
            out[c] = mean ? out[c] + x : x > out[c] ? x : out[c];
        }
    for (uint32_t c = 0; mean && c < channels; c++)
        out[c] = out[c] / (float)kernel;
}

void covey_pool_forward(const covey_shape *shape, const float *in, size_t in_stride, float *out, uint32_t count)
{
    for (uint32_t b = 0; b < count; b++)
        for (uint32_t p = 0; p < shape->steps; p++)
            pool_window(shape, in + b * in_stride + (size_t)p * shape->step_in,
                        out + (size_t)b * shape->out_stride + (size_t)p * shape->cols);
}

enum { BLOCK = 16 }; /* channels at a time, without branches, and not unrolled: compilers then make vectors of them */

/* The gradient of one window: all of it to the first of the largest values ... */
static inline void max_window_back(const float *restrict window, const float *restrict d, float *restrict back,
                                   uint32_t channels, uint32_t kernel, uint32_t width)
{
    float largest[BLOCK];
    uint32_t place[BLOCK] = {0};
    for (uint32_t c = 0; c < width; c++)
        largest[c] = window[c];
    for (uint32_t k = 1; k < kernel; k++)
#pragma GCC unroll 1
        for (uint32_t c = 0; c < width; c++) {
            float x = window[(size_t)k * channels + c];
            uint32_t larger = x > largest[c] ? 0xffffffffu : 0; /* a mask: two conditional stores would be a branch */
            place[c] = (k & larger) | (place[c] & ~larger);
            largest[c] = covey_bits_float((covey_float_bits(x) & larger) | (covey_float_bits(largest[c]) & ~larger));
        }
    for (uint32_t k = 0; k < kernel; k++)
#pragma GCC unroll 1
        for (uint32_t c = 0; c < width; c++) {
            float share = d[c];
            back[(size_t)k * channels + c] += place[c] == k ? share : 0.0f;
        }
}

/* ... or a share to each. */
static void mean_window_back(const float *d, float *back, uint32_t channels, uint32_t kernel)
{
    for (uint32_t k = 0; k < kernel; k++)
        for (uint32_t c = 0; c < channels; c++)
            back[(size_t)k * channels + c] += d[c] / (float)kernel;
}

static void pool_window_back(const covey_shape *shape, const float *window, const float *d, float *back)
{
    uint32_t channels = shape->cols, kernel = shape->layer->kernel, c = 0;
    if (shape->layer->kind == COVEY_MEANPOOL1D) {
        mean_window_back(d, back, channels, kernel);
        return;
    }
    for (; c + BLOCK <= channels; c += BLOCK)
        max_window_back(window + c, d + c, back + c, channels, kernel, BLOCK);
    if (c < channels)
        max_window_back(window + c, d + c, back + c, channels, kernel, channels - c);
}

void covey_pool_back(const covey_network *network, const covey_shape *shape, const float *in, const float *d,
                     uint32_t count)
{
    memset(network->back, 0, (size_t)count * shape->in_stride * sizeof(float));
    for (uint32_t b = 0; b < count; b++)
        for (uint32_t p = 0; p < shape->steps; p++) {
            size_t at = (size_t)b * shape->in_stride + (size_t)p * shape->step_in;
            pool_window_back(shape, in + at, d + (size_t)b * shape->out_stride + (size_t)p * shape->cols,
                             network->back + at);
        }
}
