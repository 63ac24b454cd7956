"""A whole fleet in one process, on a virtual clock, with the code and the bytes that a live fleet has (floor 7)."""

from covey.simulation.comparison import Comparison
from covey.simulation.judging import Judge, Look
from covey.simulation.reports import Pace, RoundReport, idle_rounds, idle_words
from covey.simulation.result import FederationResult, SimulationResult
from covey.simulation.simulation import Simulation

__all__ = [
    "Comparison",
    "FederationResult",
    "Judge",
    "Look",
    "Pace",
    "RoundReport",
    "Simulation",
    "SimulationResult",
    "idle_rounds",
    "idle_words",
]
