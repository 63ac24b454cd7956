/* test_encode.c - feature encodings at their edges, and histogram buckets against a plain reading of their rule. */
#include "check.h"
#include "covey.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

static float one(const covey_encoding *encoding, float x)
{
    float out = NAN;
    CHECK(covey_encode(encoding, &x, &out, 1) == COVEY_OK);
    return out;
}

static void positions_follow_the_knots(void)
{
    const float knot[] = {1, 2, 4, 8};
    const uint16_t offset[] = {0, 4};
    covey_encoding e = {COVEY_ENCODE_KNOTS, 1, 0, 0, 0, knot, offset};
    CHECK(one(&e, 0.5f) == 0);
    CHECK(one(&e, 1) == 0);
    CHECK(one(&e, 1.5f) == 0.5f); /* the pattern of 1.5 is half way between those of 1 and 2 */
    CHECK(one(&e, 2) == 1);
    CHECK(one(&e, 5) == 2.25f);
    CHECK(one(&e, 8) == 3);
    CHECK(one(&e, 9) == 3);
    CHECK(one(&e, NAN) == 0);
    CHECK(one(&e, -INFINITY) == 0);
    CHECK(one(&e, INFINITY) == 3);
}

static void equal_knots_are_a_step(void)
{
    const float knot[] = {0, 0, 0, 5, 5, /* all equal: */ 7, 7, 7};
    const uint16_t offset[] = {0, 5, 8};
    covey_encoding e = {COVEY_ENCODE_KNOTS, 2, 0, 0, 0, knot, offset};
    const float raw[] = {-1, 6, 0, 7, -0.0f, 8, 5, 6.9999995f};
    float out[8];
    CHECK(covey_encode(&e, raw, out, 4) == COVEY_OK);
    const float expected[] = {0, 5, 2, 7, 2, 7, 4, 5};
    CHECK(memcmp(out, expected, sizeof out) == 0);
}

/* Whatever the value and however large the offset, a position stays within its feature, and where it touches the row
 * after the last knot, that row's weight is 0. */
static void positions_stay_within_their_feature(void)
{
    enum { FEATURES = 900, KNOTS = 70 };
    static float knot[FEATURES * KNOTS], raw[FEATURES], out[FEATURES];
    static uint16_t offset[FEATURES + 1];
    for (uint32_t j = 0; j <= FEATURES; j++)
        offset[j] = (uint16_t)(j * KNOTS);
    for (uint32_t i = 0; i < FEATURES * KNOTS; i++)
        knot[i] = i % KNOTS < 2 ? -FLT_MAX : i % KNOTS == KNOTS - 1 ? FLT_MAX : (float)(i % KNOTS) * 3 - 50;
    covey_encoding e = {COVEY_ENCODE_KNOTS, FEATURES, 0, 0, 0, knot, offset};
    for (uint32_t round = 0; round < 60; round++) {
        for (uint32_t j = 0; j < FEATURES; j++) {
            uint32_t bits = (uint32_t)covey_random_u64(round, j);
            if (round < 30)
                raw[j] = nextafterf(knot[j * KNOTS + (bits >> 8) % KNOTS], bits & 1 ? INFINITY : -INFINITY);
            else
                memcpy(&raw[j], &bits, 4);
        }
        CHECK(covey_encode(&e, raw, out, 1) == COVEY_OK);
        for (uint32_t j = 0; j < FEATURES; j++) {
            float last = (float)(offset[j + 1] - 1);
            CHECK(out[j] >= (float)offset[j] && out[j] <= last);
            CHECK(out[j] < last || out[j] - (float)(uint32_t)out[j] == 0);
        }
    }
}

static void scaling_is_clamped_and_finite(void)
{
    const float center[] = {2, -FLT_MAX}, scale[] = {0.5f, 3};
    covey_encoding e = {COVEY_ENCODE_STANDARD, 2, center, scale, 4, 0, 0};
    const float raw[] = {4, FLT_MAX, NAN, -FLT_MAX, INFINITY, NAN};
    float out[6];
    CHECK(covey_encode(&e, raw, out, 3) == COVEY_OK);
    const float expected[] = {1, 4, -4, 0, 4, 0};
    CHECK(memcmp(out, expected, sizeof out) == 0);
    e.limit = 0;
    CHECK(covey_encode(&e, raw, out, 3) == COVEY_OK);
    for (int i = 0; i < 6; i++)
        CHECK(isfinite(out[i]));
    e.kind = COVEY_ENCODE_IDENTITY;
    CHECK(covey_encode(&e, raw, out, 3) == COVEY_OK);
    CHECK(out[0] == 4 && out[2] == -FLT_MAX && out[4] == FLT_MAX);
}

static void signed_log_is_close_and_odd(void)
{
    for (uint32_t i = 0; i < 4000; i++) {
        float x = ldexpf(1.0f + (float)(i % 16) / 16, (int)(i / 16) - 125);
        double expected = log1p((double)x);
        CHECK(fabs(covey_signed_log(x) - expected) <= 4e-7 * expected);
        CHECK(covey_signed_log(-x) == -covey_signed_log(x));
    }
    CHECK(covey_signed_log(0) == 0);
    CHECK(covey_signed_log(NAN) == -covey_signed_log(INFINITY));
    CHECK(isfinite(covey_signed_log(INFINITY)));
}

static void wrong_encodings_are_refused(void)
{
    const float four[] = {1, 2, 3, 4};
    const uint16_t wild[] = {0, 60000, 4}; /* must be seen before knots are read that are not there */
    covey_encoding beyond = {COVEY_ENCODE_KNOTS, 2, 0, 0, 0, four, wild};
    float pair[2] = {0};
    CHECK(covey_encode(&beyond, pair, pair, 1) == COVEY_E_ARGUMENT);
    const float knot[] = {1, 2, 1}, bad[] = {NAN, 0};
    const uint16_t two[] = {0, 2}, three[] = {0, 3}, single[] = {0, 1};
    float x = 0;
    covey_encoding e = {COVEY_ENCODE_KNOTS, 1, 0, 0, 0, knot, three};
    CHECK(covey_encode(&e, &x, &x, 1) == COVEY_E_ARGUMENT); /* descending */
    e.offset = single;
    CHECK(covey_encode(&e, &x, &x, 1) == COVEY_E_ARGUMENT); /* one knot */
    e.offset = two;
    CHECK(covey_encode(&e, &x, &x, 1) == COVEY_OK);
    CHECK(covey_encode(&e, &x, &x, 0) == COVEY_OK);
    CHECK(covey_encode(&e, 0, &x, 1) == COVEY_E_ARGUMENT);
    e.knot = bad;
    CHECK(covey_encode(&e, &x, &x, 1) == COVEY_E_NONFINITE);
    covey_encoding s = {COVEY_ENCODE_STANDARD, 1, bad, knot, 0, 0, 0};
    CHECK(covey_encode(&s, &x, &x, 1) == COVEY_E_NONFINITE);
    s.center = knot;
    s.limit = -1;
    CHECK(covey_encode(&s, &x, &x, 1) == COVEY_E_ARGUMENT);
    s.kind = 9;
    CHECK(covey_encode(&s, &x, &x, 1) == COVEY_E_ARGUMENT);
    CHECK(covey_encode(0, &x, &x, 1) == COVEY_E_ARGUMENT);
}

static void buckets_are_ordered_like_values(void)
{
    for (unsigned bits = 0; bits <= 7; bits++) {
        uint32_t previous = 0;
        for (int32_t step = -0x7f7fff; step <= 0x7f7fff; step += 251) { /* patterns 256 apart, from -max to max */
            uint32_t pattern = step < 0 ? 0x80000000u | (uint32_t)-step << 8 : (uint32_t)step << 8;
            float x;
            memcpy(&x, &pattern, 4);
            uint32_t bucket = covey_bucket(x, bits);
            CHECK(bucket >= previous && bucket < 1u << (9 + bits));
            CHECK(covey_bucket_low(bucket, bits) <= x);
            CHECK(bucket + 1 == 1u << (9 + bits) || x < covey_bucket_low(bucket + 1, bits) || x == FLT_MAX);
            previous = bucket;
        }
        CHECK(covey_bucket(-0.0f, bits) == covey_bucket(0.0f, bits));
        CHECK(covey_bucket(NAN, bits) == covey_bucket(-FLT_MAX, bits));
        CHECK(covey_bucket(INFINITY, bits) == covey_bucket(FLT_MAX, bits));
        CHECK(covey_bucket_low(0, bits) == -FLT_MAX && covey_bucket_low(UINT32_MAX, bits) == FLT_MAX);
    }
    CHECK(covey_bucket_low(covey_bucket(-1.0f, 7), 7) == -1.0f);
    CHECK(covey_bucket_low(covey_bucket(3.0f, 1), 1) == 3.0f);
}

static void histograms_add_up(void)
{
    uint32_t counts[1 << 10] = {0};
    const float values[] = {1, 99, 1.4f, 98, -3, 97, 1};
    CHECK(covey_histogram(values, 4, 2, 1, counts) == COVEY_OK);
    CHECK(counts[covey_bucket(1, 1)] == 3 && counts[covey_bucket(-3, 1)] == 1);
    CHECK(covey_histogram(values, 1, 1, 1, counts) == COVEY_OK);
    CHECK(counts[covey_bucket(1, 1)] == 4);
    CHECK(covey_histogram(values, 1, 1, 8, counts) == COVEY_E_ARGUMENT);
    CHECK(covey_histogram(values, 1, 0, 1, counts) == COVEY_E_ARGUMENT);
    CHECK(covey_histogram(0, 0, 1, 1, counts) == COVEY_OK);
}

/* Values at, beside and far from knots, and all that is odd. */
static float odd_value(uint64_t i, const float *knot, uint32_t n_knots)
{
    static const float odd[] = {NAN, -NAN, INFINITY, -INFINITY, 0.0f, -0.0f, FLT_MAX, -FLT_MAX, FLT_MIN, 1e-45f, -1e-45f};
    uint64_t draw = covey_random_u64(31, i);
    float at = knot[(draw >> 8) % n_knots];
    switch (draw % 6) {
    case 0:
        return odd[(draw >> 16) % (sizeof odd / sizeof odd[0])];
    case 1:
        return at;
    case 2:
        return nextafterf(at, draw & 64 ? INFINITY : -INFINITY);
    default:
        return at + ((float)(draw >> 40) / (1 << 24) - 0.5f) * (draw & 64 ? 3.0f : 1e10f);
    }
}

/* Knots of a feature: some equal to their neighbour, some at the ends of the floats, 2 to `most` of them. */
static uint32_t draw_knots(float *knot, uint64_t seed, uint32_t most)
{
    uint32_t n = 2 + (uint32_t)(covey_random_u64(seed, 0) % (most - 1));
    knot[0] = seed % 5 == 0 ? -FLT_MAX : (float)(int32_t)(covey_random_u64(seed, 1) >> 40) - 8e6f;
    for (uint32_t k = 1; k < n; k++) {
        uint64_t draw = covey_random_u64(seed, 1 + k);
        knot[k] = knot[k - 1] + (draw % 3 == 0 ? 0.0f : draw % 3 == 1 ? (float)(draw >> 60) : (float)(draw >> 44));
    }
    if (seed % 7 == 0)
        knot[n - 1] = FLT_MAX;
    return n;
}

/* What vector kernels make of blocks is what one row at a time gives, in place too. */
static void every_kernel_encodes_to_the_same_bits(void)
{
    enum { FEATURES = 37, MOST = 300, ROWS = 29 };
    static const char *const kernels[] = {"portable", "sse2", "neon", "avx2", "avx512"};
    static float knot[FEATURES * MOST], raw[ROWS * FEATURES], alone[ROWS * FEATURES], block[ROWS * FEATURES];
    float center[FEATURES], scale[FEATURES];
    uint16_t offset[FEATURES + 1] = {0};
    const char *before = covey_kernel_name();
    for (uint32_t trial = 0; trial < 60; trial++) {
        uint32_t features = trial < FEATURES ? trial + 1 : FEATURES, most = trial % 10 == 9 ? MOST : 11;
        for (uint32_t j = 0; j < features; j++) {
            offset[j + 1] = (uint16_t)(offset[j] + draw_knots(knot + offset[j], 1000 * trial + j, most));
            center[j] = (float)(int32_t)(covey_random_u64(41, j) >> 50) - 8000.0f;
            scale[j] = j % 9 == 8 ? FLT_MAX : (float)(covey_random_u64(42, j) >> 40) * 1e-9f;
        }
        for (uint32_t i = 0; i < ROWS * features; i++)
            raw[i] = odd_value(10000 * trial + i, knot, offset[features]);
        for (uint8_t kind = COVEY_ENCODE_IDENTITY; kind <= COVEY_ENCODE_KNOTS; kind++) {
            covey_encoding e = {kind, (uint16_t)features, center, scale, trial % 2 ? 8.0f : 0.0f, knot, offset};
            CHECK(covey_kernel_select("portable") == COVEY_OK);
            for (uint32_t r = 0; r < ROWS; r++)
                CHECK(covey_encode(&e, raw + r * features, alone + r * features, 1) == COVEY_OK);
            for (uint32_t k = 0; k < sizeof kernels / sizeof kernels[0]; k++) {
                if (covey_kernel_select(kernels[k]) != COVEY_OK)
                    continue;
                memset(block, 0xff, sizeof block); /* not what another kernel left there */
                CHECK(covey_encode(&e, raw, block, ROWS) == COVEY_OK);
                CHECK(memcmp(block, alone, ROWS * features * sizeof(float)) == 0);
                memcpy(block, raw, ROWS * features * sizeof(float));
                CHECK(covey_encode(&e, block, block, ROWS) == COVEY_OK);
                CHECK(memcmp(block, alone, ROWS * features * sizeof(float)) == 0);
            }
        }
    }
    CHECK(covey_kernel_select(before) == COVEY_OK);
}

int main(void)
{
    every_kernel_encodes_to_the_same_bits();
    positions_follow_the_knots();
    equal_knots_are_a_step();
    positions_stay_within_their_feature();
    scaling_is_clamped_and_finite();
    signed_log_is_close_and_odd();
    wrong_encodings_are_refused();
    buckets_are_ordered_like_values();
    histograms_add_up();
    return check_done();
}
