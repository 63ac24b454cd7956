/* bytes.h - little-endian numbers at any alignment. Compilers turn each into one load or store where the target allows. */
#ifndef COVEY_BYTES_H
#define COVEY_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define COVEY_FLOAT_MAX_BITS 0x7f7fffffu /* pattern of the highest finite float32 */

static inline uint32_t covey_float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float covey_bits_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline int covey_is_finite(float value)
{
    return (covey_float_bits(value) & 0x7fffffffu) <= COVEY_FLOAT_MAX_BITS;
}

static inline int covey_all_finite(const float *values, size_t n)
{
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++)
        bad |= (covey_float_bits(values[i]) & 0x7fffffffu) > COVEY_FLOAT_MAX_BITS;
    return !bad;
}

static inline uint32_t covey_load_u16(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static inline uint32_t covey_load_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline float covey_load_float(const uint8_t *at)
{
    return covey_bits_float(covey_load_u32(at));
}

static inline void covey_store_u16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static inline void covey_store_u32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
    at[2] = (uint8_t)(value >> 16);
    at[3] = (uint8_t)(value >> 24);
}

static inline void covey_store_float(uint8_t *at, float value)
{
    covey_store_u32(at, covey_float_bits(value));
}

#endif
