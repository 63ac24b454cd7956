/* bits.c - the same bits everywhere: every kind of layer is trained, every codec run, and all results are hashed.
 *
 * Widths are chosen against the kernels: below, at and above a vector, and never a multiple of a tile alone.
 * With COVEY_BITS_WATCH the cases of bits_watch.c are in it too: what one image costs that trains and watches. */
#include "bits_run.h"

#ifdef COVEY_BITS_WATCH
#include "bits_watch.h"
#endif

static int32_t *classes(uint32_t n, uint64_t seed, uint32_t n_classes)
{
    int32_t *labels = take(n * sizeof(int32_t));
    for (uint32_t i = 0; labels != NULL && i < n; i++) {
        labels[i] = (int32_t)(covey_random_u64(seed, i) % n_classes);
    }
    return labels;
}

/* Positions between knots, as COVEY_ENCODE_KNOTS makes them, for features with 2 to 1 + `most` knots each. */
static float *positions(uint32_t n_rows, uint32_t n_features, const uint16_t *offset, uint64_t seed)
{
    float *values = take_floats((size_t)n_rows * n_features);
    for (uint32_t i = 0; values != NULL && i < n_rows * n_features; i++) {
        uint32_t feature = i % n_features;
        float span = (float)(offset[feature + 1] - offset[feature] - 1);
        values[i] = (float)offset[feature] + (uniform(seed, i) + 1.0f) * 0.5f * span;
    }
    return values;
}

/* ---------------------------------------------------------------- steps that cases share */

/* Trains in place and hashes parameters and losses. The arena goes back to the pool. */
static int train(const covey_model *model, const covey_training *training, const covey_rows *rows, float *parameters)
{
    size_t mark = pool_used;
    size_t size = covey_train_size(model, training, rows->n_rows);
    void *arena = take(size);
    if (parameters == NULL || arena == NULL || size == 0) {
        return COVEY_E_ARENA;
    }
    covey_training_result result;
    int status = covey_train(model, training, rows, parameters, arena, size, &result);
    mix_floats(parameters, covey_model_parameters(model));
    mix(&result.steps, sizeof result.steps);
    mix_float(result.first_loss);
    mix_float(result.last_loss);
    pool_used = mark;
    return status;
}

static int predict(const covey_model *model, const float *parameters, const float *inputs, uint32_t n_rows)
{
    size_t mark = pool_used;
    size_t size = covey_predict_size(model);
    uint32_t n_outputs = covey_model_outputs(model);
    float *outputs = take_floats((size_t)n_rows * n_outputs);
    void *arena = take(size);
    if (outputs == NULL || arena == NULL) {
        return COVEY_E_ARENA;
    }
    int status = covey_predict(model, parameters, inputs, n_rows, outputs, arena, size);
    mix_floats(outputs, (size_t)n_rows * n_outputs);
    pool_used = mark;
    return status;
}

/* int8: quantise, predict from the bytes, widen again. */
static int quantised(const covey_model *model, float *parameters, const float *inputs, uint32_t n_rows)
{
    size_t mark = pool_used;
    uint32_t size = covey_int8_size(model);
    uint32_t n_outputs = covey_model_outputs(model);
    size_t arena_size = covey_int8_predict_size(model);
    uint8_t *bytes = take(size);
    float *outputs = take_floats((size_t)n_rows * n_outputs);
    void *arena = take(arena_size);
    if (bytes == NULL || outputs == NULL || arena == NULL) {
        return COVEY_E_ARENA;
    }
    int status = covey_int8_quantise(model, parameters, bytes, size);
    if (status >= 0) {
        mix(bytes, size);
        status = covey_int8_predict(model, bytes, size, inputs, n_rows, outputs, arena, arena_size);
        mix_floats(outputs, (size_t)n_rows * n_outputs);
    }
    if (status >= 0) {
        status = covey_int8_dequantise(model, bytes, size, parameters);
        mix_floats(parameters, covey_model_parameters(model));
    }
    pool_used = mark;
    return status;
}

/* ---------------------------------------------------------------- cases */

static int functions(void)
{
    float logits[7], chances[7];
    for (uint32_t i = 0; i < 400; i++) {
        float x = uniform(1, i) * 110.0f;
        mix_float(covey_expf(x));
        mix_float(covey_tanhf(x * 0.05f));
        mix_float(covey_sigmoid(x));
        mix_float(covey_signed_log(x * 1e6f));
        mix_float(covey_logf((x + 111.0f) * (i % 2 == 0 ? 1e-30f : 1e30f)));
        logits[i % 7] = x;
        covey_softmax(logits, 1 + i % (i < 7 ? i + 1 : 7), chances);
        mix_floats(chances, 1);
    }
    return COVEY_OK;
}

static int encodings(void)
{
    enum { FEATURES = 5, ROWS = 24, BITS = 1 };
    static const uint16_t offset[FEATURES + 1] = {0, 2, 5, 12, 16, 24};
    const union {
        uint32_t bits;
        float value;
    } odd[] = {{0x7FC00000u}, {0x7F800000u}, {0xFF800000u}, {0x80000000u}, {0x00000001u}, {0x7F7FFFFFu}};
    float *raw = numbers(FEATURES * ROWS, 2, 40.0f);
    float *out = take_floats(FEATURES * ROWS);
    float *center = numbers(FEATURES, 3, 2.0f);
    float *scale = numbers(FEATURES, 4, 3.0f);
    float *knot = numbers(offset[FEATURES], 5, 1.0f);
    uint32_t *counts = take(sizeof(uint32_t) << (9 + BITS));
    if (raw == NULL || out == NULL || center == NULL || scale == NULL || knot == NULL || counts == NULL) {
        return COVEY_E_ARENA;
    }
    for (uint32_t i = 0; i < LENGTH(odd); i++) {
        raw[i * 7] = odd[i].value;
    }
    for (uint32_t feature = 0; feature < FEATURES; feature++) {
        for (uint32_t i = offset[feature]; i < offset[feature + 1]; i++) {
            knot[i] = (float)i * 9.0f - 100.0f + knot[i];
        }
    }
    static const uint8_t kinds[] = {COVEY_ENCODE_IDENTITY, COVEY_ENCODE_STANDARD, COVEY_ENCODE_SIGNED_LOG, COVEY_ENCODE_KNOTS};
    int status = COVEY_OK;
    for (uint32_t i = 0; i < LENGTH(kinds) && status >= 0; i++) {
        covey_encoding encoding = {kinds[i], FEATURES, center, scale, i % 2 == 0 ? 8.0f : 0.0f, knot, offset};
        status = covey_encode(&encoding, raw, out, ROWS);
        mix_floats(out, FEATURES * ROWS);
    }
    memset(counts, 0, sizeof(uint32_t) << (9 + BITS));
    if (status >= 0) {
        status = covey_histogram(raw + 1, ROWS, FEATURES, BITS, counts);
        mix(counts, sizeof(uint32_t) << (9 + BITS));
        mix_float(covey_bucket_low(covey_bucket(raw[1], 7), 7));
    }
    return status;
}

static int spline(void)
{
    enum { FEATURES = 13, ROWS = 40 };
    static const covey_layer layers[] = {
        {COVEY_SPLINE, COVEY_RELU, FEATURES, 17, 52, 0, 0, 0},
        {COVEY_DENSE, COVEY_TANH, 17, 9, 0, 0, 0, 0},
        {COVEY_DENSE, COVEY_LINEAR, 9, 5, 0, 0, 0, 0},
    };
    static const covey_model model = {layers, LENGTH(layers), COVEY_SOFTMAX_CE};
    uint16_t offset[FEATURES + 1] = {0};
    for (uint32_t i = 0; i < FEATURES; i++) {
        offset[i + 1] = (uint16_t)(offset[i] + 2 + i % 5);
    }
    offset[FEATURES] = 52;
    float *inputs = positions(ROWS, FEATURES, offset, 10);
    float *weight = numbers(ROWS, 11, 2.0f);
    float *parameters = numbers(covey_model_parameters(&model), 12, 0.3f);
    covey_rows rows = {inputs, classes(ROWS, 13, 5), NULL, weight, ROWS};
    covey_training training = {.epochs = 3, .batch = 12, .learning_rate = 0.1f, .momentum = 0.9f, .weight_decay = 0.01f,
                               .label_smoothing = 0.1f, .shuffle = 1, .seed = 14};
    int status = train(&model, &training, &rows, parameters);
    if (status >= 0) {
        status = predict(&model, parameters, inputs, ROWS);
    }
    return status < 0 ? status : quantised(&model, parameters, inputs, ROWS);
}

/* All that an algorithm may add to a step, at once. */
static int dense(void)
{
    enum { ROWS = 37 };
    static const covey_layer layers[] = {
        {COVEY_DENSE, COVEY_RELU, 29, 19, 0, 0, 0, 0},
        {COVEY_DENSE, COVEY_TANH, 19, 11, 0, 0, 0, 0},
        {COVEY_DENSE, COVEY_LINEAR, 11, 4, 0, 0, 0, 0},
    };
    static const covey_model model = {layers, LENGTH(layers), COVEY_SOFTMAX_CE};
    uint32_t n = covey_model_parameters(&model);
    float *inputs = numbers(ROWS * 29, 20, 3.0f);
    float *parameters = numbers(n, 21, 0.4f);
    float *scale = numbers(n, 22, 0.5f);
    if (scale == NULL) {
        return COVEY_E_ARENA;
    }
    for (uint32_t i = 0; i < n; i++) {
        scale[i] += 1.0f;
    }
    covey_rows rows = {inputs, classes(ROWS, 23, 4), NULL, NULL, ROWS};
    covey_training training = {.epochs = 2, .batch = 16, .learning_rate = 0.05f, .momentum = 0.8f, .proximal = 0.1f,
                               .gradient_clip = 0.7f, .shuffle = 1, .seed = 24, .anchor = numbers(n, 25, 0.4f),
                               .correction = numbers(n, 26, 0.02f), .step_scale = scale};
    int status = train(&model, &training, &rows, parameters);
    if (status >= 0) {
        training.fake_quantise = 1;
        training.epochs = 0;
        training.max_steps = 4;
        status = train(&model, &training, &rows, parameters);
    }
    return status < 0 ? status : quantised(&model, parameters, inputs, ROWS);
}

/* One logit, a frozen first layer. */
static int binary(void)
{
    enum { ROWS = 21 };
    static const covey_layer layers[] = {
        {COVEY_DENSE, COVEY_RELU, 8, 33, 0, 0, 0, 0},
        {COVEY_DENSE, COVEY_LINEAR, 33, 1, 0, 0, 0, 0},
    };
    static const covey_model model = {layers, LENGTH(layers), COVEY_BCE};
    static const uint8_t trainable[] = {0, 1};
    covey_rows rows = {numbers(ROWS * 8, 30, 2.0f), classes(ROWS, 31, 2), NULL, NULL, ROWS};
    covey_training training = {.epochs = 2, .batch = 5, .learning_rate = 0.2f, .seed = 32, .trainable = trainable};
    float *parameters = numbers(covey_model_parameters(&model), 33, 0.5f);
    int status = train(&model, &training, &rows, parameters);
    return status < 0 ? status : predict(&model, parameters, rows.inputs, ROWS);
}

static int convolution(void)
{
    enum { ROWS = 11 };
    static const covey_layer layers[] = {
        {COVEY_CONV1D, COVEY_RELU, 3, 10, 0, 30, 5, 1},
        {COVEY_MAXPOOL1D, COVEY_LINEAR, 10, 10, 0, 26, 2, 2},
        {COVEY_CONV1D, COVEY_TANH, 10, 6, 0, 13, 3, 2},
        {COVEY_MEANPOOL1D, COVEY_LINEAR, 6, 6, 0, 6, 3, 3},
        {COVEY_DENSE, COVEY_LINEAR, 12, 3, 0, 0, 0, 0},
    };
    static const covey_model model = {layers, LENGTH(layers), COVEY_HUBER};
    float *inputs = numbers(ROWS * 90, 40, 1.0f);
    covey_rows rows = {inputs, NULL, numbers(ROWS * 3, 41, 4.0f), NULL, ROWS};
    covey_training training = {.epochs = 2, .batch = 4, .learning_rate = 0.1f, .momentum = 0.5f, .huber_delta = 1.0f,
                               .shuffle = 1, .seed = 42};
    float *parameters = numbers(covey_model_parameters(&model), 43, 0.4f);
    int status = train(&model, &training, &rows, parameters);
    if (status >= 0) {
        status = predict(&model, parameters, inputs, ROWS);
    }
    return status < 0 ? status : quantised(&model, parameters, inputs, ROWS);
}

static int autoencoder(void)
{
    enum { ROWS = 19 };
    static const covey_layer layers[] = {
        {COVEY_DENSE, COVEY_TANH, 24, 16, 0, 0, 0, 0},
        {COVEY_DENSE, COVEY_TANH, 16, 7, 0, 0, 0, 0},
        {COVEY_DENSE, COVEY_TANH, 7, 16, 0, 0, 0, 0},
        {COVEY_DENSE, COVEY_LINEAR, 16, 24, 0, 0, 0, 0},
    };
    static const covey_model model = {layers, LENGTH(layers), COVEY_MSE};
    covey_rows rows = {numbers(ROWS * 24, 50, 1.5f), NULL, NULL, NULL, ROWS};
    covey_training training = {.epochs = 2, .batch = 8, .learning_rate = 0.05f, .shuffle = 1, .seed = 51};
    float *parameters = numbers(covey_model_parameters(&model), 52, 0.4f);
    int status = train(&model, &training, &rows, parameters);
    return status < 0 ? status : predict(&model, parameters, rows.inputs, ROWS);
}

/* The dense network that benchmarks/ measures, a mini-batch of it. */
static int mlp_115(void)
{
    enum { ROWS = 16 };
    static const covey_layer layers[] = {
        {COVEY_DENSE, COVEY_RELU, 115, 32, 0, 0, 0, 0},
        {COVEY_DENSE, COVEY_RELU, 32, 16, 0, 0, 0, 0},
        {COVEY_DENSE, COVEY_LINEAR, 16, 10, 0, 0, 0, 0},
    };
    static const covey_model model = {layers, LENGTH(layers), COVEY_SOFTMAX_CE};
    covey_rows rows = {numbers(ROWS * 115, 60, 1.7f), classes(ROWS, 61, 10), NULL, NULL, ROWS};
    covey_training training = {.epochs = 1, .batch = 16, .learning_rate = 0.05f, .seed = 62};
    return train(&model, &training, &rows, numbers(covey_model_parameters(&model), 63, 0.15f));
}

/* The largest detector meant for this class of device, 85 features with 7 knots each and 10 classes, a mini-batch of it. */
static int spline_85(void)
{
    enum { FEATURES = 85, KNOTS = 7, ROWS = 16 };
    static const covey_layer layers[] = {
        {COVEY_SPLINE, COVEY_RELU, FEATURES, 16, FEATURES * KNOTS, 0, 0, 0},
        {COVEY_DENSE, COVEY_RELU, 16, 16, 0, 0, 0, 0},
        {COVEY_DENSE, COVEY_LINEAR, 16, 10, 0, 0, 0, 0},
    };
    static const covey_model model = {layers, LENGTH(layers), COVEY_SOFTMAX_CE};
    uint16_t offset[FEATURES + 1];
    for (uint32_t i = 0; i <= FEATURES; i++) {
        offset[i] = (uint16_t)(i * KNOTS);
    }
    covey_rows rows = {positions(ROWS, FEATURES, offset, 70), classes(ROWS, 71, 10), NULL, NULL, ROWS};
    covey_training training = {.epochs = 1, .batch = 16, .learning_rate = 0.05f, .seed = 72};
    return train(&model, &training, &rows, numbers(covey_model_parameters(&model), 73, 0.1f));
}

static int updates(void)
{
    enum { N = 1003 };
    static const covey_recipe recipes[] = {
        {COVEY_CODEC_INT8, 64, 0.5f}, {COVEY_CODEC_FLOAT32, 0, 0.0f}, {COVEY_CODEC_INT8, 256, 0.0f}};
    float *delta = take_floats(N);
    double *sum = take(N * sizeof(double));
    size_t payload_size = covey_payload_size(&recipes[1], N);
    size_t message_size = covey_update_size(&recipes[1], N);
    uint8_t *payload = take(payload_size);
    uint8_t *message = take(message_size);
    if (delta == NULL || sum == NULL || payload == NULL || message == NULL) {
        return COVEY_E_ARENA;
    }
    memset(sum, 0, N * sizeof(double));
    for (uint32_t i = 0; i < LENGTH(recipes); i++) {
        for (uint32_t j = 0; j < N; j++) {
            delta[j] = uniform(80 + i, j) * 0.05f;
        }
        float norm = 0.0f;
        int32_t size = covey_payload_encode(&recipes[i], delta, N, 90 + i, payload, payload_size, &norm);
        if (size < 0) {
            return size;
        }
        covey_update update = {.round = 7 + i, .counter = 70000 + i, .num_examples = 24, .loss = norm, .payload = payload,
                               .payload_size = (uint32_t)size};
        memset(update.digest, (int)(0xA0 + i), sizeof update.digest);
        int32_t written = covey_update_write(&update, message, message_size);
        if (written < 0) {
            return written;
        }
        mix(message, (size_t)written);
        covey_update read;
        int status = covey_update_read(message, (size_t)written, &read);
        if (status >= 0) {
            status = covey_payload_accumulate(read.payload, read.payload_size, N, 24.0 / 73.0, sum);
        }
        if (status < 0) {
            return status;
        }
    }
    mix(sum, N * sizeof(double));
    return COVEY_OK;
}

static int device_machine(void)
{
    covey_device device;
    covey_device_init(&device, 2000);
    uint64_t now_ms = 0;
    for (uint32_t i = 0; i < 500; i++) {
        uint64_t draw = covey_random_u64(100, i);
        covey_event event = {.kind = (uint32_t)(draw % 5), .round = (uint32_t)(draw >> 8) % 4 + i / 50, .counter = device.counter,
                             .value = (uint32_t)(draw >> 16) % 2};
        memset(event.digest, (int)event.round, sizeof event.digest);
        now_ms += (draw >> 24) % 5000;
        covey_effect effect = {0};
        int status = covey_device_handle(&device, &event, now_ms, &effect);
        if (status < 0) {
            return status;
        }
        mix(&effect, sizeof effect);
        mix(&device, sizeof device);
    }
    return COVEY_OK;
}

/* Weights below the smallest normal number: kernels, compilers or processors that flush them show. */
static int below_normal(const covey_model *model, const float *inputs, uint32_t n_rows, uint64_t seed)
{
    uint32_t n = covey_model_parameters(model);
    uint32_t *patterns = take(n * sizeof(uint32_t));
    float *parameters = take_floats(n), *slopes = take_floats(n);
    size_t size = covey_gradient_size(model);
    void *arena = take(size);
    if (inputs == NULL || patterns == NULL || parameters == NULL || slopes == NULL || arena == NULL) {
        return COVEY_E_ARENA;
    }
    for (uint32_t i = 0; i < n; i++) { /* up to 5.9e-39, either sign */
        uint64_t draw = covey_random_u64(seed, i);
        patterns[i] = (uint32_t)(draw >> 42) | (uint32_t)draw << 31;
    }
    memcpy(parameters, patterns, n * sizeof(float));
    covey_rows rows = {inputs, classes(n_rows, seed + 1, covey_model_outputs(model)), NULL, NULL, n_rows};
    float loss = 0.0f;
    int status = covey_gradient(model, &rows, parameters, slopes, &loss, arena, size);
    mix_floats(slopes, n);
    mix_float(loss);
    return status < 0 ? status : predict(model, parameters, inputs, n_rows);
}

static int subnormals(void)
{
    enum { FEATURES = 5, ROWS = 9 };
    static const covey_layer layers[] = {{COVEY_SPLINE, COVEY_RELU, FEATURES, 18, 4 * FEATURES, 0, 0, 0},
                                         {COVEY_DENSE, COVEY_LINEAR, 18, 3, 0, 0, 0, 0},
                                         {COVEY_DENSE, COVEY_TANH, 14, 18, 0, 0, 0, 0},
                                         {COVEY_DENSE, COVEY_LINEAR, 18, 3, 0, 0, 0, 0}};
    static const covey_model spline_model = {layers, 2, COVEY_SOFTMAX_CE}, dense_model = {layers + 2, 2, COVEY_SOFTMAX_CE};
    static const uint16_t offset[FEATURES + 1] = {0, 4, 8, 12, 16, 20};
    for (int32_t i = 870; i < 1040; i++) {
        mix_float(covey_expf((float)i * -0.1f));
    }
    int status = below_normal(&spline_model, positions(ROWS, FEATURES, offset, 110), ROWS, 111);
    return status < 0 ? status : below_normal(&dense_model, numbers(ROWS * 14, 113, 3.0f), ROWS, 114);
}

/* What a device runs at boot; it holds its own digest of the results. */
static int self_test(void)
{
    size_t size = covey_self_test_size();
    void *arena = take(size);
    return arena == NULL ? COVEY_E_ARENA : covey_self_test(arena, size);
}

static const bits_case cases[] = {
    {"functions", functions}, {"encodings", encodings},     {"spline", spline},   {"dense", dense},
    {"binary", binary},       {"convolution", convolution}, {"autoencoder", autoencoder},
    {"mlp_115", mlp_115},     {"spline_85", spline_85},     {"updates", updates}, {"device", device_machine},
    {"subnormals", subnormals}, {"self_test", self_test},
#ifdef COVEY_BITS_WATCH
    WATCH_CASES
#endif
};

int main(int argc, char **argv)
{
    return run_cases(cases, LENGTH(cases), argc, argv);
}
