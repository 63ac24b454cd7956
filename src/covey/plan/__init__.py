"""The Plan of a run: typed, checked at load, frozen, named by its digest (floor 4)."""

from covey.plan.loading import load
from covey.plan.plan import Data, Plan
from covey.plan.problems import InvalidPlanError
from covey.plan.sections import Faults, Fleet, JudgedOn, Judging, Profile, Rounds

__all__ = [
    "Data",
    "Faults",
    "Fleet",
    "InvalidPlanError",
    "JudgedOn",
    "Judging",
    "Plan",
    "Profile",
    "Rounds",
    "load",
]
