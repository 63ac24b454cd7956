/* test_update.c - payloads and messages: round trips, unbiased rounding, and every kind of bad bytes by its own status. */
#include "check.h"
#include "covey.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { N = 1003, CAPACITY = 8192 };

static void fill(float *delta, uint64_t seed)
{
    for (uint32_t i = 0; i < N; i++)
        delta[i] = ((float)((int32_t)(covey_random_u64(seed, i) >> 40) - (1 << 23)) / (1 << 23)) * 0.01f;
}

static void float32_payloads_come_back_exactly(void)
{
    float delta[N], back[N], norm;
    uint8_t payload[CAPACITY];
    covey_recipe recipe = {COVEY_CODEC_FLOAT32, 0, 0};
    fill(delta, 1);
    int32_t size = covey_payload_encode(&recipe, delta, N, 0, payload, CAPACITY, &norm);
    CHECK(size == 5 + 4 * N && (size_t)size == covey_payload_size(&recipe, N));
    CHECK(covey_payload_decode(payload, (size_t)size, N, back) == COVEY_OK);
    CHECK(memcmp(delta, back, sizeof delta) == 0);
}

static void int8_payloads_come_back_within_a_step(void)
{
    const uint16_t blocks[] = {16, 17, 64, 255, 1003, 1004, 4096};
    float delta[N], back[N];
    double sum[N] = {0};
    uint8_t payload[CAPACITY];
    for (uint32_t b = 0; b < sizeof blocks / sizeof *blocks; b++) {
        covey_recipe recipe = {COVEY_CODEC_INT8, blocks[b], 0};
        fill(delta, b);
        delta[40] = 0.01f; /* the block's largest must not pass 127 */
        int32_t size = covey_payload_encode(&recipe, delta, N, b, payload, CAPACITY, NULL);
        CHECK(size == (int32_t)covey_payload_size(&recipe, N));
        CHECK(covey_payload_decode(payload, (size_t)size, N, back) == COVEY_OK);
        for (uint32_t i = 0; i < N; i++)
            CHECK(fabsf(back[i] - delta[i]) <= 0.01f / 127 * 1.001f);
        memset(sum, 0, sizeof sum);
        CHECK(covey_payload_accumulate(payload, (size_t)size, N, -1.5, sum) == COVEY_OK);
        for (uint32_t i = 0; i < N; i++)
            CHECK(sum[i] == -1.5 * (double)back[i]);
    }
}

static void clipping_holds_the_norm(void)
{
    float delta[N], twice[N], norm;
    uint8_t payload[CAPACITY];
    fill(delta, 3);
    memcpy(twice, delta, sizeof delta);
    covey_recipe recipe = {COVEY_CODEC_INT8, 64, 0.05f};
    CHECK(covey_payload_encode(&recipe, delta, N, 9, payload, CAPACITY, &norm) > 0);
    double before = 0, after = 0;
    for (uint32_t i = 0; i < N; i++) {
        before += (double)twice[i] * twice[i];
        after += (double)delta[i] * delta[i];
    }
    CHECK(fabs(norm - sqrt(before)) < 1e-6 * norm);
    CHECK(fabs(sqrt(after) - 0.05) < 1e-6 * 0.05);
    recipe.clip_norm = 10;
    fill(delta, 3);
    CHECK(covey_payload_encode(&recipe, delta, N, 9, payload, CAPACITY, NULL) > 0);
    CHECK(memcmp(delta, twice, sizeof delta) == 0); /* below the bound nothing changes */
}

/* The mean over 20,000 seeds of a value between two steps is that value, within five standard errors. */
static void rounding_is_unbiased(void)
{
    float delta[16] = {1.27f}, back[16];
    uint8_t payload[64];
    double mean[16] = {0};
    covey_recipe recipe = {COVEY_CODEC_INT8, 16, 0};
    for (int i = 1; i < 16; i++)
        delta[i] = (float)(i - 8) * 0.0013f + 0.0004f;
    enum { DRAWS = 20000 };
    for (uint32_t s = 0; s < DRAWS; s++) {
        int32_t size = covey_payload_encode(&recipe, delta, 16, s, payload, sizeof payload, NULL);
        CHECK(covey_payload_decode(payload, (size_t)size, 16, back) == COVEY_OK);
        for (int i = 0; i < 16; i++)
            mean[i] += back[i] / DRAWS;
    }
    for (int i = 1; i < 16; i++)
        CHECK(fabs(mean[i] - delta[i]) < 5 * 0.01 * 0.5 / sqrt(DRAWS));
    CHECK(fabs(mean[0] - 1.27) < 1e-6);
}

static void bad_recipes_and_deltas_are_refused(void)
{
    float delta[N];
    uint8_t payload[CAPACITY];
    fill(delta, 4);
    covey_recipe good = {COVEY_CODEC_INT8, 64, 1}, bad;
    bad = good;
    bad.block = 15;
    CHECK(covey_payload_encode(&bad, delta, N, 0, payload, CAPACITY, NULL) == COVEY_E_ARGUMENT);
    bad = good;
    bad.block = 4097;
    CHECK(covey_payload_encode(&bad, delta, N, 0, payload, CAPACITY, NULL) == COVEY_E_ARGUMENT && covey_payload_size(&bad, N) == 0);
    bad = good;
    bad.codec = 3;
    CHECK(covey_payload_encode(&bad, delta, N, 0, payload, CAPACITY, NULL) == COVEY_E_VERSION);
    bad = good;
    bad.clip_norm = NAN;
    CHECK(covey_payload_encode(&bad, delta, N, 0, payload, CAPACITY, NULL) == COVEY_E_ARGUMENT);
    CHECK(covey_payload_encode(&good, delta, 0, 0, payload, CAPACITY, NULL) == COVEY_E_ARGUMENT);
    CHECK(covey_payload_encode(&good, delta, N, 0, payload, covey_payload_size(&good, N) - 1, NULL) == COVEY_E_SPACE);
    const float odd[] = {NAN, INFINITY, -INFINITY, 3e38f}; /* the last has no finite norm */
    for (int i = 0; i < 4; i++) {
        fill(delta, 4);
        delta[N - 1] = odd[i];
        CHECK(covey_payload_encode(&good, delta, N, 0, payload, CAPACITY, NULL) == COVEY_E_NONFINITE);
        CHECK(delta[0] != 0 && memcmp(&delta[N - 1], &odd[i], 4) == 0); /* untouched */
    }
    memset(delta, 0, sizeof delta);
    delta[1] = 1e-38f;
    CHECK(covey_payload_encode(&good, delta, N, 0, payload, CAPACITY, NULL) > 0);
    CHECK(covey_payload_check(payload, covey_payload_size(&good, N), N) == COVEY_OK);
}

static int after(uint8_t *payload, size_t size, size_t at, uint32_t bits)
{
    uint8_t kept[4];
    memcpy(kept, payload + at, 4);
    for (int i = 0; i < 4; i++)
        payload[at + i] = (uint8_t)(bits >> (8 * i));
    int status = covey_payload_check(payload, size, N);
    memcpy(payload + at, kept, 4);
    return status;
}

static void bad_payloads_are_told_apart(void)
{
    float delta[N], back[N];
    uint8_t payload[CAPACITY];
    covey_recipe recipe = {COVEY_CODEC_INT8, 64, 0};
    fill(delta, 5);
    size_t size = (size_t)covey_payload_encode(&recipe, delta, N, 0, payload, CAPACITY, NULL);
    CHECK(covey_payload_check(payload, size, N) == COVEY_OK);
    for (size_t cut = 0; cut < size; cut++)
        CHECK(covey_payload_check(payload, cut, N) == COVEY_E_TRUNCATED);
    CHECK(covey_payload_check(payload, size + 1, N) == COVEY_E_FORMAT);
    CHECK(covey_payload_check(payload, size, N + 1) == COVEY_E_LENGTH);
    CHECK(after(payload, size, 0, 0x0003eb07) == COVEY_E_VERSION);
    CHECK(after(payload, size, 7, 0x7fc00000) == COVEY_E_NONFINITE); /* a scale: NaN */
    CHECK(after(payload, size, 7, 0xffc00000) == COVEY_E_NONFINITE);
    CHECK(after(payload, size, 7, 0x7c000001) == COVEY_E_NONFINITE); /* 128 times it is not finite */
    CHECK(after(payload, size, 7, 0x7c000000) == COVEY_OK);
    CHECK(after(payload, size, 7, 0xbf800000) == COVEY_E_FORMAT);    /* negative */
    CHECK(after(payload, size, 7, 0x80000000) == COVEY_E_FORMAT);    /* -0 */
    CHECK(after(payload, size, 11, 0x00008000) == COVEY_E_FORMAT);   /* -128 is not a value */
    payload[5] = 15;
    CHECK(covey_payload_check(payload, size, N) == COVEY_E_FORMAT); /* block */
    back[0] = 7;
    CHECK(covey_payload_decode(payload, size, N, back) == COVEY_E_FORMAT && back[0] == 7);
    recipe.codec = COVEY_CODEC_FLOAT32;
    size = (size_t)covey_payload_encode(&recipe, delta, N, 0, payload, CAPACITY, NULL);
    CHECK(after(payload, size, 5 + 4 * 500, 0xff800000) == COVEY_E_NONFINITE);
}

static covey_update example(const uint8_t *payload, uint32_t size)
{
    covey_update update = {.round = 23, .counter = 256, .num_examples = 70000, .loss = 0.5f, .payload = payload, .payload_size = size};
    memset(update.digest, 0xd1, sizeof update.digest);
    return update;
}

static void messages_come_back_and_are_as_documented(void)
{
    const uint8_t payload[] = {1, 2, 3};
    uint8_t out[64];
    covey_update update = example(payload, 3), read;
    int32_t size = covey_update_write(&update, out, sizeof out);
    const uint8_t expected[] = {0xa7, 1, 1, 2, 0x17, 3, 0x19, 1, 0, 4, 0x50, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1,
                                0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 0xd1, 5, 0x1a, 0, 1, 0x11, 0x70, 6, 0xfa, 0x3f, 0, 0, 0, 7, 0x43, 1, 2, 3};
    CHECK(size == (int32_t)sizeof expected && memcmp(out, expected, sizeof expected) == 0);
    CHECK(covey_update_write(&update, out, (size_t)size - 1) == COVEY_E_SPACE);
    CHECK(covey_update_read(out, (size_t)size, &read) == COVEY_OK);
    CHECK(read.round == 23 && read.counter == 256 && read.num_examples == 70000 && read.loss == 0.5f);
    CHECK(read.payload_size == 3 && read.payload == out + size - 3 && memcmp(read.digest, update.digest, 16) == 0);
    update.loss = NAN;
    CHECK(covey_update_write(&update, out, sizeof out) == COVEY_E_NONFINITE);
    update = example(NULL, 0);
    update.round = update.counter = update.num_examples = UINT32_MAX;
    size = covey_update_write(&update, out, sizeof out);
    covey_recipe recipe = {COVEY_CODEC_FLOAT32, 0, 0};
    CHECK(size > 0 && (size_t)size + 2 + covey_payload_size(&recipe, 100) == covey_update_size(&recipe, 100));
}

static void changed_messages_are_refused(void)
{
    const uint8_t payload[] = {1, 2, 3};
    uint8_t good[64], bad[66];
    covey_update update = example(payload, 3), read;
    size_t size = (size_t)covey_update_write(&update, good, sizeof good);
    for (size_t cut = 0; cut < size; cut++) {
        memset(&read, 0x55, sizeof read);
        CHECK(covey_update_read(good, cut, &read) == COVEY_E_TRUNCATED && read.round == 0x55555555);
    }
    memcpy(bad, good, size);
    bad[size] = 0;
    CHECK(covey_update_read(bad, size + 1, &read) == COVEY_E_FORMAT); /* trailing byte */
    const struct {
        uint8_t at, value;
        int status;
    } changes[] = {
        {0, 0xa6, COVEY_E_FORMAT},  {0, 0xbf, COVEY_E_FORMAT},   {1, 2, COVEY_E_FORMAT},     {2, 2, COVEY_E_VERSION},
        {3, 1, COVEY_E_FORMAT},     {4, 0x37, COVEY_E_FORMAT},   {6, 0x1b, COVEY_E_FORMAT},  {7, 0, COVEY_E_FORMAT},
        {10, 0x4f, COVEY_E_FORMAT}, {10, 0x70, COVEY_E_FORMAT},  {34, 0xfb, COVEY_E_FORMAT}, {35, 0x7f, COVEY_OK},
        {35, 0xff, COVEY_OK},       {40, 0x42, COVEY_E_FORMAT},  {40, 0x44, COVEY_E_TRUNCATED},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        memcpy(bad, good, size);
        bad[changes[i].at] = changes[i].value;
        CHECK(covey_update_read(bad, size, &read) == changes[i].status);
    }
    memcpy(bad, good, size);
    bad[35] = 0x7f, bad[36] = 0x80; /* infinite loss */
    CHECK(covey_update_read(bad, size, &read) == COVEY_E_NONFINITE);
    memcpy(bad, good, 4);
    bad[4] = 0x18, bad[5] = 0x17; /* 23 in two bytes */
    memcpy(bad + 6, good + 5, size - 5);
    CHECK(covey_update_read(bad, size + 1, &read) == COVEY_E_FORMAT);
}

static void blocks_are_read_and_added_in_order_on_any_number_of_threads(void)
{
    enum { MESSAGES = 23 };
    static uint8_t messages[MESSAGES * CAPACITY];
    static float rows[MESSAGES * N];
    uint64_t offsets[MESSAGES];
    uint32_t sizes[MESSAGES];
    double weights[MESSAGES], sum[N], expected[N] = {0};
    covey_update_header headers[MESSAGES];
    float delta[N];
    for (uint32_t i = 0; i < MESSAGES; i++) {
        uint8_t payload[CAPACITY];
        covey_recipe recipe = {i % 3 ? COVEY_CODEC_INT8 : COVEY_CODEC_FLOAT32, (uint16_t)(16 + 13 * i), 0};
        fill(delta, i);
        covey_update update = example(payload, (uint32_t)covey_payload_encode(&recipe, delta, N, i, payload, CAPACITY, NULL));
        offsets[i] = i * CAPACITY;
        sizes[i] = (uint32_t)covey_update_write(&update, messages + offsets[i], CAPACITY);
        weights[i] = i == 4 ? 0 : 1.0 / (i + 1);
    }
    messages[offsets[4] + 2] = 9; /* one of an unknown version, with weight 0 */
    CHECK(covey_updates_read(messages, sizeof messages, offsets, sizes, MESSAGES, N, headers) == COVEY_OK);
    size_t end = offsets[MESSAGES - 1] + sizes[MESSAGES - 1];
    CHECK(covey_updates_read(messages, end, offsets, sizes, MESSAGES, N, headers) == COVEY_OK);
    CHECK(covey_updates_read(messages, end - 1, offsets, sizes, MESSAGES, N, headers) == COVEY_E_ARGUMENT);
    CHECK(headers[4].status == COVEY_E_VERSION && headers[4].payload_size == 0);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        const uint8_t *payload = messages + offsets[i] + headers[i].payload_offset;
        if (i != 4)
            CHECK(headers[i].status == COVEY_OK && headers[i].round == 23 &&
                  covey_payload_accumulate(payload, headers[i].payload_size, N, weights[i], expected) == COVEY_OK);
    }
    const uint32_t threads[] = {1, 2, 3, 7, 1000};
    for (int t = 0; t < 5; t++) {
        memset(sum, 0, sizeof sum);
        CHECK(covey_updates_accumulate(messages, sizeof messages, offsets, headers, weights, MESSAGES, N, threads[t], sum) == COVEY_OK);
        CHECK(memcmp(sum, expected, sizeof sum) == 0);
    }
    CHECK(covey_updates_decode(messages, sizeof messages, offsets, headers, 4, N, rows) == COVEY_OK && rows[0] != 0);
    CHECK(covey_updates_decode(messages, sizeof messages, offsets, headers, MESSAGES, N, rows) == COVEY_E_ARGUMENT);
    double squares[MESSAGES], length = 0;
    CHECK(covey_updates_squares(messages, sizeof messages, offsets, headers, MESSAGES, N, squares) == COVEY_OK);
    for (uint32_t k = 0; k < N; k++)
        length += (double)rows[N + k] * rows[N + k];
    CHECK(squares[1] > length * (1 - 1e-6) && squares[1] < length * (1 + 1e-6) && squares[4] == 0);
    CHECK(covey_updates_squares(messages, end - 1, offsets, headers, MESSAGES, N, squares) == COVEY_E_ARGUMENT);
    weights[4] = 1;
    CHECK(covey_updates_accumulate(messages, sizeof messages, offsets, headers, weights, MESSAGES, N, 2, sum) == COVEY_E_ARGUMENT);
    CHECK(memcmp(sum, expected, sizeof sum) == 0);
}

/* A caller that mixes up blocks, sizes or weights is refused before a byte is read out of place. */
static void headers_of_another_block_are_refused(void)
{
    static uint8_t message[CAPACITY];
    static double sum[4 * N];
    static float delta[N], rows[4 * N];
    uint8_t payload[CAPACITY];
    const covey_recipe recipe = {COVEY_CODEC_FLOAT32, 0, 0};
    fill(delta, 1);
    covey_update update = example(payload, (uint32_t)covey_payload_encode(&recipe, delta, N, 0, payload, CAPACITY, NULL));
    const uint32_t size = (uint32_t)covey_update_write(&update, message, CAPACITY);
    const uint64_t offset = 0, far = 1;
    const double one = 1, weights[] = {NAN, INFINITY, -INFINITY};
    covey_update_header header;
    CHECK(covey_updates_read(message, size, &offset, &size, 1, N, &header) == COVEY_OK && header.status == COVEY_OK);
    CHECK(covey_updates_accumulate(message, size, &offset, &header, &one, 1, 4 * N, 1, sum) == COVEY_E_LENGTH);
    CHECK(covey_updates_decode(message, size, &offset, &header, 1, 4 * N, rows) == COVEY_E_LENGTH);
    CHECK(covey_updates_accumulate(message, size, &offset, &header, &one, 1, UINT32_MAX, 2, sum) == COVEY_E_ARGUMENT);
    CHECK(covey_updates_accumulate(message, size - 1, &offset, &header, &one, 1, N, 1, sum) == COVEY_E_ARGUMENT);
    CHECK(covey_updates_decode(message, size, &far, &header, 1, N, rows) == COVEY_E_ARGUMENT);
    for (int i = 0; i < 3; i++)
        CHECK(covey_updates_accumulate(message, size, &offset, &header, &weights[i], 1, N, 1, sum) == COVEY_E_ARGUMENT);
    header.payload_offset = UINT32_MAX;
    CHECK(covey_updates_accumulate(message, size, &offset, &header, &one, 1, N, 1, sum) == COVEY_E_ARGUMENT);
    for (int i = 0; i < 4 * N; i++)
        CHECK(sum[i] == 0);
}

/* Every set of kernels that this machine has gives the same bytes. */
static void kernels_agree(void)
{
    const char *names[] = {"portable", "sse2", "avx2", "avx512", "neon"};
    uint8_t first[CAPACITY], payload[CAPACITY];
    int32_t first_size = 0;
    double first_sum[N] = {0};
    for (int k = 0; k < 5; k++) {
        if (covey_kernel_select(names[k]) != COVEY_OK)
            continue;
        float delta[N], norm;
        double sum[N] = {0};
        covey_recipe recipe = {COVEY_CODEC_INT8, 97, 0.04f};
        fill(delta, 6);
        int32_t size = covey_payload_encode(&recipe, delta, N, 11, payload, CAPACITY, &norm);
        CHECK(covey_payload_accumulate(payload, (size_t)size, N, 0.3, sum) == COVEY_OK);
        if (!first_size) {
            first_size = size;
            memcpy(first, payload, (size_t)size);
            memcpy(first_sum, sum, sizeof sum);
        }
        CHECK(size == first_size && memcmp(first, payload, (size_t)size) == 0 && memcmp(first_sum, sum, sizeof sum) == 0);
    }
}

int main(void)
{
    float32_payloads_come_back_exactly();
    int8_payloads_come_back_within_a_step();
    clipping_holds_the_norm();
    rounding_is_unbiased();
    bad_recipes_and_deltas_are_refused();
    bad_payloads_are_told_apart();
    messages_come_back_and_are_as_documented();
    changed_messages_are_refused();
    blocks_are_read_and_added_in_order_on_any_number_of_threads();
    headers_of_another_block_are_refused();
    kernels_agree();
    return check_done();
}
