"""Which rows are for training where the data does not say."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from covey.telemetry.dataset import Flags, Labels

TRAIN_SHARE = 0.7


def split_by_hash(device_id: str, label: Labels, attack: NDArray[np.str_] | None) -> Flags:
    """Training rows of one device, (n): the share of each kind of row whose hash of device and row number is lowest.

    The same file gives the same split on every machine and run. A kind with two rows or more has one on each side.
    """
    hashes = np.array(
        [hashlib.blake2b(b"%s:%d" % (device_id.encode(), row), digest_size=8).digest() for row in range(label.size)],
        dtype="S8",
    )
    kinds = label if attack is None else np.unique(attack, return_inverse=True)[1]
    is_train = np.zeros(label.size, np.bool_)
    for kind in np.unique(kinds):
        rows = np.flatnonzero(kinds == kind)
        n_train = max(1, min(rows.size - 1, round(TRAIN_SHARE * rows.size)))
        is_train[rows[np.argsort(hashes[rows], kind="stable")[:n_train]]] = True
    return is_train
