/* infer.c - int8 models at work: integer sums, float32 between layers.
 *
 * A row of activations becomes 12-bit signed integers (+-2047) with one scale, taken from its largest magnitude; a spline
 * layer's hat weights are integers 0..2048 that sum to 2048 a feature. Weights are any int8 (-128 may come over the air).
 * Sums are exact in int32, because a layer has at most COVEY_FAN_IN_LIMIT terms:
 *     |sum| <= 8000 * 2048 * 128 = 2,097,152,000 < 2^31 = 2,147,483,648
 * so their order cannot matter: loops run across outputs as wide as they like, and the bits are the same everywhere. */
#include "quant.h"

#include "infer.h"

enum { TILE = 16 };

typedef struct {
    float *values[2];   /* between layers, in turns */
    int16_t *codes;     /* a layer's activations; spline: hat weights, then the rows they belong to */
    uint32_t width;     /* of values[i] */
    uint32_t n_codes;
} scratch;

static scratch scratch_of(const covey_model *model)
{
    scratch s = {{0, 0}, 0, 0, 0};
    for (uint32_t l = 0; l < model->n_layers; l++) {
        const covey_layer *layer = &model->layers[l];
        uint32_t codes = covey_layer_rows(layer) ? covey_layer_values_in(layer) * (layer->kind == COVEY_SPLINE ? 2 : 1) : 0;
        s.n_codes = codes > s.n_codes ? codes : s.n_codes;
        if (l + 1 < model->n_layers && covey_layer_values_out(layer) > s.width)
            s.width = covey_layer_values_out(layer);
    }
    return s;
}

static size_t scratch_bytes(const scratch *s)
{
    return 2 * sizeof(float) * (size_t)s->width + sizeof(int16_t) * (size_t)s->n_codes;
}

static size_t batch_bytes(const covey_model *model)
{
#if COVEY_VECTOR_KERNELS
    return covey_batch_size(model);
#else
    (void)model;
    return 0;
#endif
}

size_t covey_int8_predict_size(const covey_model *model)
{
    if (covey_int8_size(model) == 0)
        return 0;
    scratch s = scratch_of(model);
    return scratch_bytes(&s) + batch_bytes(model);
}

/* Activations to 12 bits; returns the value of one step. */
static float quantise_row(const float *x, uint32_t n, int16_t *codes)
{
    int32_t largest = 0; /* patterns of magnitudes are ordered like the magnitudes */
    for (uint32_t i = 0; i < n; i++) {
        int32_t magnitude = (int32_t)(covey_float_bits(x[i]) & 0x7fffffffu);
        largest = magnitude > largest ? magnitude : largest;
    }
    float limit = covey_bits_float((uint32_t)largest);
    float inverse = limit < COVEY_NEGLIGIBLE ? 0.0f : COVEY_ACTIVATION_LIMIT / limit;
    for (uint32_t i = 0; i < n; i++)
        codes[i] = (int16_t)covey_rounded(x[i] * inverse);
    return limit < COVEY_NEGLIGIBLE ? 0.0f : limit / COVEY_ACTIVATION_LIMIT;
}

/* Positions to hats: row i has weight COVEY_HAT - upper, row i + 1 has `upper`. Positions outside read as the end knots. */
static void hats_of_row(const float *x, uint32_t n, uint32_t knots, int16_t *upper, uint16_t *row)
{
    float last = (float)(knots - 1);
    for (uint32_t i = 0; i < n; i++) {
        float t = x[i] > 0 ? x[i] : 0.0f;
        t = t > last ? last : t;
        uint32_t at = (uint32_t)t;
        at = at > knots - 2 ? knots - 2 : at;
        row[i] = (uint16_t)at;
        upper[i] = (int16_t)covey_rounded((t - (float)at) * COVEY_HAT);
    }
}

/* out[o] = codes . weight column o for `width` columns. For a spline layer (`row` is not null) the
 * codes are upper hats, and a feature's two hats meet the two rows its value lies between. */
static void sums_of(const int8_t *weight, uint32_t stride, const int16_t *codes, const uint16_t *row, uint32_t n,
                            int32_t *out, uint32_t width)
{
    for (uint32_t o = 0; o < width; o++)
        out[o] = 0;
    for (uint32_t i = 0; i < n; i++) {
        const int8_t *a = weight + (size_t)(row ? row[i] : i) * stride;
        int32_t up = codes[i], down = COVEY_HAT - up;
        for (uint32_t o = 0; o < width; o++)
            out[o] += row ? down * a[o] + up * a[stride + o] : up * a[o];
    }
}

static float activated(float x, uint32_t activation)
{
    if (activation == COVEY_RELU)
        return x > 0 ? x : 0.0f;
    return activation == COVEY_TANH ? covey_tanhf(x) : x;
}

/* One step of outputs from codes (dense, conv: `codes` starts at the window; spline: with the rows of the hats). */
static void outputs_of(const covey_layer *layer, const uint8_t *bytes, const int16_t *codes, const uint16_t *row,
                       float unit, float *out)
{
    uint32_t outputs = layer->outputs, n = covey_fan_in(layer);
    const int8_t *weight = (const int8_t *)bytes + 8 * outputs;
    for (uint32_t first = 0; first < outputs;) {
        int32_t sum[TILE];
        uint32_t width = outputs - first < TILE ? outputs - first : TILE;
        sums_of(weight + first, outputs, codes, row, n, sum, width);
        for (uint32_t o = 0; o < width; o++, first++) {
            float scale = unit * covey_load_float(bytes + 4 * first);
            float bias = covey_load_float(bytes + 4 * (outputs + first));
            out[first] = activated((float)sum[o] * scale + bias, layer->activation);
        }
    }
}

static float pooled(const covey_layer *layer, const float *window)
{
    float value = window[0];
    for (uint32_t k = 1; k < layer->kernel; k++) {
        float x = window[(size_t)k * layer->inputs];
        if (layer->kind == COVEY_MEANPOOL1D)
            value += x;
        else
            value = x > value ? x : value;
    }
    return layer->kind == COVEY_MEANPOOL1D ? value / (float)layer->kernel : value;
}

void covey_pool_row(const covey_layer *layer, const float *in, float *out)
{
    for (uint32_t step = 0; step < covey_layer_steps(layer); step++)
        for (uint32_t c = 0; c < layer->outputs; c++)
            out[(size_t)step * layer->outputs + c] = activated(
                pooled(layer, in + (size_t)step * layer->stride * layer->inputs + c), layer->activation);
}

static void run_layer(const covey_layer *layer, const uint8_t *bytes, const scratch *s, const float *in, float *out)
{
    if (!covey_layer_rows(layer)) {
        covey_pool_row(layer, in, out);
    } else if (layer->kind == COVEY_SPLINE) {
        uint16_t *row = (uint16_t *)s->codes + layer->inputs;
        hats_of_row(in, layer->inputs, layer->knots, s->codes, row);
        outputs_of(layer, bytes, s->codes, row, 1.0f / COVEY_HAT, out);
    } else {
        float unit = quantise_row(in, covey_layer_values_in(layer), s->codes);
        for (uint32_t step = 0; step < covey_layer_steps(layer); step++)
            outputs_of(layer, bytes, s->codes + (size_t)step * layer->stride * layer->inputs, 0, unit,
                       out + (size_t)step * layer->outputs);
    }
}

/* One row through all layers. Biases and scales are finite but may be absurd, so each layer's values are looked at. */
static int run_row(const covey_model *model, const uint8_t *bytes, const scratch *s, const float *in, float *out)
{
    for (uint32_t l = 0; l < model->n_layers; l++) {
        const covey_layer *layer = &model->layers[l];
        float *to = l + 1 == model->n_layers ? out : s->values[l % 2];
        if (l > 0 && !covey_all_finite(in, covey_layer_values_in(layer)))
            return COVEY_E_NONFINITE;
        run_layer(layer, bytes, s, in, to);
        bytes += covey_int8_layer_bytes(layer);
        in = to;
    }
    return COVEY_OK;
}

/* Not by the kernels where these are the portable ones: a device without training does without their table. */
static int all_finite(const float *values, size_t n)
{
#if COVEY_VECTOR_KERNELS
    return covey_kernels_active()->finite(values, n);
#else
    return covey_all_finite(values, n);
#endif
}

int covey_int8_predict(const covey_model *model, const uint8_t *bytes, size_t size, const float *inputs, uint32_t n_rows,
                       float *outputs, void *arena, size_t arena_size)
{
    int status = covey_int8_check(model, bytes, size);
    if (status != COVEY_OK)
        return status;
    scratch s = scratch_of(model);
    size_t needed = scratch_bytes(&s) + batch_bytes(model);
    if (!inputs || !outputs || (!arena && needed > 0))
        return COVEY_E_ARGUMENT;
    if (arena_size < needed)
        return COVEY_E_ARENA;
    uint32_t n_in = covey_model_inputs(model), n_out = covey_model_outputs(model);
    if (!all_finite(inputs, (size_t)n_rows * n_in))
        return COVEY_E_NONFINITE;
    s.values[0] = (float *)arena;
    s.values[1] = s.values[0] + s.width;
    s.codes = (int16_t *)(s.values[1] + s.width);
    uint32_t r = 0;
#if COVEY_VECTOR_KERNELS
    if (n_rows >= COVEY_FEWEST_ROWS && batch_bytes(model) > 0) /* where it stops early, the row at fault is found below */
        r = covey_batch_predict(model, bytes, inputs, n_rows, outputs, (uint8_t *)arena + scratch_bytes(&s));
#endif
    for (; r < n_rows && status == COVEY_OK; r++) {
        status = run_row(model, bytes, &s, inputs + (size_t)r * n_in, outputs + (size_t)r * n_out);
        if (status == COVEY_OK && !covey_all_finite(outputs + (size_t)r * n_out, n_out))
            status = COVEY_E_NONFINITE;
    }
    return status;
}
