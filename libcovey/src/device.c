/* device.c - the device's protocol machine. Time is an argument, the record is the whole memory, the rules are a table.
 *
 * A host delivers one event at a time, stores the record, and then does what the effect says: record before effect, so
 * that power loss between the two repeats an effect and never skips one. After power came back BOOT is the first event.
 * Diagram and rules: docs/SPEC.md, which the tests compare with what this table does. */
#include "covey.h"

#include <limits.h>
#include <string.h>

typedef char device_is_64_bytes[sizeof(covey_device) == 64 ? 1 : -1];
typedef char event_is_32_bytes[sizeof(covey_event) == 32 ? 1 : -1];
typedef char effect_is_16_bytes[sizeof(covey_effect) == 16 ? 1 : -1];

enum { STATES = 3, EVENTS = 5 };

/* What an event amounts to for the record at hand. UNFIT: stale, early, of another round or counter. NO and YES are the
 * event's own value (DEADLINE and TASK: due, fresh). EXPIRED: YES, but what is at hand outlived its task. */
typedef enum { UNFIT, NO, YES, EXPIRED, MEANINGS } meaning;

/* What a rule does to the record, besides setting its state. */
typedef enum {
    IGNORED = 0, /* nothing but counting it: what the table does not name */
    KEPT,        /* nothing */
    TAKEN,       /* a new task is written down */
    OFFERED,     /* the update gets the next counter and its first send */
    REPEATED,    /* one more send, a longer wait */
    DROPPED,     /* the deadline is gone, the round stays known */
    FORGOTTEN,   /* as DROPPED, but the same round may be offered again */
    COUNTED      /* as DROPPED, and one more update is durable */
} change;

typedef struct {
    uint8_t state, effect, change;
} rule;

#define IDLE COVEY_DEVICE_IDLE
#define TRAINING COVEY_DEVICE_TRAINING
#define SENDING COVEY_DEVICE_SENDING
#define TRAIN COVEY_EFFECT_TRAIN
#define SEND COVEY_EFFECT_SEND
#define CLEAR COVEY_EFFECT_CLEAR
#define NONE COVEY_EFFECT_NONE

static const rule RULES[STATES][EVENTS][MEANINGS] = {
    [IDLE] = {
        [COVEY_EVENT_BOOT] = {[NO] = {IDLE, NONE, KEPT}, [YES] = {IDLE, CLEAR, KEPT}, [EXPIRED] = {IDLE, CLEAR, KEPT}},
        [COVEY_EVENT_TASK] = {[YES] = {TRAINING, TRAIN, TAKEN}, [EXPIRED] = {TRAINING, TRAIN, TAKEN}},
    },
    [TRAINING] = {
        [COVEY_EVENT_BOOT] = {[NO] = {IDLE, NONE, FORGOTTEN}, [YES] = {IDLE, CLEAR, FORGOTTEN},
                              [EXPIRED] = {IDLE, CLEAR, FORGOTTEN}},
        [COVEY_EVENT_TASK] = {[YES] = {TRAINING, TRAIN, TAKEN}, [EXPIRED] = {TRAINING, TRAIN, TAKEN}},
        [COVEY_EVENT_TRAINED] = {[NO] = {IDLE, NONE, DROPPED}, [YES] = {SENDING, SEND, OFFERED},
                                 [EXPIRED] = {IDLE, CLEAR, DROPPED}},
        [COVEY_EVENT_DEADLINE] = {[EXPIRED] = {IDLE, CLEAR, DROPPED}},
    },
    [SENDING] = {
        [COVEY_EVENT_BOOT] = {[NO] = {IDLE, NONE, DROPPED}, [YES] = {SENDING, SEND, REPEATED},
                              [EXPIRED] = {IDLE, CLEAR, DROPPED}},
        [COVEY_EVENT_TASK] = {[EXPIRED] = {TRAINING, TRAIN, TAKEN}},
        [COVEY_EVENT_RECEIPT] = {[NO] = {IDLE, CLEAR, DROPPED}, [YES] = {IDLE, CLEAR, COUNTED}},
        [COVEY_EVENT_DEADLINE] = {[YES] = {SENDING, SEND, REPEATED}, [EXPIRED] = {IDLE, CLEAR, DROPPED}},
    },
};

static uint64_t later(uint64_t now_ms, uint64_t wait_ms)
{
    return wait_ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + wait_ms;
}

static int expired(const covey_device *device, uint64_t now_ms)
{
    return device->expires_ms != 0 && now_ms >= device->expires_ms;
}

/* A task is fresh if its round is above the last one's, and not the last number of all: none would be above it, so one
 * such task would lock the device for good. A device whose counter is used up takes none: its updates could
 * no longer be told from replays. */
static int fresh(const covey_device *device, const covey_event *event)
{
    return device->counter != UINT32_MAX && event->round != UINT32_MAX &&
           (!device->seen_task || event->round > device->round);
}

static meaning judge(const covey_device *device, const covey_event *event, uint64_t now_ms)
{
    meaning alive = expired(device, now_ms) ? EXPIRED : YES;
    switch (event->kind) {
    case COVEY_EVENT_BOOT:
        return event->value ? alive : NO;
    case COVEY_EVENT_TASK:
        return fresh(device, event) ? alive : UNFIT;
    case COVEY_EVENT_TRAINED:
        if (event->round != device->round || device->counter == UINT32_MAX)
            return UNFIT;
        return event->value ? alive : NO;
    case COVEY_EVENT_RECEIPT:
        if (event->round != device->round || event->counter != device->counter)
            return UNFIT;
        return event->value ? YES : NO;
    default: /* DEADLINE */
        return device->deadline_ms != 0 && now_ms >= device->deadline_ms ? alive : UNFIT;
    }
}

/* The wait doubles with each send, to 64 times the first, and ends with the task. */
static void send_once_more(covey_device *device, uint64_t now_ms)
{
    unsigned doublings = device->attempts < 6 ? device->attempts : 6;
    device->deadline_ms = later(now_ms, (uint64_t)device->retry_ms << doublings);
    if (device->expires_ms != 0 && device->deadline_ms > device->expires_ms)
        device->deadline_ms = device->expires_ms;
    if (device->attempts < UINT16_MAX)
        device->attempts++;
}

static void take(covey_device *device, const covey_event *event, uint64_t now_ms)
{
    device->seen_task = 1;
    device->round = event->round;
    device->attempts = 0;
    device->expires_ms = event->value ? later(now_ms, event->value) : 0;
    device->deadline_ms = device->expires_ms;
    memcpy(device->digest, event->digest, COVEY_DIGEST_BYTES);
}

static void drop(covey_device *device)
{
    device->deadline_ms = 0;
    device->expires_ms = 0;
    device->attempts = 0;
}

static void forget(covey_device *device)
{
    drop(device);
    if (device->round == 0)
        device->seen_task = 0;
    else
        device->round--;
}

static void apply(covey_device *device, change what, const covey_event *event, uint64_t now_ms)
{
    switch (what) {
    case IGNORED:
        device->ignored += device->ignored != UINT32_MAX;
        break;
    case KEPT:
        break;
    case TAKEN:
        take(device, event, now_ms);
        break;
    case OFFERED:
        device->counter++;
        device->attempts = 0;
        send_once_more(device, now_ms);
        break;
    case REPEATED:
        send_once_more(device, now_ms);
        break;
    case DROPPED:
        drop(device);
        break;
    case FORGOTTEN:
        forget(device);
        break;
    case COUNTED:
        drop(device);
        device->completed++;
        break;
    }
}

void covey_device_init(covey_device *device, uint32_t retry_ms)
{
    memset(device, 0, sizeof *device);
    device->retry_ms = retry_ms ? retry_ms : 1; /* a wait of 0 would be a busy loop */
}

static int well_formed(const covey_device *device, const covey_event *event)
{
    if (device->state >= STATES || event->kind >= EVENTS)
        return 0;
    return event->kind == COVEY_EVENT_TASK || event->kind == COVEY_EVENT_DEADLINE || event->value <= 1;
}

static void step(covey_device *device, const covey_event *event, uint64_t now_ms, covey_effect *effect)
{
    rule found = RULES[device->state][event->kind][judge(device, event, now_ms)];
    uint32_t round = device->round; /* of what is at hand now: FORGOTTEN changes it */
    apply(device, (change)found.change, event, now_ms);
    if (found.change == IGNORED)
        found.effect = COVEY_EFFECT_IGNORE;
    else
        device->state = found.state;
    effect->kind = found.effect;
    effect->round = found.effect == COVEY_EFFECT_TRAIN ? device->round : round;
    effect->counter = device->counter;
    effect->reserved = 0;
}

int covey_device_handle(covey_device *device, const covey_event *event, uint64_t now_ms, covey_effect *effect)
{
    if (!device || !event || !effect || !well_formed(device, event))
        return COVEY_E_ARGUMENT;
    step(device, event, now_ms, effect);
    return COVEY_OK;
}

int covey_device_handle_many(covey_device *devices, size_t n_devices, const uint32_t *index, const covey_event *events,
                             const uint64_t *now_ms, size_t n_events, covey_effect *effects)
{
    if (n_events == 0)
        return COVEY_OK;
    if (!devices || !index || !events || !now_ms || !effects)
        return COVEY_E_ARGUMENT;
    for (size_t i = 0; i < n_events; i++)
        if (index[i] >= n_devices || !well_formed(&devices[index[i]], &events[i]))
            return COVEY_E_ARGUMENT;
    for (size_t i = 0; i < n_events; i++)
        step(&devices[index[i]], &events[i], now_ms[i], &effects[i]);
    return COVEY_OK;
}
