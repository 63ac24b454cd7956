/* test_device.c - the device's machine: a day without trouble, then every kind of trouble. */
#include "check.h"
#include "covey.h"

#include <string.h>

static covey_effect give(covey_device *device, uint32_t kind, uint32_t round, uint32_t counter, uint32_t value, uint64_t now_ms)
{
    covey_event event = {kind, round, counter, value, {(uint8_t)round}};
    covey_effect effect = {99, 99, 99, 99};
    CHECK(covey_device_handle(device, &event, now_ms, &effect) == COVEY_OK);
    return effect;
}

#define TASK(round, lifetime, now) give(&d, COVEY_EVENT_TASK, round, 0, lifetime, now)
#define TRAINED(round, done, now) give(&d, COVEY_EVENT_TRAINED, round, 0, done, now)
#define RECEIPT(round, counter, durable, now) give(&d, COVEY_EVENT_RECEIPT, round, counter, durable, now)
#define BOOT(outbox, now) give(&d, COVEY_EVENT_BOOT, 0, 0, outbox, now)
#define DEADLINE(now) give(&d, COVEY_EVENT_DEADLINE, 0, 0, 0, now)

static void a_round_without_trouble(void)
{
    covey_device d;
    covey_device_init(&d, 100);
    covey_effect effect = TASK(7, 10000, 5);
    CHECK(effect.kind == COVEY_EFFECT_TRAIN && effect.round == 7 && d.state == COVEY_DEVICE_TRAINING);
    CHECK(d.expires_ms == 10005 && d.deadline_ms == 10005 && d.digest[0] == 7);
    effect = TRAINED(7, 1, 50);
    CHECK(effect.kind == COVEY_EFFECT_SEND && effect.round == 7 && effect.counter == 1 && d.deadline_ms == 150);
    effect = RECEIPT(7, 1, 1, 60);
    CHECK(effect.kind == COVEY_EFFECT_CLEAR && d.state == COVEY_DEVICE_IDLE && d.completed == 1 && d.deadline_ms == 0);
    CHECK(TASK(7, 0, 70).kind == COVEY_EFFECT_IGNORE && TASK(6, 0, 70).kind == COVEY_EFFECT_IGNORE && d.ignored == 2);
    CHECK(TASK(8, 0, 80).kind == COVEY_EFFECT_TRAIN && d.deadline_ms == 0);
}

static void sends_wait_longer_and_longer_until_the_task_expires(void)
{
    covey_device d;
    covey_device_init(&d, 100);
    TASK(0, 20000, 0);
    TRAINED(0, 1, 0);
    uint64_t wait = 100, now = 0;
    for (int attempt = 1; attempt < 9; attempt++) {
        CHECK(d.attempts == attempt && d.deadline_ms == now + wait);
        CHECK(DEADLINE(now + wait - 1).kind == COVEY_EFFECT_IGNORE);
        now += wait;
        covey_effect effect = DEADLINE(now);
        CHECK(effect.kind == COVEY_EFFECT_SEND && effect.counter == 1);
        wait = wait < 6400 ? wait * 2 : 6400;
    }
    CHECK(d.deadline_ms == 20000); /* not beyond the task's end */
    CHECK(DEADLINE(20000).kind == COVEY_EFFECT_CLEAR && d.state == COVEY_DEVICE_IDLE && d.completed == 0);
}

static void a_newer_task_replaces_training_but_not_an_update(void)
{
    covey_device d;
    covey_device_init(&d, 100);
    TASK(1, 0, 0);
    CHECK(TASK(2, 1000, 1).kind == COVEY_EFFECT_TRAIN && d.round == 2);
    CHECK(TRAINED(1, 1, 2).kind == COVEY_EFFECT_IGNORE); /* the old task's result */
    CHECK(TRAINED(2, 1, 3).kind == COVEY_EFFECT_SEND);
    CHECK(TASK(3, 0, 4).kind == COVEY_EFFECT_IGNORE && d.state == COVEY_DEVICE_SENDING);
    CHECK(TASK(3, 0, 1001).kind == COVEY_EFFECT_TRAIN); /* but what has expired gives way */
}

static void receipts_count_once_and_only_for_their_update(void)
{
    covey_device d;
    covey_device_init(&d, 100);
    TASK(1, 0, 0);
    CHECK(RECEIPT(1, 0, 1, 1).kind == COVEY_EFFECT_IGNORE);
    TRAINED(1, 1, 2);
    CHECK(RECEIPT(1, 2, 1, 3).kind == COVEY_EFFECT_IGNORE && RECEIPT(2, 1, 1, 3).kind == COVEY_EFFECT_IGNORE);
    CHECK(RECEIPT(1, 1, 0, 4).kind == COVEY_EFFECT_CLEAR && d.completed == 0); /* rejected for good */
    CHECK(RECEIPT(1, 1, 1, 5).kind == COVEY_EFFECT_IGNORE && d.completed == 0);
}

static void power_loss_in_every_state(void)
{
    covey_device d;
    covey_device_init(&d, 100);
    CHECK(BOOT(0, 0).kind == COVEY_EFFECT_NONE && BOOT(1, 0).kind == COVEY_EFFECT_CLEAR);
    TASK(0, 0, 0);
    CHECK(BOOT(0, 1).kind == COVEY_EFFECT_NONE && d.state == COVEY_DEVICE_IDLE);
    CHECK(TASK(0, 0, 2).kind == COVEY_EFFECT_TRAIN); /* training was lost, the same round may be offered again */
    CHECK(BOOT(1, 3).kind == COVEY_EFFECT_CLEAR);
    TASK(5, 100, 4);
    CHECK(BOOT(0, 5).kind == COVEY_EFFECT_NONE && d.round == 4 && TASK(4, 0, 6).kind == COVEY_EFFECT_IGNORE);
    TASK(5, 100, 7);
    CHECK(TRAINED(5, 1, 8).counter == 1);
    covey_effect effect = BOOT(1, 9);
    CHECK(effect.kind == COVEY_EFFECT_SEND && effect.counter == 1 && effect.round == 5 && d.attempts == 2);
    CHECK(BOOT(1, 107).kind == COVEY_EFFECT_CLEAR && d.state == COVEY_DEVICE_IDLE); /* expired meanwhile */
    TASK(6, 0, 200);
    TRAINED(6, 1, 201);
    CHECK(BOOT(0, 202).kind == COVEY_EFFECT_NONE && d.state == COVEY_DEVICE_IDLE); /* the outbox is gone */
    CHECK(TASK(6, 0, 203).kind == COVEY_EFFECT_IGNORE); /* but that update may have arrived */
}

static void training_that_fails_or_comes_too_late_is_dropped(void)
{
    covey_device d;
    covey_device_init(&d, 100);
    TASK(1, 50, 0);
    CHECK(TRAINED(1, 0, 1).kind == COVEY_EFFECT_NONE && d.state == COVEY_DEVICE_IDLE && d.counter == 0);
    TASK(2, 50, 0);
    CHECK(TRAINED(2, 1, 50).kind == COVEY_EFFECT_CLEAR && d.state == COVEY_DEVICE_IDLE && d.counter == 0);
    TASK(3, 50, 0);
    CHECK(DEADLINE(49).kind == COVEY_EFFECT_IGNORE);
    CHECK(DEADLINE(50).kind == COVEY_EFFECT_CLEAR && d.state == COVEY_DEVICE_IDLE);
}

static void limits_are_kept(void)
{
    covey_device d;
    covey_device_init(&d, 0);
    CHECK(d.retry_ms == 1);
    d.counter = UINT32_MAX - 1;
    TASK(1, 0, 0);
    CHECK(TRAINED(1, 1, 0).counter == UINT32_MAX);
    RECEIPT(1, UINT32_MAX, 1, 1);
    CHECK(TASK(2, 0, 2).kind == COVEY_EFFECT_IGNORE); /* a wrapped counter would look like a replay for ever */
    covey_device_init(&d, 1);
    CHECK(TASK(UINT32_MAX, 0, 0).kind == COVEY_EFFECT_IGNORE && !d.seen_task); /* no round would be above it */
    CHECK(TASK(UINT32_MAX - 1, 0, 0).kind == COVEY_EFFECT_TRAIN);
    CHECK(TASK(UINT32_MAX, 0, 0).kind == COVEY_EFFECT_IGNORE && d.round == UINT32_MAX - 1);
    covey_device_init(&d, UINT32_MAX);
    TASK(1, UINT32_MAX, UINT64_MAX - 5);
    CHECK(d.expires_ms == UINT64_MAX);
    TRAINED(1, 1, UINT64_MAX - 4);
    CHECK(d.deadline_ms == UINT64_MAX);
    covey_effect effect;
    covey_event odd[] = {{5, 0, 0, 0, {0}}, {COVEY_EVENT_RECEIPT, 1, 1, 2, {0}}, {COVEY_EVENT_BOOT, 0, 0, 7, {0}}};
    covey_device before = d;
    for (int i = 0; i < 3; i++)
        CHECK(covey_device_handle(&d, &odd[i], 0, &effect) == COVEY_E_ARGUMENT);
    CHECK(memcmp(&before, &d, sizeof d) == 0);
    d.state = 3;
    CHECK(covey_device_handle(&d, &(covey_event){0}, 0, &effect) == COVEY_E_ARGUMENT);
}

static void many_are_handled_like_one_by_one(void)
{
    enum { DEVICES = 9, EVENTS = 2000 };
    static covey_event events[EVENTS];
    static covey_effect effects[EVENTS];
    static uint32_t index[EVENTS];
    static uint64_t now_ms[EVENTS];
    covey_device fleet[DEVICES], alone[DEVICES];
    for (int i = 0; i < DEVICES; i++) {
        covey_device_init(&fleet[i], 50);
        covey_device_init(&alone[i], 50);
    }
    for (uint32_t i = 0; i < EVENTS; i++) {
        uint64_t draw = covey_random_u64(3, i);
        index[i] = (uint32_t)(draw % DEVICES);
        events[i] = (covey_event){(uint32_t)(draw >> 8) % 5, (uint32_t)(draw >> 16) % 3 + i / 200, i / 400 + 1, (draw >> 32) & 1, {0}};
        now_ms[i] = i * 10;
    }
    CHECK(covey_device_handle_many(fleet, DEVICES, index, events, now_ms, EVENTS, effects) == COVEY_OK);
    for (uint32_t i = 0; i < EVENTS; i++) {
        covey_effect effect;
        CHECK(covey_device_handle(&alone[index[i]], &events[i], now_ms[i], &effect) == COVEY_OK);
        CHECK(memcmp(&effect, &effects[i], sizeof effect) == 0);
    }
    CHECK(memcmp(fleet, alone, sizeof fleet) == 0);
    index[EVENTS - 1] = DEVICES;
    CHECK(covey_device_handle_many(fleet, DEVICES, index, events, now_ms, EVENTS, effects) == COVEY_E_ARGUMENT);
    CHECK(memcmp(fleet, alone, sizeof fleet) == 0);
}

int main(void)
{
    a_round_without_trouble();
    sends_wait_longer_and_longer_until_the_task_expires();
    a_newer_task_replaces_training_but_not_an_update();
    receipts_count_once_and_only_for_their_update();
    power_loss_in_every_state();
    training_that_fails_or_comes_too_late_is_dropped();
    limits_are_kept();
    many_are_handled_like_one_by_one();
    return check_done();
}
