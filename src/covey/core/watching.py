"""From scores to windows, alarms, thresholds and drift. The rules are in covey_watch.h and docs/SPEC.md."""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from covey.core.buffers import optional, readable, releasing_views, writable
from covey.core.encoding import EncodingArguments, encoding_struct
from covey.core.status import Status, checked, ffi, lib

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

    from covey.core.training import Model

TAIL_SCORES = int(lib.COVEY_TAIL_SCORES)
MAX_ORDER = int(lib.COVEY_MAX_ORDER)
MAX_VOTES = int(lib.COVEY_MAX_VOTES)
WINDOW_FIELDS: list[tuple[str, str]] = [
    ("start_ns", "<i8"),
    ("end_ns", "<i8"),
    ("rows", "<u4"),
    ("rows_above", "<u4"),
    ("score", "<f4"),
    ("threshold", "<f4"),
    ("top_score", "<f4"),
    ("is_above", "u1"),
    ("alarm", "u1"),
    ("reserved", "V2"),
    ("top", "V72"),
]
_WINDOW = struct.Struct("=qqIIfffBB2x72s")  # the order of WINDOW_FIELDS
_END_OF_TIME_NS = (1 << 63) - 1
_WINDOWS_A_CALL = 64


class AlarmState(IntEnum):
    """`covey_alarm` of covey_watch.h: what the end of a window means for the alarm."""

    NONE = 0
    RAISED = 1
    GOES_ON = 2
    ENDED = 3
    SUPPRESSED = 4


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """How rows become windows and windows alarms: `covey_watch_settings`, with times in seconds.

    window_s: 0 makes each row a window. order: 1..16, which of a window's scores is its own, 1 the highest.
    votes of the last `of` (1..32) windows raise an alarm. hysteresis: below the threshold, where alarms end.
    quiet_s: an alarm so soon after the last alert is not an alert of its own.
    """

    window_s: float = 10.0
    order: int = 1
    votes: int = 1
    of: int = 1
    hysteresis: float = 0.0
    quiet_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Window:
    """A window that has ended. `top`: the 72 bytes of its highest row's packet, for `Packet.unpack`."""

    start_ns: int
    end_ns: int
    rows: int
    rows_above: int
    score: float
    threshold: float
    top_score: float
    is_above: bool
    alarm: AlarmState
    top: bytes


def _settings_struct(settings: WatchSettings) -> Any:
    try:
        window_ns, quiet_ns = round(settings.window_s * 1e9), round(settings.quiet_s * 1e9)
        fields = (window_ns, quiet_ns, settings.hysteresis, settings.order, settings.votes, settings.of)
        return ffi.new("covey_watch_settings *", fields)
    except (OverflowError, ValueError):
        checked(Status.ARGUMENT, f"watching with {settings}")
        raise


def _windows(memory: Any, n: int) -> list[Window]:
    """The first n of an array of `covey_window`."""
    found = []
    for *numbers, is_above, alarm, top in _WINDOW.iter_unpack(ffi.buffer(memory, n * _WINDOW.size)):
        start_ns, end_ns, rows, rows_above, score, threshold, top_score = numbers
        fields = (start_ns, end_ns, rows, rows_above, score, threshold, top_score)
        found.append(Window(*fields, is_above=bool(is_above), alarm=AlarmState(alarm), top=top))
    return found


class Watch:
    """One device's windows and alarm, for rows of `n_columns` features (0: top rows are not wanted)."""

    __slots__ = ("_memory", "_size", "n_columns", "settings")

    def __init__(self, settings: WatchSettings, n_columns: int) -> None:
        """Begin with no window and no alarm; CoreError if a setting is out of its range."""
        self.settings = settings
        self.n_columns = n_columns
        self._size = int(lib.covey_watch_size(n_columns)) if 0 <= n_columns < 1 << 32 else 0
        self._memory = ffi.new("uint64_t[]", (self._size + 7) // 8)
        if self._size == 0:
            checked(Status.ARGUMENT, f"watching {n_columns} columns")
        status = lib.covey_watch_init(self._memory, self._size, _settings_struct(settings), n_columns)
        checked(status, f"watching with {settings}")

    @releasing_views
    def update(
        self,
        packets: "ReadableBuffer",
        rows: "ReadableBuffer | None",
        scores: "ReadableBuffer",
        n: int,
        threshold: float,
    ) -> list[tuple[Window, bytes]]:
        """Take n rows and return the windows that ended, each with the bytes of its highest row (n_columns float32).

        packets: n * 72 bytes; rows: (n, n_columns) float32, None where n_columns is 0; scores: (n) float32. In order of
        time; a row older than the window at hand counts in it. CoreError, with nothing taken, where a score or the
        threshold is not finite.
        """
        packet = readable("covey_packet", packets, n, "packets")
        row = optional("float", rows, n * self.n_columns, "rows")
        score = readable("float", scores, n, "scores")
        most = min(_WINDOWS_A_CALL, n + 1)
        windows, taken = ffi.new("covey_window[]", most), ffi.new("size_t *")
        top_rows = ffi.new("float[]", most * self.n_columns)
        found: list[tuple[Window, bytes]] = []
        done = 0
        while True:
            left = n - done
            row_at = row + done * self.n_columns if rows is not None else row
            written = lib.covey_watch_update(
                self._memory, packet + done, row_at, score + done, left, threshold, windows, top_rows, most, taken
            )
            if written < 0:
                checked(written, "watching rows")
            found += [(window, self._top_row(top_rows, i)) for i, window in enumerate(_windows(windows, written))]
            done += taken[0]
            if done == n:
                return found

    def flush(self, now_ns: int | None, threshold: float) -> tuple[Window, bytes] | None:
        """End the window at hand if `now_ns` is behind its end, in any case where it is None; None if there is none."""
        window, top_row = ffi.new("covey_window *"), ffi.new("float[]", max(1, self.n_columns))
        time_ns = _END_OF_TIME_NS if now_ns is None else now_ns
        if checked(lib.covey_watch_flush(self._memory, time_ns, threshold, window, top_row), "ending a window") == 0:
            return None
        return _windows(window, 1)[0], self._top_row(top_row, 0)

    def _top_row(self, top_rows: Any, i: int) -> bytes:
        n = self.n_columns
        return bytes(ffi.buffer(top_rows + i * n, 4 * n))

    def snapshot(self) -> bytes:
        """All there is to know, for `restore` on a machine of the same byte order."""
        return bytes(ffi.buffer(self._memory, self._size))

    def restore(self, snapshot: bytes) -> None:
        """Go on from what `snapshot()` gave, with the same settings and columns; CoreError if it is not that."""
        fresh = Watch(self.settings, self.n_columns)
        memory = ffi.buffer(fresh._memory, fresh._size)
        head = ffi.sizeof("covey_watch_settings") + 8  # then a word that names the format, and the number of columns
        if len(snapshot) != fresh._size or snapshot[:head] != memory[:head]:
            checked(Status.FORMAT, f"restoring windows of {self.n_columns} columns from {len(snapshot)} bytes")
        memory[:] = snapshot
        null = ffi.NULL
        status = lib.covey_watch_update(fresh._memory, null, null, null, 0, 0.0, null, null, 0, ffi.new("size_t *"))
        checked(status, "restoring windows")
        self._memory = fresh._memory


@releasing_views
def scores(
    model: "Model", outputs: "ReadableBuffer", inputs: "ReadableBuffer | None", n: int, out: "WriteableBuffer"
) -> None:
    """Write how suspicious each of n rows is to `out` (n) float32: log odds of "not class 0", or log squared error.

    outputs: (n, n_outputs) float32. inputs: the encoded rows (n, n_inputs), for MSE and HUBER; else None will do.
    """
    source = readable("float", outputs, n * model.n_outputs, "outputs")
    encoded = optional("float", inputs, n * model.n_inputs, "inputs")
    target = writable("float", out, n, "out")
    checked(lib.covey_scores(model.pointer, source, encoded, n, target), "scoring rows")


class Tail:
    """The highest scores of windows believed benign, and their number: the threshold at a budget comes from them.

    It knows ranks up to 64: call `forget()` once `count * rate` is above 32 for the rate that counts, and thresholds
    stay exact; they follow the device at the same time.
    """

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        """Begin with no scores."""
        self._tail = ffi.new("covey_tail *")
        lib.covey_tail_init(self._tail)

    @property
    def count(self) -> float:
        """Scores seen, those forgotten by halves counting as that."""
        return float(self._tail.count)

    @property
    def n_scores(self) -> int:
        """Scores kept, the highest: 0..64."""
        return int(self._tail.n_scores)

    @releasing_views
    def add(self, scores: "ReadableBuffer") -> None:
        """Take the scores of windows, float32; CoreError, and nothing taken, where one is not finite."""
        source = readable("float", scores, None, "scores")
        checked(lib.covey_tail_add(self._tail, source, len(source)), "adding scores")

    def forget(self) -> None:
        """Halve the weight of all so far."""
        lib.covey_tail_forget(self._tail)

    def threshold(self, rate: float) -> float:
        """The score that a share `rate` of windows, 0 < rate < 1, lies above; CoreError where none was seen."""
        threshold = ffi.new("float *")
        checked(lib.covey_tail_threshold(self._tail, rate, threshold), f"looking for the threshold at a rate of {rate}")
        return float(threshold[0])

    def snapshot(self) -> bytes:
        """The record's bytes, which are all there is."""
        return bytes(ffi.buffer(self._tail))

    def restore(self, snapshot: bytes) -> None:
        """Go on from what `snapshot()` gave; CoreError if it is not that."""
        tail = ffi.new("covey_tail *")
        memory = ffi.buffer(tail)
        if len(snapshot) != len(memory):
            checked(Status.LENGTH, f"restoring a tail of scores from {len(snapshot)} bytes")
        memory[:] = snapshot
        checked(lib.covey_tail_add(tail, ffi.NULL, 0), "restoring a tail of scores")
        self._tail = tail


class Bins:
    """How often each feature's values fell into each bin of the model's own encoding.

    counts: (sum of bins) uint32, feature after feature, `bins[j]` of them for feature j.
    """

    __slots__ = ("_encoding", "_keep", "_seen", "bins", "counts", "inputs")

    @releasing_views
    def __init__(self, encoding: EncodingArguments) -> None:
        """Begin with zeros; CoreError if the encoding is none."""
        self._encoding, self._keep = encoding_struct(encoding)
        self.inputs = encoding.inputs
        self.bins = tuple(int(lib.covey_bins(self._encoding, j)) for j in range(encoding.inputs))
        self.counts = memoryview(bytearray(4 * sum(self.bins))).cast("I")
        self._seen = 0
        self._count(ffi.NULL, 0, 1)

    def _count(self, inputs: Any, n: int, stride: int) -> None:
        counts = ffi.from_buffer("uint32_t[]", self.counts)
        checked(lib.covey_bins_count(self._encoding, inputs, n, stride, counts), "counting bins")

    @releasing_views
    def add(self, inputs: "ReadableBuffer", n: int, stride: int = 1) -> None:
        """Count encoded rows (n, inputs) float32, one in `stride` over all calls, however rows are split into them."""
        rows = readable("float", inputs, n * self.inputs, "inputs")
        if stride < 1:
            checked(Status.ARGUMENT, f"counting every {stride}th row")
        skipped = min(n, -self._seen % stride)
        self._count(rows + skipped * self.inputs, n - skipped, stride)
        self._seen += n

    def reset(self) -> None:
        """Begin again with zeros."""
        for i in range(len(self.counts)):
            self.counts[i] = 0
        self._seen = 0
