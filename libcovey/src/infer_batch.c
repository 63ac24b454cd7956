/* infer_batch.c - int8 models over batches of rows with vector kernels: weights are put in pairs once a call, then tiles
 * of rows go through all layers. The integers are those of infer.c and so are the few float operations on each of them. */
#include "infer.h"

#include "layout.h"
#include "quant.h"

#if COVEY_VECTOR_KERNELS

typedef struct {
    int8_t *pairs;
    float *scale, *bias;
    uint32_t out_stride;
} packed_layer;

typedef struct {
    const covey_kernels *kernels;
    packed_layer layer[COVEY_MAX_LAYERS];
    float *values[2]; /* between layers, in turns: COVEY_INT8_ROWS rows */
    void *scratch;
    size_t size;
} batch;

static uint32_t rounded_up(uint32_t n, uint32_t to)
{
    return (n + to - 1) / to * to;
}

static uint32_t pair_rows(const covey_layer *layer)
{
    return layer->kind == COVEY_SPLINE ? layer->knots - 1u : (covey_layer_rows(layer) + 1) / 2;
}

static batch arrange(const covey_model *model, void *memory)
{
    batch b = {.kernels = covey_kernels_active()};
    uint32_t lanes = b.kernels->lanes, widest = 0;
    size_t scratch = 0;
    covey_arena arena = covey_arena_of(memory, lanes);
    for (uint32_t l = 0; l < model->n_layers; l++) {
        const covey_layer *layer = &model->layers[l];
        uint32_t cols = layer->outputs, padded = rounded_up(cols, lanes);
        b.layer[l].out_stride = rounded_up(covey_layer_values_out(layer) - cols + padded, lanes);
        widest = b.layer[l].out_stride > widest ? b.layer[l].out_stride : widest;
        if (!covey_layer_rows(layer))
            continue;
        b.layer[l].pairs = covey_arena_take(&arena, 2 * ((uint64_t)pair_rows(layer) * cols + lanes), 1);
        b.layer[l].scale = covey_arena_take(&arena, padded, sizeof(float));
        b.layer[l].bias = covey_arena_take(&arena, padded, sizeof(float));
        size_t needed = covey_int8_scratch(COVEY_INT8_ROWS, covey_layer_values_in(layer));
        scratch = needed > scratch ? needed : scratch;
    }
    for (uint32_t i = 0; i < 2; i++)
        b.values[i] = covey_arena_take(&arena, (uint64_t)widest * COVEY_INT8_ROWS, sizeof(float));
    if (memory)
        for (uint32_t i = 0; i < 2; i++)
            memset(b.values[i], 0, (size_t)widest * COVEY_INT8_ROWS * sizeof(float));
    b.scratch = covey_arena_take(&arena, scratch, 1);
    b.size = covey_arena_size(&arena, lanes);
    return b;
}

size_t covey_batch_size(const covey_model *model)
{
    return covey_kernels_active()->int8_product ? arrange(model, 0).size : 0;
}

/* Bytes of two rows, column by column; without a second row it counts as zeros. */
static void pack_pair(const int8_t *restrict low, const int8_t *restrict high, size_t n, int8_t *restrict out)
{
    if (high)
        for (size_t i = 0; i < n; i++) {
            out[2 * i] = low[i];
            out[2 * i + 1] = high[i];
        }
    else
        for (size_t i = 0; i < n; i++) {
            out[2 * i] = low[i];
            out[2 * i + 1] = 0;
        }
}

static void pack_layer(const covey_layer *layer, const uint8_t *bytes, uint32_t lanes, packed_layer *packed)
{
    uint32_t cols = layer->outputs, padded = rounded_up(cols, lanes), rows = covey_layer_rows(layer);
    const int8_t *weight = (const int8_t *)bytes + 8 * cols;
    for (uint32_t o = 0; o < padded; o++) {
        packed->scale[o] = o < cols ? covey_load_float(bytes + 4 * o) : 0.0f;
        packed->bias[o] = o < cols ? covey_load_float(bytes + 4 * (cols + o)) : 0.0f;
    }
    size_t n = (size_t)pair_rows(layer) * cols;
    if (layer->kind == COVEY_SPLINE) /* row k with row k + 1, one after the other: all in one go */
        pack_pair(weight, weight + cols, n, packed->pairs);
    else
        for (uint32_t k = 0; k < rows; k += 2) {
            const int8_t *low = weight + (size_t)k * cols;
            pack_pair(low, k + 1 < rows ? low + cols : 0, cols, packed->pairs + (size_t)k * cols);
        }
    memset(packed->pairs + 2 * n, 0, 2 * lanes);
}

/* Eight columns fill half a vector of AVX-512: for these the shorter vectors do the same with less. What they leave alone
 * behind the columns is finite, as all that comes to lie in a tile. */
static const covey_kernels *kernels_for(const batch *b, uint32_t cols)
{
#if defined(__x86_64__)
    if (cols <= covey_kernels_avx2.lanes && b->kernels == &covey_kernels_avx512)
        return &covey_kernels_avx2;
#else
    (void)cols;
#endif
    return b->kernels;
}

static void run_layer(const batch *b, const covey_layer *layer, const packed_layer *packed, const float *in, size_t in_stride,
                      uint32_t rows, float *out)
{
    if (!covey_layer_rows(layer)) {
        for (uint32_t r = 0; r < rows; r++)
            covey_pool_row(layer, in + r * in_stride, out + (size_t)r * packed->out_stride);
        return;
    }
    const covey_int8_product product = {
        .x = in,
        .x_stride = in_stride,
        .pairs = packed->pairs,
        .scale = packed->scale,
        .bias = packed->bias,
        .samples = rows,
        .values_in = covey_layer_values_in(layer),
        .fan_in = covey_fan_in(layer),
        .cols = layer->outputs,
        .knots = layer->kind == COVEY_SPLINE ? layer->knots : 0,
        .steps = covey_layer_steps(layer),
        .step_in = (uint32_t)layer->stride * layer->inputs,
        .out = out,
        .out_stride = packed->out_stride,
        .scratch = b->scratch,
    };
    kernels_for(b, layer->outputs)->int8_product(&product);
    b->kernels->activate(layer->activation, out, (size_t)rows * packed->out_stride);
}

/* The outputs of a tile, or NULL if a value on the way is not finite. */
static const float *run_tile(const batch *b, const covey_model *model, const float *in, uint32_t rows)
{
    size_t in_stride = covey_model_inputs(model);
    for (uint32_t l = 0; l < model->n_layers; l++) {
        float *out = b->values[l % 2];
        run_layer(b, &model->layers[l], &b->layer[l], in, in_stride, rows, out);
        in = out;
        in_stride = b->layer[l].out_stride;
        if (!b->kernels->finite(out, rows * in_stride))
            return 0;
    }
    return in;
}

uint32_t covey_batch_predict(const covey_model *model, const uint8_t *bytes, const float *inputs, uint32_t n_rows,
                             float *outputs, void *arena)
{
    const batch b = arrange(model, arena);
    const uint32_t n_in = covey_model_inputs(model), n_out = covey_model_outputs(model);
    for (uint32_t l = 0; l < model->n_layers; l++) {
        packed_layer packed = b.layer[l];
        if (packed.pairs)
            pack_layer(&model->layers[l], bytes, b.kernels->lanes, &packed);
        bytes += covey_int8_layer_bytes(&model->layers[l]);
    }
    for (size_t first = 0; first < n_rows; first += COVEY_INT8_ROWS) {
        uint32_t rows = n_rows - first < COVEY_INT8_ROWS ? (uint32_t)(n_rows - first) : COVEY_INT8_ROWS;
        const float *out = run_tile(&b, model, inputs + first * n_in, rows);
        if (!out)
            return (uint32_t)first;
        for (uint32_t r = 0; r < rows; r++)
            memcpy(outputs + (first + r) * n_out, out + (size_t)r * b.layer[model->n_layers - 1].out_stride,
                   n_out * sizeof(float));
    }
    return n_rows;
}

#endif
