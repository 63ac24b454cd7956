/* math.c - the public scalar functions. Libraries disagree in the last bit of exp, log and tanh; these do not. */
#include "arithmetic.h"

#include "covey.h"

float covey_expf(float x)
{
    return covey_exp_inline(x);
}

float covey_logf(float x)
{
    return covey_log_inline(x);
}

float covey_tanhf(float x)
{
    return covey_tanh_inline(x);
}

float covey_sigmoid(float x)
{
    return covey_sigmoid_inline(x);
}

void covey_softmax(const float *logits, uint32_t n, float *out)
{
    float largest = n > 0 ? logits[0] : 0.0f, sum = 0.0f;
    for (uint32_t i = 1; i < n; i++)
        largest = logits[i] > largest ? logits[i] : largest;
    for (uint32_t i = 0; i < n; i++) {
        out[i] = covey_exp_inline(logits[i] - largest);
        sum += out[i];
    }
    for (uint32_t i = 0; i < n; i++)
        out[i] /= sum;
}
