"""Every kind of bad input gives a code, and a cause that names file, line and column."""

import gzip
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from covey.errors import Code, DataError
from covey.telemetry import CsvFolder, FeatureRule
from covey.telemetry import csv_file as csv_file_module

WriteFolder = Callable[[Mapping[str, str | bytes]], Path]
HEADER = "split,label,attack,a,b"
ROWS = ("train,0,benign,1,2", "train,1,scan,3,4", "test,0,benign,5,6", "test,1,scan,7,8")


def fault(folder: Path, rule: FeatureRule | None = None) -> DataError:
    with pytest.raises(DataError) as caught:
        CsvFolder().load(folder, rule)
    return caught.value


def device(*rows: str, header: str = HEADER) -> str:
    return "\n".join((header, *rows)) + "\n"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    error = fault(tmp_path / "nowhere")
    assert error.code is Code.DATA_NOT_FOUND
    assert "nowhere" in error.cause
    assert error.hint


def test_a_folder_without_devices(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("no data here")
    assert fault(tmp_path).code is Code.DATA_NO_DEVICES


@pytest.mark.parametrize("name", ["tür.csv", "a+b.csv", "x" * 65 + ".csv", ".csv"])
def test_a_file_name_that_gives_no_device_id(write_folder: WriteFolder, good_file: str, name: str) -> None:
    error = fault(write_folder({name: good_file, "ok.csv": good_file}))
    assert error.code is Code.DATA_DEVICE_NAME
    assert name.removesuffix(".csv") in error.cause


def test_two_files_of_one_device(write_folder: WriteFolder, good_file: str) -> None:
    error = fault(write_folder({"a_b.csv": good_file, "a-b.csv": good_file}))
    assert error.code is Code.DATA_DUPLICATE_DEVICE
    assert "a_b.csv" in error.cause
    assert "a-b.csv" in error.cause


def test_no_label_column_and_a_hint_at_a_likely_one(write_folder: WriteFolder) -> None:
    error = fault(write_folder({"a.csv": "Labels,x\n0,1\n"}))
    assert error.code is Code.DATA_MISSING_COLUMN
    assert "a.csv, line 1" in error.cause
    assert "Labels" in str(error.hint)


def test_a_column_twice_in_the_header(write_folder: WriteFolder) -> None:
    error = fault(write_folder({"a.csv": "label,x,x\n0,1,1\n"}))
    assert error.code is Code.DATA_DUPLICATE_COLUMN
    assert "'x'" in error.cause


def test_a_column_without_a_name(write_folder: WriteFolder) -> None:
    error = fault(write_folder({"a.csv": "label,x,\n0,1,1\n"}))
    assert error.code is Code.DATA_MISSING_COLUMN
    assert "column 3" in error.cause


def test_a_feature_that_one_device_lacks(write_folder: WriteFolder, good_file: str) -> None:
    error = fault(
        write_folder({"a.csv": good_file, "b.csv": device("train,0,benign,1", header="split,label,attack,a")})
    )
    assert error.code is Code.DATA_MIXED_COLUMNS
    assert "b.csv, line 1: the column 'b' is missing, which a.csv has" in error.cause


def test_a_feature_that_only_one_device_has(write_folder: WriteFolder, good_file: str) -> None:
    more = device("train,0,benign,1,2,3", header=HEADER + ",c")
    error = fault(write_folder({"a.csv": good_file, "b.csv": more}))
    assert error.code is Code.DATA_MIXED_COLUMNS
    assert "'c'" in error.cause
    assert "exclude" in str(error.hint)


def test_an_attack_column_on_some_devices_only(write_folder: WriteFolder, good_file: str) -> None:
    bare = device("train,0,1,2", header="split,label,a,b")
    assert fault(write_folder({"a.csv": good_file, "b.csv": bare})).code is Code.DATA_MIXED_COLUMNS


@pytest.mark.parametrize("value", ["nan", "NaN", "inf", "-inf", "1e39", "-1e400", ""])
def test_a_value_that_is_not_finite(write_folder: WriteFolder, value: str) -> None:
    error = fault(write_folder({"a.csv": device(*ROWS, f"test,1,scan,9,{value}")}))
    assert error.code is Code.DATA_NONFINITE
    assert "a.csv, line 6: the column 'b'" in error.cause


@pytest.mark.parametrize("value", ["iid", "1_0", "0x10", "1.2.3", "--1"])
def test_a_value_that_is_no_number(write_folder: WriteFolder, value: str) -> None:
    error = fault(write_folder({"a.csv": device(*ROWS, f"test,1,scan,{value},1")}))
    assert error.code is Code.DATA_WRONG_TYPE
    assert "a.csv, line 6: the column 'a'" in error.cause
    assert 'exclude = ["a"]' in str(error.hint)


@pytest.mark.parametrize("row", ["train,0,benign,1", "train,0,benign,1,2,3", "x"])
def test_a_row_with_another_number_of_cells(write_folder: WriteFolder, row: str) -> None:
    error = fault(write_folder({"a.csv": device(*ROWS, row)}))
    assert error.code is Code.DATA_WRONG_TYPE
    assert "line 6: the row has" in error.cause


def test_a_line_number_counts_empty_lines_and_lines_within_quotes(write_folder: WriteFolder) -> None:
    text = 'label,x,note\n0,1,"two\nlines"\n\n1,oops,z\n'
    error = fault(write_folder({"a.csv": text}), FeatureRule(exclude=("note",)))
    assert "a.csv, line 5: the column 'x' holds 'oops'" in error.cause


@pytest.mark.parametrize("label", ["2", "-1", "benign", "0.0", "01"])
def test_a_label_that_is_neither_0_nor_1(write_folder: WriteFolder, label: str) -> None:
    error = fault(write_folder({"a.csv": device(*ROWS, f"test,{label},scan,1,1")}))
    assert error.code is Code.DATA_BAD_LABEL
    assert "a.csv, line 6" in error.cause
    assert repr(label) in error.cause


def test_a_split_that_is_neither_train_nor_test(write_folder: WriteFolder) -> None:
    error = fault(write_folder({"a.csv": device(*ROWS, "Train,1,scan,1,1")}))
    assert error.code is Code.DATA_BAD_SPLIT
    assert "line 6" in error.cause


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "a\tb"])
def test_an_attack_name_that_is_none(write_folder: WriteFolder, name: str) -> None:
    error = fault(write_folder({"a.csv": device(*ROWS, f"test,1,{name},1,1")}))
    assert error.code is Code.DATA_WRONG_TYPE
    assert "line 6: the column 'attack'" in error.cause


@pytest.mark.parametrize("text", ["", "\n", HEADER, HEADER + "\n", HEADER + "\n\n \n"])
def test_a_device_without_rows(write_folder: WriteFolder, good_file: str, text: str) -> None:
    error = fault(write_folder({"a.csv": good_file, "b.csv": text}))
    assert error.code is Code.DATA_EMPTY_DEVICE
    assert "b.csv" in error.cause


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_device_with_rows_of_one_split_only(write_folder: WriteFolder, part: str) -> None:
    error = fault(write_folder({"a.csv": device(*(row for row in ROWS if row.startswith(part)))}))
    assert error.code is Code.DATA_EMPTY_DEVICE


def test_patterns_that_leave_no_feature(write_folder: WriteFolder, good_file: str) -> None:
    assert fault(write_folder({"a.csv": good_file}), FeatureRule(exclude=("*",))).code is Code.DATA_NO_FEATURES
    assert fault(write_folder({"a.csv": good_file}), FeatureRule(include=("A",))).code is Code.DATA_NO_FEATURES


def test_a_packed_file_that_is_cut_off(write_folder: WriteFolder, good_file: str) -> None:
    packed = gzip.compress(good_file.encode())
    error = fault(write_folder({"a.csv.gz": packed[:-12]}))
    assert error.code is Code.DATA_UNREADABLE
    assert "cut off" in error.cause


def test_a_packed_file_that_is_not_packed(write_folder: WriteFolder, good_file: str) -> None:
    error = fault(write_folder({"a.csv.gz": good_file.encode()}))
    assert error.code is Code.DATA_UNREADABLE
    assert "gzip" in error.cause


def test_a_packed_file_with_a_flipped_bit(write_folder: WriteFolder, good_file: str) -> None:
    packed = bytearray(gzip.compress(good_file.encode() * 50))
    packed[len(packed) // 2] ^= 0x10
    assert fault(write_folder({"a.csv.gz": bytes(packed)})).code is Code.DATA_UNREADABLE


def test_bytes_that_are_not_utf_8(write_folder: WriteFolder) -> None:
    error = fault(write_folder({"a.csv": b"label,x\n0,1\n1,\xff\n"}))
    assert error.code is Code.DATA_UNREADABLE
    assert "a.csv, line 3: byte 0xff" in error.cause


def test_a_line_of_more_than_a_megabyte(write_folder: WriteFolder) -> None:
    error = fault(write_folder({"a.csv": b"label,x\n0,1\n1," + b"9" * (1 << 20) + b"\n"}))
    assert error.code is Code.DATA_UNREADABLE
    assert "a.csv, line 3: the line has" in error.cause


def test_a_small_file_that_unpacks_to_too_much(
    write_folder: WriteFolder, good_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file_module, "MAX_FILE_BYTES", 64)
    assert fault(write_folder({"a.csv.gz": good_file})).code is Code.DATA_UNREADABLE


def test_a_quote_that_never_ends(write_folder: WriteFolder) -> None:
    error = fault(write_folder({"a.csv": 'label,x\n0,1\n1,"2\n'}))
    assert error.code is Code.DATA_UNREADABLE
    assert "a.csv, line" in error.cause


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may read every file")
def test_a_file_that_may_not_be_read(write_folder: WriteFolder, good_file: str) -> None:
    folder = write_folder({"a.csv": good_file})
    (folder / "a.csv").chmod(stat.S_IWUSR)
    assert fault(folder).code is Code.DATA_UNREADABLE


def test_a_folder_named_like_a_device_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    assert fault(tmp_path).code is Code.DATA_UNREADABLE
