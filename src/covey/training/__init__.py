"""How a device trains on its own rows: the trainer a Plan names, and what of it travels in a Task."""

from covey.training.family import Trainer
from covey.training.fedavg import FedAvg
from covey.training.fedprox import FedProx
from covey.training.local_sgd import LocalSgd, Schedule, reach_of
from covey.training.scaffold import Scaffold
from covey.training.step_scale import StepScale, knot_steps, spread_steps
from covey.training.variates import VariateSum, device_variates

#: The family's trainers by `kind`. A new one: one file, one line here.
TRAINERS: dict[str, type] = {"fedavg": FedAvg, "fedprox": FedProx, "scaffold": Scaffold}

__all__ = [
    "TRAINERS",
    "FedAvg",
    "FedProx",
    "LocalSgd",
    "Scaffold",
    "Schedule",
    "StepScale",
    "Trainer",
    "VariateSum",
    "device_variates",
    "knot_steps",
    "reach_of",
    "spread_steps",
]
