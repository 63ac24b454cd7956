/* test_thresholds.c - tails of scores, thresholds and bins of drift at their edges: hostile states and numbers, under
 * sanitizers. What they compute in general is compared with twins in tests/core/test_core_thresholds.py. */
#include "check.h"
#include "covey_watch.h"

#include <float.h>
#include <math.h>
#include <string.h>

static void tails_stay_sound(void)
{
    covey_tail tail;
    float threshold;
    covey_tail_init(&tail);
    CHECK(covey_tail_threshold(&tail, 0.1, &threshold) == COVEY_E_ARGUMENT);
    for (uint32_t i = 0; i < 5000; i++) {
        uint64_t draw = covey_random_u64(7, i);
        float score = draw % 97 == 0 ? FLT_MAX : draw % 89 == 0 ? -FLT_MAX : (float)(draw % 1000);
        double before = tail.count;
        CHECK(covey_tail_add(&tail, &score, 1) == COVEY_OK && tail.count == before + 1);
        if (draw % 701 == 0)
            covey_tail_forget(&tail);
        for (double rate = 0.9; rate > 1e-320 && tail.n_scores > 0; rate *= i % 100 == 0 ? 1e-3 : 1e-80) {
            CHECK(covey_tail_threshold(&tail, rate, &threshold) == COVEY_OK);
            CHECK(isfinite(threshold) && threshold >= tail.scores[tail.n_scores - 1]);
        }
        for (uint32_t k = 1; k < tail.n_scores; k++)
            CHECK(tail.scores[k] <= tail.scores[k - 1]);
    }
    for (int i = 0; i < 40; i++)
        covey_tail_forget(&tail);
    CHECK(tail.count == 0 && tail.n_scores == 0);
    covey_tail_forget(&tail);
    tail.n_scores = COVEY_TAIL_SCORES + 1;
    CHECK(covey_tail_add(&tail, &threshold, 1) == COVEY_E_ARGUMENT);
    CHECK(covey_tail_threshold(&tail, 0.1, &threshold) == COVEY_E_ARGUMENT);
    covey_tail_forget(&tail); /* does nothing, and reads nothing beyond */
    CHECK(tail.n_scores == COVEY_TAIL_SCORES + 1);
}

/* Nothing that was dropped is above the lowest kept: what is not above it is counted only. */
static void tails_keep_the_highest_and_halve(void)
{
    covey_tail tail;
    covey_tail_init(&tail);
    for (int i = 1; i <= 200; i++)
        CHECK(covey_tail_add(&tail, &(float){(float)(i * 77 % 200)}, 1) == COVEY_OK); /* 0 to 199, each once */
    CHECK(tail.n_scores == COVEY_TAIL_SCORES && tail.scores[0] == 199 && tail.scores[63] == 136);
    covey_tail_init(&tail);
    for (int i = 200; i-- > 0;) /* descending: the first 64 are it, and the 65th is the first that is too low */
        CHECK(covey_tail_add(&tail, &(float){(float)i}, 1) == COVEY_OK);
    CHECK(tail.scores[63] == 136 && tail.count == 200);
    covey_tail_forget(&tail);
    CHECK(tail.n_scores == 32 && tail.count == 100 && tail.scores[0] == 198 && tail.scores[31] == 136);
    for (uint32_t i = tail.n_scores; i < COVEY_TAIL_SCORES; i++)
        CHECK(tail.scores[i] == 0);
    CHECK(covey_tail_add(&tail, (const float[]){135, 136, 137}, 3) == COVEY_OK);
    CHECK(tail.count == 103 && tail.n_scores == 33 && tail.scores[31] == 137 && tail.scores[32] == 136);
    static const struct {
        int scores;
        uint32_t kept;
        double count;
    } few[] = {{17, 8, 8.5}, {16, 8, 8}, {15, 7, 7}, {1, 0, 0}};
    for (int k = 0; k < 4; k++) {
        covey_tail_init(&tail);
        for (int i = 0; i < few[k].scores; i++)
            CHECK(covey_tail_add(&tail, &(float){(float)i}, 1) == COVEY_OK);
        covey_tail_forget(&tail);
        CHECK(tail.n_scores == few[k].kept && tail.count == few[k].count);
    }
}

static void damaged_tails_are_refused(void)
{
    covey_tail sound, bad[6];
    float threshold;
    covey_tail_init(&sound);
    CHECK(covey_tail_add(&sound, (const float[]){3, 2, 1}, 3) == COVEY_OK);
    for (int i = 0; i < 6; i++)
        bad[i] = sound;
    bad[0].count = 2.5;
    bad[1].count = (double)NAN;
    bad[2].count = (double)INFINITY;
    bad[3].scores[2] = NAN;
    bad[4].scores[1] = 3.5f;
    bad[5].n_scores = COVEY_TAIL_SCORES + 1;
    for (int i = 0; i < 6; i++)
        CHECK(covey_tail_threshold(&bad[i], 0.5, &threshold) == COVEY_E_ARGUMENT);
    CHECK(covey_tail_threshold(&sound, 0.5, &threshold) == COVEY_OK && threshold == 2.0f);
    CHECK(covey_tail_threshold(&sound, 0.0, &threshold) == COVEY_E_ARGUMENT);
    CHECK(covey_tail_threshold(&sound, 1.0, &threshold) == COVEY_E_ARGUMENT);
    CHECK(covey_tail_threshold(&sound, (double)NAN, &threshold) == COVEY_E_ARGUMENT);
}

static void bins_are_those_of_the_encoding(void)
{
    const float knot[] = {0, 1, 1, 5, /**/ -1, 1};
    const uint16_t offset[] = {0, 4, 6};
    covey_encoding e = {COVEY_ENCODE_KNOTS, 2, 0, 0, 0, knot, offset};
    uint32_t counts[8] = {0};
    CHECK(covey_bins(&e, 0) == 5 && covey_bins(&e, 1) == 3 && covey_bins(&e, 2) == 0 && covey_bins(0, 0) == 0);
    const float positions[] = {0, 4, 0.5f, 4.5f, 3, 5, NAN, 99};
    CHECK(covey_bins_count(&e, positions, 4, 1, counts) == COVEY_OK);
    const uint32_t expected[8] = {2, 1, 0, 0, 1, /**/ 1, 1, 2};
    CHECK(memcmp(counts, expected, sizeof counts) == 0);
    CHECK(covey_bins_count(&e, positions, 4, 3, counts) == COVEY_OK); /* rows 0 and 3 */
    CHECK(counts[0] == 4 && counts[5] == 2 && counts[7] == 3);
    CHECK(covey_bins_count(&e, positions, 4, SIZE_MAX, counts) == COVEY_OK && counts[0] == 5);
    counts[0] = UINT32_MAX;
    CHECK(covey_bins_count(&e, positions, 1, 1, counts) == COVEY_OK && counts[0] == UINT32_MAX);
    CHECK(covey_bins_count(&e, positions, 4, 0, counts) == COVEY_E_ARGUMENT);
    CHECK(covey_bins_count(&e, 0, 1, 1, counts) == COVEY_E_ARGUMENT);
    CHECK(covey_bins_count(&e, 0, 0, 1, counts) == COVEY_OK);
    e.kind = 9;
    CHECK(covey_bins(&e, 0) == 0 && covey_bins_count(&e, positions, 1, 1, counts) == COVEY_E_ARGUMENT);
}

int main(void)
{
    tails_stay_sound();
    tails_keep_the_highest_and_halve();
    damaged_tails_are_refused();
    bins_are_those_of_the_encoding();
    return check_done();
}
