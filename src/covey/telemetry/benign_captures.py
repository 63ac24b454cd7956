"""A folder of devices' benign captures: one folder a device, in it several captures. No attack, so no truth.

The last `test_captures` of each device, in the order of numbers in their names, are for testing, the others for
training. `_iotdevice-mac.txt`, where there is one, holds the device's MAC address: a capture without a packet to or
from it is of something else, and refused. A device of one capture alone cannot be judged and is refused too.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from covey.errors import Code, DataError
from covey.sensing import TruthTable
from covey.telemetry.assembly import Budget, assemble
from covey.telemetry.captures import SUFFIXES, check_budget
from covey.telemetry.columns import FeatureRule
from covey.telemetry.csv_folder import device_id_of
from covey.telemetry.dataset import Dataset
from covey.telemetry.recording import PACKETS, Recording

NO_TRUTH = TruthTable((), (), ())
MAC_FILE = "_iotdevice-mac.txt"


@dataclass(frozen=True, slots=True)
class BenignCaptures:
    """Rows are the features after each packet; each device keeps `most_benign` of them on each side of the split."""

    has_recordings: ClassVar = True
    schema: ClassVar = PACKETS
    most_benign: int = 4_000
    test_captures: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        """ValueError for values out of range."""
        check_budget(self.most_benign, 1)
        if self.test_captures < 1:
            raise ValueError(f"test_captures is {self.test_captures}; it must be at least 1")

    def is_at(self, folder: Path) -> bool:
        """Whether a folder holds folders with captures."""
        return folder.is_dir() and any(_captures(path) for path in folder.iterdir() if path.is_dir())

    def load(self, folder: Path, rule: FeatureRule | None = None, warm_up_s: float = 0.0) -> Dataset:
        """All devices' rows behind the first `warm_up_s` seconds of each capture, devices in the order of their ids."""
        recordings: list[Recording] = []
        taken: dict[str, Path] = {}
        for path in sorted(path for path in folder.iterdir() if path.is_dir() and _captures(path)):
            device = device_id_of(path, "")
            if device in taken:
                cause = f"the folders {taken[device].name!r} and {path.name!r} are both the device {device!r}"
                raise DataError(Code.DATA_DUPLICATE_DEVICE, cause, "rename one of them")
            taken[device] = path
            recordings += self._recordings(device, path)
        if not recordings:
            hint = "each device is a folder with captures in it"
            raise DataError(Code.DATA_NO_DEVICES, f"{folder} holds no folder with captures", hint)
        return assemble(recordings, (), (), rule or FeatureRule(), Budget(self.most_benign, 1, warm_up_s, self.seed))

    def _recordings(self, device: str, folder: Path) -> list[Recording]:
        captures = _captures(folder)
        n_train = len(captures) - self.test_captures
        if n_train < 1:
            raise DataError(
                Code.DATA_EMPTY_DEVICE,
                f"{folder} holds {len(captures)} captures, of which {self.test_captures} are for testing: none is left",
                "add captures, or take the folder away",
            )
        mac = _mac(folder / MAC_FILE)
        return [
            Recording(device, path.name, place < n_train, path, NO_TRUTH, mac) for place, path in enumerate(captures)
        ]


def _captures(folder: Path) -> list[Path]:
    """Captures in a folder, numbers in names in the order of numbers."""

    def order(path: Path) -> list[tuple[int, int, str]]:
        return [(1, int(word), "") if word.isdigit() else (0, 0, word) for word in re.split(r"(\d+)", path.name)]

    return sorted((path for path in folder.glob("*") if path.name.endswith(SUFFIXES)), key=order)


def _mac(file: Path) -> bytes | None:
    """The MAC address in a file, as 6 bytes; None where there is no such file."""
    if not file.is_file():
        return None
    text = file.read_text(encoding="ascii", errors="replace").strip()
    if not re.fullmatch(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}", text):
        hint = "six bytes in hex with colons, such as 00:17:88:24:76:ff"
        raise DataError(Code.DATA_UNREADABLE, f"{file} holds {text[:40]!r}, which is no MAC address", hint)
    return bytes.fromhex(text.replace(":", ""))
