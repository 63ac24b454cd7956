/* test_gradient.c - gradients against finite differences of the loss, for every kind of layer, activation and loss. */
#include "cases.h"
#include "check.h"

#include <math.h>

static double loss_of(const case_data *data, const float *parameters, float *gradient)
{
    float loss = NAN, *scratch = gradient ? gradient : malloc(data->n * sizeof(float));
    size_t size = covey_gradient_size(data->model);
    void *arena = malloc(size);
    CHECK(covey_gradient(data->model, &data->rows, parameters, scratch, &loss, arena, size) == COVEY_OK);
    free(arena);
    if (!gradient)
        free(scratch);
    return (double)loss;
}

/* Central differences in random directions: the derivative along u is gradient . u. */
static void gradients_are_the_slopes_of_the_loss(void)
{
    for (uint32_t m = 0; m < N_OF(case_models); m++) {
        case_data data = case_make(m, 37);
        float *gradient = malloc(data.n * sizeof(float)), *moved = malloc(data.n * sizeof(float));
        loss_of(&data, data.parameters, gradient);
        for (uint64_t direction = 0; direction < 5; direction++) {
            double slope = 0, step = 2e-3, differences = 0, length = 0;
            float *u = case_floats(data.n, 100 + direction, 1.0f);
            for (int sign = -1; sign <= 1; sign += 2) {
                for (uint32_t i = 0; i < data.n; i++)
                    moved[i] = data.parameters[i] + (float)(sign * step) * u[i] / sqrtf((float)data.n);
                differences += sign * loss_of(&data, moved, 0);
            }
            for (uint32_t i = 0; i < data.n; i++) {
                slope += (double)gradient[i] * (double)u[i] / sqrt((double)data.n);
                length += (double)gradient[i] * (double)gradient[i];
            }
            CHECK(fabs(differences / (2 * step) - slope) < 2e-3 * sqrt(length) + 1e-4);
            free(u);
        }
        free(gradient), free(moved);
        case_free(&data);
    }
}

static void every_kernel_gives_the_same_bits(void)
{
    for (uint32_t m = 0; m < N_OF(case_models); m++) {
        case_data data = case_make(m, 71); /* more rows than a tile */
        float *gradient = malloc(data.n * sizeof(float));
        uint64_t expected = 0;
        for (uint32_t k = 0; k < N_OF(case_kernels); k++) {
            if (covey_kernel_select(case_kernels[k]) != COVEY_OK)
                continue;
            float loss = (float)loss_of(&data, data.parameters, gradient);
            uint64_t hash = case_hash(gradient, data.n * sizeof(float)) ^ case_hash(&loss, sizeof loss);
            expected = k == 0 ? hash : expected;
            CHECK(hash == expected);
        }
        free(gradient);
        case_free(&data);
    }
}

/* Tiles are 1, 2, 3, 4, 6, 8 or 16 rows by 1 or 2 vectors: every remainder of each comes up. */
static void every_width_gives_the_same_bits(void)
{
    float *x = case_floats(23 * 36, 1, 1.0f), *parameters = case_floats(37 * 36, 2, 1.0f), *t = case_floats(23 * 36, 3, 1.0f);
    float gradient[37 * 36], loss;
    for (uint16_t inputs = 1; inputs <= 36; inputs++)
        for (uint16_t outputs = 1; outputs <= 36; outputs += inputs % 4 + 1) {
            const covey_layer layer = {.kind = COVEY_DENSE, .inputs = inputs, .outputs = outputs};
            const covey_model model = {&layer, 1, COVEY_MSE};
            const covey_rows rows = {.inputs = x, .targets = t, .n_rows = 1u + inputs * 7u % 23u};
            uint64_t expected = 0;
            for (uint32_t k = 0; k < N_OF(case_kernels); k++) {
                if (covey_kernel_select(case_kernels[k]) != COVEY_OK)
                    continue;
                size_t size = covey_gradient_size(&model);
                void *arena = malloc(size);
                CHECK(covey_gradient(&model, &rows, parameters, gradient, &loss, arena, size) == COVEY_OK);
                uint64_t hash = case_hash(gradient, covey_model_parameters(&model) * sizeof(float));
                expected = k == 0 ? hash : expected;
                CHECK(hash == expected);
                free(arena);
            }
        }
    free(x), free(parameters), free(t);
}

static void one_full_batch_step_goes_down_the_gradient(void)
{
    case_data data = case_make(1, 30);
    float *gradient = malloc(data.n * sizeof(float)), *parameters = malloc(data.n * sizeof(float));
    covey_training training = {.epochs = 1, .batch = 30, .learning_rate = 0.5f};
    covey_training_result result;
    double loss = loss_of(&data, data.parameters, gradient);
    memcpy(parameters, data.parameters, data.n * sizeof(float));
    CHECK(case_train(&data, &training, parameters, &result) == COVEY_OK && (double)result.first_loss == loss);
    for (uint32_t i = 0; i < data.n; i++)
        CHECK(parameters[i] == data.parameters[i] - 0.5f * gradient[i]);
    free(gradient), free(parameters);
    case_free(&data);
}

static void wrong_calls_are_refused(void)
{
    case_data data = case_make(1, 30);
    float *gradient = malloc(data.n * sizeof(float)), loss;
    size_t size = covey_gradient_size(data.model);
    void *arena = malloc(size);
    CHECK(covey_gradient(data.model, &data.rows, data.parameters, gradient, &loss, arena, size - 1) == COVEY_E_ARENA);
    CHECK(covey_gradient(data.model, 0, data.parameters, gradient, &loss, arena, size) == COVEY_E_ARGUMENT);
    data.parameters[3] = INFINITY;
    CHECK(covey_gradient(data.model, &data.rows, data.parameters, gradient, &loss, arena, size) == COVEY_E_NONFINITE);
    free(gradient), free(arena);
    case_free(&data);
}

int main(void)
{
    gradients_are_the_slopes_of_the_loss();
    every_kernel_gives_the_same_bits();
    every_width_gives_the_same_bits();
    one_full_batch_step_goes_down_the_gradient();
    wrong_calls_are_refused();
    return check_done();
}
