/* test_runner.c - many clients in one call: as if each had trained alone, whatever the threads. */
#include "cases.h"
#include "check.h"

#include <math.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

enum { CLIENTS = 9, STRIDE = 4096 };

typedef struct {
    covey_client clients[CLIENTS];
    covey_client_result results[CLIENTS];
    uint8_t messages[CLIENTS * STRIDE];
    float *deltas, *correction;
    covey_training training;
    covey_recipe recipe;
    covey_job job;
} fleet;

static void make_fleet(fleet *f, const case_data *data)
{
    memset(f, 0, sizeof *f);
    f->training = (covey_training){.epochs = 2, .batch = 8, .learning_rate = 0.05f, .shuffle = 1};
    f->recipe = (covey_recipe){.codec = COVEY_CODEC_INT8, .block = 64, .clip_norm = 0.5f};
    f->deltas = malloc(CLIENTS * data->n * sizeof(float));
    memset(f->deltas, 0x7f, CLIENTS * data->n * sizeof(float));
    f->correction = case_floats(data->n, 9, 0.01f);
    for (uint32_t i = 0; i < CLIENTS; i++)
        f->clients[i] = (covey_client){.first_row = 7 * i, .n_rows = 5 + 2 * i, .counter = i, .seed = 40 + i,
                                       .correction = i % 2 ? f->correction : 0};
    f->job = (covey_job){.model = data->model, .training = &f->training, .rows = &data->rows, .recipe = &f->recipe,
                         .parameters = data->parameters, .round = 3, .clients = f->clients, .n_clients = CLIENTS,
                         .messages = f->messages, .message_stride = STRIDE, .deltas = f->deltas, .results = f->results};
}

static void free_fleet(fleet *f)
{
    free(f->deltas);
    free(f->correction);
}

static int run(fleet *f, uint32_t threads)
{
    size_t size = covey_run_size(&f->job, threads);
    uint8_t *arena = malloc(size + 4);
    int status = covey_run(&f->job, threads, arena + 4, size);
    free(arena);
    return status;
}

static uint64_t hash_of(const fleet *f, uint32_t n)
{
    return case_hash(f->results, sizeof f->results) ^ case_hash(f->messages, sizeof f->messages) * 3 ^
           case_hash(f->deltas, CLIENTS * n * sizeof(float)) * 5;
}

static void the_number_of_threads_does_not_show(void)
{
    case_data data = case_make(0, 90);
    fleet f;
    uint64_t expected = 0;
    for (uint32_t threads = 1; threads <= 12; threads++) {
        make_fleet(&f, &data);
        CHECK(run(&f, threads) == COVEY_OK);
        expected = threads == 1 ? hash_of(&f, data.n) : expected;
        CHECK(hash_of(&f, data.n) == expected);
        free_fleet(&f);
    }
    case_free(&data);
}

static void a_client_is_trained_as_if_alone(void)
{
    case_data data = case_make(0, 90);
    fleet f;
    make_fleet(&f, &data);
    float *own = case_floats(data.n, 77, 0.2f), *parameters = malloc(data.n * sizeof(float));
    f.clients[3].parameters = own;
    CHECK(run(&f, 2) == COVEY_OK);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        const float *start = f.clients[i].parameters ? own : data.parameters;
        covey_training training = f.training;
        covey_training_result result;
        case_data alone = data;
        alone.rows.inputs += f.clients[i].first_row * data.inputs;
        alone.rows.labels += f.clients[i].first_row;
        alone.rows.sample_weight += f.clients[i].first_row;
        alone.rows.n_rows = f.clients[i].n_rows;
        training.seed = covey_seed(f.clients[i].seed, 0);
        training.correction = f.clients[i].correction;
        memcpy(parameters, start, data.n * sizeof(float));
        CHECK(case_train(&alone, &training, parameters, &result) == COVEY_OK);
        for (uint32_t p = 0; p < data.n; p++)
            CHECK(f.deltas[i * data.n + p] == parameters[p] - start[p]);
        CHECK(f.results[i].steps == result.steps && f.results[i].last_loss == result.last_loss);
        CHECK(f.results[i].status == COVEY_OK && f.results[i].message_size > 0);
    }
    free(own), free(parameters);
    free_fleet(&f);
    case_free(&data);
}

static void messages_say_what_was_trained(void)
{
    case_data data = case_make(0, 90);
    fleet f;
    make_fleet(&f, &data);
    f.recipe = (covey_recipe){.codec = COVEY_CODEC_FLOAT32};
    f.job.message_stride = STRIDE * 2; /* too long for a row: one message */
    f.job.n_clients = 1;
    float *decoded = malloc(data.n * sizeof(float));
    CHECK(run(&f, 1) == COVEY_OK);
    covey_update update;
    CHECK(covey_update_read(f.messages, f.results[0].message_size, &update) == COVEY_OK);
    CHECK(update.round == 3 && update.counter == 0 && update.num_examples == 5 && update.loss == f.results[0].last_loss);
    CHECK(covey_payload_decode(update.payload, update.payload_size, data.n, decoded) == COVEY_OK);
    CHECK(memcmp(decoded, f.deltas, data.n * sizeof(float)) == 0);
    double squares = 0;
    for (uint32_t p = 0; p < data.n; p++)
        squares += (double)decoded[p] * (double)decoded[p];
    CHECK(fabs(sqrt(squares) - (double)f.results[0].norm) < 1e-5 * sqrt(squares));
    float norm = f.results[0].norm;
    f.job.recipe = 0;
    f.job.messages = 0;
    CHECK(run(&f, 1) == COVEY_OK && f.results[0].norm == norm && f.results[0].message_size == 0);
    free(decoded);
    free_fleet(&f);
    case_free(&data);
}

static void a_client_that_fails_does_not_hold_up_the_others(void)
{
    case_data data = case_make(0, 90);
    fleet f;
    make_fleet(&f, &data);
    ((float *)(uintptr_t)data.rows.inputs)[7 * 1 * data.inputs] = NAN; /* rows of clients 0 (5 rows: no) and 1 */
    f.clients[5].first_row = 1000;
    f.clients[6].n_rows = 0;
    CHECK(run(&f, 2) == COVEY_OK);
    CHECK(f.results[0].status == COVEY_OK && f.results[1].status == COVEY_E_NONFINITE && f.results[2].status == COVEY_OK);
    CHECK(f.results[5].status == COVEY_E_ARGUMENT && f.results[6].status == COVEY_E_ARGUMENT);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        float most = 0;
        for (uint32_t p = 0; p < data.n; p++)
            most = fmaxf(most, fabsf(f.deltas[i * data.n + p]));
        CHECK(f.results[i].status == COVEY_OK ? most > 0 && most < 10 : most == 0 && f.results[i].message_size == 0);
    }
    free_fleet(&f);
    case_free(&data);
}

/* Training goes well, but the delta is too long to measure: nothing of it is handed on. */
static void a_client_whose_update_cannot_be_encoded_leaves_zeros(void)
{
    const covey_layer layer = {.kind = COVEY_DENSE, .inputs = 1, .outputs = 1};
    const covey_model model = {&layer, 1, COVEY_MSE};
    const float inputs[] = {1, 1, 1, 1}, targets[] = {1, 1, 1, 1}, start[] = {0.1f, 0.1f};
    const covey_rows rows = {.inputs = inputs, .targets = targets, .n_rows = 4};
    const covey_training training = {.epochs = 1, .batch = 4, .learning_rate = 1e25f};
    const covey_recipe recipe = {.codec = COVEY_CODEC_FLOAT32};
    const covey_client client = {.n_rows = 4};
    covey_client_result result;
    float deltas[2] = {7, 7};
    covey_job job = {.model = &model, .training = &training, .rows = &rows, .parameters = start, .recipe = &recipe,
                     .clients = &client, .n_clients = 1, .deltas = deltas, .results = &result};
    size_t size = covey_run_size(&job, 1);
    void *arena = malloc(size);
    CHECK(covey_run(&job, 1, arena, size) == COVEY_OK && result.status == COVEY_E_NONFINITE && result.steps == 1);
    CHECK(deltas[0] == 0.0f && deltas[1] == 0.0f);
    free(arena);
}

static void wrong_jobs_are_refused(void)
{
    case_data data = case_make(0, 90);
    fleet f;
    make_fleet(&f, &data);
    uint8_t arena[64];
    CHECK(covey_run(&f.job, 1, arena, sizeof arena) == COVEY_E_ARENA);
    CHECK(covey_run(&f.job, 0, arena, sizeof arena) == COVEY_E_ARGUMENT && covey_run_size(&f.job, 257) == 0);
    f.job.n_clients = 0;
    CHECK(covey_run_size(&f.job, 1) == 0);
    f.job.n_clients = CLIENTS;
    f.job.message_stride = 10;
    CHECK(run(&f, 1) == COVEY_OK && f.results[0].status == COVEY_E_SPACE);
    f.training.batch = 0;
    CHECK(covey_run_size(&f.job, 1) == 0);
    free_fleet(&f);
    case_free(&data);
}

static void the_self_test_passes_on_every_kernel(void)
{
    size_t size = covey_self_test_size();
    void *arena = malloc(size);
    CHECK(size <= 24 * 1024);
    for (uint32_t k = 0; k < N_OF(case_kernels); k++)
        if (covey_kernel_select(case_kernels[k]) == COVEY_OK) {
            CHECK(strcmp(covey_kernel_name(), case_kernels[k]) == 0);
            CHECK(covey_self_test(arena, size) == COVEY_OK);
        }
    CHECK(covey_self_test(arena, size - 1) == COVEY_E_ARENA && covey_self_test(0, size) == COVEY_E_ARGUMENT);
    CHECK(covey_kernel_select("abacus") == COVEY_E_ARGUMENT && covey_kernel_select(0) == COVEY_E_ARGUMENT);
    free(arena);
}

/* As a process does that someone loaded an -Ofast library into. */
static void the_self_test_sees_flushing_to_zero(void)
{
#if defined(__x86_64__)
    static const unsigned modes[] = {0x8040, 0x8000, 0x0040}; /* of MXCSR: both, results, operands */
    size_t size = covey_self_test_size();
    void *arena = malloc(size);
    unsigned usual = _mm_getcsr();
    for (uint32_t k = 0; k < N_OF(case_kernels); k++)
        for (uint32_t m = 0; m < N_OF(modes) && covey_kernel_select(case_kernels[k]) == COVEY_OK; m++) {
            _mm_setcsr(usual | modes[m]);
            int status = covey_self_test(arena, size);
            _mm_setcsr(usual);
            CHECK(status == COVEY_E_VERSION);
        }
    free(arena);
#endif
}

int main(void)
{
    the_number_of_threads_does_not_show();
    a_client_is_trained_as_if_alone();
    messages_say_what_was_trained();
    a_client_that_fails_does_not_hold_up_the_others();
    a_client_whose_update_cannot_be_encoded_leaves_zeros();
    wrong_jobs_are_refused();
    the_self_test_passes_on_every_kernel();
    the_self_test_sees_flushing_to_zero();
    return check_done();
}
