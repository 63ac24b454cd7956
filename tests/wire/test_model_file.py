"""A model's file as a device reads it: without numpy, every part checked, nothing else taken for one."""

import json
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.errors import Code, ModelError
from covey.wire import (
    DetectionSettings,
    EncodingFields,
    FeatureSchema,
    Missing,
    ModelDesign,
    ModelFile,
    SourceKind,
    encode,
)

ONE, TWO = b"\x80\x3f", b"\x00\x40"  # the upper halves of 1.0 and 2.0
KNOTS = EncodingFields(kind=3, n_features=2, knots=b"\0\0" + ONE + TWO + ONE + TWO, counts=b"\3\2")
DESIGN = ModelDesign(
    layers=((1, 0, 2, 1, 5, 0, 0, 0),),
    loss=1,
    encoding=KNOTS,
    feature_names=("a", "b"),
    class_names=("benign",),
    thresholds=(0.25,),
    schema=FeatureSchema(SourceKind.PACKETS),
    detection=DetectionSettings(window_s=5.0),
)
FILE = ModelFile.of(
    sequence=1, parent=b"", design=DESIGN, parameters=struct.pack("<6f", 1, 2, 3, 4, 5, -6), report=[("f1", 0.5)]
)


def test_a_file_is_read_back_as_it_was_written() -> None:
    assert ModelFile.decode(FILE.encode()) == FILE
    assert len(FILE.digest) == 32


def test_rows_of_one_design_are_another_s_only_with_the_same_features_made_in_the_same_way() -> None:
    readings = replace(DESIGN, schema=FeatureSchema(SourceKind.READINGS, window_s=10.0))
    assert DESIGN.reads_rows_of(replace(DESIGN, thresholds=(1.0,), detection=DetectionSettings()))
    assert not DESIGN.reads_rows_of(replace(DESIGN, feature_names=("b", "a")))
    assert not DESIGN.reads_rows_of(readings)
    assert not readings.reads_rows_of(replace(readings, schema=FeatureSchema(SourceKind.READINGS, window_s=20.0)))


def test_knots_and_offsets_are_those_of_the_bytes() -> None:
    assert KNOTS.knot_values().tolist() == [0.0, 1.0, 2.0, 1.0, 2.0]
    assert KNOTS.offsets().tolist() == [0, 3, 5]
    assert EncodingFields(kind=0, n_features=2).offsets().tolist() == []


@pytest.mark.parametrize(
    "change",
    [
        {"encoding": replace(KNOTS, kind=4)},
        {"encoding": replace(KNOTS, kind=-1)},
        {"encoding": replace(KNOTS, n_features=0)},
        {"encoding": replace(KNOTS, n_features=3)},
        {"encoding": replace(KNOTS, counts=b"\4\1")},
        {"encoding": replace(KNOTS, counts=b"\3\3")},
        {"encoding": replace(KNOTS, counts=b"")},
        {"encoding": replace(KNOTS, knots=b"\0\0" + ONE + ONE + ONE + TWO)},
        {"encoding": replace(KNOTS, knots=b"\0\0" + ONE + TWO + ONE + b"\x80\x7f")},
        {"encoding": replace(KNOTS, center=bytes(8))},
        {"encoding": replace(KNOTS, limit=-1.0)},
        {"encoding": replace(KNOTS, limit=float("inf"))},
        {"encoding": EncodingFields(kind=1, n_features=2, center=bytes(8), scale=bytes(4))},
        {"encoding": EncodingFields(kind=1, n_features=2, center=bytes(8), scale=struct.pack("<2f", 1, float("nan")))},
        {"encoding": EncodingFields(kind=0, n_features=2, counts=b"\2")},
        {"layers": ()},
        {"layers": ((1, 0, 2),)},
        {"layers": ((1, 0, 2, 1, 5, 0, 0, 1 << 16),)},
        {"layers": ((1, 0, 2, 1, 5, 0, 0, -1),)},
        {"loss": -1},
        {"feature_names": ("a",)},
        {"feature_names": ("a", "a")},
        {"class_names": ()},
        {"class_names": ("x", "x")},
        {"thresholds": (float("nan"),)},
    ],
    ids=str,
)
def test_a_design_whose_parts_do_not_fit_is_none(change: dict[str, object]) -> None:
    with pytest.raises(ModelError) as caught:
        replace(DESIGN, **change)  # type: ignore[arg-type]
    assert caught.value.code is Code.MODEL_SHAPE


@pytest.mark.parametrize("bits", [0x7F800000, 0xFF800000, 0x7FC00000, 0xFFFFFFFF])
def test_a_parameter_that_is_not_finite_makes_no_file(bits: int) -> None:
    with pytest.raises(ModelError, match="not finite"):
        ModelFile.of(sequence=1, parent=b"", design=DESIGN, parameters=bytes(8) + struct.pack("<I", bits))


def test_the_largest_finite_parameters_make_a_file() -> None:
    huge = struct.pack("<4I", 0x7F7FFFFF, 0xFF7FFFFF, 0x7F000000, 0x7F7FFFFF)
    assert ModelFile.of(sequence=1, parent=b"", design=DESIGN, parameters=huge).parameters == huge


@pytest.mark.parametrize(
    "change",
    [{"sequence": 0}, {"sequence": 1 << 63}, {"parent": b"short"}, {"parameters": b"abc"}],
)
def test_numbers_out_of_range_make_no_file(change: dict[str, object]) -> None:
    with pytest.raises(ModelError):
        ModelFile.of(**{"sequence": 1, "parent": b"", "design": DESIGN, "parameters": b"", **change})  # type: ignore[arg-type]


def test_a_file_of_another_format_says_which_one_is_read() -> None:
    with pytest.raises(ModelError, match="has the format 1; this Covey reads 2") as caught:
        ModelFile.decode(encode({1: 1, 2: 3}))
    assert caught.value.hint is not None


@pytest.mark.parametrize(
    "arguments",
    [
        {"kind": SourceKind.READINGS},
        {"kind": SourceKind.READINGS, "window_s": 1.0, "window_rows": 3},
        {"kind": SourceKind.READINGS, "window_s": float("nan")},
        {"kind": SourceKind.READINGS, "window_s": -1.0},
        {"kind": SourceKind.READINGS, "window_s": 1e-12},
        {"kind": SourceKind.READINGS, "window_rows": (1 << 20) + 1},
        {"kind": SourceKind.READINGS, "window_rows": 3, "gap_s": float("inf")},
        {"kind": SourceKind.PACKETS, "window_s": 1.0},
        {"kind": SourceKind.ROWS, "missing": Missing.HOLD},
    ],
    ids=str,
)
def test_a_schema_with_parameters_that_make_no_sense_is_none(arguments: dict[str, object]) -> None:
    with pytest.raises(ModelError):
        FeatureSchema(**arguments)  # type: ignore[arg-type]


@given(st.data())
def test_a_flipped_bit_anywhere_is_refused(data: st.DataObject) -> None:
    content = bytearray(FILE.encode())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ModelError):
        ModelFile.decode(bytes(content))


def test_a_cut_file_is_refused() -> None:
    data = FILE.encode()
    for size in range(len(data)):
        with pytest.raises(ModelError):
            ModelFile.decode(data[:size])


def test_a_device_reads_it_without_numpy() -> None:
    program = "import sys, covey.wire; assert 'numpy' not in sys.modules and 'pydantic' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


DOCUMENT = json.loads((Path(__file__).resolve().parents[2] / "vectors" / "models.json").read_text())


@pytest.mark.parametrize("entry", DOCUMENT["good"], ids=lambda entry: entry["name"])
def test_good_vectors_are_read_and_made(entry: dict[str, object]) -> None:
    data = bytes.fromhex(str(entry["file"]))
    file = ModelFile.decode(data)
    assert file.encode() == data
    assert file.digest.hex() == entry["digest"]
    assert [file.sequence, list(file.design.feature_names)] == [entry["sequence"], entry["features"]]
    assert [list(f.value().values()) for f in (file.design.schema, file.design.detection)] == [
        entry["schema"],
        entry["detection"],
    ]


@pytest.mark.parametrize("entry", DOCUMENT["bad"], ids=lambda entry: entry["name"])
def test_bad_vectors_are_refused_for_the_reason_they_give(entry: dict[str, str]) -> None:
    with pytest.raises(ModelError) as caught:
        ModelFile.decode(bytes.fromhex(entry["file"]))
    assert caught.value.code == entry["code"]
