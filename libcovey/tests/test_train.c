/* test_train.c - training: worked examples, the same bits on every kernel, and refusals. */
#include "cases.h"
#include "check.h"

#include <math.h>

static const uint8_t last_two_only[] = {0, 1, 1, 1, 1};

/* Every option at least once; buffers that are asked for are filled in by the test. */
static const covey_training trainings[] = {
    {.epochs = 2, .batch = 8, .learning_rate = 0.05f},
    {.epochs = 2, .batch = 16, .learning_rate = 0.05f, .momentum = 0.9f, .shuffle = 1, .seed = 7},
    {.max_steps = 9, .batch = 5, .learning_rate = 0.1f, .weight_decay = 0.1f, .proximal = 0.2f, .label_smoothing = 0.1f},
    {.epochs = 1, .batch = 7, .learning_rate = 0.1f, .gradient_clip = 0.05f, .momentum = 0.5f, .shuffle = 1},
    {.epochs = 2, .batch = 33, .learning_rate = 0.1f, .fake_quantise = 1, .shuffle = 1, .seed = 3},
    {.epochs = 1, .batch = 1024, .learning_rate = 0.1f, .trainable = last_two_only},
    {.epochs = 2, .batch = 3, .learning_rate = 0.02f, .proximal = 1.0f, .gradient_clip = 1e9f},
};

static covey_training with_buffers(uint32_t t, const float *anchor, const float *correction, const float *scale)
{
    covey_training training = trainings[t];
    training.huber_delta = 0.3f;
    training.anchor = t == 2 ? anchor : 0;
    training.correction = t % 2 ? correction : 0;
    training.step_scale = t == 3 || t == 4 ? scale : 0;
    return training;
}

static void every_kernel_gives_the_same_bits(void)
{
    for (uint32_t m = 0; m < N_OF(case_models); m++)
        for (uint32_t t = 0; t < N_OF(trainings); t++) {
            case_data data = case_make(m, 41);
            float *anchor = case_floats(data.n, 6, 0.3f), *correction = case_floats(data.n, 7, 0.02f);
            float *scale = case_floats(data.n, 8, 0.5f), *parameters = malloc(data.n * sizeof(float));
            covey_training training = with_buffers(t, anchor, correction, scale);
            uint64_t expected = 0;
            for (uint32_t i = 0; i < data.n; i++)
                scale[i] += 1.0f;
            for (uint32_t k = 0; k < N_OF(case_kernels); k++) {
                covey_training_result result = {0};
                if (covey_kernel_select(case_kernels[k]) != COVEY_OK)
                    continue;
                memcpy(parameters, data.parameters, data.n * sizeof(float));
                CHECK(case_train(&data, &training, parameters, &result) == COVEY_OK);
                uint64_t hash = case_hash(parameters, data.n * sizeof(float)) ^ case_hash(&result, sizeof result);
                expected = k == 0 ? hash : expected;
                CHECK(hash == expected);
            }
            free(anchor), free(correction), free(scale), free(parameters);
            case_free(&data);
        }
}

/* One weight, one row: every number can be worked out by hand. y = 2 * 3 + 1 = 7, d = 2 (7 - 5) = 4. */
static void one_step_by_hand(void)
{
    const covey_layer layer = {.kind = COVEY_DENSE, .inputs = 1, .outputs = 1};
    const covey_model model = {&layer, 1, COVEY_MSE};
    const float input = 3, target = 5, anchor[2] = {1, 1}, correction[2] = {0.5f, -0.5f}, scale[2] = {2, 1};
    covey_rows rows = {.inputs = &input, .targets = &target, .n_rows = 1};
    covey_training training = {.epochs = 2, .batch = 4, .learning_rate = 0.125f, .weight_decay = 0.5f, .proximal = 2,
                               .momentum = 0.5f, .anchor = anchor, .correction = correction, .step_scale = scale};
    covey_training_result result;
    case_data data = {&model, 2, 1, 1, 0, rows};
    for (uint32_t k = 0; k < N_OF(case_kernels); k++) {
        float parameters[2] = {2, 1};
        if (covey_kernel_select(case_kernels[k]) != COVEY_OK)
            continue;
        CHECK(case_train(&data, &training, parameters, &result) == COVEY_OK);
        /* w: g = 12 + 1 + 2 + .5 = 15.5, w = 2 - .25 * 15.5 = -1.875; b: g = 4 + .5 + 0 - .5 = 4, b = .5
         * then y = -5.125, d = -20.25: w: g = -60.75 - .9375 - 5.75 + .5 = -66.9375, v = -59.1875, w = 12.921875
         * b: g = -20.25 + .25 - 1 - .5 = -21.5, v = -19.5, b = 2.9375 */
        CHECK(parameters[0] == 12.921875f && parameters[1] == 2.9375f);
        CHECK(result.steps == 2 && result.first_loss == 4.0f && result.last_loss == 10.125f * 10.125f);
    }
}

static void passes_steps_and_partial_batches_are_counted(void)
{
    case_data data = case_make(0, 41);
    covey_training_result result;
    float *parameters = malloc(data.n * sizeof(float));
    memcpy(parameters, data.parameters, data.n * sizeof(float));
    covey_training training = {.epochs = 3, .batch = 16, .learning_rate = 0.05f, .shuffle = 1};
    CHECK(case_train(&data, &training, parameters, &result) == COVEY_OK && result.steps == 9);
    CHECK(result.last_loss < result.first_loss);
    training.max_steps = 4;
    CHECK(case_train(&data, &training, parameters, &result) == COVEY_OK && result.steps == 4);
    training.epochs = 0;
    CHECK(case_train(&data, &training, parameters, &result) == COVEY_OK && result.steps == 4);
    free(parameters);
    case_free(&data);
}

static void frozen_layers_stay_as_they_are(void)
{
    case_data data = case_make(0, 41);
    covey_training_result result;
    covey_training training = {.epochs = 1, .batch = 16, .learning_rate = 0.05f, .weight_decay = 0.5f};
    float *parameters = malloc(data.n * sizeof(float));
    for (uint32_t frozen = 0; frozen < 8; frozen++) {
        const uint8_t trainable[3] = {!(frozen & 1), !(frozen & 2), !(frozen & 4)};
        const uint32_t at[4] = {0, 13 * 37 + 37, 13 * 37 + 37 + 37 * 16 + 16, data.n};
        training.trainable = trainable;
        memcpy(parameters, data.parameters, data.n * sizeof(float));
        CHECK(case_train(&data, &training, parameters, &result) == COVEY_OK);
        for (uint32_t l = 0; l < 3; l++) {
            size_t size = (at[l + 1] - at[l]) * sizeof(float);
            CHECK((memcmp(parameters + at[l], data.parameters + at[l], size) == 0) == !trainable[l]);
        }
    }
    free(parameters);
    case_free(&data);
}

static void wrong_values_are_refused_and_nothing_is_written(void)
{
    case_data data = case_make(0, 41);
    covey_training_result result;
    float *parameters = malloc(data.n * sizeof(float)), *inputs = (float *)(uintptr_t)data.rows.inputs;
    int32_t *labels = (int32_t *)(uintptr_t)data.rows.labels;
    memcpy(parameters, data.parameters, data.n * sizeof(float));
#define REFUSED(expected, ...)                                                                                        \
    do {                                                                                                              \
        covey_training wrong = {.epochs = 1, .batch = 16, .learning_rate = 0.05f};                                    \
        __VA_ARGS__;                                                                                                  \
        CHECK(case_train(&data, &wrong, parameters, &result) == (expected));                                          \
        CHECK(memcmp(parameters, data.parameters, data.n * sizeof(float)) == 0);                                      \
    } while (0)
    for (uint32_t k = 0; k < N_OF(case_kernels); k++) {
        if (covey_kernel_select(case_kernels[k]) != COVEY_OK)
            continue;
        REFUSED(COVEY_E_ARGUMENT, wrong.epochs = 0);
        REFUSED(COVEY_E_ARGUMENT, wrong.batch = 0);
        REFUSED(COVEY_E_ARGUMENT, wrong.batch = 1025);
        REFUSED(COVEY_E_ARGUMENT, wrong.learning_rate = NAN);
        REFUSED(COVEY_E_ARGUMENT, wrong.learning_rate = -1);
        REFUSED(COVEY_E_ARGUMENT, wrong.momentum = 1);
        REFUSED(COVEY_E_ARGUMENT, wrong.gradient_clip = INFINITY);
        REFUSED(COVEY_E_ARGUMENT, wrong.label_smoothing = 1);
        REFUSED(COVEY_E_ARGUMENT, wrong.shuffle = 2);
        float kept = inputs[40 * 13 + 12]; /* the very last value */
        inputs[40 * 13 + 12] = NAN;
        REFUSED(COVEY_E_NONFINITE, wrong.shuffle = 1);
        REFUSED(COVEY_E_NONFINITE, wrong.max_steps = 1); /* even if training would not come to it */
        inputs[40 * 13 + 12] = kept;
        labels[40] = 5;
        REFUSED(COVEY_E_LABEL, );
        labels[40] = -1;
        REFUSED(COVEY_E_LABEL, );
        labels[40] = 1;
    }
    free(parameters);
    case_free(&data);
}

static void a_small_arena_or_missing_pointers_are_refused(void)
{
    case_data data = case_make(3, 9);
    covey_training training = {.epochs = 1, .batch = 4, .learning_rate = 0.1f};
    covey_training_result result;
    size_t size = covey_train_size(data.model, &training, 9);
    void *arena = malloc(size);
    CHECK(covey_train(data.model, &training, &data.rows, data.parameters, arena, size - 1, &result) == COVEY_E_ARENA);
    CHECK(covey_train(data.model, &training, &data.rows, 0, arena, size, &result) == COVEY_E_ARGUMENT);
    CHECK(covey_train(data.model, 0, &data.rows, data.parameters, arena, size, &result) == COVEY_E_ARGUMENT);
    CHECK(covey_train(0, &training, &data.rows, data.parameters, arena, size, &result) == COVEY_E_MODEL);
    CHECK(covey_train(data.model, &training, &data.rows, data.parameters, 0, size, &result) == COVEY_E_ARGUMENT);
    CHECK(covey_train_size(data.model, &training, 0) == 0);
    free(arena);
    case_free(&data);
}

static void divergence_is_told(void)
{
    case_data data = case_make(0, 40);
    covey_training training = {.epochs = 50, .batch = 4, .learning_rate = 1e30f};
    covey_training_result result = {.steps = 99};
    float *parameters = malloc(data.n * sizeof(float));
    memcpy(parameters, data.parameters, data.n * sizeof(float));
    CHECK(case_train(&data, &training, parameters, &result) == COVEY_E_NONFINITE && result.steps == 99);
    free(parameters);
    case_free(&data);
}

/* Weights become infinite, then NaN, before the pass ends: their int8 form must be defined too (sanitizers look). */
static void divergence_is_told_with_rounded_weights(void)
{
    const covey_training training = {.epochs = 3, .batch = 4, .learning_rate = 3e38f, .fake_quantise = 1};
    static const uint32_t models[] = {0, 1, 4};
    for (uint32_t m = 0; m < N_OF(models); m++) {
        case_data data = case_make(models[m], 40);
        float *parameters = malloc(data.n * sizeof(float));
        for (uint32_t k = 0; k < N_OF(case_kernels); k++) {
            covey_training_result result;
            if (covey_kernel_select(case_kernels[k]) != COVEY_OK)
                continue;
            memcpy(parameters, data.parameters, data.n * sizeof(float));
            for (uint32_t i = 0; i < data.n; i++)
                parameters[i] *= 1e10f;
            CHECK(case_train(&data, &training, parameters, &result) == COVEY_E_NONFINITE);
        }
        free(parameters);
        case_free(&data);
    }
}

/* A clipped step leaves frozen layers alone, in the norm too: the same as a step with what is left of the gradient. */
static void a_frozen_layer_takes_no_part_in_a_clipped_step(void)
{
    static const uint8_t trainable[3] = {0, 1, 1};
    case_data data = case_make(0, 16);
    covey_training_result result;
    const covey_training training = {.epochs = 1, .batch = 16, .learning_rate = 0.05f, .weight_decay = 0.5f,
                                     .gradient_clip = 0.01f, .trainable = trainable};
    uint32_t first = 13 * 37 + 37;
    float *parameters = malloc(data.n * sizeof(float)), *gradient = malloc(data.n * sizeof(float)), loss;
    for (uint32_t k = 0; k < N_OF(case_kernels); k++) {
        double sum = 0;
        if (covey_kernel_select(case_kernels[k]) != COVEY_OK)
            continue;
        size_t size = covey_gradient_size(data.model);
        void *arena = malloc(size);
        CHECK(covey_gradient(data.model, &data.rows, data.parameters, gradient, &loss, arena, size) == COVEY_OK);
        memcpy(parameters, data.parameters, data.n * sizeof(float));
        CHECK(case_train(&data, &training, parameters, &result) == COVEY_OK);
        CHECK(memcmp(parameters, data.parameters, first * sizeof(float)) == 0);
        for (uint32_t i = first; i < data.n; i++)
            sum += (double)gradient[i] * (double)gradient[i];
        for (uint32_t i = first; i < data.n; i++) {
            double w = (double)data.parameters[i], g = (double)gradient[i] * 0.01 / sqrt(sum) + 0.5 * w;
            CHECK(fabs((double)parameters[i] - (w - 0.05 * g)) < 1e-6);
        }
        free(arena);
    }
    free(parameters), free(gradient);
    case_free(&data);
}

int main(void)
{
    every_kernel_gives_the_same_bits();
    one_step_by_hand();
    passes_steps_and_partial_batches_are_counted();
    frozen_layers_stay_as_they_are();
    wrong_values_are_refused_and_nothing_is_written();
    a_small_arena_or_missing_pointers_are_refused();
    divergence_is_told();
    divergence_is_told_with_rounded_weights();
    a_frozen_layer_takes_no_part_in_a_clipped_step();
    return check_done();
}
