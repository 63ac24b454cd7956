/* quant.h - shapes and small arithmetic that making int8 models (quant.c) and running them (infer.c) share. */
#ifndef COVEY_QUANT_H
#define COVEY_QUANT_H

#include "canonical.h"

#include "bytes.h"
#include "covey.h"
#include "layout.h"

/* Terms of one sum that int32 holds for certain: infer.c has the proof. */
enum { COVEY_FAN_IN_LIMIT = 8000 };

/* Activations are integers of at most this magnitude; the hats of a spline feature are integers that sum to COVEY_HAT. */
enum { COVEY_ACTIVATION_LIMIT = 2047, COVEY_HAT = 2048 };

/* Terms of one output's sum; a spline feature's two hats count as one. */
static inline uint32_t covey_fan_in(const covey_layer *layer)
{
    return layer->kind == COVEY_SPLINE ? layer->inputs : covey_layer_rows(layer);
}

static inline uint32_t covey_int8_layer_bytes(const covey_layer *layer) /* 0 for pooling, which has no weights */
{
    uint32_t rows = covey_layer_rows(layer);
    return rows ? (8 + rows) * layer->outputs : 0;
}

static inline int32_t covey_rounded(float x) /* half away from zero; |x| is far below 2^31 */
{
    return (int32_t)(x + (x < 0 ? -0.5f : 0.5f));
}

/* COVEY_OK if `bytes` are an int8 model of this shape: exact size, finite biases, finite scales that are not negative. */
int covey_int8_check(const covey_model *model, const uint8_t *bytes, size_t size);

#endif
