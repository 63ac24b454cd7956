/* layers.h - a model's layers over one batch: forward to outputs, backward to steps of the weights. */
#ifndef COVEY_LAYERS_H
#define COVEY_LAYERS_H

#include "layout.h"

/* values[l] holds the outputs of layer l, sample after sample; going back it becomes the gradient of the loss by the
 * layer's sums (before activation), so that one more buffer, `back`, is enough. */
typedef struct {
    const covey_layout *layout;
    const float *weights; /* padded layout; what the layers compute with */
    float *twins;         /* transposed weights of layers that gradients go through; NULL for portable kernels */
    float *values[COVEY_MAX_LAYERS];
    float *back;
    void *scratch; /* of a spline layer */
} covey_network;

/* Takes the network's buffers for `batch` rows from the arena. For prediction only, `values` are two buffers in turns. */
void covey_network_arrange(covey_network *network, covey_arena *arena, const covey_layout *layout, uint32_t batch,
                           int training);
void covey_network_clear(const covey_network *network, uint32_t batch, int training); /* once, before the first batch */
void covey_network_refresh_twins(const covey_network *network);

/* x (count, inputs) with x_stride floats between rows. */
void covey_forward(const covey_network *network, const float *x, size_t x_stride, uint32_t count);

/* After covey_forward and with the last values replaced by the loss' gradient: every trained layer's gradient goes where
 * `step` says; gradients of inputs are taken from the weights before their step. `slab` is where a spline layer of vector
 * kernels collects (zeros, left zero), when step->gradient is NULL. */
void covey_backward(const covey_network *network, const float *x, size_t x_stride, uint32_t count,
                    const covey_step *step, float *slab);

/* Sequence layers (layers_sequence.c); `in` and `out` are values of `count` samples. */
void covey_conv_forward(const covey_network *network, const covey_shape *shape, const float *in, size_t in_stride,
                        float *out, uint32_t count);
void covey_conv_back(const covey_network *network, const covey_shape *shape, const float *d, uint32_t count);
void covey_pool_forward(const covey_shape *shape, const float *in, size_t in_stride, float *out, uint32_t count);
void covey_pool_back(const covey_network *network, const covey_shape *shape, const float *in, const float *d,
                     uint32_t count);

#endif
