/* test_streams.c - features of streams: values derivable by hand, keys, eviction, odd times and sizes, own 2^-x. */
#include "check.h"
#include "covey_watch.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "siphash.h"

/* The arithmetic itself, on single floats. */
#define WINDOWS COVEY_WINDOWS
#define NEGLIGIBLE 8.67361738e-19f
#define OLDEST 60.0f
#define INLINE static inline
#define T float
#define NAME(x) x##_one
#define GET(at) (*(at))
#define PUT(at, value) (*(at) = (value))
#define BITS(x) covey_float_bits(x)
#define FLOAT(x) covey_bits_float(x)
#define ROOT(x) sqrtf(x)
#define PICK(c, a, b) ((c) ? (a) : (b))
#include "streams_window.h"

#define SECOND 1000000000
enum { MI = 0, H = 15, HH = 30, JITTER = 65, HPHP = 80, L1 = 2 };
enum { WEIGHT, MEAN, VARIANCE, STD = 2, MAGNITUDE, RADIUS, COVARIANCE, PCC };

/* A table in memory of exactly the size that was asked for: sanitizers see any step beyond it. */
static void *table_of(uint32_t capacity, uint64_t seed)
{
    size_t size = covey_streams_size(capacity);
    void *streams = malloc(size);
    CHECK(covey_streams_init(streams, size, capacity, seed) == COVEY_OK);
    return streams;
}

static covey_packet packet_of(int64_t time_ns, uint32_t size, uint8_t source, uint8_t destination)
{
    covey_packet packet = {.time_ns = time_ns, .size_bytes = size, .kind = COVEY_PACKET_IPV4, .protocol = 17};
    packet.source[0] = packet.destination[0] = 10;
    packet.source[3] = packet.source_mac[5] = source;
    packet.destination[3] = packet.destination_mac[5] = destination;
    packet.source_port = (uint16_t)(1000 + source);
    packet.destination_port = (uint16_t)(1000 + destination);
    return packet;
}

static const float *row_of(void *streams, covey_packet packet)
{
    static float row[COVEY_FEATURES];
    CHECK(covey_streams_update(streams, &packet, 1, NULL, COVEY_FEATURES, row) == COVEY_OK);
    CHECK(covey_all_finite(row, COVEY_FEATURES));
    return row;
}

static float host_value(const float *row, uint32_t group, uint32_t window, uint32_t statistic)
{
    return row[group + 3 * window + statistic];
}

static float pair_value(const float *row, uint32_t group, uint32_t window, uint32_t statistic)
{
    return row[group + 7 * window + statistic];
}

static uint32_t streams_in(void *streams, uint32_t which)
{
    covey_streams_counts counts;
    CHECK(covey_streams_count(streams, &counts) == COVEY_OK);
    return counts.streams[which];
}

/* ---------------------------------------------------------------- 2^-x */

static void decay_is_within_two_units_of_the_last_place(void)
{
    double worst = 0;
    float before = 1.0f;
    for (int i = 0; i <= 600000; i++) {
        float x = (float)i * 1e-4f, ours = decay_one(1.0f, x);
        if (x < 60.0f) {
            double exact = exp2(-(double)x), unit = (double)(nextafterf((float)exact, 2.0f) - (float)exact);
            double error = fabs((double)ours - exact) / unit;
            worst = error > worst ? error : worst;
        }
        CHECK(ours <= before * 1.0000003f);
        before = ours;
    }
    CHECK(worst < 2.0);
    CHECK(decay_one(5.0f, 0.0f) == 1.0f && decay_one(1.0f, 1.0f) == 0.5f && decay_one(1.0f, 59.0f) == ldexpf(1.0f, -59));
    CHECK(decay_one(1.0f, 60.0f) == 0.0f && decay_one(5.0f, 9.3e9f) == 0.0f && decay_one(0.01f, 5999.0f) > 0.0f);
}

/* ---------------------------------------------------------------- values by hand */

static void a_first_packet_is_its_size(void)
{
    void *streams = table_of(4, 1);
    const float *row = row_of(streams, packet_of(77, 60, 1, 2));
    for (uint32_t window = 0; window < COVEY_WINDOWS; window++) {
        for (uint32_t group = MI; group <= H; group += H)
            CHECK(host_value(row, group, window, WEIGHT) == 1.0f && host_value(row, group, window, MEAN) == 60.0f &&
                  host_value(row, group, window, VARIANCE) == 0.0f);
        for (uint32_t statistic = 0; statistic < 3; statistic++)
            CHECK(host_value(row, JITTER, window, statistic) == 0.0f);
        for (uint32_t group = HH; group <= HPHP; group += HPHP - HH) {
            CHECK(pair_value(row, group, window, WEIGHT) == 1.0f && pair_value(row, group, window, MEAN) == 60.0f);
            CHECK(pair_value(row, group, window, STD) == 0.0f && pair_value(row, group, window, MAGNITUDE) == 60.0f);
            CHECK(pair_value(row, group, window, RADIUS) == 0.0f && pair_value(row, group, window, COVARIANCE) == 0.0f);
            CHECK(pair_value(row, group, window, PCC) == 0.0f);
        }
    }
    free(streams);
}

/* 100 and 200 bytes, 2 s apart, at lambda 1: a quarter of the first's weight is left. */
static void windows_decay_by_hand(void)
{
    void *streams = table_of(4, 1);
    row_of(streams, packet_of(5, 100, 1, 2));
    const float *row = row_of(streams, packet_of(5 + 2ll * SECOND, 200, 1, 2));
    CHECK(host_value(row, MI, L1, WEIGHT) == 1.25f && host_value(row, MI, L1, MEAN) == 180.0f);
    CHECK(host_value(row, MI, L1, VARIANCE) == 1600.0f); /* (0.25 * 80^2 + 20^2) / 1.25 */
    CHECK(pair_value(row, HH, L1, STD) == 40.0f && pair_value(row, HH, L1, RADIUS) == 1600.0f);
    CHECK(host_value(row, JITTER, L1, WEIGHT) == 1.0f && host_value(row, JITTER, L1, MEAN) == 2.0f);
    row = row_of(streams, packet_of(5 + 3ll * SECOND, 200, 1, 2)); /* jitters of 2 s and 1 s, half of the former left */
    CHECK(host_value(row, JITTER, L1, WEIGHT) == 1.5f && fabsf(host_value(row, JITTER, L1, MEAN) - 4.0f / 3.0f) < 1e-6f);
    CHECK(fabsf(host_value(row, JITTER, L1, VARIANCE) - 2.0f / 9.0f) < 1e-6f);
    free(streams);
}

/* A channel at lambda 1: out 100 at 0 s, back 30 at 0 s, out 200 at 1 s, back 50 at 1 s, out 200 at 2 s. */
static void directions_of_a_channel_meet(void)
{
    void *streams = table_of(4, 1);
    row_of(streams, packet_of(0, 100, 1, 2));
    const float *row = row_of(streams, packet_of(0, 30, 2, 1));
    CHECK(pair_value(row, HH, L1, WEIGHT) == 1.0f && pair_value(row, HH, L1, MEAN) == 30.0f);
    CHECK(fabsf(pair_value(row, HH, L1, MAGNITUDE) - sqrtf(30.0f * 30.0f + 100.0f * 100.0f)) < 1e-5f);
    row = row_of(streams, packet_of(SECOND, 200, 1, 2)); /* weight 1.5, mean 500 / 3, variance 20000 / 9, residual 100 / 3 */
    CHECK(pair_value(row, HH, L1, COVARIANCE) == 0.0f);  /* the only residual back was 0 */
    row = row_of(streams, packet_of(SECOND, 50, 2, 1));  /* mean 130 / 3, variance 800 / 9, residual 20 / 3: sum 2000 / 9 */
    CHECK(fabsf(pair_value(row, HH, L1, COVARIANCE) - 2000.0f / 27.0f) < 1e-4f); /* weights 1.5 and 1.5 */
    CHECK(fabsf(pair_value(row, HH, L1, PCC) - 1.0f / 6.0f) < 1e-6f);              /* deviations 100 sqrt 2 / 3, 20 sqrt 2 / 3 */
    CHECK(fabsf(pair_value(row, HH, L1, RADIUS) / (float)hypot(800.0 / 9.0, 20000.0 / 9.0) - 1.0f) < 1e-6f);
    row = row_of(streams, packet_of(2ll * SECOND, 200, 1, 2)); /* weight 1.75, mean 1300 / 7, residual 100 / 7 */
    double sum = 1000.0 / 9.0 + 100.0 / 7.0 * (20.0 / 3.0) / 2.0;
    CHECK(fabs((double)pair_value(row, HH, L1, COVARIANCE) - sum / (1.75 + 0.75)) < 1e-4);
    row = row_of(streams, packet_of(3ll * SECOND, 200, 1, 2)); /* 1 s after the last out, weight 1.875, mean 2900 / 15 */
    sum = sum / 2.0 + 20.0 / 3.0 * (20.0 / 3.0) / 4.0;         /* 2 s after the last back */
    CHECK(fabs((double)pair_value(row, HH, L1, COVARIANCE) - sum / (1.875 + 0.375)) < 1e-4);
    row = row_of(streams, packet_of(4ll * SECOND, 50, 2, 1)); /* 3 s after the last back, weight 1.1875, mean 930 / 19 */
    sum = sum / 2.0 + 20.0 / 19.0 * (20.0 / 3.0) / 2.0;       /* 1 s after the last out */
    CHECK(fabs((double)pair_value(row, HH, L1, COVARIANCE) - sum / (1.1875 + 0.9375)) < 1e-4);
    CHECK(streams_in(streams, 2) == 1 && streams_in(streams, 3) == 1);
    free(streams);
}

/* One packet out of the ordinary, answered by ever longer ones: all products are large and of one sign. */
static void correlation_is_held_within_its_bounds(void)
{
    void *streams = table_of(4, 1);
    for (int64_t i = 0; i < 40; i++)
        row_of(streams, packet_of(i, i < 39 ? 60 : 1500, 2, 1));
    for (uint32_t i = 1; i <= 40; i++)
        row_of(streams, packet_of(100 + i, 100 * i, 1, 2));
    CHECK(pair_value(row_of(streams, packet_of(200, 4100, 1, 2)), HH, L1, PCC) == 1.0f);
    free(streams);
}

/* Long after, a packet's size is the mean, whatever the sizes before it came to. */
static void nothing_is_left_of_the_distant_past(void)
{
    void *streams = table_of(4, 1);
    for (int64_t i = 0; i < 7; i++)
        row_of(streams, packet_of(i * SECOND / 3, (uint32_t)(1514 - i * 97), 1, 2));
    const float *row = row_of(streams, packet_of(7000ll * SECOND, 61, 1, 2));
    for (uint32_t window = 0; window < COVEY_WINDOWS; window++)
        CHECK(host_value(row, MI, window, WEIGHT) == 1.0f && host_value(row, MI, window, MEAN) == 61.0f &&
              host_value(row, MI, window, VARIANCE) == 0.0f);
    row_of(streams, packet_of(1007000ll * SECOND, 61, 1, 2));
    row = row_of(streams, packet_of(1014000ll * SECOND + 1000000, 61, 1, 2)); /* a million seconds, then 7000.001 */
    for (uint32_t window = 0; window < COVEY_WINDOWS; window++)
        CHECK(host_value(row, JITTER, window, WEIGHT) == 1.0f && host_value(row, JITTER, window, VARIANCE) == 0.0f &&
              host_value(row, JITTER, window, MEAN) == 7000001000000.0f * 1e-9f);
    free(streams);
}

static void both_directions_in_step_correlate(void)
{
    void *streams = table_of(4, 1);
    const float *row = NULL;
    for (int i = 0; i < 2000; i++) {
        uint32_t size = covey_random_u64(9, (uint64_t)i / 2) % 2 ? 1400 : 100;
        row = row_of(streams, packet_of(i * 1000000ll, size, (uint8_t)(1 + i % 2), (uint8_t)(2 - i % 2)));
        for (uint32_t window = 0; window < COVEY_WINDOWS; window++)
            CHECK(fabsf(pair_value(row, HH, window, PCC)) <= 1.0f);
    }
    CHECK(pair_value(row, HH, 3, PCC) > 0.4f);
    free(streams);
}

/* ---------------------------------------------------------------- keys */

/* Bytes 0, 1, 2, ... under a key of zeros: what CPython 3.11, which hashes so, says with PYTHONHASHSEED=0. */
static void keys_are_siphash_1_3(void)
{
    static const uint64_t expected[] = {0x2f098ab0c751325au, 0xf30eb725bb91c9eau, 0x37332b1389daa4ffu, 0, 0x6c76b6d34bb6d26bu};
    const uint64_t none[2] = {0, 0};
    for (uint32_t n = 1; n <= 5; n += n == 3 ? 2 : 1) {
        uint64_t words[5] = {0};
        for (uint32_t i = 0; i < 8 * n - 1; i++)
            words[i / 8] |= (uint64_t)i << i % 8 * 8;
        words[n - 1] |= (uint64_t)(8 * n - 1) << 56;
        CHECK(covey_sip_hash(none, words, n) == expected[n - 1]);
    }
    const uint64_t word = 7ull << 56, other[2] = {1, 0};
    CHECK(covey_sip_hash(none, &word, 1) != covey_sip_hash(other, &word, 1));
}

static void streams_are_told_apart_by_what_their_kind_says(void)
{
    void *streams = table_of(16, 1);
    covey_packet packet = packet_of(0, 60, 1, 2);
    row_of(streams, packet);
    packet.source_mac[0] = 9; /* another network card behind the same address */
    row_of(streams, packet);
    CHECK(streams_in(streams, 0) == 2 && streams_in(streams, 1) == 1 && streams_in(streams, 2) == 1 && streams_in(streams, 3) == 1);
    packet.source_port++;
    row_of(streams, packet);
    CHECK(streams_in(streams, 2) == 1 && streams_in(streams, 3) == 2);
    packet.protocol = 6;
    row_of(streams, packet);
    CHECK(streams_in(streams, 2) == 1 && streams_in(streams, 3) == 3);
    packet.kind = COVEY_PACKET_IPV6; /* the same bytes are another address */
    row_of(streams, packet);
    CHECK(streams_in(streams, 0) == 3 && streams_in(streams, 1) == 2 && streams_in(streams, 2) == 2 && streams_in(streams, 3) == 4);
    packet.destination[15] = 1;
    row_of(streams, packet);
    CHECK(streams_in(streams, 1) == 2 && streams_in(streams, 2) == 3 && streams_in(streams, 3) == 5);
    free(streams);
}

static void arp_is_its_address_but_its_socket_is_of_macs(void)
{
    void *streams = table_of(16, 1);
    covey_packet packet = packet_of(0, 60, 1, 2), arp = packet;
    row_of(streams, packet);
    arp.kind = COVEY_PACKET_ARP;
    arp.source_port = arp.destination_port = arp.protocol = 0;
    const float *row = row_of(streams, arp);
    CHECK(host_value(row, MI, L1, WEIGHT) == 2.0f && host_value(row, H, L1, WEIGHT) == 2.0f);
    CHECK(pair_value(row, HH, L1, WEIGHT) == 2.0f && pair_value(row, HPHP, L1, WEIGHT) == 1.0f);
    arp.source[3] = 7; /* another address from the same card */
    row = row_of(streams, arp);
    CHECK(host_value(row, MI, L1, WEIGHT) == 1.0f && pair_value(row, HPHP, L1, WEIGHT) == 2.0f);
    covey_packet other = arp;
    other.kind = COVEY_PACKET_OTHER;
    memset(other.source, 0, 16);
    memset(other.destination, 0, 16);
    row = row_of(streams, other);
    CHECK(host_value(row, H, L1, WEIGHT) == 1.0f && pair_value(row, HH, L1, WEIGHT) == 1.0f);
    other.source_mac[5] = 55; /* the MAC stands in for the address */
    row = row_of(streams, other);
    CHECK(host_value(row, H, L1, WEIGHT) == 1.0f && pair_value(row, HH, L1, WEIGHT) == 1.0f);
    free(streams);
}

static void a_channel_to_itself_has_no_other_direction(void)
{
    void *streams = table_of(2, 1);
    covey_packet packet = packet_of(0, 60, 1, 1);
    packet.source_port = packet.destination_port;
    row_of(streams, packet);
    packet.size_bytes = 80;
    const float *row = row_of(streams, packet);
    CHECK(pair_value(row, HPHP, L1, WEIGHT) == 2.0f && pair_value(row, HPHP, L1, MAGNITUDE) == 70.0f);
    CHECK(pair_value(row, HPHP, L1, RADIUS) == 100.0f && pair_value(row, HPHP, L1, PCC) == 0.0f);
    packet.source_port++; /* two sockets of one host are the ends of one */
    row_of(streams, packet);
    packet.destination_port = packet.source_port--;
    row = row_of(streams, packet);
    CHECK(pair_value(row, HPHP, L1, WEIGHT) == 1.0f && pair_value(row, HPHP, L1, MAGNITUDE) > 113.0f);
    CHECK(pair_value(row, HH, L1, WEIGHT) == 4.0f);
    free(streams);
}

/* ---------------------------------------------------------------- time */

static void time_that_runs_backwards_stands_still(void)
{
    void *streams = table_of(2, 1);
    row_of(streams, packet_of(5ll * SECOND, 60, 1, 2));
    const float *row = row_of(streams, packet_of(5ll * SECOND - 700000000, 60, 1, 2));
    CHECK(host_value(row, MI, L1, WEIGHT) == 2.0f && host_value(row, JITTER, L1, MEAN) == 0.0f);
    row = row_of(streams, packet_of(6ll * SECOND, 60, 1, 2)); /* counted from the latest, not from the late one */
    CHECK(host_value(row, MI, L1, WEIGHT) == 2.0f);
    row = row_of(streams, packet_of(0, 60, 1, 2)); /* no time known */
    CHECK(host_value(row, MI, L1, WEIGHT) == 3.0f);
    row = row_of(streams, packet_of(7ll * SECOND, 60, 1, 2));
    CHECK(host_value(row, MI, L1, WEIGHT) == 2.5f);
    row = row_of(streams, packet_of(2ll * SECOND, 60, 1, 2)); /* the clock was set back: time goes on from there */
    CHECK(host_value(row, MI, L1, WEIGHT) == 3.5f);
    row = row_of(streams, packet_of(3ll * SECOND, 60, 1, 2));
    CHECK(host_value(row, MI, L1, WEIGHT) == 2.75f);
    covey_streams_counts counts;
    CHECK(covey_streams_count(streams, &counts) == COVEY_OK && counts.backwards == 3 && counts.packets == 7);
    free(streams);
    streams = table_of(2, 1); /* a first packet has no time to be behind of, even before 1970 */
    row_of(streams, packet_of(-5ll * SECOND, 60, 1, 2));
    CHECK(host_value(row_of(streams, packet_of(-4ll * SECOND, 60, 1, 2)), MI, L1, WEIGHT) == 1.5f);
    CHECK(covey_streams_count(streams, &counts) == COVEY_OK && counts.backwards == 0);
    free(streams);
}

static void nothing_odd_becomes_infinite_or_subnormal(void)
{
    static const int64_t times[] = {0, INT64_MAX, INT64_MIN, -1, 1, INT64_MIN + 1, INT64_MAX - 1, 0, SECOND};
    static const uint32_t sizes[] = {0, UINT32_MAX, 0, 1, UINT32_MAX, UINT32_MAX, 60};
    void *streams = table_of(3, 1);
    covey_packet none = {0};
    row_of(streams, none);
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t draw = covey_random_u64(3, i);
        int64_t time_ns = draw % 3 == 0 ? times[(draw >> 8) % 9] : (int64_t)((i * 4) << 30);
        covey_packet packet = packet_of(time_ns, sizes[(draw >> 16) % 7], (draw >> 24) % 2, (draw >> 25) % 2);
        const float *row = row_of(streams, packet);
        for (uint32_t column = 0; column < COVEY_FEATURES; column++)
            CHECK(row[column] == 0.0f || fpclassify(row[column]) == FP_NORMAL);
    }
    free(streams);
}

/* 60 bytes every 4 s after one of 1500: a variance of 2^20 / 2^20 / 2^20 ... becomes 0, and no subnormal on the way. */
static void a_variance_that_dies_out_is_zero_in_the_end(void)
{
    void *streams = table_of(2, 1);
    row_of(streams, packet_of(0, 1500, 1, 2));
    float before = INFINITY;
    for (int64_t i = 1; i < 12; i++) {
        float variance = host_value(row_of(streams, packet_of(i * 4 * SECOND, 60, 1, 2)), MI, 0, VARIANCE);
        CHECK(variance == 0.0f || (variance >= NEGLIGIBLE && variance < before));
        before = variance;
    }
    CHECK(before == 0.0f);
    free(streams);
}

/* ---------------------------------------------------------------- the table */

static void a_full_table_forgets_the_stream_least_recently_used(void)
{
    void *streams = table_of(3, 1);
    covey_streams_counts counts;
    for (uint8_t host = 1; host <= 3; host++)
        row_of(streams, packet_of(0, 60, host, 100));
    CHECK(host_value(row_of(streams, packet_of(0, 60, 1, 100)), H, L1, WEIGHT) == 2.0f); /* order of use: 2, 3, 1 */
    CHECK(host_value(row_of(streams, packet_of(0, 60, 4, 100)), H, L1, WEIGHT) == 1.0f); /* 2 goes */
    CHECK(host_value(row_of(streams, packet_of(0, 60, 3, 100)), H, L1, WEIGHT) == 2.0f);
    CHECK(host_value(row_of(streams, packet_of(0, 60, 1, 100)), H, L1, WEIGHT) == 3.0f);
    CHECK(host_value(row_of(streams, packet_of(0, 60, 2, 100)), H, L1, WEIGHT) == 1.0f); /* new again; 4 goes */
    CHECK(covey_streams_count(streams, &counts) == COVEY_OK && counts.evictions == 8); /* two of each of four kinds */
    CHECK(counts.streams[0] == 3 && counts.streams[3] == 3 && counts.capacity == 3);
    free(streams);
}

static void a_flood_of_made_up_addresses_costs_no_memory(void)
{
    void *streams = table_of(50, 1);
    for (uint64_t i = 0; i < 30000; i++) {
        covey_packet packet = packet_of((int64_t)i * 1000, 60, 1, 2);
        uint64_t draw = covey_random_u64(4, i);
        if (i % 40 != 0)
            memcpy(packet.source, &draw, 4), memcpy(packet.source_mac, &draw, 6), packet.source_port = (uint16_t)(draw >> 48);
        const float *row = row_of(streams, packet);
        CHECK(host_value(row, H, 4, WEIGHT) > (i % 40 == 0 ? 0.999f * (float)(i / 40) : 0.0f)); /* the one in use stays */
    }
    for (uint32_t which = 0; which < 4; which++)
        CHECK(streams_in(streams, which) == 50);
    free(streams);
}

/* Block by block or packet by packet, whatever the seed, all columns or some: the same values. */
static void rows_do_not_depend_on_how_they_are_asked_for(void)
{
    enum { N = 500 };
    static const uint8_t columns[] = {114, 3, 66, 3, 35};
    static covey_packet packets[N];
    static float all[N * COVEY_FEATURES], split[N * COVEY_FEATURES], some[N * 5];
    for (uint64_t i = 0; i < N; i++) {
        uint64_t draw = covey_random_u64(5, i);
        packets[i] = packet_of((int64_t)(i << 26), (uint32_t)(draw % 1500), (uint8_t)(draw >> 32) % 6, (uint8_t)(draw >> 40) % 6);
    }
    void *first = table_of(4, 1), *second = table_of(4, 99), *third = table_of(4, 5);
    CHECK(covey_streams_update(first, packets, N, NULL, COVEY_FEATURES, all) == COVEY_OK);
    for (size_t done = 0, n = 1; done < N; done += n, n = n * 3 % 23 + 1) {
        n = n > N - done ? N - done : n;
        CHECK(covey_streams_update(second, packets + done, n, NULL, COVEY_FEATURES, split + done * COVEY_FEATURES) == COVEY_OK);
        size_t size = covey_streams_size(4);
        void *moved = malloc(size); /* a block holds no pointers: it may move */
        memcpy(moved, second, size);
        free(second);
        second = moved;
    }
    CHECK(memcmp(all, split, sizeof all) == 0);
    CHECK(covey_streams_update(third, packets, N, columns, 5, some) == COVEY_OK);
    for (size_t i = 0; i < N * 5; i++)
        CHECK(some[i] == all[i / 5 * COVEY_FEATURES + columns[i % 5]]);
    CHECK(streams_in(third, 1) == 0); /* no column of H: no stream of H */
    free(first), free(second), free(third);
}

static void wrong_arguments_are_refused(void)
{
    static const uint8_t beyond[] = {0, 115};
    static float row[COVEY_FEATURES];
    covey_packet packet = packet_of(0, 1, 1, 2);
    covey_streams_counts counts;
    CHECK(covey_streams_size(0) == 0 && covey_streams_size(COVEY_MAX_STREAMS + 1) == 0 && covey_streams_size(UINT32_MAX) == 0);
    CHECK(covey_streams_size(32) <= 32768 && covey_streams_size(1024) <= 1000000 && covey_streams_size(COVEY_MAX_STREAMS) > 0);
    size_t size = covey_streams_size(2);
    uint64_t *memory = calloc(1, size + 8);
    CHECK(covey_streams_count(memory, &counts) == COVEY_E_ARGUMENT); /* never made a table */
    CHECK(covey_streams_update(memory, &packet, 1, NULL, COVEY_FEATURES, row) == COVEY_E_ARGUMENT);
    CHECK(covey_streams_init(memory, size - 1, 2, 0) == COVEY_E_ARENA);
    CHECK(covey_streams_init(NULL, size, 2, 0) == COVEY_E_ARGUMENT && covey_streams_init(memory, size, 0, 0) == COVEY_E_ARGUMENT);
    CHECK(covey_streams_init((uint8_t *)memory + 4, size, 2, 0) == COVEY_E_ARGUMENT);
    CHECK(covey_streams_init(memory, size, 2, 0) == COVEY_OK);
    CHECK(covey_streams_update(memory, &packet, 1, beyond, 2, row) == COVEY_E_ARGUMENT);
    CHECK(covey_streams_update(memory, &packet, 1, beyond, 0, row) == COVEY_E_ARGUMENT);
    CHECK(covey_streams_update(memory, &packet, 1, NULL, 114, row) == COVEY_E_ARGUMENT);
    CHECK(covey_streams_update(memory, &packet, 1, beyond, 116, row) == COVEY_E_ARGUMENT);
    CHECK(covey_streams_update(memory, NULL, 1, beyond, 1, row) == COVEY_E_ARGUMENT);
    CHECK(covey_streams_update(memory, &packet, 1, beyond, 1, NULL) == COVEY_E_ARGUMENT);
    CHECK(covey_streams_update(memory, NULL, 0, beyond, 1, NULL) == COVEY_OK);
    CHECK(covey_streams_count(memory, &counts) == COVEY_OK && counts.packets == 0);
    free(memory);
}

int main(void)
{
    decay_is_within_two_units_of_the_last_place();
    a_first_packet_is_its_size();
    windows_decay_by_hand();
    directions_of_a_channel_meet();
    correlation_is_held_within_its_bounds();
    nothing_is_left_of_the_distant_past();
    both_directions_in_step_correlate();
    keys_are_siphash_1_3();
    streams_are_told_apart_by_what_their_kind_says();
    arp_is_its_address_but_its_socket_is_of_macs();
    a_channel_to_itself_has_no_other_direction();
    time_that_runs_backwards_stands_still();
    nothing_odd_becomes_infinite_or_subnormal();
    a_variance_that_dies_out_is_zero_in_the_end();
    a_full_table_forgets_the_stream_least_recently_used();
    a_flood_of_made_up_addresses_costs_no_memory();
    rows_do_not_depend_on_how_they_are_asked_for();
    wrong_arguments_are_refused();
    return check_done();
}
