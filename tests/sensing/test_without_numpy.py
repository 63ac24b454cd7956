"""The room of sources runs on a device that has nothing but the core, CBOR and Python."""

import subprocess
import sys

PROGRAM = """
import sys
import covey.sensing
for heavy in ("numpy", "pydantic", "click", "rich"):
    assert heavy not in sys.modules, heavy
"""


def test_sources_need_no_numpy() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
