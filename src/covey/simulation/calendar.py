"""What is still to happen in a simulated fleet, in columns: events at devices, and messages on their way up.

Order is by time, then device, rank, round, attempt and copy: total, and the same however events were put in.
"""

import numpy as np
from numpy.typing import NDArray

from covey.core import EventKind

#: No time at all: later than everything.
NEVER = np.uint64(2**63)

EVENT = np.dtype(
    [
        ("time_ms", "<u8"),
        ("soonest_ms", "<u8"),  # before this, nothing it leads to can reach the coordinator
        ("device", "<u4"),
        ("round", "<u4"),
        ("row", "<u4"),  # of the device in its round's flight
        ("counter", "<u4"),
        ("value", "<u4"),
        ("attempt", "<u2"),
        ("kind", "<u1"),  # EventKind
        ("rank", "<u1"),
        ("copy", "<u4"),
        ("padding", "<u4"),
    ]
)
ARRIVAL = np.dtype(
    [
        ("time_ms", "<u8"),
        ("receipt_ms", "<u8"),  # when its receipt reaches the device; NEVER: it is lost
        ("device", "<u4"),
        ("round", "<u4"),
        ("row", "<u4"),
        ("attempt", "<u4"),
        ("copy", "<u4"),
        ("padding", "<u4"),
    ]
)

#: What comes first of events of one device at one time: an answer, then news, then its own doing, then impatience.
RANK = {
    EventKind.RECEIPT: 0,
    EventKind.TASK: 1,
    EventKind.TRAINED: 2,
    EventKind.BOOT: 3,
    EventKind.DEADLINE: 4,
}

Rows = NDArray[np.void]


def join(first: Rows, second: Rows) -> Rows:
    """Rows (n) and more rows (m) of one kind, (n + m). Copied as bytes: numpy copies structured rows field by field."""
    if first.size == 0:
        return second
    if second.size == 0:
        return first
    raw = np.dtype(("V", first.dtype.itemsize))
    return np.concatenate((first.view(raw), second.view(raw))).view(first.dtype)


def distinct(values: NDArray[np.integer]) -> list[int]:
    """The different values among n, ascending; quick where there is only one."""
    if values.size == 0:
        return []
    if (values == values[0]).all():
        return [int(values[0])]
    return [int(value) for value in np.unique(values)]


def events_of(
    kind: EventKind,
    times_ms: NDArray[np.uint64],
    soonest_ms: NDArray[np.uint64] | np.uint64,
    source: Rows,
    value: int | NDArray[np.generic] = 0,
) -> Rows:
    """Events (n) of one kind; device, round, row, attempt and copy are those of `source` (n)."""
    events = np.zeros(source.size, EVENT)
    events["time_ms"] = times_ms
    events["soonest_ms"] = soonest_ms
    for name in ("device", "round", "row", "attempt", "copy"):
        events[name] = source[name]
    events["kind"] = kind
    events["rank"] = RANK[kind]
    events["value"] = value
    return events


def in_order(rows: Rows) -> NDArray[np.intp]:
    """Places of n arrivals in the order in which they happen, (n)."""
    return np.lexsort((rows["copy"], rows["attempt"], rows["round"], rows["device"], rows["time_ms"]))


def first_of_each_device(events: Rows) -> NDArray[np.bool_]:
    """Which of n events are their device's first, (n)."""
    devices = events["device"]
    if (devices[1:] > devices[:-1]).all():  # ascending: no device twice
        return np.ones(events.size, np.bool_)
    keys = ("copy", "attempt", "round", "rank", "time_ms", "device")
    order = np.lexsort(tuple(events[key] for key in keys))
    devices = events["device"][order]
    first = np.zeros(events.size, np.bool_)
    first[order[np.append(True, devices[1:] != devices[:-1])]] = True
    return first


def earliest(keys: NDArray[np.uint64], times_ms: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Different keys (m), ascending, and the smallest of each one's times, (m), of n keys and times."""
    if keys.size == 0:
        return keys, times_ms
    order = np.lexsort((times_ms, keys))
    ordered = keys[order]
    first = np.append(True, ordered[1:] != ordered[:-1])
    return ordered[first], times_ms[order[first]]


def looked_up(keys: NDArray[np.uint64], known: NDArray[np.uint64], times_ms: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The time of each key (n) among `known` (m), ascending, with their times (m); NEVER where it is not there."""
    if known.size == 0:
        return np.full(keys.size, NEVER)
    place = np.minimum(np.searchsorted(known, keys), known.size - 1)
    times: NDArray[np.uint64] = np.where(known[place] == keys, times_ms[place], NEVER)
    return times


def device_keys(rows: Rows) -> NDArray[np.uint64]:
    """A key for the device of each row, (n)."""
    return rows["device"].astype(np.uint64)


def chain_keys(rows: Rows) -> NDArray[np.uint64]:
    """A key for the device and round of each row, (n)."""
    keys: NDArray[np.uint64] = rows["device"].astype(np.uint64) << np.uint64(32)
    return keys | rows["round"].astype(np.uint64)
