/* update.c - payloads: what a device sends of its model, a clipped delta through a codec. The message is message.c's.
 *
 * The hot loops are written once and compiled for each instruction set that the kernels know; the bits are the same,
 * because every output is computed alone and sums have a fixed number of lanes. */
#include "canonical.h"

#include "bytes.h"
#include "covey.h"
#include "kernels.h"
#include "payload.h"
#include "random.h"

#include <math.h>

enum {
    HEAD = 5,         /* codec, number of parameters */
    INT8_HEAD = 7,    /* and the block */
    SCALE = 4,
    SMALLEST_BLOCK = 16,
    LARGEST_BLOCK = 4096,
    LANES = 16,
    NOISE = 256 /* coordinates whose noise is made at once */
};

#define SCALE_LIMIT_BITS 0x7c000000u /* 2^121: the largest scale whose 128-fold is finite */

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

/* ---------------------------------------------------------------- hot loops */

/* Of squares lane k adds those of indices k, k + 16, ... in order; then lane 0, 1, ... 15 are added in order. */
float covey_norm(const float *values, uint32_t n)
{
    float lane[LANES] = {0}, sum = 0;
    for (; n >= LANES; n -= LANES, values += LANES)
        for (uint32_t k = 0; k < LANES; k++)
            lane[k] += values[k] * values[k];
    for (uint32_t k = 0; k < n; k++)
        lane[k] += values[k] * values[k];
    for (uint32_t k = 0; k < LANES; k++)
        sum += lane[k];
    return sqrtf(sum);
}

/* The largest magnitude of finite values: patterns without their sign are ordered like magnitudes. */
INLINE float largest(const float *values, uint32_t n)
{
    int32_t most = 0;
    for (uint32_t i = 0; i < n; i++) {
        int32_t magnitude = (int32_t)(covey_float_bits(values[i]) & 0x7fffffffu);
        most = magnitude > most ? magnitude : most;
    }
    return covey_bits_float((uint32_t)most);
}

/* 16 bits of randomness a coordinate, each stream value serving four: coordinate i has bits 16 * (i % 4) of value i / 4.
 * `noise` is that of the NOISE coordinates from `first`, a multiple of NOISE. */
INLINE void fill_noise(uint64_t seed, uint32_t first, uint16_t *noise)
{
    for (uint32_t i = 0; i < NOISE / 4; i++) {
        uint64_t value = covey_random_inline(seed, first / 4 + i);
        for (uint32_t k = 0; k < 4; k++)
            noise[4 * i + k] = (uint16_t)(value >> (16 * k));
    }
}

/* Stochastic rounding in 16.16 fixed point: floor(v / scale + noise / 65536), which is right on the average. */
INLINE void round_some(const float *values, uint32_t n, float inverse, const uint16_t *noise, uint8_t *out)
{
    for (uint32_t i = 0; i < n; i++)
        out[i] = (uint8_t)(((int32_t)(values[i] * inverse) + (int32_t)noise[i]) >> 16);
}

INLINE void encode_int8(const float *delta, uint32_t n, uint32_t block, uint64_t seed, uint8_t *out)
{
    uint16_t noise[NOISE];
    for (uint32_t i = 0, end; i < n;) {
        end = n - i < block ? n : i + block;
        float most = largest(delta + i, end - i);
        /* 8323070 = 127 * 65536 - 2, so that neither float rounding nor noise leads past 127 */
        float inverse = most < COVEY_NEGLIGIBLE ? 0.0f : 8323070.0f / most;
        covey_store_float(out, most < COVEY_NEGLIGIBLE ? 0.0f : most / 127.0f);
        out += SCALE;
        for (uint32_t part; i < end; i += part, out += part) {
            uint32_t at = i % NOISE;
            if (at == 0)
                fill_noise(seed, i, noise);
            part = end - i < NOISE - at ? end - i : NOISE - at;
            round_some(delta + i, part, inverse, noise + at, out);
        }
    }
}

INLINE void add_int8(const int8_t *values, uint32_t n, float scale, double weight, double *restrict sum)
{
    for (uint32_t i = 0; i < n; i++)
        sum[i] += weight * (double)(scale * (float)values[i]);
}

INLINE void add_float32(const uint8_t *values, uint32_t n, double weight, double *restrict sum)
{
    for (uint32_t i = 0; i < n; i++)
        sum[i] += weight * (double)covey_load_float(values + 4 * (size_t)i);
}

INLINE void add_payload(const uint8_t *payload, double weight, uint32_t from, uint32_t to, double *sum)
{
    if (payload[0] == COVEY_CODEC_FLOAT32) {
        add_float32(payload + HEAD + 4 * (size_t)from, to - from, weight, sum);
        return;
    }
    uint32_t block = covey_load_u16(payload + HEAD);
    for (uint32_t i = from; i < to;) {
        const uint8_t *at = payload + INT8_HEAD + (size_t)(i / block) * (SCALE + block);
        uint32_t end = (i / block + 1) * block;
        end = end < to ? end : to;
        add_int8((const int8_t *)at + SCALE + i % block, end - i, covey_load_float(at), weight, sum + (i - from));
        i = end;
    }
}

/* At most 4096 * 127^2, so 32 bits hold it. */
INLINE int32_t squares_int8(const int8_t *values, uint32_t n)
{
    int32_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (int32_t)values[i] * values[i];
    return sum;
}

INLINE double squares_float32(const uint8_t *values, uint32_t n)
{
    double lane[LANES] = {0}, sum = 0;
    uint32_t i = 0;
    for (; n - i >= LANES; i += LANES)
        for (uint32_t k = 0; k < LANES; k++) {
            double value = covey_load_float(values + 4 * (size_t)(i + k));
            lane[k] += value * value;
        }
    for (uint32_t k = 0; i + k < n; k++) {
        double value = covey_load_float(values + 4 * (size_t)(i + k));
        lane[k] += value * value;
    }
    for (uint32_t k = 0; k < LANES; k++)
        sum += lane[k];
    return sum;
}

INLINE double square_payload(const uint8_t *payload, uint32_t n)
{
    if (payload[0] == COVEY_CODEC_FLOAT32)
        return squares_float32(payload + HEAD, n);
    uint32_t block = covey_load_u16(payload + HEAD);
    const uint8_t *at = payload + INT8_HEAD;
    double sum = 0;
    for (uint32_t first = 0; first < n; first += block) {
        uint32_t size = n - first < block ? n - first : block;
        double scale = covey_load_float(at);
        sum += scale * scale * (double)squares_int8((const int8_t *)at + SCALE, size);
        at += SCALE + size;
    }
    return sum;
}

/* One copy of the loops that matter for each instruction set. */
#define COMPILE_FOR(name, attribute)                                                                                    \
    attribute static void encode_int8_##name(const float *delta, uint32_t n, uint32_t block, uint64_t seed, uint8_t *out) \
    {                                                                                                                   \
        encode_int8(delta, n, block, seed, out);                                                                        \
    }                                                                                                                   \
    attribute static void add_payload_##name(const uint8_t *payload, double weight, uint32_t from, uint32_t to,         \
                                             double *sum)                                                               \
    {                                                                                                                   \
        add_payload(payload, weight, from, to, sum);                                                                    \
    }                                                                                                                   \
    attribute static double square_payload_##name(const uint8_t *payload, uint32_t n)                                   \
    {                                                                                                                   \
        return square_payload(payload, n);                                                                              \
    }

COMPILE_FOR(plain, )
#if defined(__x86_64__) && defined(__GNUC__)
#if defined(__clang__)
#define WIDE "avx512f,avx512vl,avx512dq,avx512bw"
#else
#define WIDE "avx512f,avx512vl,avx512dq,avx512bw,prefer-vector-width=512"
#endif
COMPILE_FOR(avx2, __attribute__((target("avx2"))))
COMPILE_FOR(avx512, __attribute__((target(WIDE))))
#define RUN(function, ...)                                                     \
    (covey_kernels_active()->lanes == 16  ? function##_avx512(__VA_ARGS__)     \
     : covey_kernels_active()->lanes == 8 ? function##_avx2(__VA_ARGS__)       \
                                          : function##_plain(__VA_ARGS__))
#else
#define RUN(function, ...) function##_plain(__VA_ARGS__)
#endif

void covey_payload_add(const uint8_t *payload, double weight, uint32_t from, uint32_t to, double *sum)
{
    RUN(add_payload, payload, weight, from, to, sum);
}

double covey_payload_squares(const uint8_t *payload, uint32_t n)
{
    return RUN(square_payload, payload, n);
}

/* ---------------------------------------------------------------- payloads */

static int check_recipe(const covey_recipe *recipe, uint32_t n)
{
    if (!recipe || n == 0 || n > COVEY_MAX_PARAMETERS || !(recipe->clip_norm >= 0) || !covey_is_finite(recipe->clip_norm))
        return COVEY_E_ARGUMENT;
    if (recipe->codec == COVEY_CODEC_FLOAT32)
        return COVEY_OK;
    if (recipe->codec != COVEY_CODEC_INT8)
        return COVEY_E_VERSION;
    return recipe->block >= SMALLEST_BLOCK && recipe->block <= LARGEST_BLOCK ? COVEY_OK : COVEY_E_ARGUMENT;
}

static size_t int8_size(uint32_t n, uint32_t block)
{
    return INT8_HEAD + (size_t)n + (size_t)SCALE * ((n + block - 1) / block);
}

size_t covey_payload_size(const covey_recipe *recipe, uint32_t n)
{
    if (check_recipe(recipe, n) != COVEY_OK)
        return 0;
    return recipe->codec == COVEY_CODEC_INT8 ? int8_size(n, recipe->block) : HEAD + 4 * (size_t)n;
}

int32_t covey_payload_encode(const covey_recipe *recipe, float *delta, uint32_t n, uint64_t seed, uint8_t *out,
                             size_t out_size, float *norm)
{
    int status = check_recipe(recipe, n);
    if (status != COVEY_OK)
        return status;
    if (!delta || !out)
        return COVEY_E_ARGUMENT;
    size_t size = covey_payload_size(recipe, n);
    if (out_size < size)
        return COVEY_E_SPACE;
    float length = covey_norm(delta, n);
    if (!covey_is_finite(length)) /* any NaN, infinity, or a delta too long to measure */
        return COVEY_E_NONFINITE;
    if (norm)
        *norm = length;
    if (recipe->clip_norm > 0 && length > recipe->clip_norm) {
        float factor = recipe->clip_norm / length;
        for (uint32_t i = 0; i < n; i++)
            delta[i] *= factor;
    }
    out[0] = recipe->codec;
    covey_store_u32(out + 1, n);
    if (recipe->codec == COVEY_CODEC_INT8) {
        covey_store_u16(out + HEAD, recipe->block);
        RUN(encode_int8, delta, n, recipe->block, seed, out + INT8_HEAD);
    } else {
        for (uint32_t i = 0; i < n; i++)
            covey_store_float(out + HEAD + 4 * (size_t)i, delta[i]);
    }
    return (int32_t)size;
}

static int check_size(size_t size, size_t expected)
{
    if (size < expected)
        return COVEY_E_TRUNCATED;
    return size > expected ? COVEY_E_FORMAT : COVEY_OK;
}

static int check_float32(const uint8_t *values, uint32_t n)
{
    uint32_t bad = 0;
    for (uint32_t i = 0; i < n; i++)
        bad |= (covey_load_u32(values + 4 * (size_t)i) & 0x7fffffffu) > COVEY_FLOAT_MAX_BITS;
    return bad ? COVEY_E_NONFINITE : COVEY_OK;
}

/* Scales are finite, not negative, and small enough that every value is finite; -128 is not a value. */
static int check_int8(const uint8_t *at, uint32_t n, uint32_t block)
{
    for (uint32_t first = 0; first < n; first += block) {
        uint32_t size = n - first < block ? n - first : block, scale = covey_load_u32(at);
        if (scale >> 31 && scale <= (COVEY_FLOAT_MAX_BITS | 0x80000000u))
            return COVEY_E_FORMAT;
        if (scale > SCALE_LIMIT_BITS)
            return COVEY_E_NONFINITE;
        at += SCALE;
        uint8_t bad = 0;
        for (uint32_t i = 0; i < size; i++)
            bad |= at[i] == 0x80;
        if (bad)
            return COVEY_E_FORMAT;
        at += size;
    }
    return COVEY_OK;
}

int covey_payload_check_shape(const uint8_t *payload, size_t size, uint32_t n)
{
    if (!payload || n == 0 || n > COVEY_MAX_PARAMETERS)
        return COVEY_E_ARGUMENT;
    if (size < HEAD)
        return COVEY_E_TRUNCATED;
    if (payload[0] != COVEY_CODEC_FLOAT32 && payload[0] != COVEY_CODEC_INT8)
        return COVEY_E_VERSION;
    if (covey_load_u32(payload + 1) != n)
        return COVEY_E_LENGTH;
    if (payload[0] == COVEY_CODEC_FLOAT32)
        return check_size(size, HEAD + 4 * (size_t)n);
    if (size < INT8_HEAD)
        return COVEY_E_TRUNCATED;
    uint32_t block = covey_load_u16(payload + HEAD);
    if (block < SMALLEST_BLOCK || block > LARGEST_BLOCK)
        return COVEY_E_FORMAT;
    return check_size(size, int8_size(n, block));
}

int covey_payload_check(const uint8_t *payload, size_t size, uint32_t n)
{
    int status = covey_payload_check_shape(payload, size, n);
    if (status != COVEY_OK)
        return status;
    if (payload[0] == COVEY_CODEC_FLOAT32)
        return check_float32(payload + HEAD, n);
    return check_int8(payload + INT8_HEAD, n, covey_load_u16(payload + HEAD));
}

int covey_payload_decode(const uint8_t *payload, size_t size, uint32_t n, float *out)
{
    int status = covey_payload_check(payload, size, n);
    if (status != COVEY_OK)
        return status;
    if (!out)
        return COVEY_E_ARGUMENT;
    const uint8_t *at = payload + (payload[0] == COVEY_CODEC_FLOAT32 ? HEAD : INT8_HEAD);
    uint32_t block = payload[0] == COVEY_CODEC_FLOAT32 ? n : covey_load_u16(payload + HEAD);
    for (uint32_t first = 0; first < n; first += block) {
        uint32_t end = n - first < block ? n : first + block;
        if (payload[0] == COVEY_CODEC_FLOAT32) {
            for (uint32_t i = first; i < end; i++, at += 4)
                out[i] = covey_load_float(at);
        } else {
            float scale = covey_load_float(at);
            at += SCALE;
            for (uint32_t i = first; i < end; i++)
                out[i] = scale * (float)(int8_t)*at++;
        }
    }
    return COVEY_OK;
}

int covey_payload_accumulate(const uint8_t *payload, size_t size, uint32_t n, double weight, double *sum)
{
    int status = covey_payload_check(payload, size, n);
    if (status != COVEY_OK)
        return status;
    if (!sum || !(weight - weight == 0))
        return COVEY_E_ARGUMENT;
    covey_payload_add(payload, weight, 0, n, sum);
    return COVEY_OK;
}
