#include "covey_watch.h"

void covey_capture_init(covey_capture *capture) { (void)capture; }
int32_t covey_capture_read(covey_capture *capture, const uint8_t *bytes, size_t size, size_t *consumed,
                           covey_packet *packets, size_t most_packets) {
    (void)capture, (void)bytes, (void)size, (void)consumed, (void)packets, (void)most_packets;
    return COVEY_E_VERSION;
}
