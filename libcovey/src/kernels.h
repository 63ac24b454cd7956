/* kernels.h - the few loops in which all time is spent, as one table of functions per instruction set.
 *
 * kernels_<name>.c compiles kernel_elements.h, and with it kernel_{matrix,spline,encode,int8}.h, for its instruction set;
 * kernels_portable.c is plain C. All give the same bits: vectors run across independent outputs, and every float sum is one
 * chain of `acc += a * b` in ascending order; sums of integers (int8 models) are exact in any.
 *
 * Matrices are row-major. In vector kernels rows of weights and of dense activations are padded with zeros to whole
 * vectors (`lanes` floats), so inner loops have no tails; packed sequences are not padded, and the last vector of a row
 * is then read beyond the row (LANES floats of slack follow every buffer) and written lane by lane. */
#ifndef COVEY_KERNELS_H
#define COVEY_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "covey.h"

/* Below this magnitude quotients such as 127 * 65536 / max could overflow: such a block, column or row counts as zero. */
#define COVEY_NEGLIGIBLE 1e-30f

/* Of a call: for fewer, putting tables or weights in order for vector kernels costs more than it saves. */
#define COVEY_FEWEST_ROWS 8

/* out(r, c) = start + sum over k of a(r, k) * w(k, c) for r < rows, c < cols. */
typedef struct {
    const float *a;
    size_t a_stride;
    const float *w;
    size_t w_stride;
    const float *start; /* (cols) where each column's chains start; NULL: at 0, or where `out` stands if `resume` */
    float *out;
    size_t out_stride;
    uint32_t rows, depth, cols;
    uint8_t resume;
    uint8_t transposed; /* w(k, c) is w[c * w_stride + k]: kernels without a transposed twin only */
} covey_product;

/* What becomes of a gradient. Buffers are laid out like the weights; those not needed are NULL. */
typedef struct {
    float *weight;
    float *gradient; /* not NULL: gradients are added here and no step is made */
    float *velocity;
    const float *anchor, *correction, *scale;
    float rate, momentum, decay, proximal;
    float shrink;  /* multiplies the gradient first: clipping; 1 = none */
    uint8_t plain; /* nothing but rate is in use */
} covey_step;

/* g(i, c) = sum over samples, then steps, of x(sample, step, i) * d(sample, step, c): a weight's gradient; then `step`. */
typedef struct {
    const float *x;
    size_t x_sample, x_step;
    const float *d;
    size_t d_sample, d_step;
    uint32_t samples, steps;
    uint32_t rows, cols;
    size_t at, stride; /* of the weight in parameter-shaped buffers */
} covey_outer;

/* A spline layer over a batch; x holds positions (sample, feature). */
typedef struct {
    const float *x;
    size_t x_stride;
    const float *weight, *bias;
    size_t stride;
    uint32_t samples, features, knots, cols;
    float *out; /* forward: outputs; gradient: what came back (read only) */
    size_t out_stride;
    void *scratch; /* spline_scratch() bytes; vector kernels keep the places of the forward pass there */
} covey_spline;

enum { COVEY_INT8_ROWS = 16 };

/* A dense, spline or conv1d layer of an int8 model over a batch: infer.c says what the numbers are. Weights stand in pairs
 * of rows, 2k and 2k + 1, or k and k + 1 for a spline layer: (pair, column, 2), and LANES pairs of slack. */
typedef struct {
    const float *x;
    size_t x_stride;
    const int8_t *pairs;
    const float *scale, *bias; /* zeros up to a whole vector */
    uint32_t samples;          /* at most COVEY_INT8_ROWS */
    uint32_t values_in, fan_in, cols;
    uint32_t knots;            /* 0: not a spline layer */
    uint32_t steps, step_in;
    float *out;                /* before the activation; whole vectors are written, zeros behind `cols` */
    size_t out_stride;
    void *scratch;             /* covey_int8_scratch bytes */
} covey_int8_product;

static inline size_t covey_int8_scratch(uint32_t samples, uint32_t values_in)
{
    size_t codes = ((size_t)values_in + 1) * samples * sizeof(int16_t), hats = 2 * sizeof(uint32_t) * (size_t)values_in;
    return (codes > hats ? codes : hats) + 8;
}

enum { COVEY_SOFTMAX_ROWS = 32 };

/* Softmax cross-entropy of a batch: logits become gradients (p - target) * scale. Targets are `rest` for every class and
 * `own` more for the label: the loss is the logarithm of the sum of exponentials less the logits weighted so. */
typedef struct {
    float *logits;
    size_t stride;
    uint32_t rows, cols;  /* rows: at most COVEY_SOFTMAX_ROWS */
    const int32_t *label; /* (rows) */
    const float *scale;   /* (rows) */
    float own, rest;
    float *loss; /* (rows) */
} covey_cross_entropy;

typedef struct {
    const char *name;
    uint32_t lanes;
    void (*product)(const covey_product *product);
    void (*outer)(const covey_outer *outer, const covey_step *step);
    size_t (*spline_scratch)(uint32_t samples, uint32_t features, uint32_t knots, uint32_t cols);
    void (*spline_forward)(const covey_spline *spline);
    /* Weight at offset 0. Without lanes (portable) and without step->gradient the step is made knot by knot; vector
     * kernels always add to step->gradient. */
    void (*spline_gradient)(const covey_spline *spline, const covey_step *step);
    /* Makes the step of n parameters from `gradient`, which it sets to zero. */
    void (*apply)(float *gradient, size_t at, size_t n, const covey_step *step);
    /* Adds the squares of a layer's gradient (rows, cols) to `sum`: a chain down each column, columns in order. */
    float (*squares)(const float *gradient, uint32_t rows, uint32_t cols, size_t stride, float sum);
    void (*transpose)(const float *w, uint32_t rows, uint32_t cols, size_t stride, float *twin, size_t twin_stride);
    /* The weights that int8 can hold: each column in units of its largest magnitude / 127. A column with
     * a NaN or an infinity, as of training that diverges, becomes zeros. */
    void (*round_int8)(const float *w, uint32_t rows, uint32_t cols, size_t stride, float *out);
    void (*activate)(int activation, float *y, size_t n);
    void (*activate_back)(int activation, float *y, const float *dy, size_t n); /* y = dy * activation'(y) */
    void (*softmax)(const covey_cross_entropy *softmax);
    int (*finite)(const float *x, size_t n);
    /* NULL in the portable kernels, whose callers have plain loops for little memory. */
    void (*encode)(const covey_encoding *encoding, const float *raw, float *out, size_t n_rows);
    void (*int8_product)(const covey_int8_product *product);
    void (*exponentials)(float *x, size_t n);
} covey_kernels;

extern const covey_kernels covey_kernels_portable;
#if defined(__x86_64__) && defined(__GNUC__)
#define COVEY_VECTOR_KERNELS 1
extern const covey_kernels covey_kernels_avx512, covey_kernels_avx2, covey_kernels_sse2;
#elif defined(__aarch64__) && defined(__GNUC__)
#define COVEY_VECTOR_KERNELS 1
extern const covey_kernels covey_kernels_neon;
#else
#define COVEY_VECTOR_KERNELS 0
#endif

const covey_kernels *covey_kernels_active(void);

#endif
