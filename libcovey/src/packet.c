/* packet.c - one captured frame to one covey_packet: link, network and transport headers, and not a byte behind them.
 *
 * Every length in a frame is somebody's claim. Two bounds are kept apart: what was captured, and what the headers so far
 * say there is. A header that goes beyond the first was cut off by the capture (TRUNCATED); one that goes beyond the
 * second contradicts the headers before it (MALFORMED). Rules and limits: docs/SPEC.md, "Packets and captures". */
#include "covey_watch.h"

#include "network.h"

#include <string.h>

typedef char packet_is_72_bytes[sizeof(covey_packet) == 72 ? 1 : -1];

enum { TYPE_IPV4 = 0x0800, TYPE_ARP = 0x0806, TYPE_IPV6 = 0x86DD, LOWEST_TYPE = 0x0600 };
enum { HOP_BY_HOP = 0, TCP = 6, UDP = 17, DCCP = 33, ROUTING = 43, FRAGMENT = 44, AUTHENTICATION = 51, DESTINATION = 60,
       SCTP = 132, MOBILITY = 135, UDP_LITE = 136, HOST_IDENTITY = 139, SHIM6 = 140 };

/* What is still to be read. */
typedef struct {
    covey_packet *packet;
    const uint8_t *at;
    size_t captured; /* bytes from `at` on that were captured */
    size_t declared; /* bytes from `at` on that the headers before say there are */
} rest;

/* Whether n bytes are there; if not, the packet's notes say why. */
static int has(const rest *rest, size_t n)
{
    if (n > rest->declared)
        rest->packet->notes |= COVEY_NOTE_MALFORMED;
    else if (n > rest->captured)
        rest->packet->notes |= COVEY_NOTE_TRUNCATED;
    else
        return 1;
    return 0;
}

/* Goes n bytes on, which has() found to be there. */
static void skip(rest *rest, size_t n)
{
    rest->at += n;
    rest->captured -= n;
    rest->declared -= n;
}

static void malformed(const rest *rest)
{
    rest->packet->notes |= COVEY_NOTE_MALFORMED;
}

/* Ports, and TCP's flags. What is in the first bytes is kept even where the header behind them is cut off or wrong. */
static void read_transport(rest *rest)
{
    covey_packet *packet = rest->packet;
    size_t header;
    switch (packet->protocol) {
    case TCP:
        header = 20;
        break;
    case UDP:
    case UDP_LITE:
        header = 8;
        break;
    case SCTP:
    case DCCP:
        header = 12;
        break;
    default:
        return;
    }
    size_t bound = rest->captured < rest->declared ? rest->captured : rest->declared;
    if (bound >= 4) {
        packet->source_port = (uint16_t)covey_big_u16(rest->at);
        packet->destination_port = (uint16_t)covey_big_u16(rest->at + 2);
    }
    if (packet->protocol == TCP && bound >= 14)
        packet->tcp_flags = rest->at[13];
    int is_part = (packet->notes & COVEY_NOTE_FRAGMENT) != 0; /* the header may go on in the next part */
    size_t here = is_part && rest->declared < header ? rest->declared : header;
    if (!has(rest, here) || here < header)
        return;
    if (packet->protocol == TCP) {
        size_t with_options = (size_t)(rest->at[12] >> 4) * 4; /* that they are captured matters to nothing here */
        if (with_options < header || (with_options > rest->declared && !is_part))
            malformed(rest);
    } else if (packet->protocol == UDP) {
        uint32_t length = covey_big_u16(rest->at + 4);
        if (length != 0 && length < header) /* 0: a jumbogram, or a datagram the sender's card has yet to cut up */
            malformed(rest);
    }
}

static void read_ipv4(rest *rest)
{
    covey_packet *packet = rest->packet;
    if (!has(rest, 20))
        return;
    const uint8_t *at = rest->at;
    size_t header = (size_t)(at[0] & 15) * 4, total = covey_big_u16(at + 2);
    if (at[0] >> 4 != 4 || header < 20) {
        malformed(rest);
        return;
    }
    packet->kind = COVEY_PACKET_IPV4;
    packet->protocol = at[9];
    memcpy(packet->source, at + 12, 4);
    memcpy(packet->destination, at + 16, 4);
    uint32_t fragment = covey_big_u16(at + 6);
    if (fragment & 0x3FFF) /* more are to come, or this is not at the start */
        packet->notes |= COVEY_NOTE_FRAGMENT;
    if (fragment & 0x1FFF)
        packet->notes |= COVEY_NOTE_LATER_FRAGMENT;
    if (total != 0 && total < rest->declared) /* 0: longer than 65,535 bytes, cut up by the sender's card later on */
        rest->declared = total;
    if (!has(rest, header) || packet->notes & COVEY_NOTE_LATER_FRAGMENT)
        return;
    skip(rest, header);
    read_transport(rest);
}

/* Reads over one extension header. Returns whether what is behind it can be read. */
static int read_extension(rest *rest)
{
    covey_packet *packet = rest->packet;
    if (!has(rest, 8))
        return 0;
    size_t length = ((size_t)rest->at[1] + 1) * 8;
    if (packet->protocol == AUTHENTICATION) {
        length = ((size_t)rest->at[1] + 2) * 4;
    } else if (packet->protocol == FRAGMENT) {
        uint32_t fragment = covey_big_u16(rest->at + 2);
        length = 8;
        if (fragment & 0xFFF9)
            packet->notes |= COVEY_NOTE_FRAGMENT;
        if (fragment & 0xFFF8)
            packet->notes |= COVEY_NOTE_LATER_FRAGMENT;
    }
    packet->protocol = rest->at[0];
    if (!has(rest, length) || packet->notes & COVEY_NOTE_LATER_FRAGMENT)
        return 0;
    skip(rest, length);
    return 1;
}

static int is_extension(uint8_t protocol)
{
    switch (protocol) {
    case HOP_BY_HOP:
    case ROUTING:
    case FRAGMENT:
    case AUTHENTICATION:
    case DESTINATION:
    case MOBILITY:
    case HOST_IDENTITY:
    case SHIM6:
        return 1;
    default:
        return 0;
    }
}

static void read_ipv6(rest *rest)
{
    covey_packet *packet = rest->packet;
    if (!has(rest, 40))
        return;
    const uint8_t *at = rest->at;
    if (at[0] >> 4 != 6) {
        malformed(rest);
        return;
    }
    packet->kind = COVEY_PACKET_IPV6;
    packet->protocol = at[6];
    memcpy(packet->source, at + 8, 16);
    memcpy(packet->destination, at + 24, 16);
    size_t payload = covey_big_u16(at + 4);
    skip(rest, 40);
    if (payload != 0 && payload < rest->declared) /* 0: a jumbogram, as above, or nothing at all */
        rest->declared = payload;
    while (is_extension(packet->protocol)) /* each is at least 8 bytes long, so the frame's length bounds this */
        if (!read_extension(rest))
            return;
    read_transport(rest);
}

/* Only requests and answers about IPv4 addresses have kind ARP. */
static void read_arp(rest *rest)
{
    covey_packet *packet = rest->packet;
    if (!has(rest, 8))
        return;
    const uint8_t *at = rest->at;
    size_t hardware = at[4];
    if (covey_big_u16(at + 2) != TYPE_IPV4)
        return;
    if (at[5] != 4) {
        malformed(rest);
        return;
    }
    if (!has(rest, 8 + 2 * hardware + 8))
        return;
    packet->kind = COVEY_PACKET_ARP;
    memcpy(packet->source, at + 8 + hardware, 4);
    memcpy(packet->destination, at + 12 + 2 * hardware, 4);
}

/* What an Ethernet type says comes next; below LOWEST_TYPE it is a length (802.3) or a type of Linux' own. */
static void read_payload(rest *rest, uint32_t type)
{
    covey_packet *packet = rest->packet;
    while (type == 0x8100 || type == 0x88A8 || type == 0x9100 || type == 0x9200) { /* the last two: before 802.1ad */
        packet->notes |= COVEY_NOTE_VLAN;
        if (!has(rest, 4))
            return;
        type = covey_big_u16(rest->at + 2);
        skip(rest, 4);
    }
    if (type < LOWEST_TYPE)
        return;
    packet->ether_type = (uint16_t)type;
    if (type == TYPE_IPV4)
        read_ipv4(rest);
    else if (type == TYPE_IPV6)
        read_ipv6(rest);
    else if (type == TYPE_ARP)
        read_arp(rest);
}

static void read_ethernet(rest *rest)
{
    if (!has(rest, 14))
        return;
    memcpy(rest->packet->destination_mac, rest->at, 6);
    memcpy(rest->packet->source_mac, rest->at + 6, 6);
    uint32_t type = covey_big_u16(rest->at + 12);
    skip(rest, 14);
    read_payload(rest, type);
}

/* Linux cooked captures: version 1 has 16 bytes, version 2 has 20 with the same fields elsewhere. */
static void read_cooked(rest *rest, size_t header, size_t type_at, size_t hardware_at, size_t address_at)
{
    if (!has(rest, header))
        return;
    const uint8_t *at = rest->at;
    if (at[address_at - 1] == 6) /* the length of the sender's address; version 1 has two bytes of it, the first 0 */
        memcpy(rest->packet->source_mac, at + address_at, 6);
    uint32_t type = covey_big_u16(at + type_at), hardware = covey_big_u16(at + hardware_at);
    skip(rest, header);
    if (hardware == 824 || hardware == 770 || (hardware >= 801 && hardware <= 803))
        return; /* netlink, frame relay, 802.11: what stands there is no Ethernet type */
    read_payload(rest, type);
}

static void read_raw(rest *rest)
{
    if (!has(rest, 1))
        return;
    uint32_t version = rest->at[0] >> 4;
    if (version == 4 || version == 6)
        read_payload(rest, version == 4 ? TYPE_IPV4 : TYPE_IPV6);
    else
        malformed(rest);
}

/* The family's number is that of the machine that captured, and so is its byte order. */
static void read_loopback(rest *rest)
{
    if (!has(rest, 4))
        return;
    const uint8_t *at = rest->at;
    uint32_t family = at[0] != 0 || at[1] != 0 ? (uint32_t)at[0] | (uint32_t)at[1] << 8 : covey_big_u16(at + 2);
    skip(rest, 4);
    if (family == 2)
        read_payload(rest, TYPE_IPV4);
    else if (family == 10 || family == 24 || family == 28 || family == 30) /* Linux, NetBSD, FreeBSD, Darwin */
        read_payload(rest, TYPE_IPV6);
}

int covey_packet_read(covey_packet *packet, uint32_t link, const uint8_t *frame, size_t captured_bytes)
{
    if (packet == NULL || (frame == NULL && captured_bytes != 0) || captured_bytes > UINT32_MAX)
        return COVEY_E_ARGUMENT;
    if (!covey_link_is_known(link))
        return COVEY_E_VERSION;
    memset(packet->source, 0, offsetof(covey_packet, reserved) - offsetof(covey_packet, source));
    packet->captured_bytes = (uint32_t)captured_bytes;
    rest rest = {packet, frame, captured_bytes, SIZE_MAX};
    switch (link) {
    case COVEY_LINK_ETHERNET:
        read_ethernet(&rest);
        break;
    case COVEY_LINK_LINUX_SLL:
        read_cooked(&rest, 16, 14, 2, 6);
        break;
    case COVEY_LINK_LINUX_SLL2:
        read_cooked(&rest, 20, 0, 8, 12);
        break;
    case COVEY_LINK_NULL:
        read_loopback(&rest);
        break;
    case COVEY_LINK_IPV4:
        read_payload(&rest, TYPE_IPV4);
        break;
    case COVEY_LINK_IPV6:
        read_payload(&rest, TYPE_IPV6);
        break;
    default:
        read_raw(&rest);
    }
    return COVEY_OK;
}

int covey_packets_read(covey_packet *packets, uint32_t link, const uint8_t *memory, size_t memory_size,
                       const uint64_t *offsets, const uint32_t *captured, const uint32_t *sizes, const int64_t *times_ns,
                       size_t n)
{
    if (memory == NULL && memory_size != 0)
        return COVEY_E_ARGUMENT;
    if (n != 0 && (packets == NULL || offsets == NULL || captured == NULL || sizes == NULL || times_ns == NULL))
        return COVEY_E_ARGUMENT;
    if (!covey_link_is_known(link))
        return COVEY_E_VERSION;
    for (size_t i = 0; i < n; i++)
        if (offsets[i] > memory_size || captured[i] > memory_size - (size_t)offsets[i] || times_ns[i] < 0)
            return COVEY_E_ARGUMENT;
    for (size_t i = 0; i < n; i++) {
        packets[i].time_ns = times_ns[i];
        packets[i].size_bytes = sizes[i] < captured[i] ? captured[i] : sizes[i];
        memset(packets[i].reserved, 0, sizeof packets[i].reserved);
        (void)covey_packet_read(&packets[i], link, memory == NULL ? NULL : memory + offsets[i], captured[i]);
    }
    return COVEY_OK;
}
