/* bits_packets.h - a case of the same-bits programs about frames: lengths and offsets on targets whose size_t has 32 bits.
 * The includer has mix() and LENGTH(). */
#ifndef COVEY_BITS_PACKETS_H
#define COVEY_BITS_PACKETS_H

#include <stdint.h>
#include <string.h>

#include "covey_watch.h"

/* Headers of every kind, put together and spoiled at random: each link reads each frame, cut at random too. */
static int packets(void)
{
    static const uint8_t starts[][14] = {
        {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0x08, 0x00}, {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0x86, 0xDD},
        {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0x81, 0x00}, {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0x08, 0x06}};
    static const uint8_t nexts[] = {0, 6, 17, 33, 43, 44, 50, 51, 58, 59, 60, 132, 135, 136};
    static const uint32_t links[] = {COVEY_LINK_NULL, COVEY_LINK_ETHERNET, COVEY_LINK_RAW, COVEY_LINK_LINUX_SLL,
                                     COVEY_LINK_IPV4, COVEY_LINK_IPV6,     COVEY_LINK_LINUX_SLL2};
    uint8_t frame[160];
    covey_packet packet;
    for (uint32_t i = 0; i < 120; i++) {
        uint64_t draw = covey_random_u64(120, i);
        size_t kind = draw % 4;
        for (uint32_t j = 0; j < sizeof frame; j++) {
            frame[j] = (uint8_t)(covey_random_u64(121 + i, j) >> 32);
        }
        memcpy(frame, starts[kind], sizeof starts[kind]);
        if (kind == 0) {
            static const uint8_t head[] = {0x45, 0, 0, 120, 0, 1, 0, 0, 64};
            memcpy(frame + 14, head, sizeof head);
            frame[14] = (uint8_t)(0x45 + (draw >> 8) % 4);
            frame[20] = (draw >> 12) % 4 == 0 ? 0x20 : 0;
            frame[23] = nexts[(draw >> 16) % LENGTH(nexts)];
        } else if (kind == 1) {
            static const uint8_t head[] = {0x60, 0, 0, 0, 0, 100};
            memcpy(frame + 14, head, sizeof head);
            frame[20] = nexts[(draw >> 16) % LENGTH(nexts)];
            for (uint32_t at = 54; at < 110; at += 8) { /* extension headers of 8 bytes, if that is what comes */
                frame[at] = nexts[(draw >> (20 + at / 8)) % LENGTH(nexts)];
                frame[at + 1] = 0;
                frame[at + 2] = frame[at + 3] = 0;
            }
        } else if (kind == 2) {
            memcpy(frame + 16, starts[draw >> 8 & 1] + 12, 2);
            frame[18] = (draw >> 8 & 1) ? 0x60 : 0x46;
        } else {
            static const uint8_t head[] = {0, 1, 8, 0, 6, 4, 0, 1};
            memcpy(frame + 14, head, sizeof head);
        }
        if ((draw >> 60) % 2 == 0) {
            frame[14 + (draw >> 40) % 80] ^= (uint8_t)(1 << (draw >> 48) % 8);
        }
        size_t size = (draw >> 50) % 4 == 0 ? (size_t)((draw >> 52) % sizeof frame) : sizeof frame;
        for (uint32_t link = 0; link < LENGTH(links); link++) {
            memset(&packet, 0, sizeof packet);
            int status = covey_packet_read(&packet, links[link], frame, size);
            if (status < 0) {
                return status;
            }
            mix(&packet, sizeof packet);
        }
    }
    return COVEY_OK;
}

#endif
