"""What goes wrong in a simulated round: drawn from the Plan's faults, by device and round or by message.

Every draw is a hash of (seed, device, round, purpose), so it does not depend on the order of events.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from covey.plan import Faults
from covey.protocol import child_seeds, random_words, uniforms, word

Words = NDArray[np.uint64]

#: A crash comes at a moment of the training, or up to a quarter of its length after it, while the update is on its way.
CRASH_WINDOW = 1.25
#: From a crash in training until the device is back.
REBOOT_MS = 30_000
#: The second copy of a doubled message comes so much later at most.
COPY_DELAY_MS = 2_000

_DROPOUT, _STRAGGLER, _CRASH, _CRASH_MOMENT, _TASK_LOST = range(5)
_UP_LOST, _DOUBLED, _COPY_DELAY, _DOWN_LOST, _COPY_DOWN_LOST = range(5)
_FIRST_OF_MESSAGES = 16
_DRAWS_A_MESSAGE = 8


@dataclass(frozen=True, slots=True, eq=False)
class RoundMishaps:
    """What happens to n devices in one round."""

    seeds: Words  # (n): of the draws of their messages
    silent: NDArray[np.bool_]  # (n): never hears of the task
    slowness: NDArray[np.float64]  # (n): times as long in training
    crash: NDArray[np.float64]  # (n): as a share of the training time; infinite: none


@dataclass(frozen=True, slots=True, eq=False)
class SendMishaps:
    """What happens to n sends of updates and to the receipts that answer them."""

    lost: NDArray[np.bool_]
    copy_delay_ms: NDArray[np.uint64]  # 0: no second copy
    receipt_lost: NDArray[np.bool_]
    copy_receipt_lost: NDArray[np.bool_]


class Mishaps:
    """The faults of a Plan under one seed."""

    def __init__(self, faults: Faults, seed: int) -> None:
        self._faults = faults
        self._seed = word(seed)

    def of_round(self, devices: NDArray[np.uint32], round_number: int) -> RoundMishaps:
        """For `devices` (n) in a round."""
        faults = self._faults
        seeds = child_seeds(child_seeds(self._seed, devices.astype(np.uint64)), word(round_number))
        silent = _chance(seeds, _DROPOUT, faults.dropout) | _chance(seeds, _TASK_LOST, faults.lost)
        slow = _chance(seeds, _STRAGGLER, faults.straggler)
        crash = np.full(devices.size, np.inf)
        if faults.crash:
            crashed = _chance(seeds, _CRASH, faults.crash)
            crash[crashed] = CRASH_WINDOW * _uniform(seeds[crashed], _CRASH_MOMENT)
        return RoundMishaps(seeds, silent, np.where(slow, faults.straggler_factor, 1.0), crash)

    def of_sends(self, seeds: Words, attempts: NDArray[np.uint16]) -> SendMishaps:
        """For n sends by their devices' seeds of the round (n) and their attempts (n), from 1."""
        faults = self._faults
        purposes = _FIRST_OF_MESSAGES + _DRAWS_A_MESSAGE * attempts.astype(np.uint64)
        doubled = _chance(seeds, purposes + np.uint64(_DOUBLED), faults.duplicated)
        delay = np.zeros(seeds.size, np.uint64)
        if doubled.any():
            spread = _uniform(seeds[doubled], purposes[doubled] + np.uint64(_COPY_DELAY))
            delay[doubled] = 1 + (COPY_DELAY_MS * spread).astype(np.uint64)
        return SendMishaps(
            lost=_chance(seeds, purposes + np.uint64(_UP_LOST), faults.lost),
            copy_delay_ms=delay,
            receipt_lost=_chance(seeds, purposes + np.uint64(_DOWN_LOST), faults.lost),
            copy_receipt_lost=_chance(seeds, purposes + np.uint64(_COPY_DOWN_LOST), faults.lost),
        )


def _uniform(seeds: Words, purpose: int | Words) -> NDArray[np.float64]:
    return uniforms(random_words(seeds, word(purpose) if isinstance(purpose, int) else purpose))


def _chance(seeds: Words, purpose: int | Words, probability: float) -> NDArray[np.bool_]:
    """Which of n draws come true, (n); nothing is drawn for what cannot happen."""
    if probability == 0.0:
        return np.zeros(seeds.size, np.bool_)
    return _uniform(seeds, purpose) < probability
