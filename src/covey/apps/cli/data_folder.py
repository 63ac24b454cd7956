"""Where rows come from."""

import os
from pathlib import Path

from covey.errors import Code, DataError
from covey.telemetry import Source

DEFAULT_DATA = Path("..") / "shared" / "data"


def data_root(given: Path | None) -> Path:
    """The folder of data sets: as given, else COVEY_DATA, else ../shared/data."""
    return given or Path(os.environ.get("COVEY_DATA") or DEFAULT_DATA)


def data_folder(given: Path | None, path: str | None, source: Source) -> Path:
    """The folder that a source reads for a Plan's data.path; DataError where there is none.

    It stands in the folder of data sets, or is that folder itself where --data names it. Without --data it may also
    stand where the command is called: what comes with the project is found from the project's root.
    """
    root = data_root(given)
    folder = root / path if path else root
    if folder.is_dir():
        return folder
    here = root if given else Path(path or ".")
    if source.is_at(here):
        return here
    cause = f"there is no data folder {folder}"
    if path and root.is_dir():
        cause = f"{root} holds neither a folder {path} nor what is in one"
    raise DataError(
        Code.DATA_NOT_FOUND,
        cause,
        "give it with --data DIR, or set COVEY_DATA to the folder that holds the data sets",
    )
