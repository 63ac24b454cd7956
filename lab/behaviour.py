"""What a host does when nobody attacks: services that run on, feeds that talk to them, jobs that come again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from topology import CDN_SIZE, CLOUD_NET, Network

Text = Callable[[random.Random], str]


@dataclass(frozen=True, slots=True)
class Feed:
    """Lines for a service's input, every `every_s` give or take `spread`."""

    text: Text
    every_s: float
    spread: float = 0.15


@dataclass(frozen=True, slots=True)
class Service:
    """A program that runs as long as its host does; started again when it ends."""

    host: str
    name: str
    command: str
    feed: Feed | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A command that comes again: `even` every `every_s` +- 15 %, `user` with exponential gaps."""

    host: str
    name: str
    command: Text
    every_s: float
    rhythm: Literal["even", "user"] = "even"
    timeout_s: float = 60.0

    def gap_s(self, rng: random.Random) -> float:
        """Draw the time to the next run; users come at least ten seconds apart and not too late."""
        if self.rhythm == "even":
            return self.every_s * rng.uniform(0.85, 1.15)
        return min(max(10.0, rng.expovariate(1 / self.every_s)), 3 * self.every_s)


@dataclass(frozen=True, slots=True)
class World:
    """A session's network and the folder with its configuration files."""

    network: Network
    work: Path

    def at(self, name: str) -> str:
        """Return a host's address."""
        return self.network.address(name)

    def file(self, name: str) -> str:
        """Return the path of one of the session's files."""
        return str(self.work / name)

    @property
    def cdn(self) -> list[str]:
        """Return the addresses media.example.test has."""
        return [f"{CLOUD_NET}.{20 + index}" for index in range(CDN_SIZE)]


def always(command: str) -> Text:
    """Return a command that does not depend on chance."""
    return lambda _rng: command


def reading(name: str) -> Text:
    """Return a sensor's JSON line of 60 to 90 bytes."""

    def text(rng: random.Random) -> str:
        extra = f', "note": "{"x" * rng.randrange(1, 20)}"' if rng.random() < 0.2 else ""
        value, battery = rng.gauss(21, 2), rng.randrange(60, 100)
        return f'{{"device": "{name}", "value": {value:.2f}, "battery": {battery}, "t": {rng.randrange(10**6)}{extra}}}'

    return text
