/* model.c - whether layers fit together, and the sizes that follow from them. */
#include "covey.h"

#include "layout.h"

static int is_pool(const covey_layer *layer)
{
    return layer->kind == COVEY_MAXPOOL1D || layer->kind == COVEY_MEANPOOL1D;
}

static int is_sequence(const covey_layer *layer)
{
    return layer->kind == COVEY_CONV1D || is_pool(layer);
}

static int check_layer(const covey_layer *layer)
{
    if (layer->kind < COVEY_DENSE || layer->kind > COVEY_MEANPOOL1D || layer->activation > COVEY_TANH)
        return COVEY_E_MODEL;
    if (layer->inputs == 0 || layer->inputs > COVEY_MAX_WIDTH || layer->outputs == 0 || layer->outputs > COVEY_MAX_WIDTH)
        return COVEY_E_MODEL;
    if (layer->kind == COVEY_SPLINE ? layer->knots < 2 : layer->knots != 0)
        return COVEY_E_MODEL;
    if (!is_sequence(layer))
        return layer->length == 0 && layer->kernel == 0 && layer->stride == 0 ? COVEY_OK : COVEY_E_MODEL;
    if (layer->kernel == 0 || layer->stride == 0 || layer->kernel > layer->length)
        return COVEY_E_MODEL;
    if ((uint32_t)layer->length * layer->inputs > COVEY_MAX_PARAMETERS)
        return COVEY_E_MODEL;
    return is_pool(layer) && layer->inputs != layer->outputs ? COVEY_E_MODEL : COVEY_OK;
}

uint32_t covey_layer_rows(const covey_layer *layer)
{
    if (layer->kind == COVEY_DENSE)
        return layer->inputs;
    if (layer->kind == COVEY_SPLINE)
        return layer->knots;
    return layer->kind == COVEY_CONV1D ? (uint32_t)layer->kernel * layer->inputs : 0;
}

uint32_t covey_layer_steps(const covey_layer *layer)
{
    return is_sequence(layer) ? (uint32_t)(layer->length - layer->kernel) / layer->stride + 1 : 1;
}

uint32_t covey_layer_values_in(const covey_layer *layer)
{
    return is_sequence(layer) ? (uint32_t)layer->length * layer->inputs : layer->inputs;
}

uint32_t covey_layer_values_out(const covey_layer *layer)
{
    return covey_layer_steps(layer) * layer->outputs;
}

static uint64_t layer_parameters(const covey_layer *layer)
{
    return is_pool(layer) ? 0 : ((uint64_t)covey_layer_rows(layer) + 1) * layer->outputs;
}

/* Products of one row; pooling: values it looks at. */
static uint64_t layer_work(const covey_layer *layer)
{
    if (layer->kind == COVEY_SPLINE)
        return (uint64_t)layer->inputs * 2 * layer->outputs;
    if (is_pool(layer))
        return (uint64_t)covey_layer_steps(layer) * layer->kernel * layer->inputs;
    return (uint64_t)covey_layer_steps(layer) * covey_layer_rows(layer) * layer->outputs;
}

int covey_model_check(const covey_model *model)
{
    uint64_t parameters = 0, work = 0;
    if (!model || !model->layers || model->n_layers == 0 || model->n_layers > COVEY_MAX_LAYERS)
        return COVEY_E_MODEL;
    if (model->loss < COVEY_SOFTMAX_CE || model->loss > COVEY_HUBER)
        return COVEY_E_MODEL;
    for (uint32_t l = 0; l < model->n_layers; l++) {
        const covey_layer *layer = &model->layers[l];
        if (check_layer(layer) != COVEY_OK || covey_layer_values_out(layer) > COVEY_MAX_PARAMETERS)
            return COVEY_E_MODEL;
        if (l > 0 && layer->kind == COVEY_SPLINE) /* its inputs are positions between knots, which only data has */
            return COVEY_E_MODEL;
        if (l > 0 && covey_layer_values_in(layer) != covey_layer_values_out(layer - 1))
            return COVEY_E_MODEL;
        parameters += layer_parameters(layer);
        work += layer_work(layer);
    }
    uint32_t outputs = covey_layer_values_out(&model->layers[model->n_layers - 1]);
    if (parameters == 0 || parameters > COVEY_MAX_PARAMETERS || work > COVEY_MAX_WORK)
        return COVEY_E_MODEL;
    if (model->loss == COVEY_BCE && outputs != 1)
        return COVEY_E_MODEL;
    return model->loss == COVEY_SOFTMAX_CE && outputs < 2 ? COVEY_E_MODEL : COVEY_OK;
}

uint32_t covey_model_parameters(const covey_model *model)
{
    uint64_t parameters = 0;
    if (covey_model_check(model) != COVEY_OK)
        return 0;
    for (uint32_t l = 0; l < model->n_layers; l++)
        parameters += layer_parameters(&model->layers[l]);
    return (uint32_t)parameters;
}

uint32_t covey_model_inputs(const covey_model *model)
{
    return covey_model_check(model) == COVEY_OK ? covey_layer_values_in(&model->layers[0]) : 0;
}

uint32_t covey_model_outputs(const covey_model *model)
{
    return covey_model_check(model) == COVEY_OK ? covey_layer_values_out(&model->layers[model->n_layers - 1]) : 0;
}
