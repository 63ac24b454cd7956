/* selftest_watch.c - a known answer of the way from frames to alarms, as one number: what selftest.c is for training.
 *
 * A file of its own, so that a device that only trains does not carry it. Encodings and int8 models are selftest.c's. */
#include "canonical.h"

#include "covey_watch.h"

#include <string.h>

#include "bytes.h"

enum { FRAMES = 40, BLOCK = 4, STREAMS = 3, COLUMNS = 6, FRAME = 54, ARENA_BYTES = 4096 };

#define EXPECTED 0x1f1bcf2686c4c8c3u

static const uint8_t columns[COLUMNS] = {1, 17, 34, 36, 66, 90};

typedef struct {
    covey_packet packets[BLOCK];
    covey_tail tail;
    float rows[BLOCK * COLUMNS], scores[BLOCK];
} bench;

static uint64_t add(uint64_t hash, uint32_t number) /* FNV-1a, a number at a time */
{
    return (hash ^ number) * 0x100000001b3u;
}

/* Ethernet, IPv4 and TCP between few hosts; its times have gaps of every size. */
static int read_frame(covey_packet *packet, uint32_t index)
{
    uint64_t draw = covey_random_u64(21, index);
    uint8_t frame[FRAME] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6};
    frame[11] = frame[29] = (uint8_t)(draw & 3);
    frame[33] = (uint8_t)(draw >> 2 & 3);
    frame[35] = (uint8_t)(draw >> 4 & 1);
    frame[46] = 0x50;
    memset(packet, 0, sizeof *packet);
    packet->time_ns = (int64_t)index * 700000000 + (int64_t)(draw >> 36);
    packet->size_bytes = 60 + (uint32_t)(draw >> 8 & 255);
    return covey_packet_read(packet, COVEY_LINK_ETHERNET, frame, FRAME);
}

static int watch_block(bench *b, uint32_t first, void *streams, void *watch, uint64_t *hash)
{
    covey_window windows[BLOCK];
    size_t taken = 0;
    float threshold = 0;
    int status = COVEY_OK;
    for (uint32_t i = 0; i < BLOCK && status == COVEY_OK; i++)
        status = read_frame(&b->packets[i], first + i);
    if (status == COVEY_OK)
        status = covey_streams_update(streams, b->packets, BLOCK, columns, COLUMNS, b->rows);
    if (status != COVEY_OK)
        return status;
    for (uint32_t i = 0; i < BLOCK; i++)
        b->scores[i] = b->rows[i * COLUMNS + 2] - b->rows[i * COLUMNS + 3] * 0.125f;
    if (b->tail.n_scores > 0)
        status = covey_tail_threshold(&b->tail, 0.04, &threshold);
    if (status == COVEY_OK)
        status = covey_watch_update(watch, b->packets, b->rows, b->scores, BLOCK, threshold, windows, 0, BLOCK, &taken);
    for (int i = 0; i < status; i++) {
        const covey_window *w = &windows[i];
        covey_tail_add(&b->tail, &w->score, 1);
        *hash = add(add(add(*hash, w->rows), w->rows_above), (uint32_t)w->alarm << 8 | w->is_above);
        *hash = add(add(*hash, covey_float_bits(w->score)), covey_float_bits(w->threshold));
        *hash = add(add(*hash, (uint32_t)w->start_ns), w->top.size_bytes);
    }
    for (uint32_t i = 0; i < BLOCK * COLUMNS; i++)
        *hash = add(*hash, covey_float_bits(b->rows[i]));
    return status < 0 ? status : COVEY_OK;
}

size_t covey_watch_self_test_size(void)
{
    return ARENA_BYTES;
}

int covey_watch_self_test(void *arena, size_t arena_size)
{
    static const covey_watch_settings settings = {
        .window_ns = 2000000000, .quiet_ns = 9000000000, .hysteresis = 0.5f, .order = 2, .votes = 1, .of = 2};
    uint64_t hash = 0xcbf29ce484222325u;
    if (!arena || (uintptr_t)arena % 8 != 0)
        return COVEY_E_ARGUMENT;
    size_t streams_size = covey_streams_size(STREAMS), watch_size = covey_watch_size(COLUMNS);
    if (arena_size < ARENA_BYTES || streams_size + watch_size + sizeof(bench) > ARENA_BYTES)
        return COVEY_E_ARENA;
    void *watch = (uint8_t *)arena + streams_size;
    bench *b = (bench *)(void *)((uint8_t *)watch + watch_size);
    covey_tail_init(&b->tail);
    int status = covey_streams_init(arena, streams_size, STREAMS, 22);
    if (status == COVEY_OK)
        status = covey_watch_init(watch, watch_size, &settings, COLUMNS);
    for (uint32_t i = 0; i < FRAMES && status == COVEY_OK; i += BLOCK)
        status = watch_block(b, i, arena, watch, &hash);
    if (status != COVEY_OK)
        return status;
    return hash == EXPECTED ? COVEY_OK : COVEY_E_VERSION;
}
