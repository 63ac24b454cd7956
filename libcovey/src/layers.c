/* layers.c - dense and spline layers, and the walk over all layers in both directions. */
#include "canonical.h"

#include "layers.h"

#include <string.h>

static const float one = 1.0f;

static uint64_t buffer_floats(const covey_layout *layout, uint32_t batch, uint32_t stride)
{
    uint32_t lanes = layout->kernels->lanes; /* slack: the last packed row is read as whole vectors */
    return (uint64_t)batch * stride + (lanes > 1 ? lanes : 0);
}

static uint32_t back_width(const covey_layout *layout)
{
    const covey_shape *last = &layout->shape[layout->n_layers - 1];
    int in_place = last->layer->activation == COVEY_LINEAR;
    return !in_place && last->out_stride > layout->widest_back ? last->out_stride : layout->widest_back;
}

void covey_network_arrange(covey_network *network, covey_arena *arena, const covey_layout *layout, uint32_t batch,
                           int training)
{
    uint32_t widest = 0;
    const covey_shape *first = &layout->shape[0];
    *network = (covey_network){.layout = layout};
    for (uint32_t l = 0; l < layout->n_layers; l++)
        widest = layout->shape[l].out_stride > widest ? layout->shape[l].out_stride : widest;
    for (uint32_t l = 0; l < layout->n_layers; l++)
        if (training)
            network->values[l] =
                covey_arena_take(arena, buffer_floats(layout, batch, layout->shape[l].out_stride), sizeof(float));
        else
            network->values[l] = l < 2 ? covey_arena_take(arena, buffer_floats(layout, batch, widest), sizeof(float))
                                       : network->values[l - 2];
    if (training && back_width(layout) > 0)
        network->back = covey_arena_take(arena, buffer_floats(layout, batch, back_width(layout)), sizeof(float));
    if (training && layout->n_twin > 0)
        network->twins = covey_arena_take(arena, layout->n_twin, sizeof(float));
    if (first->layer->kind == COVEY_SPLINE)
        network->scratch = covey_arena_take(
            arena, layout->kernels->spline_scratch(batch, first->values_in, first->rows, first->cols), 1);
}

/* Padding and slack are read, never used: zeros keep them from holding values that trap or slow things down. */
void covey_network_clear(const covey_network *network, uint32_t batch, int training)
{
    const covey_layout *layout = network->layout;
    for (uint32_t l = 0; l < layout->n_layers; l++)
        memset(network->values[l], 0,
               (size_t)buffer_floats(layout, batch, layout->shape[l].out_stride) * sizeof(float));
    if (training && network->back)
        memset(network->back, 0, (size_t)buffer_floats(layout, batch, back_width(layout)) * sizeof(float));
    if (network->twins)
        memset(network->twins, 0, (size_t)layout->n_twin * sizeof(float));
}

void covey_network_refresh_twins(const covey_network *network)
{
    const covey_layout *layout = network->layout;
    for (uint32_t l = 0; network->twins && l < layout->n_layers; l++) {
        const covey_shape *shape = &layout->shape[l];
        if (shape->goes_back && shape->has_weights)
            layout->kernels->transpose(network->weights + shape->at, shape->rows, shape->cols, shape->stride,
                                       network->twins + shape->twin, shape->twin_stride);
    }
}

static covey_spline spline_of(const covey_network *network, const covey_shape *shape, const float *x, size_t x_stride,
                              uint32_t count)
{
    const float *weight = network->weights + shape->at;
    return (covey_spline){
        .x = x,
        .x_stride = x_stride,
        .weight = weight,
        .bias = weight + (size_t)shape->rows * shape->stride,
        .stride = shape->stride,
        .samples = count,
        .features = shape->values_in,
        .knots = shape->rows,
        .cols = shape->stride,
        .out = network->values[0],
        .out_stride = shape->out_stride,
        .scratch = network->scratch,
    };
}

static void dense_forward(const covey_network *network, const covey_shape *shape, const float *in, size_t in_stride,
                          float *out, uint32_t count)
{
    const float *weight = network->weights + shape->at;
    const covey_product product = {
        .a = in,
        .a_stride = in_stride,
        .w = weight,
        .w_stride = shape->stride,
        .start = weight + (size_t)shape->rows * shape->stride,
        .out = out,
        .out_stride = shape->out_stride,
        .rows = count,
        .depth = shape->rows,
        .cols = shape->stride,
    };
    network->layout->kernels->product(&product);
}

void covey_forward(const covey_network *network, const float *x, size_t x_stride, uint32_t count)
{
    const covey_layout *layout = network->layout;
    for (uint32_t l = 0; l < layout->n_layers; l++) {
        const covey_shape *shape = &layout->shape[l];
        float *out = network->values[l];
        if (shape->layer->kind == COVEY_SPLINE) {
            covey_spline spline = spline_of(network, shape, x, x_stride, count);
            layout->kernels->spline_forward(&spline);
        } else if (shape->layer->kind == COVEY_DENSE) {
            dense_forward(network, shape, x, x_stride, out, count);
        } else if (shape->layer->kind == COVEY_CONV1D) {
            covey_conv_forward(network, shape, x, x_stride, out, count);
        } else {
            covey_pool_forward(shape, x, x_stride, out, count);
        }
        layout->kernels->activate(shape->layer->activation, out, (size_t)count * shape->out_stride);
        x = out;
        x_stride = shape->out_stride;
    }
}

/* back = d times the transposed weight. */
static void dense_back(const covey_network *network, const covey_shape *shape, const float *d, uint32_t count)
{
    const covey_product product = {
        .a = d,
        .a_stride = shape->out_stride,
        .w = network->twins ? network->twins + shape->twin : network->weights + shape->at,
        .w_stride = network->twins ? shape->twin_stride : shape->stride,
        .out = network->back,
        .out_stride = shape->in_stride,
        .rows = count,
        .depth = shape->cols,
        .cols = shape->in_stride,
        .transposed = !network->twins,
    };
    network->layout->kernels->product(&product);
}

static void make_steps(const covey_network *network, const covey_shape *shape, const float *in, size_t in_stride,
                       const float *d, uint32_t count, const covey_step *step)
{
    int conv = shape->layer->kind == COVEY_CONV1D;
    covey_outer outer = {
        .x = in,
        .x_sample = conv ? in_stride : 0,
        .x_step = conv ? shape->step_in : in_stride,
        .d = d,
        .d_sample = conv ? shape->out_stride : 0,
        .d_step = conv ? shape->cols : shape->out_stride,
        .samples = conv ? count : 1,
        .steps = conv ? shape->steps : count,
        .rows = shape->rows,
        .cols = conv ? shape->cols : shape->stride,
        .at = shape->at,
        .stride = shape->stride,
    };
    if (shape->layer->kind != COVEY_SPLINE)
        network->layout->kernels->outer(&outer, step);
    outer.x = &one; /* the bias is the weight of an input that is always one */
    outer.x_sample = outer.x_step = 0;
    outer.rows = 1;
    outer.at += (size_t)shape->rows * shape->stride;
    network->layout->kernels->outer(&outer, step);
}

static void make_spline_steps(const covey_network *network, const covey_shape *shape, const float *x, size_t x_stride,
                              uint32_t count, const covey_step *step, float *slab)
{
    const covey_kernels *kernels = network->layout->kernels;
    covey_spline spline = spline_of(network, shape, x, x_stride, count);
    covey_step collect = *step;
    if (!step->gradient)
        collect.gradient = slab;
    kernels->spline_gradient(&spline, &collect);
    if (!step->gradient && slab)
        kernels->apply(slab, shape->at, (size_t)shape->rows * shape->stride, step);
    make_steps(network, shape, x, x_stride, spline.out, count, step);
}

static void back_through(const covey_network *network, const covey_shape *shape, const float *in, const float *d,
                         uint32_t count)
{
    if (shape->layer->kind == COVEY_DENSE)
        dense_back(network, shape, d, count);
    else if (shape->layer->kind == COVEY_CONV1D)
        covey_conv_back(network, shape, d, count);
    else
        covey_pool_back(network, shape, in, d, count);
}

void covey_backward(const covey_network *network, const float *x, size_t x_stride, uint32_t count,
                    const covey_step *step, float *slab)
{
    const covey_layout *layout = network->layout;
    for (uint32_t l = layout->n_layers; l-- > layout->lowest;) {
        const covey_shape *shape = &layout->shape[l];
        const float *d = network->values[l], *in = l > 0 ? network->values[l - 1] : x;
        if (shape->goes_back)
            back_through(network, shape, in, d, count);
        if (shape->trainable && shape->layer->kind == COVEY_SPLINE)
            make_spline_steps(network, shape, x, x_stride, count, step, slab);
        else if (shape->trainable)
            make_steps(network, shape, in, l > 0 ? shape->in_stride : x_stride, d, count, step);
        if (shape->goes_back)
            layout->kernels->activate_back(layout->shape[l - 1].layer->activation, network->values[l - 1],
                                           network->back, (size_t)count * shape->in_stride);
    }
}
