"""A model's file is read back to the bit, and nothing else is taken for one."""

import cbor2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey import wire
from covey.errors import Code, ModelError
from covey.models import Autoencoder, Conv1d, Encoding, Mlp, ModelVersion, SplineMlp

KNOTS = Encoding.with_knots(np.array([0, 1, 3, -7, 20], np.float32), np.array([0, 3, 5], np.uint16))
LOGS = Encoding.signed_log(np.array([0.5, 1.5], np.float32), np.array([2, 3], np.float32), limit=6.0)


SPLINE = SplineMlp(hidden=(2,))


def version(model: SplineMlp | Mlp | Autoencoder | Conv1d = SPLINE, encoding: Encoding = KNOTS) -> ModelVersion:
    spec = model.spec(2, 3, encoding)
    return ModelVersion.of(
        sequence=4,
        parent=bytes(range(32)),
        spec=spec,
        parameters=spec.initial_parameters(1),
        encoding=encoding,
        feature_names=("size", "größe"),
        class_names=("benign", "flood", "scan"),
        thresholds=(0.5, 1e-9),
        report=(("macro_f1", 0.987),),
        schema=wire.FeatureSchema(wire.SourceKind.READINGS, window_s=60.0, gap_s=0.1, missing=wire.Missing.HOLD),
        detection=wire.DetectionSettings(window_s=2.5, order=1, votes=3, of=4, hysteresis=0.1, warm_up_s=240.0),
    )


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        (SplineMlp(hidden=(2,)), KNOTS),
        (Mlp(hidden=(3,)), LOGS),
        (Autoencoder(hidden=(1,)), Encoding.standard(LOGS.center, LOGS.scale)),
        (Conv1d(filters=(2,), kernel=1, stride=1, pool=2), Encoding.identity(2)),
    ],
)
def test_a_version_survives_its_file_to_the_bit(model: Mlp, encoding: Encoding) -> None:
    before = version(model, encoding)
    after = ModelVersion.decode(before.encode())
    assert after.encode() == before.encode()
    assert after.digest == before.digest
    assert after.spec == before.spec
    assert after.parameters.tobytes() == before.parameters.tobytes()
    assert (after.sequence, after.parent, after.thresholds, after.report) == (
        4,
        bytes(range(32)),
        (0.5, 1e-9),
        (("macro_f1", 0.987),),
    )
    assert (after.feature_names, after.class_names) == (before.feature_names, before.class_names)
    assert (after.schema, after.detection) == (before.schema, before.detection)
    assert after.file == before.file
    rows = np.array([[1.5, 2.0]], np.float32)
    assert after.encoding.encode(rows).tobytes() == before.encoding.encode(rows).tobytes()


def test_a_successor_names_its_parent_and_grows() -> None:
    first = version()
    second = first.successor(first.parameters * 2)
    assert (second.sequence, second.parent) == (5, first.digest)
    assert second.digest != first.digest


def test_the_digest_covers_everything() -> None:
    fields = cbor2.loads(version().encode())
    for key, value in fields.items():
        if isinstance(value, bytes) and key != 13 and value:
            changed = {**fields, key: value[:-1] + bytes([value[-1] ^ 1])}
            with pytest.raises(ModelError):
                ModelVersion.decode(wire.encode(changed))


def test_a_changed_parameter_is_told_by_the_digest() -> None:
    fields = cbor2.loads(version().encode())
    fields[6] = bytes(4) + fields[6][4:]
    with pytest.raises(ModelError) as caught:
        ModelVersion.decode(wire.encode(fields))
    assert caught.value.code is Code.MODEL_DIGEST


@pytest.mark.parametrize(
    "change",
    [
        {1: 1},
        {1: 3},
        {1: True},
        {1: 2.0},
        {2: 0},
        {2: -1},
        {2: 1 << 63},
        {3: b"short"},
        {4: bytes(15)},
        {4: bytes(16)},
        {4: b""},
        {5: 9},
        {6: bytes(4)},
        {6: bytes(7)},
        {6: "text"},
        {7: {}},
        {7: 5},
        {8: ["size"]},
        {8: ["size", "size"]},
        {8: ["size", 3]},
        {8: "size"},
        {9: []},
        {10: np.array([np.nan]).tobytes()},
        {10: bytes(3)},
        {11: ["a", "b"]},
        {12: b""},
        {14: 0},
        {14: {}},
        {14: {1: "packets", 2: 1.0, 3: 0, 4: 0.0, 5: "skip"}},
        {14: {1: "pockets", 2: 0.0, 3: 0, 4: 0.0, 5: "skip"}},
        {14: {1: "readings", 2: 1.0, 3: 7, 4: 0.0, 5: "skip"}},
        {14: {1: "readings", 2: 1, 3: 0, 4: 0.0, 5: "skip"}},
        {15: {1: 10.0, 2: 0, 3: 2, 4: 3, 5: 0.5, 6: 300.0, 7: 1.0, 8: 0.0}},
        {15: {1: 10.0, 2: 17, 3: 2, 4: 3, 5: 0.5, 6: 300.0, 7: 1.0, 8: 0.0}},
        {15: {1: 10.0, 2: 3, 3: 4, 4: 3, 5: 0.5, 6: 300.0, 7: 1.0, 8: 0.0}},
        {15: {1: 10.0, 2: 3, 3: 2, 4: 33, 5: 0.5, 6: 300.0, 7: 1.0, 8: 0.0}},
        {15: {1: -1.0, 2: 3, 3: 2, 4: 3, 5: 0.5, 6: 300.0, 7: 1.0, 8: 0.0}},
        {15: {1: 10.0, 2: 3, 3: 2, 4: 3, 5: -0.5, 6: 300.0, 7: 1.0, 8: 0.0}},
        {15: {1: 10.0, 2: 3, 3: 2, 4: 3, 5: 0.5, 6: 300.0, 7: 0.0, 8: 0.0}},
        {15: {1: 10.0, 2: 3, 3: 2, 4: 3, 5: 0.5, 6: 300.0, 7: 1.0, 8: -1.0}},
        {15: {1: 10.0, 2: 3, 3: 2, 4: 3, 5: 0.5, 6: 300.0, 7: 1.0}},
        {16: 0},
    ],
)
def test_a_file_with_a_field_that_makes_no_model_is_refused(change: dict[int, object]) -> None:
    fields = {**cbor2.loads(version().encode()), **change}
    with pytest.raises(ModelError):
        ModelVersion.decode(wire.encode(fields))


def test_a_file_that_lacks_a_field_is_refused() -> None:
    fields = cbor2.loads(version().encode())
    for key in fields:
        with pytest.raises(ModelError):
            ModelVersion.decode(wire.encode({other: value for other, value in fields.items() if other != key}))


def test_a_cut_or_lengthened_file_is_refused() -> None:
    data = version().encode()
    for size in range(len(data)):
        with pytest.raises(ModelError):
            ModelVersion.decode(data[:size])
    with pytest.raises(ModelError):
        ModelVersion.decode(data + b"\0")


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ModelError):
        ModelVersion.decode(data)


@given(st.data())
def test_a_flipped_bit_anywhere_is_refused(data: st.DataObject) -> None:
    content = bytearray(version().encode())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ModelError):
        ModelVersion.decode(bytes(content))


def test_parts_that_do_not_fit_make_no_version() -> None:
    good = version()
    with pytest.raises(ModelError):
        good.successor(good.parameters[:-1])
    with pytest.raises(ModelError):
        good.successor(np.full_like(good.parameters, np.nan))
