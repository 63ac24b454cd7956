/* layout.c - strides and offsets of a model for the active kernels, and the arena they are kept in. */
#include "layout.h"

#include <string.h>

static uint32_t rounded_up(uint32_t n, uint32_t lanes)
{
    return (n + lanes - 1) / lanes * lanes;
}

static void make_shape(covey_shape *shape, const covey_layer *layer, uint32_t lanes)
{
    *shape = (covey_shape){.layer = layer};
    shape->rows = covey_layer_rows(layer);
    shape->cols = layer->outputs;
    shape->steps = covey_layer_steps(layer);
    shape->values_in = covey_layer_values_in(layer);
    shape->values_out = covey_layer_values_out(layer);
    shape->out_stride = rounded_up(shape->values_out, lanes);
    shape->step_in = (uint32_t)layer->stride * layer->inputs;
    shape->stride = rounded_up(shape->cols, lanes);
    shape->twin_stride = rounded_up(shape->rows, lanes);
    shape->has_weights = shape->rows > 0;
}

void covey_layout_make(covey_layout *layout, const covey_model *model, const uint8_t *trainable)
{
    *layout = (covey_layout){.kernels = covey_kernels_active(), .n_layers = model->n_layers, .lowest = model->n_layers};
    uint32_t lanes = layout->kernels->lanes;
    for (uint32_t l = 0; l < model->n_layers; l++) {
        covey_shape *shape = &layout->shape[l];
        make_shape(shape, &model->layers[l], lanes);
        shape->in_stride = l == 0 ? shape->values_in : layout->shape[l - 1].out_stride;
        shape->flat = layout->n_flat;
        shape->at = layout->n_padded;
        shape->trainable = shape->has_weights && (!trainable || trainable[l]);
        shape->goes_back = layout->lowest < l;
        if (shape->trainable && layout->lowest > l)
            layout->lowest = l;
        if (shape->has_weights) {
            layout->n_flat += (shape->rows + 1) * shape->cols;
            layout->n_padded += (shape->rows + 1) * shape->stride;
        }
        if (shape->goes_back && shape->has_weights && lanes > 1) {
            shape->twin = layout->n_twin;
            layout->n_twin += shape->stride * shape->twin_stride;
        }
        if (shape->goes_back && shape->in_stride > layout->widest_back)
            layout->widest_back = shape->in_stride;
    }
    layout->n_inputs = layout->shape[0].values_in;
    layout->n_outputs = layout->shape[model->n_layers - 1].values_out;
}

void covey_layout_pack(const covey_layout *layout, const float *flat, float *padded)
{
    for (uint32_t l = 0; l < layout->n_layers; l++) {
        const covey_shape *shape = &layout->shape[l];
        uint32_t n = shape->has_weights ? shape->rows + 1 : 0, width = shape->cols; /* the last row is the bias */
        if (shape->stride == width) {
            width *= n;
            n = n > 0;
        }
        for (uint32_t r = 0; r < n; r++) {
            memcpy(padded + shape->at + (size_t)r * shape->stride, flat, width * sizeof(float));
            if (shape->stride > width)
                memset(padded + shape->at + (size_t)r * shape->stride + width, 0,
                       (shape->stride - width) * sizeof(float));
            flat += width;
        }
    }
}

void covey_layout_unpack(const covey_layout *layout, const float *padded, float *flat)
{
    for (uint32_t l = 0; l < layout->n_layers; l++) {
        const covey_shape *shape = &layout->shape[l];
        uint32_t n = shape->has_weights ? shape->rows + 1 : 0, width = shape->cols;
        if (shape->stride == width) {
            width *= n;
            n = n > 0;
        }
        for (uint32_t r = 0; r < n; r++) {
            memcpy(flat, padded + shape->at + (size_t)r * shape->stride, width * sizeof(float));
            flat += width;
        }
    }
}

/* Vector kernels get whole cache lines; others the 4 bytes that every arena has. */
covey_arena covey_arena_of(void *arena, uint32_t lanes)
{
    uint32_t alignment = lanes > 1 ? 64 : 4;
    uint8_t *base = (uint8_t *)arena;
    if (base)
        base += (alignment - (uintptr_t)base % alignment) % alignment;
    return (covey_arena){base, 0, alignment};
}

void *covey_arena_take(covey_arena *arena, uint64_t count, uint32_t size_each)
{
    uint8_t *part = arena->base ? arena->base + (size_t)arena->used : 0;
    uint64_t size = count * size_each;
    arena->used += (size + arena->alignment - 1) / arena->alignment * arena->alignment;
    return part;
}

size_t covey_arena_size(const covey_arena *arena, uint32_t lanes)
{
    uint64_t size = arena->used + (lanes > 1 ? 64 : 0);
    return size > SIZE_MAX / 2 ? 0 : (size_t)size;
}
