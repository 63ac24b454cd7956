/* cases.h - models of every kind of layer, odd widths among them, with made-up rows: what several tests train on. */
#ifndef COVEY_CASES_H
#define COVEY_CASES_H

#include "covey.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define N_OF(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

static const covey_layer case_mlp[] = {{.kind = COVEY_DENSE, .activation = COVEY_RELU, .inputs = 13, .outputs = 37},
                                       {.kind = COVEY_DENSE, .activation = COVEY_TANH, .inputs = 37, .outputs = 16},
                                       {.kind = COVEY_DENSE, .inputs = 16, .outputs = 5}};
static const covey_layer case_spline[] = {
    {.kind = COVEY_SPLINE, .activation = COVEY_RELU, .inputs = 7, .outputs = 18, .knots = 35},
    {.kind = COVEY_DENSE, .inputs = 18, .outputs = 4}};
static const covey_layer case_single[] = {{.kind = COVEY_SPLINE, .inputs = 3, .outputs = 1, .knots = 12}};
static const covey_layer case_auto[] = {{.kind = COVEY_DENSE, .activation = COVEY_TANH, .inputs = 11, .outputs = 3},
                                        {.kind = COVEY_DENSE, .activation = COVEY_TANH, .inputs = 3, .outputs = 11}};
static const covey_layer case_conv[] = {
    {.kind = COVEY_CONV1D, .activation = COVEY_RELU, .inputs = 3, .outputs = 17, .length = 20, .kernel = 4, .stride = 1},
    {.kind = COVEY_MAXPOOL1D, .inputs = 17, .outputs = 17, .length = 17, .kernel = 3, .stride = 2},
    {.kind = COVEY_CONV1D, .activation = COVEY_TANH, .inputs = 17, .outputs = 5, .length = 8, .kernel = 3, .stride = 2},
    {.kind = COVEY_MEANPOOL1D, .inputs = 5, .outputs = 5, .length = 3, .kernel = 2, .stride = 1},
    {.kind = COVEY_DENSE, .inputs = 10, .outputs = 3}};
static const covey_layer case_last_conv[] = {
    {.kind = COVEY_DENSE, .activation = COVEY_RELU, .inputs = 4, .outputs = 12},
    {.kind = COVEY_CONV1D, .activation = COVEY_TANH, .inputs = 2, .outputs = 3, .length = 6, .kernel = 3, .stride = 1}};

static const covey_model case_models[] = {
    {case_mlp, 3, COVEY_SOFTMAX_CE}, {case_spline, 2, COVEY_SOFTMAX_CE},  {case_single, 1, COVEY_BCE},
    {case_auto, 2, COVEY_MSE},       {case_conv, 5, COVEY_SOFTMAX_CE},    {case_last_conv, 2, COVEY_HUBER},
};

typedef struct {
    const covey_model *model;
    uint32_t n, inputs, outputs;
    float *parameters;
    covey_rows rows;
} case_data;

static inline float case_draw(uint64_t seed, uint64_t index)
{
    return (float)((int32_t)(covey_random_u64(seed, index) >> 40) - (1 << 23)) / (float)(1 << 23);
}

static inline float *case_floats(size_t n, uint64_t seed, float reach)
{
    float *values = malloc(n * sizeof(float));
    for (size_t i = 0; i < n; i++)
        values[i] = reach * case_draw(seed, i);
    return values;
}

static inline case_data case_make(uint32_t which, uint32_t n_rows)
{
    const covey_model *model = &case_models[which];
    case_data data = {model, covey_model_parameters(model), covey_model_inputs(model), covey_model_outputs(model), 0, {0}};
    float *inputs = case_floats((size_t)n_rows * data.inputs, 2, 1.5f);
    int32_t *labels = malloc(n_rows * sizeof(int32_t));
    int spline = model->layers[0].kind == COVEY_SPLINE;
    uint32_t span = spline ? model->layers[0].knots / data.inputs : 0;
    for (uint32_t i = 0; spline && i < n_rows * data.inputs; i++)
        inputs[i] = (float)(i % data.inputs * span) + (inputs[i] / 3.0f + 0.5f) * (float)(span - 1);
    for (uint32_t r = 0; r < n_rows; r++)
        labels[r] = (int32_t)(covey_random_u64(3, r) % (data.outputs > 1 ? data.outputs : 2));
    data.parameters = case_floats(data.n, 1, 0.4f);
    data.rows = (covey_rows){.inputs = inputs, .labels = labels, .n_rows = n_rows};
    data.rows.targets = model->loss == COVEY_HUBER ? case_floats((size_t)n_rows * data.outputs, 4, 1.0f) : 0;
    data.rows.sample_weight = case_floats(n_rows, 5, 1.0f);
    for (uint32_t r = 0; r < n_rows; r++)
        ((float *)(uintptr_t)data.rows.sample_weight)[r] += 1.5f;
    return data;
}

static inline void case_free(case_data *data)
{
    free(data->parameters);
    free((void *)(uintptr_t)data->rows.inputs);
    free((void *)(uintptr_t)data->rows.labels);
    free((void *)(uintptr_t)data->rows.targets);
    free((void *)(uintptr_t)data->rows.sample_weight);
}

/* Trains in an arena of exactly the size that was asked for, at an odd place: sanitizers see any step beyond it. */
static inline int case_train(const case_data *data, const covey_training *training, float *parameters,
                             covey_training_result *result)
{
    size_t size = covey_train_size(data->model, training, data->rows.n_rows);
    uint8_t *arena = malloc(size + 4);
    int status = covey_train(data->model, training, &data->rows, parameters, arena + 4, size, result);
    free(arena);
    return status;
}

static inline uint64_t case_hash(const void *bytes, size_t n)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
    return hash;
}

static const char *const case_kernels[] = {"portable", "sse2", "neon", "avx2", "avx512"};

#endif
