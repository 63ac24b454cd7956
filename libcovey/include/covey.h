/* covey.h - everything a Covey device computes, in C99, for a Cortex-M and for a server alike.
 *
 * Rules that hold for every function here:
 *  - The caller owns all memory. Functions that need scratch take `arena`; the matching *_size() says how many bytes.
 *    An arena needs no particular alignment beyond 4 bytes. No malloc, no stdio, and no globals
 *    that change but one, on hosted targets: which kernels run (covey_kernel_select, or the first look at the processor).
 *  - Canonical arithmetic: float32, each output element is one chain of `acc += a * b` in ascending index order, no fused
 *    multiply-add, no libm but sqrtf. The bits of every result are the same on every target and at every -O level.
 *  - A negative return is an error (enum covey_status); nothing is half-written then unless the function says so.
 *  - Bytes that come from outside (covey_update_read, covey_payload_*) are treated as hostile: bounded, strict, no trust.
 */
#ifndef COVEY_H
#define COVEY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define COVEY_CORE_VERSION 1
#define COVEY_MAX_LAYERS 8
#define COVEY_MAX_WIDTH 1024      /* inputs, outputs and channels of a layer */
#define COVEY_MAX_PARAMETERS 1048576u
#define COVEY_MAX_WORK 67108864u  /* products of one row through all layers; for pooling, values that are looked at */
#define COVEY_DIGEST_BYTES 16     /* model digests travel as the first 16 bytes of a SHA-256 */

typedef enum {
    COVEY_OK = 0,
    COVEY_E_ARGUMENT = -1,   /* a pointer is null, a count is zero, a value is out of its range */
    COVEY_E_ARENA = -2,      /* the arena is smaller than *_size() says */
    COVEY_E_MODEL = -3,      /* layers do not fit together, or a limit above is exceeded */
    COVEY_E_NONFINITE = -4,  /* NaN or infinity in parameters, inputs, loss or update */
    COVEY_E_LABEL = -5,      /* a class index outside [0, outputs) */
    COVEY_E_TRUNCATED = -6,  /* the message ends early */
    COVEY_E_FORMAT = -7,     /* not deterministic CBOR, wrong type, unknown or duplicate key, trailing bytes */
    COVEY_E_VERSION = -8,    /* a protocol version or codec this core does not know */
    COVEY_E_LENGTH = -9,     /* the payload is not made for this number of parameters */
    COVEY_E_SPACE = -10      /* the output buffer is too small */
} covey_status;

/* ---------------------------------------------------------------- models
 * A model is a flat float32 vector plus this spec. Parameters of layer l, in order: weight (rows, outputs) row-major,
 * then bias (outputs). `rows` of the weight: DENSE inputs; SPLINE `knots` (all knots of all features); CONV1D
 * kernel * channels; pooling has no parameters. Sequences are channels-last: (length, channels). */
typedef enum { COVEY_DENSE = 1, COVEY_SPLINE = 2, COVEY_CONV1D = 3, COVEY_MAXPOOL1D = 4, COVEY_MEANPOOL1D = 5 } covey_layer_kind;
typedef enum { COVEY_LINEAR = 0, COVEY_RELU = 1, COVEY_TANH = 2 } covey_activation;
typedef enum { COVEY_SOFTMAX_CE = 1, COVEY_BCE = 2, COVEY_MSE = 3, COVEY_HUBER = 4 } covey_loss_kind;

typedef struct {
    uint8_t kind;        /* covey_layer_kind */
    uint8_t activation;  /* covey_activation, applied to the layer's outputs */
    uint16_t inputs;     /* DENSE, SPLINE: input values; CONV1D, pooling: channels */
    uint16_t outputs;    /* DENSE, SPLINE: units; CONV1D: filters; pooling: = inputs */
    uint16_t knots;      /* SPLINE (the first layer only): rows of the weight, the sum of all features' knots; else 0 */
    uint16_t length;     /* CONV1D, pooling: steps of the input sequence; else 0 */
    uint16_t kernel;     /* CONV1D, pooling: window in steps; else 0 */
    uint16_t stride;     /* CONV1D, pooling: steps between windows; else 0. No padding. */
} covey_layer;

typedef struct {
    const covey_layer *layers;
    uint8_t n_layers;
    uint8_t loss;        /* covey_loss_kind. BCE: one output, the logit. SOFTMAX_CE: one logit per class. */
} covey_model;

int covey_model_check(const covey_model *model);                 /* COVEY_OK or COVEY_E_MODEL */
uint32_t covey_model_parameters(const covey_model *model);       /* length of the flat vector; 0 if the model is wrong */
uint32_t covey_model_inputs(const covey_model *model);           /* values per row (length * channels for sequences) */
uint32_t covey_model_outputs(const covey_model *model);

/* ---------------------------------------------------------------- encoding of features
 * From raw features to model inputs. KNOTS turns a value into a position: for feature j with ascending knots
 * knot[offset[j] .. offset[j+1]), the value's place between two knots, as `offset[j] + index + fraction`, flat outside the
 * outer knots. The fraction is taken on the ordered integers of the float32 patterns (b < 0 ? -(b & 0x7fffffff) : b),
 * so it is about linear in the logarithm. The spline layer reads index and fraction from it. `out` may be `raw`. Non-finite raw values: NaN and -inf read as the lowest
 * finite float, +inf as the highest. */
typedef enum { COVEY_ENCODE_IDENTITY = 0, COVEY_ENCODE_STANDARD = 1, COVEY_ENCODE_SIGNED_LOG = 2, COVEY_ENCODE_KNOTS = 3 } covey_encoding_kind;

typedef struct {
    uint8_t kind;            /* covey_encoding_kind */
    uint16_t inputs;         /* features */
    const float *center;     /* (inputs)   STANDARD, SIGNED_LOG: subtracted (after the log for SIGNED_LOG) */
    const float *scale;      /* (inputs)   STANDARD, SIGNED_LOG: multiplied */
    float limit;             /* STANDARD, SIGNED_LOG: result clamped to [-limit, limit]; 0 = no clamp */
    const float *knot;       /* (offset[inputs])  KNOTS: ascending within a feature */
    const uint16_t *offset;  /* (inputs + 1)      KNOTS; every feature has at least 2 knots */
} covey_encoding;

int covey_encode(const covey_encoding *encoding, const float *raw, float *out, size_t n_rows);
float covey_signed_log(float x);  /* sign(x) * log(1 + |x|) */

/* Histogram bucket of a value: the top 9 + `bits` bits of its float32 pattern, remapped so that order is kept.
 * `bits` mantissa bits (0..7) give a relative width of 2^-bits. Counts of buckets merge exactly by addition. */
uint32_t covey_bucket(float value, unsigned bits);
float covey_bucket_low(uint32_t bucket, unsigned bits);          /* the smallest value of the bucket, by order */
int covey_histogram(const float *values, size_t n, size_t stride, unsigned bits, uint32_t *counts /* (1 << (9 + bits)) */);

/* ---------------------------------------------------------------- training */
/* A step of one parameter w with gradient g of the batch's mean loss, in this order (what is 0 or NULL is left out):
 *   g *= gradient_clip / norm, if the norm of the whole gradient is above gradient_clip
 *   g += weight_decay * w;  g += proximal * (w - anchor);  g += correction;  v = momentum * v + g, g = v
 *   w -= (learning_rate * step_scale) * g
 * v is zero at the start. Only layers that are trained take part, in the norm too. */
typedef struct {
    uint32_t epochs;          /* passes over the rows; 0 with max_steps > 0 = as many as needed */
    uint32_t max_steps;       /* stop after this many mini-batches; 0 = no limit */
    uint32_t batch;           /* rows a step, 1..1024; the last batch of an epoch may be smaller */
    float learning_rate;
    float momentum;           /* v = momentum * v + g; w -= learning_rate * step * v */
    float weight_decay;       /* adds weight_decay * w to g */
    float proximal;           /* FedProx mu: adds mu * (w - anchor) to g */
    float gradient_clip;      /* L2 norm limit of each step's gradient; 0 = none. Needs a buffer of (parameters) floats */
    float huber_delta;        /* HUBER only */
    float label_smoothing;    /* SOFTMAX_CE, BCE: the share of a row's label that is spread over all classes alike, [0, 1) */
    uint8_t fake_quantise;    /* 1: forward and backward use int8-rounded weights (straight-through), updates stay float */
    uint8_t shuffle;          /* 1: rows in a new order each epoch, from `seed` */
    uint64_t seed;
    const float *anchor;      /* (parameters) or NULL = the parameters at entry */
    const float *correction;  /* (parameters) or NULL: added to g (SCAFFOLD: c - c_i) */
    const float *step_scale;  /* (parameters) or NULL: multiplies the step coordinate by coordinate */
    const uint8_t *trainable; /* (n_layers) or NULL: 0 freezes a layer */
} covey_training;

typedef struct {
    const float *inputs;        /* (n_rows, model inputs), encoded */
    const int32_t *labels;      /* (n_rows) SOFTMAX_CE: class; BCE: 0 or 1; else NULL */
    const float *targets;       /* (n_rows, model outputs) MSE, HUBER; NULL = the inputs (autoencoder) */
    const float *sample_weight; /* (n_rows) or NULL; multiplies a row's loss. The mean is over rows, not weights. */
    uint32_t n_rows;
} covey_rows;

typedef struct {
    uint32_t steps;
    float first_loss;   /* mean loss of the rows of the first pass, each row before its step */
    float last_loss;    /* the same of the last pass */
} covey_training_result;

/* Which buffers are NULL counts for the size, not what they point to. 0: something is out of its range.
 * `parameters` are trained in place. Where training diverges (COVEY_E_NONFINITE without a bad input) the portable kernels
 * leave them spoiled, as they have no second copy: a host that wants to go on with the model keeps one, in flash say.
 * All other errors, and all errors of vector kernels, leave them as they were. */
size_t covey_train_size(const covey_model *model, const covey_training *training, uint32_t n_rows);
int covey_train(const covey_model *model, const covey_training *training, const covey_rows *rows, float *parameters,
                void *arena, size_t arena_size, covey_training_result *result);

/* Gradient of the mean loss over all rows (no decay, anchor, correction), for tests and statistics. HUBER: delta 1.
 * Where they overflow (COVEY_E_NONFINITE) both are written. */
size_t covey_gradient_size(const covey_model *model);
int covey_gradient(const covey_model *model, const covey_rows *rows, const float *parameters, float *gradient, float *loss,
                   void *arena, size_t arena_size);

size_t covey_predict_size(const covey_model *model);
/* outputs (n_rows, model outputs): logits, or reconstructions. Where they overflow (COVEY_E_NONFINITE) some are written. */
int covey_predict(const covey_model *model, const float *parameters, const float *inputs, uint32_t n_rows, float *outputs,
                  void *arena, size_t arena_size);
float covey_sigmoid(float x);
void covey_softmax(const float *logits, uint32_t n, float *out);
float covey_expf(float x);
float covey_logf(float x);   /* x > 0 */
float covey_tanhf(float x);

/* ---------------------------------------------------------------- int8 models
 * Weights int8 with one float32 scale per output unit, biases float32; activations 12-bit with one scale a row, taken from
 * the row itself. Bytes of a layer, in order: scales (outputs float32 LE), biases (outputs float32 LE), weights (rows,
 * outputs) int8. Layers follow each other without padding. */
uint32_t covey_int8_size(const covey_model *model);
int covey_int8_quantise(const covey_model *model, const float *parameters, uint8_t *out, size_t out_size);
int covey_int8_dequantise(const covey_model *model, const uint8_t *bytes, size_t size, float *parameters);
size_t covey_int8_predict_size(const covey_model *model);
/* Rows in order: where one overflows (COVEY_E_NONFINITE), those before it are written, and it may be. */
int covey_int8_predict(const covey_model *model, const uint8_t *bytes, size_t size, const float *inputs, uint32_t n_rows,
                       float *outputs, void *arena, size_t arena_size);

/* ---------------------------------------------------------------- randomness
 * SplitMix64 as a counter generator (Steele, Lea, Flood 2014): value i of a stream is mix(seed + (i + 1) * golden). */
uint64_t covey_random_u64(uint64_t seed, uint64_t index);
uint64_t covey_seed(uint64_t parent, uint64_t label);  /* an independent child stream */

/* ---------------------------------------------------------------- updates: payload and message (docs/SPEC.md)
 * A payload is one codec byte, the number of parameters (u32 LE), then the codec's bytes. */
typedef enum { COVEY_CODEC_FLOAT32 = 1, COVEY_CODEC_INT8 = 2 } covey_codec;

typedef struct {
    uint8_t codec;            /* covey_codec */
    uint16_t block;           /* INT8: parameters that share a float32 scale, 16..4096 */
    float clip_norm;          /* L2 bound of the delta, applied before the codec; 0 = none */
} covey_recipe;

size_t covey_payload_size(const covey_recipe *recipe, uint32_t n);
/* Encodes delta (n), which it clips in place. INT8 rounds stochastically from `seed`, so the mean is kept.
 * Returns bytes written or an error. `norm` (may be NULL) receives the L2 norm before clipping. */
int32_t covey_payload_encode(const covey_recipe *recipe, float *delta, uint32_t n, uint64_t seed, uint8_t *out,
                             size_t out_size, float *norm);
int covey_payload_check(const uint8_t *payload, size_t size, uint32_t n);
int covey_payload_decode(const uint8_t *payload, size_t size, uint32_t n, float *out);
/* sum[i] += weight * decoded[i], in double. The payload is checked first; nothing is added when it is bad. */
int covey_payload_accumulate(const uint8_t *payload, size_t size, uint32_t n, double weight, double *sum);

typedef struct {
    uint32_t round;
    uint32_t counter;         /* per device, strictly grows: replay protection */
    uint32_t num_examples;
    float loss;               /* mean training loss of the last pass; finite */
    uint8_t digest[COVEY_DIGEST_BYTES];  /* of the model version the update starts from */
    const uint8_t *payload;
    uint32_t payload_size;
} covey_update;

size_t covey_update_size(const covey_recipe *recipe, uint32_t n);  /* upper bound of a whole message */
int32_t covey_update_write(const covey_update *update, uint8_t *out, size_t out_size);
int covey_update_read(const uint8_t *message, size_t size, covey_update *update);  /* payload points into message */

/* ---------------------------------------------------------------- the device's protocol machine (sans-IO)
 * A fixed, padding-free record that is its own snapshot: write it to flash as it is. Times are milliseconds of any
 * monotonic clock; 0 as a deadline means none. Diagram and rules: docs/SPEC.md. */
typedef enum { COVEY_DEVICE_IDLE = 0, COVEY_DEVICE_TRAINING = 1, COVEY_DEVICE_SENDING = 2 } covey_device_state;
typedef enum {
    COVEY_EVENT_BOOT = 0,      /* power came back; value: 1 if the outbox still holds the update, else 0 */
    COVEY_EVENT_TASK = 1,      /* round, digest, value = task lifetime in ms (0 = none) */
    COVEY_EVENT_TRAINED = 2,   /* round, value: 1 trained and stored in the outbox, 0 failed */
    COVEY_EVENT_RECEIPT = 3,   /* round, counter, value: 1 durable, 0 rejected for good */
    COVEY_EVENT_DEADLINE = 4
} covey_event_kind;
typedef enum {
    COVEY_EFFECT_NONE = 0,
    COVEY_EFFECT_TRAIN = 1,    /* train on the task of `round` */
    COVEY_EFFECT_SEND = 2,     /* send the outbox's update; it was given `counter` */
    COVEY_EFFECT_CLEAR = 3,    /* the update is done with: drop it from the outbox */
    COVEY_EFFECT_IGNORE = 4    /* stale, duplicate or out of place: counted, nothing to do */
} covey_effect_kind;

typedef struct {
    uint64_t deadline_ms;      /* next time to call with COVEY_EVENT_DEADLINE; 0 = none */
    uint64_t expires_ms;       /* the task is worthless after this; 0 = never */
    uint32_t round;            /* of the task at hand, or the last one */
    uint32_t counter;          /* of the last update made */
    uint32_t completed;        /* updates with a durable receipt */
    uint32_t ignored;          /* events that were ignored */
    uint16_t attempts;         /* sends of the update at hand */
    uint8_t state;             /* covey_device_state */
    uint8_t seen_task;         /* 0 until the first task */
    uint8_t digest[COVEY_DIGEST_BYTES];
    uint32_t retry_ms;         /* first wait for a receipt; doubles each attempt up to 64 times */
    uint32_t reserved[2];
} covey_device;                /* 64 bytes */

typedef struct {
    uint32_t kind;             /* covey_event_kind */
    uint32_t round;
    uint32_t counter;
    uint32_t value;
    uint8_t digest[COVEY_DIGEST_BYTES];
} covey_event;                 /* 32 bytes */

typedef struct {
    uint32_t kind;             /* covey_effect_kind */
    uint32_t round;
    uint32_t counter;
    uint32_t reserved;
} covey_effect;                /* 16 bytes */

void covey_device_init(covey_device *device, uint32_t retry_ms);
int covey_device_handle(covey_device *device, const covey_event *event, uint64_t now_ms, covey_effect *effect);
/* Event i goes to devices[index[i]] at now_ms[i], in order; effect i answers it. For fleets in one process. */
int covey_device_handle_many(covey_device *devices, size_t n_devices, const uint32_t *index, const covey_event *events,
                             const uint64_t *now_ms, size_t n_events, covey_effect *effects);

/* ---------------------------------------------------------------- many clients in one call (hosted targets only) */
typedef struct {
    uint64_t first_row;           /* into the job's rows */
    uint32_t n_rows;
    uint32_t counter;
    uint64_t seed;                /* of shuffling and rounding: children 0 and 1 of it */
    const float *correction;      /* (parameters) or NULL */
    const float *parameters;      /* (parameters) or NULL = the job's: a client that starts from its own model */
} covey_client;

typedef struct {
    int32_t status;               /* covey_status of training, else of encoding */
    uint32_t steps;
    float first_loss, last_loss;
    float norm;                   /* L2 norm of the delta before clipping */
    uint32_t message_size;        /* bytes of the update message, 0 on error or if none was asked for */
} covey_client_result;

typedef struct {
    const covey_model *model;
    const covey_training *training;   /* its seed and correction are replaced client by client */
    const covey_rows *rows;           /* all clients' rows */
    const float *parameters;          /* (parameters) the global model */
    const covey_recipe *recipe;       /* NULL: no messages */
    uint32_t round;
    uint8_t digest[COVEY_DIGEST_BYTES];
    const covey_client *clients;
    uint32_t n_clients;
    uint8_t *messages;                /* (n_clients, message_stride) or NULL */
    size_t message_stride;
    float *deltas;                    /* (n_clients, parameters) or NULL: as trained, before clipping and codec */
    covey_client_result *results;     /* (n_clients) */
} covey_job;

size_t covey_run_size(const covey_job *job, uint32_t n_threads);
int covey_run(const covey_job *job, uint32_t n_threads, void *arena, size_t arena_size);

/* A block of messages, each read and its payload checked: one header each, all zeros but `status` where that is not OK. */
typedef struct {
    int32_t status;               /* covey_status */
    uint32_t round, counter, num_examples;
    float loss;
    uint32_t payload_offset, payload_size;
    uint8_t digest[COVEY_DIGEST_BYTES];
} covey_update_header;            /* 44 bytes */
/* Message i is messages[offsets[i] .. offsets[i] + sizes[i]); COVEY_E_ARGUMENT if one is not within the block. */
int covey_updates_read(const uint8_t *messages, size_t block_size, const uint64_t *offsets, const uint32_t *sizes,
                       size_t n_messages, uint32_t n_parameters, covey_update_header *headers);
/* Row i of out (n_messages, n_parameters) = the decoded update i; each already read with status OK from this block and
 * for as many parameters. A header of another one is refused where bytes beyond the block would be read for it. */
int covey_updates_decode(const uint8_t *messages, size_t block_size, const uint64_t *offsets,
                         const covey_update_header *headers, size_t n_messages, uint32_t n_parameters, float *out);
/* squares[i] = the sum of the squares of update i's values, in double; each read as above, or with a status that is not OK,
 * whose sum is 0. Lanes as in docs/SPEC.md; int8 values are squared as whole numbers, a block at a time. */
int covey_updates_squares(const uint8_t *messages, size_t block_size, const uint64_t *offsets,
                          const covey_update_header *headers, size_t n_messages, uint32_t n_parameters, double *squares);
/* sum += weights[i] * update i over messages with weights[i] != 0, in index order; each of these already read, as above. */
int covey_updates_accumulate(const uint8_t *messages, size_t block_size, const uint64_t *offsets,
                             const covey_update_header *headers, const double *weights, size_t n_messages,
                             uint32_t n_parameters, uint32_t n_threads, double *sum);

/* ---------------------------------------------------------------- self
 * Trains, quantises, encodes and decodes a small fixed case, subnormal weights too, and compares with the digest all
 * targets agree on; COVEY_E_VERSION if the bits differ. */
int covey_self_test(void *arena, size_t arena_size);
size_t covey_self_test_size(void);
const char *covey_kernel_name(void);            /* "avx512", "avx2", "sse2", "neon", "portable": what runs here */
int covey_kernel_select(const char *name);      /* hosted, tests and benchmarks only; COVEY_E_ARGUMENT if not available */

#ifdef __cplusplus
}
#endif
#endif
