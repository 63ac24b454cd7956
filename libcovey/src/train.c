/* train.c - mini-batch gradient descent on one device's rows. */
#include "canonical.h"

#include <math.h>
#include <string.h>

#include "bytes.h"
#include "loss.h"
#include "train.h"

typedef struct {
    covey_layout layout;
    covey_network network;
    covey_step step;
    covey_loss loss;
    const covey_training *training;
    const covey_rows *rows;
    uint32_t *order; /* NULL: rows as they lie */
    float *gathered; /* a shuffled batch's inputs */
    float *losses;
    float *weights;  /* padded; the caller's parameters themselves where there is no padding */
    float *rounded;  /* what int8 holds of the weights, for fake quantisation */
    float *slab;
    float *anchor, *correction, *scale, *velocity, *gradient; /* padded; NULL where not in use */
    const uint8_t *ahead; /* what the runner will train on next, */
    size_t ahead_size;    /* how much of it has not been asked for, */
    size_t ahead_part;    /* and how much to ask for each step */
} trainer;

static int needs_slab(const trainer *t)
{
    const covey_shape *first = &t->layout.shape[0];
    return t->layout.kernels->lanes > 1 && first->layer->kind == COVEY_SPLINE && first->trainable;
}

/* All of the arena's parts, in order; measures with a NULL arena. */
static size_t arrange(trainer *t, const covey_model *model, const covey_training *training, uint32_t n_rows, void *memory)
{
    *t = (trainer){.training = training};
    covey_layout_make(&t->layout, model, training->trainable);
    uint32_t lanes = t->layout.kernels->lanes, n = t->layout.n_padded;
    uint32_t batch = training->batch < n_rows ? training->batch : n_rows;
    covey_arena arena = covey_arena_of(memory, lanes);
    if (lanes > 1)
        t->weights = covey_arena_take(&arena, n, sizeof(float));
    covey_network_arrange(&t->network, &arena, &t->layout, batch, 1);
    t->losses = covey_arena_take(&arena, batch, sizeof(float));
    if (training->shuffle) {
        t->order = covey_arena_take(&arena, n_rows, sizeof(uint32_t));
        t->gathered = covey_arena_take(&arena, (uint64_t)batch * t->layout.n_inputs, sizeof(float));
    }
    if (training->fake_quantise)
        t->rounded = covey_arena_take(&arena, n, sizeof(float));
    if (training->momentum != 0.0f)
        t->velocity = covey_arena_take(&arena, n, sizeof(float));
    if (training->proximal != 0.0f && (lanes > 1 || !training->anchor))
        t->anchor = covey_arena_take(&arena, n, sizeof(float));
    if (training->correction && lanes > 1)
        t->correction = covey_arena_take(&arena, n, sizeof(float));
    if (training->step_scale && lanes > 1)
        t->scale = covey_arena_take(&arena, n, sizeof(float));
    if (training->gradient_clip > 0.0f)
        t->gradient = covey_arena_take(&arena, n, sizeof(float));
    else if (needs_slab(t))
        t->slab = covey_arena_take(&arena, (uint64_t)t->layout.shape[0].rows * t->layout.shape[0].stride, sizeof(float));
    return covey_arena_size(&arena, lanes);
}

static int in_range(float value, float lowest, float highest)
{
    return value >= lowest && value <= highest; /* false for NaN */
}

static int check_training(const covey_model *model, const covey_training *t)
{
    if (!t || (t->epochs == 0 && t->max_steps == 0) || t->batch == 0 || t->batch > 1024)
        return COVEY_E_ARGUMENT;
    if (!in_range(t->learning_rate, 0.0f, FLT_MAX) || !in_range(t->momentum, 0.0f, 1.0f) || t->momentum == 1.0f)
        return COVEY_E_ARGUMENT;
    if (!in_range(t->weight_decay, 0.0f, FLT_MAX) || !in_range(t->proximal, 0.0f, FLT_MAX) ||
        !in_range(t->gradient_clip, 0.0f, FLT_MAX))
        return COVEY_E_ARGUMENT;
    if (model->loss == COVEY_HUBER && !(in_range(t->huber_delta, 0.0f, FLT_MAX) && t->huber_delta > 0.0f))
        return COVEY_E_ARGUMENT;
    if (!in_range(t->label_smoothing, 0.0f, 1.0f) || t->label_smoothing == 1.0f)
        return COVEY_E_ARGUMENT;
    return t->fake_quantise > 1 || t->shuffle > 1 ? COVEY_E_ARGUMENT : COVEY_OK;
}

size_t covey_train_size(const covey_model *model, const covey_training *training, uint32_t n_rows)
{
    trainer t;
    if (covey_model_check(model) != COVEY_OK || check_training(model, training) != COVEY_OK || n_rows == 0)
        return 0;
    return arrange(&t, model, training, n_rows, 0);
}

/* A buffer of the caller in the kernels' layout: itself, or its copy in the arena. */
static const float *laid_out(const trainer *t, const float *flat, float *padded)
{
    if (!flat || !padded)
        return flat;
    covey_layout_pack(&t->layout, flat, padded);
    return padded;
}

static void load(trainer *t, const covey_model *model, float *parameters, uint32_t batch)
{
    const covey_training *training = t->training;
    size_t bytes = (size_t)t->layout.n_padded * sizeof(float);
    if (t->weights)
        covey_layout_pack(&t->layout, parameters, t->weights);
    else
        t->weights = parameters;
    t->network.weights = t->rounded ? t->rounded : t->weights;
    covey_network_clear(&t->network, batch, 1);
    if (t->velocity)
        memset(t->velocity, 0, bytes);
    if (t->rounded)
        memcpy(t->rounded, t->weights, bytes);
    if (t->gradient)
        memset(t->gradient, 0, bytes);
    if (t->slab)
        memset(t->slab, 0, (size_t)t->layout.shape[0].rows * t->layout.shape[0].stride * sizeof(float));
    t->step = (covey_step){
        .weight = t->weights,
        .gradient = t->gradient,
        .velocity = t->velocity,
        .rate = training->learning_rate,
        .momentum = training->momentum,
        .decay = training->weight_decay,
        .proximal = training->proximal,
        .shrink = 1.0f,
        .correction = laid_out(t, training->correction, t->correction),
        .scale = laid_out(t, training->step_scale, t->scale),
    };
    if (training->proximal != 0.0f)
        t->step.anchor = laid_out(t, training->anchor, t->anchor);
    if (training->proximal != 0.0f && !training->anchor)
        t->step.anchor = memcpy(t->anchor, t->weights, bytes);
    t->step.plain = !t->velocity && !t->step.correction && !t->step.scale && training->weight_decay == 0.0f &&
                    training->proximal == 0.0f;
    t->loss = (covey_loss){.kind = model->loss, .huber_delta = training->huber_delta,
                           .smoothing = training->label_smoothing};
}

/* Fisher and Yates; pass i has its own stream, so the order of a pass does not depend on the passes before it. */
static void shuffle(uint32_t *order, uint32_t n, uint64_t seed)
{
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    for (uint32_t i = n; i-- > 1;) {
        uint32_t j = (uint32_t)((covey_random_u64(seed, i) >> 32) * (i + 1u) >> 32), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}

/* Asks for the next batch's inputs while this one is computed, and for a part of what comes after these rows: the first
 * from the outer cache, the other from memory, where it takes longer than a batch. */
static void prefetch(trainer *t, uint32_t first)
{
#if defined(__GNUC__)
    enum { LINE = 64 };
    uint32_t n = t->layout.n_inputs, batch = t->training->batch;
    for (uint32_t i = first; i < first + batch && i < t->rows->n_rows; i++) {
        const float *row = t->rows->inputs + (size_t)(t->order ? t->order[i] : i) * n;
        for (uint32_t at = 0; at < n; at += LINE / sizeof(float))
            __builtin_prefetch(row + at);
    }
    size_t part = t->ahead_part < t->ahead_size ? t->ahead_part : t->ahead_size;
    for (size_t at = 0; at < part; at += LINE)
        __builtin_prefetch(t->ahead + at, 0, 2);
    t->ahead += part;
    t->ahead_size -= part;
#else
    (void)t;
    (void)first;
#endif
}

static const float *inputs_of(const trainer *t, const covey_batch *batch)
{
    size_t n = t->layout.n_inputs;
    if (!batch->order)
        return t->rows->inputs + batch->first * n;
    for (uint32_t i = 0; i < batch->count; i++)
        memcpy(t->gathered + i * n, t->rows->inputs + batch->order[batch->first + i] * n, n * sizeof(float));
    return t->gathered;
}

/* The norm is a sum per output unit down its column of weights, then its bias, units in order, layers in order. */
static int clip_and_apply(trainer *t)
{
    const covey_kernels *kernels = t->layout.kernels;
    float sum = 0.0f, limit = t->training->gradient_clip;
    covey_step step = t->step;
    for (uint32_t l = 0; l < t->layout.n_layers; l++) {
        const covey_shape *shape = &t->layout.shape[l];
        if (shape->trainable)
            sum = kernels->squares(t->gradient + shape->at, shape->rows + 1, shape->cols, shape->stride, sum);
    }
    float norm = sqrtf(sum);
    if (!covey_is_finite(norm))
        return COVEY_E_NONFINITE;
    if (norm > limit) {
        step.shrink = limit / norm;
        step.plain = 0;
    }
    for (uint32_t l = 0; l < t->layout.n_layers; l++) {
        const covey_shape *shape = &t->layout.shape[l];
        if (shape->trainable)
            kernels->apply(t->gradient, shape->at, (size_t)(shape->rows + 1) * shape->stride, &step);
    }
    return COVEY_OK;
}

static void round_weights(const trainer *t)
{
    for (uint32_t l = 0; l < t->layout.n_layers; l++) {
        const covey_shape *shape = &t->layout.shape[l];
        size_t bias = shape->at + (size_t)shape->rows * shape->stride;
        if (!shape->has_weights)
            continue;
        t->layout.kernels->round_int8(t->weights + shape->at, shape->rows, shape->stride, shape->stride,
                                      t->rounded + shape->at);
        memcpy(t->rounded + bias, t->weights + bias, shape->stride * sizeof(float));
    }
}

static int one_step(trainer *t, const covey_batch *batch, int check, covey_total *total)
{
    size_t n = t->layout.n_inputs;
    const float *x = inputs_of(t, batch);
    if (check && !t->layout.kernels->finite(x, batch->count * n))
        return COVEY_E_NONFINITE;
    prefetch(t, batch->first + batch->count);
    if (t->rounded)
        round_weights(t);
    covey_network_refresh_twins(&t->network);
    covey_forward(&t->network, x, n, batch->count);
    t->loss.share = 1.0f / (float)batch->count;
    covey_loss_gradient(&t->loss, &t->network, batch, t->losses, total);
    covey_backward(&t->network, x, n, batch->count, &t->step, t->slab);
    return t->gradient ? clip_and_apply(t) : COVEY_OK;
}

/* One pass over the rows, or as far as max_steps allows. The first pass looks at its inputs as it meets them: a look
 * ahead of time would fetch every row from memory twice. */
static int one_pass(trainer *t, uint32_t pass, covey_training_result *result)
{
    const covey_training *training = t->training;
    uint32_t n = t->rows->n_rows, done = 0;
    covey_total total = {0};
    if (t->order)
        shuffle(t->order, n, covey_seed(training->seed, pass));
    while (done < n && (training->max_steps == 0 || result->steps < training->max_steps)) {
        covey_batch batch = {t->rows, t->order, done, n - done < training->batch ? n - done : training->batch};
        int status = one_step(t, &batch, pass == 0, &total);
        if (status != COVEY_OK)
            return status;
        done += batch.count;
        result->steps++;
    }
    result->last_loss = total.sum / (float)done;
    if (pass == 0) {
        result->first_loss = result->last_loss;
        for (uint32_t i = done; i < n; i++)
            if (!t->layout.kernels->finite(t->rows->inputs + (size_t)(t->order ? t->order[i] : i) * t->layout.n_inputs,
                                           t->layout.n_inputs))
                return COVEY_E_NONFINITE;
    }
    return covey_is_finite(result->last_loss) ? COVEY_OK : COVEY_E_NONFINITE;
}

static int run_passes(trainer *t, covey_training_result *result)
{
    const covey_training *training = t->training;
    for (uint32_t pass = 0; training->epochs == 0 || pass < training->epochs; pass++) {
        int status = one_pass(t, pass, result);
        if (status != COVEY_OK)
            return status;
        if (training->max_steps > 0 && result->steps >= training->max_steps)
            break;
    }
    return t->layout.kernels->finite(t->weights, t->layout.n_padded) ? COVEY_OK : COVEY_E_NONFINITE;
}

int covey_train_ahead(const covey_model *model, const covey_training *training, const covey_rows *rows, float *parameters,
                      void *arena, size_t arena_size, covey_training_result *result, const void *ahead, size_t ahead_size)
{
    trainer t;
    if (covey_model_check(model) != COVEY_OK)
        return COVEY_E_MODEL;
    if (check_training(model, training) != COVEY_OK || !rows || rows->n_rows == 0 || !parameters || !arena || !result)
        return COVEY_E_ARGUMENT;
    size_t needed = arrange(&t, model, training, rows->n_rows, arena);
    int status = covey_rows_check(model, &t.layout, rows);
    if (status != COVEY_OK)
        return status;
    if (needed == 0 || arena_size < needed)
        return COVEY_E_ARENA;
    if (!t.layout.kernels->finite(parameters, t.layout.n_flat))
        return COVEY_E_NONFINITE;
    int in_place = !t.weights;
    if (in_place && !t.layout.kernels->finite(rows->inputs, (size_t)rows->n_rows * t.layout.n_inputs))
        return COVEY_E_NONFINITE;
    t.rows = rows;
    t.ahead = ahead;
    t.ahead_size = ahead ? ahead_size : 0;
    t.ahead_part = t.ahead_size / ((rows->n_rows + training->batch - 1) / training->batch) + 1;
    load(&t, model, parameters, training->batch < rows->n_rows ? training->batch : rows->n_rows);
    covey_training_result made = {0};
    status = run_passes(&t, &made);
    if (status == COVEY_OK && !in_place)
        covey_layout_unpack(&t.layout, t.weights, parameters);
    if (status == COVEY_OK)
        *result = made;
    return status;
}

int covey_train(const covey_model *model, const covey_training *training, const covey_rows *rows, float *parameters,
                void *arena, size_t arena_size, covey_training_result *result)
{
    return covey_train_ahead(model, training, rows, parameters, arena, arena_size, result, 0, 0);
}
