"""What a fleet's model is compared with: each device alone, and all rows in one place.

Both start from the fleet's first model, use its encoding, and train by the same trainer with the same schedule. Each
device alone makes as many steps as it would in the federation if it took part in every round; the central model makes
as many as all of a round's cohort together. So neither loses for want of steps.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from covey.core import CLIENT_FIELDS, CLIENT_RESULT_FIELDS, Job, Loss, Rows, Status, TrainingArguments, run, seed
from covey.models import ModelSpec
from covey.training import Trainer

Floats: TypeAlias = NDArray[np.float32]
CLIENT = np.dtype(CLIENT_FIELDS)
RESULT = np.dtype(CLIENT_RESULT_FIELDS)

#: Labels of the baselines' seeds, below the run's own seed.
LOCAL, CENTRAL = 0x6C6F63616C, 0x63656E7472616C  # "local", "central"


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Rows that clients train on, encoded, client by client: what a federation trains on too."""

    inputs: Floats  # (m, d)
    labels: NDArray[np.int32]  # (m)
    first_row: NDArray[np.int64]  # (n)
    n_rows: NDArray[np.int64]  # (n)

    @property
    def n_clients(self) -> int:
        """Number of clients."""
        return self.first_row.size


@dataclass(frozen=True, slots=True, eq=False)
class Budget:
    """How: the trainer, its rounds, the share of the clients in each, and the scale of steps if the fleet has one."""

    trainer: Trainer
    rounds: int
    seed: int
    cohort_share: float = 1.0
    threads: int = 1
    step_scale: Floats | None = None  # (parameters)


def train_local(spec: ModelSpec, start: Floats, pieces: Pieces, budget: Budget) -> Floats:
    """Parameters (n, parameters) of each client trained alone from `start`; one that fails keeps its last ones."""
    parameters = np.tile(start, (pieces.n_clients, 1))
    for round_number in range(1, budget.rounds + 1):
        arguments = budget.trainer.arguments(round_number, budget.rounds)
        round_seed = seed(seed(budget.seed, LOCAL), round_number)
        one_round = replace(arguments, seed=round_seed, step_scale=budget.step_scale)
        _train(spec, parameters, pieces, one_round, budget.threads)
    return parameters


def train_central(spec: ModelSpec, start: Floats, pieces: Pieces, budget: Budget) -> Floats:
    """Parameters trained from `start` on the rows of all clients as one client's."""
    n_rows = np.array([pieces.inputs.shape[0]], np.int64)
    pooled = Pieces(pieces.inputs, pieces.labels, np.zeros(1, np.int64), n_rows)
    steps = int(budget.trainer.steps_for(pieces.n_rows.astype(np.uint32)).sum() * budget.cohort_share)
    parameters = start[np.newaxis].copy()
    for round_number in range(1, budget.rounds + 1):
        arguments = budget.trainer.arguments(round_number, budget.rounds)
        round_seed = seed(seed(budget.seed, CENTRAL), round_number)
        one_round = replace(arguments, epochs=0, max_steps=max(1, steps), seed=round_seed, step_scale=budget.step_scale)
        _train(spec, parameters, pooled, one_round, threads=1)
    return np.asarray(parameters[0])


def _train(spec: ModelSpec, parameters: Floats, pieces: Pieces, arguments: TrainingArguments, threads: int) -> None:
    """One round of every client on its own from its row of `parameters` (n, parameters), in place."""
    n = pieces.n_clients
    clients = np.zeros(n, CLIENT)
    clients["first_row"] = pieces.first_row
    clients["n_rows"] = pieces.n_rows
    clients["seed"] = [seed(arguments.seed, client) for client in range(n)]
    clients["parameters"] = parameters.ctypes.data + np.arange(n, dtype=np.uint64) * np.uint64(parameters.strides[0])
    results = np.zeros(n, RESULT)
    deltas = np.zeros_like(parameters)
    labels = None if spec.loss is Loss.MSE else pieces.labels
    rows = Rows(pieces.inputs, pieces.inputs.shape[0], labels)
    run(Job(spec.core, arguments, rows, parameters[0].copy(), clients, results, deltas=deltas), threads)
    is_trained = results["status"] == Status.OK
    parameters[is_trained] += deltas[is_trained]
