/* fuzz_capture.c - libFuzzer target: any bytes as a capture file and as a frame of every link. Pieces give what the whole
 * gives, counts are those of the packets, and nothing is read behind the memory that was given. */
#include "covey_watch.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PACKETS = 8192 }; /* more than fit into -max_len */

static void require(int holds)
{
    if (!holds)
        abort();
}

typedef struct {
    covey_capture capture;
    covey_packet packets[MOST_PACKETS];
    size_t n;
    int32_t status;
} result;

/* Reads what is there of `data` from the reader's place on, in memory that ends where it does. */
static void feed(result *r, const uint8_t *data, size_t size, size_t most)
{
    do {
        size_t at = (size_t)r->capture.offset, given = size - at, consumed, room = MOST_PACKETS - r->n;
        uint8_t *exact = malloc(given);
        require(exact != NULL || given == 0);
        if (given != 0)
            memcpy(exact, data + at, given);
        room = room < most ? room : most;
        r->status = covey_capture_read(&r->capture, given == 0 ? NULL : exact, given, &consumed, r->packets + r->n, room);
        free(exact);
        require(consumed <= given && r->capture.offset == at + consumed && r->status <= (int32_t)room);
        r->n += r->status > 0 ? (size_t)r->status : 0;
    } while (r->status > 0);
}

static void check_packet(const covey_packet *p)
{
    require(p->time_ns >= 0 && p->size_bytes >= p->captured_bytes && p->kind <= COVEY_PACKET_IPV6 && p->notes < 32);
    require(p->kind != COVEY_PACKET_OTHER || (p->protocol == 0 && p->source_port == 0 && p->destination_port == 0));
    require(p->protocol == 6 || p->tcp_flags == 0);
    require(!(p->notes & COVEY_NOTE_LATER_FRAGMENT) || (p->source_port == 0 && p->notes & COVEY_NOTE_FRAGMENT));
    require(p->reserved[0] == 0 && p->reserved[1] == 0);
}

static void as_file(const uint8_t *data, size_t size)
{
    static result whole, parts;
    memset(&whole, 0, sizeof whole.capture);
    whole.n = parts.n = 0;
    covey_capture_init(&whole.capture);
    covey_capture_init(&parts.capture);
    feed(&whole, data, size, MOST_PACKETS);
    parts.status = 0;
    for (size_t end = 0, i = 0; end < size && parts.status == 0; i++) {
        uint64_t draw = covey_random_u64(size, i);
        size_t step = (size_t)(draw % (draw >> 60 == 0 ? size : 64)) + 1; /* mostly small, now and then the rest */
        end = step < size - end ? end + step : size;
        feed(&parts, data, end, (size_t)(draw >> 32) % 3 + 1);
    }
    require(parts.n == whole.n && parts.status == (size == 0 ? 0 : whole.status));
    require(memcmp(&parts.capture, &whole.capture, sizeof whole.capture) == 0);
    uint64_t truncated = 0, malformed = 0, other = 0;
    for (size_t i = 0; i < whole.n; i++) {
        const covey_packet *p = &whole.packets[i];
        check_packet(p);
        require(memcmp(p, &parts.packets[i], sizeof *p) == 0);
        truncated += (p->notes & COVEY_NOTE_TRUNCATED) != 0;
        malformed += (p->notes & COVEY_NOTE_MALFORMED) != 0;
        other += p->kind == COVEY_PACKET_OTHER;
    }
    const covey_capture *c = &whole.capture;
    require(c->packets == whole.n && c->truncated == truncated && c->malformed == malformed && c->other == other);
    require(c->offset <= size && c->n_interfaces <= COVEY_CAPTURE_INTERFACES && (c->format != 0 || whole.n == 0));
}

/* What is read of a frame does not depend on what was in the packet before, and only cutting a frame short loses fields. */
static void as_frame(const uint8_t *data, size_t size)
{
    static const uint32_t links[] = {COVEY_LINK_NULL, COVEY_LINK_ETHERNET, COVEY_LINK_RAW, COVEY_LINK_LINUX_SLL,
                                     COVEY_LINK_IPV4, COVEY_LINK_IPV6,     COVEY_LINK_LINUX_SLL2};
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        covey_packet first, second, cut;
        memset(&first, 0, sizeof first);
        memset(&second, 0xFF, sizeof second);
        require(covey_packet_read(&first, links[i], data, size) == COVEY_OK);
        require(covey_packet_read(&second, links[i], data, size) == COVEY_OK);
        second.time_ns = 0;
        first.size_bytes = second.size_bytes = (uint32_t)size;
        memset(second.reserved, 0, sizeof second.reserved);
        check_packet(&first);
        require(memcmp(&first, &second, sizeof first) == 0);
        size_t shorter = size / 2;
        uint8_t *exact = malloc(shorter);
        require(exact != NULL || shorter == 0);
        if (shorter != 0)
            memcpy(exact, data, shorter);
        memset(&cut, 0, sizeof cut);
        require(covey_packet_read(&cut, links[i], shorter == 0 ? NULL : exact, shorter) == COVEY_OK);
        free(exact);
        require(cut.kind == COVEY_PACKET_OTHER || (cut.kind == first.kind && memcmp(cut.source, first.source, 32) == 0));
        require(cut.source_port == 0 || cut.source_port == first.source_port);
        require(cut.notes & COVEY_NOTE_TRUNCATED || (cut.notes == first.notes && cut.protocol == first.protocol));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_file(data, size);
    as_frame(data, size);
    return 0;
}

/* ---------------------------------------------------------------- mutation that knows blocks
 * Most changes to a pcapng file break a length, and reading ends there. Every other time lengths are mended: each block's
 * is rounded and kept within the file, and written at both its ends. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

static uint32_t load(const uint8_t *at, int is_big)
{
    return is_big ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]
                  : (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static void store(uint8_t *at, uint32_t value, int is_big)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * (is_big ? 3 - i : i));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, most);
    if (seed % 2 == 0 || size < 28 || load(data, 0) != 0x0A0D0D0A)
        return size;
    int is_big = 0;
    for (size_t at = 0; size - at >= 12;) {
        if (load(data + at, 0) == 0x0A0D0D0A)
            is_big = load(data + at + 8, 1) == 0x1A2B3C4D;
        size_t left = (size - at) / 4 * 4, length = load(data + at + 4, is_big) / 4 * 4;
        length = length < 12 ? 12 : length > left ? left : length;
        store(data + at + 4, (uint32_t)length, is_big);
        store(data + at + length - 4, (uint32_t)length, is_big);
        at += length;
    }
    return size;
}
