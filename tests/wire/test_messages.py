"""Tasks, receipts and sketches: they come back, fit their limits, and bad ones are Verdicts."""

import json
import re
import struct
from array import array
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.core import Codec, Recipe, TrainingArguments
from covey.errors import WireError
from covey.wire import Receipt, Sketch, Task, TaskKind, Verdict

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
SPEC = VECTORS.parent / "docs" / "SPEC.md"
LABELS = {verdict.label for verdict in Verdict}
MESSAGES = {"receipts": Receipt, "tasks": Task, "sketches": Sketch}
u32 = st.integers(0, 2**32 - 1)
u64 = st.integers(0, 2**64 - 1)
float32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
vectors = st.none() | st.binary(max_size=30)


def task(**changes: object) -> Task:
    arguments = TrainingArguments(learning_rate=0.1, momentum=0.9, epochs=3)
    made = Task.training(
        round=3, digest=bytes(16), lifetime_ms=9000, seed=1, recipe=Recipe(Codec.INT8, 64, 0.3), arguments=arguments
    )
    return replace(made, **({"parameters": bytes(8)} | changes))


@given(u32, u32, st.sampled_from(Verdict))
def test_receipts_come_back(round_number: int, counter: int, verdict: Verdict) -> None:
    receipt = Receipt(round_number, counter, verdict)
    assert Receipt.decode(receipt.encode()) == receipt


def test_the_specification_lists_every_verdict() -> None:
    rows = re.findall(r"^\| (\d+) \| ([a-z_]+) \|(.*)$", SPEC.read_text(), flags=re.MULTILINE)
    written = {int(number): (name, "**durable**" in text) for number, name, text in rows if name in LABELS}
    assert written == {int(verdict): (verdict.label, verdict.durable) for verdict in Verdict}


def test_an_unknown_verdict_is_a_rejection() -> None:
    """A later coordinator may know more reasons; a device must not take one for durable."""
    message = Receipt(1, 2, Verdict.ACCEPTED).encode()[:-1] + b"\x18\xc8"
    read = Receipt.decode(message)
    assert isinstance(read, Receipt)
    assert not read.verdict.durable


@given(u32, u32, u64, st.binary(min_size=16, max_size=16), vectors, vectors, vectors, vectors, st.none() | u64)
def test_tasks_come_back(
    round_number: int,
    lifetime_ms: int,
    seed: int,
    digest: bytes,
    model: bytes | None,
    variate: bytes | None,
    step_scale: bytes | None,
    trainable: bytes | None,
    sequence: int | None,
) -> None:
    sent = task(round=round_number, lifetime_ms=lifetime_ms, seed=seed, digest=digest, model=model)
    sent = replace(sent, parameters=bytes(8) if model is None else None)
    sent = replace(sent, variate=variate, step_scale=step_scale, trainable=trainable, sequence=sequence)
    assert Task.decode(sent.encode()) == sent


@given(u64, u64)
def test_a_devices_seed_does_not_change_a_tasks_length(first: int, second: int) -> None:
    assert len(task(seed=first).encode()) == len(task(seed=second).encode())


@given(float32, st.booleans())
def test_a_device_gets_the_numbers_the_core_would_use(learning_rate: float, shuffle: bool) -> None:
    arguments = TrainingArguments(learning_rate=learning_rate, momentum=0.1, shuffle=shuffle)
    sent = Task.training(round=1, digest=bytes(16), lifetime_ms=0, seed=0, recipe=Recipe(), arguments=arguments)
    read = Task.decode(replace(sent, parameters=bytes(4)).encode())
    assert isinstance(read, Task)
    assert read.terms is not None
    assert read.terms.learning_rate == learning_rate
    assert struct.pack("<f", read.terms.momentum) == struct.pack("<f", 0.1)
    assert read.terms.shuffle is shuffle


@pytest.mark.parametrize(
    "changes",
    [
        {"round": 2**32},
        {"lifetime_ms": -1},
        {"seed": 2**64},
        {"digest": bytes(15)},
        {"recipe": None},
        {"terms": None},
        {"parameters": None},
        {"model": bytes(8)},
        {"kind": TaskKind.STATISTICS},
    ],
)
def test_a_task_that_does_not_fit_together_is_not_sent(changes: dict) -> None:
    with pytest.raises(WireError):
        task(**changes).encode()


@st.composite
def sketches(draw: st.DrawFn) -> Sketch:
    bits = draw(st.integers(0, 7))
    buckets = st.lists(st.integers(0, (1 << (9 + bits)) - 1), unique=True, max_size=8).map(sorted)
    features = draw(st.lists(buckets, min_size=1, max_size=6))
    n = sum(map(len, features))
    sums = st.lists(
        st.floats(allow_nan=False, allow_infinity=False), min_size=len(features) * 2, max_size=len(features) * 2
    )
    most = draw(st.sampled_from([9, 300, 70_000, 2**32 - 1]))
    rows, held = sorted((draw(u32), draw(u32)))
    return Sketch(
        draw(u32),
        draw(u32),
        rows,
        bits,
        array("d", draw(sums)),
        array("I", map(len, features)),
        array("H", [bucket for feature in features for bucket in feature]),
        array("I", draw(st.lists(st.integers(1, most), min_size=n, max_size=n))),
        held,
    )


@given(sketches())
def test_sketches_come_back(sketch: Sketch) -> None:
    assert Sketch.decode(sketch.encode()) == sketch


@given(sketches(), st.data())
def test_a_changed_sketch_is_refused_or_has_one_encoding(sketch: Sketch, data: st.DataObject) -> None:
    message = bytearray(sketch.encode())
    message[data.draw(st.integers(0, len(message) - 1))] ^= data.draw(st.integers(1, 255))
    read = Sketch.decode(bytes(message))
    assert isinstance(read, Verdict) or read.encode() == message


@pytest.mark.parametrize(
    "changes",
    [
        {"bits": 8},
        {"bucket": array("H", [1, 1])},
        {"tally": array("I", [1, 0])},
        {"pairs": array("I", [1, 2])},
        {"sums": array("d", [1.0])},
        {"sums": array("d", [float("nan"), 1.0])},
        {"rows": -1},
        {"rows": 10},
        {"held": 1 << 32},
    ],
)
def test_a_sketch_whose_columns_do_not_fit_is_not_sent(changes: dict) -> None:
    good = Sketch(0, 1, 2, 3, array("d", [1, 2]), array("I", [1, 1]), array("H", [1, 2]), array("I", [1, 1]), 9)
    good.encode()
    wrong = replace(good, **({"pairs": array("I", [2, 0])} | changes))
    with pytest.raises(WireError):
        wrong.encode()


@pytest.mark.parametrize("kind", MESSAGES)
@given(data=st.binary(max_size=100))
def test_arbitrary_bytes_are_never_an_exception(kind: str, data: bytes) -> None:
    for message in (data, b"\xa4\x01\x01" + data, b"\xaa\x01\x01\x02\x00" + data):
        assert isinstance(MESSAGES[kind].decode(message), Verdict | MESSAGES[kind])


@pytest.mark.parametrize("kind", MESSAGES)
def test_the_vectors_are_read_and_refused_as_they_say(kind: str) -> None:
    document = json.loads((VECTORS / f"{kind}.json").read_text())
    for entry in document["good"]:
        read = MESSAGES[kind].decode(message := bytes.fromhex(entry["message"]))
        assert isinstance(read, MESSAGES[kind])
        assert read.encode() == message
    for entry in document["bad"]:
        assert MESSAGES[kind].decode(bytes.fromhex(entry["message"])) is Verdict[entry["verdict"]], entry["name"]
