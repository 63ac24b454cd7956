"""What a device does with its traffic, on one core: capture, packets, features, encoding, int8 model, scores, windows.

Captures are in memory and read as often as it takes, later each time, to make a million packets. Models have the shapes
that plans/ trains; knots and scales are quantiles of the capture's own features, weights are drawn, as speed does not
depend on them. "ns" are nanoseconds a packet of each stage; packets/s is of all of them together, in one process.
`covey detect` itself is measured too, start and all, on the same captures as files.
"""

import gzip
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from captures import FEED_BYTES, make_capture, packets_a_second
from covey import core
from covey.core import Activation, EncodingArguments, EncodingKind, LayerKind, Loss, Model
from covey.wire import EncodingFields, FeatureSchema, ModelDesign, ModelFile, SourceKind
from table import Row, report

ROOT = Path(__file__).resolve().parents[1]
IOT23 = Path("pcaps/iot23/CTU-IoT-Malware-Capture-42-1.pcap")
BLOCK = 1024
PACKETS = 1_000_000
REPEATS = 5
KNOTS = 9
STREAMS = 1024
STAGES = ("read", "features", "encode", "int8", "scores", "windows")
MODELS = {  # the hidden layers of plans/: two classes, ten classes, one-class
    "spline 115x9-8-8-2": (8, 8, 2),
    "spline 115x9-16-16-10": (16, 16, 10),
    "autoencoder 115-32-8-32-115": (32, 8, 32, core.FEATURES),
}


@dataclass(frozen=True, slots=True)
class Detector:
    model: Model
    data: bytearray
    encoding: EncodingArguments


def rows_of(data: bytes, most: int = 200_000) -> np.ndarray:
    """Features (n, 115) of a capture's first packets."""
    reader, streams, packets = core.CaptureReader(), core.Streams(STREAMS), bytearray(most * core.PACKET_BYTES)
    _, n = reader.feed(data, packets)
    rows = np.empty((n, core.FEATURES), np.float32)
    streams.update(packets, n, rows)
    return rows


def detector(widths: tuple[int, ...], rows: np.ndarray) -> Detector:
    """A model with knots (spline) or scales (autoencoder) from the rows, and drawn weights."""
    d = core.FEATURES
    generator = np.random.Generator(np.random.Philox(1))
    if widths[-1] == d:
        kinds = [Activation.TANH] * (len(widths) - 1) + [Activation.LINEAR]
        layers = [
            (LayerKind.DENSE, kind, *shape, 0, 0, 0, 0)
            for kind, *shape in zip(kinds, (d, *widths[:-1]), widths, strict=True)
        ]
        model = Model(layers, Loss.MSE)
        logs = np.sign(rows) * np.log1p(np.abs(rows))
        center, scale = logs.mean(0).astype(np.float32), (1 / (logs.std(0) + 1e-3)).astype(np.float32)
        encoding = EncodingArguments(EncodingKind.SIGNED_LOG, d, center, scale, limit=8.0)
    else:
        layers = [(LayerKind.SPLINE, Activation.RELU, d, widths[0], d * KNOTS, 0, 0, 0)]
        layers += [(LayerKind.DENSE, Activation.RELU, *widths[:2], 0, 0, 0, 0)]
        layers += [(LayerKind.DENSE, Activation.LINEAR, *widths[1:], 0, 0, 0, 0)]
        model = Model(layers, Loss.SOFTMAX_CE)
        knot = np.quantile(rows, np.linspace(0, 1, KNOTS), axis=0).T.astype(np.float32).ravel()
        offset = np.arange(0, d * KNOTS + 1, KNOTS).astype(np.uint16)
        encoding = EncodingArguments(EncodingKind.KNOTS, d, knot=knot, offset=offset)
    data = bytearray(model.int8_size)
    core.quantise(model, generator.uniform(-0.3, 0.3, model.n_parameters).astype(np.float32), data)
    return Detector(model, data, encoding)


def record_places(data: bytes) -> np.ndarray:
    """Where each whole record of a little-endian pcap file begins."""
    places, at = [], 24
    while at + 16 <= len(data):
        end = at + 16 + int.from_bytes(data[at + 8 : at + 12], "little")
        if end > len(data):
            break
        places.append(at)
        at = end
    return np.array(places)


def later(data: bytes, places: np.ndarray, seconds: int) -> bytes:
    """The same records, all of them `seconds` later."""
    shifted = np.frombuffer(data, np.uint8).copy()
    times = shifted[places[:, None] + np.arange(4)].view("<u4")
    shifted[places[:, None] + np.arange(4)] = (times + np.uint32(seconds)).view(np.uint8)
    return shifted.tobytes()


def repeated(data: bytes, n: int) -> tuple[bytes, int]:
    """A pcap of at least n packets, the records of `data` again and again an hour apart, and how many there are."""
    places = record_places(data)
    first, last = (struct.unpack_from("<I", data, place)[0] for place in (places[0], places[-1]))
    end = int(places[-1] + 16 + int.from_bytes(data[places[-1] + 8 : places[-1] + 12], "little"))
    times = -(-n // len(places))
    period = last - first + 3600
    parts = [later(data[:end], places, i * period)[24:] for i in range(times)]
    return data[:24] + b"".join(parts), times * len(places)


def run(data: bytes, one: Detector, ns: list[int]) -> int:
    """All stages over a capture, block by block; adds to `ns` what each took, and returns the number of packets."""
    reader, streams = core.CaptureReader(), core.Streams(STREAMS)
    watch = core.Watch(
        core.WatchSettings(window_s=10.0, order=3, votes=2, of=3, hysteresis=0.5, quiet_s=300), core.FEATURES
    )
    packets = bytearray(BLOCK * core.PACKET_BYTES)
    features = np.empty((BLOCK, core.FEATURES), np.float32)
    inputs, outputs = np.empty_like(features), np.empty((BLOCK, one.model.n_outputs), np.float32)
    scores = np.empty(BLOCK, np.float32)
    clock = time.perf_counter_ns
    memory, begin, end, total = memoryview(data), 0, 0, 0
    while end < len(memory):
        end = min(end + FEED_BYTES, len(memory))
        n = 1
        while n:
            marks = [clock()]
            consumed, n = reader.feed(memory[begin:end], packets)
            marks.append(clock())
            streams.update(packets, n, features[:n])
            marks.append(clock())
            core.encode(one.encoding, features[:n], inputs[:n], n)
            marks.append(clock())
            if n:
                core.int8_predict(one.model, one.data, inputs[:n], n, outputs[:n])
            marks.append(clock())
            core.scores(one.model, outputs[:n], inputs[:n], n, scores[:n])
            marks.append(clock())
            watch.update(memoryview(packets)[: n * core.PACKET_BYTES], features[:n], scores[:n], n, 0.0)
            marks.append(clock())
            for i, (before, after) in enumerate(pairwise(marks)):
                ns[i] += after - before
            begin += consumed
            total += n
    return total


def measure(captures: list[bytes], one: Detector) -> Row:
    """Medians over the repeats: packets a second of the whole path, and what each stage takes."""
    totals, stages, n = [], [], 0
    for _ in range(REPEATS):
        ns = [0] * len(STAGES)
        start = time.perf_counter()
        n = sum(run(data, one, ns) for data in captures)
        totals.append(n / (time.perf_counter() - start))
        stages.append([stage / n for stage in ns])
    middle = [statistics.median(column) for column in zip(*stages, strict=True)]
    named = {f"{name} ns": value for name, value in zip(STAGES, middle, strict=True)}
    return {"packets": n, "packets/s": statistics.median(totals), **named}


def model_file(rows: np.ndarray) -> bytes:
    """A model file of two classes, 115-8-8-2, with knots from the rows, for `covey detect`."""
    d, counts, knots = core.FEATURES, bytearray(), b""
    for column in rows.T:
        found = np.quantile(column, np.linspace(0, 1, KNOTS)).astype("<f4").view("<u4") >> 16  # halves, as in the file
        values = np.unique((found << 16).astype("<u4").view("<f4"))
        values = values if len(values) > 1 else np.array([values[0], values[0] + 1], "<f4")
        knots += (values.view("<u4") >> 16).astype("<u2").tobytes()
        counts.append(len(values))
    encoding = EncodingFields(int(EncodingKind.KNOTS), d, knots=knots, counts=bytes(counts))
    layers = (
        (int(LayerKind.SPLINE), int(Activation.RELU), d, 8, sum(counts), 0, 0, 0),
        (int(LayerKind.DENSE), int(Activation.RELU), 8, 8, 0, 0, 0, 0),
        (int(LayerKind.DENSE), int(Activation.LINEAR), 8, 2, 0, 0, 0, 0),
    )
    schema = FeatureSchema(kind=SourceKind.PACKETS)
    names = ("benign", "attack")
    design = ModelDesign(layers, int(Loss.SOFTMAX_CE), encoding, core.FEATURE_NAMES, names, (1e6,), schema)
    generator = np.random.Generator(np.random.Philox(1))
    n = Model(layers, Loss.SOFTMAX_CE).n_parameters
    parameters = generator.uniform(-0.3, 0.3, n).astype("<f4").tobytes()
    return ModelFile.of(sequence=1, parent=bytes(32), design=design, parameters=parameters, report=b"").encode()


def detect(captures: dict[str, list[bytes]]) -> list[Row]:
    """Packets a second of `covey detect` from a plain capture file and a compressed one, and its memory."""
    table: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, data in captures.items():
            model = Path(folder) / "model.covey"
            model.write_bytes(model_file(rows_of(data[0])))
            n = len(record_places(data[0]))
            for suffix, content in (("pcap", data[0]), ("pcap.gz", gzip.compress(data[0], 1))):
                source = Path(folder) / f"capture.{suffix}"
                source.write_bytes(content)
                command = [sys.executable, "-m", "covey.apps.detect", str(model), str(source), "--quiet"]
                seconds = []
                for _ in range(3):
                    start = time.perf_counter()
                    subprocess.run([*command, "--alerts", os.devnull], check=True, stderr=subprocess.DEVNULL)
                    seconds.append(time.perf_counter() - start)
                row: Row = {"capture": name, "file": suffix, "packets": n, "packets/s": n / statistics.median(seconds)}
                table.append(row)
    return table


def lab_captures() -> list[bytes]:
    """The devices' own recordings of the lab, as many as make a million packets."""
    captures, n = [], 0
    for path in sorted((ROOT / "lab" / "captures").glob("*/*.pcap.gz")):
        data = gzip.decompress(path.read_bytes())
        captures.append(data)
        n += len(record_places(data))
    if n == 0:
        return []
    times = max(1, -(-PACKETS // n))
    return [repeated(data, times * len(record_places(data)))[0] for data in captures][: len(captures)]


def sources() -> dict[str, list[bytes]]:
    """What is read: real captures where they are to be found, and one made here."""
    found = {"made": [make_capture(PACKETS)]}
    iot23 = Path(os.environ.get("COVEY_DATA", ROOT / ".." / "shared" / "data")) / IOT23
    if iot23.is_file():
        found["IoT-23 42-1"] = [repeated(iot23.read_bytes(), PACKETS)[0]]
    lab = lab_captures()
    if lab:
        found["lab"] = lab
    return found


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    table: list[Row] = []
    for name, captures in sources().items():
        rows = np.concatenate([rows_of(data) for data in captures[:20]])
        for kind, widths in MODELS.items():
            table.append({"capture": name, "model": kind, **measure(captures, detector(widths, rows[:200_000]))})
    report(
        "watch",
        f"A device's own traffic, one core, {core.kernel_name()} kernels, all 115 features, {STREAMS} streams",
        table,
    )
    reader = {"reader": "from memory, made capture", "packets/s": packets_a_second()}
    sizes = [
        {"streams": capacity, "features, bytes": core.streams_size(capacity), "windows, bytes": watch_bytes()}
        for capacity in (32, 1024)
    ]
    report("watch_reader", "Reading alone", [reader])
    report("watch_memory", "Memory of a device's state", sizes)

    longest = {name: [repeated(max(found, key=len), PACKETS)[0]] for name, found in sources().items()}
    report("watch_detect", "covey detect, from start to end, one core", detect(longest))


def watch_bytes() -> int:
    return len(core.Watch(core.WatchSettings(), core.FEATURES).snapshot())


if __name__ == "__main__":
    main()
