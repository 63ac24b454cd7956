"""How a device trains on its own rows: the trainer a Plan names, and what of it travels in a Task."""

from typing import TypeAlias

from covey.training.local_sgd import FedAvg, FedProx, Schedule, StepScale
from covey.training.scaffold import Scaffold
from covey.training.step_scale import knot_steps
from covey.training.variates import VariateSum, device_variates

#: The family's trainers by `kind`. A new one: one file, one line here.
TRAINERS: dict[str, type] = {"fedavg": FedAvg, "fedprox": FedProx, "scaffold": Scaffold}

Trainer: TypeAlias = FedAvg | FedProx | Scaffold

__all__ = ["TRAINERS", "FedAvg", "FedProx", "Scaffold", "Schedule", "StepScale", "Trainer", "VariateSum", "device_variates", "knot_steps"]
