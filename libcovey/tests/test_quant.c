/* test_quant.c - int8 models: the bytes, inference against an obvious twin, the largest sums, hostile bytes. */
#include "check.h"
#include "covey.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static float uniform(uint64_t seed, uint64_t index)
{
    return (float)((int32_t)(covey_random_u64(seed, index) >> 40) - (1 << 23)) / (1 << 23);
}

static float *numbers(uint32_t n, uint64_t seed, float reach)
{
    float *values = malloc(n * sizeof *values);
    for (uint32_t i = 0; i < n; i++)
        values[i] = uniform(seed, i) * reach;
    return values;
}

/* Runs a model both ways and returns the largest difference, relative to the largest output. */
static float difference(const covey_model *model, const float *inputs, uint32_t n_rows, float reach)
{
    uint32_t n = covey_model_parameters(model), size = covey_int8_size(model), out = covey_model_outputs(model);
    float *parameters = numbers(n, 5, reach), *exact = malloc(n_rows * out * 4), *quick = malloc(n_rows * out * 4);
    uint8_t *bytes = malloc(size);
    size_t arena_size = covey_predict_size(model) + covey_int8_predict_size(model) + 4;
    void *arena = malloc(arena_size);
    CHECK(covey_int8_quantise(model, parameters, bytes, size) == COVEY_OK);
    CHECK(covey_int8_dequantise(model, bytes, size, parameters) == COVEY_OK);
    CHECK(covey_predict(model, parameters, inputs, n_rows, exact, arena, arena_size) == COVEY_OK);
    /* an arena of exactly the size asked for, at any alignment of four */
    size_t need = covey_int8_predict_size(model);
    CHECK(covey_int8_predict(model, bytes, size, inputs, n_rows, quick, (char *)arena + 4, need) == COVEY_OK);
    if (need)
        CHECK(covey_int8_predict(model, bytes, size, inputs, n_rows, quick, arena, need - 1) == COVEY_E_ARENA);
    float most = 0, worst = 0;
    for (uint32_t i = 0; i < n_rows * out; i++) {
        most = fmaxf(most, fabsf(exact[i]));
        worst = fmaxf(worst, fabsf(exact[i] - quick[i]));
    }
    free(parameters), free(exact), free(quick), free(bytes), free(arena);
    return worst / most;
}

static void every_layer_kind_is_close_to_float(void)
{
    enum { ROWS = 30 };
    covey_layer spline[] = {{COVEY_SPLINE, COVEY_RELU, 13, 19, 52, 0, 0, 0}, {COVEY_DENSE, COVEY_TANH, 19, 9, 0, 0, 0, 0},
                            {COVEY_DENSE, COVEY_LINEAR, 9, 3, 0, 0, 0, 0}};
    covey_model model = {spline, 3, COVEY_SOFTMAX_CE};
    float *positions = numbers(ROWS * 13, 1, 2.0f);
    for (uint32_t i = 0; i < ROWS * 13; i++)
        positions[i] = (float)(i % 13 * 4) + 1.5f + positions[i] * 0.75f;
    CHECK(difference(&model, positions, ROWS, 0.3f) < 2e-3f);
    covey_layer dense[] = {{COVEY_DENSE, COVEY_RELU, 40, 33, 0, 0, 0, 0}, {COVEY_DENSE, COVEY_LINEAR, 33, 40, 0, 0, 0, 0}};
    covey_model autoencoder = {dense, 2, COVEY_MSE};
    float *inputs = numbers(ROWS * 90, 2, 3.0f);
    CHECK(difference(&autoencoder, inputs, ROWS, 0.3f) < 2e-3f);
    covey_layer conv[] = {{COVEY_CONV1D, COVEY_RELU, 3, 10, 0, 30, 5, 1}, {COVEY_MAXPOOL1D, COVEY_LINEAR, 10, 10, 0, 26, 2, 2},
                          {COVEY_CONV1D, COVEY_TANH, 10, 6, 0, 13, 3, 2}, {COVEY_MEANPOOL1D, COVEY_LINEAR, 6, 6, 0, 6, 3, 3},
                          {COVEY_DENSE, COVEY_LINEAR, 12, 3, 0, 0, 0, 0}};
    covey_model sequence = {conv, 5, COVEY_SOFTMAX_CE};
    CHECK(difference(&sequence, inputs, ROWS, 0.3f) < 5e-3f);
    free(positions), free(inputs);
}

static void bytes_are_as_documented(void)
{
    covey_layer layer = {COVEY_DENSE, COVEY_LINEAR, 2, 2, 0, 0, 0, 0};
    covey_model model = {&layer, 1, COVEY_MSE};
    const float parameters[] = {127, 0, -63.5f, 0, 1, -2}; /* weights by row, then biases */
    uint8_t out[20];
    CHECK(covey_int8_size(&model) == 20);
    CHECK(covey_int8_quantise(&model, parameters, out, 19) == COVEY_E_SPACE);
    CHECK(covey_int8_quantise(&model, parameters, out, 20) == COVEY_OK);
    const uint8_t expected[] = {0, 0, 0x80, 0x3f, 0, 0, 0, 0,    0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0,
                                127, 0, (uint8_t)-64, 0}; /* 63.5 rounds away from zero; a column of zeros has scale 0 */
    CHECK(memcmp(out, expected, 20) == 0);
}

/* 1,024 inputs, every product as large as it can be: the sum must be exact. */
static void the_largest_sums_do_not_overflow(void)
{
    enum { N = 1024 };
    static covey_layer layers[] = {{COVEY_SPLINE, COVEY_LINEAR, N, 17, 2 * N, 0, 0, 0}, {COVEY_DENSE, COVEY_LINEAR, N, 17, 0, 0, 0, 0}};
    static float inputs[N], out[17], arena[64 * N];
    for (int k = 0; k < 2; k++) {
        covey_model model = {&layers[k], 1, COVEY_MSE};
        uint32_t size = covey_int8_size(&model), outputs = 17;
        uint8_t *bytes = calloc(1, size);
        for (uint32_t o = 0; o < outputs; o++)
            memcpy(bytes + 4 * o, &(float){1}, 4);
        memset(bytes + 8 * outputs, 0x80, size - 8 * outputs); /* -128 */
        for (int i = 0; i < N; i++)
            inputs[i] = k == 0 ? (float)(2 * i) + 0.5f : 5.0f;
        CHECK(covey_int8_predict(&model, bytes, size, inputs, 1, out, arena, sizeof arena) == COVEY_OK);
        for (uint32_t o = 0; o < outputs; o++)
            CHECK(fabsf(out[o] + (k == 0 ? 128.0f : 128.0f * 5) * N) < 0.5f);
        free(bytes);
    }
}

static void hostile_bytes_and_inputs_are_refused(void)
{
    covey_layer layers[] = {{COVEY_DENSE, COVEY_LINEAR, 2, 2, 0, 0, 0, 0}, {COVEY_DENSE, COVEY_LINEAR, 2, 2, 0, 0, 0, 0}};
    covey_model model = {layers, 2, COVEY_MSE};
    uint8_t bytes[40];
    float parameters[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3}, inputs[2] = {1, 2}, out[2];
    uint64_t arena[512];
    CHECK(covey_int8_quantise(&model, parameters, bytes, sizeof bytes) == COVEY_OK);
    CHECK(covey_int8_predict(&model, bytes, 39, inputs, 1, out, arena, sizeof arena) == COVEY_E_LENGTH);
    CHECK(covey_int8_dequantise(&model, bytes, 41, parameters) == COVEY_E_LENGTH);
    inputs[1] = NAN;
    CHECK(covey_int8_predict(&model, bytes, 40, inputs, 1, out, arena, sizeof arena) == COVEY_E_NONFINITE);
    inputs[1] = 3e38f;
    const float large = 1e38f, bad[] = {NAN, -1, INFINITY};
    memcpy(bytes, &large, 4); /* finite, but sums overflow: told, not passed on */
    CHECK(covey_int8_predict(&model, bytes, 40, inputs, 1, out, arena, sizeof arena) == COVEY_E_NONFINITE);
    for (int i = 0; i < 3; i++) {
        memcpy(bytes + 4, &bad[i], 4);
        CHECK(covey_int8_predict(&model, bytes, 40, inputs, 1, out, arena, sizeof arena) == COVEY_E_NONFINITE);
    }
    inputs[1] = 2;
    CHECK(covey_int8_quantise(&model, parameters, bytes, sizeof bytes) == COVEY_OK);
    const float highest = 3e38f;
    memcpy(bytes, &highest, 4); /* the first layer's first value is infinite, which as int8 would look like a zero */
    memcpy(bytes + 8, &highest, 4);
    CHECK(covey_int8_predict(&model, bytes, 40, inputs, 1, out, arena, sizeof arena) == COVEY_E_NONFINITE);
    parameters[3] = INFINITY;
    CHECK(covey_int8_quantise(&model, parameters, bytes, sizeof bytes) == COVEY_E_NONFINITE);
    covey_layer wide = {COVEY_CONV1D, COVEY_LINEAR, 1024, 1, 0, 9, 8, 1}; /* 8,192 terms a sum */
    covey_model conv = {&wide, 1, COVEY_MSE};
    CHECK(covey_model_check(&conv) == COVEY_OK && covey_int8_size(&conv) == 0);
    CHECK(covey_int8_predict(&conv, bytes, 40, inputs, 1, out, arena, sizeof arena) == COVEY_E_MODEL);
}

static void positions_out_of_range_read_as_the_ends(void)
{
    covey_layer layer = {COVEY_SPLINE, COVEY_LINEAR, 1, 1, 3, 0, 0, 0};
    covey_model model = {&layer, 1, COVEY_MSE};
    const float parameters[] = {1, 2, 127, 0};
    const float inputs[] = {-5, 0, 0.5f, 2, 1e30f}, expected[] = {1, 1, 1.5f, 127, 127};
    float out[5];
    uint64_t arena[1024];
    uint8_t bytes[11];
    CHECK(covey_int8_quantise(&model, parameters, bytes, sizeof bytes) == COVEY_OK);
    CHECK(covey_int8_predict(&model, bytes, 11, inputs, 5, out, arena, sizeof arena) == COVEY_OK);
    CHECK(memcmp(out, expected, sizeof out) == 0);
}

/* Blocks of rows on vector kernels give the bits of one row at a time on portable ones, for all kinds of layers. */
static void every_kernel_predicts_the_same_bits(void)
{
    enum { ROWS = 43 };
    static const char *const kernels[] = {"portable", "sse2", "neon", "avx2", "avx512"};
    const char *before = covey_kernel_name();
    for (uint32_t trial = 0; trial < 40; trial++) {
        uint16_t in = (uint16_t)(1 + covey_random_u64(51, trial) % 60), wide = (uint16_t)(1 + covey_random_u64(52, trial) % 70),
                 out = (uint16_t)(1 + covey_random_u64(53, trial) % 40);
        covey_layer spline[] = {{COVEY_SPLINE, COVEY_RELU, in, wide, (uint16_t)(in * 2 + 3), 0, 0, 0},
                                {COVEY_DENSE, COVEY_TANH, wide, out, 0, 0, 0, 0},
                                {COVEY_DENSE, COVEY_LINEAR, out, in, 0, 0, 0, 0}};
        uint16_t steps = (uint16_t)(1 + (in + 9 - 3) / 2);
        covey_layer conv[] = {{COVEY_CONV1D, COVEY_TANH, 3, out, 0, (uint16_t)(in + 9), 3, 2},
                              {COVEY_MAXPOOL1D, COVEY_RELU, out, out, 0, steps, 2, 1},
                              {COVEY_CONV1D, COVEY_RELU, out, 5, 0, (uint16_t)(steps - 1), 1, 1},
                              {COVEY_MEANPOOL1D, COVEY_TANH, 5, 5, 0, (uint16_t)(steps - 1), 3, 1}};
        const covey_model models[] = {{spline, 3, COVEY_MSE}, {spline + 1, 2, COVEY_MSE}, {conv, 4, COVEY_MSE}};
        for (uint32_t m = 0; m < 3; m++) {
            const covey_model *model = &models[m];
            uint32_t n = covey_model_parameters(model), n_in = covey_model_inputs(model), n_out = covey_model_outputs(model);
            CHECK(covey_model_check(model) == COVEY_OK);
            float *parameters = numbers(n, 60 + trial, 0.7f), *inputs = numbers(ROWS * n_in, 61, m ? 3.0f : in * 2.2f);
            float *alone = malloc(ROWS * n_out * sizeof(float)), *block = malloc(ROWS * n_out * sizeof(float));
            size_t size = covey_int8_size(model);
            uint8_t *bytes = malloc(size);
            CHECK(covey_int8_quantise(model, parameters, bytes, size) == COVEY_OK);
            memset(inputs + 2 * n_in, 0, n_in * sizeof(float)); /* a row of zeros has no scale */
            for (uint32_t k = 0; k < sizeof kernels / sizeof kernels[0]; k++) {
                if (covey_kernel_select(kernels[k]) != COVEY_OK)
                    continue;
                size_t arena_size = covey_int8_predict_size(model);
                void *arena = malloc(arena_size);
                for (uint32_t r = 0; k == 0 && r < ROWS; r++)
                    CHECK(covey_int8_predict(model, bytes, size, inputs + r * n_in, 1, alone + r * n_out, arena,
                                             arena_size) == COVEY_OK);
                for (uint32_t rows = 7; rows <= ROWS; rows += 9) {
                    memset(block, 0, ROWS * n_out * sizeof(float));
                    CHECK(covey_int8_predict(model, bytes, size, inputs, rows, block, arena, arena_size) == COVEY_OK);
                    CHECK(memcmp(block, alone, rows * n_out * sizeof(float)) == 0);
                }
                free(arena);
            }
            free(parameters), free(inputs), free(alone), free(block), free(bytes);
        }
    }
    CHECK(covey_kernel_select(before) == COVEY_OK);
}

/* A row that overflows is found, and the rows before it are written, wherever it lies in a block. */
static void rows_before_one_that_overflows_are_written(void)
{
    enum { ROWS = 40 };
    covey_layer layers[] = {{COVEY_DENSE, COVEY_LINEAR, 2, 3, 0, 0, 0, 0}, {COVEY_DENSE, COVEY_LINEAR, 3, 2, 0, 0, 0, 0}};
    covey_model model = {layers, 2, COVEY_MSE};
    const float parameters[] = {1e30f, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0};
    float inputs[2 * ROWS], right[2 * ROWS], out[2 * ROWS];
    size_t arena_size = covey_int8_predict_size(&model);
    uint8_t bytes[80], *arena = malloc(arena_size);
    size_t size = covey_int8_size(&model);
    CHECK(covey_int8_quantise(&model, parameters, bytes, sizeof bytes) == COVEY_OK);
    for (uint32_t i = 0; i < 2 * ROWS; i++)
        inputs[i] = uniform(71, i);
    CHECK(covey_int8_predict(&model, bytes, size, inputs, ROWS, right, arena, arena_size) == COVEY_OK);
    for (uint32_t at = 0; at < ROWS; at++) {
        float kept = inputs[2 * at];
        inputs[2 * at] = 1e20f;
        memset(out, 0, sizeof out);
        CHECK(covey_int8_predict(&model, bytes, size, inputs, ROWS, out, arena, arena_size) == COVEY_E_NONFINITE);
        CHECK(memcmp(out, right, 2 * at * sizeof(float)) == 0);
        inputs[2 * at] = kept;
    }
    free(arena);
}

int main(void)
{
    every_kernel_predicts_the_same_bits();
    rows_before_one_that_overflows_are_written();
    every_layer_kind_is_close_to_float();
    bytes_are_as_documented();
    the_largest_sums_do_not_overflow();
    hostile_bytes_and_inputs_are_refused();
    positions_out_of_range_read_as_the_ends();
    return check_done();
}
