/* updates.c - blocks of messages, as a coordinator takes them in (hosted targets only: it has threads). */
#include "canonical.h"

#include "covey.h"
#include "payload.h"

#include <pthread.h>
#include <string.h>

enum {
    MOST_THREADS = 64,
    PIECE = 2048 /* coordinates whose sums stay in the first-level cache while all messages pass */
};

static void read_one(const uint8_t *message, uint32_t size, uint32_t n_parameters, covey_update_header *header)
{
    covey_update update;
    memset(header, 0, sizeof *header);
    header->status = covey_update_read(message, size, &update);
    if (header->status == COVEY_OK)
        header->status = covey_payload_check(update.payload, update.payload_size, n_parameters);
    if (header->status != COVEY_OK)
        return;
    header->round = update.round;
    header->counter = update.counter;
    header->num_examples = update.num_examples;
    header->loss = update.loss;
    header->payload_offset = (uint32_t)(update.payload - message);
    header->payload_size = update.payload_size;
    memcpy(header->digest, update.digest, COVEY_DIGEST_BYTES);
}

int covey_updates_read(const uint8_t *messages, size_t block_size, const uint64_t *offsets, const uint32_t *sizes,
                       size_t n_messages, uint32_t n_parameters, covey_update_header *headers)
{
    if (n_messages == 0)
        return COVEY_OK;
    if (!messages || !offsets || !sizes || !headers || n_parameters == 0 || n_parameters > COVEY_MAX_PARAMETERS)
        return COVEY_E_ARGUMENT;
    for (size_t i = 0; i < n_messages; i++)
        if (offsets[i] > block_size || sizes[i] > block_size - offsets[i])
            return COVEY_E_ARGUMENT;
    for (size_t i = 0; i < n_messages; i++)
        read_one(messages + offsets[i], sizes[i], n_parameters, &headers[i]);
    return COVEY_OK;
}

/* That a header is of a message at `offset` that was read with status OK for so many parameters. A look at few bytes:
 * nothing is read or written out of bounds, but only covey_updates_read looked at the values. */
static int check_header(const uint8_t *messages, size_t block_size, uint64_t offset, const covey_update_header *header,
                        uint32_t n_parameters)
{
    if (header->status != COVEY_OK || offset > block_size || header->payload_offset > block_size - offset ||
        header->payload_size > block_size - offset - header->payload_offset)
        return COVEY_E_ARGUMENT;
    return covey_payload_check_shape(messages + offset + header->payload_offset, header->payload_size, n_parameters);
}

int covey_updates_decode(const uint8_t *messages, size_t block_size, const uint64_t *offsets,
                         const covey_update_header *headers, size_t n_messages, uint32_t n_parameters, float *out)
{
    if (n_messages == 0)
        return COVEY_OK;
    if (!messages || !offsets || !headers || !out)
        return COVEY_E_ARGUMENT;
    for (size_t i = 0; i < n_messages; i++) {
        int status = check_header(messages, block_size, offsets[i], &headers[i], n_parameters);
        if (status != COVEY_OK)
            return status;
    }
    for (size_t i = 0; i < n_messages; i++) {
        const uint8_t *payload = messages + offsets[i] + headers[i].payload_offset;
        int status = covey_payload_decode(payload, headers[i].payload_size, n_parameters, out + i * n_parameters);
        if (status != COVEY_OK)
            return status;
    }
    return COVEY_OK;
}

int covey_updates_squares(const uint8_t *messages, size_t block_size, const uint64_t *offsets,
                          const covey_update_header *headers, size_t n_messages, uint32_t n_parameters, double *squares)
{
    if (n_messages == 0)
        return COVEY_OK;
    if (!messages || !offsets || !headers || !squares)
        return COVEY_E_ARGUMENT;
    for (size_t i = 0; i < n_messages; i++) {
        squares[i] = 0;
        if (headers[i].status != COVEY_OK)
            continue;
        int status = check_header(messages, block_size, offsets[i], &headers[i], n_parameters);
        if (status != COVEY_OK)
            return status;
        squares[i] = covey_payload_squares(messages + offsets[i] + headers[i].payload_offset, n_parameters);
    }
    return COVEY_OK;
}

typedef struct {
    const uint8_t *messages;
    const uint64_t *offsets;
    const covey_update_header *headers;
    const double *weights;
    size_t n_messages;
    uint32_t from, to; /* coordinates */
    double *sum;
} share;

static void *add_share(void *argument)
{
    const share *s = argument;
    for (uint32_t from = s->from; from < s->to; from += PIECE) {
        uint32_t to = s->to - from < PIECE ? s->to : from + PIECE;
        for (size_t i = 0; i < s->n_messages; i++)
            if (s->weights[i] != 0)
                covey_payload_add(s->messages + s->offsets[i] + s->headers[i].payload_offset, s->weights[i], from, to,
                                  s->sum + from);
    }
    return NULL;
}

/* Every thread adds all messages, in order, to its share of the coordinates; so the bits do not depend on their number. */
static void add_on_threads(const share *all, uint32_t n_threads)
{
    share shares[MOST_THREADS];
    pthread_t threads[MOST_THREADS];
    uint8_t started[MOST_THREADS] = {0};
    uint32_t each = (all->to + n_threads - 1) / n_threads;
    for (uint32_t t = 0; t < n_threads; t++) {
        shares[t] = *all;
        shares[t].from = t * each < all->to ? t * each : all->to;
        shares[t].to = all->to - shares[t].from < each ? all->to : shares[t].from + each;
        started[t] = t > 0 && pthread_create(&threads[t], NULL, add_share, &shares[t]) == 0;
    }
    for (uint32_t t = 0; t < n_threads; t++) {
        if (started[t])
            pthread_join(threads[t], NULL);
        else
            add_share(&shares[t]); /* the caller's own share, and those that got no thread */
    }
}

int covey_updates_accumulate(const uint8_t *messages, size_t block_size, const uint64_t *offsets,
                             const covey_update_header *headers, const double *weights, size_t n_messages,
                             uint32_t n_parameters, uint32_t n_threads, double *sum)
{
    if (n_messages == 0)
        return COVEY_OK;
    if (!messages || !offsets || !headers || !weights || !sum || n_threads == 0)
        return COVEY_E_ARGUMENT;
    if (n_parameters == 0 || n_parameters > COVEY_MAX_PARAMETERS)
        return COVEY_E_ARGUMENT;
    for (size_t i = 0; i < n_messages; i++) {
        if (weights[i] == 0)
            continue;
        if (!(weights[i] - weights[i] == 0)) /* NaN or infinite */
            return COVEY_E_ARGUMENT;
        int status = check_header(messages, block_size, offsets[i], &headers[i], n_parameters);
        if (status != COVEY_OK)
            return status;
    }
    share all = {messages, offsets, headers, weights, n_messages, 0, n_parameters, sum};
    uint32_t most = n_threads < MOST_THREADS ? n_threads : MOST_THREADS;
    add_on_threads(&all, most < (n_parameters + 63) / 64 ? most : (n_parameters + 63) / 64);
    return COVEY_OK;
}
