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
    Device,
    SendReceipts,
    arguments_of,
    child_seeds,
    random_words,
    recipe_of,
    uniforms,
    word,
)
from covey.protocol.tally import receipt_sizes
from covey.protocol.tasks import vector_field_bytes
from covey.wire import Receipt, Task, Verdict
from tests.protocol.machines import Bench, settings_of

WORD = st.integers(0, 2**64 - 1)


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
    bench = Bench(settings_of()).start()
    task = Task.decode(bench.tasks().task.encode())
    assert isinstance(task, Task)
    assert recipe_of(task) == bench.settings.recipe
    arguments = arguments_of(task, None)
    assert arguments.batch == bench.settings.trainer.arguments(1, 3).batch
    assert arguments.learning_rate == pytest.approx(bench.settings.trainer.arguments(1, 3).learning_rate)


@pytest.mark.parametrize("size", [4, 24, 256, 70_000])
def test_vectors_are_counted_with_the_bytes_they_add(size: int) -> None:
    task = Bench(settings_of()).start().tasks().task
    with_vectors = replace(task, parameters=bytes(size), correction=bytes(size))
    assert len(with_vectors.encode()) == len(task.encode()) + 2 * vector_field_bytes(size)


def test_a_newcomer_gets_the_encoding_with_its_first_task_only() -> None:
    bench = Bench(settings_of(), n_devices=2).start()
    bench.send((0, bench.update()), (1, bench.update()))
    first, second = bench.tasks(1), bench.tasks(2)
    assert (first.sizes - second.sizes).tolist() == [first.version.encoding.size_bytes] * 2


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
