"""What a watcher learnt, as bytes to be stored: one map of strict CBOR and its check sum, bound to model and settings.

Read back, all is checked: a state comes from a disk that may be full, old or somebody else's.
"""

import hashlib
from dataclasses import astuple
from struct import error as struct_error
from struct import pack
from types import UnionType
from typing import Any

from covey.errors import Code, CoveyError, DetectionError
from covey.watching.drift import DriftState
from covey.watching.scaling import ScalingState
from covey.watching.thresholds import ThresholdState
from covey.watching.watcher import Stage, Watcher, WatcherState
from covey.wire import Limits, Value, Verdict, decode, encode
from covey.wire.fields import Fields, doubles

FORMAT = 1
CHECK_BYTES = 16
LIMITS = Limits(size_bytes=4 << 20, depth=3, items=1000)
REMEDY = "delete the file to begin anew; the device then learns its threshold again"


def snapshot(watcher: Watcher) -> bytes:
    """All that a watcher learnt, and where its windows stand; rows sampled of the window at hand are left out."""
    scaling = watcher.scaling.state() if watcher.scaling is not None else None
    threshold, drift, windows = watcher.threshold.state(), watcher.drift.state(), watcher.state()
    content = encode(
        {
            1: FORMAT,
            2: _belongs_to(watcher),
            3: int(windows.stage),
            4: [windows.open_rows, windows.learnt, windows.alerts, windows.end_ns, windows.open_end_ns],
            5: float(windows.learnt_s),
            6: windows.watch,
            7: [None if number is None else float(number) for number in astuple(threshold)[:4]],
            8: [threshold.learnt, threshold.since_forgetting, float(threshold.credit), threshold.tail],
            9: [drift.reference, drift.reference_windows, drift.drifts, drift.streak],
            10: pack(f"<{len(drift.edges)}d", *drift.edges),
            11: list(drift.score_counts),
            12: None if scaling is None else [float(scaling.rows), *astuple(scaling)[1:]],
        }
    )
    return content + _check_sum(content)


def restore(watcher: Watcher, data: bytes) -> bool:
    """Go on from a snapshot; False, with nothing changed, if it is of another model, mode or settings.

    DetectionError (A110) where it is none, or damaged; make a new Watcher then.
    """
    content, check_sum = data[:-CHECK_BYTES], data[-CHECK_BYTES:]
    if check_sum != _check_sum(content):
        raise _broken("its check sum is wrong")
    value = decode(content, LIMITS)
    if isinstance(value, Verdict):
        raise _broken(value.name.lower().replace("_", " "))
    try:
        fields = Fields.of(value, range(1, 13))
        if fields.number(1) != FORMAT or fields.data(2) != _belongs_to(watcher):
            return False
        _put(watcher, fields)
    except (CoveyError, ValueError, TypeError, OverflowError, struct_error) as error:
        raise _broken(str(error)) from error
    return True


def _put(watcher: Watcher, fields: Fields) -> None:
    """Hand out the parts; each checks its own."""
    open_rows, learnt, alerts, end_ns, open_end_ns = _list(fields, 4, (int, int, int, int | None, int | None))
    value, anchor, distance, total = _list(fields, 7, (float | None, float | None, float, float))
    learnt_scores, since, credit, tail = _list(fields, 8, (int, int, float, bytes))
    reference, windows, drifts, streak = _list(fields, 9, (bytes, int, bool, int))
    edges = tuple(doubles(fields.data(10, 8)))
    counts = _list(fields, 11, (int,) * (len(edges) + 1)) if fields.values[11] else []
    watcher.threshold.restore(ThresholdState(value, anchor, distance, total, learnt_scores, since, credit, tail))
    watcher.drift.restore(DriftState(reference, windows, edges, tuple(counts), drifts, streak))
    if watcher.scaling is not None:
        scaling = ScalingState(*_list(fields, 12, (float, bytes, bytes, bytes, bytes)))
        watcher.detector.rescale(*watcher.scaling.restore(scaling))
    watcher.restore(
        WatcherState(
            Stage(fields.number(3)),
            fields.data(6),
            open_rows,
            learnt,
            alerts,
            fields.real(5),
            end_ns,
            open_end_ns,
        )
    )


def _list(fields: Fields, key: int, types: tuple[type | UnionType, ...]) -> list[Any]:
    """A list with values of these types."""
    values = fields.values[key]
    if not isinstance(values, list) or len(values) != len(types):
        raise TypeError(f"field {key} is no list of {len(types)}")
    for value, kind in zip(values, types, strict=True):
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise TypeError(f"field {key} holds a {type(value).__name__}")
    return values


def _check_sum(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:CHECK_BYTES]


def _belongs_to(watcher: Watcher) -> bytes:
    """What must be the same for a state to fit: the model, the mode and how windows are made."""
    settings: list[Value] = [float(number) for number in astuple(watcher.detection)]
    return hashlib.sha256(encode({1: watcher.detector.digest, 2: watcher.mode.value, 3: settings})).digest()


def _broken(why: str) -> DetectionError:
    return DetectionError(Code.DETECTION_STATE, f"the stored state of detection is broken: {why}", REMEDY)
