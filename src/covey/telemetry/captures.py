"""A folder of labelled captures: `captures/<session>/<device>.pcap.gz`, `sessions.csv` and `truth.csv`.

`sessions.csv` has the columns `session` and `split` (`train` or `test`), one row a session; others are let be. A
session is whole for training or for testing. `truth.csv` says which packets are attacks (`covey.sensing.truth`); its
columns `session` and `role` say of which capture a row is. A device's id is its file's name; its captures are its files
of that name in all sessions, of which it needs one to train on and one to be judged by.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from covey.errors import Code, DataError, did_you_mean
from covey.sensing import TruthTable, read_truth_table
from covey.telemetry.assembly import Budget, assemble
from covey.telemetry.columns import FeatureRule
from covey.telemetry.csv_folder import device_id_of
from covey.telemetry.dataset import Dataset
from covey.telemetry.recording import PACKETS, Recording

SUFFIXES = (".pcap.gz", ".pcapng.gz", ".pcap", ".pcapng")
MOST_ROWS = 10_000_000


@dataclass(frozen=True, slots=True)
class Captures:
    """Rows are the features after each packet; each device keeps so many of them, evenly over time.

    For training and for the figures by rows: `most_benign` benign rows of a device and `most_attack` of each kind of
    attack. Windows are judged on all packets. Rows of the warm-up are left out of both: it is the Plan's
    `[detection]` that says how long it is, as it will be on devices. `sessions`: only these; empty: all. `calibration`:
    training sessions of which no row is learnt from; devices set their thresholds by these alone, as what was learnt
    from looks better than it is. Empty: by all training sessions.
    """

    has_recordings: ClassVar = True
    schema: ClassVar = PACKETS
    most_benign: int = 4_000
    most_attack: int = 400
    sessions: tuple[str, ...] = ()
    calibration: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        """ValueError for values out of range."""
        check_budget(self.most_benign, self.most_attack)

    def is_at(self, folder: Path) -> bool:
        """Whether the tables are there."""
        return (folder / "sessions.csv").is_file() and (folder / "truth.csv").is_file()

    def load(self, folder: Path, rule: FeatureRule | None = None, warm_up_s: float = 0.0) -> Dataset:
        """All devices' rows behind the first `warm_up_s` seconds of each capture, devices in the order of their ids."""
        splits = self._splits(folder)
        truth = read_truth_table(folder / "truth.csv")
        files = {session: _device_files(folder / "captures" / session) for session in splits}
        _check_truth(truth, files, folder, all_sessions=not self.sessions)
        recordings = [
            Recording(
                device_id=device,
                session=session,
                is_train=split == "train",
                path=path,
                truth=truth.of(session, device),
                is_learnt=session not in self.calibration,
            )
            for session, split in splits.items()
            for device, path in files[session].items()
        ]
        _check_sides(recordings)
        families = [truth.family_of(kind) for kind in truth.kinds]
        budget = Budget(self.most_benign, self.most_attack, warm_up_s, self.seed)
        return assemble(recordings, truth.kinds, families, rule or FeatureRule(), budget)

    def _splits(self, folder: Path) -> dict[str, str]:
        """The split of each session that is taken, in the order of the table."""
        splits = _read_sessions(folder / "sessions.csv")
        for key, names in (("sessions", self.sessions), ("calibration", self.calibration)):
            for session in names:
                if session not in splits:
                    near = did_you_mean(session, splits)
                    raise DataError(
                        Code.DATA_NO_DEVICES,
                        f"data.source.{key} names {session!r}, which sessions.csv has not",
                        f"did you mean {near!r}?" if near else f"the sessions are: {', '.join(splits)}",
                    )
        for session in self.calibration:
            is_taken = not self.sessions or session in self.sessions
            if splits[session] != "train" or not is_taken:
                raise DataError(
                    Code.DATA_BAD_SPLIT,
                    f"data.source.calibration names {session!r}, which is {'for testing' if is_taken else 'not taken'}",
                    "thresholds come from training sessions, and data.source.sessions must name them too, if any",
                )
        return {session: split for session, split in splits.items() if not self.sessions or session in self.sessions}


def check_budget(most_benign: int, most_attack: int) -> None:
    """ValueError for values out of range."""
    for name, value in (("most_benign", most_benign), ("most_attack", most_attack)):
        if not 1 <= value <= MOST_ROWS:
            raise ValueError(f"{name} is {value}; it must be 1 to {MOST_ROWS:,}")


def _read_sessions(file: Path) -> dict[str, str]:
    """The split of each session; DataError with the line where the table is not in order."""
    splits: dict[str, str] = {}
    for line, row in _table(file, ("session", "split")):
        session, split = row["session"], row["split"]
        if split not in ("train", "test"):
            raise DataError(
                Code.DATA_BAD_SPLIT,
                f"{file.name}, line {line}: the split of {session!r} is {split!r}, which is neither train nor test",
            )
        if session in splits or not session or Path(session).name != session:
            raise DataError(
                Code.DATA_UNREADABLE,
                f"{file.name}, line {line}: {session!r} "
                + ("stands twice" if session in splits else "names no folder"),
                "each session has one line, and a name that is a folder in captures/",
            )
        splits[session] = split
    if not splits:
        raise DataError(
            Code.DATA_NO_DEVICES, f"{file.name} names no session", "add a line for each folder of captures/"
        )
    return splits


def _table(file: Path, needed: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """Rows of a small CSV table with their lines; DataError where it cannot be read or lacks a column."""
    try:
        with file.open(newline="", encoding="utf-8") as text:
            reader = csv.DictReader(text, restval="", strict=True)
            rows = [(reader.line_num, row) for row in reader]
            header = reader.fieldnames or []
    except FileNotFoundError as error:
        raise DataError(
            Code.DATA_NOT_FOUND,
            f"there is no {file.name} in {file.parent}",
            "a folder of labelled captures holds sessions.csv, truth.csv and captures/<session>/<device>.pcap.gz",
        ) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(Code.DATA_UNREADABLE, f"{file} cannot be read: {error}", "it is CSV in UTF-8") from error
    for name in needed:
        if name not in header:
            near = did_you_mean(name, header)
            raise DataError(
                Code.DATA_MISSING_COLUMN,
                f"{file.name}, line 1: there is no column {name!r}",
                f"did you mean {near!r}? Rename it" if near else f"its columns are: {', '.join(header)}",
            )
    return rows


def _device_files(folder: Path) -> dict[str, Path]:
    """The captures of a session by device, in the order of the ids."""
    found = sorted(path for path in folder.glob("*") if path.name.endswith(SUFFIXES)) if folder.is_dir() else []
    if not found:
        raise DataError(
            Code.DATA_NO_DEVICES,
            f"sessions.csv names {folder.name!r}, but {folder} holds no captures",
            f"captures are named <device>{SUFFIXES[0]}; or take the session out of the table",
        )
    files: dict[str, Path] = {}
    for path in found:
        suffix = next(suffix for suffix in SUFFIXES if path.name.endswith(suffix))
        device = device_id_of(path, suffix)
        if device in files:
            raise DataError(
                Code.DATA_DUPLICATE_DEVICE,
                f"{files[device].name} and {path.name} of session {folder.name!r} are both the device {device!r}",
            )
        files[device] = path
    return files


def _check_truth(truth: TruthTable, files: dict[str, dict[str, Path]], folder: Path, *, all_sessions: bool) -> None:
    """DataError for a row of the truth that is of no capture: what it says would silently be benign."""
    for row in truth.rows:
        if row.session not in files:
            if all_sessions:
                near = did_you_mean(row.session, files)
                raise DataError(
                    Code.DATA_UNKNOWN_CLASS,
                    f"truth.csv has an attack in the session {row.session!r}, which sessions.csv has not",
                    f"did you mean {near!r}?" if near else f"the sessions are: {', '.join(files)}",
                )
        elif row.role not in files[row.session]:
            near = did_you_mean(row.role, files[row.session])
            raise DataError(
                Code.DATA_NO_DEVICES,
                f"truth.csv has an attack on {row.role!r} in session {row.session!r}, of which there is no capture",
                f"did you mean {near!r}?" if near else f"add {folder / 'captures' / row.session / row.role}.pcap.gz",
            )


def _check_sides(recordings: list[Recording]) -> None:
    """DataError where a device has captures on one side of the split only."""
    for device in sorted({one.device_id for one in recordings}):
        for is_train, side in ((True, "train"), (False, "test")):
            if not any(one.device_id == device and one.is_train == is_train for one in recordings):
                raise DataError(
                    Code.DATA_EMPTY_DEVICE,
                    f"no session with split = {side} has a capture of the device {device!r}",
                    "record one, or take the device's captures out of the other sessions",
                )
