"""The warm-ups of a run: one for each source, as features begin afresh with it, and what they left out."""

from dataclasses import dataclass

from covey.sensing import Block, Truth, WarmUp


@dataclass(frozen=True, slots=True)
class WarmUpCounts:
    """Rows left out of all but features. attack_rows: of these by the truth, None without one."""

    setting_s: float
    starts: int
    rows: int
    seconds: float  # of traffic
    attack_rows: int | None


class Warming:
    """Gives what is left of blocks behind the warm-up of their source."""

    def __init__(self, span_s: float, truth: Truth | None = None) -> None:
        """Begin with the first source. span_s: of each warm-up."""
        self._span_s, self._truth = span_s, truth
        self._warm_up = WarmUp(span_s)
        self._starts, self._rows, self._seconds, self._attack_rows = 1, 0, 0.0, 0
        self._total = 0  # rows, behind a warm-up or not

    def begin_source(self) -> None:
        """The next rows are of another source."""
        if self._warm_up.rows:
            self._rows += self._warm_up.rows
            self._seconds += self._warm_up.passed_s
            self._starts += 1
            self._warm_up = WarmUp(self._span_s)

    def rest(self, block: Block) -> Block:
        """The rows of a block that are behind the warm-up; valid as long as the block."""
        self._total += block.n
        out = self._warm_up.leave_out(block.packets, block.n)
        if not out:
            return block
        if self._truth is not None:
            self._attack_rows += out - self._truth.labels(block)[:out].count(0)
        first_packet, first_row = (out * (len(memory) // block.n) for memory in (block.packets, block.rows))
        return Block(block.n - out, block.packets[first_packet:], block.rows[first_row:])

    @property
    def is_all(self) -> bool:
        """Whether there were rows, and all were left out."""
        return self._total > 0 and self._total == self.counts.rows

    @property
    def why(self) -> str:
        """For people, where all rows were left out."""
        counts = self.counts
        rows = f"all {counts.rows:,} rows, {counts.seconds:.0f} seconds of traffic"
        return f"{rows}, are within the warm-up of {counts.setting_s:g} seconds; --warm-up-s S makes it shorter"

    @property
    def counts(self) -> WarmUpCounts:
        """So far."""
        return WarmUpCounts(
            self._span_s,
            self._starts,
            self._rows + self._warm_up.rows,
            self._seconds + self._warm_up.passed_s,
            self._attack_rows if self._truth is not None else None,
        )
