/* scores.c - how suspicious each row is, from a model's outputs. */
#include "canonical.h"

#include "covey_watch.h"

#include "bytes.h"
#include "kernels.h"

/* TOGETHER: rows whose errors are summed side by side, as each sum is a chain that waits for itself. */
enum { TOGETHER = 8, EXPONENTIALS = 512 };

static float held(float score) /* within the finite floats: absurd but finite outputs are extremes, not errors */
{
    return score > FLT_MAX ? FLT_MAX : score < -FLT_MAX ? -FLT_MAX : score;
}

static float largest_of(const float *logits, uint32_t n)
{
    float largest = logits[1];
    for (uint32_t i = 2; i < n; i++)
        largest = logits[i] > largest ? logits[i] : largest;
    return largest;
}

/* log of the sum of exp over classes 1 and up, less the logit of class 0; the largest is taken out of the sum. */
static float log_odds(const float *logits, uint32_t n)
{
    float largest = largest_of(logits, n), sum = 0;
    for (uint32_t i = 1; i < n; i++)
        sum += covey_expf(logits[i] - largest);
    return held((largest - logits[0]) + covey_logf(sum));
}

#if COVEY_VECTOR_KERNELS
/* The same for many rows, with the exponentials of a few hundred at once. Returns rows done. */
static uint32_t log_odds_of(const float *logits, uint32_t n, uint32_t n_rows, float *scores)
{
    const covey_kernels *kernels = covey_kernels_active();
    float terms[EXPONENTIALS], *term;
    uint32_t done = 0, together = EXPONENTIALS / (n - 1);
    while (kernels->exponentials && together > 0 && done < n_rows) {
        uint32_t rows = n_rows - done < together ? n_rows - done : together;
        const float *row = logits + (size_t)done * n;
        term = terms;
        for (uint32_t r = 0; r < rows; r++, row += n) {
            scores[done + r] = largest_of(row, n);
            for (uint32_t i = 1; i < n; i++)
                *term++ = row[i] - scores[done + r];
        }
        kernels->exponentials(terms, (size_t)rows * (n - 1));
        term = terms;
        row = logits + (size_t)done * n;
        for (uint32_t r = 0; r < rows; r++, row += n) {
            float sum = 0;
            for (uint32_t i = 1; i < n; i++)
                sum += *term++;
            scores[done + r] = held((scores[done + r] - row[0]) + covey_logf(sum));
        }
        done += rows;
    }
    return done;
}
#endif

/* Of an error that is 0 or nearly, the logarithm of the smallest normal float. */
static float log_error(float error)
{
    return covey_logf(error < FLT_MIN ? FLT_MIN : held(error));
}

/* Logarithms of mean squared errors of `rows` rows, each sum a chain in ascending order. */
static void log_errors_of(const float *outputs, const float *inputs, uint32_t n, uint32_t rows, float *scores)
{
    float sum[TOGETHER] = {0};
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t r = 0; r < rows; r++) {
            float error = outputs[(size_t)r * n + i] - inputs[(size_t)r * n + i];
            sum[r] += error * error;
        }
    for (uint32_t r = 0; r < rows; r++)
        scores[r] = log_error(sum[r] / (float)n);
}

int covey_scores(const covey_model *model, const float *outputs, const float *inputs, uint32_t n_rows, float *scores)
{
    if (covey_model_check(model) != COVEY_OK)
        return COVEY_E_MODEL;
    uint32_t n = covey_model_outputs(model);
    int is_error = model->loss == COVEY_MSE || model->loss == COVEY_HUBER;
    if ((is_error && n != covey_model_inputs(model)) || (model->loss == COVEY_SOFTMAX_CE && n < 2))
        return COVEY_E_MODEL;
    if (n_rows == 0)
        return COVEY_OK;
    if (!outputs || !scores || (is_error && !inputs))
        return COVEY_E_ARGUMENT;
    if (!covey_all_finite(outputs, (size_t)n_rows * n) || (is_error && !covey_all_finite(inputs, (size_t)n_rows * n)))
        return COVEY_E_NONFINITE;
    uint32_t r = 0;
#if COVEY_VECTOR_KERNELS
    if (model->loss == COVEY_SOFTMAX_CE)
        r = log_odds_of(outputs, n, n_rows, scores);
#endif
    while (r < n_rows) {
        size_t at = (size_t)r * n;
        if (is_error) {
            uint32_t rows = n_rows - r < TOGETHER ? 1 : TOGETHER;
            log_errors_of(outputs + at, inputs + at, n, rows, scores + r);
            r += rows;
        } else {
            scores[r++] = model->loss == COVEY_BCE ? outputs[at] : log_odds(outputs + at, n);
        }
    }
    return COVEY_OK;
}
