/* test_watch.c - windows, alarms and scores at their edges: hostile settings, states and numbers, under sanitizers. What
 * they compute in general is compared with twins in tests/core/test_core_watching.py. */
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

static void each_row_is_a_window_where_windows_have_no_width(void)
{
    enum { N = 5 };
    covey_watch_settings settings = usual;
    settings.window_ns = 0;
    size_t size = covey_watch_size(COLUMNS), taken = 0;
    void *watch = malloc(size);
    covey_packet packets[N];
    const float scores[N] = {1, 4, 2, 5, 3};
    float rows[N][COLUMNS], top_rows[N][COLUMNS];
    covey_window windows[N];
    for (int i = 0; i < N; i++) {
        packets[i] = packet_at(7); /* even at one time */
        for (int j = 0; j < COLUMNS; j++)
            rows[i][j] = (float)(10 * i + j);
    }
    CHECK(covey_watch_init(watch, size, &settings, COLUMNS) == COVEY_OK);
    CHECK(covey_watch_update(watch, packets, rows[0], scores, N, 2.5f, windows, top_rows[0], 2, &taken) == 2 && taken == 2);
    CHECK(covey_watch_update(watch, packets + 2, rows[2], scores + 2, N - 2, 2.5f, windows + 2, top_rows[2], N, &taken) ==
              N - 2 && taken == N - 2);
    CHECK(memcmp(rows, top_rows, sizeof rows) == 0);
    for (int i = 0; i < N; i++) {
        CHECK(windows[i].start_ns == 7 && windows[i].end_ns == 7 && windows[i].rows == 1);
        CHECK(windows[i].score == scores[i] && windows[i].top_score == scores[i] && windows[i].rows_above == (scores[i] > 2.5f));
    }
    CHECK(covey_watch_flush(watch, INT64_MAX, 1.0f, windows, top_rows[0]) == 0);
    free(watch);
}

/* How many windows end when a row comes so long before the start of the window at hand. */
static int32_t ended_by_a_row_before(int64_t before_ns)
{
    size_t size = covey_watch_size(COLUMNS);
    void *watch = malloc(size);
    covey_window window;
    CHECK(covey_watch_init(watch, size, &usual, COLUMNS) == COVEY_OK);
    CHECK(row(watch, 5000000000003, 1.0f, &window, 0) == 0);
    int32_t ended = row(watch, 5000000000000 - before_ns, 1.0f, &window, 0);
    CHECK(ended == 0 || (window.start_ns == 5000000000000 && window.rows == 1));
    free(watch);
    return ended;
}

static void a_clock_that_was_set_back_ends_a_window(void)
{
    CHECK(ended_by_a_row_before(1) == 0);
    CHECK(ended_by_a_row_before(1000000000 + usual.window_ns) == 0);
    CHECK(ended_by_a_row_before(1000000000 + usual.window_ns + 1) == 1);
}

/* The alarm of one window at `time_ns`, whose score is above or far below. */
static uint8_t alarm_at(void *watch, int64_t time_ns, int is_above)
{
    covey_window window;
    CHECK(row(watch, time_ns, is_above ? 2.0f : -2.0f, &window, 0) == 1);
    return window.alarm;
}

static void quiet_time_counts_from_the_last_alert_either_way(void)
{
    covey_watch_settings settings = {.window_ns = 0, .quiet_ns = 60, .order = 1, .votes = 1, .of = 1};
    size_t size = covey_watch_size(COLUMNS);
    void *watch = malloc(size);
    static const struct {
        int64_t time_ns;
        covey_alarm alarm;
    } alarms[] = {{1000, COVEY_ALARM_RAISED}, {1059, COVEY_ALARM_SUPPRESSED}, {1060, COVEY_ALARM_RAISED},
                  {1001, COVEY_ALARM_SUPPRESSED}, {1000, COVEY_ALARM_RAISED}};
    CHECK(covey_watch_init(watch, size, &settings, COLUMNS) == COVEY_OK);
    for (size_t i = 0; i < sizeof alarms / sizeof alarms[0]; i++) {
        CHECK(alarm_at(watch, alarms[i].time_ns, 1) == alarms[i].alarm);
        CHECK(alarm_at(watch, alarms[i].time_ns, 1) == COVEY_ALARM_GOES_ON);
        CHECK(alarm_at(watch, alarms[i].time_ns, 0) == COVEY_ALARM_ENDED);
    }
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
    covey_watch_settings most = {
        .window_ns = INT64_MAX, .quiet_ns = INT64_MAX, .hysteresis = FLT_MAX, .order = COVEY_MAX_ORDER,
        .votes = COVEY_MAX_VOTES, .of = COVEY_MAX_VOTES};
    CHECK(covey_watch_init(watch, size, &most, COLUMNS) == COVEY_OK);
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
    ((uint8_t *)watch)[32] ^= 1; /* of the word that names the format */
    CHECK(row(watch, 5, 1.0f, &window, 0) == COVEY_E_ARGUMENT);
    CHECK(covey_watch_flush(watch, INT64_MAX, 1.0f, &window, 0) == COVEY_E_ARGUMENT);
    CHECK(covey_watch_flush(0, INT64_MAX, 1.0f, &window, 0) == COVEY_E_ARGUMENT);
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

/* Blocks of rows, whose exponentials and errors are taken side by side, score like one row at a time. */
static void scores_have_the_same_bits_on_every_kernel(void)
{
    enum { ROWS = 300, MOST = 13 };
    static const char *const kernels[] = {"portable", "sse2", "neon", "avx2", "avx512"};
    static float outputs[ROWS * MOST], inputs[ROWS * MOST], alone[ROWS], block[ROWS];
    const char *before = covey_kernel_name();
    for (uint16_t n = 2; n <= MOST; n++) {
        covey_layer layer = {.kind = COVEY_DENSE, .inputs = n, .outputs = n};
        covey_model model = {&layer, 1, n % 2 ? COVEY_MSE : COVEY_SOFTMAX_CE};
        for (uint32_t i = 0; i < ROWS * n; i++) {
            outputs[i] = ((float)(covey_random_u64(n, i) >> 40) / (1 << 23) - 1) * (i % 5 == 0 ? 90.0f : 4.0f);
            inputs[i] = (float)(covey_random_u64(100 + n, i) >> 40) / (1 << 23);
        }
        CHECK(covey_kernel_select("portable") == COVEY_OK);
        for (uint32_t r = 0; r < ROWS; r++)
            CHECK(covey_scores(&model, outputs + r * n, inputs + r * n, 1, alone + r) == COVEY_OK);
        for (size_t k = 0; k < sizeof kernels / sizeof kernels[0]; k++)
            if (covey_kernel_select(kernels[k]) == COVEY_OK) {
                memset(block, 0xff, sizeof block); /* not what another kernel left there */
                CHECK(covey_scores(&model, outputs, inputs, ROWS, block) == COVEY_OK);
                CHECK(memcmp(alone, block, sizeof block) == 0);
            }
    }
    CHECK(covey_kernel_select(before) == COVEY_OK);
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
    each_row_is_a_window_where_windows_have_no_width();
    a_clock_that_was_set_back_ends_a_window();
    quiet_time_counts_from_the_last_alert_either_way();
    wrong_arguments_and_damaged_states_are_refused();
    times_at_the_ends_have_windows();
    scores_of_each_loss();
    scores_have_the_same_bits_on_every_kernel();
    the_self_test_knows_its_answer();
    return check_done();
}
