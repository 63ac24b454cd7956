"""Fair samples of a stream in little memory: which rows the local store keeps, and which give way.

Places are numbers of rows in a table; what is in them is for others to know. Two rules:

- `Strata`, for what is usual. Time is cut into strata; within each a row is kept with equal probability, whenever it
  came (reservoir sampling; Vitter 1985, in the form that skips: Li 1994, algorithm L). All strata that are alive have
  equal shares of the quota: when one opens, the others give up rows by lot, so they stay fair samples of their time.
- `Kinds`, for what is rare. Each kind of event has a group; a full table takes the place for a row of a small group
  from the largest one, by lot, and within the largest groups rows are replaced as in a reservoir. So a flood of one
  kind never pushes out another.

All draws come from a seed and a count of draws, so a sample depends on the seed and the rows alone, and goes on where
it was after a restart.
"""

from dataclasses import dataclass, field
from math import exp, floor, log, log1p

from covey.core import random_u64, seed

#: Kinds beyond so many share one group: whoever makes up kinds must not make the others' shares vanish.
MOST_KINDS = 32
OTHER_KINDS = "other"


@dataclass(slots=True)
class Draws:
    """A stream of draws, as its seed and how many were made."""

    seed: int
    made: int = 0

    def share(self) -> float:
        """A number between 0 and 1, both excluded."""
        return ((self._word() >> 11) + 0.5) * 2.0**-53

    def below(self, n: int) -> int:
        """A whole number in [0, n); of n below 2^32 the bias is less than 2^-32."""
        return self._word() * n >> 64

    def _word(self) -> int:
        self.made += 1
        return random_u64(self.seed, self.made - 1)


@dataclass(slots=True)
class Reservoir:
    """A fair sample of `capacity` rows out of all rows seen; its state are the numbers below."""

    capacity: int
    draws: Draws
    seen: int = 0
    next: int = 0  # the number, from 0, of the next row that is taken
    weight: float = 1.0

    def take(self, n: int) -> list[tuple[int, int]]:
        """Of the next n rows, those that are taken: (number among the n, slot below `capacity`), in order."""
        taken = []
        while self.next < self.seen + n:
            slot = self.next if self.next < self.capacity else self.draws.below(self.capacity)
            taken.append((self.next - self.seen, slot))
            self._skip()
        self.seen += n
        return taken

    def _skip(self) -> None:
        if self.next + 1 < self.capacity:
            self.next += 1
            return
        self.weight *= exp(log(self.draws.share()) / self.capacity)
        self.next += floor(log(self.draws.share()) / log1p(-self.weight)) + 1


@dataclass(slots=True)
class Stratum:
    """The sample of one stretch of time: slot i of the reservoir is at places[i]."""

    number: int
    opened_ns: int
    reservoir: Reservoir
    places: list[int] = field(default_factory=list)


class Places:
    """Numbers of rows: those given back are used again before new ones."""

    __slots__ = ("_free", "_next")

    def __init__(self, used: set[int]) -> None:
        self._next = max(used, default=-1) + 1
        self._free = sorted(set(range(self._next)) - used, reverse=True)

    def take(self) -> int:
        """A place that nobody has."""
        if self._free:
            return self._free.pop()
        self._next += 1
        return self._next - 1

    def give_back(self, place: int) -> None:
        """A place that is free again."""
        self._free.append(place)


class Strata:
    """The usual rows: at most `quota` (at least 1), of the last `age_ns` nanoseconds of the host's clock, in strata."""

    def __init__(self, quota: int, age_ns: int, most: int, seed_of_draws: int) -> None:
        self.quota = quota
        self.live: list[Stratum] = []
        self.opened = 0  # strata so far
        self._age_ns = age_ns
        self._length_ns = max(1, age_ns // most)
        self._seed = seed_of_draws

    def turn(self, now_ns: int) -> list[int]:
        """Forget strata that are too old and open a new one where it is time; the places that this frees.

        A clock that was set back closes the stratum at hand too, and what seems to come from the future is forgotten.
        """
        freed = []
        for stratum in self.live:
            if not -self._length_ns <= now_ns - stratum.opened_ns <= self._age_ns:
                freed += stratum.places
                stratum.places = []
        self.live = [stratum for stratum in self.live if stratum.places or stratum is self.live[-1]]
        if not self.live or not 0 <= now_ns - self.live[-1].opened_ns < self._length_ns:
            self.live = [stratum for stratum in self.live if stratum.places]
            freed += self._open(now_ns)
        return freed

    def take(self, n: int, places: Places) -> list[tuple[int, int, int]]:
        """Of the next n rows, those that are kept: (number among the n, slot, place). After `turn`."""
        stratum = self.live[-1]
        taken = []
        for number, slot in stratum.reservoir.take(n):
            if slot == len(stratum.places):
                stratum.places.append(places.take())
            taken.append((number, slot, stratum.places[slot]))
        return taken

    def seed_of(self, number: int) -> int:
        """The seed of a stratum's reservoir."""
        return seed(self._seed, 2 * number)

    def restore(self, stratum: Stratum) -> None:
        """Take over a stratum of before a restart; in their order."""
        self.live.append(stratum)
        self.opened = max(self.opened, stratum.number + 1)

    def settle(self) -> list[int]:
        """After a restart: give up what is beyond the shares, of a smaller quota too; the places that this frees.

        A stratum at hand that gave up rows is closed by that: a new one opens with the next `turn`.
        """
        if not self.live:
            return []
        current = self.live[-1]
        freed = [place for stratum in self.live[:-1] for place in self._thin(stratum, current.reservoir.capacity)]
        if (
            sum(len(stratum.places) for stratum in self.live) + current.reservoir.capacity - len(current.places)
            > self.quota
        ):
            share = max(1, self.quota // (len(self.live) + 1))
            freed += [place for stratum in self.live for place in self._thin(stratum, share)]
            current.opened_ns -= self._length_ns
        return freed

    def _open(self, now_ns: int) -> list[int]:
        share = max(1, self.quota // (len(self.live) + 1))
        freed = [place for stratum in self.live for place in self._thin(stratum, share)]
        reservoir = Reservoir(share, Draws(self.seed_of(self.opened)))
        self.live.append(Stratum(self.opened, now_ns, reservoir))
        self.opened += 1
        return freed

    def _thin(self, stratum: Stratum, share: int) -> list[int]:
        """Drop rows of a stratum by lot until it has `share`; a closed stratum takes no more, so slots may move."""
        draws = Draws(seed(self._seed, 2 * stratum.number + 1), self.opened)
        freed = []
        while len(stratum.places) > share:
            lot = draws.below(len(stratum.places))
            stratum.places[lot], stratum.places[-1] = stratum.places[-1], stratum.places[lot]
            freed.append(stratum.places.pop())
        return freed


@dataclass(slots=True)
class Group:
    """The rows of one kind, and how many there have been."""

    places: list[int] = field(default_factory=list)
    seen: int = 0


class Kinds:
    """The rare rows: at most `quota`, no kind at the cost of a smaller one."""

    def __init__(self, quota: int, draws: Draws) -> None:
        self.quota = quota
        self.draws = draws
        self.groups: dict[str, Group] = {}

    @property
    def held(self) -> int:
        """Rows of all kinds."""
        return sum(len(group.places) for group in self.groups.values())

    def group_of(self, kind: str) -> str:
        """The name of the group that a kind belongs to."""
        return kind if kind in self.groups or len(self.groups) < MOST_KINDS else OTHER_KINDS

    def take(self, kind: str, places: Places) -> int | None:
        """Where a row of this kind goes, over whatever is there; None: it is not kept."""
        group = self.groups.setdefault(self.group_of(kind), Group())
        group.seen += 1
        if self.held < self.quota:
            group.places.append(places.take())
            return group.places[-1]
        largest = max(self.groups.values(), key=lambda other: len(other.places))
        if len(group.places) < len(largest.places):
            group.places.append(self._drop(largest))
            return group.places[-1]
        slot = self.draws.below(group.seen)
        return group.places[slot] if slot < len(group.places) else None

    def move(self, kind: str, to: str, places: list[int]) -> str:
        """Rows of one kind turn out to be of another one; the name of its group."""
        name = self.group_of(to)
        source = self.groups[kind]
        source.places = [place for place in source.places if place not in places]
        target = self.groups.setdefault(name, Group())
        target.places += places
        target.seen += len(places)
        return name

    def remove(self, gone: set[int]) -> None:
        """Forget places, and groups that are left without any."""
        for group in self.groups.values():
            group.places = [place for place in group.places if place not in gone]
        self.groups = {kind: group for kind, group in self.groups.items() if group.places}

    def shrink(self) -> list[int]:
        """Give up rows beyond the quota, of the largest groups first; the places that this frees."""
        freed = []
        while self.held > self.quota:
            freed.append(self._drop(max(self.groups.values(), key=lambda other: len(other.places))))
        return freed

    def _drop(self, group: Group) -> int:
        lot = self.draws.below(len(group.places))
        group.places[lot], group.places[-1] = group.places[-1], group.places[lot]
        return group.places.pop()
