/* message.c - the update message: a payload with what the coordinator has to know of it, as deterministic CBOR. */
#include "canonical.h"

#include "cbor.h"
#include "covey.h"

enum { MESSAGE_VERSION = 1 };

/* Map head, seven keys, version, three integers, digest, loss, payload head. */
static size_t message_size(const covey_update *update, uint32_t payload_size)
{
    return 1 + 7 + 1 + cbor_head_size(update->round) + cbor_head_size(update->counter) +
           cbor_head_size(update->num_examples) + 1 + COVEY_DIGEST_BYTES + 5 + cbor_head_size(payload_size) +
           (size_t)payload_size;
}

size_t covey_update_size(const covey_recipe *recipe, uint32_t n)
{
    covey_update longest = {.round = UINT32_MAX, .counter = UINT32_MAX, .num_examples = UINT32_MAX};
    size_t payload_size = covey_payload_size(recipe, n);
    return payload_size ? message_size(&longest, (uint32_t)payload_size) : 0;
}

int32_t covey_update_write(const covey_update *update, uint8_t *out, size_t out_size)
{
    if (!update || !out || (!update->payload && update->payload_size) || update->payload_size > INT32_MAX - 64)
        return COVEY_E_ARGUMENT;
    if (!covey_is_finite(update->loss))
        return COVEY_E_NONFINITE;
    if (out_size < message_size(update, update->payload_size))
        return COVEY_E_SPACE;
    uint8_t *at = cbor_put_head(out, CBOR_MAP, 7);
    at = cbor_put_field(at, 1, MESSAGE_VERSION);
    at = cbor_put_field(at, 2, update->round);
    at = cbor_put_field(at, 3, update->counter);
    at = cbor_put_bytes(at, 4, update->digest, COVEY_DIGEST_BYTES);
    at = cbor_put_field(at, 5, update->num_examples);
    at = cbor_put_float(at, 6, update->loss);
    at = cbor_put_bytes(at, 7, update->payload, update->payload_size);
    return (int32_t)(at - out);
}

int covey_update_read(const uint8_t *message, size_t size, covey_update *update)
{
    if (!message || !update)
        return COVEY_E_ARGUMENT;
    cbor_reader reader = {message, message + size, COVEY_OK};
    covey_update read = {0};
    if (cbor_head(&reader, CBOR_MAP) != 7)
        cbor_refuse(&reader, COVEY_E_FORMAT);
    if (cbor_field(&reader, 1) != MESSAGE_VERSION)
        cbor_refuse(&reader, COVEY_E_VERSION);
    read.round = cbor_field(&reader, 2);
    read.counter = cbor_field(&reader, 3);
    uint32_t digest_size;
    const uint8_t *digest = cbor_bytes(&reader, 4, &digest_size);
    if (digest && digest_size != COVEY_DIGEST_BYTES)
        cbor_refuse(&reader, COVEY_E_FORMAT);
    read.num_examples = cbor_field(&reader, 5);
    read.loss = cbor_float(&reader, 6);
    read.payload = cbor_bytes(&reader, 7, &read.payload_size);
    if (reader.at != reader.end)
        cbor_refuse(&reader, COVEY_E_FORMAT);
    if (!covey_is_finite(read.loss))
        cbor_refuse(&reader, COVEY_E_NONFINITE);
    if (reader.status != COVEY_OK)
        return reader.status;
    memcpy(read.digest, digest, COVEY_DIGEST_BYTES);
    *update = read;
    return COVEY_OK;
}
