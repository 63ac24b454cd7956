/* loss.h - losses of a batch and their gradients by the model's outputs. */
#ifndef COVEY_LOSS_H
#define COVEY_LOSS_H

#include "layers.h"

/* Rows first .. first + count of an order of rows; no order: as they lie. */
typedef struct {
    const covey_rows *rows;
    const uint32_t *order;
    uint32_t first, count;
} covey_batch;

static inline uint32_t covey_batch_row(const covey_batch *batch, uint32_t i)
{
    return batch->order ? batch->order[batch->first + i] : batch->first + i;
}

/* A sum of many float32 values that loses nothing to its length (Kahan 1965). */
typedef struct {
    float sum, lost;
} covey_total;

void covey_total_add(covey_total *total, float value);

typedef struct {
    uint8_t kind; /* covey_loss_kind */
    float huber_delta, smoothing;
    float share; /* 1 / rows in the mean */
} covey_loss;

/* Status of labels, targets and weights of all rows: what training needs is there and in range. */
int covey_rows_check(const covey_model *model, const covey_layout *layout, const covey_rows *rows);

/* Takes the outputs of covey_forward, leaves in the last values the gradient by the last layer's sums, ready for
 * covey_backward, and adds each row's loss to `total`. `losses` is scratch (count). */
void covey_loss_gradient(const covey_loss *loss, const covey_network *network, const covey_batch *batch, float *losses,
                         covey_total *total);

#endif
