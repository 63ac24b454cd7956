/* bits_watch.h - cases of the same-bits programs about a device's own traffic. The includer has bits_run.h. */
#ifndef COVEY_BITS_WATCH_H
#define COVEY_BITS_WATCH_H

#include "bits_packets.h"
#include "bits_streams.h"
#include "covey_watch.h"

#define WATCH_CASES                                                                                                       \
    {"packets", packets}, {"streams", streams}, {"few_streams", few_streams}, {"decisions", decisions},                    \
        {"watch_115", watch_115}, {"watch_errors", watch_errors}, {"watch_self_test", watch_self_test},

/* What a device keeps to watch its traffic: a row goes from frame to window in blocks of BLOCK. */
enum { WATCH_BLOCK = 8, WATCH_STREAMS = 32, WATCH_FRAME = 54 };
typedef struct {
    const covey_model *model;
    const covey_encoding *encoding;
    const uint8_t *columns;
    uint32_t n_columns;
    uint8_t *bytes;       /* of the int8 model */
    void *streams, *watch, *arena;
    size_t bytes_size, arena_size;
    covey_packet *packets;
    float *rows, *inputs, *outputs, *top_row;
    uint32_t *counts;
    covey_tail tail;
} watching;

/* A frame of Ethernet, IPv4 and TCP or UDP: a handful of hosts, and now and then a scan. */
static void make_frame(uint8_t *frame, uint64_t draw)
{
    static const uint8_t start[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 8, 0, 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0,
                                    10, 0, 0, 5, 10, 0, 0, 1};
    memset(frame, 0, WATCH_FRAME);
    memcpy(frame, start, sizeof start);
    frame[11] = frame[29] = (uint8_t)(draw % 5);
    frame[33] = (uint8_t)(draw % 7 == 0 ? draw >> 8 : draw >> 8 & 3);
    frame[23] = draw >> 16 & 1 ? 6 : 17;
    frame[34] = 0xC0;
    frame[35] = (uint8_t)(draw >> 20 & 3);
    frame[37] = draw % 7 == 0 ? (uint8_t)(draw >> 24) : 53;
    frame[46] = 0x50;
    frame[47] = 2;
}

static int watch_begin(watching *w, const covey_watch_settings *settings)
{
    size_t streams_size = covey_streams_size(WATCH_STREAMS), watch_size = covey_watch_size(w->n_columns);
    uint32_t n = covey_model_parameters(w->model), bins = 0;
    for (uint32_t j = 0; j < w->encoding->inputs; j++) {
        bins += covey_bins(w->encoding, j);
    }
    w->bytes_size = covey_int8_size(w->model);
    w->bytes = take(w->bytes_size);
    size_t mark = pool_used;
    float *parameters = numbers(n, 131, 0.5f); /* only to make the bytes: given back */
    if (w->bytes == NULL || parameters == NULL || streams_size > 32768) {
        return COVEY_E_ARENA;
    }
    int status = covey_int8_quantise(w->model, parameters, w->bytes, w->bytes_size);
    pool_used = mark;
    w->streams = take(streams_size);
    w->watch = take(watch_size);
    w->packets = take(WATCH_BLOCK * sizeof *w->packets);
    w->rows = take_floats((size_t)WATCH_BLOCK * w->n_columns);
    w->inputs = take_floats((size_t)WATCH_BLOCK * w->n_columns);
    w->outputs = take_floats((size_t)WATCH_BLOCK * covey_model_outputs(w->model));
    w->top_row = take_floats(w->n_columns);
    w->counts = take(bins * sizeof(uint32_t));
    w->arena_size = covey_int8_predict_size(w->model);
    w->arena = take(w->arena_size);
    if (!w->streams || !w->watch || !w->packets || !w->rows || !w->inputs || !w->outputs || !w->top_row || !w->counts ||
        !w->arena) {
        return COVEY_E_ARENA;
    }
    memset(w->counts, 0, bins * sizeof(uint32_t));
    covey_tail_init(&w->tail);
    status = status < 0 ? status : covey_streams_init(w->streams, streams_size, WATCH_STREAMS, 132);
    status = status < 0 ? status : covey_watch_init(w->watch, watch_size, settings, w->n_columns);
    return status;
}

/* One block of frames all the way; windows that end are hashed and their scores believed benign. */
static int watch_block(watching *w, uint64_t seed, uint32_t block)
{
    float scores[WATCH_BLOCK], threshold = 0.5f;
    covey_window window;
    uint8_t frame[WATCH_FRAME];
    int status = COVEY_OK;
    for (uint32_t i = 0; i < WATCH_BLOCK && status >= 0; i++) {
        uint64_t draw = covey_random_u64(seed, block * WATCH_BLOCK + i);
        make_frame(frame, draw);
        w->packets[i] = (covey_packet){.time_ns = 1700000000000000000 + ((int64_t)block * WATCH_BLOCK + i) * 300000000 +
                                                  (int64_t)(draw >> 40),
                                       .size_bytes = 60 + (uint32_t)(draw >> 28 & 1023)};
        status = covey_packet_read(&w->packets[i], COVEY_LINK_ETHERNET, frame, sizeof frame);
    }
    if (status >= 0) {
        status = covey_streams_update(w->streams, w->packets, WATCH_BLOCK, w->columns, w->n_columns, w->rows);
    }
    if (status >= 0) {
        status = covey_encode(w->encoding, w->rows, w->inputs, WATCH_BLOCK);
    }
    if (status >= 0) {
        status = covey_bins_count(w->encoding, w->inputs, WATCH_BLOCK, 4, w->counts);
    }
    if (status >= 0) {
        status = covey_int8_predict(w->model, w->bytes, w->bytes_size, w->inputs, WATCH_BLOCK, w->outputs, w->arena,
                                    w->arena_size);
    }
    if (status >= 0) {
        status = covey_scores(w->model, w->outputs, w->inputs, WATCH_BLOCK, scores);
        mix_floats(scores, WATCH_BLOCK);
    }
    if (w->tail.count > 8 && status >= 0) {
        status = covey_tail_threshold(&w->tail, 0.01, &threshold);
    }
    for (size_t done = 0, taken = 0; done < WATCH_BLOCK && status >= 0; done += taken) {
        status = covey_watch_update(w->watch, w->packets + done, w->rows + done * w->n_columns, scores + done,
                                    WATCH_BLOCK - done, threshold, &window, w->top_row, 1, &taken);
        if (status == 1) {
            mix(&window, sizeof window);
            mix_floats(w->top_row, w->n_columns);
            status = covey_tail_add(&w->tail, &window.score, 1);
        }
    }
    return status;
}

static int watch_run(watching *w, uint64_t seed, uint32_t blocks)
{
    static const covey_watch_settings settings = {.window_ns = 2000000000, .quiet_ns = 30000000000, .hysteresis = 0.25f,
                                                  .order = 3, .votes = 2, .of = 3};
    int status = watch_begin(w, &settings);
    for (uint32_t block = 0; block < blocks && status >= 0; block++) {
        status = watch_block(w, seed, block);
    }
    mix(&w->tail, sizeof w->tail);
    uint32_t *count = w->counts;
    for (uint32_t j = 0; status >= 0 && j < w->encoding->inputs; count += covey_bins(w->encoding, j), j++) {
        mix(count, covey_bins(w->encoding, j) * sizeof *count);
    }
    return status;
}

/* The detector of two classes that a small device runs on all features, 480 packets. */
static int watch_115(void)
{
    enum { KNOTS = 7 };
    static const covey_layer layers[] = {
        {COVEY_SPLINE, COVEY_RELU, COVEY_FEATURES, 8, COVEY_FEATURES * KNOTS, 0, 0, 0},
        {COVEY_DENSE, COVEY_RELU, 8, 8, 0, 0, 0, 0},
        {COVEY_DENSE, COVEY_LINEAR, 8, 2, 0, 0, 0, 0},
    };
    static const covey_model model = {layers, LENGTH(layers), COVEY_SOFTMAX_CE};
    static const float knots[KNOTS] = {-10.0f, 0.0f, 0.5f, 4.0f, 60.0f, 800.0f, 1e6f};
    uint16_t *offset = take((COVEY_FEATURES + 1) * sizeof(uint16_t));
    float *knot = take_floats((size_t)COVEY_FEATURES * KNOTS);
    if (offset == NULL || knot == NULL) {
        return COVEY_E_ARENA;
    }
    for (uint32_t j = 0; j <= COVEY_FEATURES; j++) {
        offset[j] = (uint16_t)(j * KNOTS);
        if (j < COVEY_FEATURES) {
            memcpy(knot + (size_t)j * KNOTS, knots, sizeof knots);
        }
    }
    covey_encoding encoding = {COVEY_ENCODE_KNOTS, COVEY_FEATURES, NULL, NULL, 0.0f, knot, offset};
    watching w = {.model = &model, .encoding = &encoding, .n_columns = COVEY_FEATURES};
    return watch_run(&w, 130, 60);
}

/* An autoencoder on some columns, whose errors are the scores. */
static int watch_errors(void)
{
    enum { COLUMNS = 21 };
    static const covey_layer layers[] = {
        {COVEY_DENSE, COVEY_TANH, COLUMNS, 9, 0, 0, 0, 0},
        {COVEY_DENSE, COVEY_LINEAR, 9, COLUMNS, 0, 0, 0, 0},
    };
    static const covey_model model = {layers, LENGTH(layers), COVEY_MSE};
    float *center = numbers(COLUMNS, 141, 1.0f), *scale = numbers(COLUMNS, 142, 1.0f);
    uint8_t columns[COLUMNS];
    for (uint32_t j = 0; j < COLUMNS; j++) {
        columns[j] = (uint8_t)(j * 5 + 3);
    }
    covey_encoding encoding = {COVEY_ENCODE_SIGNED_LOG, COLUMNS, center, scale, 8.0f, NULL, NULL};
    watching w = {.model = &model, .encoding = &encoding, .columns = columns, .n_columns = COLUMNS};
    return center == NULL || scale == NULL ? COVEY_E_ARENA : watch_run(&w, 140, 40);
}

/* Windows and thresholds alone: scores that repeat, gaps of every length, late rows, a state that is moved half way. */
static int decisions(void)
{
    enum { N = 600, WINDOWS = 4 };
    static const covey_watch_settings settings[] = {
        {.window_ns = 1000000000, .quiet_ns = 20000000000, .hysteresis = 0.5f, .order = 2, .votes = 2, .of = 4},
        {.window_ns = 0, .quiet_ns = 0, .hysteresis = 0.0f, .order = 16, .votes = 32, .of = 32},
        {.window_ns = 10000000000, .quiet_ns = 3, .hysteresis = 3.0f, .order = 1, .votes = 1, .of = 1}};
    size_t size = covey_watch_size(0);
    void *watch = take(size), *moved = take(size + 8);
    covey_tail tail;
    int status = watch == NULL || moved == NULL ? COVEY_E_ARENA : COVEY_OK;
    covey_tail_init(&tail);
    for (uint32_t s = 0; s < LENGTH(settings) && status >= 0; s++) {
        status = covey_watch_init(watch, size, &settings[s], 0);
        void *at = watch;
        int64_t time_ns = -20000000000;
        for (uint32_t i = 0; i < N && status >= 0; i++) {
            uint64_t draw = covey_random_u64(150 + s, i);
            covey_packet packet;
            covey_window windows[WINDOWS];
            size_t taken;
            float score = (float)(draw % 9) * 0.5f, threshold = 2.0f;
            memset(&packet, 0, sizeof packet);
            time_ns += draw % 50 == 0 ? 60000000000 : draw % 50 == 1 ? -30000000000 : (int64_t)(draw >> 35) - 100000000;
            packet.time_ns = time_ns;
            if (tail.count > 0) {
                status = covey_tail_threshold(&tail, i % 3 == 0 ? 0.2 : i % 3 == 1 ? 0.01 : 1e-6, &threshold);
            }
            if (status >= 0) {
                status = covey_watch_update(at, &packet, NULL, &score, 1, threshold, windows, NULL, WINDOWS, &taken);
            }
            mix_float(threshold);
            for (int k = 0; k < status; k++) {
                mix(&windows[k], sizeof windows[k]);
                covey_tail_add(&tail, &windows[k].score, 1);
            }
            if (i == N / 2) {
                memcpy((uint8_t *)moved + 8, watch, size);
                memset(watch, 0xEE, size);
                at = (uint8_t *)moved + 8;
            }
            if (i % 200 == 199) {
                covey_tail_forget(&tail);
            }
        }
        mix(&tail, sizeof tail);
    }
    return status;
}

/* What a device that watches runs at boot. */
static int watch_self_test(void)
{
    size_t size = covey_watch_self_test_size();
    void *arena = take(size);
    return arena == NULL ? COVEY_E_ARENA : covey_watch_self_test(arena, size);
}

#endif
