/* network.h - numbers in network byte order at any alignment, and which links packet.c reads. */
#ifndef COVEY_NETWORK_H
#define COVEY_NETWORK_H

#include "covey_watch.h"

static inline uint32_t covey_big_u16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | (uint32_t)at[1];
}

static inline uint32_t covey_big_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

static inline int covey_link_is_known(uint32_t link)
{
    switch (link) {
    case COVEY_LINK_NULL:
    case COVEY_LINK_ETHERNET:
    case COVEY_LINK_RAW:
    case COVEY_LINK_LINUX_SLL:
    case COVEY_LINK_IPV4:
    case COVEY_LINK_IPV6:
    case COVEY_LINK_LINUX_SLL2:
        return 1;
    default:
        return 0;
    }
}

#endif
