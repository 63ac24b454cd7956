#include "covey_watch.h"

size_t covey_streams_size(uint32_t capacity) { return capacity; }
int covey_streams_init(void *streams, size_t size, uint32_t capacity, uint64_t seed) {
    (void)streams, (void)size, (void)capacity, (void)seed;
    return COVEY_E_VERSION;
}
int covey_streams_update(void *streams, const covey_packet *packets, size_t n, const uint8_t *columns, uint32_t n_columns,
                         float *rows) {
    (void)streams, (void)packets, (void)n, (void)columns, (void)n_columns, (void)rows;
    return COVEY_E_VERSION;
}
int covey_streams_count(const void *streams, covey_streams_counts *counts) {
    (void)streams, (void)counts;
    return COVEY_E_VERSION;
}
