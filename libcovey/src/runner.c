/* runner.c - many clients in one call: the simulator's engine. Hosted targets only.
 *
 * Threads take the next client from a shared counter. A client's result depends on its own rows and seed alone, so the
 * number of threads and their timing cannot show in any result. */
#include "canonical.h"

#include "covey.h"
#include "payload.h"
#include "train.h"

#if defined(__unix__) || defined(__APPLE__)

#include <pthread.h>
#include <string.h>

enum { MOST_THREADS = 256, LINE = 64 };

typedef struct {
    const covey_job *job;
    covey_training training; /* of any client: enough to size its arena */
    uint32_t n_parameters, n_inputs, n_outputs;
    size_t train_size, payload_size; /* bytes of a thread's slice: training, parameters, payload */
    size_t slice;
    uint32_t n_threads;
    uint32_t next; /* shared: the next client that nobody has taken */
} run_state;

typedef struct {
    run_state *run;
    uint8_t *arena;
} thread_state;

static size_t rounded_up(size_t size)
{
    return (size + LINE - 1) / LINE * LINE;
}

static int measure(const covey_job *job, run_state *run)
{
    uint32_t most_rows = 1;
    if (!job || !job->training || !job->clients || job->n_clients == 0)
        return COVEY_E_ARGUMENT;
    *run = (run_state){.job = job, .training = *job->training, .n_parameters = covey_model_parameters(job->model)};
    if (run->n_parameters == 0)
        return COVEY_E_MODEL;
    run->n_inputs = covey_model_inputs(job->model);
    run->n_outputs = covey_model_outputs(job->model);
    for (uint32_t i = 0; i < job->n_clients; i++) {
        most_rows = job->clients[i].n_rows > most_rows ? job->clients[i].n_rows : most_rows;
        if (job->clients[i].correction)
            run->training.correction = job->clients[i].correction;
    }
    run->train_size = covey_train_size(job->model, &run->training, most_rows);
    if (run->train_size == 0)
        return COVEY_E_ARGUMENT;
    run->train_size = rounded_up(run->train_size);
    if (job->recipe) {
        run->payload_size = covey_payload_size(job->recipe, run->n_parameters);
        if (run->payload_size == 0)
            return COVEY_E_ARGUMENT;
    }
    run->slice = run->train_size + rounded_up(run->n_parameters * sizeof(float)) + rounded_up(run->payload_size);
    return COVEY_OK;
}

/* Bytes for all threads; 0: more than size_t can say. */
static size_t arena_bytes(const run_state *run, uint32_t n_threads)
{
    return run->slice > (SIZE_MAX - LINE) / n_threads ? 0 : run->slice * n_threads + LINE;
}

size_t covey_run_size(const covey_job *job, uint32_t n_threads)
{
    run_state run;
    if (n_threads == 0 || n_threads > MOST_THREADS || measure(job, &run) != COVEY_OK)
        return 0;
    return arena_bytes(&run, n_threads);
}

static int rows_exist(const covey_job *job, const covey_client *client)
{
    uint32_t n = job->rows->n_rows;
    return client->n_rows > 0 && client->n_rows <= n && client->first_row <= n - client->n_rows;
}

/* Threads that keep step take every n_threads-th client, so that is the one whose rows this thread will need next. */
static const float *inputs_ahead(const run_state *run, uint32_t i, size_t *size)
{
    const covey_job *job = run->job;
    if (run->n_threads >= job->n_clients - i || !rows_exist(job, &job->clients[i + run->n_threads]))
        return 0;
    const covey_client *next = &job->clients[i + run->n_threads];
    *size = (size_t)next->n_rows * run->n_inputs * sizeof(float);
    return job->rows->inputs + (size_t)next->first_row * run->n_inputs;
}

static int train_client(const run_state *run, uint32_t i, float *parameters, void *arena, covey_training_result *result)
{
    const covey_job *job = run->job;
    const covey_client *client = &job->clients[i];
    const covey_rows *all = job->rows;
    covey_training training = *job->training;
    size_t first = (size_t)client->first_row;
    training.seed = covey_seed(client->seed, 0);
    training.correction = client->correction;
    if (!rows_exist(job, client))
        return COVEY_E_ARGUMENT;
    const covey_rows rows = {
        .inputs = all->inputs + first * run->n_inputs,
        .labels = all->labels ? all->labels + first : 0,
        .targets = all->targets ? all->targets + first * run->n_outputs : 0,
        .sample_weight = all->sample_weight ? all->sample_weight + first : 0,
        .n_rows = client->n_rows,
    };
    memcpy(parameters, client->parameters ? client->parameters : job->parameters, run->n_parameters * sizeof(float));
    size_t ahead_size = 0;
    const float *ahead = inputs_ahead(run, i, &ahead_size);
    return covey_train_ahead(job->model, &training, &rows, parameters, arena, run->train_size, result, ahead, ahead_size);
}

/* Encodes the delta, which it clips, and writes the message. Returns the message's size or an error. */
static int32_t write_message(const run_state *run, uint32_t i, float *delta, uint8_t *payload, float loss, float *norm)
{
    const covey_job *job = run->job;
    const covey_client *client = &job->clients[i];
    int32_t size = covey_payload_encode(job->recipe, delta, run->n_parameters, covey_seed(client->seed, 1), payload,
                                        run->payload_size, norm);
    if (size < 0 || !job->messages)
        return size < 0 ? size : 0;
    covey_update update = {
        .round = job->round,
        .counter = client->counter,
        .num_examples = client->n_rows,
        .loss = loss,
        .payload = payload,
        .payload_size = (uint32_t)size,
    };
    memcpy(update.digest, job->digest, COVEY_DIGEST_BYTES);
    return covey_update_write(&update, job->messages + i * job->message_stride, job->message_stride);
}

static void run_client(const run_state *run, uint32_t i, uint8_t *arena)
{
    const covey_job *job = run->job;
    const covey_client *client = &job->clients[i];
    float *delta = (float *)(void *)(arena + run->train_size);
    uint8_t *payload = (uint8_t *)delta + rounded_up(run->n_parameters * sizeof(float));
    const float *start = client->parameters ? client->parameters : job->parameters;
    float *kept = job->deltas ? job->deltas + (size_t)i * run->n_parameters : 0;
    covey_client_result *result = &job->results[i];
    covey_training_result made = {0};
    *result = (covey_client_result){.status = train_client(run, i, delta, arena, &made)};
    if (result->status == COVEY_OK) {
        result->steps = made.steps;
        result->first_loss = made.first_loss;
        result->last_loss = made.last_loss;
        for (uint32_t p = 0; p < run->n_parameters; p++)
            delta[p] -= start[p];
    }
    if (kept && result->status == COVEY_OK)
        memcpy(kept, delta, run->n_parameters * sizeof(float)); /* before the codec clips it */
    if (result->status == COVEY_OK && job->recipe) {
        int32_t size = write_message(run, i, delta, payload, made.last_loss, &result->norm);
        result->status = size < 0 ? size : COVEY_OK;
        result->message_size = size < 0 ? 0 : (uint32_t)size;
    } else if (result->status == COVEY_OK) {
        result->norm = covey_norm(delta, run->n_parameters);
    }
    if (kept && result->status != COVEY_OK)
        memset(kept, 0, run->n_parameters * sizeof(float));
}

static void *take_clients(void *argument)
{
    const thread_state *thread = argument;
    for (;;) {
        uint32_t i = __atomic_fetch_add(&thread->run->next, 1, __ATOMIC_RELAXED);
        if (i >= thread->run->job->n_clients)
            return 0;
        run_client(thread->run, i, thread->arena);
    }
}

int covey_run(const covey_job *job, uint32_t n_threads, void *arena, size_t arena_size)
{
    run_state run;
    thread_state threads[MOST_THREADS];
    pthread_t ids[MOST_THREADS];
    if (n_threads == 0 || n_threads > MOST_THREADS || !arena)
        return COVEY_E_ARGUMENT;
    int status = measure(job, &run);
    if (status != COVEY_OK)
        return status;
    if (!job->rows || !job->parameters || !job->results || (job->messages && !job->recipe))
        return COVEY_E_ARGUMENT;
    size_t needed = arena_bytes(&run, n_threads);
    if (needed == 0 || arena_size < needed)
        return COVEY_E_ARENA;
    run.n_threads = n_threads;
    uint8_t *base = (uint8_t *)arena + (LINE - (uintptr_t)arena % LINE) % LINE;
    uint32_t started = 1; /* this thread works too; a thread that cannot be had only makes it slower */
    for (uint32_t i = 0; i < n_threads; i++)
        threads[i] = (thread_state){&run, base + run.slice * i};
    for (; started < n_threads; started++)
        if (pthread_create(&ids[started], 0, take_clients, &threads[started]) != 0)
            break;
    take_clients(&threads[0]);
    for (uint32_t i = 1; i < started; i++)
        pthread_join(ids[i], 0);
    return COVEY_OK;
}

#endif
