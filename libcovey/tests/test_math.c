/* test_math.c - own exp, log, tanh and logistic against the double functions of the C library, and streams of numbers. */
#include "check.h"
#include "covey.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Distance in units of the last place of the float nearest to `exact`. */
static double ulps(float value, double exact)
{
    float nearest = (float)exact;
    double unit = (double)nextafterf(fabsf(nearest), INFINITY) - (double)fabsf(nearest);
    return fabs((double)value - exact) / unit;
}

static double logistic(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static double worst(float (*ours)(float), double (*theirs)(double), double low, double high)
{
    double most = 0;
    for (int i = 0; i <= 400000; i++) {
        float x = (float)(low + (high - low) * i / 400000.0);
        double error = ulps(ours(x), theirs((double)x));
        most = error > most ? error : most;
    }
    return most;
}

static void functions_are_within_a_few_units_of_the_last_place(void)
{
    CHECK(worst(covey_expf, exp, -87.0, 88.7) < 1.5);
    CHECK(worst(covey_expf, exp, -103.0, -87.0) < 1.5); /* results below the smallest normal number */
    CHECK(worst(covey_logf, log, 0.25, 4.0) < 2.5);
    CHECK(worst(covey_logf, log, 1e-38, 1e38) < 2.0);
    CHECK(worst(covey_logf, log, 1e-44, 1e-38) < 2.0);
    CHECK(worst(covey_tanhf, tanh, -10.0, 10.0) < 2.5);
    CHECK(worst(covey_tanhf, tanh, -0.7, 0.7) < 2.5);
    CHECK(worst(covey_sigmoid, logistic, -80.0, 80.0) < 3.0);
}

static void edges_are_what_mathematics_says(void)
{
    CHECK(covey_expf(0.0f) == 1.0f && covey_expf(-200.0f) == 0.0f && isinf(covey_expf(89.0f)) && isnan(covey_expf(NAN)));
    CHECK(isinf(covey_expf(INFINITY)) && covey_expf(-INFINITY) == 0.0f);
    CHECK(covey_logf(1.0f) == 0.0f && covey_logf(0.0f) == -INFINITY && isnan(covey_logf(-1.0f)) && isnan(covey_logf(NAN)));
    CHECK(covey_logf(INFINITY) == INFINITY);
    CHECK(covey_tanhf(0.0f) == 0.0f && covey_tanhf(50.0f) == 1.0f && covey_tanhf(-50.0f) == -1.0f && isnan(covey_tanhf(NAN)));
    CHECK(covey_sigmoid(0.0f) == 0.5f && covey_sigmoid(100.0f) == 1.0f && covey_sigmoid(-200.0f) == 0.0f);
}

static void odd_functions_are_odd_to_the_bit(void)
{
    for (int i = 0; i < 10000; i++) {
        float x = (float)i * 0.001f;
        CHECK(covey_tanhf(-x) == -covey_tanhf(x));
    }
}

static void softmax_sums_to_one_and_shrugs_at_large_logits(void)
{
    const float logits[4] = {1000.0f, 999.0f, -1000.0f, 1000.0f};
    float p[4];
    covey_softmax(logits, 4, p);
    CHECK(p[0] == p[3] && p[2] == 0.0f && fabsf(p[0] + p[1] + p[2] + p[3] - 1.0f) < 1e-6f);
    CHECK(fabs((double)p[1] / (double)p[0] - exp(-1.0)) < 1e-6);
}

/* The first values of the published generator from seed 1234567. */
static void streams_are_splitmix64(void)
{
    CHECK(covey_random_u64(1234567, 0) == 6457827717110365317u);
    CHECK(covey_random_u64(1234567, 1) == 3203168211198807973u);
    CHECK(covey_random_u64(1234567, 2) == 9817491932198370423u);
}

static void children_share_nothing_with_their_parent_or_each_other(void)
{
    uint64_t children[64];
    for (uint64_t label = 0; label < 64; label++) {
        children[label] = covey_seed(5, label);
        for (uint64_t other = 0; other < label; other++)
            CHECK(children[other] != children[label]);
        for (uint64_t i = 0; i < 64; i++)
            CHECK(covey_random_u64(5, i) != children[label]);
    }
}

int main(void)
{
    functions_are_within_a_few_units_of_the_last_place();
    edges_are_what_mathematics_says();
    odd_functions_are_odd_to_the_bit();
    softmax_sums_to_one_and_shrugs_at_large_logits();
    streams_are_splitmix64();
    children_share_nothing_with_their_parent_or_each_other();
    return check_done();
}
