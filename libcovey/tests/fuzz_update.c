/* fuzz_update.c - libFuzzer target: any bytes as a message and as a payload. What is accepted must hold its promises. */
#include "covey.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void require(int holds)
{
    if (!holds)
        abort();
}

/* A payload that passes decodes to finite values, and adds exactly them. */
static void payload(const uint8_t *data, size_t size, uint32_t n)
{
    int status = covey_payload_check(data, size, n);
    if (n == 0 || n > 20000) {
        require(n != 0 || status == COVEY_E_ARGUMENT);
        return;
    }
    float *values = malloc(n * sizeof *values);
    double *sum = calloc(n, sizeof *sum);
    require(values && sum);
    require(covey_payload_decode(data, size, n, values) == status);
    require(covey_payload_accumulate(data, size, n, 2.0, sum) == status);
    for (uint32_t i = 0; i < n; i++)
        require(status == COVEY_OK ? isfinite(values[i]) && sum[i] == 2.0 * (double)values[i] : sum[i] == 0);
    free(values);
    free(sum);
}

static uint32_t claimed(const uint8_t *data, size_t size)
{
    return size < 5 ? 1 : (uint32_t)data[1] | (uint32_t)data[2] << 8 | (uint32_t)data[3] << 16 | (uint32_t)data[4] << 24;
}

/* A message that is read has one encoding: writing it again gives the same bytes. */
static void message(const uint8_t *data, size_t size)
{
    covey_update update;
    if (covey_update_read(data, size, &update) != COVEY_OK)
        return;
    uint8_t *again = malloc(size);
    require(again && covey_update_write(&update, again, size) == (int32_t)size && memcmp(again, data, size) == 0);
    free(again);
    payload(update.payload, update.payload_size, claimed(update.payload, update.payload_size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    message(data, size);
    payload(data, size, claimed(data, size));
    payload(data, size, 16);
    return 0;
}
