"""A tiny fleet on disk, easy to tell apart, for tests that run the real command."""

import gzip
from pathlib import Path
from random import Random

FEATURES = ("size", "rate", "spread", "ports")

PLAN = """\
name = "tiny"
seed = 7

[data]
task = "binary"

[model]
kind = "spline_mlp"
hidden = [4]
knots = 4

[training]
kind = "fedavg"
epochs = 8
batch = 8
learning_rate = 0.2

[[pipeline]]
kind = "int8"

[rounds]
count = 3
"""


def rows(device: int, n_rows: int) -> list[str]:
    """Every third row is an attack: more, smaller packets."""
    random = Random(device)
    lines = []
    for number in range(n_rows):
        is_attack = number % 3 == 0
        values = [
            random.gauss(80.0 if is_attack else 700.0, 30.0),
            random.gauss(400.0 if is_attack else 20.0, 10.0),
            random.gauss(5.0, 1.0),
            random.gauss(9.0 if is_attack else 2.0, 1.0),
        ]
        kind = ("mirai_udp" if number % 2 else "gafgyt_scan") if is_attack else "benign"
        split = "test" if number % 4 == 3 else "train"
        lines.append(",".join([*(f"{value:.4f}" for value in values), str(int(is_attack)), kind, split]))
    return lines


def write_fleet(folder: Path, devices: int = 3, n_rows: int = 120) -> Path:
    """`<device>.csv.gz` for each device."""
    folder.mkdir(parents=True, exist_ok=True)
    header = ",".join([*FEATURES, "label", "attack", "split"])
    for device in range(devices):
        text = "\n".join([header, *rows(device, n_rows)]) + "\n"
        (folder / f"device-{device}.csv.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    return folder


def write_plan(folder: Path, text: str = PLAN) -> Path:
    path = folder / "tiny.toml"
    path.write_text(text)
    return path
