/* loss.c - softmax cross-entropy, logistic, squared and Huber loss.
 *
 * A row's loss of several outputs is their mean (as in torch); a row's weight multiplies its loss and its gradient. */
#include "canonical.h"

#include "loss.h"

#include <string.h>

#include "arithmetic.h"

void covey_total_add(covey_total *total, float value)
{
    float corrected = value - total->lost, sum = total->sum + corrected;
    total->lost = (sum - total->sum) - corrected;
    total->sum = sum;
}

static int check_labels(const covey_rows *rows, uint32_t classes)
{
    if (!rows->labels)
        return COVEY_E_ARGUMENT;
    for (uint32_t r = 0; r < rows->n_rows; r++)
        if (rows->labels[r] < 0 || (uint32_t)rows->labels[r] >= classes)
            return COVEY_E_LABEL;
    return COVEY_OK;
}

int covey_rows_check(const covey_model *model, const covey_layout *layout, const covey_rows *rows)
{
    int status = COVEY_OK;
    if (!rows || !rows->inputs || rows->n_rows == 0)
        return COVEY_E_ARGUMENT;
    if (model->loss == COVEY_SOFTMAX_CE || model->loss == COVEY_BCE)
        status = check_labels(rows, model->loss == COVEY_BCE ? 2 : layout->n_outputs);
    else if (!rows->targets && layout->n_inputs != layout->n_outputs)
        status = COVEY_E_ARGUMENT;
    else if (rows->targets && !layout->kernels->finite(rows->targets, (size_t)rows->n_rows * layout->n_outputs))
        status = COVEY_E_NONFINITE;
    if (status == COVEY_OK && rows->sample_weight && !layout->kernels->finite(rows->sample_weight, rows->n_rows))
        status = COVEY_E_NONFINITE;
    return status;
}

static float row_weight(const covey_batch *batch, uint32_t i)
{
    return batch->rows->sample_weight ? batch->rows->sample_weight[covey_batch_row(batch, i)] : 1.0f;
}

static void softmax_gradient(const covey_loss *loss, const covey_network *network, const covey_batch *batch, float *y,
                             size_t stride, float *losses)
{
    const covey_layout *layout = network->layout;
    int32_t label[COVEY_SOFTMAX_ROWS];
    float scale[COVEY_SOFTMAX_ROWS];
    for (uint32_t first = 0; first < batch->count; first += COVEY_SOFTMAX_ROWS) {
        uint32_t left = batch->count - first, n = left < COVEY_SOFTMAX_ROWS ? left : COVEY_SOFTMAX_ROWS;
        for (uint32_t i = 0; i < n; i++) {
            label[i] = batch->rows->labels[covey_batch_row(batch, first + i)];
            scale[i] = row_weight(batch, first + i) * loss->share;
        }
        const covey_cross_entropy softmax = {
            .logits = y + first * stride,
            .stride = stride,
            .rows = n,
            .cols = layout->n_outputs,
            .label = label,
            .scale = scale,
            .own = 1.0f - loss->smoothing,
            .rest = loss->smoothing / (float)layout->n_outputs,
            .loss = losses + first,
        };
        layout->kernels->softmax(&softmax);
    }
}

/* ln(1 + e^z) - label z, in the form that neither overflows nor cancels. */
static void logistic_gradient(const covey_loss *loss, const covey_batch *batch, float *y, size_t stride, float *losses)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        float z = y[i * stride], label = (float)batch->rows->labels[covey_batch_row(batch, i)];
        label = label * (1.0f - loss->smoothing) + 0.5f * loss->smoothing;
        float e = covey_exp_inline(z < 0.0f ? z : -z);
        losses[i] = ((z > 0.0f ? z : 0.0f) - z * label) + covey_log_inline(1.0f + e);
        y[i * stride] = (covey_sigmoid_inline(z) - label) * (row_weight(batch, i) * loss->share);
    }
}

static float row_error(const covey_loss *loss, float *y, const float *target, uint32_t n, float scale)
{
    float sum = 0.0f, delta = loss->huber_delta;
    for (uint32_t c = 0; c < n; c++) {
        float e = y[c] - target[c], size = e < 0.0f ? -e : e;
        if (loss->kind == COVEY_MSE) {
            sum += e * e;
            y[c] = (2.0f * e) * scale;
        } else {
            sum += size <= delta ? 0.5f * (e * e) : delta * (size - 0.5f * delta);
            y[c] = (e > delta ? delta : e < -delta ? -delta : e) * scale;
        }
    }
    return sum / (float)n;
}

static void error_gradient(const covey_loss *loss, const covey_layout *layout, const covey_batch *batch, float *y,
                           size_t stride, float *losses)
{
    const float *targets = batch->rows->targets ? batch->rows->targets : batch->rows->inputs;
    for (uint32_t i = 0; i < batch->count; i++) {
        const float *target = targets + (size_t)covey_batch_row(batch, i) * layout->n_outputs;
        float scale = (row_weight(batch, i) * loss->share) / (float)layout->n_outputs;
        losses[i] = row_error(loss, y + i * stride, target, layout->n_outputs, scale);
    }
}

void covey_loss_gradient(const covey_loss *loss, const covey_network *network, const covey_batch *batch, float *losses,
                         covey_total *total)
{
    const covey_layout *layout = network->layout;
    const covey_shape *last = &layout->shape[layout->n_layers - 1];
    size_t stride = last->out_stride, n = batch->count * stride;
    int linear = last->layer->activation == COVEY_LINEAR;
    float *outputs = network->values[layout->n_layers - 1], *y = linear ? outputs : network->back;
    if (!linear)
        memcpy(y, outputs, n * sizeof(float));
    if (loss->kind == COVEY_SOFTMAX_CE)
        softmax_gradient(loss, network, batch, y, stride, losses);
    else if (loss->kind == COVEY_BCE)
        logistic_gradient(loss, batch, y, stride, losses);
    else
        error_gradient(loss, layout, batch, y, stride, losses);
    if (!linear)
        layout->kernels->activate_back(last->layer->activation, outputs, y, n);
    for (uint32_t i = 0; i < batch->count; i++)
        covey_total_add(total, losses[i] * row_weight(batch, i));
}
