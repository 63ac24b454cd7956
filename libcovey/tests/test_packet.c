/* test_packet.c - frames: every field of a few, and each of them cut at every byte in memory that ends there. */
#include "check.h"
#include "covey_watch.h"

#include <stdlib.h>
#include <string.h>

#define ETHERNET(high, low) 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, high, low
#define IPV4(total, flags, protocol) 0x45, 0, 0, total, 0, 7, flags, 0, 64, protocol, 0, 0, 10, 0, 0, 5, 192, 0, 2, 80
#define IPV6(length, next) \
    0x60, 0, 0, 0, 0, length, next, 64, 0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, \
        0, 0, 0, 0, 0, 0, 0, 0x50
#define TCP 0x9C, 0x40, 1, 0xBB, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x12, 4, 0, 0, 0, 0, 0
#define UDP 0x14, 0xE9, 0, 53, 0, 8, 0, 0

static const uint8_t ipv4_tcp[] = {ETHERNET(8, 0), IPV4(40, 0x40, 6), TCP};
static const uint8_t ipv6_chain[] = {ETHERNET(0x81, 0), 0, 7, 0x88, 0xA8, 0, 8, 0x86, 0xDD, IPV6(48, 0),
                                     43, 0, 0, 0, 0, 0, 0, 0,                          /* hop-by-hop */
                                     51, 0, 0, 0, 0, 0, 0, 0,                          /* routing */
                                     44, 2, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0,  /* authentication, 16 bytes */
                                     17, 0, 0, 1, 0, 0, 0, 9,                          /* the first fragment */
                                     UDP};
static const uint8_t arp[] = {ETHERNET(8, 6), 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 5, 10, 0, 0, 5, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1};
static const uint8_t cooked[] = {0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 5, 0, 0, 8, 0, IPV4(28, 0, 17), UDP};
static const uint8_t cooked2[] = {0x86, 0xDD, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 5, 0, 0, IPV6(8, 17), UDP};
static const uint8_t loopback[] = {0, 0, 0, 2, IPV4(28, 0, 17), UDP};

static covey_packet read_frame(uint32_t link, const uint8_t *frame, size_t size)
{
    uint8_t *exact = malloc(size); /* an address sanitizer sees the first byte that is read behind it */
    covey_packet packet;
    memset(&packet, 0xAA, sizeof packet);
    CHECK(exact != NULL || size == 0);
    if (size != 0)
        memcpy(exact, frame, size);
    CHECK(covey_packet_read(&packet, link, exact, size) == COVEY_OK);
    free(exact);
    CHECK(packet.captured_bytes == size);
    CHECK(packet.size_bytes == 0xAAAAAAAA && (uint64_t)packet.time_ns == 0xAAAAAAAAAAAAAAAA); /* the caller's */
    CHECK(packet.reserved[0] == 0xAA && packet.reserved[1] == 0xAA);
    return packet;
}

#define READ(link, frame) read_frame(link, frame, sizeof frame)

static void every_field_is_read(void)
{
    static const uint8_t mac1[] = {2, 0, 0, 0, 0, 1}, mac5[] = {2, 0, 0, 0, 0, 5}, none[16];
    static const uint8_t from4[16] = {10, 0, 0, 5}, to4[16] = {192, 0, 2, 80}, to_arp[16] = {10, 0, 0, 1};
    covey_packet p = READ(COVEY_LINK_ETHERNET, ipv4_tcp);
    CHECK(p.kind == COVEY_PACKET_IPV4 && p.ether_type == 0x0800 && p.protocol == 6 && p.notes == 0);
    CHECK(p.source_port == 40000 && p.destination_port == 443 && p.tcp_flags == 0x12);
    CHECK(memcmp(p.source, from4, 16) == 0 && memcmp(p.destination, to4, 16) == 0);
    CHECK(memcmp(p.source_mac, mac5, 6) == 0 && memcmp(p.destination_mac, mac1, 6) == 0);
    p = READ(COVEY_LINK_ETHERNET, ipv6_chain);
    CHECK(p.kind == COVEY_PACKET_IPV6 && p.ether_type == 0x86DD && p.protocol == 17);
    CHECK(p.notes == (COVEY_NOTE_VLAN | COVEY_NOTE_FRAGMENT));
    CHECK(p.source_port == 5353 && p.destination_port == 53 && p.tcp_flags == 0 && p.source[15] == 5 && p.destination[0] == 0x20);
    p = READ(COVEY_LINK_ETHERNET, arp);
    CHECK(p.kind == COVEY_PACKET_ARP && p.ether_type == 0x0806 && p.protocol == 0 && p.notes == 0);
    CHECK(memcmp(p.source, from4, 16) == 0 && memcmp(p.destination, to_arp, 16) == 0);
    p = READ(COVEY_LINK_LINUX_SLL, cooked);
    CHECK(p.kind == COVEY_PACKET_IPV4 && p.destination_port == 53 && memcmp(p.source_mac, mac5, 6) == 0);
    CHECK(memcmp(p.destination_mac, none, 6) == 0);
    p = READ(COVEY_LINK_LINUX_SLL2, cooked2);
    CHECK(p.kind == COVEY_PACKET_IPV6 && p.destination_port == 53 && memcmp(p.source_mac, mac5, 6) == 0);
    p = READ(COVEY_LINK_NULL, loopback);
    CHECK(p.kind == COVEY_PACKET_IPV4 && p.destination_port == 53 && p.ether_type == 0x0800);
    CHECK(memcmp(p.source_mac, none, 6) == 0);
    p = read_frame(COVEY_LINK_RAW, cooked2 + 20, sizeof cooked2 - 20);
    CHECK(p.kind == COVEY_PACKET_IPV6 && p.destination_port == 53 && p.ether_type == 0x86DD);
}

/* Where each header ends: what is cut before that has a note, what is cut behind it has none. */
static void cuts_are_noted(uint32_t link, const uint8_t *frame, size_t size)
{
    covey_packet whole = read_frame(link, frame, size);
    for (size_t n = 0; n < size; n++) {
        covey_packet p = read_frame(link, frame, n);
        CHECK(p.notes & COVEY_NOTE_TRUNCATED && !(p.notes & COVEY_NOTE_MALFORMED));
        CHECK(p.kind == COVEY_PACKET_OTHER || p.kind == whole.kind);
        CHECK(p.source_port == 0 || p.source_port == whole.source_port);
        CHECK(p.ether_type == 0 || p.ether_type == whole.ether_type);
        if (p.kind != COVEY_PACKET_OTHER)
            CHECK(memcmp(p.source, whole.source, 32) == 0);
    }
    uint8_t *longer = calloc(size + 20, 1);
    memcpy(longer, frame, size);
    covey_packet p = read_frame(link, longer, size + 20); /* Ethernet's padding */
    free(longer);
    CHECK(p.notes == whole.notes && p.source_port == whole.source_port && p.protocol == whole.protocol);
}

/* One byte at a time takes every value: nothing reads beyond its memory, and what is said holds together. */
static void lies_are_survived(uint32_t link, const uint8_t *frame, size_t size)
{
    uint8_t *lie = malloc(size);
    for (size_t at = 0; at < size; at++)
        for (unsigned value = 0; value < 256; value++) {
            memcpy(lie, frame, size);
            lie[at] = (uint8_t)value;
            covey_packet p = read_frame(link, lie, size);
            CHECK(p.kind <= COVEY_PACKET_IPV6 && p.notes < 32);
            CHECK(!(p.notes & COVEY_NOTE_LATER_FRAGMENT) || (p.notes & COVEY_NOTE_FRAGMENT && p.source_port == 0));
            CHECK(p.kind == COVEY_PACKET_IPV4 || p.kind == COVEY_PACKET_IPV6 || (p.protocol == 0 && p.source_port == 0));
        }
    free(lie);
}

static void fragments_have_ports_only_at_their_start(void)
{
    static const uint8_t first[] = {ETHERNET(8, 0), IPV4(28, 0x20, 17), UDP}, later[] = {ETHERNET(8, 0), IPV4(28, 0x01, 17), UDP};
    covey_packet p = READ(COVEY_LINK_ETHERNET, first);
    CHECK(p.notes == COVEY_NOTE_FRAGMENT && p.source_port == 5353);
    p = READ(COVEY_LINK_ETHERNET, later);
    CHECK(p.notes == (COVEY_NOTE_FRAGMENT | COVEY_NOTE_LATER_FRAGMENT) && p.source_port == 0 && p.protocol == 17);
    uint8_t frame[sizeof ipv4_tcp]; /* the first of parts that TCP's header does not end in, as nmap -f sends them */
    memcpy(frame, ipv4_tcp, sizeof frame);
    frame[20] = 0x20;
    for (size_t declared = 0; declared <= 20; declared++)
        for (size_t n = 0; n <= declared; n++) {
            frame[17] = (uint8_t)(20 + declared);
            frame[sizeof ipv4_tcp - 8] = 0x80; /* options in the next part */
            p = read_frame(COVEY_LINK_ETHERNET, frame, sizeof frame - 20 + n);
            CHECK(p.notes == (COVEY_NOTE_FRAGMENT | (n < declared ? COVEY_NOTE_TRUNCATED : 0)));
            CHECK((p.destination_port == 443) == (n >= 4) && (p.tcp_flags == 0x12) == (n >= 14));
        }
}

static void contradictions_are_malformed(void)
{
    static const uint8_t shorter[] = {ETHERNET(8, 0), IPV4(27, 0, 17), UDP}, none[] = {ETHERNET(8, 0), IPV4(20, 0, 17), UDP};
    static const uint8_t fits[] = {ETHERNET(8, 0), IPV4(28, 0, 17), UDP}, beyond[] = {ETHERNET(8, 0), IPV4(99, 0, 17), UDP};
    static const uint8_t six[] = {ETHERNET(0x86, 0xDD), IPV6(7, 17), UDP};
    covey_packet p = READ(COVEY_LINK_ETHERNET, shorter);
    CHECK(p.notes == COVEY_NOTE_MALFORMED && p.source_port == 5353);
    p = READ(COVEY_LINK_ETHERNET, none);
    CHECK(p.notes == COVEY_NOTE_MALFORMED && p.source_port == 0);
    CHECK(READ(COVEY_LINK_ETHERNET, fits).notes == 0);
    CHECK(READ(COVEY_LINK_ETHERNET, beyond).notes == 0); /* its data was not captured, its headers were */
    CHECK(READ(COVEY_LINK_ETHERNET, six).notes == COVEY_NOTE_MALFORMED);
}

/* What is at the very end of memory, with nothing behind it, is there. */
static void headers_may_end_with_the_frame(void)
{
    static const uint8_t four[] = {ETHERNET(8, 0), IPV4(20, 0, 1)}, six[] = {ETHERNET(0x86, 0xDD), IPV6(8, 60), 59, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t lowest[] = {ETHERNET(6, 0)}, length_0[] = {ETHERNET(8, 0), IPV4(28, 0, 17), 0, 1, 0, 2, 0, 0, 0, 0};
    static const uint8_t length_7[] = {ETHERNET(8, 0), IPV4(28, 0, 17), 0, 1, 0, 2, 0, 7, 0, 0}, length_1[] = {0, 1};
    static const uint8_t dccp[] = {ETHERNET(8, 0), IPV4(32, 0, 33), 0, 1, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0};
    CHECK(READ(COVEY_LINK_ETHERNET, four).notes == 0 && READ(COVEY_LINK_ETHERNET, four).kind == COVEY_PACKET_IPV4);
    CHECK(READ(COVEY_LINK_ETHERNET, six).notes == 0 && READ(COVEY_LINK_ETHERNET, six).protocol == 59);
    CHECK(READ(COVEY_LINK_ETHERNET, lowest).ether_type == 0x0600 && READ(COVEY_LINK_ETHERNET, lowest).notes == 0);
    CHECK(READ(COVEY_LINK_ETHERNET, length_0).notes == 0 && READ(COVEY_LINK_ETHERNET, length_0).destination_port == 2);
    CHECK(READ(COVEY_LINK_ETHERNET, length_7).notes == COVEY_NOTE_MALFORMED);
    CHECK(READ(COVEY_LINK_ETHERNET, dccp).notes == 0 && READ(COVEY_LINK_ETHERNET, dccp).destination_port == 2);
    CHECK(READ(COVEY_LINK_RAW, length_1).notes == COVEY_NOTE_MALFORMED);
    size_t transport = sizeof ipv4_tcp - 20;
    for (size_t n = 0; n < 20; n++) {
        covey_packet p = read_frame(COVEY_LINK_ETHERNET, ipv4_tcp, transport + n);
        CHECK((p.source_port == 40000) == (n >= 4) && (p.destination_port == 443) == (n >= 4));
        CHECK((p.tcp_flags == 0x12) == (n >= 14) && p.notes == COVEY_NOTE_TRUNCATED);
    }
}

static void numbers_of_other_systems_are_known(void)
{
    uint8_t frame[sizeof cooked];
    for (unsigned hardware = 0; hardware < 1024; hardware++) {
        memcpy(frame, cooked, sizeof cooked);
        frame[2] = (uint8_t)(hardware >> 8);
        frame[3] = (uint8_t)hardware;
        int has_type = hardware != 824 && hardware != 770 && (hardware < 801 || hardware > 803);
        CHECK((READ(COVEY_LINK_LINUX_SLL, frame).kind == COVEY_PACKET_IPV4) == has_type);
    }
    for (unsigned family = 0; family < 1024; family++) {
        uint8_t either[2][4 + sizeof cooked2 - 20] = {{(uint8_t)family, (uint8_t)(family >> 8)},
                                                      {0, 0, (uint8_t)(family >> 8), (uint8_t)family}};
        for (int i = 0; i < 2; i++) {
            memcpy(either[i] + 4, cooked2 + 20, sizeof cooked2 - 20);
            covey_packet p = READ(COVEY_LINK_NULL, either[i]);
            CHECK((p.kind == COVEY_PACKET_IPV6) == (family == 10 || family == 24 || family == 28 || family == 30));
            CHECK((p.notes == COVEY_NOTE_MALFORMED) == (family == 2));
        }
    }
    for (unsigned type = 0; type < 65536; type++) {
        uint8_t tagged[] = {ETHERNET((uint8_t)(type >> 8), (uint8_t)type), 0, 1, 8, 0, IPV4(28, 0, 17), UDP};
        covey_packet p = READ(COVEY_LINK_ETHERNET, tagged);
        int is_tag = type == 0x8100 || type == 0x88A8 || type == 0x9100 || type == 0x9200;
        CHECK((p.notes == COVEY_NOTE_VLAN) == is_tag && (p.destination_port == 53) == is_tag);
        CHECK(p.ether_type == (is_tag ? 0x0800 : type < 0x600 ? 0 : type));
    }
}

static void a_chain_of_extension_headers_ends_with_the_frame(void)
{
    enum { LENGTH = 14 + 40 + 65536 };
    static const uint8_t head[] = {ETHERNET(0x86, 0xDD), IPV6(0, 60)};
    uint8_t *frame = calloc(LENGTH, 1);
    memcpy(frame, head, sizeof head);
    for (size_t at = sizeof head; at < LENGTH; at += 8)
        frame[at] = 60;
    covey_packet p = read_frame(COVEY_LINK_ETHERNET, frame, LENGTH);
    CHECK(p.kind == COVEY_PACKET_IPV6 && p.protocol == 60 && p.notes == COVEY_NOTE_TRUNCATED && p.source_port == 0);
    free(frame);
}

static void arguments_are_checked(void)
{
    covey_packet p;
    CHECK(covey_packet_read(NULL, COVEY_LINK_ETHERNET, arp, sizeof arp) == COVEY_E_ARGUMENT);
    CHECK(covey_packet_read(&p, COVEY_LINK_ETHERNET, NULL, 1) == COVEY_E_ARGUMENT);
    CHECK(covey_packet_read(&p, COVEY_LINK_ETHERNET, NULL, 0) == COVEY_OK && p.notes == COVEY_NOTE_TRUNCATED);
    CHECK(covey_packet_read(&p, 147, arp, sizeof arp) == COVEY_E_VERSION);
    CHECK(covey_packet_read(&p, 65537, arp, sizeof arp) == COVEY_E_VERSION);
}

static void many_frames_are_read_as_one_by_one(void)
{
    uint8_t memory[sizeof ipv4_tcp + sizeof arp];
    memcpy(memory, ipv4_tcp, sizeof ipv4_tcp);
    memcpy(memory + sizeof ipv4_tcp, arp, sizeof arp);
    uint64_t offsets[] = {sizeof ipv4_tcp, 0};
    uint32_t captured[] = {sizeof arp, sizeof ipv4_tcp}, sizes[] = {60, 10};
    int64_t times[] = {1, INT64_MAX};
    covey_packet packets[2];
    memset(packets, 0xAA, sizeof packets);
    CHECK(covey_packets_read(packets, 1, memory, sizeof memory, offsets, captured, sizes, times, 2) == COVEY_OK);
    CHECK(packets[0].kind == COVEY_PACKET_ARP && packets[0].size_bytes == 60 && packets[0].time_ns == 1);
    CHECK(packets[1].protocol == 6 && packets[1].size_bytes == sizeof ipv4_tcp && packets[1].time_ns == INT64_MAX);
    CHECK(packets[1].reserved[0] == 0 && packets[1].reserved[1] == 0);
    CHECK(covey_packets_read(packets, 9, memory, sizeof memory, offsets, captured, sizes, times, 2) == COVEY_E_VERSION);
    CHECK(covey_packets_read(NULL, 1, memory, sizeof memory, offsets, captured, sizes, times, 2) == COVEY_E_ARGUMENT);
    CHECK(covey_packets_read(packets, 1, NULL, sizeof memory, offsets, captured, sizes, times, 2) == COVEY_E_ARGUMENT);
    CHECK(covey_packets_read(packets, 1, NULL, 0, NULL, NULL, NULL, NULL, 0) == COVEY_OK);
    CHECK(covey_packets_read(packets, 1, memory, sizeof memory - 1, offsets, captured, sizes, times, 2) == COVEY_E_ARGUMENT);
    offsets[1] = sizeof memory, captured[1] = 0; /* an empty frame at the end of memory is within it */
    CHECK(covey_packets_read(packets, 1, memory, sizeof memory, offsets, captured, sizes, times, 2) == COVEY_OK);
    CHECK(packets[1].notes == COVEY_NOTE_TRUNCATED && packets[1].size_bytes == 10);
    offsets[1] = UINT64_MAX;
    CHECK(covey_packets_read(packets, 1, memory, sizeof memory, offsets, captured, sizes, times, 2) == COVEY_E_ARGUMENT);
    offsets[1] = 0;
    times[1] = -1;
    CHECK(covey_packets_read(packets, 1, memory, sizeof memory, offsets, captured, sizes, times, 2) == COVEY_E_ARGUMENT);
}

int main(void)
{
    static const struct {
        uint32_t link;
        const uint8_t *frame;
        size_t size;
    } all[] = {{COVEY_LINK_ETHERNET, ipv4_tcp, sizeof ipv4_tcp}, {COVEY_LINK_ETHERNET, ipv6_chain, sizeof ipv6_chain},
               {COVEY_LINK_ETHERNET, arp, sizeof arp},           {COVEY_LINK_LINUX_SLL, cooked, sizeof cooked},
               {COVEY_LINK_LINUX_SLL2, cooked2, sizeof cooked2}, {COVEY_LINK_NULL, loopback, sizeof loopback},
               {COVEY_LINK_RAW, loopback + 4, sizeof loopback - 4}};
    every_field_is_read();
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        cuts_are_noted(all[i].link, all[i].frame, all[i].size);
        lies_are_survived(all[i].link, all[i].frame, all[i].size);
    }
    fragments_have_ports_only_at_their_start();
    contradictions_are_malformed();
    headers_may_end_with_the_frame();
    numbers_of_other_systems_are_known();
    a_chain_of_extension_headers_ends_with_the_frame();
    arguments_are_checked();
    many_frames_are_read_as_one_by_one();
    return check_done();
}
