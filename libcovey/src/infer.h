/* infer.h - what inference row by row (infer.c) and over batches of rows (infer_batch.c) share. */
#ifndef COVEY_INFER_H
#define COVEY_INFER_H

#include "covey.h"
#include "kernels.h"

/* A pooling layer and its activation over one row. */
void covey_pool_row(const covey_layer *layer, const float *in, float *out);

#if COVEY_VECTOR_KERNELS
/* Bytes that covey_batch_predict needs; 0 where the active kernels have no batches. */
size_t covey_batch_size(const covey_model *model);
/* Rows done with: all of them, or those of the tiles before one in which some value is not finite. */
uint32_t covey_batch_predict(const covey_model *model, const uint8_t *bytes, const float *inputs, uint32_t n_rows,
                             float *outputs, void *arena);
#endif

#endif
