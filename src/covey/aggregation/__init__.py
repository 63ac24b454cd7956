"""How the updates of a round become one change, and how the server applies it."""

from covey.aggregation.adaptive import FedAdam, FedYogi
from covey.aggregation.averaging import FedAvg, FedAvgM
from covey.aggregation.family import Aggregator, RunningAggregate, ServerOptimiser
from covey.aggregation.mean import Mean, StreamingMean, Weighting, ordered_sum
from covey.aggregation.server_state import ServerState

#: Rules by `kind` that make one change of many updates. A new one: one file, one line here, its vectors.
AGGREGATORS: dict[str, type] = {"mean": Mean}

#: Server optimisers by `kind`. A new one: one file, one line here.
SERVER_OPTIMISERS: dict[str, type] = {"fedavg": FedAvg, "fedavgm": FedAvgM, "fedadam": FedAdam, "fedyogi": FedYogi}

__all__ = [
    "AGGREGATORS",
    "SERVER_OPTIMISERS",
    "Aggregator",
    "FedAdam",
    "FedAvg",
    "FedAvgM",
    "FedYogi",
    "Mean",
    "RunningAggregate",
    "ServerOptimiser",
    "ServerState",
    "StreamingMean",
    "Weighting",
    "ordered_sum",
]
