/* encode.c - from raw features to model inputs, and the histograms that knots are taken from. */
#include "canonical.h"

#include "bytes.h"
#include "covey.h"
#include "encoding.h"
#include "kernels.h"

#include <float.h>

/* NaN and -inf read as the lowest finite float, +inf as the highest: a broken sensor is an extreme, never a poison. */
static float sanitised(float x)
{
    if (!(x >= -FLT_MAX))
        return -FLT_MAX;
    return x > FLT_MAX ? FLT_MAX : x;
}

static float clamped(float x, float limit)
{
    if (x > limit)
        return limit;
    return x < -limit ? -limit : x;
}

/* log(1 + a) as a * log(u) / (u - 1) with u = 1 + a rounded: the rounding error of u cancels, so small values keep
 * their digits (Kahan). */
float covey_signed_log(float x)
{
    x = sanitised(x);
    float a = x < 0 ? -x : x;
    float u = 1.0f + a;
    float y = a;
    if (u != 1.0f)
        y = covey_logf(u) * (a / (u - 1.0f));
    return x < 0 ? -y : y;
}

/* The float32 pattern as a number that is ordered like the value, with 0 and -0 in the middle at 2^31. Steps of it are
 * about steps of the logarithm. */
static uint32_t ordered(float value)
{
    uint32_t bits = covey_float_bits(sanitised(value)), magnitude = bits & 0x7fffffffu;
    return bits >> 31 ? 0x80000000u - magnitude : 0x80000000u + magnitude;
}

/* The place of x among a feature's knots as `first + index + fraction`. The fraction is the share of the way between two
 * knots on the scale of ordered(): between 1 and 1,000,000 the middle is near 1,000, and features of traffic span that.
 * It is one division of two integer differences, each converted to float32 once. Invariants, whatever the rounding:
 *  - first <= position <= first + count - 1: index <= count - 2, fraction <= 1, and the exact sum is at most the integer
 *    first + count - 1, which float32 holds (it is below 2^24), so rounding cannot pass it.
 *  - hence the spline layer, which reads rows i and i + 1 with weights 1 - fraction and fraction, touches the row after
 *    this feature's last only at position first + count - 1 exactly, where that row's weight is 0.
 *  - equal neighbouring knots are a step: the division runs only where low < x < high. A value equal to a run of knots
 *    takes the last of them. */
static float position(const float *knot, uint32_t first, uint32_t count, float x)
{
    uint32_t index = 0;
    for (uint32_t i = 1; i + 1 < count; i++)
        index += x >= knot[i];
    float low = knot[index], high = knot[index + 1], fraction = 0.0f;
    if (x >= high)
        fraction = 1.0f;
    else if (x > low)
        fraction = (float)(ordered(x) - ordered(low)) / (float)(ordered(high) - ordered(low));
    return (float)(first + index) + fraction;
}

static int check_scaling(const covey_encoding *e)
{
    if (!e->center || !e->scale || !(e->limit >= 0))
        return COVEY_E_ARGUMENT;
    if (!covey_is_finite(e->limit))
        return COVEY_E_NONFINITE;
    for (uint32_t j = 0; j < e->inputs; j++)
        if (!covey_is_finite(e->center[j]) || !covey_is_finite(e->scale[j]))
            return COVEY_E_NONFINITE;
    return COVEY_OK;
}

static int check_knots(const covey_encoding *e)
{
    if (!e->knot || !e->offset)
        return COVEY_E_ARGUMENT;
    for (uint32_t j = 0; j < e->inputs; j++) /* before a knot is read: none lies behind offset[inputs] then */
        if (e->offset[j + 1] < e->offset[j] + 2)
            return COVEY_E_ARGUMENT;
    for (uint32_t j = 0; j < e->inputs; j++) {
        uint32_t first = e->offset[j], end = e->offset[j + 1];
        for (uint32_t i = first; i < end; i++) {
            if (!covey_is_finite(e->knot[i]))
                return COVEY_E_NONFINITE;
            if (i > first && e->knot[i] < e->knot[i - 1])
                return COVEY_E_ARGUMENT;
        }
    }
    return COVEY_OK;
}

int covey_encoding_check(const covey_encoding *e)
{
    if (!e || e->inputs == 0)
        return COVEY_E_ARGUMENT;
    switch (e->kind) {
    case COVEY_ENCODE_IDENTITY:
        return COVEY_OK;
    case COVEY_ENCODE_STANDARD:
    case COVEY_ENCODE_SIGNED_LOG:
        return check_scaling(e);
    case COVEY_ENCODE_KNOTS:
        return check_knots(e);
    default:
        return COVEY_E_ARGUMENT;
    }
}

/* (x - center) * scale, held within the limit, or within the finite floats where there is none. */
static float scaled(const covey_encoding *e, uint32_t j, float x)
{
    float distance = clamped(x - e->center[j], FLT_MAX);
    return clamped(distance * e->scale[j], e->limit > 0 ? e->limit : FLT_MAX);
}

static float encoded(const covey_encoding *e, uint32_t j, float x)
{
    uint32_t first;
    switch (e->kind) {
    case COVEY_ENCODE_STANDARD:
        return scaled(e, j, sanitised(x));
    case COVEY_ENCODE_SIGNED_LOG:
        return scaled(e, j, covey_signed_log(x));
    case COVEY_ENCODE_KNOTS:
        first = e->offset[j];
        return position(e->knot + first, first, e->offset[j + 1] - first, sanitised(x));
    default:
        return sanitised(x);
    }
}

void covey_encode_columns(const covey_encoding *e, const float *raw, float *out, uint32_t from, uint32_t to, size_t n_rows)
{
    for (size_t row = 0; row < n_rows; row++, raw += e->inputs, out += e->inputs)
        for (uint32_t j = from; j < to; j++)
            out[j] = encoded(e, j, raw[j]);
}

int covey_encode(const covey_encoding *encoding, const float *raw, float *out, size_t n_rows)
{
    int status = covey_encoding_check(encoding);
    if (status != COVEY_OK)
        return status;
    if (n_rows > 0 && (!raw || !out))
        return COVEY_E_ARGUMENT;
#if COVEY_VECTOR_KERNELS
    const covey_kernels *kernels = covey_kernels_active();
    if (kernels->encode && encoding->kind != COVEY_ENCODE_IDENTITY && n_rows >= COVEY_FEWEST_ROWS) {
        kernels->encode(encoding, raw, out, n_rows);
        return COVEY_OK;
    }
#endif
    covey_encode_columns(encoding, raw, out, 0, encoding->inputs, n_rows);
    return COVEY_OK;
}

uint32_t covey_bucket(float value, unsigned bits)
{
    return ordered(value) >> (23 - (bits > 7 ? 7 : bits));
}

float covey_bucket_low(uint32_t bucket, unsigned bits)
{
    unsigned kept = 9 + (bits > 7 ? 7 : bits);
    uint32_t key = bucket >> kept ? 0xffffffffu : bucket << (32 - kept);
    if (key <= ordered(-FLT_MAX))
        return -FLT_MAX;
    if (key >= ordered(FLT_MAX))
        return FLT_MAX;
    return covey_bits_float(key >> 31 ? key - 0x80000000u : 0x80000000u | (0x80000000u - key));
}

int covey_histogram(const float *values, size_t n, size_t stride, unsigned bits, uint32_t *counts)
{
    if (!counts || (n > 0 && !values) || stride == 0 || bits > 7)
        return COVEY_E_ARGUMENT;
    for (size_t i = 0; i < n; i++)
        counts[covey_bucket(values[i * stride], bits)]++;
    return COVEY_OK;
}
