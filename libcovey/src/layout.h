/* layout.h - where the parts of a model lie in memory, in the flat vector and as the active kernels want them. */
#ifndef COVEY_LAYOUT_H
#define COVEY_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "covey.h"
#include "kernels.h"

uint32_t covey_layer_rows(const covey_layer *layer);   /* of the weight; 0 for pooling */
uint32_t covey_layer_steps(const covey_layer *layer);  /* output steps; 1 unless the layer is on a sequence */
uint32_t covey_layer_values_in(const covey_layer *layer);
uint32_t covey_layer_values_out(const covey_layer *layer);

/* Offsets and strides are in floats. "Padded" is the layout of the kernels: rows of weights rounded up to whole vectors.
 * With one lane it is the flat layout itself. */
typedef struct {
    const covey_layer *layer;
    uint32_t rows, cols, steps;
    uint32_t values_in, values_out;
    uint32_t in_stride, out_stride; /* between the values of one sample and the next */
    uint32_t step_in;               /* between the windows of one output step and the next */
    uint32_t stride;                /* between rows of the padded weight */
    uint32_t flat, at;              /* of the layer's weight in the flat and in the padded vector */
    uint32_t twin, twin_stride;     /* of the transposed weight among the twins */
    uint8_t has_weights, trainable;
    uint8_t goes_back;              /* a layer below is trained, so the gradient goes through to its inputs */
} covey_shape;

typedef struct {
    const covey_kernels *kernels;
    covey_shape shape[COVEY_MAX_LAYERS];
    uint32_t n_layers, lowest; /* lowest: the first layer that is trained; n_layers if none */
    uint32_t n_flat, n_padded, n_twin;
    uint32_t n_inputs, n_outputs;
    uint32_t widest_back; /* most values between two layers that a gradient goes through */
} covey_layout;

/* For a model that covey_model_check accepts. `trainable` (n_layers) may be NULL. */
void covey_layout_make(covey_layout *layout, const covey_model *model, const uint8_t *trainable);

/* Between the flat vector and the padded one; padding is set to zero. */
void covey_layout_pack(const covey_layout *layout, const float *flat, float *padded);
void covey_layout_unpack(const covey_layout *layout, const float *padded, float *flat);

/* Hands out parts of an arena in order; the same calls on a NULL arena measure how much is needed. */
typedef struct {
    uint8_t *base;
    uint64_t used;
    uint32_t alignment;
} covey_arena;

covey_arena covey_arena_of(void *arena, uint32_t lanes);
void *covey_arena_take(covey_arena *arena, uint64_t count, uint32_t size_each);
size_t covey_arena_size(const covey_arena *arena, uint32_t lanes); /* bytes the caller must bring; 0: more than size_t */

#endif
