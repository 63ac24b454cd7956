/* test_capture.c - capture files in both byte orders and formats, split at every pair of places, cut, and damaged. */
#include "check.h"
#include "covey_watch.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 14, ROOM = 80 };

/* A file as it is written: bytes, and which order its numbers are in. */
static uint8_t file[MOST];
static size_t length;
static int is_big;

static void put(uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        size_t place = is_big ? bytes - 1 - i : i;
        file[length++] = place < 8 ? (uint8_t)(value >> 8 * place) : 0;
    }
}

static void start(int big)
{
    length = 0;
    is_big = big;
}

static void pcap(int big, uint32_t magic, uint32_t link)
{
    start(big);
    put(magic, 4), put(2, 2), put(4, 2), put(0, 8), put(65535, 4), put(link, 4);
}

/* A frame of n bytes that is not read further than its Ethernet type. */
static void frame(size_t n)
{
    for (size_t i = 0; i < n; i++)
        file[length++] = (uint8_t)(i == 12 ? 0x88 : i == 13 ? 0xCC : i + 1);
}

static void record(uint32_t seconds, uint32_t fraction, uint32_t n, uint32_t wire)
{
    put(seconds, 4), put(fraction, 4), put(n, 4), put(wire, 4);
    frame(n);
}

static void begin(uint32_t type, uint32_t body)
{
    put(type, 4), put(body + 12, 4);
}

static void end(uint32_t body)
{
    put(body + 12, 4);
}

static void section(int big)
{
    is_big = big;
    begin(0x0A0D0D0A, 16);
    put(0x1A2B3C4D, 4), put(1, 2), put(0, 2), put(UINT64_MAX, 8);
    end(16);
}

static void interface(uint16_t link, uint32_t snap, uint8_t resolution, int64_t offset_s)
{
    begin(1, 32);
    put(link, 2), put(0, 2), put(snap, 4);
    put(9, 2), put(1, 2), put(resolution, 1), put(0, 1), put(0, 2);
    put(14, 2), put(8, 2), put((uint64_t)offset_s, 8);
    put(0, 4);
    end(32);
}

static void enhanced(uint32_t number, uint64_t ticks, uint32_t n)
{
    uint32_t body = 20 + (n + 3) / 4 * 4;
    begin(6, body);
    put(number, 4), put(ticks >> 32, 4), put(ticks & UINT32_MAX, 4), put(n, 4), put(n + 5, 4);
    frame(n);
    put(0, body - 20 - n);
    end(body);
}

typedef struct {
    covey_packet packets[ROOM];
    size_t n;
    int32_t status;
    covey_capture capture;
} result;

/* Gives data[..first], data[..second] and all of it, each from where the reader is, in memory that ends there. */
static result read_split(const uint8_t *data, size_t size, size_t first, size_t second, size_t most)
{
    result r;
    memset(&r, 0, sizeof r);
    covey_capture_init(&r.capture);
    const size_t ends[] = {first, second, size};
    size_t at = 0;
    for (int i = 0; i < 3 && r.status >= 0; i++) {
        for (;;) {
            size_t given = ends[i] - at, consumed = SIZE_MAX, room = ROOM - r.n < most ? ROOM - r.n : most;
            uint8_t *exact = malloc(given);
            if (given != 0)
                memcpy(exact, data + at, given);
            memset(&r.packets[r.n], 0xAA, room * sizeof(covey_packet));
            r.status = covey_capture_read(&r.capture, given == 0 ? NULL : exact, given, &consumed, &r.packets[r.n], room);
            free(exact);
            CHECK(consumed <= given && r.status <= (int32_t)room);
            at += consumed;
            CHECK(r.capture.offset == at);
            if (r.status <= 0)
                break;
            r.n += (size_t)r.status;
        }
    }
    CHECK(r.capture.packets == r.n);
    memset(&r.packets[r.n], 0, (ROOM - r.n) * sizeof(covey_packet));
    return r;
}

static result read_whole(void)
{
    return read_split(file, length, length, length, ROOM);
}

/* Splits at every pair of places, and room for one packet a call, change nothing; nor does a cut, for what is before it. */
static void splits_change_nothing(void)
{
    result whole = read_whole();
    for (size_t first = 0; first <= length; first++) {
        result cut = read_split(file, first, first, first, ROOM);
        CHECK(cut.n <= whole.n && memcmp(cut.packets, whole.packets, cut.n * sizeof(covey_packet)) == 0);
        CHECK(cut.status == 0 || (cut.status == whole.status && cut.capture.offset == whole.capture.offset));
        for (size_t second = first; second <= length; second += 1 + (second - first) / 16) {
            result split = read_split(file, length, first, second, 1 + first % 3);
            CHECK(split.n == whole.n && split.status == whole.status);
            CHECK(memcmp(split.packets, whole.packets, sizeof whole.packets) == 0);
            CHECK(memcmp(&split.capture, &whole.capture, sizeof whole.capture) == 0);
        }
    }
}

static void pcap_in_either_order_and_unit(void)
{
    static const uint32_t magics[] = {0xA1B2C3D4, 0xA1B23C4D};
    for (int i = 0; i < 4; i++) {
        pcap(i & 1, magics[i / 2], COVEY_LINK_ETHERNET);
        record(1, 999999, 20, 60);
        record(0xFFFFFFFF, 0, 0, 0);
        record(3, 5, 14, 10);
        result r = read_whole();
        int64_t unit = i / 2 ? 1 : 1000;
        CHECK(r.n == 3 && r.status == 0 && r.capture.format == COVEY_CAPTURE_PCAP && r.capture.link == 1);
        CHECK(r.capture.is_swapped == (i & 1) && r.capture.is_nanoseconds == i / 2 && r.capture.snap_bytes == 65535);
        CHECK(r.packets[0].time_ns == 1000000000 + 999999 * unit && r.packets[0].size_bytes == 60);
        CHECK(r.packets[0].captured_bytes == 20 && r.packets[0].ether_type == 0x88CC && r.packets[0].reserved[0] == 0);
        CHECK(r.packets[1].time_ns == 4294967295000000000 && r.packets[1].notes == COVEY_NOTE_TRUNCATED);
        CHECK(r.packets[2].time_ns == 3000000000 + 5 * unit && r.packets[2].size_bytes == 14); /* not less than captured */
        CHECK(r.capture.truncated == 1 && r.capture.other == 3 && r.capture.malformed == 0 && r.capture.skipped == 0);
        splits_change_nothing();
    }
}

static void pcapng_of_several_sections(void)
{
    start(0);
    section(0);
    interface(COVEY_LINK_ETHERNET, 0, 9, 0);
    interface(147, 0, 6, 0);
    enhanced(0, 5, 21);
    enhanced(1, 5, 3); /* of an unknown link */
    begin(0xBAD, 8), put(0, 8), end(8);
    section(1);
    interface(COVEY_LINK_ETHERNET, 16, 0x80, -3);
    enhanced(0, 10, 16);
    begin(2, 36), put(0, 2), put(9, 2), put(0, 4), put(11, 4), put(14, 4), put(14, 4), frame(14), put(0, 2), end(36);
    begin(3, 20), put(40, 4), frame(16), end(20); /* cut at the snap length */
    result r = read_whole();
    CHECK(r.n == 4 && r.status == 0 && r.capture.format == COVEY_CAPTURE_PCAPNG && r.capture.skipped == 1);
    CHECK(r.capture.is_swapped == 1 && r.capture.n_interfaces == 1 && r.capture.snap_bytes == 16);
    CHECK(r.packets[0].time_ns == 5 && r.packets[0].captured_bytes == 21 && r.packets[0].size_bytes == 26);
    CHECK(r.packets[1].time_ns == 7000000000 && r.packets[2].time_ns == 8000000000 && r.packets[2].captured_bytes == 14);
    CHECK(r.packets[3].time_ns == 0 && r.packets[3].captured_bytes == 16 && r.packets[3].size_bytes == 40);
    CHECK(r.packets[3].ether_type == 0x88CC);
    splits_change_nothing();
}

/* Options in any order, after others and with none to end them; what is behind the end is not looked at. */
static void options_are_walked(void)
{
    for (int big = 0; big < 2; big++) {
        start(big);
        section(big);
        begin(1, 8), put(1, 2), put(0, 6), end(8);
        begin(1, 36), put(1, 2), put(0, 6);
        put(1, 2), put(3, 2), put(0x616263, 3), put(0, 1);         /* a comment */
        put(14, 2), put(8, 2), put(5000000000, 8);                  /* offset before resolution, nothing behind */
        put(9, 2), put(1, 2), put(0, 4), end(36);
        begin(1, 32), put(1, 2), put(0, 6);
        put(9, 2), put(1, 2), put(big ? 0x03000000 : 3, 4);
        put(0, 4), put(9, 2), put(1, 2), put(0, 4), put(9, 2), put(90, 2), end(32); /* behind the end: nonsense */
        enhanced(0, 7, 14), enhanced(1, 7, 14), enhanced(2, 7, 14), enhanced(2, 8, 0);
        result r = read_whole();
        CHECK(r.n == 4 && r.status == 0 && r.capture.n_interfaces == 3);
        CHECK(r.packets[0].time_ns == 7000 && r.packets[1].time_ns == 5000000007000000000);
        CHECK(r.packets[2].time_ns == 7000000 && r.packets[2].ether_type == 0x88CC);
        CHECK(r.packets[3].captured_bytes == 0 && r.packets[3].size_bytes == 5);
        splits_change_nothing();
    }
}

static void simple_packets_without_a_snap_length_are_whole(void)
{
    start(0);
    section(0);
    interface(COVEY_LINK_ETHERNET, 0, 6, 0);
    begin(3, 24), put(18, 4), frame(18), put(0, 2), end(24);
    result r = read_whole();
    CHECK(r.n == 1 && r.status == 0 && r.packets[0].captured_bytes == 18);
    begin(3, 4), put(0, 4), end(4);
    r = read_whole();
    CHECK(r.n == 2 && r.status == 0 && r.packets[1].captured_bytes == 0 && r.packets[1].notes == COVEY_NOTE_TRUNCATED);
}

static void resolutions_are_exact(void)
{
    static const struct {
        uint8_t resolution;
        uint64_t ticks;
        int64_t offset_s, time_ns;
    } cases[] = {
        {0, 9223372035, 0, 9223372035000000000},  {0, 9223372036, 0, -1},           {0, UINT64_MAX, 0, -1},
        {3, 1234, 0, 1234000000},                 {9, 999999999, 0, 999999999},     {10, 19, 0, 1},
        {19, UINT64_MAX, 0, 1844674407},          {127, UINT64_MAX, 0, 0},          {0x80, 7, 0, 7000000000},
        {0x80 | 1, 3, 0, 1500000000},             {0x80 | 10, 1023, 0, 999023437},  {0x80 | 32, UINT32_MAX, 0, 999999999},
        {0x80 | 63, UINT64_MAX, 0, 1999999999},   {0x80 | 64, UINT64_MAX, 0, 999999999}, {0xFF, UINT64_MAX, 0, 0},
        {0x80 | 95, UINT64_MAX, 0, 0},            {0x80 | 96, UINT64_MAX, 0, 0},    {0x80 | 31, UINT32_MAX, 0, 1999999999},
        {6, 5000001, -5, 1000},                   {6, 4999999, -5, -1},             {6, 0, 9223372035, 9223372035000000000},
        {6, 1000000, 9223372035, -1},             {0, UINT64_MAX, INT64_MAX, -1},   {0, UINT64_MAX, INT64_MIN, -1},
        {6, 0, INT64_MIN, -1},                    {0, 1, INT64_MAX, -1},            {0, 10000000000, -9000000000, 1000000000000000000},
    };
    const size_t n_cases = sizeof cases / sizeof cases[0];
    for (size_t j = 0; j < 2 * n_cases; j++) {
        size_t i = j % n_cases;
        start(j < n_cases);
        section(j < n_cases);
        interface(COVEY_LINK_ETHERNET, 0, cases[i].resolution, cases[i].offset_s);
        size_t before = length;
        enhanced(0, cases[i].ticks, 14);
        result r = read_whole();
        if (cases[i].time_ns >= 0)
            CHECK(r.n == 1 && r.status == 0 && r.packets[0].time_ns == cases[i].time_ns);
        else
            CHECK(r.n == 0 && r.status == COVEY_E_FORMAT && r.capture.offset == before);
    }
}

/* `status` comes after one packet, and again, at the byte where the bad part begins. */
static void refused(size_t before, int32_t status)
{
    result r = read_whole();
    CHECK(r.n == 1 && r.status == status && r.capture.offset == before);
    splits_change_nothing();
}

static void damage_comes_after_the_packets_before_it(void)
{
    size_t before;
#define AFTER_A_RECORD pcap(1, 0xA1B2C3D4, 1), record(1, 1, 15, 15), before = length
#define AFTER_A_BLOCK start(0), section(0), interface(1, 0, 6, 0), enhanced(0, 1, 15), before = length
    AFTER_A_RECORD, record(1, 1000000, 0, 0), refused(before, COVEY_E_FORMAT);
    AFTER_A_RECORD, put(1, 4), put(1, 4), put(COVEY_CAPTURE_MOST_BYTES + 1, 4), put(0, 4), refused(before, COVEY_E_LENGTH);
    AFTER_A_BLOCK, put(6, 4), put(0, 4), put(0, 4), refused(before, COVEY_E_FORMAT);
    AFTER_A_BLOCK, put(6, 4), put(13, 4), put(0, 8), refused(before, COVEY_E_FORMAT);
    AFTER_A_BLOCK, put(6, 4), put(0xFFFFFFFC, 4), put(0, 4), refused(before, COVEY_E_LENGTH);
    AFTER_A_BLOCK, begin(6, 32), put(0, 32), put(40, 4), refused(before, COVEY_E_FORMAT);
    AFTER_A_BLOCK, enhanced(1, 1, 14), refused(before, COVEY_E_FORMAT);
    AFTER_A_BLOCK, begin(6, 20), put(0, 12), put(1, 4), put(1, 4), end(20), refused(before, COVEY_E_FORMAT);
    AFTER_A_BLOCK, begin(6, 16), put(0, 16), end(16), refused(before, COVEY_E_FORMAT);
    AFTER_A_BLOCK, begin(1, 4), put(0, 4), end(4), refused(before, COVEY_E_FORMAT);
    AFTER_A_BLOCK, begin(1, 12), put(0, 8), put(5, 2), put(1, 2), end(12), refused(before, COVEY_E_FORMAT);
    AFTER_A_BLOCK, begin(3, 0), end(0), refused(before, COVEY_E_FORMAT);
    AFTER_A_BLOCK, begin(3, 4), put(1, 4), end(4), refused(before, COVEY_E_FORMAT);
    AFTER_A_BLOCK, put(0x0A0D0D0A, 4), put(28, 4), put(7, 4), refused(before, COVEY_E_FORMAT);
    AFTER_A_BLOCK, begin(0x0A0D0D0A, 16), put(0x1A2B3C4D, 4), put(2, 2), put(0, 10), end(16), refused(before, COVEY_E_VERSION);
}

static void what_is_no_capture_is_refused_at_once(void)
{
    start(0), put(0x04034B50, 4);
    CHECK(read_whole().status == COVEY_E_FORMAT);
    start(0), put(0xA1B2C3D4, 3);
    CHECK(read_whole().status == 0);
    pcap(0, 0xA1B2C3D4, 147);
    CHECK(read_whole().status == COVEY_E_VERSION);
    pcap(0, 0xA1B2C3D4, 1), file[4] = 1;
    CHECK(read_whole().status == COVEY_E_VERSION);
    start(0), section(0);
    for (int i = 0; i < COVEY_CAPTURE_INTERFACES; i++)
        interface(1, 0, 6, 0);
    enhanced(63, 5, 14);
    CHECK(read_whole().n == 1);
    size_t before = length;
    interface(1, 0, 6, 0);
    result r = read_whole();
    CHECK(r.n == 1 && r.status == COVEY_E_LENGTH && r.capture.offset == before && r.capture.n_interfaces == 64);
}

static void arguments_are_checked(void)
{
    covey_capture capture;
    covey_packet packet;
    size_t consumed;
    covey_capture_init(&capture);
    pcap(0, 0xA1B2C3D4, 1), record(1, 1, 14, 14);
    CHECK(covey_capture_read(NULL, file, length, &consumed, &packet, 1) == COVEY_E_ARGUMENT);
    CHECK(covey_capture_read(&capture, NULL, length, &consumed, &packet, 1) == COVEY_E_ARGUMENT);
    CHECK(covey_capture_read(&capture, file, length, NULL, &packet, 1) == COVEY_E_ARGUMENT);
    CHECK(covey_capture_read(&capture, file, length, &consumed, NULL, 1) == COVEY_E_ARGUMENT);
    CHECK(covey_capture_read(&capture, file, length, &consumed, NULL, 0) == 0 && consumed == 24);
    CHECK(covey_capture_read(&capture, file + 24, length - 24, &consumed, &packet, 1) == 1 && consumed == 30);
}

int main(void)
{
    pcap_in_either_order_and_unit();
    pcapng_of_several_sections();
    options_are_walked();
    simple_packets_without_a_snap_length_are_whole();
    resolutions_are_exact();
    damage_comes_after_the_packets_before_it();
    what_is_no_capture_is_refused_at_once();
    arguments_are_checked();
    return check_done();
}
