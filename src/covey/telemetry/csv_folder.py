"""A folder of CSV files, one a device.

The files are `<device>.csv.gz`, or, where there is none of those, `<device>.csv`: UTF-8, comma, a header. `label` is
required (0 benign, 1 attack); `attack` (a name per kind, one of them for benign rows), `family` and `split` (`train` or
`test`) are optional; without `split` 70 % of the rows of each device and attack are for training, chosen by a hash of
device and row number. All other columns are numeric features unless the feature rule leaves them out.

A device's id is its file's name in lower case with `_`, `.` and blanks as `-` (`Danmini_Doorbell.csv.gz` is
`danmini-doorbell`); it must match `[a-z0-9-]{1,64}`, the form that device certificates and topics use.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from covey.errors import Code, DataError
from covey.telemetry.columns import DESCRIBING, Columns, FeatureRule, align
from covey.telemetry.csv_file import FileRows, open_text, parse_header, parse_rows
from covey.telemetry.dataset import Dataset, Flags, Labels
from covey.telemetry.split import split_by_hash
from covey.wire import FeatureSchema, Missing, SourceKind

DEVICE_ID = re.compile(r"[a-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True)
class CsvFolder:
    """A source of telemetry: `load` reads the whole folder or raises DataError naming file, line and column.

    `rows_of`: what the rows were made of, if `covey features` made them; a device makes such rows of its own with the
    model then. The other settings are those of readings (`covey.wire.FeatureSchema`), and must be as they were there.
    """

    has_recordings: ClassVar = False
    rows_of: SourceKind = SourceKind.ROWS
    window_s: float = 0.0
    window_rows: int = 0
    gap_s: float = 0.0
    missing: Missing = Missing.SKIP

    def __post_init__(self) -> None:
        """ModelError for settings that do not go together."""
        _ = self.schema

    @property
    def schema(self) -> FeatureSchema:
        """What a device needs to make such rows."""
        return FeatureSchema(self.rows_of, self.window_s, self.window_rows, self.gap_s, self.missing)

    def is_at(self, folder: Path) -> bool:
        """Whether a folder holds a device's file."""
        return folder.is_dir() and any(next(folder.glob(pattern), None) for pattern in ("*.csv.gz", "*.csv"))

    def load(self, folder: Path, rule: FeatureRule | None = None, warm_up_s: float = 0.0) -> Dataset:  # noqa: ARG002
        """All devices' rows, devices in the order of their ids; rows have no times, so none is of a warm-up."""
        files = device_files(folder)
        first: Columns | None = None
        parts: list[_Device] = []
        first_file = ""
        for device_id, file in files.items():
            text = open_text(file)
            columns = parse_header(text, rule or FeatureRule(), file.name)
            columns = align(columns, first, file.name, first_file) if first else columns
            if first is None:
                first, first_file = columns, file.name
            parts.append(_device(device_id, parse_rows(text, columns, file.name), columns, file.name))
        if first is None:
            raise DataError(Code.DATA_NO_DEVICES, f"{folder} holds no devices")
        return _join(parts, first.feature_names)


def device_files(folder: Path) -> dict[str, Path]:
    """The devices of a folder by id, in the order of the ids; DataError where there are none or a name will not do."""
    if not folder.is_dir():
        raise DataError(
            Code.DATA_NOT_FOUND,
            f"there is no data folder {folder}",
            "give the folder with --data DIR, or set COVEY_DATA to the folder that holds it",
        )
    suffix = ".csv.gz"
    found = sorted(folder.glob("*.csv.gz"))
    if not found:
        suffix = ".csv"
        found = sorted(folder.glob("*.csv"))
    if not found:
        raise DataError(
            Code.DATA_NO_DEVICES,
            f"{folder} holds no file <device>.csv.gz or <device>.csv",
            "each device is one file in the folder itself, not in a folder below it",
        )
    files: dict[str, Path] = {}
    for file in found:
        device_id = device_id_of(file, suffix)
        if device_id in files:
            raise DataError(
                Code.DATA_DUPLICATE_DEVICE, f"{files[device_id].name} and {file.name} are both the device {device_id!r}"
            )
        files[device_id] = file
    return dict(sorted(files.items()))


def device_id_of(file: Path, suffix: str) -> str:
    """The id of the device that a file is named for; DataError where the name gives none."""
    device_id = re.sub(r"[_.\s]", "-", file.name.removesuffix(suffix).lower())
    if not DEVICE_ID.fullmatch(device_id):
        raise DataError(
            Code.DATA_DEVICE_NAME,
            f"the file name {file.name!r} gives no device id: {device_id!r} is not 1 to 64 of a-z, 0-9 and -",
            "rename the file; capitals, blanks, dots and _ are converted, other characters are not",
        )
    return device_id


@dataclass(frozen=True, slots=True)
class _Device:
    """One device's rows with names still as text."""

    device_id: str
    rows: FileRows
    is_train: Flags
    label: Labels


def _device(device_id: str, rows: FileRows, columns: Columns, file: str) -> _Device:
    """Read labels and split of one device; DataError where it has no rows to train on or to judge by."""
    label = _labels(rows, file)
    if "split" in columns.describing:
        is_train = _splits(rows, file)
    else:
        is_train = split_by_hash(device_id, label, rows.described.get("attack"))
    for part, flags in (("train", is_train), ("test", ~is_train)):
        if not flags.any():
            raise DataError(
                Code.DATA_EMPTY_DEVICE,
                f"{file}: of the device's {label.size} rows none is for {'training' if part == 'train' else 'testing'}",
                f"add rows with split = {part}, or leave the device out",
            )
    return _Device(device_id, rows, is_train, label)


def _labels(rows: FileRows, file: str) -> Labels:
    text = rows.described["label"]
    values, inverse = np.unique(text, return_inverse=True)
    wrong = ~np.isin(values, ("0", "1"))
    if wrong.any():
        row = int(np.flatnonzero(wrong[inverse])[0])
        raise DataError(
            Code.DATA_BAD_LABEL,
            f"{file}, line {rows.line(row)}: the column 'label' holds {text[row]!r}, which is neither 0 nor 1",
            "label is 0 for benign rows and 1 for attacks; the kind of attack belongs in the column 'attack'",
        )
    return np.asarray((values == "1")[inverse], np.int32)


def _splits(rows: FileRows, file: str) -> Flags:
    text = rows.described["split"]
    is_train = text == "train"
    wrong = ~(is_train | (text == "test"))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            Code.DATA_BAD_SPLIT,
            f"{file}, line {rows.line(row)}: the column 'split' holds {text[row]!r}, which is neither train nor test",
            "correct it, or remove the column: 70 % of the rows are then for training",
        )
    return np.asarray(is_train)


def _join(parts: list[_Device], feature_names: tuple[str, ...]) -> Dataset:
    label = np.concatenate([part.label for part in parts])
    counts = [part.label.size for part in parts]
    names = {}
    codes = {}
    for column in DESCRIBING[2:]:
        if column in parts[0].rows.described:
            values, inverse = np.unique(
                np.concatenate([part.rows.described[column] for part in parts]), return_inverse=True
            )
        else:
            values, inverse = np.array(["benign", "attack"]), label
        names[column], codes[column] = tuple(str(value) for value in values), inverse.astype(np.int32)
    return Dataset(
        device_ids=tuple(part.device_id for part in parts),
        feature_names=feature_names,
        x=np.concatenate([part.rows.x for part in parts]),
        first_row=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        is_train=np.concatenate([part.is_train for part in parts]),
        label=label,
        attack=codes["attack"],
        attack_names=names["attack"],
        family=codes["family"],
        family_names=names["family"],
    )
