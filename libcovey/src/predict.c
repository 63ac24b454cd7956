/* predict.c - outputs of a model, and the gradient of its mean loss, for rows in tiles that stay in cache. */
#include "canonical.h"

#include <string.h>

#include "bytes.h"
#include "loss.h"

/* Rows at a time. Portable kernels are for small memories and gain nothing from tiles. */
static uint32_t tile_rows(const covey_layout *layout)
{
    return layout->kernels->lanes > 1 ? 32 : 1;
}

typedef struct {
    covey_layout layout;
    covey_network network;
    float *packed; /* the parameters as vector kernels want them; NULL for portable ones */
    float *losses, *gradient;
} evaluation;

static size_t arrange(evaluation *e, const covey_model *model, int training, void *memory)
{
    *e = (evaluation){0};
    covey_layout_make(&e->layout, model, 0);
    uint32_t lanes = e->layout.kernels->lanes, tile = tile_rows(&e->layout);
    covey_arena arena = covey_arena_of(memory, lanes);
    if (lanes > 1)
        e->packed = covey_arena_take(&arena, e->layout.n_padded, sizeof(float));
    covey_network_arrange(&e->network, &arena, &e->layout, tile, training);
    if (training)
        e->losses = covey_arena_take(&arena, tile, sizeof(float));
    if (training && lanes > 1)
        e->gradient = covey_arena_take(&arena, e->layout.n_padded, sizeof(float));
    return covey_arena_size(&arena, lanes);
}

static int load(evaluation *e, const float *parameters, const float *inputs, uint32_t n_rows, int training)
{
    const covey_kernels *kernels = e->layout.kernels;
    if (!kernels->finite(parameters, e->layout.n_flat) || !kernels->finite(inputs, (size_t)n_rows * e->layout.n_inputs))
        return COVEY_E_NONFINITE;
    if (e->packed)
        covey_layout_pack(&e->layout, parameters, e->packed);
    e->network.weights = e->packed ? e->packed : parameters;
    covey_network_clear(&e->network, tile_rows(&e->layout), training);
    return COVEY_OK;
}

size_t covey_predict_size(const covey_model *model)
{
    evaluation e;
    return covey_model_check(model) == COVEY_OK ? arrange(&e, model, 0, 0) : 0;
}

int covey_predict(const covey_model *model, const float *parameters, const float *inputs, uint32_t n_rows, float *outputs,
                  void *arena, size_t arena_size)
{
    evaluation e;
    if (covey_model_check(model) != COVEY_OK)
        return COVEY_E_MODEL;
    if (!parameters || !inputs || !outputs || !arena || n_rows == 0)
        return COVEY_E_ARGUMENT;
    size_t needed = arrange(&e, model, 0, arena);
    if (needed == 0 || arena_size < needed)
        return COVEY_E_ARENA;
    int status = load(&e, parameters, inputs, n_rows, 0);
    const covey_layout *layout = &e.layout;
    const covey_shape *last = &layout->shape[layout->n_layers - 1];
    uint32_t tile = tile_rows(layout);
    for (uint32_t first = 0; status == COVEY_OK && first < n_rows; first += tile) {
        uint32_t count = n_rows - first < tile ? n_rows - first : tile;
        covey_forward(&e.network, inputs + (size_t)first * layout->n_inputs, layout->n_inputs, count);
        for (uint32_t r = 0; r < count; r++)
            memcpy(outputs + (size_t)(first + r) * layout->n_outputs,
                   e.network.values[layout->n_layers - 1] + (size_t)r * last->out_stride,
                   layout->n_outputs * sizeof(float));
        if (!layout->kernels->finite(outputs + (size_t)first * layout->n_outputs, (size_t)count * layout->n_outputs))
            status = COVEY_E_NONFINITE;
    }
    return status;
}

size_t covey_gradient_size(const covey_model *model)
{
    evaluation e;
    return covey_model_check(model) == COVEY_OK ? arrange(&e, model, 1, 0) : 0;
}

/* Tiles of rows, each going on with the sums where the tile before left them: the bits do not depend on the tile. */
static float sum_gradient(const evaluation *e, const covey_loss *loss, const covey_rows *rows, float *gradient)
{
    covey_total total = {0};
    const covey_step collect = {.gradient = gradient, .shrink = 1.0f};
    uint32_t tile = tile_rows(&e->layout), n = e->layout.n_inputs;
    for (uint32_t first = 0; first < rows->n_rows; first += tile) {
        covey_batch batch = {rows, 0, first, rows->n_rows - first < tile ? rows->n_rows - first : tile};
        const float *x = rows->inputs + (size_t)first * n;
        covey_forward(&e->network, x, n, batch.count);
        covey_loss_gradient(loss, &e->network, &batch, e->losses, &total);
        covey_backward(&e->network, x, n, batch.count, &collect, 0);
    }
    return total.sum / (float)rows->n_rows;
}

int covey_gradient(const covey_model *model, const covey_rows *rows, const float *parameters, float *gradient, float *loss,
                   void *arena, size_t arena_size)
{
    evaluation e;
    if (covey_model_check(model) != COVEY_OK)
        return COVEY_E_MODEL;
    if (!rows || rows->n_rows == 0 || !parameters || !gradient || !loss || !arena)
        return COVEY_E_ARGUMENT;
    size_t needed = arrange(&e, model, 1, arena);
    if (needed == 0 || arena_size < needed)
        return COVEY_E_ARENA;
    int status = covey_rows_check(model, &e.layout, rows);
    if (status == COVEY_OK)
        status = load(&e, parameters, rows->inputs, rows->n_rows, 1);
    if (status != COVEY_OK)
        return status;
    const covey_loss mean = {.kind = model->loss, .huber_delta = 1.0f, .share = 1.0f / (float)rows->n_rows};
    float *padded = e.gradient ? e.gradient : gradient;
    memset(padded, 0, (size_t)e.layout.n_padded * sizeof(float));
    covey_network_refresh_twins(&e.network);
    *loss = sum_gradient(&e, &mean, rows, padded);
    if (e.gradient)
        covey_layout_unpack(&e.layout, e.gradient, gradient);
    return covey_is_finite(*loss) && e.layout.kernels->finite(gradient, e.layout.n_flat) ? COVEY_OK : COVEY_E_NONFINITE;
}
