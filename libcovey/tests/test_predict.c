/* test_predict.c - predictions: one layer by hand, the same bits on every kernel and for any number of rows at a time. */
#include "cases.h"
#include "check.h"

#include <math.h>

static int predict(const case_data *data, uint32_t first, uint32_t n_rows, float *outputs)
{
    size_t size = covey_predict_size(data->model);
    uint8_t *arena = malloc(size + 4);
    int status = covey_predict(data->model, data->parameters, data->rows.inputs + (size_t)first * data->inputs, n_rows,
                               outputs, arena + 4, size);
    free(arena);
    return status;
}

/* Two features with knots 0..2 and 3..5, one unit: positions between knots, at them, and beyond the ends. */
static void a_spline_reads_between_its_knots(void)
{
    const covey_layer layer = {.kind = COVEY_SPLINE, .inputs = 2, .outputs = 1, .knots = 6};
    const covey_model model = {&layer, 1, COVEY_MSE};
    float parameters[7] = {1, 2, 4, 10, 20, 40, 100};
    const float inputs[8] = {0.5f, 3.25f, 2.0f, 5.0f, 1.0f, 4.0f, -7.0f, 99.0f};
    const float expected[4] = {100 + 1.5f + 12.5f, 100 + 4 + 40, 100 + 2 + 20, 100 + 1 + 40};
    case_data data = {&model, 7, 2, 1, parameters, {.inputs = inputs, .n_rows = 4}};
    for (uint32_t k = 0; k < N_OF(case_kernels); k++) {
        float outputs[4];
        if (covey_kernel_select(case_kernels[k]) != COVEY_OK)
            continue;
        CHECK(predict(&data, 0, 4, outputs) == COVEY_OK);
        for (uint32_t r = 0; r < 4; r++)
            CHECK(outputs[r] == expected[r]);
    }
}

static void kernels_and_tiles_make_no_difference(void)
{
    for (uint32_t m = 0; m < N_OF(case_models); m++) {
        case_data data = case_make(m, 83);
        float *together = malloc((size_t)83 * data.outputs * sizeof(float)), *alone = malloc(data.outputs * sizeof(float));
        uint64_t expected = 0;
        for (uint32_t k = 0; k < N_OF(case_kernels); k++) {
            if (covey_kernel_select(case_kernels[k]) != COVEY_OK)
                continue;
            CHECK(predict(&data, 0, 83, together) == COVEY_OK);
            uint64_t hash = case_hash(together, (size_t)83 * data.outputs * sizeof(float));
            expected = k == 0 ? hash : expected;
            CHECK(hash == expected);
            for (uint32_t r = 0; r < 83; r += 9) {
                CHECK(predict(&data, r, 1, alone) == COVEY_OK);
                CHECK(memcmp(alone, together + (size_t)r * data.outputs, data.outputs * sizeof(float)) == 0);
            }
        }
        free(together), free(alone);
        case_free(&data);
    }
}

static void wrong_calls_are_refused(void)
{
    case_data data = case_make(0, 5);
    float outputs[25], *inputs = (float *)(uintptr_t)data.rows.inputs;
    size_t size = covey_predict_size(data.model);
    void *arena = malloc(size);
    CHECK(covey_predict(data.model, data.parameters, inputs, 5, outputs, arena, size - 1) == COVEY_E_ARENA);
    CHECK(covey_predict(data.model, data.parameters, inputs, 0, outputs, arena, size) == COVEY_E_ARGUMENT);
    CHECK(covey_predict(data.model, data.parameters, 0, 5, outputs, arena, size) == COVEY_E_ARGUMENT);
    CHECK(covey_predict(0, data.parameters, inputs, 5, outputs, arena, size) == COVEY_E_MODEL);
    inputs[64] = NAN;
    CHECK(covey_predict(data.model, data.parameters, inputs, 5, outputs, arena, size) == COVEY_E_NONFINITE);
    free(arena);
    case_free(&data);
}

static void outputs_that_overflow_are_told(void)
{
    const covey_layer layer = {.kind = COVEY_DENSE, .inputs = 1, .outputs = 1};
    const covey_model model = {&layer, 1, COVEY_MSE};
    float parameters[2] = {1e30f, 0}, inputs[40] = {0}, outputs[40], slopes[2], loss;
    case_data data = {&model, 2, 1, 1, parameters, {.inputs = inputs, .targets = inputs, .n_rows = 40}};
    for (uint32_t k = 0; k < N_OF(case_kernels); k++) {
        if (covey_kernel_select(case_kernels[k]) != COVEY_OK)
            continue;
        size_t size = covey_gradient_size(&model);
        void *arena = malloc(size);
        inputs[3] = 0;
        CHECK(predict(&data, 0, 40, outputs) == COVEY_OK);
        CHECK(covey_gradient(&model, &data.rows, parameters, slopes, &loss, arena, size) == COVEY_OK);
        inputs[3] = 1e20f;
        CHECK(predict(&data, 0, 40, outputs) == COVEY_E_NONFINITE && predict(&data, 4, 36, outputs) == COVEY_OK);
        CHECK(covey_gradient(&model, &data.rows, parameters, slopes, &loss, arena, size) == COVEY_E_NONFINITE);
        free(arena);
    }
}

int main(void)
{
    a_spline_reads_between_its_knots();
    kernels_and_tiles_make_no_difference();
    wrong_calls_are_refused();
    outputs_that_overflow_are_told();
    return check_done();
}
