/* bits_streams.h - cases of the same-bits programs about features of streams. The includer has take(), mix() and LENGTH(). */
#ifndef COVEY_BITS_STREAMS_H
#define COVEY_BITS_STREAMS_H

#include <stdint.h>
#include <string.h>

#include "covey_watch.h"

/* One of 14 hosts to one of 5, mostly there and back; sizes repeat, so that variances shrink; pauses from none at all to
 * years, and now and then a clock that is set back. */
static void made_up_packet(covey_packet *packet, int64_t *time_ns, uint64_t seed, uint64_t index)
{
    static const int64_t pauses[] = {0, 1, 1000, 90000, 12345678, 400000000, 4000000000, 61000000000, 7000000000000,
                                     -300000000, -86400000000000, 100000000000000000};
    static const uint32_t sizes[] = {60, 60, 60, 60, 66, 590, 1514, 0, 4294967295u};
    uint64_t draw = covey_random_u64(seed, index);
    uint32_t pause = (uint32_t)(draw & 255);
    memset(packet, 0, sizeof *packet);
    *time_ns += pauses[pause < 6 ? 6 + pause : pause % 6] + (int64_t)(pause % 7 == 0 ? 0 : draw >> 44 & 1023);
    packet->time_ns = *time_ns;
    packet->size_bytes = sizes[(draw >> 8) % LENGTH(sizes)];
    packet->kind = (uint8_t)((draw >> 16) % 16 < 12 ? COVEY_PACKET_IPV4 : (draw >> 16) % 4);
    packet->protocol = (draw >> 20) % 2 == 0 ? 6 : 17;
    uint8_t near = (uint8_t)((draw >> 24) % 14), far = (uint8_t)(20 + (draw >> 28) % 5);
    int back = (draw >> 32) % 2 == 0;
    packet->source[3] = packet->source_mac[5] = back ? far : near;
    packet->destination[3] = packet->destination_mac[5] = back ? near : far;
    packet->source_port = back ? 443 : (uint16_t)(50000 + (draw >> 36) % 3);
    packet->destination_port = back ? (uint16_t)(50000 + (draw >> 36) % 3) : 443;
}

/* `rounds` times 16 packets through a table, their rows hashed. */
static int streams_of(uint32_t capacity, uint32_t rounds, uint64_t seed, const uint8_t *columns, uint32_t n_columns)
{
    enum { BLOCK = 16 };
    size_t size = covey_streams_size(capacity);
    void *streams = take(size);
    covey_packet *packets = take(BLOCK * sizeof *packets);
    float *rows = take(BLOCK * n_columns * sizeof(float));
    covey_streams_counts counts;
    int64_t time_ns = 1700000000000000000;
    if (streams == NULL || packets == NULL || rows == NULL) {
        return COVEY_E_ARENA;
    }
    int status = covey_streams_init(streams, size, capacity, seed);
    for (uint32_t round = 0; round < rounds && status >= 0; round++) {
        for (uint32_t i = 0; i < BLOCK; i++) {
            made_up_packet(&packets[i], &time_ns, seed, round * BLOCK + i);
        }
        status = covey_streams_update(streams, packets, BLOCK, columns, n_columns, rows);
        mix(rows, BLOCK * n_columns * sizeof(float));
    }
    if (status >= 0) {
        status = covey_streams_count(streams, &counts);
        mix(&counts, sizeof counts);
    }
    return status;
}

/* What a small device has: 32 streams of each kind. */
static int streams(void)
{
    return streams_of(32, 60, 120, NULL, COVEY_FEATURES);
}

/* A table that everything is crowded out of, and columns of three groups only, not in order. */
static int few_streams(void)
{
    static const uint8_t columns[] = {114, 30, 0, 66, 34, 95, 79, 4, 30};
    int status = streams_of(1, 10, 121, columns, LENGTH(columns));
    return status < 0 ? status : streams_of(5, 20, 122, columns, LENGTH(columns));
}

#endif
