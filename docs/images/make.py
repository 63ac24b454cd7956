"""Takes docs/images/report.png from a report; needs Debian's chromium.

`python docs/images/make.py runs/nbaiot-skew/report.html`
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

PICTURE = Path(__file__).with_name("report.png")
WIDTH, HEIGHT = 1200, 1560
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--virtual-time-budget=5000",  # ms until the charts are drawn
)


def take(report: Path, picture: Path) -> None:
    """Draw the upper part of a report as it looks on a desktop."""
    with TemporaryDirectory() as profile:
        command = ["chromium", *FLAGS, f"--user-data-dir={profile}", f"--window-size={WIDTH},{HEIGHT}"]
        command += [f"--screenshot={picture.resolve()}", report.resolve().as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python docs/images/make.py REPORT.html")
    take(Path(sys.argv[1]), PICTURE)
    print(f"{PICTURE}: {PICTURE.stat().st_size:,} bytes")
