"""Control variates (SCAFFOLD): the fleet's mean gradient as the server keeps it, and a device's own.

Both sides compute with decoded updates, never with what a device had before its update was quantised, so c stays the
weighted mean of the c_i up to rounding (tests hold it), as far as two things hold: that a device hears of every update
of its that was accepted (`scaffold` says when it does not), and that the fleet's weight, estimated in the statistics
round, is right. Where only some devices sketch, c and that mean differ by a constant factor.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from covey.core import accumulate_updates

Vector = NDArray[np.float32]


@dataclass(slots=True, eq=False)
class VariateSum:
    """What a round's updates change in the fleet's variate, under way: the sum of shares times (new c_i - c_i).

    A share is a device's weight over the weight of the whole fleet, so devices that did not take part keep theirs.
    A device answers a round once, so where a round's shares are more than 1 the fleet weighs more than was thought, and
    all of them count for that much less.
    """

    scaled: NDArray[np.float64]  # (parameters): sum of share / reach * update
    shares: dict[int, float] = field(default_factory=dict)  # by the round an update started from

    def add(  # noqa: PLR0917 (the columns of a block)
        self,
        messages: NDArray[np.uint8],
        offsets: NDArray[np.uint64],
        headers: NDArray[np.void],
        shares: NDArray[np.float64],
        reach: NDArray[np.float64],
        threads: int,
    ) -> None:
        """Add sound updates with their shares (n,) and reach (n,) (Scaffold.reach); share 0 leaves one out."""
        accumulate_updates(messages, offsets, headers, shares / reach, self.scaled, n_threads=threads)
        for round_number in np.unique(headers["round"][shares != 0.0]).tolist():
            mine = shares[(headers["round"] == round_number) & (shares != 0.0)]
            before = self.shares.get(round_number, 0.0)
            self.shares[round_number] = float(np.add.accumulate(np.concatenate(([before], mine)))[-1])

    def applied(self, variate: Vector, broadcast: dict[int, Vector], step_scale: Vector | None) -> Vector:
        """The fleet's new variate (parameters,): `broadcast` has those that the updates' rounds were told."""
        change = -self.scaled if step_scale is None else -self.scaled / step_scale
        for round_number, share in sorted(self.shares.items()):
            change -= share * broadcast[round_number].astype(np.float64)
        part = max(1.0, *self.shares.values()) if self.shares else 1.0  # of the fleet that answered one round
        return (variate.astype(np.float64) + change / part).astype(np.float32)


def device_variates(
    own: Vector, broadcast: Vector, updates: Vector, reach: NDArray[np.float64], step_scale: Vector | None
) -> Vector:
    """New variates of devices (n, parameters) from their old ones, the round's and their decoded updates."""
    lengths = reach[:, np.newaxis].astype(np.float32)
    return own - broadcast - updates / (lengths if step_scale is None else lengths * step_scale)
