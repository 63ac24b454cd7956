/* selftest.c - a known answer: a small case that goes through every part a device uses, as one number.
 *
 * It runs when the Python module is loaded and when a device boots. A compiler that fuses, reorders or flushes, or a
 * processor whose kernels differ, gives another number. */
#include "canonical.h"

#include "covey.h"

#include <string.h>

#include "bytes.h"

enum {
    ROWS = 21,
    MOST_PARAMETERS = 256,
    MOST_INPUTS = 36,
    CLASSES = 3,
    ARENA_BYTES = 24 * 1024,
    DATA_FLOATS = MOST_PARAMETERS + ROWS * MOST_INPUTS + ROWS,
    MESSAGE_BYTES = 1280,
};

#define EXPECTED 0x4f0c520ea6d4cd89u

static const covey_layer dense_layers[] = {
    {.kind = COVEY_DENSE, .activation = COVEY_TANH, .inputs = 7, .outputs = 11},
    {.kind = COVEY_DENSE, .activation = COVEY_RELU, .inputs = 11, .outputs = 6},
    {.kind = COVEY_DENSE, .inputs = 6, .outputs = CLASSES},
};
static const covey_layer spline_layers[] = {
    {.kind = COVEY_SPLINE, .activation = COVEY_RELU, .inputs = 5, .outputs = 9, .knots = 20},
    {.kind = COVEY_DENSE, .inputs = 9, .outputs = CLASSES},
};
static const covey_layer sequence_layers[] = {
    {.kind = COVEY_CONV1D, .activation = COVEY_RELU, .inputs = 3, .outputs = 5, .length = 12, .kernel = 3, .stride = 1},
    {.kind = COVEY_MAXPOOL1D, .inputs = 5, .outputs = 5, .length = 10, .kernel = 2, .stride = 2},
    {.kind = COVEY_CONV1D, .activation = COVEY_TANH, .inputs = 5, .outputs = 4, .length = 5, .kernel = 2, .stride = 1},
    {.kind = COVEY_MEANPOOL1D, .inputs = 4, .outputs = 4, .length = 4, .kernel = 4, .stride = 1},
    {.kind = COVEY_DENSE, .inputs = 4, .outputs = CLASSES},
};
static const covey_model models[] = {
    {dense_layers, 3, COVEY_SOFTMAX_CE},
    {spline_layers, 2, COVEY_SOFTMAX_CE},
    {sequence_layers, 5, COVEY_HUBER},
};
static const covey_training trainings[] = {
    {.epochs = 2, .batch = 8, .learning_rate = 0.1f, .momentum = 0.5f, .weight_decay = 0.01f, .shuffle = 1, .seed = 1},
    {.epochs = 2, .batch = 8, .learning_rate = 0.2f, .proximal = 0.1f, .fake_quantise = 1},
    {.max_steps = 4, .batch = 8, .learning_rate = 0.3f, .gradient_clip = 0.05f, .huber_delta = 0.5f, .seed = 2},
};

typedef struct {
    float *parameters, *inputs, *targets;
    int32_t *labels;
    uint8_t *message, *work;
    size_t work_size;
    uint64_t hash; /* FNV-1a */
} bench;

static void add_bytes(bench *b, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        b->hash = (b->hash ^ bytes[i]) * 0x100000001b3u;
}

static void add_floats(bench *b, const float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t bytes[4];
        covey_store_float(bytes, values[i]);
        add_bytes(b, bytes, 4);
    }
}

/* In [-1, 1). */
static float draw(uint64_t seed, uint64_t index)
{
    return (float)((int32_t)(covey_random_u64(seed, index) >> 40) - (1 << 23)) / (float)(1 << 23);
}

static void fill(bench *b, const covey_model *model)
{
    uint32_t n = covey_model_parameters(model), width = covey_model_inputs(model);
    for (uint32_t i = 0; i < n; i++)
        b->parameters[i] = 0.5f * draw(11, i);
    for (uint32_t i = 0; i < ROWS * width; i++) {
        float x = draw(12, i);
        b->inputs[i] = model->layers[0].kind == COVEY_SPLINE ? 4.0f * (float)(i % width) + 1.5f + 1.5f * x : 3.0f * x;
    }
    for (uint32_t r = 0; r < ROWS; r++)
        b->labels[r] = (int32_t)(covey_random_u64(13, r) % CLASSES);
}

static int train_and_predict(bench *b, uint32_t m)
{
    const covey_model *model = &models[m];
    covey_rows rows = {.inputs = b->inputs, .labels = b->labels, .n_rows = ROWS};
    covey_training_result result;
    fill(b, model);
    if (model->loss == COVEY_HUBER)
        rows.targets = b->inputs; /* any numbers will do */
    int status = covey_train(model, &trainings[m], &rows, b->parameters, b->work, b->work_size, &result);
    if (status != COVEY_OK)
        return status;
    float outputs[4 * CLASSES];
    status = covey_predict(model, b->parameters, b->inputs, 4, outputs, b->work, b->work_size);
    add_floats(b, b->parameters, covey_model_parameters(model));
    add_floats(b, &result.last_loss, 1);
    add_floats(b, outputs, 4 * CLASSES);
    return status;
}

static int quantise_and_predict(bench *b, uint32_t m)
{
    const covey_model *model = &models[m];
    float outputs[4 * CLASSES];
    size_t size = covey_int8_size(model);
    int status = covey_int8_quantise(model, b->parameters, b->message, MESSAGE_BYTES);
    if (status == COVEY_OK)
        status = covey_int8_predict(model, b->message, size, b->inputs, 4, outputs, b->work, b->work_size);
    if (status != COVEY_OK)
        return status;
    add_bytes(b, b->message, size);
    add_floats(b, outputs, 4 * CLASSES);
    return COVEY_OK;
}

static int encode_and_decode(bench *b, uint32_t m)
{
    const covey_recipe recipe = {.codec = COVEY_CODEC_INT8, .block = 32, .clip_norm = 1.0f};
    uint32_t n = covey_model_parameters(&models[m]);
    float norm, *decoded = (float *)(void *)b->work;
    int32_t size = covey_payload_encode(&recipe, b->parameters, n, 14, b->message, MESSAGE_BYTES, &norm);
    if (size < 0)
        return size;
    int status = covey_payload_decode(b->message, (size_t)size, n, decoded);
    if (status != COVEY_OK)
        return status;
    add_bytes(b, b->message, (size_t)size);
    add_floats(b, decoded, n);
    add_floats(b, &norm, 1);
    return COVEY_OK;
}

/* Weights up to 5.9e-39 and an exponential below the smallest normal number: flushing to zero changes all that follows. */
static int stay_below_normal(bench *b, uint32_t m)
{
    const covey_model *model = &models[m];
    const covey_rows rows = {.inputs = b->inputs, .labels = b->labels, .n_rows = 4};
    uint32_t n = covey_model_parameters(model);
    float outputs[4 * CLASSES], results[2] = {0, covey_expf(-95.0f)}, *gradient = (float *)(void *)b->message;
    fill(b, model);
    for (uint32_t i = 0; i < n; i++)
        b->parameters[i] = covey_bits_float((uint32_t)(covey_random_u64(15, i) >> 42));
    int status = covey_predict(model, b->parameters, b->inputs, 4, outputs, b->work, b->work_size);
    if (status == COVEY_OK)
        status = covey_gradient(model, &rows, b->parameters, gradient, results, b->work, b->work_size);
    if (status != COVEY_OK)
        return status;
    add_floats(b, outputs, 4 * CLASSES);
    add_floats(b, gradient, n);
    add_floats(b, results, 2);
    return COVEY_OK;
}

size_t covey_self_test_size(void)
{
    return ARENA_BYTES;
}

int covey_self_test(void *arena, size_t arena_size)
{
    bench b = {.hash = 0xcbf29ce484222325u};
    if (!arena)
        return COVEY_E_ARGUMENT;
    if (arena_size < ARENA_BYTES)
        return COVEY_E_ARENA;
    b.parameters = arena;
    b.inputs = b.parameters + MOST_PARAMETERS;
    b.labels = (int32_t *)(void *)(b.inputs + ROWS * MOST_INPUTS);
    b.message = (uint8_t *)(b.labels + ROWS);
    b.work = b.message + MESSAGE_BYTES;
    b.work_size = ARENA_BYTES - (size_t)(b.work - (uint8_t *)arena);
    for (uint32_t m = 0; m < sizeof models / sizeof models[0]; m++) {
        int status = train_and_predict(&b, m);
        if (status == COVEY_OK)
            status = quantise_and_predict(&b, m);
        if (status == COVEY_OK)
            status = encode_and_decode(&b, m);
        if (status == COVEY_OK && models[m].loss == COVEY_SOFTMAX_CE)
            status = stay_below_normal(&b, m);
        if (status != COVEY_OK)
            return status;
    }
    return b.hash == EXPECTED ? COVEY_OK : COVEY_E_VERSION;
}
