"""The warm-up: rows that are fed to streams and left out of all else, because features have only begun.

Tables of streams are empty after a start, so every channel is new, and new channels look like attacks. Nothing is
learnt from such rows and nothing is judged by them, on a device as in a simulation.
"""

from typing import TYPE_CHECKING

from covey.core import PACKET_BYTES

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

NS = 1_000_000_000
SET_BACK_NS = NS  # packets are out of order by less: beyond, the clock was set back
_STEP = PACKET_BYTES // 8  # times are the first 8 bytes of a packet


class WarmUp:
    """One start of streams: it lasts until `span_s` seconds of traffic have passed since the first row, then for good.

    A clock that is set back takes nothing off what has passed, so that it cannot make the warm-up longer; one that is
    set forward ends it early, as nobody can tell it from a silence.
    """

    __slots__ = ("_begin_ns", "_latest_ns", "_span_ns", "is_over", "rows")

    def __init__(self, span_s: float) -> None:
        """Begin before the first row; 0: there is no warm-up."""
        self._span_ns = round(span_s * NS)
        self._begin_ns: int | None = None
        self._latest_ns = 0
        self.is_over = self._span_ns == 0
        self.rows = 0  # left out so far

    @property
    def passed_s(self) -> float:
        """Seconds of traffic that it took so far."""
        return 0.0 if self._begin_ns is None else min(self._latest_ns - self._begin_ns, self._span_ns) / NS

    def leave_out(self, packets: "ReadableBuffer", n: int) -> int:
        """How many of the next n rows, from the first on, are to be left out: all until it is over, then none."""
        if self.is_over:
            return 0
        out = self._first_behind(memoryview(packets).cast("B").cast("q")[: n * _STEP : _STEP])
        self.rows += out
        return out

    def _first_behind(self, times: "memoryview[int]") -> int:
        """The place of the first row that is behind the warm-up; of all, their number."""
        begin, latest = self._begin_ns, self._latest_ns
        for place, time_ns in enumerate(times):
            if begin is None:
                begin = latest = time_ns
            elif time_ns < latest - SET_BACK_NS:
                begin, latest = begin - latest + time_ns, time_ns
            elif time_ns > latest:
                latest = time_ns
            if latest - begin >= self._span_ns:
                self.is_over = True
                self._begin_ns, self._latest_ns = begin, latest
                return place
        self._begin_ns, self._latest_ns = begin, latest
        return len(times)
