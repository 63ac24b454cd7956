/* kernels_portable.c - the kernels in plain C for every other target, Cortex-M first: unpadded weights in place, no twin,
 * and no buffer of gradients. The order of every sum is that of the vector kernels, so are the bits. */
#include "canonical.h"

#include <string.h>

#include "arithmetic.h"
#include "covey.h"
#include "kernels.h"

enum { BLOCK = 4 }; /* sums held in registers at a time */

static void make_step(const covey_step *step, size_t at, float g)
{
    float w = step->weight[at];
    if (!step->plain) {
        if (step->shrink != 1.0f)
            g = g * step->shrink;
        if (step->decay != 0.0f)
            g = g + step->decay * w;
        if (step->proximal != 0.0f)
            g = g + step->proximal * (w - step->anchor[at]);
        if (step->correction)
            g = g + step->correction[at];
        if (step->velocity)
            step->velocity[at] = g = step->momentum * step->velocity[at] + g;
        if (step->scale) {
            step->weight[at] = w - (step->rate * step->scale[at]) * g;
            return;
        }
    }
    step->weight[at] = w - step->rate * g;
}

static void keep_or_step(const covey_step *step, size_t at, float g)
{
    if (step->gradient)
        step->gradient[at] = g;
    else
        make_step(step, at, g);
}

/* `width` chains of one row of a product; width is a constant where this is inlined. */
static inline void product_block(const covey_product *p, const float *a, float *out, uint32_t c, uint32_t width)
{
    float sum[BLOCK];
    size_t across = p->transposed ? p->w_stride : 1, down = p->transposed ? 1 : p->w_stride;
    const float *w = p->w + c * across;
    for (uint32_t j = 0; j < width; j++)
        sum[j] = p->start ? p->start[c + j] : p->resume ? out[c + j] : 0.0f;
    for (uint32_t k = 0; k < p->depth; k++, w += down)
        for (uint32_t j = 0; j < width; j++)
            sum[j] += a[k] * w[j * across];
    for (uint32_t j = 0; j < width; j++)
        out[c + j] = sum[j];
}

static void product(const covey_product *p)
{
    for (uint32_t r = 0; r < p->rows; r++) {
        const float *a = p->a + r * p->a_stride;
        float *out = p->out + r * p->out_stride;
        uint32_t c = 0;
        for (; c + BLOCK <= p->cols; c += BLOCK)
            product_block(p, a, out, c, BLOCK);
        for (; c < p->cols; c++)
            product_block(p, a, out, c, 1);
    }
}

static inline void outer_block(const covey_outer *o, const covey_step *step, uint32_t i, uint32_t c, uint32_t width)
{
    float sum[BLOCK];
    size_t at = o->at + i * o->stride + c;
    for (uint32_t j = 0; j < width; j++)
        sum[j] = step->gradient ? step->gradient[at + j] : 0.0f;
    for (uint32_t b = 0; b < o->samples; b++) {
        const float *x = o->x + b * o->x_sample + i, *d = o->d + b * o->d_sample + c;
        for (uint32_t s = 0; s < o->steps; s++, x += o->x_step, d += o->d_step)
            for (uint32_t j = 0; j < width; j++)
                sum[j] += x[0] * d[j];
    }
    for (uint32_t j = 0; j < width; j++)
        keep_or_step(step, at + j, sum[j]);
}

static void outer(const covey_outer *o, const covey_step *step)
{
    for (uint32_t i = 0; i < o->rows; i++) {
        uint32_t c = 0;
        for (; c + BLOCK <= o->cols; c += BLOCK)
            outer_block(o, step, i, c, BLOCK);
        for (; c < o->cols; c++)
            outer_block(o, step, i, c, 1);
    }
}

/* ---------------------------------------------------------------- spline
 * Without a buffer of gradients, each knot's whole gradient is needed at once: the values that lie above a knot are kept
 * in a list per knot, in the order of (sample, feature), and a knot merges the list below it with its own. */
#define NONE 0xffffffffu

static uint32_t lower_knot(const covey_spline *s, float t, float *share)
{
    const float last = (float)(s->knots - 1);
    t = t > 0.0f ? t : 0.0f;
    t = t > last ? last : t;
    uint32_t i = (uint32_t)(int32_t)t;
    i = i > s->knots - 2 ? s->knots - 2 : i;
    *share = t - (float)i;
    return i;
}

static size_t spline_scratch(uint32_t samples, uint32_t features, uint32_t knots, uint32_t cols)
{
    (void)cols;
    return ((size_t)samples * features + knots) * sizeof(uint32_t);
}

static void spline_forward(const covey_spline *s)
{
    for (uint32_t r = 0; r < s->samples; r++) {
        float *out = s->out + r * s->out_stride;
        memcpy(out, s->bias, s->cols * sizeof(float));
        for (uint32_t f = 0; f < s->features; f++) {
            float high, low;
            const float *w = s->weight + lower_knot(s, s->x[r * s->x_stride + f], &high) * s->stride;
            low = 1.0f - high;
            for (uint32_t c = 0; c < s->cols; c++) {
                out[c] += low * w[c];
                out[c] += high * w[s->stride + c];
            }
        }
    }
}

static void scatter(const covey_spline *s, float *gradient)
{
    for (uint32_t r = 0; r < s->samples; r++) {
        const float *d = s->out + r * s->out_stride;
        for (uint32_t f = 0; f < s->features; f++) {
            float high, low;
            float *g = gradient + lower_knot(s, s->x[r * s->x_stride + f], &high) * s->stride;
            low = 1.0f - high;
            for (uint32_t c = 0; c < s->cols; c++) {
                g[c] += low * d[c];
                g[s->stride + c] += high * d[c];
            }
        }
    }
}

static void list_values(const covey_spline *s, uint32_t *first, uint32_t *next)
{
    for (uint32_t k = 0; k < s->knots; k++)
        first[k] = NONE;
    for (uint32_t r = s->samples; r-- > 0;)
        for (uint32_t f = s->features; f-- > 0;) {
            float share;
            uint32_t k = lower_knot(s, s->x[r * s->x_stride + f], &share), id = r * s->features + f;
            next[id] = first[k];
            first[k] = id;
        }
}

static void step_knot(const covey_spline *s, const covey_step *step, uint32_t k, const uint32_t *first,
                      const uint32_t *next, uint32_t c, uint32_t width)
{
    float sum[BLOCK] = {0};
    uint32_t below = k > 0 ? first[k - 1] : NONE, above = first[k];
    while (below != NONE || above != NONE) { /* NONE is above every id */
        uint32_t id = below < above ? below : above, r = id / s->features;
        float share;
        (void)lower_knot(s, s->x[r * s->x_stride + id % s->features], &share);
        share = id == below ? share : 1.0f - share;
        for (uint32_t j = 0; j < width; j++)
            sum[j] += share * s->out[r * s->out_stride + c + j];
        if (id == below)
            below = next[id];
        else
            above = next[id];
    }
    for (uint32_t j = 0; j < width; j++)
        make_step(step, k * s->stride + c + j, sum[j]);
}

static void spline_gradient(const covey_spline *s, const covey_step *step)
{
    if (step->gradient) {
        scatter(s, step->gradient);
        return;
    }
    uint32_t *first = (uint32_t *)s->scratch, *next = first + s->knots;
    list_values(s, first, next);
    for (uint32_t k = 0; k < s->knots; k++)
        for (uint32_t c = 0; c < s->cols; c += BLOCK)
            step_knot(s, step, k, first, next, c, s->cols - c < BLOCK ? s->cols - c : BLOCK);
}

/* ---------------------------------------------------------------- elements and columns */
static void apply(float *gradient, size_t at, size_t n, const covey_step *step)
{
    for (size_t end = at + n; at < end; at++) {
        make_step(step, at, gradient[at]);
        gradient[at] = 0.0f;
    }
}

static float squares(const float *gradient, uint32_t rows, uint32_t cols, size_t stride, float sum)
{
    for (uint32_t c = 0; c < cols; c++) {
        float column = 0.0f;
        for (uint32_t r = 0; r < rows; r++)
            column += gradient[r * stride + c] * gradient[r * stride + c];
        sum += column;
    }
    return sum;
}

static void transpose(const float *w, uint32_t rows, uint32_t cols, size_t stride, float *twin, size_t twin_stride)
{
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t c = 0; c < cols; c++)
            twin[c * twin_stride + r] = w[r * stride + c];
}

static void round_int8(const float *w, uint32_t rows, uint32_t cols, size_t stride, float *out)
{
    for (uint32_t c = 0; c < cols; c++) {
        uint32_t most = 0; /* patterns of magnitudes are ordered like the magnitudes */
        for (uint32_t r = 0; r < rows; r++) {
            uint32_t magnitude = covey_float_bits(w[r * stride + c]) & 0x7fffffffu;
            most = magnitude > most ? magnitude : most;
        }
        float largest = covey_bits_float(most);
        int counts = largest >= COVEY_NEGLIGIBLE && most <= COVEY_FLOAT_MAX_BITS;
        float unit = counts ? largest / 127.0f : 0.0f, inverse = counts ? 127.0f / largest : 0.0f;
        for (uint32_t r = 0; r < rows; r++) {
            float x = counts ? w[r * stride + c] * inverse : 0.0f;
            out[r * stride + c] = (float)(int32_t)(x + (x < 0.0f ? -0.5f : 0.5f)) * unit;
        }
    }
}

static void activate(int activation, float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (activation == COVEY_RELU)
            y[i] = y[i] > 0.0f ? y[i] : 0.0f;
        else if (activation == COVEY_TANH)
            y[i] = covey_tanhf(y[i]);
}

static void activate_back(int activation, float *y, const float *dy, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (activation == COVEY_RELU)
            y[i] = y[i] > 0.0f ? dy[i] : 0.0f;
        else if (activation == COVEY_TANH)
            y[i] = dy[i] * (1.0f - y[i] * y[i]);
        else
            y[i] = dy[i];
}

static void softmax_row(const covey_cross_entropy *s, uint32_t r)
{
    float *row = s->logits + r * s->stride, largest = row[0], sum = 0.0f, logit = row[s->label[r]];
    for (uint32_t c = 0; s->rest != 0.0f && c < s->cols; c++)
        sum += row[c];
    if (s->rest != 0.0f)
        logit = s->own * logit + s->rest * sum;
    for (uint32_t c = 1; c < s->cols; c++)
        largest = row[c] > largest ? row[c] : largest;
    sum = 0.0f;
    for (uint32_t c = 0; c < s->cols; c++) {
        row[c] = covey_expf(row[c] - largest);
        sum += row[c];
    }
    s->loss[r] = (largest - logit) + covey_logf(sum);
    for (uint32_t c = 0; c < s->cols; c++) {
        float p = row[c] / sum;
        if (s->rest != 0.0f)
            p = p - s->rest;
        if (c == (uint32_t)s->label[r])
            p = p - s->own;
        row[c] = p * s->scale[r];
    }
}

static void softmax(const covey_cross_entropy *s)
{
    for (uint32_t r = 0; r < s->rows; r++)
        softmax_row(s, r);
}

static int all_finite(const float *x, size_t n)
{
    return covey_all_finite(x, n);
}

const covey_kernels covey_kernels_portable = {
    .name = "portable",
    .lanes = 1,
    .product = product,
    .outer = outer,
    .spline_scratch = spline_scratch,
    .spline_forward = spline_forward,
    .spline_gradient = spline_gradient,
    .apply = apply,
    .squares = squares,
    .transpose = transpose,
    .round_int8 = round_int8,
    .activate = activate,
    .activate_back = activate_back,
    .softmax = softmax,
    .finite = all_finite,
};
