/* quant.c - int8 models: symmetric weights with one scale per output unit, float32 biases. */
#include "quant.h"

uint32_t covey_int8_size(const covey_model *model)
{
    uint32_t size = 0;
    if (covey_model_check(model) != COVEY_OK)
        return 0;
    for (uint32_t l = 0; l < model->n_layers; l++) {
        const covey_layer *layer = &model->layers[l];
        if (covey_layer_rows(layer) && covey_fan_in(layer) > COVEY_FAN_IN_LIMIT)
            return 0;
        size += covey_int8_layer_bytes(layer);
    }
    return size;
}

static void quantise_unit(const float *weight, uint32_t rows, uint32_t outputs, uint8_t *scale, uint8_t *out)
{
    float largest = 0;
    for (uint32_t r = 0; r < rows; r++) {
        float magnitude = weight[(size_t)r * outputs];
        magnitude = magnitude < 0 ? -magnitude : magnitude;
        largest = magnitude > largest ? magnitude : largest;
    }
    float inverse = largest < COVEY_NEGLIGIBLE ? 0.0f : 127 / largest;
    covey_store_float(scale, largest < COVEY_NEGLIGIBLE ? 0.0f : largest / 127);
    for (uint32_t r = 0; r < rows; r++)
        out[(size_t)r * outputs] = (uint8_t)covey_rounded(weight[(size_t)r * outputs] * inverse);
}

int covey_int8_quantise(const covey_model *model, const float *parameters, uint8_t *out, size_t out_size)
{
    uint32_t size = covey_int8_size(model);
    if (size == 0)
        return COVEY_E_MODEL;
    if (!parameters || !out)
        return COVEY_E_ARGUMENT;
    if (out_size < size)
        return COVEY_E_SPACE;
    if (!covey_all_finite(parameters, covey_model_parameters(model)))
        return COVEY_E_NONFINITE;
    for (uint32_t l = 0; l < model->n_layers; l++) {
        const covey_layer *layer = &model->layers[l];
        if (!covey_layer_rows(layer))
            continue;
        uint32_t rows = covey_layer_rows(layer), outputs = layer->outputs;
        const float *bias = parameters + (size_t)rows * outputs;
        for (uint32_t o = 0; o < outputs; o++) {
            quantise_unit(parameters + o, rows, outputs, out + 4 * o, out + 8 * outputs + o);
            covey_store_float(out + 4 * (outputs + o), bias[o]);
        }
        parameters = bias + outputs;
        out += covey_int8_layer_bytes(layer);
    }
    return COVEY_OK;
}

int covey_int8_check(const covey_model *model, const uint8_t *bytes, size_t size)
{
    uint32_t expected = covey_int8_size(model);
    if (expected == 0)
        return COVEY_E_MODEL;
    if (!bytes)
        return COVEY_E_ARGUMENT;
    if (size != expected)
        return COVEY_E_LENGTH;
    for (uint32_t l = 0; l < model->n_layers; l++) {
        const covey_layer *layer = &model->layers[l];
        for (uint32_t o = 0; covey_layer_rows(layer) && o < layer->outputs; o++)
            if (covey_load_u32(bytes + 4 * o) > COVEY_FLOAT_MAX_BITS ||
                !covey_is_finite(covey_load_float(bytes + 4 * (layer->outputs + o))))
                return COVEY_E_NONFINITE;
        bytes += covey_int8_layer_bytes(layer);
    }
    return COVEY_OK;
}

int covey_int8_dequantise(const covey_model *model, const uint8_t *bytes, size_t size, float *parameters)
{
    int status = covey_int8_check(model, bytes, size);
    if (status != COVEY_OK)
        return status;
    if (!parameters)
        return COVEY_E_ARGUMENT;
    for (uint32_t l = 0; l < model->n_layers; l++) {
        const covey_layer *layer = &model->layers[l];
        if (!covey_layer_rows(layer))
            continue;
        uint32_t outputs = layer->outputs, n = covey_layer_rows(layer) * outputs;
        const int8_t *weight = (const int8_t *)bytes + 8 * outputs;
        for (uint32_t i = 0; i < n; i++)
            parameters[i] = (float)weight[i] * covey_load_float(bytes + 4 * (i % outputs));
        for (uint32_t o = 0; o < outputs; o++)
            parameters[n + o] = covey_load_float(bytes + 4 * (outputs + o));
        parameters += n + outputs;
        bytes += covey_int8_layer_bytes(layer);
    }
    return COVEY_OK;
}
