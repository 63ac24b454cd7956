/* streams_places.c - which streams a packet belongs to: keys of its addresses. */
#include "bytes.h"
#include "siphash.h"
#include "streams.h"

static inline uint64_t load_u64(const uint8_t *at)
{
    return (uint64_t)covey_load_u32(at) | (uint64_t)covey_load_u32(at + 4) << 32;
}

static inline uint64_t load_mac(const uint8_t *at)
{
    return (uint64_t)covey_load_u32(at) | (uint64_t)covey_load_u16(at + 4) << 32;
}

typedef struct {
    uint64_t first, second; /* eight bytes each */
} address;

static inline address address_of(const uint8_t *bytes, const uint8_t *mac, int by_mac)
{
    address result = {by_mac ? load_mac(mac) : load_u64(bytes), by_mac ? 0 : load_u64(bytes + 8)};
    return result;
}

/* Key of a channel or socket: its two ends, the lower number first, 16 bytes each; their ports, 4 bytes; then `tail`. */
static void place_pair(const uint64_t seed[2], address source, address destination, uint32_t source_port,
                       uint32_t destination_port, uint32_t tail, uint32_t tail_bytes, places *out, uint32_t which)
{
    int above = source.first != destination.first     ? source.first > destination.first
                : source.second != destination.second ? source.second > destination.second
                                                      : source_port > destination_port;
    address low = above ? destination : source, high = above ? source : destination;
    uint32_t ports = above ? destination_port | source_port << 16 : source_port | destination_port << 16;
    uint64_t last = ports | (uint64_t)tail << 32 | (uint64_t)(36 + tail_bytes) << 56;
    const uint64_t words[5] = {low.first, low.second, high.first, high.second, last};
    out->key[which] = covey_sip_hash(seed, words, 5);
    out->way[which] = (uint8_t)above;
}

/* MI is the address, 16 bytes, the MAC, 6, and the family, 1; H the address and the family; HH a pair with ports 0 and the
 * family; HpHp a pair with protocol and kind. ARP's addresses are of IPv4's family. MACs stand in for the addresses of
 * kind OTHER, and for those of ARP in HpHp, as in Kitsune. */
void covey_streams_place(const uint64_t seed[2], const covey_packet *packet, uint32_t does, places *out)
{
    uint32_t kind = packet->kind, family = kind == COVEY_PACKET_ARP ? COVEY_PACKET_IPV4 : kind;
    int by_mac = kind == COVEY_PACKET_OTHER;
    address source = address_of(packet->source, packet->source_mac, by_mac);
    address destination = address_of(packet->destination, packet->destination_mac, by_mac);
    if (does & DOES_MI) {
        uint64_t last = load_mac(packet->source_mac) | (uint64_t)family << 48 | (uint64_t)23 << 56;
        const uint64_t words[3] = {source.first, source.second, last};
        out->key[MI_STREAMS] = covey_sip_hash(seed, words, 3);
    }
    if (does & DOES_H) {
        const uint64_t words[3] = {source.first, source.second, family | (uint64_t)17 << 56};
        out->key[H_STREAMS] = covey_sip_hash(seed, words, 3);
    }
    if (does & (DOES_HH | DOES_JITTER))
        place_pair(seed, source, destination, 0, 0, family, 1, out, HH_STREAMS);
    if (does & DOES_HPHP) {
        by_mac |= kind == COVEY_PACKET_ARP;
        source = address_of(packet->source, packet->source_mac, by_mac);
        destination = address_of(packet->destination, packet->destination_mac, by_mac);
        place_pair(seed, source, destination, packet->source_port, packet->destination_port,
                   packet->protocol | kind << 8, 2, out, HPHP_STREAMS);
    }
}
