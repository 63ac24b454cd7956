#include "covey_watch.h"

int covey_scores(const covey_model *model, const float *outputs, const float *inputs, uint32_t n_rows, float *scores) {
    (void)model, (void)outputs, (void)inputs, (void)n_rows, (void)scores;
    return COVEY_E_VERSION;
}
