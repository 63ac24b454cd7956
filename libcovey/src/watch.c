#include "covey_watch.h"

size_t covey_watch_size(uint32_t n_columns) { return n_columns; }
int covey_watch_init(void *watch, size_t size, const covey_watch_settings *settings, uint32_t n_columns) {
    (void)watch, (void)size, (void)settings, (void)n_columns;
    return COVEY_E_VERSION;
}
int32_t covey_watch_update(void *watch, const covey_packet *packets, const float *rows, const float *scores, size_t n,
                           float threshold, covey_window *windows, float *top_rows, size_t most_windows, size_t *taken) {
    (void)watch, (void)packets, (void)rows, (void)scores, (void)n, (void)threshold, (void)windows, (void)top_rows;
    (void)most_windows, (void)taken;
    return COVEY_E_VERSION;
}
int32_t covey_watch_flush(void *watch, int64_t now_ns, float threshold, covey_window *window, float *top_row) {
    (void)watch, (void)now_ns, (void)threshold, (void)window, (void)top_row;
    return COVEY_E_VERSION;
}
