/* cbor.h - the little of CBOR (RFC 8949) that update messages need, in its deterministic form: heads are as short as their
 * value allows, lengths are definite, floats are float32. A reader stands at `at` and stops for good at the first error. */
#ifndef COVEY_CBOR_H
#define COVEY_CBOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bytes.h"
#include "covey.h"

enum { CBOR_UINT = 0, CBOR_BYTES = 2, CBOR_MAP = 5 };
#define CBOR_FLOAT32 0xfau

static inline uint32_t cbor_head_size(uint32_t value)
{
    return value < 24 ? 1 : value < 0x100 ? 2 : value < 0x10000 ? 3 : 5;
}

static inline uint8_t *cbor_put_head(uint8_t *at, unsigned major, uint32_t value)
{
    uint32_t extra = cbor_head_size(value) - 1; /* bytes of the value, big-endian */
    unsigned info = extra == 0 ? value : extra == 1 ? 24 : extra == 2 ? 25 : 26;
    *at++ = (uint8_t)(major << 5 | info);
    while (extra-- > 0)
        *at++ = (uint8_t)(value >> (8 * extra));
    return at;
}

static inline uint8_t *cbor_put_field(uint8_t *at, uint32_t key, uint32_t value)
{
    return cbor_put_head(cbor_put_head(at, CBOR_UINT, key), CBOR_UINT, value);
}

static inline uint8_t *cbor_put_bytes(uint8_t *at, uint32_t key, const uint8_t *bytes, uint32_t size)
{
    at = cbor_put_head(cbor_put_head(at, CBOR_UINT, key), CBOR_BYTES, size);
    if (size) /* no bytes may be a null pointer */
        memcpy(at, bytes, size);
    return at + size;
}

static inline uint8_t *cbor_put_float(uint8_t *at, uint32_t key, float value)
{
    uint32_t bits = covey_float_bits(value);
    at = cbor_put_head(at, CBOR_UINT, key);
    *at++ = CBOR_FLOAT32;
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (uint8_t)(bits >> shift);
    return at;
}

typedef struct {
    const uint8_t *at, *end;
    int status; /* of the first error, else COVEY_OK */
} cbor_reader;

/* The next `size` bytes, or NULL. */
static inline const uint8_t *cbor_take(cbor_reader *reader, size_t size)
{
    const uint8_t *at = reader->at;
    if (reader->status == COVEY_OK && (size_t)(reader->end - at) < size)
        reader->status = COVEY_E_TRUNCATED;
    if (reader->status != COVEY_OK)
        return NULL;
    reader->at += size;
    return at;
}

static inline void cbor_refuse(cbor_reader *reader, int status)
{
    if (reader->status == COVEY_OK)
        reader->status = status;
}

/* The value of a head of this major type; 0 after an error. Values of 64 bits are beyond every field we have. */
static inline uint32_t cbor_head(cbor_reader *reader, unsigned major)
{
    const uint8_t *first = cbor_take(reader, 1);
    uint32_t value = 0, info = first ? *first & 31 : 0;
    if (!first)
        return 0;
    if (*first >> 5 != major || info > 26) {
        cbor_refuse(reader, COVEY_E_FORMAT);
        return 0;
    }
    if (info < 24)
        return info;
    uint32_t extra = 1u << (info - 24);
    const uint8_t *bytes = cbor_take(reader, extra);
    for (uint32_t i = 0; bytes && i < extra; i++)
        value = value << 8 | bytes[i];
    if (bytes && cbor_head_size(value) != extra + 1)
        cbor_refuse(reader, COVEY_E_FORMAT);
    return reader->status == COVEY_OK ? value : 0;
}

static inline void cbor_key(cbor_reader *reader, uint32_t key)
{
    if (cbor_head(reader, CBOR_UINT) != key)
        cbor_refuse(reader, COVEY_E_FORMAT);
}

static inline uint32_t cbor_field(cbor_reader *reader, uint32_t key)
{
    cbor_key(reader, key);
    return cbor_head(reader, CBOR_UINT);
}

/* A byte string's place in the message, or NULL. */
static inline const uint8_t *cbor_bytes(cbor_reader *reader, uint32_t key, uint32_t *size)
{
    cbor_key(reader, key);
    *size = cbor_head(reader, CBOR_BYTES);
    return cbor_take(reader, *size);
}

static inline float cbor_float(cbor_reader *reader, uint32_t key)
{
    cbor_key(reader, key);
    const uint8_t *bytes = cbor_take(reader, 1);
    if (bytes && *bytes != CBOR_FLOAT32)
        cbor_refuse(reader, COVEY_E_FORMAT);
    bytes = cbor_take(reader, 4);
    if (!bytes)
        return 0;
    return covey_bits_float((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3]);
}

#endif
