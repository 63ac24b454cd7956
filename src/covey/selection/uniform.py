"""Uniform selection: the mean over the cohort is then an unbiased estimate of the mean over the fleet."""

from dataclasses import dataclass

import numpy as np

from covey.errors import Code, PlanError
from covey.selection.candidates import Candidates, Devices, draw_devices


@dataclass(frozen=True, slots=True)
class Uniform:
    """A cohort drawn at random, every device equally likely."""

    #: Updates a round needs; 0: the whole fleet.
    cohort: int = 0
    #: Ask so many times as many devices and stop at the cohort's size, so that stragglers do not hold up a round.
    over_selection: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a cohort that cannot be drawn."""
        check_cohort(self.cohort, self.over_selection)

    def target(self, population: int) -> int:
        """Updates that end a round."""
        return min(self.cohort, population) if self.cohort else population

    def select(self, candidates: Candidates, rng: np.random.Generator) -> Devices:
        """The devices to ask, ascending."""
        return draw_devices(candidates.size, asked(self.target(candidates.size), self.over_selection), rng)


def asked(target: int, over_selection: float) -> int:
    """Devices to ask so that `target` of them are likely to answer."""
    return int(np.ceil(target * over_selection - 1e-9))


def check_cohort(cohort: int, over_selection: float) -> None:
    """PlanError for a negative cohort or an over-selection outside 1 to 10."""
    if cohort < 0:
        raise PlanError(Code.PLAN_OUT_OF_RANGE, f"cohort must be 0 (everybody) or more, not {cohort}")
    if not 1.0 <= over_selection <= 10.0:
        raise PlanError(Code.PLAN_OUT_OF_RANGE, f"over_selection must be from 1 to 10, not {over_selection}")
