#include "covey_watch.h"

uint32_t covey_bins(const covey_encoding *encoding, uint32_t feature) {
    (void)encoding, (void)feature;
    return 0;
}
int covey_bins_count(const covey_encoding *encoding, const float *inputs, size_t n_rows, size_t stride, uint32_t *counts) {
    (void)encoding, (void)inputs, (void)n_rows, (void)stride, (void)counts;
    return COVEY_E_VERSION;
}
