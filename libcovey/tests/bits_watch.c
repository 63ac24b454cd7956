/* bits_watch.c - the same bits everywhere, of what a device does with its own traffic: frames, packets, features of 32
 * streams, encoding, int8 model, scores, windows, thresholds, bins. No training: the image that only watches. */
#include "bits_run.h"

#include "bits_watch.h"

static const bits_case cases[] = {WATCH_CASES};

int main(int argc, char **argv)
{
    return run_cases(cases, LENGTH(cases), argc, argv);
}
