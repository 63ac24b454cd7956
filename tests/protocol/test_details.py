"""Seeds, receipts' sizes, tasks on the wire, and the device's two doors."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.core import (
    DEVICE_FIELDS,
    EFFECT_FIELDS,
    EVENT_FIELDS,
    DeviceEvent,
    EventKind,
    handle_many,
    random_u64,
    seed,
)
from covey.errors import CoreError
from covey.protocol import (
    RECEIPT_BYTES,
    Assignment,
    DeadlinePassed,
    Device,
    Equipment,
    SendReceipts,
    child_seeds,
    random_words,
    recipe_of,
    uniforms,
    word,
)
from covey.protocol.tally import receipt_sizes
from covey.training import Scaffold, StepScale
from covey.wire import Receipt, Task, Verdict
from tests.protocol.machines import Bench, settings_of

WORD = st.integers(0, 2**64 - 1)
SCAFFOLD = Scaffold(steps=5, step_scale=StepScale.KNOT_SHARE)


@given(st.lists(WORD, min_size=1, max_size=5), WORD)
def test_many_seeds_at_once_are_those_of_the_core(parents: list[int], label: int) -> None:
    words = np.array(parents, np.uint64)
    assert child_seeds(words, word(label)).tolist() == [seed(parent, label) for parent in parents]
    assert random_words(words, word(label)).tolist() == [random_u64(parent, label) for parent in parents]


def test_uniform_numbers_stay_below_one() -> None:
    drawn = uniforms(np.array([0, 2**64 - 1, 2**63], np.uint64))
    assert drawn.tolist() == [0.0, 1.0 - 2.0**-53, 0.5]


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.sampled_from(list(Verdict)))))
def test_receipts_are_counted_with_the_bytes_they_have(answers: list[tuple[int, int, Verdict]]) -> None:
    columns = [np.array([answer[at] for answer in answers], np.uint32) for at in range(3)]
    receipts = SendReceipts(columns[0], columns[0], columns[1], columns[2].astype(np.uint8))
    encoded = [len(Receipt(round_number, counter, verdict).encode()) for round_number, counter, verdict in answers]
    assert receipt_sizes(receipts).tolist() == encoded
    assert max(encoded, default=0) <= RECEIPT_BYTES


def test_a_task_says_all_that_a_device_needs() -> None:
    bench = Bench(settings_of(trainer=SCAFFOLD)).start()
    task = task_of(bench.tasks().full)
    assignment = assignment_of(task, None)
    memory = bench.coordinator.memory
    assert recipe_of(task) == bench.settings.recipe
    assert assignment.arguments.batch == bench.settings.trainer.arguments(1, 3).batch
    assert assignment.arguments.learning_rate == pytest.approx(bench.settings.trainer.arguments(1, 3).learning_rate)
    assert assignment.equipment.version.encode() == memory.current.encode()
    np.testing.assert_array_equal(assignment.variate, memory.variate)
    np.testing.assert_array_equal(assignment.arguments.step_scale, memory.steps)
    assert memory.steps is not None
    assert memory.steps.max() > 1.0


def test_tasks_are_counted_with_the_bytes_that_are_sent_to_each_device() -> None:
    bench = Bench(settings_of(trainer=SCAFFOLD), n_devices=3).start()
    bench.send((0, bench.update()), (1, bench.update()))
    bench.now += 60_000
    bench.handle(DeadlinePassed())
    tasks = bench.tasks(2)
    assert tasks.is_equipped.tolist() == [True, True, False]
    sent = [replace(task_of(tasks.short), seed=seed) for seed in tasks.seeds.tolist()[:2]]
    sent.append(replace(task_of(tasks.full), seed=int(tasks.seeds[2])))
    assert tasks.sizes.tolist() == [len(task.encode()) for task in sent]


@pytest.mark.parametrize("sketches", [(0, 1), (0,)])
def test_a_device_gets_the_model_file_until_an_update_of_it_was_accepted(sketches: tuple[int, ...]) -> None:
    """Whether it sketched makes no difference: a device outside the statistics cohort is no newcomer twice."""
    bench = Bench(settings_of(), n_devices=2).start(sketches)
    assert bench.tasks(1).is_equipped.tolist() == [False, False]
    counters = [2 if device in sketches else 1 for device in range(2)]
    bench.send(*((device, bench.update(counter=counters[device])) for device in range(2)))
    assert bench.tasks(2).is_equipped.tolist() == [True, True]
    assert bench.tasks(2).full == b""


def test_short_and_full_tasks_of_a_round_ask_for_the_same_work() -> None:
    bench = Bench(settings_of(trainer=SCAFFOLD), n_devices=3).start()
    kept = Equipment.of(task_of(bench.tasks(1).full))
    assert isinstance(kept, Equipment)
    bench.send((0, bench.update()), (1, bench.update()))
    bench.now += 60_000
    bench.handle(DeadlinePassed())
    full = assignment_of(task_of(bench.tasks(2).full), None)
    short = assignment_of(task_of(bench.tasks(2).short), kept)
    np.testing.assert_array_equal(full.parameters, short.parameters)
    np.testing.assert_array_equal(full.variate, short.variate)
    np.testing.assert_array_equal(full.arguments.step_scale, short.arguments.step_scale)
    np.testing.assert_array_equal(full.equipment.version.encoding.knots, kept.version.encoding.knots)
    assert (full.task.digest, full.task.terms) == (short.task.digest, short.task.terms)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"model": b"no file"}, Verdict.MALFORMED),
        ({"digest": bytes(16)}, Verdict.WRONG_MODEL),
        ({"step_scale": bytes(8)}, Verdict.MALFORMED),
        ({"step_scale": bytes(7)}, Verdict.MALFORMED),
        ({"variate": bytes(8)}, Verdict.WRONG_MODEL),
        ({"variate": bytes(7)}, Verdict.MALFORMED),
        ({"model": None, "parameters": bytes(8)}, Verdict.WRONG_MODEL),
        ({"trainable": b"\1"}, Verdict.WRONG_MODEL),
    ],
)
def test_a_task_that_a_device_cannot_do_has_a_verdict(changes: dict[str, bytes | None], verdict: Verdict) -> None:
    task = task_of(Bench(settings_of(trainer=SCAFFOLD)).start().tasks().full)
    assert Assignment.of(replace(task, **changes), None) is verdict


def test_numbers_that_are_not_finite_are_no_assignment() -> None:
    task = task_of(Bench(settings_of(trainer=SCAFFOLD)).start().tasks().full)
    kept = Equipment.of(task)
    assert isinstance(kept, Equipment)
    bad = np.full(kept.version.spec.n_parameters, np.nan, np.float32).tobytes()
    bare = replace(task, model=None, parameters=bad)
    assert Assignment.of(bare, kept) is Verdict.MALFORMED  # step scales come with a model file only
    assert Assignment.of(replace(bare, step_scale=None), kept) is Verdict.NONFINITE
    assert Assignment.of(replace(task, variate=bad), None) is Verdict.NONFINITE


def task_of(message: bytes) -> Task:
    task = Task.decode(message)
    assert isinstance(task, Task)
    return task


def assignment_of(task: Task, kept: Equipment | None) -> Assignment:
    assignment = Assignment.of(task, kept)
    assert isinstance(assignment, Assignment)
    return assignment


SCRIPT = [
    (DeviceEvent(EventKind.TASK, 1, value=9_000, digest=b"d" * 16), 10),
    (DeviceEvent(EventKind.TRAINED, 1, value=1), 20),
    (DeviceEvent(EventKind.DEADLINE), 1_020),
    (DeviceEvent(EventKind.TASK, 2, value=9_000, digest=b"e" * 16), 1_100),
    (DeviceEvent(EventKind.RECEIPT, 1, counter=1, value=1), 1_200),
    (DeviceEvent(EventKind.BOOT), 1_300),
    (DeviceEvent(EventKind.TASK, 2, value=9_000, digest=b"e" * 16), 1_400),
]


def test_one_device_and_a_thousand_are_the_same_machine() -> None:
    one = Device(retry_ms=1_000)
    fleet = np.zeros(1, np.dtype(DEVICE_FIELDS))
    fleet["retry_ms"] = 1_000
    for event, now in SCRIPT:
        events = np.zeros(1, np.dtype(EVENT_FIELDS))
        events["kind"], events["round"], events["counter"] = event.kind, event.round, event.counter
        events["value"], events["digest"] = event.value, np.frombuffer(event.digest, "V16")
        effects = np.zeros(1, np.dtype(EFFECT_FIELDS))
        handle_many(fleet, np.zeros(1, np.uint32), events, np.array([now], np.uint64), effects)
        (effect,) = one.handle(event, now)
        assert (int(effects["kind"][0]), int(effects["counter"][0])) == (effect.kind, effect.counter)
        assert fleet[0].tobytes() == one.snapshot()
        assert one.next_deadline() == (int(fleet["deadline_ms"][0]) or None)
        one = Device.restore(one.snapshot())


def test_a_device_is_restored_from_its_own_snapshots_only() -> None:
    with pytest.raises(CoreError):
        Device.restore(bytes(63))
