"""A few rows of each window, evenly spread over it, for what looks at windows rather than at all rows."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

ROWS_A_WINDOW = 16


class WindowSample:
    """Every k-th row of the window at hand: k doubles whenever ROWS_A_WINDOW are held, so that memory is fixed."""

    __slots__ = ("_every", "_held", "_memory", "_seen", "_width")

    def __init__(self, n_columns: int) -> None:
        """Begin without rows."""
        self._width = 4 * n_columns
        self._memory = bytearray(ROWS_A_WINDOW * self._width)
        self._held = 0
        self._seen = 0
        self._every = 1

    @property
    def n(self) -> int:
        """Rows held."""
        return self._held

    @property
    def rows(self) -> memoryview:
        """The rows held, (n, n_columns) float32, valid until the next call."""
        return memoryview(self._memory)[: self._held * self._width]

    def add(self, rows: "ReadableBuffer", first: int, end: int) -> None:
        """Look at rows first..end of a block (n, n_columns)."""
        total, every = self._seen + end - first, self._every
        while -(-total // every) > ROWS_A_WINDOW:
            every *= 2
        self._thin_out(every // self._every)
        self._every = every
        raw, width = memoryview(rows).cast("B"), self._width
        for index in range(-(-self._seen // every) * every, total, every):
            at = (first + index - self._seen) * width
            self._memory[self._held * width : (self._held + 1) * width] = raw[at : at + width]
            self._held += 1
        self._seen = total

    def clear(self) -> None:
        """Begin the next window."""
        self._held = self._seen = 0
        self._every = 1

    def _thin_out(self, factor: int) -> None:
        """Keep every `factor`-th of the rows held."""
        if factor == 1:
            return
        width = self._width
        self._held = -(-self._held // factor)
        for i in range(1, self._held):
            self._memory[i * width : (i + 1) * width] = self._memory[factor * i * width : (factor * i + 1) * width]
