#include "covey_watch.h"

void covey_tail_init(covey_tail *tail) { (void)tail; }
int covey_tail_add(covey_tail *tail, const float *scores, size_t n) {
    (void)tail, (void)scores, (void)n;
    return COVEY_E_VERSION;
}
void covey_tail_forget(covey_tail *tail) { (void)tail; }
int covey_tail_threshold(const covey_tail *tail, double rate, float *threshold) {
    (void)tail, (void)rate, (void)threshold;
    return COVEY_E_VERSION;
}
