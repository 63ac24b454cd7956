/* payload.h - a payload taken apart, for the files that read many of them. Layout: docs/SPEC.md. */
#ifndef COVEY_PAYLOAD_H
#define COVEY_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

/* What covey_payload_check says of a payload's head and size, without a look at its values. */
int covey_payload_check_shape(const uint8_t *payload, size_t size, uint32_t n);

/* The L2 norm as covey_payload_encode measures it. */
float covey_norm(const float *values, uint32_t n);

/* Adds weight * value i to sum[i - from] for from <= i < to < n + 1, of a payload that covey_payload_check accepted.
 * value i is the float32 that covey_payload_decode gives; the product and the sum are double. */
void covey_payload_add(const uint8_t *payload, double weight, uint32_t from, uint32_t to, double *sum);

/* The sum of the squares of its n values, of a payload that covey_payload_check accepted. */
double covey_payload_squares(const uint8_t *payload, uint32_t n);

#endif
