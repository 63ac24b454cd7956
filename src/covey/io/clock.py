"""The machine's clocks: how long things take, what time it is where a device watches; never what a run computes."""

import time
from types import TracebackType
from typing import Self


def wall_s() -> float:
    """Seconds of a clock that never goes back; only differences mean anything."""
    return time.perf_counter()


def now_ns() -> int:
    """Nanoseconds since 1970, by a clock that may be set."""
    return time.time_ns()


def pause(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


class Stopwatch:
    """Adds up the time spent in its `with` blocks."""

    __slots__ = ("_since", "seconds")

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self._since = 0.0

    def __enter__(self) -> Self:
        """Start."""
        self._since = wall_s()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self.seconds += wall_s() - self._since
