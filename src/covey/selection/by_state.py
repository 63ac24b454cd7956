"""Selection by the state of a device: its user must not notice that it learns (Bonawitz et al. 2019, section 3).

Devices that are low on battery, on a metered link or short of rows are passed over. The cohort is then no longer a fair
sample of the fleet; the Plan's author chooses that knowingly.
"""

from dataclasses import dataclass

import numpy as np

from covey.errors import Code, PlanError
from covey.selection.candidates import Candidates, Devices, DeviceStates, draw_devices
from covey.selection.uniform import asked, check_cohort

#: Times that a selection draws again to fill up; a fleet of which so few are fit gets a smaller cohort.
DRAWS = 8


@dataclass(frozen=True, slots=True)
class ByState:
    """A cohort drawn at random from the devices that are fit: power, link and enough rows."""

    #: Updates a round needs; 0: everybody who is fit.
    cohort: int = 0
    #: Ask so many times as many devices and stop at the cohort's size, so that stragglers do not hold up a round.
    over_selection: float = 1.0
    #: Lowest charge (0 to 1) of a device that is not charging.
    min_battery: float = 0.5
    #: Only devices that are charging or on mains.
    charging_only: bool = False
    #: Also devices on a link that costs by the byte.
    metered: bool = False
    #: Fewest training rows.
    min_rows: int = 1

    def __post_init__(self) -> None:
        """Refuse a cohort that cannot be drawn and bounds that mean nothing."""
        check_cohort(self.cohort, self.over_selection)
        if not 0.0 <= self.min_battery <= 1.0:
            raise PlanError(Code.PLAN_OUT_OF_RANGE, f"min_battery must be from 0 to 1, not {self.min_battery}")
        if self.min_rows < 1:
            raise PlanError(Code.PLAN_OUT_OF_RANGE, f"min_rows must be 1 or more, not {self.min_rows}")

    def target(self, population: int) -> int:
        """Updates that end a round."""
        return min(self.cohort, population) if self.cohort else population

    def fit(self, states: DeviceStates) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Which of the devices may be asked, (n)."""
        powered = states.charging if self.charging_only else states.charging | (states.battery >= self.min_battery)
        linked = np.logical_not(states.metered) | self.metered
        return powered & linked & (states.rows >= self.min_rows)

    def select(self, candidates: Candidates, rng: np.random.Generator) -> Devices:
        """The devices to ask, ascending; fewer than wanted when too few are fit, none when nobody is."""
        wanted = asked(self.target(candidates.size), self.over_selection)
        if wanted >= candidates.size:
            everybody = np.arange(candidates.size, dtype=np.uint32)
            return everybody[self.fit(candidates.states(everybody))]
        chosen: Devices = np.zeros(0, np.uint32)
        seen: Devices = np.zeros(0, np.uint32)
        for _ in range(DRAWS):
            drawn = np.setdiff1d(draw_devices(candidates.size, 2 * wanted, rng), seen, assume_unique=True)
            seen = np.union1d(seen, drawn)
            fit = drawn[self.fit(candidates.states(drawn))]
            chosen = np.concatenate((chosen, fit))
            if chosen.size >= wanted or seen.size == candidates.size:
                break
        if chosen.size > wanted:
            chosen = rng.permutation(chosen)[:wanted]
        return np.sort(chosen)
