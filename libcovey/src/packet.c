#include "covey_watch.h"

int covey_packet_read(covey_packet *packet, uint32_t link, const uint8_t *frame, size_t captured_bytes) {
    (void)packet, (void)link, (void)frame, (void)captured_bytes;
    return COVEY_E_VERSION;
}
