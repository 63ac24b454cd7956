"""The work in Flower's simulation, run by flower.py in its own virtual environment: `flower_app.py FOLDER ROUNDS`.

The client is a plain numpy network, written with care: float32 throughout, a whole batch at a time, parameters updated
in place. (The torch client of Flower's templates is several times slower on a model of this size.) FOLDER holds
`inputs.npy` and `labels.npy`, mapped into memory and not copied; seconds per round go to `rounds.json` there.
"""

import json
import os
import sys
import time
from pathlib import Path

os.environ.update(
    FLWR_TELEMETRY_ENABLED="0", RAY_USAGE_STATS_ENABLED="0", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"
)

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation

from work import MLP, initial_parameters


def train_epoch(parameters: list[np.ndarray], inputs: np.ndarray, labels: np.ndarray, batch: int, rate: float) -> float:
    """One pass of SGD over (n, d) inputs, in place on [weight, bias, weight, bias, ...]; returns the mean loss."""
    weights, biases = parameters[::2], parameters[1::2]
    loss = 0.0
    for start in range(0, len(inputs), batch):
        activations = [inputs[start : start + batch]]
        target = labels[start : start + batch]
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            activations.append(np.maximum(activations[-1] @ weight + bias, 0.0))
        logits = activations[-1] @ weights[-1] + biases[-1]
        logits -= logits.max(axis=1, keepdims=True)
        error = np.exp(logits)
        error /= error.sum(axis=1, keepdims=True)
        index = np.arange(len(target))
        loss -= float(np.log(error[index, target]).sum())
        error[index, target] -= 1.0
        error /= len(target)
        for layer in reversed(range(len(weights))):
            active = activations[layer]
            below = error @ weights[layer].T if layer else None
            weights[layer] -= rate * (active.T @ error)
            biases[layer] -= rate * error.sum(axis=0)
            if below is not None:
                error = below * (active > 0.0)
    return loss / len(inputs)


def client_app(folder: Path) -> ClientApp:
    app = ClientApp()

    @app.train()
    def train(message: Message, context: Context) -> Message:
        first = int(context.node_config["partition-id"]) * MLP.n_rows
        mine = slice(first, first + MLP.n_rows)
        inputs = np.load(folder / "inputs.npy", mmap_mode="r")[mine]
        labels = np.load(folder / "labels.npy", mmap_mode="r")[mine]
        parameters = [array.copy() for array in message.content["arrays"].to_numpy_ndarrays()]
        loss = train_epoch(parameters, inputs, labels, MLP.batch, MLP.learning_rate)
        metrics = MetricRecord({"train_loss": loss, "num-examples": MLP.n_rows})
        return Message(RecordDict({"arrays": ArrayRecord(parameters), "metrics": metrics}), reply_to=message)

    return app


def server_app(folder: Path, n_rounds: int) -> ServerApp:
    app = ServerApp()

    @app.main()
    def main(grid: Grid, context: Context) -> None:  # noqa: ARG001, Flower calls it so
        times = [time.perf_counter()]
        losses = []

        class Timed(FedAvg):
            """FedAvg that notes when each round's updates are aggregated."""

            def aggregate_train(self, server_round, replies):
                result = super().aggregate_train(server_round, replies)
                times.append(time.perf_counter())
                losses.append(result[1]["train_loss"])
                return result

        strategy = Timed(
            fraction_train=1.0, fraction_evaluate=0.0, min_train_nodes=MLP.n_clients, min_available_nodes=MLP.n_clients
        )
        strategy.start(grid, ArrayRecord(initial_parameters(MLP)), num_rounds=n_rounds, train_config=ConfigRecord())
        seconds = np.diff(times).tolist()
        (folder / "rounds.json").write_text(json.dumps({"seconds": seconds, "losses": losses}))

    return app


def main(folder: Path, n_rounds: int) -> None:
    run_simulation(
        server_app(folder, n_rounds),
        client_app(folder),
        num_supernodes=MLP.n_clients,
        backend_config={"init_args": {"num_cpus": 2}, "client_resources": {"num_cpus": 1, "num_gpus": 0.0}},
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
