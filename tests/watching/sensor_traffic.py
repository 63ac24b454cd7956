"""A sensor's usual traffic and a scan like Mirai's, as captures made packet by packet; and a model trained on them."""

import struct
from functools import lru_cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
from small_models import PACKETS, trained

from covey.core import FEATURE_NAMES
from covey.sensing import open_source, read_truth_table
from covey.wire import DetectionSettings, ModelFile

SENSOR, BROKER, RESOLVER = "192.168.1.20", "192.168.1.5", "192.168.1.1"
SENSOR_MAC, OTHER_MAC = bytes.fromhex("0200c0a80114"), bytes.fromhex("0200c0a80101")
BEGIN_S = 1_767_225_600  # 2026-01-01
SCAN_FROM_S, SCAN_FOR_S = 600, 120
NAMES = tuple(name for name in FEATURE_NAMES if not name.startswith(("H_", "HH_jit")))
TRUTH_HEAD = "session,role,attack,family,program,direction,start_ns,end_ns,peer,protocol,port\n"
Event = tuple[float, bytes]


def frame(
    source: str, destination: str, ports: tuple[int, int], size: int, protocol: int = 17, flags: int = 0x18
) -> bytes:
    """An Ethernet frame of at least 60 bytes with IPv4 and UDP or TCP."""
    source_port, destination_port = ports
    if protocol == 6:
        inner = struct.pack(">HHIIBBHHH", source_port, destination_port, 1, 1, 5 << 4, flags, 1024, 0, 0)
    else:
        inner = struct.pack(">HHHH", source_port, destination_port, max(8, size - 34), 0)
    length = max(20 + len(inner), size - 14)
    ends = bytes(map(int, source.split("."))) + bytes(map(int, destination.split(".")))
    ip = struct.pack(">BBHHHBBH", 0x45, 0, length, 1, 0, 64, protocol, 0) + ends
    macs = OTHER_MAC + SENSOR_MAC if source == SENSOR else SENSOR_MAC + OTHER_MAC
    return (macs + b"\x08\x00" + ip + inner).ljust(max(size, 60), b"\0")


def usual(seed: int, minutes: float) -> list[Event]:
    """Readings to a broker every two seconds with answers, a look-up every half minute."""
    rng, events = Random(seed), list[Event]()
    at = 0.0
    while at < minutes * 60:
        size = 90 + rng.randrange(30)
        events.append((at, frame(SENSOR, BROKER, (40001, 1883), size, 6)))
        events.append((at + 0.01 + rng.random() / 50, frame(BROKER, SENSOR, (1883, 40001), 60, 6, 0x10)))
        if rng.random() < 1 / 15:
            port = rng.randrange(32768, 61000)
            events.append((at + 0.5, frame(SENSOR, RESOLVER, (port, 53), 75)))
            events.append((at + 0.52, frame(RESOLVER, SENSOR, (53, port), 120)))
        at += 1.8 + 0.4 * rng.random()
    return events


def scan(seed: int, from_s: float = SCAN_FROM_S, for_s: float = SCAN_FOR_S) -> list[Event]:
    """Twenty SYN a second to port 23 of addresses all over."""
    rng = Random(seed)
    return [
        (
            from_s + i / 20 + rng.random() / 100,
            frame(
                SENSOR,
                ".".join(str(rng.randrange(1, 224)) for _ in range(4)),
                (rng.randrange(32768, 61000), 23),
                60,
                6,
                0x02,
            ),
        )
        for i in range(int(for_s * 20))
    ]


def write_pcap(path: Path, events: list[Event], begin_s: float = BEGIN_S) -> Path:
    """A capture with nanoseconds, in order of time."""
    with path.open("wb") as file:
        file.write(pcap_head())
        for at, data in sorted(events, key=lambda event: event[0]):
            file.write(pcap_record(begin_s + at, data))
    return path


def pcap_head() -> bytes:
    return struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)


def pcap_record(time_s: float, data: bytes) -> bytes:
    time_ns = round(time_s * 1e9)
    return struct.pack("<IIII", time_ns // 10**9, time_ns % 10**9, len(data), len(data)) + data


def usual_capture(folder: Path, *, seed: int = 2, minutes: float = 30) -> Path:
    return write_pcap(folder / f"usual-{seed}.pcap", usual(seed, minutes))


def scan_capture(folder: Path, *, seed: int = 3, minutes: float = 20) -> Path:
    return write_pcap(folder / f"scan-{seed}.pcap", usual(seed, minutes) + scan(seed))


def truth_table(folder: Path) -> Path:
    """What is an attack in scan_capture."""
    path = folder / "truth.csv"
    start, end = (BEGIN_S + SCAN_FROM_S) * 10**9, (BEGIN_S + SCAN_FROM_S + SCAN_FOR_S) * 10**9
    path.write_text(TRUTH_HEAD + f"one,sensor,scan,mirai,made,outbound,{start},{end},,tcp,23\n")
    return path


@lru_cache
def small_file(_: object = None, *, thresholds: tuple[float, ...] = (), order: int = 3) -> ModelFile:
    """A detector of scans, trained on captures of seeds that tests do not use."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        rows, labels = [], []
        for capture in (usual_capture(folder, seed=100), scan_capture(folder, seed=101)):
            truth = read_truth_table(truth_table(folder))
            for block in open_source(capture, PACKETS, feature_names=NAMES).blocks():
                rows.append(np.frombuffer(block.rows, np.float32).reshape(block.n, -1).copy())
                known = bytes(block.n) if capture.name.startswith("usual") else truth.labels(block)
                labels.append(np.frombuffer(known, np.uint8))
    x, y = np.concatenate(rows), np.concatenate(labels).astype(np.int32)
    detection = DetectionSettings(order=order, alarms_per_hour=1 / 24)
    return trained(x, y, NAMES, thresholds=thresholds, detection=detection, steps=600)
