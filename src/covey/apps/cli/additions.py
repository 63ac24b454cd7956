"""What the command adds to a simulation's result tree, as the Plan asks: another simulation, another view.

Plain federated averaging of a dense network is the same simulation with other strategies. Devices that were left out
are judged by the fleets they took no part in.
"""

from statistics import fmean
from typing import Any

from covey.aggregation import FedAvg as MeanChange
from covey.models import Mlp
from covey.plan import Plan
from covey.simulation import RoundReport, Simulation
from covey.telemetry import Dataset, LeaveOneOut
from covey.training import FedAvg

Tree = dict[str, Any]


def plain_plan(plan: Plan) -> Plan:
    """The same data, rounds and local steps, but a dense network, plain local steps, the mean, and float32 updates."""
    trainer = FedAvg(epochs=plan.training.epochs, steps=plan.training.steps, batch=plan.training.batch)
    judging = plan.judging.model_copy(update={"local": False, "central": False, "plain_fedavg": False})
    fleet = plan.fleet.model_copy(update={"device_class": None})
    return plan.changed(model=Mlp(), training=trainer, server=MeanChange(), pipeline=(), judging=judging, fleet=fleet)


def with_plain_fedavg(tree: Tree, plan: Plan, dataset: Dataset) -> Tree:
    """The tree with the comparison's scores, ROC and rounds in it."""
    simulation = Simulation(plain_plan(plan), dataset, None)
    rounds = [_entry(report) for report in simulation if report.round > 0]
    other: Tree = dict(simulation.result().as_json())
    return {
        **tree,
        "pooled": {**tree["pooled"], "plain_fedavg": other["pooled"]["federated"]},
        "roc": {**tree["roc"], "plain_fedavg": other["roc"].get("federated")},
        "plain_fedavg_rounds": rounds,
    }


def with_hold_out(tree: Tree, plan: Plan) -> Tree:
    """The tree with the scores of the devices left out, and their mean, where the Plan leaves devices out."""
    if not isinstance(plan.data.partition, LeaveOneOut):
        return tree
    scores: dict[str, dict[str, float | None]] = {name: device["federated"] for name, device in tree["devices"].items()}
    return {
        **tree,
        "hold_out": scores,
        "hold_out_mean": {key: _mean_of(scores, key) for key in next(iter(scores.values()))},
    }


def _mean_of(scores: dict[str, dict[str, float | None]], key: str) -> float | None:
    """The mean over the devices that have this figure."""
    known = [value for score in scores.values() if (value := score[key]) is not None]
    return fmean(known) if known else None


def _entry(report: RoundReport) -> Tree:
    keys = ("round", "accuracy", "macro_f1", "up_bytes", "down_bytes")
    return {key: getattr(report, key) for key in keys}
