"""Three processes of `covey detect --mode federated` on real captures, the real coordinator, and kill -9 in between."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from spool_fleet import SpoolFleet

from covey.aggregation import FedAvg as ServerFedAvg
from covey.aggregation import Mean
from covey.apps.detect.device_work import examples
from covey.core import FEATURE_NAMES, Codec, Recipe, UpdateFields, predict, read_update
from covey.io.training_rows import StoredRows, read_training_rows
from covey.models import ModelVersion, SplineMlp
from covey.models.encoding import Encoding
from covey.protocol import Settings
from covey.selection import Uniform
from covey.sensing.store import StoreSchema
from covey.telemetry import SketchRule
from covey.training import FedAvg
from covey.wire import DEFAULT_DETECTION, FeatureSchema, ModelFile, SourceKind

ROOT = Path(__file__).resolve().parents[2]
FEATURES = tuple(name for name in FEATURE_NAMES if name.startswith(("MI_dir_L1_", "MI_dir_L0.1_", "HH_L1_")))
SCHEMA = FeatureSchema(SourceKind.PACKETS)
CLASSES = ("benign", "attack")


@pytest.fixture(scope="module")
def captures() -> Path:
    folder = Path(os.environ.get("COVEY_DATA", ROOT / ".." / "shared" / "data")) / "pcaps" / "mqtt_testbed"
    if not folder.is_dir():
        message = f"{folder} is missing; set COVEY_DATA to the folder that holds the data sets"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder.resolve()


def first_model() -> ModelFile:
    """Features from packets, knots by guess, numbers by lot: what a fleet begins with."""
    knots = np.tile(np.array([0, 64, 1024], np.float32), len(FEATURES))
    encoding = Encoding.with_knots(knots, np.arange(0, 3 * len(FEATURES) + 1, 3).astype(np.uint16))
    spec = SplineMlp(hidden=(2,), knots=3).spec(len(FEATURES), 2, encoding)
    return ModelVersion.of(
        sequence=1,
        parent=b"",
        spec=spec,
        parameters=spec.initial_parameters(3),
        encoding=encoding,
        feature_names=FEATURES,
        class_names=CLASSES,
        schema=SCHEMA,
    ).file


def settings() -> Settings:
    return Settings(
        seed=7,
        rounds=3,
        quorum=0.6,
        deadline_ms=120_000,
        staleness=1,
        sketch=SketchRule(),
        model=SplineMlp(hidden=(8,), knots=6),
        trainer=FedAvg(learning_rate=0.3, epochs=3),
        recipe=Recipe(Codec.INT8, 64, 4.0),
        selector=Uniform(),
        aggregator=Mean(),
        server=ServerFedAvg(1.0),
        feature_names=FEATURES,
        class_names=CLASSES,
        schema=SCHEMA,
        detection=DEFAULT_DETECTION,
    )


def covey(*words: object) -> list[str]:
    return [sys.executable, "-c", "from covey.apps.cli import main; main()", *(str(word) for word in words)]


@contextmanager
def detecting(model: Path, capture: Path, folder: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """One device, on a capture that may still grow."""
    command = covey("detect", model, capture, "--follow", "--mode", "federated", "--learn-windows", 100_000)
    command += ["--store", str(folder / "store"), "--spool", str(folder / "spool"), "--quiet"]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def label(folder: Path, *words: object) -> None:
    done = subprocess.run(covey("label", folder / "store", *words), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def stored(folder: Path) -> StoredRows:
    return read_training_rows(folder / "store", StoreSchema.of(first_model()))


def turn_until(fleet: SpoolFleet, what: str, is_so: "object", limit_s: float = 120.0) -> None:
    end = time.monotonic() + limit_s
    while not is_so():  # type: ignore[operator]
        logs = [(folder.parent / "log").read_text()[-800:] for folder in fleet.folders]
        assert time.monotonic() < end, f"{what} did not happen: {fleet.records} {logs}"
        fleet.turn(time.time_ns() // 10**6)
        time.sleep(0.05)


def accuracy(version: ModelVersion, folders: list[Path]) -> float:
    """Share of right answers on all devices' labelled rows, both classes counting the same."""
    parts = [examples(stored(folder), version) for folder in folders]
    x, y = np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
    out = np.zeros(y.size, np.float32)
    predict(version.spec.core, version.parameters, version.encoding.encode(x), y.size, out)
    return float(np.mean([((out > 0) == truth)[y == truth].mean() for truth in (0, 1)]))


def fill(model: Path, captures: Path, folder: Path, attack: str) -> Path:
    """A device has seen benign traffic, which its operator vouches for; the capture of its attack."""
    folder.mkdir()
    command = covey("detect", model, captures / "benign_17.pcap", "--store", folder / "store", "--quiet")
    done = subprocess.run([*command, "--learn-windows", "100000"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    label(folder, "--since", "2000-01-01", "--as", "benign")
    return captures / f"{attack}_17.pcap"


def test_three_processes_train_a_better_model_through_a_kill(tmp_path: Path, captures: Path) -> None:
    model = tmp_path / "model.covey"
    model.write_bytes(first_model().encode())
    folders = [tmp_path / name for name in ("one", "two", "three")]
    attacks = ("flood", "scan", "bruteforce")
    sources = [fill(model, captures, folder, attack) for folder, attack in zip(folders, attacks, strict=True)]
    benign = [stored(folder).n_rows for folder in folders]
    with (
        detecting(model, sources[0], folders[0]),
        detecting(model, sources[1], folders[1]),
        detecting(model, sources[2], folders[2]) as victim,
    ):
        end = time.monotonic() + 60
        while any(stored(folder).n_rows <= n for folder, n in zip(folders, benign, strict=True)):
            logs = [(folder / "log").read_text()[-800:] for folder in folders]
            assert time.monotonic() < end, logs
            time.sleep(0.2)
        time.sleep(6)  # what is still in memory is written
        for folder, source in zip(folders, sources, strict=True):
            label(folder, "--since", since(source), "--as", "attack")
        fleet = SpoolFleet(settings(), [folder / "spool" for folder in folders])
        fleet.now = time.time_ns() // 10**6
        fleet.start()
        turn_until(fleet, "the statistics round", lambda: len(fleet.records) >= 1)
        turn_until(fleet, "the victim's task", lambda: list((folders[2] / "spool" / "inbox").glob("task-*")))
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        with detecting(model, sources[2], folders[2]):
            turn_until(fleet, "the last round", lambda: fleet.finished)
            assert [record.accepted for record in fleet.records] == [3, 3, 3, 3]
            sequence = fleet.published[-1].sequence
            turn_until(fleet, "the last model in use", lambda: all(in_use(folder) == sequence for folder in folders))
    before, after = accuracy(fleet.published[0], folders), accuracy(fleet.published[-1], folders)
    sys.stdout.write(f"balanced accuracy {before:.3f} before training, {after:.3f} after 3 rounds\n")
    assert after > max(0.8, before + 0.1)
    for device in range(3):
        read = [read_update(message) for message in fleet.updates(device)]
        assert [update.round for update in read if isinstance(update, UpdateFields)] == [1, 2, 3]


def since(capture: Path) -> str:
    """When a capture begins, as `covey label` takes it."""
    from covey.sensing import open_source

    for block in open_source(capture, SCHEMA, feature_names=FEATURES).blocks():
        if block.n:
            return np.datetime_as_string(np.datetime64(block.packets.cast("q")[0] - 1000, "ns"), unit="us") + "Z"
    raise AssertionError(f"{capture} is empty")


def in_use(folder: Path) -> int:
    """The sequence of the fleet's model that a device has taken into use; 0 while it has none."""
    from covey.io.device_folder import DeviceFolder, Part

    content = DeviceFolder(folder / "store" / "federated").read(Part.MODEL)
    return 0 if content is None else ModelFile.decode(content).sequence
