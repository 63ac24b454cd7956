"""Settings all tests share: where the real data is, and Hypothesis' reproduction seeds."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("covey", print_blob=True, deadline=None, max_examples=60)
settings.load_profile("covey")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def nbaiot_folder() -> Path:
    """The real N-BaIoT rows; their absence fails the tests where CI=true and skips them elsewhere."""
    folder = Path(os.environ.get("COVEY_DATA", ROOT / ".." / "shared" / "data")) / "nbaiot"
    if not folder.is_dir():
        message = f"{folder} is missing; set COVEY_DATA to the folder that holds the data sets"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder
