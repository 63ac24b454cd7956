"""The Plan of a run: typed, checked at load, frozen, named by its digest (floor 4)."""

from covey.plan.loading import load
from covey.plan.plan import Data, Plan
from covey.plan.problems import PlanProblems
from covey.plan.sections import Faults, Fleet, Judging, Profile, Rounds, Statistics

__all__ = [
    "Data",
    "Faults",
    "Fleet",
    "Judging",
    "Plan",
    "PlanProblems",
    "Profile",
    "Rounds",
    "Statistics",
    "load",
]
