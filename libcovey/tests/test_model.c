/* test_model.c - which layers fit together, and how many parameters they have. */
#include "cases.h"
#include "check.h"

static int checked(const covey_layer *layers, uint8_t n, uint8_t loss)
{
    covey_model model = {layers, n, loss};
    return covey_model_check(&model);
}

static void sizes_are_those_of_a_hand_count(void)
{
    CHECK(covey_model_parameters(&case_models[0]) == 13 * 37 + 37 + 37 * 16 + 16 + 16 * 5 + 5);
    CHECK(covey_model_parameters(&case_models[1]) == 35 * 18 + 18 + 18 * 4 + 4);
    CHECK(covey_model_parameters(&case_models[4]) == (12 + 1) * 17 + (51 + 1) * 5 + 11 * 3);
    CHECK(covey_model_inputs(&case_models[4]) == 60 && covey_model_outputs(&case_models[4]) == 3);
    CHECK(covey_model_outputs(&case_models[5]) == 12);
}

static void a_wrong_field_is_refused(void)
{
    covey_layer dense = case_mlp[0], spline = case_spline[0], conv = case_conv[0], pool = case_conv[1];
#define REFUSED(layer, change, loss)                                                                        \
    do {                                                                                                    \
        covey_layer wrong = layer;                                                                          \
        wrong.change;                                                                                       \
        CHECK(checked(&wrong, 1, loss) == COVEY_E_MODEL);                                                   \
    } while (0)
    CHECK(checked(&dense, 1, COVEY_MSE) == COVEY_OK && checked(&spline, 1, COVEY_MSE) == COVEY_OK);
    CHECK(checked(&conv, 1, COVEY_MSE) == COVEY_OK);
    REFUSED(dense, kind = 0, COVEY_MSE);
    REFUSED(dense, kind = 6, COVEY_MSE);
    REFUSED(dense, activation = 3, COVEY_MSE);
    REFUSED(dense, inputs = 0, COVEY_MSE);
    REFUSED(dense, outputs = COVEY_MAX_WIDTH + 1, COVEY_MSE);
    REFUSED(dense, knots = 1, COVEY_MSE);
    REFUSED(dense, stride = 1, COVEY_MSE);
    REFUSED(dense, outputs = 1, COVEY_SOFTMAX_CE);
    REFUSED(dense, outputs = 2, COVEY_BCE);
    REFUSED(dense, outputs = 2, 0);
    REFUSED(dense, outputs = 2, 5);
    REFUSED(spline, knots = 1, COVEY_MSE);
    REFUSED(conv, kernel = 0, COVEY_MSE);
    REFUSED(conv, kernel = 21, COVEY_MSE);
    REFUSED(conv, stride = 0, COVEY_MSE);
    REFUSED(pool, outputs = 16, COVEY_MSE);
    REFUSED(pool, kernel = 3, COVEY_MSE); /* nothing to train */
}

static void layers_that_do_not_fit_are_refused(void)
{
    covey_layer layers[9];
    for (uint32_t l = 0; l < 9; l++)
        layers[l] = (covey_layer){.kind = COVEY_DENSE, .inputs = 3, .outputs = 3};
    CHECK(checked(layers, 8, COVEY_MSE) == COVEY_OK && checked(layers, 9, COVEY_MSE) == COVEY_E_MODEL);
    CHECK(checked(layers, 0, COVEY_MSE) == COVEY_E_MODEL && checked(0, 1, COVEY_MSE) == COVEY_E_MODEL);
    layers[1].inputs = 4;
    CHECK(checked(layers, 2, COVEY_MSE) == COVEY_E_MODEL);
    layers[1] = (covey_layer){.kind = COVEY_SPLINE, .inputs = 3, .outputs = 3, .knots = 9};
    CHECK(checked(layers, 2, COVEY_MSE) == COVEY_E_MODEL); /* positions come from data only */
    CHECK(covey_model_check(0) == COVEY_E_MODEL);
    covey_model wrong = {layers, 2, COVEY_MSE};
    CHECK(covey_model_parameters(&wrong) == 0 && covey_model_inputs(&wrong) == 0 && covey_predict_size(&wrong) == 0);
}

static void more_parameters_than_the_limit_are_refused(void)
{
    covey_layer wide[] = {{.kind = COVEY_SPLINE, .inputs = 1, .outputs = 1024, .knots = 1023},
                          {.kind = COVEY_SPLINE, .inputs = 1, .outputs = 1024, .knots = 1024}};
    CHECK(checked(&wide[0], 1, COVEY_MSE) == COVEY_OK);
    CHECK(checked(&wide[1], 1, COVEY_MSE) == COVEY_E_MODEL);
}

/* Few parameters, but hours of work a row: such models are refused before anything runs them. */
static void more_work_than_the_limit_is_refused(void)
{
    covey_layer endless[] = {
        {.kind = COVEY_MAXPOOL1D, .inputs = 16, .outputs = 16, .length = 65535, .kernel = 32768, .stride = 1},
        {.kind = COVEY_CONV1D, .inputs = 16, .outputs = 1, .length = 32768, .kernel = 32768, .stride = 1}};
    CHECK(checked(endless, 2, COVEY_MSE) == COVEY_E_MODEL);
    covey_layer conv = {.kind = COVEY_CONV1D, .inputs = 16, .outputs = 64, .length = 4351, .kernel = 16, .stride = 1};
    CHECK(checked(&conv, 1, COVEY_MSE) == COVEY_E_MODEL); /* 4,336 steps of 16 * 16 * 64 products */
    conv.length = 4096 + 15; /* 4,096: 2^26 products */
    CHECK(checked(&conv, 1, COVEY_MSE) == COVEY_OK);
}

int main(void)
{
    sizes_are_those_of_a_hand_count();
    a_wrong_field_is_refused();
    layers_that_do_not_fit_are_refused();
    more_parameters_than_the_limit_are_refused();
    more_work_than_the_limit_is_refused();
    return check_done();
}
