/* arithmetic.h - exp, log, tanh and the logistic function in canonical float32, inline.
 *
 * One definition serves the public scalar functions and the vector kernels: the code is free of branches, so compilers
 * turn a loop over it into vector code, and every element goes through the same operations either way.
 * Polynomials are weighted least-squares fits made for these ranges; errors against double: tests/test_math.c. */
#ifndef COVEY_ARITHMETIC_H
#define COVEY_ARITHMETIC_H

#include "canonical.h"

#include <stdint.h>

#include "bytes.h"

#define COVEY_LN2_HIGH 0.693359375f /* 10 bits: products with exponents are exact */
#define COVEY_LN2_LOW 2.12194440e-4f /* LN2_HIGH - LN2_LOW = ln 2 */

static inline float covey_power_of_two(uint32_t exponent_plus_127)
{
    return covey_bits_float(exponent_plus_127 << 23);
}

/* e^x = 2^n e^r with n the nearest integer to x / ln 2, |r| <= ln 2 / 2. 2^n is applied in two halves, so that results
 * below the smallest normal number are rounded once. NaN stays NaN. */
static inline float covey_exp_inline(float x)
{
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer in the low bits */
    x = x < -104.0f ? -104.0f : x;
    x = x > 89.0f ? 89.0f : x;
    float shifted = x * 1.44269504f + magic;
    float n = shifted - magic;
    float r = (x - n * COVEY_LN2_HIGH) + n * COVEY_LN2_LOW;
    float q = 1.381459879e-03f;
    q = q * r + 8.368716575e-03f;
    q = q * r + 4.166838899e-02f;
    q = q * r + 1.666652113e-01f;
    q = q * r + 4.999999404e-01f;
    float y = 1.0f + (r + (r * r) * q);
    uint32_t exponent = covey_float_bits(shifted) - covey_float_bits(magic) + 254u;
    uint32_t half = exponent >> 1;
    return (y * covey_power_of_two(half)) * covey_power_of_two(exponent - half);
}

/* ln x = k ln 2 + ln m with m in [sqrt(1/2), sqrt 2); with s = f / (2 + f), f = m - 1:
 * ln(1 + f) = f - s (f - z R(z)), z = s^2 (from the series of artanh). x = 0 gives -inf, x < 0 NaN. */
static inline float covey_log_inline(float x)
{
    uint32_t tiny = covey_float_bits(x) < 0x00800000u;
    float scaled = tiny ? x * 8388608.0f : x; /* subnormals: times 2^23 */
    uint32_t bits = covey_float_bits(scaled);
    uint32_t biased = bits - 0x3f3504f3u; /* sqrt(1/2): exponents now count from there */
    int32_t k = (int32_t)((biased >> 23) & 0x1ffu);
    k -= k > 255 ? 512 : 0;
    float m = covey_bits_float(bits - ((uint32_t)k << 23));
    float f = m - 1.0f;
    float s = f / (2.0f + f);
    float z = s * s;
    float r = 2.358229309e-01f;
    r = r * z + 2.853730023e-01f;
    r = r * z + 4.000033438e-01f;
    r = r * z + 6.666666269e-01f;
    float n = (float)(k - (tiny ? 23 : 0));
    float y = n * COVEY_LN2_HIGH + ((f - s * (f - z * r)) - n * COVEY_LN2_LOW);
    float infinity = covey_bits_float(0x7f800000u);
    y = x == infinity ? infinity : y;
    y = x == 0.0f ? -infinity : y;
    return x >= 0.0f ? y : covey_bits_float(0x7fc00000u);
}

static inline float covey_tanh_inline(float x)
{
    float a = x < 0.0f ? -x : x;
    float z = x * x;
    float p = 2.146499464e-03f;
    p = p * z - 8.181582205e-03f;
    p = p * z + 2.170254290e-02f;
    p = p * z - 5.394713208e-02f;
    p = p * z + 1.333320886e-01f;
    p = p * z - 3.333333135e-01f;
    float near = x + x * (z * p);
    float far = 1.0f - 2.0f / (covey_exp_inline(a + a) + 1.0f);
    far = x < 0.0f ? -far : far;
    return a < 0.625f ? near : far;
}

static inline float covey_sigmoid_inline(float x)
{
    float e = covey_exp_inline(x < 0.0f ? x : -x);
    float d = 1.0f + e;
    return x < 0.0f ? e / d : 1.0f / d;
}

#endif
