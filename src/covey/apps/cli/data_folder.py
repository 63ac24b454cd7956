"""Where rows come from."""

import os
from pathlib import Path

from covey.errors import Code, DataError

DEFAULT_DATA = Path("..") / "shared" / "data"
SAMPLE_NOTICE = "SYNTHETIC SAMPLE"


def data_root(given: Path | None) -> Path:
    """The folder of data sets: as given, else COVEY_DATA, else ../shared/data."""
    return given or Path(os.environ.get("COVEY_DATA") or DEFAULT_DATA)


def data_folder(given: Path | None, path: str | None) -> Path:
    """The folder of `<device>.csv.gz` files for a Plan's data.path; DataError where there is none."""
    root = data_root(given)
    folder = root / path if path else root
    if folder.is_dir():
        return folder
    if given and _holds_devices(root):
        return root
    cause = f"there is no data folder {folder}"
    if path and root.is_dir():
        cause = f"{root} holds neither a folder {path} nor files <device>.csv.gz"
    raise DataError(
        Code.DATA_NOT_FOUND,
        cause,
        "give it with --data DIR, or set COVEY_DATA to the folder that holds the data sets",
    )


def _holds_devices(folder: Path) -> bool:
    return folder.is_dir() and any(next(folder.glob(pattern), None) for pattern in ("*.csv.gz", "*.csv"))


def is_sample(folder: Path) -> bool:
    """Whether a data folder says of itself that it is synthetic (its NOTICE.txt)."""
    notice = folder / "NOTICE.txt"
    return notice.is_file() and notice.read_text(encoding="utf-8", errors="replace").startswith(SAMPLE_NOTICE)
