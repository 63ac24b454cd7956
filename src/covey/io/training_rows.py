"""What a device may learn from: the one place that reads rows of a local store back, for training on this device.

Nothing that makes, carries or adds up messages imports this module (a house test): rows go from here into the core's
training and no further.
"""

import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from covey.io.labels import Labels
from covey.io.store_file import connect, store_error
from covey.io.store_state import check_features, read_doubt, read_meta
from covey.sensing.store import BENIGN, Doubt, Origin, Pool, StoreLimits, StoreSchema


@dataclass(frozen=True, slots=True)
class StoredRows:
    """All rows of a store, in the order of their places; n of them."""

    features: bytearray  # (n, d) float32
    labels: tuple[str | None, ...]  # (n): None where nobody knows
    origins: tuple[Origin, ...]  # (n): who says so
    pools: tuple[Pool, ...]  # (n)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.labels)

    def summary(self) -> dict[str, int]:
        """How many rows there are by origin and label: "operator attack", "pseudo benign", "nobody"."""
        names = (f"{origin} {label or ''}".strip() for origin, label in zip(self.origins, self.labels, strict=True))
        return dict(sorted(Counter(names).items()))


def read_training_rows(folder: Path, schema: StoreSchema) -> StoredRows:
    """The rows of the store in `folder`, as they were last written; OutputError where it cannot be read.

    An operator's latest word on a row counts, then the rule for pseudo-labels (`covey.sensing.store`).
    """
    with closing(connect(folder, None, create=False)) as database:
        try:
            database.execute("BEGIN")
            meta = read_meta(database)
            check_features(meta, schema, folder)
            limits = StoreLimits(**json.loads(meta["limits"]))
            doubt = read_doubt(database, meta, limits)
            return _read(database, schema, limits, doubt)
        except (sqlite3.Error, KeyError, TypeError, ValueError) as error:
            raise store_error(folder, error) from error


def _read(database: sqlite3.Connection, schema: StoreSchema, limits: StoreLimits, doubt: Doubt) -> StoredRows:
    given = Labels.read(database)
    features = bytearray()
    labels: list[str | None] = []
    origins: list[Origin] = []
    pools: list[Pool] = []
    for pool, time_ns, window, threshold, alert, packet, row in database.execute(
        "SELECT pool, time_ns, window, threshold, alert, packet, features FROM rows ORDER BY place"
    ):
        if len(row) != schema.row_bytes:
            raise ValueError(f"a row of {len(row)} bytes where features take {schema.row_bytes}")
        label, origin = given.of(alert, time_ns, packet), Origin.OPERATOR
        if label is None:
            may = pool == Pool.CALM and threshold is not None
            believed = may and doubt.believes(time_ns, window, limits.calm_windows)
            label, origin = (BENIGN, Origin.PSEUDO) if believed else (None, Origin.NOBODY)
        features += row
        labels.append(label)
        origins.append(origin)
        pools.append(Pool(pool))
    return StoredRows(features, tuple(labels), tuple(origins), tuple(pools))
