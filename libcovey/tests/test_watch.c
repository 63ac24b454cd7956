/* test_watch.c - windows, alarms, scores, thresholds and bins at their edges: hostile settings, states and numbers, under
 * sanitizers. What they compute in general is compared with twins in tests/core/test_core_watching.py. */
#include "check.h"
#include "covey_watch.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 3 };
static const covey_watch_settings usual = {
    .window_ns = 10, .quiet_ns = 0, .hysteresis = 0.5f, .order = 2, .votes = 2, .of = 3};

static covey_packet packet_at(int64_t time_ns)
{
    covey_packet packet;
    memset(&packet, 0, sizeof packet);
    packet.time_ns = time_ns;
    return packet;
}

/* One row whose columns are its score. */
static int32_t row(void *watch, int64_t time_ns, float score, covey_window *window, float *top_row)
{
    covey_packet packet = packet_at(time_ns);
    const float values[COLUMNS] = {score, score + 1, score + 2};
    size_t taken = 9;
    int32_t n = covey_watch_update(watch, &packet, values, &score, 1, 1.0f, window, top_row, 1, &taken);
    CHECK(n < 0 || taken == 1);
    return n;
}

static void a_window_has_its_order_statistic_and_its_highest_row(void)
{
    size_t size = covey_watch_size(COLUMNS);
    void *watch = malloc(size);
    covey_window window;
    float top[COLUMNS];
    CHECK(covey_watch_init(watch, size, &usual, COLUMNS) == COVEY_OK);
    CHECK(row(watch, 100, 0.5f, &window, top) == 0);
    CHECK(row(watch, 105, 3.0f, &window, top) == 0);
    CHECK(row(watch, 109, 2.0f, &window, top) == 0);
    CHECK(row(watch, 99, 2.5f, &window, top) == 0); /* late: counts in the window at hand */
    CHECK(row(watch, 110, 0.0f, &window, top) == 1);
    CHECK(window.start_ns == 100 && window.end_ns == 110 && window.rows == 4 && window.rows_above == 3);
    CHECK(window.score == 2.5f && window.top_score == 3.0f && window.is_above == 1 && window.alarm == COVEY_ALARM_NONE);
    CHECK(window.top.time_ns == 105 && top[0] == 3.0f && top[2] == 5.0f);
    CHECK(covey_watch_flush(watch, 119, 1.0f, &window, top) == 0);
    CHECK(covey_watch_flush(watch, 120, 1.0f, &window, top) == 1);
    CHECK(window.score == 0.0f && window.rows == 1); /* fewer rows than the order: the lowest */
    CHECK(covey_watch_flush(watch, INT64_MAX, 1.0f, &window, top) == 0);
    free(watch);
}

static void updates_stop_before_one_window_too_many(void)
{
    size_t size = covey_watch_size(0), taken = 0;
    void *watch = malloc(size);
    covey_packet packets[5];
    const float scores[5] = {1, 2, 3, 4, 5};
    covey_window windows[2];
    for (int i = 0; i < 5; i++)
        packets[i] = packet_at(i * 10);
    CHECK(covey_watch_init(watch, size, &usual, 0) == COVEY_OK);
    CHECK(covey_watch_update(watch, packets, 0, scores, 5, 9.0f, windows, 0, 2, &taken) == 2 && taken == 3);
    CHECK(covey_watch_update(watch, packets + 3, 0, scores + 3, 2, 9.0f, 0, 0, 0, &taken) == 0 && taken == 0);
    CHECK(covey_watch_update(watch, packets + 3, 0, scores + 3, 2, 9.0f, windows, 0, 2, &taken) == 2 && taken == 2);
    CHECK(windows[0].score == 3.0f && windows[1].score == 4.0f);
    free(watch);
}

static void wrong_arguments_and_damaged_states_are_refused(void)
{
    size_t size = covey_watch_size(COLUMNS), taken;
    void *watch = malloc(size), *intact = malloc(size);
    covey_window window;
    covey_packet packet = packet_at(0);
    float score = 1, values[COLUMNS] = {0};
    covey_watch_settings bad[] = {usual, usual, usual, usual, usual, usual, usual, usual, usual};
    bad[0].window_ns = -1;
    bad[1].quiet_ns = INT64_MIN;
    bad[2].order = 0;
    bad[3].order = COVEY_MAX_ORDER + 1;
    bad[4].votes = 0;
    bad[5].votes = 4;
    bad[6].of = COVEY_MAX_VOTES + 1;
    bad[7].hysteresis = NAN;
    bad[8].hysteresis = -0.1f;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK(covey_watch_init(watch, size, &bad[i], COLUMNS) == COVEY_E_ARGUMENT);
    CHECK(covey_watch_size(COVEY_MAX_WIDTH + 1) == 0);
    CHECK(covey_watch_init(watch, size, &usual, COVEY_MAX_WIDTH + 1) == COVEY_E_ARGUMENT);
    CHECK(covey_watch_init(watch, size - 1, &usual, COLUMNS) == COVEY_E_ARENA);
    CHECK(covey_watch_init(0, size, &usual, COLUMNS) == COVEY_E_ARGUMENT);
    CHECK(covey_watch_init(watch, size, &usual, COLUMNS) == COVEY_OK);
    CHECK(row(watch, 5, 1.0f, &window, 0) == 0);
    memcpy(intact, watch, size);
    CHECK(covey_watch_update(watch, &packet, 0, &score, 1, 1.0f, &window, 0, 1, &taken) == COVEY_E_ARGUMENT);
    CHECK(covey_watch_update(watch, &packet, values, &score, 1, 1.0f, 0, 0, 1, &taken) == COVEY_E_ARGUMENT);
    CHECK(covey_watch_update(watch, &packet, values, &score, 1, NAN, &window, 0, 1, &taken) == COVEY_E_NONFINITE);
    score = -INFINITY;
    CHECK(covey_watch_update(watch, &packet, values, &score, 1, 1.0f, &window, 0, 1, &taken) == COVEY_E_NONFINITE);
    CHECK(memcmp(watch, intact, size) == 0);
    for (size_t at = 0; at < size; at++) /* any byte of a stored state may have rotted */
        for (int bit = 0; bit < 8; bit += 3) {
            memcpy(watch, intact, size);
            ((uint8_t *)watch)[at] ^= (uint8_t)(1 << bit);
            /* the width is what the host checks before: it says how much memory there is */
            if (at >= 36 && at < 40)
                continue;
            for (int64_t time = 0; time < 100; time += 20) {
                float top[COLUMNS];
                if (row(watch, time, 2.0f, &window, top) == 1)
                    CHECK(isfinite(window.score) && window.alarm <= COVEY_ALARM_SUPPRESSED);
            }
        }
    free(watch), free(intact);
}

static void times_at_the_ends_have_windows(void)
{
    size_t size = covey_watch_size(COLUMNS);
    void *watch = malloc(size);
    covey_window window;
    const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX - 1, INT64_MAX};
    const int64_t widths[] = {1, 3, 10, INT64_MAX};
    for (size_t w = 0; w < 4; w++)
        for (size_t i = 0; i < 6; i++) {
            covey_watch_settings settings = usual;
            settings.window_ns = widths[w];
            CHECK(covey_watch_init(watch, size, &settings, COLUMNS) == COVEY_OK);
            CHECK(row(watch, times[i], 1.0f, &window, 0) == 0);
            CHECK(row(watch, times[i], 1.0f, &window, 0) == 0);
            CHECK(covey_watch_flush(watch, INT64_MAX, 1.0f, &window, 0) == 1);
            CHECK(window.rows == 2 && window.start_ns <= times[i] && times[i] <= window.end_ns);
        }
    free(watch);
}

static void scores_of_each_loss(void)
{
    covey_layer layer = {.kind = COVEY_DENSE, .inputs = 2, .outputs = 2};
    covey_model model = {&layer, 1, COVEY_SOFTMAX_CE};
    const float outputs[] = {1, 4, FLT_MAX, -FLT_MAX}, inputs[] = {0, 2, FLT_MAX, FLT_MAX};
    const float near[] = {1e-20f, 0, 1, 0}, zeros[4] = {0};
    float scores[2] = {0};
    CHECK(covey_scores(&model, outputs, 0, 2, scores) == COVEY_OK && scores[0] == 3.0f && scores[1] == -FLT_MAX);
    model.loss = COVEY_MSE;
    CHECK(covey_scores(&model, outputs, inputs, 2, scores) == COVEY_OK);
    CHECK(scores[0] == covey_logf(2.5f) && scores[1] == covey_logf(FLT_MAX));
    CHECK(covey_scores(&model, near, near, 2, scores) == COVEY_OK);
    CHECK(scores[0] == covey_logf(FLT_MIN) && scores[1] == covey_logf(FLT_MIN)); /* no error at all */
    CHECK(covey_scores(&model, near, zeros, 2, scores) == COVEY_OK);
    CHECK(scores[0] == covey_logf(FLT_MIN) && scores[1] == covey_logf(0.5f)); /* 5e-41, no normal float */
    CHECK(covey_scores(&model, outputs, 0, 2, scores) == COVEY_E_ARGUMENT);
    CHECK(covey_scores(&model, 0, 0, 0, 0) == COVEY_OK);
    layer.outputs = 1;
    CHECK(covey_scores(&model, outputs, inputs, 1, scores) == COVEY_E_MODEL); /* no reconstruction of its inputs */
    model.loss = COVEY_BCE;
    CHECK(covey_scores(&model, outputs, 0, 2, scores) == COVEY_OK && scores[0] == 1.0f && scores[1] == 4.0f);
    const float bad = NAN;
    CHECK(covey_scores(&model, &bad, 0, 1, scores) == COVEY_E_NONFINITE);
}

/* Sums of vector kernels' exponentials are those of one row at a time. */
static void scores_have_the_same_bits_on_every_kernel(void)
{
    enum { ROWS = 300, MOST = 12 };
    static const char *const kernels[] = {"portable", "sse2", "neon", "avx2", "avx512"};
    static float outputs[ROWS * MOST], alone[ROWS], block[ROWS];
    const char *before = covey_kernel_name();
    for (uint16_t n = 2; n <= MOST; n++) {
        covey_layer layer = {.kind = COVEY_DENSE, .inputs = n, .outputs = n};
        covey_model model = {&layer, 1, n % 2 ? COVEY_MSE : COVEY_SOFTMAX_CE};
        for (uint32_t i = 0; i < ROWS * n; i++)
            outputs[i] = ((float)(covey_random_u64(n, i) >> 40) / (1 << 23) - 1) * (i % 5 == 0 ? 90.0f : 4.0f);
        CHECK(covey_kernel_select("portable") == COVEY_OK);
        for (uint32_t r = 0; r < ROWS; r++)
            CHECK(covey_scores(&model, outputs + r * n, outputs, 1, alone + r) == COVEY_OK);
        for (size_t k = 0; k < sizeof kernels / sizeof kernels[0] && n % 2 == 0; k++)
            if (covey_kernel_select(kernels[k]) == COVEY_OK) {
                CHECK(covey_scores(&model, outputs, 0, ROWS, block) == COVEY_OK);
                CHECK(memcmp(alone, block, sizeof block) == 0);
            }
    }
    CHECK(covey_kernel_select(before) == COVEY_OK);
}

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

static void the_self_test_knows_its_answer(void)
{
    size_t size = covey_watch_self_test_size();
    uint64_t *arena = malloc(size);
    CHECK(covey_watch_self_test(arena, size) == COVEY_OK);
    CHECK(covey_watch_self_test(arena, size - 1) == COVEY_E_ARENA);
    CHECK(covey_watch_self_test(0, size) == COVEY_E_ARGUMENT);
    free(arena);
}

int main(void)
{
    a_window_has_its_order_statistic_and_its_highest_row();
    updates_stop_before_one_window_too_many();
    wrong_arguments_and_damaged_states_are_refused();
    times_at_the_ends_have_windows();
    scores_of_each_loss();
    scores_have_the_same_bits_on_every_kernel();
    tails_stay_sound();
    bins_are_those_of_the_encoding();
    the_self_test_knows_its_answer();
    return check_done();
}
