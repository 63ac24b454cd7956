"""What every selector can do; the coordinator knows them by this alone."""

from typing import Protocol

import numpy as np

from covey.selection.candidates import Candidates, Devices


class Selector(Protocol):
    """Who is asked: the frozen dataclass that a Plan names."""

    def target(self, population: int) -> int:
        """Updates that end a round, at least 1."""

    def select(self, candidates: Candidates, rng: np.random.Generator) -> Devices:
        """The devices to ask (n), ascending and different; the generator's draws are the only randomness."""
