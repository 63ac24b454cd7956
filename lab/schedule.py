"""When what happens: attacks and reboots of each role at times from the seed, apart from each other."""

from __future__ import annotations

import random
from dataclasses import dataclass

from attacks import Attack, Site, draw
from topology import ROLES

WARM_UP_S = 240.0  # no attack before
APART_S = 100.0  # from the planned end of one attack to the start of the next on the same role
COOL_DOWN_S = 60.0  # no attack ends later than this before the end


@dataclass(frozen=True, slots=True)
class Slot:
    """An attack and when it starts, in seconds from the start of the session."""

    start_s: float
    attack: Attack


@dataclass(frozen=True, slots=True)
class Schedule:
    """All attacks of a session by time, and each role's reboots as (start, role)."""

    slots: tuple[Slot, ...]
    reboots: tuple[tuple[float, str], ...]


def _free(busy: list[tuple[float, float]], start_s: float, end_s: float, apart_s: float) -> bool:
    return all(end_s + apart_s <= first or last + apart_s <= start_s for first, last in busy)


def plan(site: Site, number: int, duration_s: float, seed: int, scale: float = 1.0) -> Schedule:
    """Place every role's attacks at random, the longest first; leave out what finds no room.

    `scale` shortens warm-up and distances for trial sessions; recordings that count use 1.
    """
    rng = random.Random(f"{seed}/schedule")
    attacks = [attack for role in ROLES for attack in draw(site, role, number)]
    attacks.sort(key=lambda attack: (not attack.other, -attack.limit_s))
    busy: dict[str, list[tuple[float, float]]] = {role: [] for role in ROLES}
    slots = []
    for attack in attacks:
        latest = duration_s - COOL_DOWN_S * scale - attack.limit_s
        for _ in range(400):
            start = rng.uniform(WARM_UP_S * scale, max(latest, WARM_UP_S * scale + 1))
            ends = [attack.role] + ([attack.other] if attack.other else [])
            end = start + attack.limit_s
            if end + COOL_DOWN_S * scale <= duration_s and all(
                _free(busy[role], start, end, APART_S * scale) for role in ends
            ):
                for role in ends:
                    busy[role].append((start, end))
                slots.append(Slot(round(start, 3), attack))
                break
    reboots = []
    for role in ROLES:
        for _ in range(200):
            start = rng.uniform(0.1 * duration_s, duration_s - 60)
            if _free(busy[role], start, start + 30, 30 * scale):
                reboots.append((round(start, 3), role))
                break
    slots.sort(key=lambda slot: slot.start_s)
    return Schedule(tuple(slots), tuple(sorted(reboots)))
