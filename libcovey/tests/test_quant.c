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
    static float inputs[N], out[17], arena[2 * N];
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
    char arena[64];
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
    float out[5], arena[4];
    uint8_t bytes[11];
    CHECK(covey_int8_quantise(&model, parameters, bytes, sizeof bytes) == COVEY_OK);
    CHECK(covey_int8_predict(&model, bytes, 11, inputs, 5, out, arena, sizeof arena) == COVEY_OK);
    CHECK(memcmp(out, expected, sizeof out) == 0);
}

int main(void)
{
    every_layer_kind_is_close_to_float();
    bytes_are_as_documented();
    the_largest_sums_do_not_overflow();
    hostile_bytes_and_inputs_are_refused();
    positions_out_of_range_read_as_the_ends();
    return check_done();
}
