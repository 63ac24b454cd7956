"""Features of streams against the twin, by hand, and against packets that N-BaIoT's own rows give away."""

import csv
import gzip
import itertools
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams_twin import LAMBDAS, StreamsTwin

from covey import core
from covey.core import FEATURE_NAMES, FEATURES, Packet, PacketKind, Streams, pack_packets, streams_size
from covey.core.streams import STREAM_WINDOWS
from covey.errors import CoreError

SECOND = 10**9
INDEX = {name: i for i, name in enumerate(FEATURE_NAMES)}
HOSTS = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "192.0.2.9", "fe80::1", "fe80::2"]


def rows_of(packets: list[Packet], streams: Streams) -> np.ndarray:
    """One row of features a packet: (n, columns)."""
    rows = np.full((len(packets), len(streams.columns)), np.nan, np.float32)
    streams.update(pack_packets(packets), len(packets), rows)
    return rows


def mac(host: int) -> str:
    return f"02:00:00:00:00:{host:02x}"


@st.composite
def packets(draw: st.DrawFn) -> list[Packet]:
    """Up to 40 packets of six hosts at most: IPv4, IPv6, ARP and others, none to minutes apart, some late."""
    pauses = st.sampled_from([0, 1, 1000, 250_000, 10**8, SECOND, 7 * SECOND, 600 * SECOND, -SECOND // 2, -30 * SECOND])
    sizes = st.sampled_from([0, 60, 60, 60, 66, 590, 1514, 9000])
    time_ns, result = 1_600_000_000 * SECOND, []
    for _ in range(draw(st.integers(1, 40))):
        kind = draw(st.sampled_from([PacketKind.IPV4] * 4 + [PacketKind.IPV6, PacketKind.ARP, PacketKind.OTHER]))
        few = st.integers(4, 5) if kind is PacketKind.IPV6 else st.integers(0, 3)
        source, destination = draw(few), draw(few)
        has_ports = kind in (PacketKind.IPV4, PacketKind.IPV6) and draw(st.booleans())
        ports = (draw(st.integers(1, 2)), draw(st.integers(1, 2))) if has_ports else (0, 0)
        time_ns += draw(pauses)
        addresses = ("", "") if kind is PacketKind.OTHER else (HOSTS[source], HOSTS[destination])
        result.append(
            Packet(
                time_ns,
                draw(sizes),
                source=addresses[0],
                destination=addresses[1],
                source_mac=mac(source),
                destination_mac=mac(destination),
                source_port=ports[0],
                destination_port=ports[1],
                protocol=17 if has_ports else 0,
                kind=kind,
            )
        )
    return result


def assert_near(ours: np.ndarray, twin: np.ndarray) -> None:
    """float32 against float64: relative to a value, or to the largest it could be made of (1,514 to 9,000 bytes)."""
    assert np.isfinite(ours).all()
    squares = np.array(["variance" in name or "radius" in name or "covariance" in name for name in FEATURE_NAMES])
    bounded = np.array([name.endswith(("pcc", "weight")) for name in FEATURE_NAMES])
    std = np.array([name.endswith("std") for name in FEATURE_NAMES])
    seconds = np.array(["jit" in name for name in FEATURE_NAMES])
    size = np.where(seconds, 600.0, 9000.0)
    slack = np.where(bounded, 1e-4, np.where(squares, 1e-6 * size**2, 1e-5 * size))
    slack = np.where(std, 1e-3 * 9000.0, slack)
    wrong = np.abs(ours - twin) > 1e-4 * np.abs(twin) + slack
    # A correlation of what hardly varies is noise: residuals are differences of numbers of 9,000 in float32.
    for group, window in ((g, w) for g in ("HH", "HpHp") for w in STREAM_WINDOWS):
        own = twin[INDEX[f"{group}_{window}_std"]]
        peer = max(0.0, twin[INDEX[f"{group}_{window}_radius"]] ** 2 - own**4) ** 0.25
        pcc = INDEX[f"{group}_{window}_pcc"]
        wrong[pcc] = min(own, peer) > 1.0 and abs(ours[pcc] - twin[pcc]) > 5e-3
    assert not wrong.any(), [(FEATURE_NAMES[i], ours[i], twin[i]) for i in np.flatnonzero(wrong)]


@given(packets=packets(), capacity=st.integers(1, 7), seed=st.integers(0, 2**64 - 1))
def test_every_feature_is_that_of_the_twin(packets: list[Packet], capacity: int, seed: int) -> None:
    streams, twin = Streams(capacity, seed), StreamsTwin(capacity)
    for row, packet in zip(rows_of(packets, streams), packets, strict=True):
        assert_near(row.astype(np.float64), np.array(twin.row(packet)))
    counts = streams.counts
    assert counts.packets == len(packets)
    assert counts.capacity == capacity
    assert counts.backwards == twin.backwards
    assert counts.evictions == sum(table.evictions for table in twin.tables)
    assert counts.streams == tuple(len(table.streams) for table in twin.tables)


@given(
    packets=packets(),
    cuts=st.lists(st.integers(0, 40), max_size=4),
    columns=st.lists(st.integers(0, FEATURES - 1), min_size=1, max_size=FEATURES),
    seeds=st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)),
)
def test_blocks_seeds_and_columns_change_no_bit(
    packets: list[Packet], cuts: list[int], columns: list[int], seeds: tuple[int, int]
) -> None:
    whole = rows_of(packets, Streams(3, seeds[0]))
    split, parts = Streams(3, seeds[1]), [0, *sorted(min(cut, len(packets)) for cut in cuts), len(packets)]
    rows = [rows_of(packets[start:end], split) for start, end in itertools.pairwise(parts)]
    np.testing.assert_array_equal(np.concatenate(rows), whole)
    np.testing.assert_array_equal(rows_of(packets, Streams(3, seeds[1], columns)), whole[:, columns])


def test_a_million_made_up_senders_crowd_out_nobody_who_talks() -> None:
    generator = np.random.default_rng(20240229)
    block = np.zeros(100_000, np.dtype(core.PACKET_FIELDS))
    addresses = generator.integers(0, 256, (len(block), 16), np.uint8)
    addresses[::100] = 7  # the one that goes on talking: one packet in a hundred
    block["source"] = addresses.view("V16").ravel()
    block["kind"], block["size_bytes"] = PacketKind.IPV6, 60
    block["time_ns"] = np.arange(len(block)) * 1000
    streams = Streams(128, 5, [INDEX["H_L0.01_weight"]])
    rows = np.empty((len(block), 1), np.float32)
    size = streams.size_bytes
    for _ in range(10):
        streams.update(block, len(block), rows)
        block["time_ns"] += len(block) * 1000
    counts = streams.counts
    assert counts.packets == 1_000_000
    assert counts.streams == (0, 128, 0, 0)
    assert streams.size_bytes == size
    assert counts.evictions == 990_000 + 1 - 128
    assert rows[::100].min() > 9000 * 0.98
    assert rows[1::100].max() == 1.0


# ---------------------------------------------------------------- N-BaIoT's own rows


def test_names_and_order_are_those_of_the_data_set(nbaiot_folder: Path) -> None:
    with gzip.open(nbaiot_folder / "Danmini_Doorbell.csv.gz", "rt") as file:
        header = next(csv.reader(file))
    assert tuple(header[-115:]) == FEATURE_NAMES
    assert len(set(FEATURE_NAMES)) == FEATURES == 115


@pytest.fixture(scope="session")
def real_rows(nbaiot_folder: Path) -> np.ndarray:
    """(3,300, 115): rows of one device in the order of its packets."""
    path = nbaiot_folder.parent / "nbaiot_danmini_stream" / "danmini_stream.csv.gz"
    if not path.is_file():
        assert os.environ.get("CI") != "true", f"{path} is missing"
        pytest.skip(f"{path} is missing")
    with gzip.open(path, "rt") as file:
        header, *lines = csv.reader(file)
    columns = [header.index(name) for name in FEATURE_NAMES]
    return np.array([[float(line[column]) for column in columns] for line in lines])


def sizes_and_pauses(rows: np.ndarray, group: str) -> tuple[np.ndarray, np.ndarray]:
    """What packets make each row of the one before: sizes by window (n, 5), pauses in s (n)."""
    windows = [[INDEX[f"{group}_{w}_{s}"] for w in STREAM_WINDOWS] for s in ("weight", "mean")]
    weight, mean = rows[:, windows[0]], rows[:, windows[1]]
    left = (weight[1:] - 1) / weight[:-1]
    lambdas = np.array(LAMBDAS)
    with np.errstate(divide="ignore", invalid="ignore"):
        pauses = -np.log2(left) / lambdas
        error = (weight[1:] + left * weight[:-1]) / (weight[:-1] * left * lambdas)  # of 7 digits
    best = np.argmin(np.where(left > 0, error, np.inf), axis=1)
    return mean[1:] + (mean[1:] - mean[:-1]) * (weight[1:] - 1), pauses[np.arange(len(best)), best]


def test_packets_read_off_real_rows_give_these_rows_again(real_rows: np.ndarray) -> None:
    """From row 3 on all 3,047 benign packets are of one sender that was new then, so its state is known in full.

    Weights and means of two rows give a packet's size, the same from all five windows, and the pause before it. Fed to
    our streams, these packets give the weights, means and variances of the file, to the digits that it has.
    """
    rows = real_rows[3:3050]
    sizes, pauses = sizes_and_pauses(rows, "MI_dir")
    assert np.abs(sizes - np.round(sizes[:, 2:3])).max() < 0.01  # five windows agree on a number of bytes
    times = np.concatenate([[0], np.cumsum(np.round(np.maximum(pauses, 0) * SECOND).astype(np.int64))])
    wire = [int(rows[0, INDEX["MI_dir_L1_mean"]]), *np.round(sizes[:, 2]).astype(int).tolist()]
    packets = [
        Packet(SECOND + int(t), size, source=HOSTS[0], destination=HOSTS[1], kind=PacketKind.IPV4)
        for t, size in zip(times, wire, strict=True)
    ]
    names = [name for name in FEATURE_NAMES if name.startswith("MI_dir")]
    columns = [INDEX[name] for name in names]
    ours, theirs = rows_of(packets, Streams(2, 0, columns)).astype(np.float64), rows[:, columns]
    for i, name in enumerate(names):
        slack = 1e-2 if name.endswith("variance") else 0.0  # of squares up to 2e4: the file's are float64 less float64
        np.testing.assert_allclose(ours[:, i], theirs[:, i], rtol=2e-6, atol=slack, err_msg=name)


def test_the_data_set_counts_products_of_residuals_twice(real_rows: np.ndarray) -> None:
    """Rows 4 and 5 are a channel's first two packets out, 60 and 73 bytes; one of 60 came back between them.

    The other direction's mean follows from the magnitude, its weight from how one packet moved it. The time since that
    packet then follows from the covariance, if it is twice the paper's: and all five windows say 12.4 ms.
    """
    first, second = real_rows[4], real_rows[5]
    since = []
    for window, lam in zip(STREAM_WINDOWS, LAMBDAS, strict=True):
        before, after = (
            np.sqrt(row[INDEX[f"HH_{window}_magnitude"]] ** 2 - row[INDEX[f"HH_{window}_mean"]] ** 2)
            for row in (first, second)
        )
        peer_weight = (after - 60) / (before - after) + 1
        weight, mean = second[INDEX[f"HH_{window}_weight"]], second[INDEX[f"HH_{window}_mean"]]
        product = (73 - mean) * (60 - after)
        ratio = 2 * product / second[INDEX[f"HH_{window}_covariance"]]  # = weight / left + peer_weight
        since.append(-np.log2(weight / (ratio - peer_weight)) / lam)
    np.testing.assert_allclose(since, 0.01243, atol=5e-5)


def test_the_data_set_s_radius_is_of_variances_and_its_jitter_counts_the_first_packet(real_rows: np.ndarray) -> None:
    """Of a channel without answer the magnitude is the mean, the radius the variance; a new one's jitter is a date."""
    for window in STREAM_WINDOWS:
        column = {name: real_rows[:, INDEX[f"HH_{window}_{name}"]] for name in ("mean", "std", "magnitude", "radius")}
        alone = (column["magnitude"] == column["mean"]) & (column["std"] > 1)
        assert alone.sum() >= 5
        np.testing.assert_allclose(column["radius"][alone], column["std"][alone] ** 2, rtol=2e-6)
        weights = [real_rows[:, INDEX[f"{group}_{window}_weight"]] for group in ("HH", "HH_jit")]
        np.testing.assert_allclose(*weights, rtol=1e-6)
    is_new = real_rows[:, INDEX["HH_L0.01_weight"]] == 1
    day = real_rows[:, INDEX["HH_jit_L0.01_mean"]] // 86400
    assert set(day[:3050][is_new[:3050]]) == {17426}  # benign rows: 17 September 2017
    assert set(day[3050:][is_new[3050:]]) == {17429}  # attacks: three days later


# ---------------------------------------------------------------- by hand and refused


def test_a_channel_by_hand() -> None:
    """At lambda 1: 100 bytes out and 30 back at 0 s, 200 out and 50 back at 1 s; libcovey/tests has the steps."""
    there, back = {"source": HOSTS[0], "destination": HOSTS[1]}, {"source": HOSTS[1], "destination": HOSTS[0]}
    packets = [
        Packet(0, 100, **there, kind=PacketKind.IPV4),
        Packet(0, 30, **back, kind=PacketKind.IPV4),
        Packet(SECOND, 200, **there, kind=PacketKind.IPV4),
        Packet(SECOND, 50, **back, kind=PacketKind.IPV4),
    ]
    last = rows_of(packets, Streams(4))[-1]
    expected = {"weight": 1.5, "mean": 130 / 3, "std": np.sqrt(800) / 3, "covariance": 2000 / 27, "pcc": 1 / 6}
    expected |= {"magnitude": np.hypot(130, 500) / 3, "radius": np.hypot(800, 20000) / 9}
    for statistic, value in expected.items():
        assert last[INDEX[f"HH_L1_{statistic}"]] == pytest.approx(value, rel=1e-6)
        assert last[INDEX[f"HpHp_L1_{statistic}"]] == pytest.approx(value, rel=1e-6)
    assert last[INDEX["HH_jit_L1_mean"]] == 1.0
    assert last[INDEX["HH_jit_L1_weight"]] == 1.0


def test_memory_is_what_the_documentation_says() -> None:
    assert streams_size(1024) <= 1_000_000
    assert streams_size(32) <= 32_768
    assert Streams(9).size_bytes == streams_size(9)


@pytest.mark.parametrize("capacity", [0, -1, 65_536, 2**32, 2**70])
def test_capacities_out_of_range_are_refused(capacity: int) -> None:
    with pytest.raises(CoreError, match="65535"):
        Streams(capacity)


@pytest.mark.parametrize("columns", [[], [115], [-1], [0] * 116])
def test_columns_that_do_not_exist_are_refused(columns: list[int]) -> None:
    with pytest.raises(CoreError, match="columns"):
        Streams(4, 0, columns)


def test_buffers_of_other_sizes_are_refused() -> None:
    streams, block = Streams(4, 0, [0, 1]), pack_packets([Packet(0, 60)] * 2)
    with pytest.raises(CoreError, match="packets"):
        streams.update(block[:-1], 1, np.empty((1, 2), np.float32))
    with pytest.raises(CoreError, match="rows"):
        streams.update(block, 2, np.empty((1, 2), np.float32))
    with pytest.raises(CoreError, match="packets"):
        streams.update(block, 3, np.empty((3, 2), np.float32))
    with pytest.raises(CoreError):
        streams.update(block, -1, np.empty((0, 2), np.float32))
    streams.update(block, 0, np.empty((0, 2), np.float32))
    assert streams.counts.packets == 0
