"""Where the sampling of a local store stands: read when it is opened, written with every transaction."""

import json
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path

from covey.core import seed
from covey.errors import Code, OutputError
from covey.io.store_file import FILE
from covey.io.store_writer import Statement
from covey.sensing.sampling import Draws, Group, Kinds, Reservoir, Strata, Stratum
from covey.sensing.store import NANOSECONDS, Doubt, Pool, Quotas, StoreLimits, StoreSchema

#: Labels of the child seeds of a store's seed; strata have the seeds of the third.
SEED_OF_UNUSUAL, SEED_OF_JUDGED, SEED_OF_STRATA = 1, 2, 3


@dataclass(slots=True)
class State:
    """All that decides which rows are kept, and which are believed."""

    strata: Strata
    unusual: Kinds
    judged: Kinds
    doubt: Doubt
    spans_changed: bool = False

    def settle(self) -> list[int]:
        """Give up what is beyond the quotas; the places that this frees."""
        return [*self.strata.settle(), *self.unusual.shrink(), *self.judged.shrink()]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a store is opened with."""

    schema: StoreSchema
    limits: StoreLimits
    quotas: Quotas


def read_state(
    database: sqlite3.Connection, folder: Path, rules: Rules, new_seed: int
) -> tuple[State, set[int], list[int]]:
    """The state, the places in use, and places of rows that nothing accounts for; OutputError for other features."""
    schema, limits, quotas = rules.schema, rules.limits, rules.quotas
    meta = read_meta(database)
    check_features(meta, schema, folder)
    own_seed = int(meta.setdefault("seed", str(new_seed)))
    for name, value in (
        *meta.items(),
        ("classes", json.dumps(schema.class_names)),
        ("limits", json.dumps(asdict(limits))),
    ):
        database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))
    strata = Strata(quotas.calm, int(limits.age_s * NANOSECONDS), limits.strata, seed(own_seed, SEED_OF_STRATA))
    unusual, judged = (
        Kinds(quota, Draws(seed(own_seed, label), int(meta.get(f"draws.{pool.name}", 0))))
        for pool, quota, label in (
            (Pool.UNUSUAL, quotas.unusual, SEED_OF_UNUSUAL),
            (Pool.JUDGED, quotas.judged, SEED_OF_JUDGED),
        )
    )
    used, stale = _restore_rows(database, strata, {Pool.UNUSUAL: unusual, Pool.JUDGED: judged})
    strata.opened = max(strata.opened, int(meta.get("strata", 0)))
    return State(strata, unusual, judged, read_doubt(database, meta, limits)), used, stale


def read_meta(database: sqlite3.Connection) -> dict[str, str]:
    """What the store says of itself; sqlite3.Error where it cannot be read."""
    return {name: str(value) for name, value in database.execute("SELECT name, value FROM meta").fetchall()}


def check_features(meta: dict[str, str], schema: StoreSchema, folder: Path) -> None:
    """OutputError where the store holds rows of other features; a new store takes these."""
    if meta.setdefault("features", schema.digest) != schema.digest:
        raise OutputError(
            Code.STORE_OTHER_FEATURES,
            f"the local store in {folder} holds rows of other features than this model's",
            "give this model a folder of its own with --store, or delete the old one",
            str(folder / FILE),
        )


def read_doubt(database: sqlite3.Connection, meta: dict[str, str], limits: StoreLimits) -> Doubt:
    """What is not to be believed; sqlite3.Error where it cannot be read."""
    spans = database.execute("SELECT first_ns, last_ns FROM spans ORDER BY first_ns").fetchall()
    calm_ns = int(limits.calm_s * NANOSECONDS)
    return Doubt(calm_ns, list(spans), int(meta.get("end_ns", 0)), int(meta.get("windows", 0)))


def _restore_rows(database: sqlite3.Connection, strata: Strata, kinds: dict[Pool, Kinds]) -> tuple[set[int], list[int]]:
    """Give strata and kinds their places back."""
    known = {}
    for number, opened_ns, capacity, seen, following, weight, draws in database.execute(
        "SELECT number, opened_ns, capacity, seen, next, weight, draws FROM strata ORDER BY number"
    ):
        reservoir = Reservoir(capacity, Draws(strata.seed_of(number), draws), seen, following, weight)
        known[str(number)] = Stratum(number, opened_ns, reservoir)
        strata.restore(known[str(number)])
    for pool, name, seen in database.execute("SELECT pool, name, seen FROM kinds ORDER BY pool, name"):
        kinds[Pool(pool)].groups[name] = Group([], seen)
    used, stale = set(), []
    for place, pool, share in database.execute("SELECT place, pool, share FROM rows ORDER BY slot, place"):
        used.add(place)
        holder = known.get(share) if pool == Pool.CALM else kinds[Pool(pool)].groups.get(share)
        if holder is None:
            stale.append(place)
        else:
            holder.places.append(place)
    return used, stale


def state_statements(state: State, now_ns: int) -> list[Statement]:
    """What writes the state down, to go with the rows that it accounts for."""
    statements: list[Statement] = [("DELETE FROM strata", ()), ("DELETE FROM kinds", ())]
    for stratum in state.strata.live:
        reservoir = stratum.reservoir
        numbers = (reservoir.capacity, reservoir.seen, reservoir.next, reservoir.weight, reservoir.draws.made)
        statements.append(
            ("INSERT INTO strata VALUES (?, ?, ?, ?, ?, ?, ?)", (stratum.number, stratum.opened_ns, *numbers))
        )
    for pool, kinds in ((Pool.UNUSUAL, state.unusual), (Pool.JUDGED, state.judged)):
        statements += [
            ("INSERT INTO kinds VALUES (?, ?, ?)", (int(pool), name, group.seen))
            for name, group in kinds.groups.items()
        ]
        statements.append(_meta(f"draws.{pool.name}", kinds.draws.made))
    statements += [
        _meta("strata", state.strata.opened),
        _meta("end_ns", state.doubt.end_ns),
        _meta("windows", state.doubt.windows),
        _meta("written_ns", now_ns),
    ]
    if state.spans_changed:
        statements.append(("DELETE FROM spans", ()))
        statements += [("INSERT INTO spans VALUES (?, ?, ?)", (*span, now_ns)) for span in state.doubt.spans]
    return statements


def _meta(name: str, value: int) -> Statement:
    return "INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value)
